//! What ends soon.

use super::forms::{PAGE, linked};
use super::keys::facts;
use crate::http::public::answer::PageAnswer;
use crate::http::public::callers::Administrator;
use crate::http::public::extract::Query;
use crate::http::public::fault::Fault;
use crate::sign_in::Context;
use actix_web::web;
use gatepost_core::administration::Scope;
use gatepost_core::clock::Timestamp;
use gatepost_pages::admin::{EndingEntry, EndingSoon, EndingThing};
use gatepost_store::directory::{
    self, Directory, DirectoryError, Ending, KeyFilter, KeyRecord, KeyStanding, Page,
};
use serde::Deserialize;
use std::time::Duration;

/// Keys that are read to find those that end first.
const READ_KEYS: u32 = 200;
/// Keys that the page shows.
const SHOWN_KEYS: usize = 20;

pub(super) const DAY: Duration = Duration::from_hours(24);

/// Within how many days, and where the page begins.
#[derive(Deserialize)]
pub(in crate::http::public) struct Parameters {
    days: Option<String>,
    after: Option<String>,
}

/// Lists what ends soon.
///
/// # Errors
/// [`Fault`]: the filter is none of the page's, or the directory does not answer.
pub(in crate::http::public) async fn list(
    administrator: Administrator,
    context: web::Data<Context>,
    Query(Parameters { days, after }): Query<Parameters>,
) -> Result<PageAnswer, Fault> {
    let days = linked(days.as_deref())?.unwrap_or(EndingSoon::FIRST);
    let days = EndingSoon::DAYS.into_iter().find(|one| *one == days).ok_or(Fault::NotFound)?;
    let (after, now) = (linked(after.as_deref())?, Timestamp::now());
    let (scope, directory) = (&administrator.scope, &context.stores.directory);
    let found = directory.list_ending(scope, (now, now.plus(DAY * days)), after.as_ref(), PAGE).await?;
    let entries: Vec<_> = found.items.iter().map(entry).collect();
    let next = found.next.map(|next| next.to_string());
    let keys = ending_keys(directory, scope, (now, now.plus(DAY * days))).await?;
    let page = EndingSoon {
        frame: administrator.frame(None),
        days,
        entries: &entries,
        next: next.as_deref(),
        keys: &keys.items.iter().take(SHOWN_KEYS).map(facts).collect::<Vec<_>>(),
        has_more_keys: keys.next.is_some() || keys.items.len() > SHOWN_KEYS,
        now,
    };
    Ok(PageAnswer(page.page()))
}

pub(super) fn entry(ending: &Ending) -> EndingEntry<'_> {
    let thing = match &ending.thing {
        directory::EndingThing::Group(id, name) => EndingThing::Group(*id, name),
        directory::EndingThing::Tenant(id) => EndingThing::Tenant(id),
        directory::EndingThing::Decision(is_admin) => EndingThing::Decision(*is_admin),
    };
    EndingEntry { user: ending.user, email: ending.email.as_ref(), thing, until: ending.until }
}

/// Keys that end between two times, the soonest first.
pub(super) async fn ending_keys(
    directory: &Directory,
    scope: &Scope,
    (from, to): (Timestamp, Timestamp),
) -> Result<Page<KeyRecord>, DirectoryError> {
    let filter = KeyFilter { standing: Some(KeyStanding::EndsBetween(from, to)), ..KeyFilter::default() };
    let mut found = directory.search_keys(scope, &filter, None, READ_KEYS).await?;
    found.items.sort_by_key(|key| key.limits.expires_at);
    Ok(found)
}
