//! Tool servers and their rules. They belong to a tenant, whose administrators change them.

use super::caller::Caller;
use super::input::{Body, Ids, Json, Post, Write};
use super::list::{Filtered, List, Page, PageParameters};
use super::members::{Given, Members};
use super::problems::{ReadProblems, WriteProblems};
use super::refused::Refused;
use super::reply::Reply;
use crate::extract::Path;
use actix_web::web::Data;
use gatepost_admin::Context;
use gatepost_admin::views::{ToolRule, ToolRuleChange, ToolServer, ToolServerChange};
use gatepost_core::ids::{ProviderId, ServiceName, TenantId, ToolRuleId, ToolServerId};
use gatepost_core::mcp::Mode;
use gatepost_core::mcp::endpoint::Endpoint;
use gatepost_core::mcp::pattern::{Kind, Subject};
use gatepost_core::mcp::words::{Audience, PageAddress, ScopeName, ServerName};
use gatepost_core::tool_pattern::ToolPattern;
use gatepost_store::directory::changes::{
    AddToolRule, CreateToolServer, DeleteToolServer, RemoveToolRule, ToolServerPatch, UpdateToolServer,
};
use gatepost_store::directory::{Conditions, DirectoryError, Done, ToolServer as Server, ToolServerSettings};
use utoipa::ToSchema;

/// Lists the tool servers of a tenant, by id.
#[utoipa::path(get, path = "/api/v1/tenants/{id}/tool-servers", tag = "tool servers", params(("id" = String, Path), PageParameters),
    responses((status = 200, body = List<ToolServer>), ReadProblems))]
pub(super) async fn list(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<TenantId>,
    page: Page<()>,
) -> Result<Reply, Refused> {
    let (after, directory) = (page.place(), &admin.stores.directory);
    let found = directory.list_tool_servers(&caller.scope, Some(&id), after.as_ref(), page.limit).await?;
    Ok(page.found::<_, ToolServer>(&found))
}

/// A new tool server.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the document is made of it; `NewServer` reads the members")]
pub(super) struct NewToolServer {
    /// Unique among all tenants.
    #[schema(example = "github", pattern = "^[A-Za-z0-9._-]{1,64}$")]
    id: String,
    /// Where clients reach it: https, a protected host, a path, no slash at the end, no query, no fragment. Entra compares it letter by letter.
    #[schema(example = "https://mcp.example.com/servers/github/mcp", max_length = 512)]
    url: String,
    /// The name that people see.
    #[schema(max_length = 256)]
    name: Option<String>,
    /// The provider whose tokens it takes.
    provider: Option<String>,
    /// What tokens for it name as their audience. `null` or absent: its address.
    #[schema(max_length = 512)]
    audience: Option<String>,
    /// The scopes that a client asks for.
    scopes: Option<Vec<String>>,
    /// `body`. For `headers`, create it, and run `gatepost tool-server update ID --mode headers`, which tries the server.
    mode: Option<String>,
    /// A page for people about it.
    #[schema(max_length = 1024)]
    documentation: Option<String>,
    /// It is what the host has at the bare well-known path.
    default: Option<bool>,
    /// The upstream of `GATEPOST_SERVICES` at which its lists are filtered. System administrators name it.
    #[schema(pattern = "^[a-z0-9-]{1,32}$")]
    service: Option<String>,
}

/// [`NewToolServer`], read.
pub(super) struct NewServer {
    id: ToolServerId,
    settings: ToolServerSettings,
}

impl Body for NewServer {
    fn read(members: &mut Members<'_>) -> Option<Self> {
        let (id, url) = (members.required("id"), members.required::<Endpoint>("url"));
        let rest = patch(members);
        let (id, url, rest) = (id?, url?, rest?);
        let none = ToolServerSettings {
            url,
            name: None,
            provider: None,
            audience: None,
            scopes: Vec::new(),
            mode: Mode::default(),
            documentation: None,
            is_default: false,
            service: None,
        };
        Some(Self { id, settings: rest.of(&none) })
    }
}

/// Creates a tool server.
#[utoipa::path(post, path = "/api/v1/tenants/{id}/tool-servers", tag = "tool servers", params(("id" = String, Path)), request_body = NewToolServer,
    responses((status = 201, body = ToolServerChange), (status = 200, body = ToolServerChange, description = "A dry run."), WriteProblems))]
