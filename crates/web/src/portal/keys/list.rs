//! The list of keys.

use super::facts;
use super::reader::KeyReader;
use crate::answer::PageAnswer;
use crate::extract::Query;
use crate::fault::Fault;
use crate::portal::forms::{LONGEST, PAGE, linked};
use crate::portal::loaded::named;
use actix_web::web;
use gatepost_admin::Context;
use gatepost_core::administration::Scope;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{TenantId, UserId};
use gatepost_pages::admin::{KeyFacts, KeyState, Keys, KeysOf, PlaceNotice};
use gatepost_store::directory::{KeyFilter, KeyStanding, UserKey};
use serde::Deserialize;
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);
/// A key that was not used for so many days is unused.
const UNUSED_DAYS: u32 = 90;
/// Unused keys that stand before the list.
const UNUSED: u32 = 10;

/// The words of the states, and their texts.
const STATES: [(&str, &str); 6] = [
    ("valid", "Valid"),
    ("soon", "Ends within 14 days"),
    ("unused", "Not used for 90 days"),
    ("ended", "Ended"),
    ("stopped", "Stopped with their owner"),
    ("revoked", "Revoked"),
];

fn standing(state: &str, now: Timestamp) -> Option<KeyStanding> {
    Some(match state {
        "valid" => KeyStanding::Valid(now),
        "soon" => KeyStanding::EndsBetween(now, now.plus(DAY * KeyState::SOON)),
        "unused" => KeyStanding::UnusedSince(now.minus(DAY * UNUSED_DAYS)),
        "ended" => KeyStanding::Ended(now),
        "stopped" => KeyStanding::Stopped,
        "revoked" => KeyStanding::Revoked,
        _ => return None,
    })
}

/// The filter, where the page begins, and what the last form did.
#[derive(Deserialize)]
pub(crate) struct Parameters {
    q: Option<String>,
    state: Option<String>,
    tenant: Option<String>,
    owner: Option<String>,
    after: Option<String>,
    done: Option<String>,
}

/// Lists the keys that exist for the reader.
///
/// # Errors
/// [`Fault`]: the filter is none of the page's, or the directory does not answer.
pub(crate) async fn list<C: Into<KeyReader>>(
    caller: C,
    context: web::Data<Context>,
    Query(parameters): Query<Parameters>,
) -> Result<PageAnswer, Fault> {
    let (reader, now, directory): (KeyReader, _, _) =
        (caller.into(), Timestamp::now(), &context.stores.directory);
    let state = parameters.state.as_deref().filter(|state| !state.is_empty());
    let standing = state.map(|state| standing(state, now).ok_or(Fault::NotFound)).transpose()?;
    let (after, q) = (linked(parameters.after.as_deref())?, parameters.q.unwrap_or_default());
    let q: String = q.trim().chars().take(LONGEST).collect();
    let (tenant, owner): (Option<TenantId>, Option<UserId>) = if reader.is_own() {
        (None, Some(reader.id()))
    } else {
        (linked(parameters.tenant.as_deref())?, linked(parameters.owner.as_deref())?)
    };
    let scope = if reader.is_own() { &Scope::System } else { &reader.scope };
    if let Some(tenant) = &tenant {
        directory.find_tenant(scope, tenant).await?.ok_or(Fault::NotFound)?;
    }
    let title = match owner {
        Some(owner) if !reader.is_own() => {
            let user = directory.find_user(scope, &UserKey::Id(owner)).await?.ok_or(Fault::NotFound)?;
            Some((owner, named(&user.summary)))
        }
        _ => None,
    };
    let filter = KeyFilter { tenant, owner, q: Some(q), standing };
    let found = directory.search_keys(scope, &filter, after.as_ref(), PAGE).await?;
    let is_first = standing.is_none() && after.is_none() && filter.q.as_deref() == Some("");
    let unused = if is_first {
        let standing = Some(KeyStanding::UnusedSince(now.minus(DAY * UNUSED_DAYS)));
        let unused = KeyFilter { standing, ..filter.clone() };
        directory.search_keys(scope, &unused, None, UNUSED).await?.items
    } else {
        Vec::new()
    };
    let unused: Vec<KeyFacts<'_>> = unused.iter().map(facts).collect();
    let keys: Vec<KeyFacts<'_>> = found.items.iter().map(facts).collect();
    let next = found.next.map(|next| next.to_string());
    let of_owner = title.as_ref().map(|(id, title)| KeysOf::Owner(*id, title));
    let page = Keys {
        frame: reader.frame(PlaceNotice::text_of(parameters.done.as_deref())),
        pages: reader.pages,
        q: filter.q.as_deref().unwrap_or_default(),
        state,
        states: &STATES,
        of: filter.tenant.as_ref().map(KeysOf::Tenant).or(of_owner),
        unused: &unused,
        keys: &keys,
        next: next.as_deref(),
        now,
    };
    Ok(PageAnswer(page.page()))
}
