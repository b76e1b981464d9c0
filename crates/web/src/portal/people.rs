//! The list of people.

use super::change::{FormAnswer, carry_out, done};
use super::forms::{LONGEST, PAGE, linked};
use super::loaded::state;
use crate::answer::PageAnswer;
use crate::callers::Administrator;
use crate::extract::{Fields, Form, Query};
use crate::fault::Fault;
use actix_web::{Either, web};
use gatepost_core::administration::Scope;
use gatepost_core::clock::Timestamp;
use gatepost_core::email::EmailAddress;
use gatepost_core::error_chain::sentence;
use gatepost_core::ids::GroupId;
use gatepost_pages::admin::{CreatingForm, MembersOf, People, PersonEntry, PersonNotice, PlaceNotice};
use gatepost_pages::{Section, paths};
use gatepost_sign_in::Context;
use gatepost_store::directory::changes::CreateUser;
use gatepost_store::directory::{Conditions, UserFilter, UserState, UserSummary};
use serde::Deserialize;

/// The filter, and where the page begins.
#[derive(Default, Deserialize)]
pub(crate) struct Parameters {
    q: Option<String>,
    state: Option<String>,
    group: Option<String>,
    tenant: Option<String>,
    after: Option<String>,
    done: Option<String>,
}

/// Lists the people whom the caller administers.
///
/// # Errors
/// [`Fault`]: the filter cannot be read, or the directory does not answer.
pub(crate) async fn people(
    administrator: Administrator,
    context: web::Data<Context>,
    Query(parameters): Query<Parameters>,
) -> Result<PageAnswer, Fault> {
    list(&administrator, &context, parameters, &CreatingForm::default()).await
}

async fn list(
    administrator: &Administrator,
    context: &Context,
    parameters: Parameters,
    creating: &CreatingForm,
) -> Result<PageAnswer, Fault> {
    let (scope, directory) = (&administrator.scope, &context.stores.directory);
    let states: Vec<_> = states(scope).map(|state| (state.as_str(), word(state))).collect();
    let after = linked(parameters.after.as_deref())?;
    let (state, group): (Option<UserState>, Option<GroupId>) =
        (linked(parameters.state.as_deref())?, linked(parameters.group.as_deref())?);
    if state.is_some_and(|state| states.iter().all(|(shown, _)| *shown != state.as_str())) {
        return Err(Fault::NotFound);
    }
    let q = parameters.q.map(|q| q.trim().chars().take(LONGEST).collect::<String>());
    let q = q.filter(|q| !q.is_empty());
    let tenant = linked(parameters.tenant.as_deref())?;
    let group = match group {
        Some(id) => Some(directory.find_group(scope, &id.into()).await?.ok_or(Fault::NotFound)?),
        None => None,
    };
    let group_id = group.as_ref().map(|group| group.id);
    let filter = UserFilter { q, state, group: group_id, tenant, ..UserFilter::default() };
    let found = directory.search_users(scope, &filter, after.as_ref(), PAGE).await?;
    let entries: Vec<_> = found.items.iter().map(entry).collect();
    let next = found.next.map(|next| next.to_string());
    let members_of = group.as_ref().map(|group| MembersOf::Group(group.id, &group.name));
    let page = People {
        frame: administrator.frame(PlaceNotice::text_of(parameters.done.as_deref())),
        q: filter.q.as_deref().unwrap_or_default(),
        state: state.map(UserState::as_str),
        states: &states,
        members_of: members_of.or(filter.tenant.as_ref().map(MembersOf::Tenant)),
        people: &entries,
        next: next.as_deref(),
        creating: Some(creating).filter(|_| *scope == Scope::System),
        now: Timestamp::now(),
    };
    Ok(PageAnswer(page.page()))
}

/// An address.
#[derive(Deserialize)]
pub(crate) struct Creating {
    email: Option<String>,
}

impl Fields for Creating {}

/// Makes a place for the first person who signs in with an address.
pub(crate) async fn create(
    administrator: Administrator,
    admin: web::Data<gatepost_admin::Context>,
    context: web::Data<Context>,
    Form(Creating { email }): Form<Creating>,
) -> FormAnswer {
    let text = email.unwrap_or_default().trim().to_owned();
    let email: EmailAddress = match text.parse() {
        Ok(email) => email,
        Err(error) => {
            let nothing = || "Enter an address.".to_owned();
            let error = if text.is_empty() { nothing() } else { sentence(&format!("{error}")) };
            let form = CreatingForm { email: text, error: Some(error) };
            return list(&administrator, &context, Parameters::default(), &form).await.map(Either::Right);
        }
    };
    match carry_out(&admin, &administrator, &CreateUser { email }, Conditions::default()).await {
        Ok(made) => {
            let notice = if made.changed { PersonNotice::Created } else { PersonNotice::Known };
            done(&admin, &paths::admin_user(made.outcome.id), notice.as_str())
        }
        Err(why) => why.answer(&administrator, Section::People, paths::ADMIN_USERS),
    }
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

pub(super) fn entry(user: &UserSummary) -> PersonEntry<'_> {
    PersonEntry {
        id: user.id,
        email: user.email.as_ref(),
        name: user.name.as_deref(),
        state: state(user),
        last_sign_in_at: user.last_sign_in_at,
    }
}