pub(super) async fn create(
    caller: Caller,
    admin: Data<Context>,
    Path(tenant): Path<TenantId>,
    Post(terms, NewServer { id, settings }): Post<NewServer>,
) -> Result<Reply, Refused> {
    admin.demand_protected(Some(&tenant), &settings.url).await?;
    admin.demand_service(settings.service.as_ref())?;
    let change = CreateToolServer { id: id.clone(), tenant, settings };
    let answer = |done: &Done<()>, conditions: Conditions| {
        let change = ToolServerChange { id: id.to_string(), changed: done.changed };
        Reply::changed(done, conditions, change, Some(format!("/tool-servers/{id}")))
    };
    terms.carry_out((&admin, &caller), &change, answer).await
}

/// The server of this id, as far as it exists for the caller.
async fn find(admin: &Context, caller: &Caller, id: &ToolServerId) -> Result<Server, Refused> {
    let found = admin.stores.directory.find_tool_server(&caller.scope, id).await?;
    found.ok_or_else(|| DirectoryError::UnknownToolServer(id.clone()).into())
}

/// A tool server.
#[utoipa::path(get, path = "/api/v1/tool-servers/{id}", tag = "tool servers", params(("id" = String, Path)),
    responses((status = 200, body = ToolServer), ReadProblems))]
pub(super) async fn show(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<ToolServerId>,
    _: Filtered<()>,
) -> Result<Reply, Refused> {
    let server = find(&admin, &caller, &id).await?;
    Ok(Reply::ok(ToolServer::from(&server)).version(server.version))
}

/// A change of a tool server (RFC 7396): what is absent stays.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the document is made of it; `PatchedServer` reads the members")]
pub(super) struct ToolServerChanges {
    #[schema(max_length = 512)]
    url: Option<String>,
    /// `null`: none.
    #[schema(max_length = 256)]
    name: Option<String>,
    /// `null`: none.
    provider: Option<String>,
    /// `null`: its address.
    #[schema(max_length = 512)]
    audience: Option<String>,
    scopes: Option<Vec<String>>,
    /// `body`, or what it is. `gatepost tool-server update ID --mode headers` tries whether a server may have `headers`.
    mode: Option<String>,
    /// `null`: none.
    #[schema(max_length = 1024)]
    documentation: Option<String>,
    default: Option<bool>,
    /// `null`: none. System administrators change it, and then also `url`.
    #[schema(pattern = "^[a-z0-9-]{1,32}$")]
    service: Option<String>,
}

/// [`ToolServerChanges`], read.
pub(super) struct PatchedServer(ToolServerPatch);

impl Body for PatchedServer {
    fn read(members: &mut Members<'_>) -> Option<Self> {
        let url = if members.has("url") { members.required::<Endpoint>("url").map(Some) } else { Some(None) };
        let rest = patch(members);
        Some(Self(ToolServerPatch { url: url?, ..rest? }))
    }
}

/// The members that a new server and a change of one share.
fn patch(members: &mut Members<'_>) -> Option<ToolServerPatch> {
    /// A member that may be absent, which changes nothing, or `null`.
    macro_rules! given {
        ($type:ty, $name:literal, $value:expr) => {
            members.text::<$type>($name).map(|given| match given {
                Given::Absent => None,
                Given::Null => Some(None),
                Given::Value(text) => Some(Some($value(text))),
            })
        };
    }
    let name = given!(ServerName, "name", ServerName::into_text);
    let provider = given!(ProviderId, "provider", std::convert::identity);
    let audience = given!(Audience, "audience", Audience::into_text);
    let has_scopes = members.has("scopes");
    let scopes = members.texts::<ScopeName>("scopes");
    let mode = members.text::<Mode>("mode");
    let documentation = given!(PageAddress, "documentation", PageAddress::into_text);
    let is_default = members.flag("default");
    let service = given!(ServiceName, "service", std::convert::identity);
    let scopes: Vec<String> = scopes?.into_iter().map(ScopeName::into_text).collect();
    Some(ToolServerPatch {
        url: None,
        name: name?,
        provider: provider?,
        audience: audience?,
        scopes: has_scopes.then_some(scopes),
        mode: mode?.value(),
        documentation: documentation?,
        is_default: is_default?.value(),
        service: service?,
    })
}

/// Changes a tool server.
#[utoipa::path(patch, path = "/api/v1/tool-servers/{id}", tag = "tool servers", params(("id" = String, Path)), request_body = ToolServerChanges,
    responses((status = 200, body = ToolServerChange), WriteProblems))]
pub(super) async fn update(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<ToolServerId>,
    Write(conditions): Write,
    Json(PatchedServer(patch)): Json<PatchedServer>,
) -> Result<Reply, Refused> {
    let tenant = find(&admin, &caller, &id).await?.tenant_id;
    if let Some(url) = &patch.url {
        admin.demand_protected(Some(&tenant), url).await?;
    }
    admin.demand_service(patch.service.as_ref().and_then(Option::as_ref))?;
    let change = UpdateToolServer { id: id.clone(), tenant, patch };
    let done = admin.carry_out(&change, conditions, &caller.actor()).await?;
    let change = ToolServerChange { id: id.to_string(), changed: done.changed };
    Ok(Reply::changed(&done, conditions, change, None))
}

