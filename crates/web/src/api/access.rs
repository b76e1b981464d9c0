//! Who can open something, and why.

use super::caller::Caller;
use super::list::{Filter, Page, PageParameters, Parameters};
use super::problems::ReadProblems;
use super::refused::Refused;
use super::reply::Reply;
use crate::problem_document::Problem;
use actix_web::web::Data;
use gatepost_admin::Context;
use gatepost_admin::access::{Applications, Question, ServersTool, What};
use gatepost_admin::views::{AccessList, Application, ApplicationList, OpeningKeyList};
use gatepost_core::host::HostName;
use gatepost_core::ids::TenantId;
use gatepost_core::requirement::{Requirement, RequirementError};
use gatepost_store::directory::Place;
use std::str::FromStr;
use utoipa::IntoParams;

/// What is to be opened: one of these.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the document is made of it; the filter reads them")]
pub(super) struct AccessParameters {
    /// A protected host, with any of the requirements that requests showed in the last 30 days.
    host: Option<String>,
    /// The query after `/verify?` in a middleware's address, encoded once more.
    requirement: Option<String>,
    /// A tenant's id.
    tenant: Option<String>,
    /// A tool of a tool server, by its whole name: `SERVER:NAME`.
    #[param(example = "github:get_file")]
    tool: Option<String>,
}

/// What is asked for. `None` only beside a flaw.
pub(super) struct Asked(Option<What>);

impl Filter for Asked {
    fn read(parameters: &mut Parameters<'_>) -> Self {
        const NAMES: [&str; 4] = ["host", "requirement", "tenant", "tool"];
        let given = NAMES.iter().filter(|name| parameters.has(name)).count();
        let host = parameters.one::<HostName>(NAMES[0]).map(What::Host);
        let requirement = parameters.one::<Query>(NAMES[1]).map(|Query(query)| What::Requirement(query));
        let tenant = parameters.one::<TenantId>(NAMES[2]).map(What::Tenant);
        let tool = parameters.one::<ServersTool>(NAMES[3]).map(What::Tool);
        if given != 1 {
            let code = if given == 0 { "missing" } else { "excluded" };
            parameters.flaw("", code, "Give one of host, requirement, tenant and tool.");
        }
        Self(host.or(requirement).or(tenant).or(tool))
    }
}

/// The query of a requirement that is valid.
struct Query(String);

impl FromStr for Query {
    type Err = RequirementError;

    fn from_str(text: &str) -> Result<Self, RequirementError> {
        Requirement::parse(text).map(|_| Self(text.to_owned()))
    }
}

/// Lists who can open it, by id, each with every way.
///
/// The decision is that of `/verify` about a session that the person would start now. Administrators of a tenant may ask about that
/// tenant, its tools, and about requirements that name nothing else; they see the people of the tenant.
#[utoipa::path(get, path = "/api/v1/access", tag = "access", params(AccessParameters, PageParameters),
    responses((status = 200, body = AccessList), ReadProblems))]
pub(super) async fn list(caller: Caller, admin: Data<Context>, page: Page<Asked>) -> Result<Reply, Refused> {
    let question = ask(&caller, &admin, &page).await?;
    let place: Option<Place> = page.place();
    let found = admin.list_openers(&caller.scope, &question, place.as_ref(), page.limit).await?;
    let next = found.next.as_ref().map(Place::to_string);
    Ok(page.reply_with(next, |next| AccessList::new(&question, &found.items, next)))
}

/// Lists the API keys that can open it, by id, each with every way.
///
/// The decision is that of `/verify` about a request from one of the key's networks. Where no host is asked for, it is about any of
/// the key's hosts. Keys that send requests for people are listed too; `people` says so. Administrators of a tenant see the keys of
/// the tenant.
#[utoipa::path(get, path = "/api/v1/access/keys", tag = "access", params(AccessParameters, PageParameters),
    responses((status = 200, body = OpeningKeyList), ReadProblems))]
pub(super) async fn list_keys(
    caller: Caller,
    admin: Data<Context>,
    page: Page<Asked>,
) -> Result<Reply, Refused> {
    let question = ask(&caller, &admin, &page).await?;
    let place: Option<Place> = page.place();
    let found = admin.list_opening_keys(&caller.scope, &question, place.as_ref(), page.limit).await?;
    let next = found.next.as_ref().map(Place::to_string);
    Ok(page.reply_with(next, |next| OpeningKeyList::new(&question, &found.items, next)))
}

async fn ask(caller: &Caller, admin: &Context, page: &Page<Asked>) -> Result<Question, Refused> {
    let Asked(what) = &page.filter;
    let what = what.clone().ok_or_else(|| Problem::invalid(Vec::new()))?;
    Ok(admin.ask(&caller.scope, what).await?)
}

/// Lists the applications by host: those of tenants, and those at which somebody who was signed in asked for something in the last
/// 30 days.
///
/// Administrators of a tenant see the hosts of the tenant, and those that require nothing else than the tenant.
#[utoipa::path(get, path = "/api/v1/applications", tag = "access", params(PageParameters),
    responses((status = 200, body = ApplicationList), ReadProblems))]
pub(super) async fn applications(
    caller: Caller,
    admin: Data<Context>,
    page: Page<()>,
) -> Result<Reply, Refused> {
    let Applications { mut known, unseen } = admin.list_applications(&caller.scope).await?;
    if let Some(after) = page.place::<HostName>() {
        known.retain(|application| application.host > after);
    }
    let has_more = known.len() > page.limit as usize;
    known.truncate(page.limit as usize);
    let next = known.last().filter(|_| has_more).map(|last| last.host.to_string());
    let items = known.iter().map(Application::from).collect();
    Ok(page.reply_with(next, |next| ApplicationList { items, next, unseen }))
}
