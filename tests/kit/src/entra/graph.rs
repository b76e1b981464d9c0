//! Graph's endpoints for groups, and userinfo of both styles (entra.md 2.5). The lists have entries of several kinds,
//! pages and null names; calls can be throttled.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use url::form_urlencoded;

use super::journal::Call;
use super::people::{Group, GroupKind, Person};
use super::registration::Style;
use super::token::answer_scripted;
use super::world::{AccessToken, Shared, World};
use crate::lies::{Lie, Stage, wire};

/// `getMemberGroups` refuses to return more ids than this.
const MEMBER_GROUPS_LIMIT: usize = 11_000;

/// `/v1.0/me/{what}`.
pub(crate) async fn me(
    State(shared): State<Arc<Shared>>,
    Path(what): Path<String>,
    Extension(call): Extension<Call>,
    body: String,
) -> Response {
    let mut world = shared.world();
    answer(&mut world, None, &what, &call, &body)
}

/// `/v1.0/users/{oid}/{what}`.
pub(crate) async fn user(
    State(shared): State<Arc<Shared>>,
    Path((oid, what)): Path<(String, String)>,
    Extension(call): Extension<Call>,
    body: String,
) -> Response {
    let mut world = shared.world();
    answer(&mut world, Some(&oid), &what, &call, &body)
}

fn answer(world: &mut World, oid: Option<&str>, what: &str, call: &Call, body: &str) -> Response {
    if let Some(scripted) = world.graph_answers.pop_front() {
        return answer_scripted(scripted);
    }
    let Some(token) = find_token(world, call).cloned() else {
        return refuse(
            StatusCode::UNAUTHORIZED,
            "InvalidAuthenticationToken",
            "Access token validation failure. Invalid audience.",
        );
    };
    let is_own = oid.is_none_or(|oid| oid == token.oid);
    let may = |scope: &str| token.scopes.contains(scope);
    if !(may("User.Read.All") || (is_own && may("User.Read"))) {
        return refuse(
            StatusCode::FORBIDDEN,
            "Authorization_RequestDenied",
            "Insufficient privileges to complete the operation.",
        );
    }
    let Some(person) = world.find_person(oid.unwrap_or(&token.oid)).cloned() else {
        return refuse(StatusCode::NOT_FOUND, "Request_ResourceNotFound", "Resource does not exist.");
    };
    match (call.method.as_str(), what) {
        ("GET", "transitiveMemberOf" | "memberOf") => {
            let lie = world.tell(&[Stage::Graph]);
            list_memberships(world, &person, call, may("GroupMember.Read.All"), lie)
        }
        ("POST", "getMemberObjects") => {
            let only_security = serde_json::from_str::<Value>(body)
                .ok()
                .and_then(|body| body.get("securityEnabledOnly").and_then(Value::as_bool));
            let Some(only_security) = only_security else {
                return refuse(
                    StatusCode::BAD_REQUEST,
                    "Request_BadRequest",
                    "securityEnabledOnly is missing.",
                );
            };
            ids(world, &person, |group| !only_security || group.kind == GroupKind::Security)
        }
        ("POST", "getMemberGroups") if !may("GroupMember.Read.All") => refuse(
            StatusCode::FORBIDDEN,
            "Authorization_RequestDenied",
            "Insufficient privileges to complete the operation.",
        ),
        ("POST", "getMemberGroups") if person.groups.len() > MEMBER_GROUPS_LIMIT => refuse(
            StatusCode::BAD_REQUEST,
            "Directory_ResultSizeLimitExceeded",
            "The result size limit was exceeded.",
        ),
        ("POST", "getMemberGroups") => {
            ids(world, &person, |group| matches!(group.kind, GroupKind::Security | GroupKind::Distribution))
        }
        _ => refuse(StatusCode::BAD_REQUEST, "Request_BadRequest", "Resource not found for the segment."),
    }
}

fn ids(world: &World, person: &Person, wanted: impl Fn(&Group) -> bool) -> Response {
    let ids: Vec<&str> =
        person.groups.iter().filter(|group| wanted(group)).map(|group| group.id.as_str()).collect();
    let context = format!("{}/v1.0/$metadata#Collection(Edm.String)", world.base);
    axum::Json(json!({"@odata.context": context, "value": ids})).into_response()
}

