//! The OpenAPI document, from the operations themselves.

use super::reply::ROOT;
use super::{
    access, admins, audit, explain, group_members, groups, invitations, keys, me, personal, proposals,
    requests, system, tenant_branding, tenant_check, tenant_export, tenant_hosts, tenant_providers, tenants,
    tiers, tool_servers, usage, usage_events, users,
};
use crate::callers::KeyScope;
use crate::problem_document::{Flaw, ProblemDocument};
use gatepost_core::host::Origin;
use gatepost_pages::ApiOperation;
use utoipa::OpenApi;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::server::Server;
use utoipa::openapi::{Components, Required};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Gatepost",
        description = "People, groups, tenants and their administrators. docs/api.md has the rules that all operations share.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    components(schemas(ProblemDocument, Flaw)),
    paths(
        me::show,
        me::access,
        me::sessions,
        me::session,
        me::end_session,
        users::list,
        users::create,
        users::show,
        users::disable,
        users::enable,
        users::end_sessions,
        users::release_address,
        users::memberships,
        users::access,
        users::sessions,
        users::end_session,
        audit::of_user,
        personal::export_own,
        personal::export,
        personal::erase,
        groups::list,
        groups::create,
        groups::show,
        groups::rename,
        groups::delete,
        groups::links,
        groups::link,
        groups::unlink,
        groups::map,
        groups::unmap,
        group_members::list,
        group_members::add,
        group_members::remove,
        group_members::batch,
        tenants::list,
        tenants::show,
        tenants::create,
        tenants::put,
        tenants::patch,
        tenants::delete,
        tenants::suspend,
        tenants::resume,
        tenants::restore,
        tenant_hosts::list,
        tenant_hosts::show,
        tenant_hosts::add,
        tenant_hosts::confirm,
        tenant_hosts::approve,
        tenant_hosts::refuse,
        tenant_hosts::remove,
        tenant_check::check,
        tenant_export::export,
        usage::usage,
        usage::bill,
        usage_events::add,
        tenant_branding::show,
        tenant_branding::patch,
        tenant_providers::show,
        tenant_providers::put,
        tenant_providers::patch,
        tenant_providers::remove,
        tenant_providers::confirm,
        tenant_providers::approve,
        tenant_providers::refuse,
        tiers::list,
        tiers::show,
        tiers::put,
        tiers::delete,
        tenants::members,
        tenants::add_member,
        tenants::remove_member,
        invitations::list,
        invitations::show,
        invitations::create,
        invitations::withdraw,
        keys::list,
        keys::create,
        keys::look_up,
        keys::show,
        keys::patch,
        keys::revoke,
        keys::rotate,
        keys::list_of_tenant,
        keys::create_of_tenant,
        keys::list_of_user,
        keys::list_own,
        keys::create_own,
        keys::show_own,
        keys::patch_own,
        keys::revoke_own,
        keys::rotate_own,
        tool_servers::list,
        tool_servers::create,
        tool_servers::show,
        tool_servers::update,
        tool_servers::delete,
        tool_servers::rules,
        tool_servers::allow,
        tool_servers::forbid,
        requests::list,
        requests::show,
        requests::grant,
        requests::decline,
        proposals::list_own,
        proposals::show_own,
        proposals::propose,
        proposals::list,
        proposals::show,
        proposals::approve,
        proposals::refuse,
        admins::list,
        admins::show,
        admins::decide,
        admins::reset,
        audit::list,
        audit::export,
        audit::heads,
        access::list,
        access::list_keys,
        access::applications,
        explain::answer,
        system::show,
    )
)]
struct Document;

/// The document as JSON; `None`: of no installation in particular.
///
/// # Panics
/// Never: names of members are texts.
pub fn document(public_url: Option<&Origin>) -> String {
    let mut document = Document::openapi();
    env!("CARGO_PKG_VERSION").clone_into(&mut document.info.version);
    complete_operations(&mut document);
    document.servers =
        Some(vec![Server::new(public_url.map_or_else(|| "/".to_owned(), ToString::to_string))]);
    let components = document.components.get_or_insert_with(Components::new);
    for (name, scheme) in security_schemes() {
        components.add_security_scheme(name, scheme);
    }
    leave_out_unused_schemas(&mut document);
    document.to_pretty_json().expect("a document is JSON")
}

/// Leaves out the schemas of items whose lists stand in the operations themselves.
fn leave_out_unused_schemas(document: &mut utoipa::openapi::OpenApi) {
    let text = document.to_json().unwrap_or_default();
    if let Some(components) = &mut document.components {
        components.schemas.retain(|name, _| text.contains(&format!("\"#/components/schemas/{name}\"")));
    }
}

/// Names each operation by method and path, which are unique (`get_users_id_memberships`), and lists the parameters that
/// all changes have.
fn complete_operations(document: &mut utoipa::openapi::OpenApi) {
    for (path, item) in &mut document.paths.paths {
        let path = path.strip_prefix(ROOT).unwrap_or(path);
        let words = path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        let words = words.collect::<Vec<_>>().join("_");
        let methods = [
            ("get", &mut item.get),
            ("post", &mut item.post),
            ("put", &mut item.put),
            ("patch", &mut item.patch),
            ("delete", &mut item.delete),
        ];
        for (method, operation) in methods {
            let Some(operation) = operation else { continue };
            operation.operation_id = Some(format!("{method}_{words}"));
            operation.security = Some(security(scope_of(method, path)));
            // `explain` is a POST for its body alone.
            if method != "get" && path != "/explain" {
                operation.parameters.get_or_insert_default().extend(parameters_of_changes(method));
            }
        }
    }
}

