//! The list of people.

use super::loaded::state;
use crate::http::public::answer::PageAnswer;
use crate::http::public::callers::Administrator;
use crate::http::public::extract::Query;
use crate::http::public::fault::Fault;
use crate::sign_in::Context;
use actix_web::web;
use gatepost_core::administration::Scope;
use gatepost_core::clock::Timestamp;
use gatepost_pages::admin::{People, PersonEntry};
use gatepost_store::directory::{UserFilter, UserState, UserSummary};
use serde::Deserialize;

/// People on a page.
const PAGE: u32 = 50;

/// The filter, and where the page begins.
#[derive(Deserialize)]
pub(in crate::http::public) struct Fields {
    q: Option<String>,
    state: Option<String>,
    after: Option<String>,
}

/// Lists the people whom the caller administers.
///
/// # Errors
/// [`Fault`]: the filter cannot be read, or the directory does not answer.
pub(in crate::http::public) async fn people(
    administrator: Administrator,
    context: web::Data<Context>,
    Query(fields): Query<Fields>,
) -> Result<PageAnswer, Fault> {
    let scope = &administrator.scope;
    let state = fields.state.filter(|state| !state.is_empty());
    let state: Option<UserState> =
        state.map(|state| state.parse()).transpose().map_err(|_| Fault::NotFound)?;
    let after = fields.after.map(|after| after.parse()).transpose().map_err(|_| Fault::NotFound)?;
    let q = fields.q.map(|q| q.trim().to_owned()).filter(|q| !q.is_empty());
    let states: Vec<_> = states(scope).map(|state| (state.as_str(), word(state))).collect();
    if state.is_some_and(|state| states.iter().all(|(shown, _)| *shown != state.as_str())) {
        return Err(Fault::NotFound);
    }
    let filter = UserFilter { q, state, ..UserFilter::default() };
    let found = context.stores.directory.search_users(scope, &filter, after.as_ref(), PAGE).await?;
    let entries: Vec<_> = found.items.iter().map(entry).collect();
    let next = found.next.map(|next| next.to_string());
    let page = People {
        frame: administrator.frame(None),
        q: filter.q.as_deref().unwrap_or_default(),
        state: state.map(UserState::as_str),
        states: &states,
        people: &entries,
        next: next.as_deref(),
        now: Timestamp::now(),
        members_of: None,
    };
    Ok(PageAnswer(page.page()))
}

/// The administrators of tenants do not learn who administers the system.
fn states(scope: &Scope) -> impl Iterator<Item = UserState> {
    let is_system = *scope == Scope::System;
    UserState::ALL.into_iter().filter(move |state| is_system || *state != UserState::Admin)
}

const fn word(state: UserState) -> &'static str {
    match state {
        UserState::Active => "Active",
        UserState::Disabled => "Disabled",
        UserState::Awaited => "Waiting",
        UserState::Admin => "Administrators",
    }
}

fn entry(user: &UserSummary) -> PersonEntry<'_> {
    PersonEntry {
        id: user.id,
        email: user.email.as_ref(),
        name: user.name.as_deref(),
        state: state(user),
        last_sign_in_at: user.last_sign_in_at,
    }
}
