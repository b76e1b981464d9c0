//! Requests for access: administrators see those that they may decide, and grant or decline them. An administrator of a
//! tenant sees the requests for that tenant alone; requests for groups are for the administrators of the system.

use super::caller::Caller;
use super::input::{Body, Post};
use super::list::{Filter, Filtered, List, Page, PageParameters, Parameters};
use super::members::Members;
use super::problems::{ReadProblems, WriteProblems};
use super::refused::Refused;
use super::reply::Reply;
use crate::extract::Path;
use actix_web::web::Data;
use gatepost_admin::views::{AccessRequest, RequestChange};
use gatepost_admin::{Context, DEFAULT_GRANT};
use gatepost_core::access_request::{Remark, RequestState};
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{AccessRequestId, GroupId, TenantId, UserId};
use gatepost_store::directory::changes::{DeclineRequest, GrantRequest};
use gatepost_store::directory::{Conditions, DirectoryError, Done, RequestFilter};
use utoipa::{IntoParams, ToSchema};

/// Lists the requests that the caller may decide, or might have decided, oldest first.
#[utoipa::path(get, path = "/api/v1/requests", tag = "requests", params(RequestParameters, PageParameters),
    responses((status = 200, body = List<AccessRequest>), ReadProblems))]
pub(super) async fn list(
    caller: Caller,
    admin: Data<Context>,
    page: Page<RequestFilter>,
) -> Result<Reply, Refused> {
    let (after, directory) = (page.place(), &admin.stores.directory);
    let found = directory.search_requests(&caller.scope, &page.filter, after.as_ref(), page.limit).await?;
    Ok(page.found::<_, AccessRequest>(&found))
}

/// Which requests.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the document is made of it; the filter reads them")]
pub(super) struct RequestParameters {
    /// `open`, `granted`, `declined` or `withdrawn`.
    state: Option<String>,
    /// The id of the person who asks.
    user: Option<String>,
    /// The number of a group.
    group: Option<String>,
    /// A tenant's id.
    tenant: Option<String>,
}

impl Filter for RequestFilter {
    fn read(parameters: &mut Parameters<'_>) -> Self {
        Self {
            state: parameters.one::<RequestState>("state"),
            user: parameters.one::<UserId>("user"),
            group: parameters.one::<GroupId>("group"),
            tenant: parameters.one::<TenantId>("tenant"),
            is_newest_first: false,
        }
    }
}

/// A request for access.
#[utoipa::path(get, path = "/api/v1/requests/{id}", tag = "requests", params(("id" = String, Path)),
    responses((status = 200, body = AccessRequest), ReadProblems))]
pub(super) async fn show(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<AccessRequestId>,
    _: Filtered<()>,
) -> Result<Reply, Refused> {
    let found = admin.stores.directory.find_request(&caller.scope, id).await?;
    let request = found.ok_or(DirectoryError::UnknownRequest(id))?;
    Ok(Reply::ok(AccessRequest::from(&request)).version(request.state.version()))
}

/// Until when access is granted.
#[derive(ToSchema)]
pub(super) struct Grant {
    /// Until this second. `null` or absent: for 30 days.
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
}

impl Body for Grant {
    fn read(members: &mut Members<'_>) -> Option<Self> {
        Some(Self { until: members.until()?.value() })
    }
}

/// Gives a person what they asked for, until a time. Access that they have for longer already stays.
#[utoipa::path(post, path = "/api/v1/requests/{id}/grant", tag = "requests", params(("id" = String, Path)), request_body = Grant,
    responses((status = 200, body = RequestChange), WriteProblems))]
pub(super) async fn grant(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<AccessRequestId>,
    Post(terms, Grant { until }): Post<Grant>,
) -> Result<Reply, Refused> {
    let until = match until {
        Some(until) => until,
        None => admin.stores.directory.clock().await?.plus(DEFAULT_GRANT),
    };
    let request = admin.find_request(id, &caller.actor()).await?;
    let change = GrantRequest { id, wanted: request.wanted.clone(), until };
    let answer = |done: &Done<UserId>, conditions: Conditions| {
        Reply::changed(done, conditions, RequestChange::granted(&request, until, done.changed), None)
    };
    terms.carry_out((&admin, &caller), &change, answer).await
}

/// Why access is declined.
#[derive(ToSchema)]
pub(super) struct Decline {
    /// What the person reads on their account page, in one line.
    #[schema(value_type = String, min_length = 1, max_length = 280)]
    answer: Remark,
}

impl Body for Decline {
    fn read(members: &mut Members<'_>) -> Option<Self> {
        Some(Self { answer: members.required("answer")? })
    }
}

/// Declines a request, with a word to the person.
#[utoipa::path(post, path = "/api/v1/requests/{id}/decline", tag = "requests", params(("id" = String, Path)), request_body = Decline,
    responses((status = 200, body = RequestChange), WriteProblems))]
pub(super) async fn decline(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<AccessRequestId>,
    Post(terms, Decline { answer: word }): Post<Decline>,
) -> Result<Reply, Refused> {
    let request = admin.find_request(id, &caller.actor()).await?;
    let change = DeclineRequest { id, wanted: request.wanted.clone(), answer: word.clone() };
    let answer = |done: &Done<UserId>, conditions: Conditions| {
        Reply::changed(done, conditions, RequestChange::declined(&request, word.as_str(), done.changed), None)
    };
    terms.carry_out((&admin, &caller), &change, answer).await
}
