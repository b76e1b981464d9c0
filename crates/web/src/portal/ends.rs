//! What ends soon.

use super::forms::{PAGE, linked};
use super::keys::facts;
use crate::answer::PageAnswer;
use crate::callers::Administrator;
use crate::extract::Query;
use crate::fault::Fault;
use actix_web::web;
use gatepost_core::clock::Timestamp;
use gatepost_pages::admin::{EndingEntry, EndingSoon, EndingThing};
use gatepost_sign_in::Context;
use gatepost_store::directory::{self, Ending};
use serde::Deserialize;
use std::time::Duration;

/// Keys that the page shows.
const SHOWN_KEYS: u32 = 20;

pub(super) const DAY: Duration = Duration::from_hours(24);

/// Within how many days, and where the page begins.
#[derive(Deserialize)]
pub(crate) struct Parameters {
    days: Option<String>,
    after: Option<String>,
}

/// Lists what ends soon.
///
/// # Errors
/// [`Fault`]: the filter is none of the page's, or the directory does not answer.
pub(crate) async fn list(
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
    let keys = directory.list_ending_keys(scope, (now, now.plus(DAY * days)), None, SHOWN_KEYS).await?;
    let page = EndingSoon {
        frame: administrator.frame(None),
        days,
        entries: &entries,
        next: next.as_deref(),
        keys: &keys.items.iter().map(facts).collect::<Vec<_>>(),
        has_more_keys: keys.next.is_some(),
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
