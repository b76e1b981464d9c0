//! Who changed what, newest first.

use super::caller::Caller;
use super::list::{Filter, List, Page, PageParameters, Parameters};
use super::problems::ReadProblems;
use super::refused::Refused;
use super::reply::Reply;
use crate::admin::Context;
use crate::admin::views::AuditEntry;
use actix_web::web::Data;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{RequestId, TenantId, UserId};
use gatepost_store::directory::{AuditFilter, AuditRecord, Via, Who};
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
    /// Changes by this person's id, or by `cli:NAME`, `db:ROLE`, `sign-in`, `refresh`, `provider`, `configuration`.
    actor: Option<String>,
    /// What was done: `user.disable`, ... May occur several times.
    action: Option<Vec<String>>,
    /// Only rows that the administrators of this tenant may read.
    tenant: Option<String>,
    /// Changes by the request of this number.
    request: Option<String>,
    /// Changes that came by this way: `cli`, `api`, `portal`, `view`, `scim`, `sync`, `gate`.
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
