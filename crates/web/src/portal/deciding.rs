//! Whether a person is an administrator of the system, whatever groups and roles say.

use super::change::{FormAnswer, Refused, done, refused};
use super::forms::make;
use super::loaded::{LoadedPerson, admin_entry, last_change, named};
use super::person::{Forms, show};
use crate::answer::PageAnswer;
use crate::callers::Administrator;
use crate::extract::{Fields, Form, Path};
use crate::fault::Fault;
use actix_web::{Either, web};
use gatepost_core::administration::Version;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::UserId;
use gatepost_pages::admin::{Again, DecidingForm, EnteredEnd, Overtaken, PersonNotice};
use gatepost_pages::{Section, paths};
use gatepost_store::directory::UserKey;
use gatepost_store::directory::changes::SetAdmin;
use serde::Deserialize;

/// The decision, how long it counts, and the version of the one that the form showed.
#[derive(Deserialize)]
pub(crate) struct Deciding {
    decision: Option<String>,
    end: Option<String>,
    at: Option<String>,
    version: Option<String>,
    shown: Option<String>,
}

impl Fields for Deciding {
    const LIMIT: usize = 4 * 1024;
}

pub(crate) async fn decide(
    administrator: Administrator,
    admin: web::Data<gatepost_admin::Context>,
    context: web::Data<gatepost_sign_in::Context>,
    Path(id): Path<UserId>,
    Form(form): Form<Deciding>,
) -> FormAnswer {
    let back = paths::admin_user(id);
    let change = match form.read(id)? {
        Ok(change) => change,
        Err(wrong) => {
            let loaded = LoadedPerson::find((&context, &admin), &administrator, id).await?;
            let forms = Forms { deciding: Some(wrong), ..Forms::default() };
            return Ok(Either::Right(show(&context, &administrator, &loaded, None, forms)));
        }
    };
    match make(&admin, &administrator, &change, form.version.as_deref()).await {
        Ok(_) => done(&admin, &back, PersonNotice::Decided.as_str()),
        Err(Refused::Overtaken(now)) => overtaken(&administrator, &context, id, (&form, now)).await,
        Err(Refused::Impossible(why)) => refused(&administrator, Section::People, &back, &why),
        Err(Refused::Fault(fault)) => Err(fault),
    }
}

impl Deciding {
    /// What the form asks for, or the form again with what is wrong.
    ///
    /// # Errors
    /// [`Fault`]: no page sends such a form.
    fn read(&self, id: UserId) -> Result<Result<SetAdmin, DecidingForm>, Fault> {
        let decision = self.decision.as_deref().unwrap_or_default();
        let is_admin = match decision {
            "groups" => None,
            "yes" => Some(true),
            "no" => Some(false),
            _ => return Err(Fault::NotFound),
        };
        let entered = EnteredEnd::new(self.end.as_deref(), self.at.as_deref()).ok_or(Fault::NotFound)?;
        // What groups and roles decide has no end.
        let until = if is_admin.is_some() { entered.until(Timestamp::now()) } else { Ok(None) };
        Ok(match until {
            Ok(until) => Ok(SetAdmin { user: UserKey::Id(id), is_admin, until }),
            Err(error) => {
                let end_error = Some(error);
                Err(DecidingForm { decision: decision.to_owned(), end: entered, end_error })
            }
        })
    }
}

/// 412: shows what the form showed, and what there is now.
async fn overtaken(
    administrator: &Administrator,
    context: &gatepost_sign_in::Context,
    id: UserId,
    (form, now): (&Deciding, Option<Version>),
) -> FormAnswer {
    let directory = &context.stores.directory;
    let user = directory.find_user(&administrator.scope, &UserKey::Id(id)).await?.ok_or(Fault::NotFound)?;
    let present = admin_entry(&user.admin.unwrap_or_default()).shown();
    let change = last_change(directory, &administrator.scope, &format!("user:{id}")).await?;
    let (back, version) = (paths::admin_user(id), now.map(|now| now.to_string()).unwrap_or_default());
    let text = |value: &'_ Option<String>| value.clone().unwrap_or_default();
    let (decision, end, at) = (text(&form.decision), text(&form.end), text(&form.at));
    let name = named(&user.summary);
    let page = Overtaken {
        frame: administrator.frame(None),
        section: Section::People,
        subject: &format!("Whether {name} is an administrator of the system"),
        shown: form.shown.as_deref().unwrap_or_default(),
        now: &present,
        last_change: change.as_ref().map(|change| change.entry()),
        again: Again {
            action: &format!("{back}/decide"),
            fields: &[
                ("decision", &decision),
                ("end", &end),
                ("at", &at),
                ("version", &version),
                ("shown", &present),
            ],
            text: "Decide as I chose",
        },
        back: &back,
    };
    Ok(Either::Right(PageAnswer(page.page())))
}
