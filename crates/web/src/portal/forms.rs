//! What the forms of groups and tenants share: fields, lists in pages, and the page about two values.

use super::change::{FormAnswer, Refused, carry_out, conditions, refused};
use crate::answer::PageAnswer;
use crate::callers::Administrator;
use crate::extract::Fields;
use crate::fault::Fault;
use actix_web::Either;
use gatepost_admin::Context;
use gatepost_core::calendar;
use gatepost_core::clock::Timestamp;
use gatepost_core::error_chain::sentence;
use gatepost_core::ids::UserId;
use gatepost_pages::Section;
use gatepost_pages::admin::{Again, EnteredEnd, Overtaken};
use gatepost_runtime::parameters::ParameterError;
use gatepost_store::directory::{Applicable, Done, UserFilter, UserKey, UserSummary};
use serde::{Deserialize, de};
use std::str::FromStr;

/// Rows on a page.
pub(super) const PAGE: u32 = 50;
/// The longest search, in characters.
pub(super) const LONGEST: usize = 200;
/// People whom an error proposes.
const PROPOSED: u32 = 3;

/// Which rows the list of a page shows, where it begins, and what the last form did.
#[derive(Default, Deserialize)]
pub(crate) struct ListParameters {
    pub(super) q: Option<String>,
    pub(super) after: Option<String>,
    pub(super) done: Option<String>,
    /// The person whom the last form added.
    #[serde(rename = "in")]
    pub(super) joined: Option<String>,
}

/// Another name.
#[derive(Deserialize)]
pub(crate) struct NewName {
    pub(super) name: Option<String>,
    /// The name that the page showed.
    pub(super) shown: Option<String>,
    pub(super) version: Option<String>,
}

impl Fields for NewName {
    const LIMIT: usize = 8192;
}

/// Who is to be removed.
#[derive(Deserialize)]
pub(crate) struct FormerMember {
    pub(super) user: Option<String>,
    pub(super) version: Option<String>,
}

impl Fields for FormerMember {}

/// The id of what is to be taken away for good, as it was typed.
#[derive(Deserialize)]
pub(crate) struct TypedId {
    pub(super) id: Option<String>,
    pub(super) version: Option<String>,
}

impl Fields for TypedId {}

/// A field that a person entered.
///
/// # Errors
/// What is wrong with it, as a sentence.
pub(super) fn entered<T: FromStr<Err: ToString>>(text: &str) -> Result<T, String> {
    text.trim().parse().map_err(|error: T::Err| sentence(&error.to_string()))
}

/// A person that somebody entered: an address or an id. Of anything else the error says whose name or address is like it.
///
/// # Errors
/// [`Fault`]: the directory does not answer. Within: what is wrong with the field.
pub(super) async fn entered_user(
    administrator: &Administrator,
    context: &Context,
    text: &str,
) -> Result<Result<UserKey, String>, Fault> {
    let text = text.trim();
    if text.is_empty() || text.contains('@') || text.parse::<UserId>().is_ok() {
        return Ok(entered(text));
    }
    let filter = UserFilter { q: Some(text.chars().take(LONGEST).collect()), ..UserFilter::default() };
    let directory = &context.stores.directory;
    let found = directory.search_users(&administrator.scope, &filter, None, PROPOSED).await?.items;
    let named = |user: UserSummary| user.email.map_or_else(|| user.id.to_string(), |email| email.to_string());
    let found: Vec<String> = found.into_iter().map(named).collect();
    Ok(Err(if found.is_empty() {
        "Nobody here has such a name. Enter the e-mail address.".to_owned()
    } else {
        format!("Enter the whole e-mail address, or the id. Did you mean {}?", found.join(" or "))
    }))
}

/// A field that may be empty.
///
/// # Errors
/// As [`entered`].
pub(super) fn optional<T: FromStr<Err: ToString>>(text: &str) -> Result<Option<T>, String> {
    if text.trim().is_empty() { Ok(None) } else { entered(text).map(Some) }
}

/// A field that the page itself filled in.
///
/// # Errors
/// The form is none of ours.
pub(super) fn filled_in<T: FromStr>(name: &str, text: Option<&str>) -> Result<T, Fault> {
    let value = text.and_then(|text| text.parse().ok());
    value.ok_or_else(|| malformed(&format!("the field {name} has no value that the page offers")))
}

/// The choice of an end.
///
/// # Errors
/// The form is none of ours.
pub(super) fn end_of(end: Option<&str>, at: Option<&str>) -> Result<EnteredEnd, Fault> {
    EnteredEnd::new(end, at).ok_or_else(|| malformed("the field end has no value that the page offers"))
}

fn malformed(what: &str) -> Fault {
    <ParameterError as de::Error>::custom(what).into()
}

/// A value of a query that the page's links have. Empty is none.
///
/// # Errors
/// `NotFound`: no link of ours has it.
pub(super) fn linked<T: FromStr>(text: Option<&str>) -> Result<Option<T>, Fault> {
    let text = text.filter(|text| !text.is_empty());
    text.map(str::parse).transpose().map_err(|_| Fault::NotFound)
}

/// Makes a change, if what it changes still has the version that the form showed.
///
/// # Errors
/// [`Refused`].
pub(super) async fn make<C: Applicable>(
    context: &Context,
    administrator: &Administrator,
    change: &C,
    version: Option<&str>,
) -> Result<Done<C::Outcome>, Refused> {
    carry_out(context, administrator, change, conditions(version)?).await
}

/// An end in words, for the page about two values.
pub(super) fn until_words(until: Option<Timestamp>) -> String {
    until.map_or_else(|| "for good".to_owned(), |until| format!("until {} UTC", calendar::minute(until)))
}

/// A form whose change was not made.
pub(super) struct Attempt<'a> {
    pub(super) section: Section,
    /// What it changes, as the beginning of a sentence.
    pub(super) subject: &'a str,
    /// What its page showed. Empty: it said nothing.
    pub(super) shown: &'a str,
    /// What there is now.
    pub(super) now: &'a str,
    /// The path that the form is sent to.
    pub(super) action: &'a str,
    /// Its fields without the version.
    pub(super) fields: &'a [(&'a str, &'a str)],
    /// What it does, for its button.
    pub(super) text: &'a str,
    /// The path of its page.
    pub(super) back: &'a str,
}

impl Attempt<'_> {
    /// Says why nothing was changed, where no field of the form was wrong.
    ///
    /// # Errors
    /// The fault, if it is one; `NotFound` if what was to be changed is gone.
    pub(super) fn answer(&self, administrator: &Administrator, why: Refused) -> FormAnswer {
        let version = match why {
            Refused::Fault(fault) => return Err(fault),
            Refused::Impossible(why) => return refused(administrator, self.section, self.back, &why),
            Refused::Overtaken(version) => version.ok_or(Fault::NotFound)?.to_string(),
        };
        let mut fields = self.fields.to_vec();
        fields.push(("version", &version));
        let page = Overtaken {
            frame: administrator.frame(None),
            section: self.section,
            subject: self.subject,
            shown: self.shown,
            now: self.now,
            last_change: None,
            again: Again { action: self.action, fields: &fields, text: self.text },
            back: self.back,
        };
        Ok(Either::Right(PageAnswer(page.page())))
    }
}