/// The cookie of a browser, and the two headers that take a key.
fn security_schemes() -> [(&'static str, SecurityScheme); 3] {
    let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(COOKIE)));
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("gp_").build();
    let header = SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("X-Gatepost-Key")));
    [("session", cookie), ("key", SecurityScheme::Http(bearer)), ("key_header", header)]
}

/// One of the schemes suffices. A key needs the scope.
fn security(scope: KeyScope) -> Vec<SecurityRequirement> {
    let of_key = |name: &str| SecurityRequirement::new(name, [scope.as_str()]);
    vec![SecurityRequirement::new::<_, [&str; 0], &str>("session", []), of_key("key"), of_key("key_header")]
}

/// The scope that the routes ask of a key, which a test compares. These two are a POST for their body alone.
fn scope_of(method: &str, path: &str) -> KeyScope {
    match (method, path) {
        ("get", _) | ("post", "/explain" | "/keys/lookup") => KeyScope::Read,
        ("post", "/usage/events") => KeyScope::Usage,
        _ => KeyScope::Write,
    }
}

/// The parameters of a change, which `input.rs` and `repeats.rs` read.
fn parameters_of_changes(method: &str) -> Vec<Parameter> {
    let parameter = |name: &str, place, description: &str, schema: ObjectBuilder| {
        let parameter = ParameterBuilder::new().name(name).parameter_in(place).required(Required::False);
        parameter.description(Some(description)).schema(Some(schema)).build()
    };
    let text = |pattern: &str| ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern));
    let (query, header) = (ParameterIn::Query, ParameterIn::Header);
    let boolean = ObjectBuilder::new().schema_type(Type::Boolean);
    let mut parameters = vec![
        parameter("dry_run", query, "Says what would change; nothing does.", boolean),
        parameter("If-Match", header.clone(), "Only if the thing has this version.", text(VERSION)),
    ];
    match method {
        "post" => {
            let description = "The request may come again: it is made once.";
            parameters.push(parameter("Idempotency-Key", header, description, text("^[!-~]{1,128}$")));
        }
        "put" => {
            let description = "Only if the thing does not exist yet.";
            parameters.push(parameter("If-None-Match", header, description, text(r"^\*$")));
        }
        _ => {}
    }
    parameters
}

/// A version as `ETag` shows it, or any.
const VERSION: &str = r#"^("v(0|[1-9][0-9]{0,17})"|\*)$"#;

/// The operations in the order of the document, by the part of the API that they belong to.
pub(super) fn operations() -> Vec<(String, Vec<ApiOperation>)> {
    let mut groups: Vec<(String, Vec<ApiOperation>)> = Vec::new();
    for (path, item) in Document::openapi().paths.paths {
        let methods = [
            ("GET", item.get),
            ("POST", item.post),
            ("PUT", item.put),
            ("PATCH", item.patch),
            ("DELETE", item.delete),
        ];
        for (method, operation) in methods {
            let Some(operation) = operation else { continue };
            let tag = operation.tags.and_then(|tags| tags.into_iter().next()).unwrap_or_default();
            let summary = operation.summary.unwrap_or_default();
            let shown = ApiOperation { method: method.to_owned(), path: path.clone(), summary };
            match groups.iter_mut().find(|(known, _)| *known == tag) {
                Some((_, operations)) => operations.push(shown),
                None => groups.push((tag, vec![shown])),
            }
        }
    }
    groups
}

/// The cookie of the public host.
const COOKIE: &str = "__Host-gatepost";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::reply;
    use crate::{Callers, routes};
    use serde_json::Value;
    use std::collections::BTreeSet;

    #[test]
    fn the_document_names_the_scope_that_each_route_asks_of_a_key() {
        let document: Value = serde_json::from_str(&document(None)).expect("JSON");
        for route in routes() {
            let Callers::Api(access) = route.callers else { continue };
            let operation = &document["paths"][&route.path][route.method.to_lowercase()];
            let scope = [access.scope.as_str()];
            let want = serde_json::json!([{ "session": [] }, { "key": scope }, { "key_header": scope }]);
            assert_eq!(operation["security"], want, "{route:?}");
        }
        for scheme in ["session", "key", "key_header"] {
            assert!(document["components"]["securitySchemes"][scheme].is_object(), "{scheme}");
        }
    }

    #[test]
    fn each_route_of_the_api_has_an_operation_and_a_rule_and_each_operation_a_route() {
        let document: Value = serde_json::to_value(Document::openapi()).expect("JSON");
        let paths = document["paths"].as_object().expect("paths");
        let operations: BTreeSet<(String, String)> = paths
            .iter()
            .flat_map(|(path, methods)| {
                let methods = methods.as_object().expect("methods").keys();
                methods.map(|method| (path.clone(), method.to_uppercase()))
            })
            .collect();
        let registered: Vec<_> =
            routes().into_iter().filter(|route| route.path.starts_with(reply::ROOT)).collect();
        assert!(registered.iter().all(|route| matches!(route.callers, Callers::Api(_))), "{registered:?}");
        let registered: BTreeSet<(String, String)> =
            registered.into_iter().map(|route| (route.path, route.method.to_owned())).collect();
        assert!(registered.len() > 40, "{registered:?}");
        assert_eq!(operations, registered);
        let shown: Vec<_> = super::operations().into_iter().flat_map(|(_, operations)| operations).collect();
        assert_eq!(shown.len(), registered.len());
        assert!(shown.iter().all(|operation| operation.summary.ends_with('.')), "{shown:?}");
    }
}
