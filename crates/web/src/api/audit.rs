//! Who changed what, newest first, page by page or as a stream; and the heads, which show whether somebody changed that.

use super::caller::Caller;
use super::list::{Filter, Filtered, List, Page, PageParameters, Parameters};
use super::problems::ReadProblems;
use super::refused::Refused;
use super::reply::{Reply, builder};
use super::users;
use crate::extract::Path;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::StreamExt;
use futures_util::stream;
use gatepost_admin::Context;
use gatepost_admin::audit::Export;
use gatepost_admin::views::{AuditEntry, AuditHead};
use gatepost_core::api_key::KeyId;
use gatepost_core::clock::Timestamp;
use gatepost_core::error_chain::Chain;
use gatepost_core::ids::{RequestId, TenantId, UserId};
use gatepost_store::directory::{self, AuditFilter, AuditRecord, DirectoryError, Via, Who};
use gatepost_store::retry::retry;
use serde_json::json;
use utoipa::IntoParams;

/// Which rows of the audit.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the document is made of it; the filter reads them")]
pub(super) struct AuditParameters {
    /// Changes by this person or of this person.
    user: Option<String>,
    /// Changes of this target: `group:NAME`, `tenant:ID`, ...
    target: Option<Vec<String>>,
    /// Changes by this person's id, or by `key:ID`, `cli:NAME`, `db:ROLE`, `sign-in`, `refresh`, `provider`, `configuration`.
    actor: Option<String>,
    /// Changes by the key of this id.
    key: Option<String>,
    /// What was done: `user.disable`, ... May occur several times.
    action: Option<Vec<String>>,
    /// Only rows that the administrators of this tenant may read.
    tenant: Option<String>,
    /// Changes by the request of this number.
    request: Option<String>,
    /// Changes that came by this way: `cli`, `api`, `portal`, `view`, `scim`, `sync` or `gate`.
    via: Option<String>,
    /// From this second on.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<String>,
    /// Before this second.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<String>,
}

impl Filter for AuditFilter {
    fn read(parameters: &mut Parameters<'_>) -> Self {
        Self {
            targets: parameters.several("target"),
            user: parameters.one::<UserId>("user"),
            actor: parameters.one::<Who>("actor"),
            key: parameters.one::<KeyId>("key"),
            actions: parameters.several("action"),
            except: Vec::new(),
            tenant: parameters.one::<TenantId>("tenant"),
            request_id: parameters.one::<RequestId>("request"),
            via: parameters.one::<Via>("via"),
            since: parameters.one::<Timestamp>("since"),
            until: parameters.one::<Timestamp>("until"),
            before: None,
        }
    }
}

/// Lists who changed what, newest first.
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit", params(AuditParameters, PageParameters),
    responses((status = 200, body = List<AuditEntry>), ReadProblems))]
pub(super) async fn list(
    caller: Caller,
    admin: Data<Context>,
    page: Page<AuditFilter>,
) -> Result<Reply, Refused> {
    let filter = AuditFilter { before: page.place(), ..page.filter.clone() };
    let entries = admin.stores.directory.list_audit(&caller.scope, &filter, page.wanted()).await?;
    Ok(page.reply(entries, |entry: &AuditRecord| entry.cursor().to_string(), |item| AuditEntry::from(item)))
}

/// Lists what a person did and what was done to them, newest first, as far as the caller may read it.
#[utoipa::path(get, path = "/api/v1/users/{id}/audit", tag = "audit", params(("id" = String, Path), PageParameters),
    responses((status = 200, body = List<AuditEntry>), ReadProblems))]
pub(super) async fn of_user(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<UserId>,
    page: Page<()>,
) -> Result<Reply, Refused> {
    users::find(&admin, &caller.scope, id).await?;
    let filter = AuditFilter { user: Some(id), before: page.place(), ..AuditFilter::default() };
    let entries = admin.stores.directory.list_audit(&caller.scope, &filter, page.wanted()).await?;
    Ok(page.reply(entries, |entry: &AuditRecord| entry.cursor().to_string(), |item| AuditEntry::from(item)))
}

