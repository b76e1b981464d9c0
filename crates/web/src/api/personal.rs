//! What is held about one person: told to them or to a system administrator, and erased.

use super::caller::{Caller, Person};
use super::input::{Body, Post};
use super::list::Filtered;
use super::members::Members;
use super::problems::{ReadProblems, WriteProblems};
use super::refused::Refused;
use super::repeats::Terms;
use super::reply::{Reply, builder};
use super::users::{UserMembership, find, list_memberships};
use crate::extract::Path;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream::{self, StreamExt};
use gatepost_admin::Context;
use gatepost_admin::audit::Export;
use gatepost_admin::views::{
    AuditEntry, FormerAddress, Key, PersonalData, PersonalRefusal, PersonalRequest, Session, UserErasure,
};
use gatepost_core::administration::Scope;
use gatepost_core::calendar::rfc3339;
use gatepost_core::clock::Timestamp;
use gatepost_core::error_chain::Chain;
use gatepost_core::ids::UserId;
use gatepost_store::directory::changes::EraseUser;
use gatepost_store::directory::{AuditFilter, AuditRecord, Conditions, DirectoryError, Done, KeyFilter};
use gatepost_store::retry::retry;
use serde_json::json;
use utoipa::ToSchema;

/// How many requests of a person are told: more than five a day for 90 days.
const MOST_REQUESTS: u32 = 1000;

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
    let of = Told { user: caller.id(), by: None };
    answer(&admin, context, of, &request).await
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
    answer(&admin, context, Told { user, by: Some(caller) }, &request).await
}

/// About whom something is told.
struct Told {
    user: UserId,
    /// The system administrator who asks. `None`: the person.
    by: Option<Caller>,
}

/// Answers with everything but the audit at once, so that an outage is a 503, then page by page with the audit.
async fn answer(
    admin: &Context,
    context: Data<gatepost_sign_in::Context>,
    of: Told,
    request: &HttpRequest,
) -> Result<HttpResponse, Refused> {
    let begin = begin(admin, of.user).await?;
    let mut answer = builder(StatusCode::OK);
    answer.insert_header((CONTENT_TYPE, "application/json"));
    answer.insert_header((CONTENT_DISPOSITION, "attachment; filename=\"personal-data.json\""));
    if request.method() == "HEAD" {
        return Ok(answer.finish());
    }
    let mut export = Export::new(admin, AuditFilter { user: Some(of.user), ..AuditFilter::default() });
    let first = export.next(&Scope::System).await?;
    let user = of.user;
    let rest = stream::try_unfold((export, of), move |(mut export, of)| {
        let context = context.clone();
        async move {
            let page = next_page(&mut export, &of, &context).await;
            let page = page.inspect_err(
                |why| tracing::warn!(error = %Chain(why), "an export of a person's data broke off"),
            )?;
            Ok::<_, BrokenOff>((!page.is_empty()).then(|| (entries(&page, user, true), (export, of))))
        }
    });
    let begin = stream::iter([Ok(begin), Ok(entries(&first, user, false))]);
    Ok(answer.streaming(begin.chain(rest).chain(stream::iter([Ok(Bytes::from_static(END))]))))
}

/// Why an export does not go on.
#[derive(Debug, thiserror::Error)]
enum BrokenOff {
    #[error("the caller is no system administrator any more")]
    Nobody,
    #[error("the caller's session could not be checked")]
    Session(#[source] gatepost_sign_in::Problem),
    #[error("the directory could not be read")]
    Directory(#[from] DirectoryError),
}

async fn next_page(
    export: &mut Export,
    of: &Told,
    context: &gatepost_sign_in::Context,
) -> Result<Vec<AuditRecord>, BrokenOff> {
    if let Some(caller) = &of.by
        && caller.scope_now(context).await.map_err(BrokenOff::Session)? != Scope::System
    {
        return Err(BrokenOff::Nobody);
    }
    Ok(export.next(&Scope::System).await?)
}

/// What ends the text of an object whose last member is an empty list.
const END: &[u8] = b"]}";

/// The text up to the first entry of the audit.
async fn begin(admin: &Context, user: UserId) -> Result<Bytes, Refused> {
    let scope = &Scope::System;
    let record = find(admin, scope, user).await?;
    let traces = admin.stores.directory.find_traces(user).await?;
    let requests = admin.stores.directory.list_requests_of(user, MOST_REQUESTS).await?;
    let of_user = KeyFilter { owner: Some(user), ..KeyFilter::default() };
    let keys = admin.stores.directory.search_keys(scope, &of_user, None, MOST_KEYS).await?;
    let sessions = retry(async || admin.stores.sessions.list_of_user(user).await).await;
    let sessions = sessions.map_err(gatepost_admin::SessionError::from)?;
    let data = PersonalData {
        exported_at: rfc3339(Timestamp::now()),
        user: (&record).into(),
        former_addresses: traces.former_addresses.iter().map(FormerAddress::from).collect(),
        memberships: list_memberships(admin, scope, user).await?,
        requests: requests.iter().map(PersonalRequest::from).collect(),
        sessions: sessions.iter().map(|(hash, record)| Session::new(hash, record)).collect(),
        keys: keys.items.iter().map(Key::from).collect(),
        refusals: traces.refusals.iter().map(PersonalRefusal::from).collect(),
        audit: Vec::new(),
    };
    let mut text = serde_json::to_vec(&data).map_err(DirectoryError::unreadable)?;
    text.truncate(text.len() - END.len());
    Ok(text.into())
}

fn entries(page: &[AuditRecord], user: UserId, goes_on: bool) -> Bytes {
    let texts: Vec<String> =
        page.iter().map(|entry| json!(AuditEntry::for_person(entry, user)).to_string()).collect();
    let text = texts.join(",\n");
    if goes_on { format!(",\n{text}").into() } else { text.into() }
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