fn list_memberships(
    world: &World,
    person: &Person,
    call: &Call,
    may_name: bool,
    lie: Option<Lie>,
) -> Response {
    let top: usize = call.query_field("$top").and_then(|top| top.parse().ok()).unwrap_or(100).clamp(1, 999);
    let skip: usize = call
        .query_field("$skiptoken")
        .and_then(|token| token.strip_prefix("RFNwdAIAAQ"))
        .and_then(|n| n.parse().ok())
        .unwrap_or(0);
    let select: Option<Vec<&str>> =
        call.query_field("$select").map(|names| names.split(',').map(str::trim).collect());
    let page = person.groups.iter().skip(skip).take(top);
    let value: Vec<Value> = page.map(|group| entry(group, select.as_deref(), may_name)).collect();
    let mut body = json!({
        "@odata.context": format!("{}/v1.0/$metadata#directoryObjects", world.base),
        "value": value,
    });
    let next = skip + top;
    let is_endless = lie == Some(Lie::GraphPagesEndless);
    if next < person.groups.len() || is_endless || lie == Some(Lie::GraphNextLinkElsewhere) {
        let token = if is_endless { skip } else { next };
        body["@odata.nextLink"] = json!(next_link(world, call, token, lie));
    }
    match lie {
        Some(lie) => wire::graph(lie, &body, &world.base),
        None => axum::Json(body).into_response(),
    }
}

/// The link to the next page, with the request's own parameters, as in Graph.
fn next_link(world: &World, call: &Call, next: usize, lie: Option<Lie>) -> String {
    let kept = call.query.iter().filter(|(name, _)| name != "$skiptoken");
    let query: Vec<String> = kept
        .map(|(name, value)| {
            format!("{name}={}", form_urlencoded::byte_serialize(value.as_bytes()).collect::<String>())
        })
        .chain([format!("$skiptoken=RFNwdAIAAQ{next}")])
        .collect();
    let query = query.join("&");
    if lie == Some(Lie::GraphNextLinkElsewhere) {
        return format!("{}/attacker/graph?{query}", wire::elsewhere(&world.base));
    }
    format!("{}{}?{query}", world.base, call.path)
}

fn entry(group: &Group, select: Option<&[&str]>, may_name: bool) -> Value {
    let mut entry = json!({"@odata.type": group.kind.odata_type()});
    let is_selected = |name: &str| select.is_none_or(|names| names.contains(&name));
    if is_selected("id") {
        entry["id"] = json!(group.id);
    }
    if is_selected("displayName") {
        entry["displayName"] = if may_name { json!(group.display_name) } else { Value::Null };
    }
    if select.is_none() {
        entry["securityEnabled"] =
            if may_name { json!(group.kind == GroupKind::Security) } else { Value::Null };
        entry["mail"] = Value::Null;
    }
    entry
}

fn find_token<'a>(world: &'a World, call: &Call) -> Option<&'a AccessToken> {
    let token = call.authorization.as_deref()?.strip_prefix("Bearer ")?;
    world.access_tokens.get(token).filter(|token| token.expires_at > world.now())
}

fn refuse(status: StatusCode, code: &str, message: &str) -> Response {
    let request_id = uuid::Uuid::new_v4().to_string();
    let body = json!({"error": {"code": code, "message": message,
        "innerError": {"request-id": request_id, "client-request-id": request_id}}});
    (status, axum::Json(body)).into_response()
}

/// `/oidc/userinfo` of Graph, and userinfo of the generic provider.
pub(crate) async fn userinfo(
    State(shared): State<Arc<Shared>>,
    Extension(call): Extension<Call>,
) -> Response {
    let mut world = shared.world();
    let person = find_token(&world, &call)
        .map(|token| token.oid.clone())
        .and_then(|oid| world.find_person(&oid).cloned());
    let Some(person) = person else {
        let mut headers = HeaderMap::new();
        if let Ok(value) = "Bearer error=\"invalid_token\"".parse() {
            headers.insert(header::WWW_AUTHENTICATE, value);
        }
        return (StatusCode::UNAUTHORIZED, headers).into_response();
    };
    let mut claims = json!({"name": person.name, "email": person.email});
    if world.style == Style::Entra {
        claims["sub"] = json!(person.pairwise_sub(&world.registration.client_id));
        claims["picture"] = json!(format!("{}/v1.0/me/photo/$value", world.base));
    } else {
        claims["sub"] = json!(person.oid);
        claims["preferred_username"] = json!(person.preferred_username);
        claims["email_verified"] = json!(person.email_verified);
        if world.registration.groups_in_userinfo {
            super::claims::put_groups(&world, &person, &mut claims);
        }
    }
    if let Value::Object(claims) = &mut claims {
        claims.retain(|_, value| !value.is_null());
    }
    let lie = world.tell(&[Stage::Userinfo]);
    let base = world.base.clone();
    drop(world);
    match lie {
        Some(lie) => wire::userinfo(lie, claims, &base),
        None => axum::Json(claims).into_response(),
    }
}
