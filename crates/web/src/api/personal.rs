//! What is held about one person: told to them or to a system administrator, and erased.

use super::caller::{Caller, Person};
use super::exports::Told;
use super::input::{Body, Post};
use super::list::Filtered;
use super::members::Members;
use super::problems::{ReadProblems, WriteProblems};
use super::refused::Refused;
use super::repeats::Terms;
use super::reply::Reply;
use super::users::{UserMembership, find, list_memberships};
use crate::extract::Path;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use gatepost_admin::Context;
use gatepost_admin::views::{
    AuditEntry, FormerAddress, Key, OwnProposal, PersonalActivity, PersonalData, PersonalInvitation,
    PersonalRefusal, PersonalRequest, Session, UserErasure,
};
use gatepost_core::administration::{Matter, Scope};
use gatepost_core::calendar::rfc3339;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::UserId;
use gatepost_store::directory::changes::EraseUser;
use gatepost_store::directory::{AuditFilter, AuditRecord, Conditions, Done, KeyFilter};
use gatepost_store::retry::retry;
use utoipa::ToSchema;

/// How many requests of a person are told: more than five a day for 90 days.
const MOST_REQUESTS: u32 = 1000;

/// How many proposals of a person are told.
pub(super) const MOST_PROPOSALS: u32 = 1000;

/// How many keys of a person are told, the oldest first. At most 20 are not revoked.
const MOST_KEYS: u32 = 1000;

/// Everything that is held about the caller.
#[utoipa::path(get, path = "/api/v1/me/export", tag = "me",
    responses((status = 200, body = PersonalData<UserMembership>), ReadProblems))]
pub(super) async fn export_own(
    caller: Person,
    admin: Data<Context>,
    context: Data<gatepost_sign_in::Context>,
    _: Filtered<()>,
    request: HttpRequest,
) -> Result<HttpResponse, Refused> {
    answer(&admin, context, (caller.id(), None), &request).await
}

/// Everything that is held about a person.
#[utoipa::path(get, path = "/api/v1/users/{id}/export", tag = "users", params(("id" = String, Path)),
    responses((status = 200, body = PersonalData<UserMembership>), ReadProblems))]
pub(super) async fn export(
    caller: Caller,
    admin: Data<Context>,
    context: Data<gatepost_sign_in::Context>,
    Path(user): Path<UserId>,
    _: Filtered<()>,
    request: HttpRequest,
) -> Result<HttpResponse, Refused> {
    answer(&admin, context, (user, Some((caller, Matter::Platform))), &request).await
}

/// Tells a person, or a system administrator.
async fn answer(
    admin: &Context,
    context: Data<gatepost_sign_in::Context>,
    (user, by): (UserId, Option<(Caller, Matter)>),
    request: &HttpRequest,
) -> Result<HttpResponse, Refused> {
    let data = read(admin, user).await?;
    let told = Told {
        by,
        filter: AuditFilter { user: Some(user), ..AuditFilter::default() },
        entry: move |entry: &AuditRecord| AuditEntry::for_person(entry, user),
        file: "personal-data.json",
    };
    told.answer(admin, context, &data, request).await
}

/// What is held about a person, without the audit.
async fn read(admin: &Context, user: UserId) -> Result<PersonalData<UserMembership>, Refused> {
    let scope = &Scope::System;
    let record = find(admin, scope, user).await?;
    let traces = admin.stores.directory.find_traces(user).await?;
    let requests = admin.stores.directory.list_requests_of(user, MOST_REQUESTS).await?;
    let proposals = admin.stores.directory.list_proposals_of(user, MOST_PROPOSALS).await?;
    let of_user = KeyFilter { owner: Some(user), ..KeyFilter::default() };
    let keys = admin.stores.directory.search_keys(scope, &of_user, None, MOST_KEYS).await?;
    let sessions = retry(async || admin.stores.sessions.list_of_user(user).await).await;
    let sessions = sessions.map_err(gatepost_admin::SessionError::from)?;
    Ok(PersonalData {
        exported_at: rfc3339(Timestamp::now()),
        user: (&record).into(),
        former_addresses: traces.former_addresses.iter().map(FormerAddress::from).collect(),
        memberships: list_memberships(admin, scope, user).await?,
        requests: requests.iter().map(PersonalRequest::from).collect(),
        proposals: proposals.iter().map(OwnProposal::from).collect(),
        invitations: traces.invitations.iter().map(PersonalInvitation::from).collect(),
        sessions: sessions.iter().map(|(hash, record)| Session::new(hash, record)).collect(),
        keys: keys.items.iter().map(Key::from).collect(),
        refusals: traces.refusals.iter().map(PersonalRefusal::from).collect(),
        active_days: traces.active_days.iter().map(PersonalActivity::from).collect(),
        audit: Vec::new(),
    })
}

/// What confirms that somebody is to be erased.
#[derive(ToSchema)]
pub(super) struct Confirmation {
    /// The address of the person, or the id of a person who has none.
    #[schema(example = "alice@example.com")]
    confirm: String,
}

impl Body for Confirmation {
    fn read(members: &mut Members<'_>) -> Option<Self> {
        Some(Self { confirm: members.required("confirm")? })
    }
}

/// Erases a person: everything that is held about them. The audit keeps the id alone.
#[utoipa::path(post, path = "/api/v1/users/{id}/erase", tag = "users", params(("id" = String, Path)), request_body = Confirmation,
    responses((status = 200, body = UserErasure), WriteProblems))]
pub(super) async fn erase(
    caller: Caller,
    admin: Data<Context>,
    Path(user): Path<UserId>,
    Post(terms, Confirmation { confirm }): Post<Confirmation>,
) -> Result<Reply, Refused> {
    let is_dry_run = terms.conditions.is_dry_run;
    let answer = |done: &Done<UserId>, conditions: Conditions| {
        Reply::noted(conditions, UserErasure { user_id: done.outcome.to_string(), changed: done.changed })
    };
    let reply = Terms::carry_out(terms, (&admin, &caller), &EraseUser { user, confirm }, answer).await?;
    if !is_dry_run {
        admin.forget_sessions(user).await;
    }
    Ok(reply)
}
