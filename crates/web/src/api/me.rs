//! What concerns the caller alone: who they are, what they may, their sessions.

use super::caller::Person;
use super::input::Write;
use super::list::{Filtered, List, Page, PageParameters};
use super::problems::{ReadProblems, WriteProblems};
use super::refused::{Refused, not_found};
use super::reply::Reply;
use crate::extract::Path;
use actix_web::web;
use gatepost_admin::views::{OpenHost, Session, SessionEnd};
use gatepost_core::access::Standing;
use gatepost_core::administration::Scope;
use gatepost_core::secret::Hash;
use gatepost_runtime::authn;
use gatepost_runtime::revocation::{self, revoke_refresh_token};
use gatepost_sign_in::Context;
use gatepost_store::session::record::SessionRecord;
use gatepost_telemetry::EndCause;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The caller.
#[derive(Serialize, ToSchema)]
pub(super) struct Me {
    #[schema(format = "uuid")]
    id: String,
    email: Option<String>,
    name: Option<String>,
    /// Whether the caller administers everything. The key of a person administers nothing.
    is_admin: bool,
    /// The tenants that the caller administers, if not everything.
    administers: Vec<String>,
    /// The session of this request.
    session: Option<String>,
    /// The key of this request.
    #[schema(format = "uuid")]
    key: Option<String>,
}

/// Who the caller is, and what they administer.
#[utoipa::path(get, path = "/api/v1/me", tag = "me", responses((status = 200, body = Me), ReadProblems))]
pub(super) async fn show(caller: Person, _: Filtered<()>) -> Result<Reply, Refused> {
    let person = &caller.standing.person;
    let administers = match &caller.caller.scope {
        Scope::System => Vec::new(),
        Scope::Tenants(tenants) => tenants.iter().map(ToString::to_string).collect(),
    };
    Ok(Reply::ok(Me {
        id: person.id.to_string(),
        email: person.email.as_ref().map(ToString::to_string),
        name: person.name.as_deref().map(str::to_owned),
        is_admin: caller.caller.scope == Scope::System,
        administers,
        session: caller.session().map(|session| session.to_string()),
        key: caller.key().map(|key| key.to_string()),
    }))
}

/// What the caller may.
#[derive(Serialize, ToSchema)]
pub(super) struct MyAccess {
    is_admin: bool,
    groups: Vec<String>,
    /// Tenants, each with the highest role.
    tenants: BTreeMap<String, String>,
    /// Hosts, as far as it is known from requests of the last 30 days what their routers require.
    hosts: Vec<OpenHost>,
}

/// The caller's groups and tenants, and what they open.
#[utoipa::path(get, path = "/api/v1/me/access", tag = "me", responses((status = 200, body = MyAccess), ReadProblems))]
pub(super) async fn access(
    caller: Person,
    admin: web::Data<gatepost_admin::Context>,
    _: Filtered<()>,
) -> Result<Reply, Refused> {
    let Standing { access, person, .. } = &caller.standing;
    let open = admin.find_own_openable(person.id).await?;
    let own = access.tenants.iter().map(|(id, _)| id);
    let tenants = own.chain(&access.every_tenant);
    let tenants = tenants.filter_map(|id| Some((id.to_string(), access.role_in(id)?.to_string())));
    Ok(Reply::ok(MyAccess {
        is_admin: access.is_admin,
        groups: access.groups.iter().map(ToString::to_string).collect(),
        tenants: tenants.collect(),
        hosts: open.iter().flat_map(|open| &open.hosts).map(OpenHost::from).collect(),
    }))
}

/// The caller's valid sessions.
#[utoipa::path(get, path = "/api/v1/me/sessions", tag = "me", params(PageParameters),
    responses((status = 200, body = List<Session>), ReadProblems))]
pub(super) async fn sessions(
    caller: Person,
    context: web::Data<Context>,
    page: Page<()>,
) -> Result<Reply, Refused> {
    let live = live(&context, &caller.standing, page.place()).await?;
    Ok(session_page(&page, live))
}

/// A page of sessions that are listed by their hashes.
pub(super) fn session_page(page: &Page<()>, mut live: Vec<(Hash, SessionRecord)>) -> Reply {
    live.truncate(page.wanted() as usize);
    page.reply(live, |(hash, _)| hash.to_string(), |(hash, record)| Session::new(hash, record))
}

/// A person's valid sessions behind a place, by their hashes. A person has few.
pub(super) async fn live(
    context: &Context,
    standing: &Standing,
    after: Option<String>,
) -> Result<Vec<(Hash, SessionRecord)>, Refused> {
    let mut live = authn::list_live(&context.site, &context.stores, standing).await?;
    live.retain(|(hash, _)| after.as_ref().is_none_or(|after| hash.to_string() > *after));
    live.sort_by_key(|(hash, _)| hash.to_string());
    Ok(live)
}

/// One of the caller's sessions.
#[utoipa::path(get, path = "/api/v1/me/sessions/{id}", tag = "me", params(("id" = String, Path)),
    responses((status = 200, body = Session), ReadProblems))]
pub(super) async fn session(
    caller: Person,
    context: web::Data<Context>,
    Path(hash): Path<Hash>,
    _: Filtered<()>,
) -> Result<Reply, Refused> {
    let (hash, record) = own(&context, &caller, hash).await?;
    Ok(Reply::ok(Session::new(&hash, &record)))
}

/// Ends one of the caller's sessions.
#[utoipa::path(delete, path = "/api/v1/me/sessions/{id}", tag = "me", params(("id" = String, Path)),
    responses((status = 204, description = "It has ended."), (status = 200, body = SessionEnd, description = "A dry run."), WriteProblems))]
pub(super) async fn end_session(
    caller: Person,
    context: web::Data<Context>,
    Path(hash): Path<Hash>,
    Write(conditions): Write,
) -> Result<Reply, Refused> {
    let (hash, record) = own(&context, &caller, hash).await?;
    conditions.demand(None)?;
    if !conditions.is_dry_run {
        let (revocation, cause) = (&context.revocation, EndCause::AccountPage);
        revocation::end_session(revocation, hash, record.user, cause, &caller.caller.actor()).await?;
        revoke_refresh_token(revocation, &record);
    }
    let end = SessionEnd { hash: hash.to_string(), user_id: record.user.to_string(), changed: true };
    Ok(Reply::removed(conditions, end))
}

/// Only among the caller's own: a session of somebody else is none.
async fn own(context: &Context, caller: &Person, hash: Hash) -> Result<(Hash, SessionRecord), Refused> {
    let live = live(context, &caller.standing, None).await?;
    let found = live.into_iter().find(|(own, _)| *own == hash);
    found.ok_or_else(|| not_found(format!("You have no session {hash}.")))
}