/// Which heads.
pub(super) struct HeadFilter {
    since: Option<Timestamp>,
}

impl Filter for HeadFilter {
    fn read(parameters: &mut Parameters<'_>) -> Self {
        Self { since: parameters.one::<Timestamp>("since") }
    }
}

/// Which heads, for the document.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the document is made of it; the filter reads it")]
pub(super) struct HeadParameters {
    /// From this hour on.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<String>,
}

/// Lists the heads of the hours, oldest first, to be kept elsewhere.
#[utoipa::path(get, path = "/api/v1/audit/heads", tag = "audit", params(HeadParameters, PageParameters),
    responses((status = 200, body = List<AuditHead>), ReadProblems))]
pub(super) async fn heads(_: Caller, admin: Data<Context>, page: Page<HeadFilter>) -> Result<Reply, Refused> {
    let since = page.filter.since.map(|since| directory::AuditHead::hour_of(since) - 1);
    let after = page.place().or(since).unwrap_or(i64::MIN);
    let heads = admin.stores.directory.list_audit_heads(after, page.wanted()).await?;
    Ok(page.reply(heads, |head| head.hour.to_string(), |head| AuditHead::from(head)))
}

const JSON_LINES: &str = "application/jsonl";

/// Prints all entries that match, newest first, one JSON object a line.
///
/// What the caller administers is read again for each page. If it is nothing any more, or cannot be read, the answer
/// breaks off: its last chunk does not come.
#[utoipa::path(get, path = "/api/v1/audit/export", tag = "audit", params(AuditParameters),
    responses((status = 200, content_type = "application/jsonl", body = AuditEntry), ReadProblems))]
pub(super) async fn export(
    caller: Caller,
    admin: Data<Context>,
    context: Data<gatepost_sign_in::Context>,
    filter: Filtered<AuditFilter>,
    request: HttpRequest,
) -> Result<HttpResponse, Refused> {
    let mut answer = builder(StatusCode::OK);
    answer.insert_header((CONTENT_TYPE, JSON_LINES));
    answer.insert_header((CONTENT_DISPOSITION, "attachment; filename=\"audit.jsonl\""));
    if request.method() == "HEAD" {
        return Ok(answer.finish());
    }
    let mut export = Export::new(&admin, filter.0);
    // Before the status is sent, so that an outage is a 503.
    let first = export.next(&caller.scope).await?;
    let rest = stream::try_unfold((export, caller), move |(mut export, caller)| {
        let context = context.clone();
        async move {
            let page = next_page(&mut export, &caller, &context).await;
            let page = page
                .inspect_err(|why| tracing::warn!(error = %Chain(why), "an export of the audit broke off"))?;
            Ok::<_, BrokenOff>((!page.is_empty()).then(|| (lines(&page), (export, caller))))
        }
    });
    Ok(answer.streaming(stream::iter([Ok(lines(&first))]).chain(rest)))
}

/// Why an export does not go on.
#[derive(Debug, thiserror::Error)]
enum BrokenOff {
    #[error("the caller administers nothing any more")]
    Nobody,
    #[error("the caller's session could not be checked")]
    Session(#[source] gatepost_sign_in::Problem),
    #[error("the directory could not be read")]
    Directory(#[from] DirectoryError),
}

async fn next_page(
    export: &mut Export,
    caller: &Caller,
    context: &gatepost_sign_in::Context,
) -> Result<Vec<AuditRecord>, BrokenOff> {
    // An export asks hundreds of times: one store that is slow once must not end it.
    let scope = retry(async || caller.scope_now(context).await).await.map_err(BrokenOff::Session)?;
    if scope.is_empty() {
        return Err(BrokenOff::Nobody);
    }
    Ok(export.next(&scope).await?)
}

fn lines(page: &[AuditRecord]) -> Bytes {
    let mut text = String::new();
    for entry in page {
        text.push_str(&json!(AuditEntry::from(entry)).to_string());
        text.push('\n');
    }
    text.into()
}
