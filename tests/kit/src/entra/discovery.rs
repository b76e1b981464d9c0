//! Provider metadata and key sets, with the fields that Entra publishes (entra.md 1.2, 1.4).

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::keys::{self, RsaName, SigningAlg};
use super::registration::Style;
use super::world::{Shared, World};
use crate::lies::{Stage, keys as lying_keys, wire};

pub(crate) async fn metadata(State(shared): State<Arc<Shared>>, Path(tenant): Path<String>) -> Response {
    let mut world = shared.world();
    let document = match world.style {
        Style::Oidc if tenant == "demo" => oidc_metadata(&world),
        Style::Entra if tenant == world.tid || matches!(tenant.as_str(), "common" | "organizations") => {
            entra_metadata(&world, &tenant)
        }
        _ => {
            return (StatusCode::BAD_REQUEST, axum::Json(json!({"error": "invalid_tenant"}))).into_response();
        }
    };
    let lie = world.tell(&[Stage::Discovery]);
    let base = world.base.clone();
    drop(world);
    let mut response = match lie {
        Some(lie) => wire::discovery(lie, document, &base),
        None => axum::Json(document).into_response(),
    };
    if let Ok(value) = "max-age=86400, private".parse() {
        response.headers_mut().insert(header::CACHE_CONTROL, value);
    }
    response
}

/// The valid metadata of the provider's own tenant.
pub(crate) fn document(world: &World) -> Value {
    match world.style {
        Style::Oidc => oidc_metadata(world),
        Style::Entra => entra_metadata(world, &world.tid),
    }
}

fn entra_metadata(world: &World, tenant: &str) -> Value {
    let base = &world.base;
    let host = base.split_once("://").map_or(base.as_str(), |(_, host)| host);
    let issuer =
        if tenant == world.tid { world.issuer_of(tenant) } else { format!("{base}/{{tenantid}}/v2.0") };
    json!({
        "token_endpoint": format!("{base}/{tenant}/oauth2/v2.0/token"),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "jwks_uri": format!("{base}/{tenant}/discovery/v2.0/keys"),
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "issuer": issuer,
        "request_uri_parameter_supported": false,
        "userinfo_endpoint": format!("{base}/oidc/userinfo"),
        "authorization_endpoint": format!("{base}/{tenant}/oauth2/v2.0/authorize"),
        "device_authorization_endpoint": format!("{base}/{tenant}/oauth2/v2.0/devicecode"),
        "http_logout_supported": true,
        "frontchannel_logout_supported": true,
        "end_session_endpoint": format!("{base}/{tenant}/oauth2/v2.0/logout"),
        "claims_supported": [
            "sub", "iss", "cloud_instance_name", "cloud_instance_host_name", "cloud_graph_host_name", "msgraph_host",
            "aud", "exp", "iat", "auth_time", "acr", "nonce", "preferred_username", "name", "tid", "ver", "at_hash",
            "c_hash", "email"
        ],
        "kerberos_endpoint": format!("{base}/{tenant}/kerberos"),
        "tenant_region_scope": if tenant == world.tid { json!("EU") } else { Value::Null },
        "cloud_instance_name": "microsoftonline.com",
        "cloud_graph_host_name": "graph.windows.net",
        "msgraph_host": host,
        "rbac_url": "https://pas.windows.net",
    })
}

fn oidc_metadata(world: &World) -> Value {
    let issuer = world.issuer_of(&world.tid);
    let protocol = format!("{issuer}/protocol/openid-connect");
    json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{protocol}/auth"),
        "token_endpoint": format!("{protocol}/token"),
        "userinfo_endpoint": format!("{protocol}/userinfo"),
        "end_session_endpoint": format!("{protocol}/logout"),
        "revocation_endpoint": format!("{protocol}/revoke"),
        "jwks_uri": format!("{protocol}/certs"),
        "frontchannel_logout_supported": true,
        "frontchannel_logout_session_supported": true,
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "PS256", "ES256"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic", "private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS256", "PS256"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "claims_supported": ["sub", "iss", "auth_time", "name", "preferred_username", "email", "email_verified"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
    })
}

/// The key set. `?appid=` returns the same keys, because the fake has no custom signing keys.
pub(crate) async fn key_set(State(shared): State<Arc<Shared>>, Path(tenant): Path<String>) -> Response {
    let mut world = shared.world();
    let names = world.keys.published();
    let mut jwks: Vec<Value> = names.iter().map(|name| jwk(&world, &tenant, *name)).collect();
    if world.style == Style::Oidc {
        jwks.push(keys::es256_jwk());
    }
    if let Some(lie) = world.active_lie.map(|active| active.lie).or(world.last_lie) {
        lying_keys::bend(lie, &world, &mut jwks);
    }
    let lie = world.tell(&[Stage::Keys]);
    let base = world.base.clone();
    drop(world);
    let document = json!({"keys": jwks});
    match lie {
        Some(lie) => wire::keys(lie, document, &base),
        None => axum::Json(document).into_response(),
    }
}

/// The `issuer` of a key. Entra's keys have the issuer that they may sign for: the template, except in a tenant's own
/// key set.
fn jwk(world: &World, tenant: &str, name: RsaName) -> Value {
    match world.style {
        Style::Oidc if world.registration.signing_alg == SigningAlg::Ps256 => name.key().plain_jwk("PS256"),
        Style::Oidc => name.key().plain_jwk("RS256"),
        Style::Entra if tenant == world.tid => name.key().entra_jwk(&world.issuer_of(tenant)),
        Style::Entra => name.key().entra_jwk(&format!("{}/{{tenantid}}/v2.0", world.base)),
    }
}