/// Deletes a tool server with its rules.
#[utoipa::path(delete, path = "/api/v1/tool-servers/{id}", tag = "tool servers", params(("id" = String, Path)),
    responses((status = 204, description = "It is gone."), (status = 200, body = ToolServerChange, description = "A dry run."), WriteProblems))]
pub(super) async fn delete(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<ToolServerId>,
    Write(conditions): Write,
) -> Result<Reply, Refused> {
    let tenant = find(&admin, &caller, &id).await?.tenant_id;
    let change = DeleteToolServer { id: id.clone(), tenant };
    admin.carry_out(&change, conditions, &caller.actor()).await?;
    Ok(Reply::removed(conditions, ToolServerChange { id: id.to_string(), changed: true }))
}

/// Lists the rules of a tool server, the oldest first.
#[utoipa::path(get, path = "/api/v1/tool-servers/{id}/rules", tag = "tool servers", params(("id" = String, Path), PageParameters),
    responses((status = 200, body = List<ToolRule>), ReadProblems))]
pub(super) async fn rules(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<ToolServerId>,
    page: Page<()>,
) -> Result<Reply, Refused> {
    let (after, directory) = (page.place(), &admin.stores.directory);
    let found = directory.list_tool_rules(&caller.scope, &id, after.as_ref(), page.limit).await?;
    Ok(page.found::<_, ToolRule>(&found))
}

/// A rule: whoever it is for may use what it names.
#[derive(ToSchema)]
pub(super) struct NewToolRule {
    /// `everyone`, `group:NUMBER`, `role:ROLE` or `key:ID`.
    #[schema(value_type = String, example = "group:42")]
    subject: Subject,
    /// `tool`, `prompt` or `resource`.
    #[schema(value_type = String, example = "tool")]
    kind: Kind,
    /// A name, or its beginning with one `*`.
    #[schema(value_type = String, example = "get_*", max_length = 512)]
    pattern: ToolPattern,
}

impl Body for NewToolRule {
    fn read(members: &mut Members<'_>) -> Option<Self> {
        let (subject, kind) = (members.required("subject"), members.required("kind"));
        let pattern = members.required("pattern");
        Some(Self { subject: subject?, kind: kind?, pattern: pattern? })
    }
}

/// Allows somebody something. From the first rule about a kind on, only what a rule allows is allowed.
#[utoipa::path(post, path = "/api/v1/tool-servers/{id}/rules", tag = "tool servers", params(("id" = String, Path)), request_body = NewToolRule,
    responses((status = 200, body = ToolRuleChange), WriteProblems))]
pub(super) async fn allow(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<ToolServerId>,
    Post(terms, NewToolRule { subject, kind, pattern }): Post<NewToolRule>,
) -> Result<Reply, Refused> {
    let tenant = find(&admin, &caller, &id).await?.tenant_id;
    let change = AddToolRule { server: id.clone(), tenant, subject, kind, pattern };
    let answer = |done: &Done<ToolRuleId>, conditions: Conditions| {
        let (rule, tool_server) = (done.outcome.to_string(), id.to_string());
        let change = ToolRuleChange { id: rule, tool_server, left: None, changed: done.changed };
        Reply::changed(done, conditions, change, None)
    };
    terms.carry_out((&admin, &caller), &change, answer).await
}

/// Takes a rule back. Without any rule about a kind, everybody who may enter may use all of it.
#[utoipa::path(delete, path = "/api/v1/tool-servers/{id}/rules/{rule}", tag = "tool servers",
    params(("id" = String, Path), ("rule" = String, Path)),
    responses((status = 204, description = "It is gone."), (status = 200, body = ToolRuleChange, description = "A dry run."), WriteProblems))]
pub(super) async fn forbid(
    caller: Caller,
    admin: Data<Context>,
    Ids(id, rule): Ids<ToolServerId, ToolRuleId>,
    Write(conditions): Write,
) -> Result<Reply, Refused> {
    let tenant = find(&admin, &caller, &id).await?.tenant_id;
    let change = RemoveToolRule { server: id.clone(), tenant, rule };
    let done = admin.carry_out(&change, conditions, &caller.actor()).await?;
    let (rule, tool_server) = (rule.to_string(), id.to_string());
    let change = ToolRuleChange { id: rule, tool_server, left: Some(done.outcome), changed: true };
    Ok(Reply::removed(conditions, change))
}
