//! The token endpoint: codes and refresh tokens (entra.md 3.1, 3.3).
//!
//! A code is valid once. A refresh returns a new refresh token, and the old one stays valid, unless strict rotation is
//! on: then a second use of a token revokes the whole family.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::Url;

use super::access_token;
use super::claims::{self, Issue};
use super::client_auth;
use super::errors::Aadsts;
use super::journal::Call;
use super::people::Person;
use super::registration::{Api, RefreshTokens, Style};
use super::world::{AccessToken, RefreshToken, Scripted, Shared, SignIn, World, opaque};
use crate::lies::{Stage, wire};

/// The lifetime of an access token in seconds.
const ACCESS_TTL: i64 = 3600;
/// The lifetime of a code in seconds.
const CODE_TTL: i64 = 600;

pub(crate) async fn token(
    State(shared): State<Arc<Shared>>,
    Path(tenant): Path<String>,
    Extension(call): Extension<Call>,
) -> Response {
    let mut world = shared.world();
    if let Some(scripted) = world.token_answers.pop_front() {
        return answer_scripted(scripted);
    }
    let (style, base, now) = (world.style, world.base.clone(), world.now());
    let granted = grant(&mut world, &tenant, &call);
    let lie = if granted.is_ok() { world.tell(&[Stage::Token]) } else { None };
    drop(world);
    match (granted, lie) {
        (Ok(body), Some(lie)) => wire::token(lie, body, &base),
        (Ok(body), None) => {
            ([(header::CACHE_CONTROL, "no-store"), (header::PRAGMA, "no-cache")], axum::Json(body))
                .into_response()
        }
        (Err(refusal), _) => refusal.answer(style, &base, now),
    }
}

/// The answer to a `GET`, which a browser sends after "back". The token endpoint only accepts `POST`.
pub(crate) async fn not_by_get(State(shared): State<Arc<Shared>>) -> Response {
    let world = shared.world();
    Aadsts(900_561).answer(world.style, &world.base, world.now())
}

/// An answer that a test set up in advance.
pub(crate) fn answer_scripted(scripted: Scripted) -> Response {
    let status = StatusCode::from_u16(scripted.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, [(header::CONTENT_TYPE, "application/json")], scripted.body).into_response();
    if let Some(value) = scripted.retry_after.and_then(|after| after.parse().ok()) {
        response.headers_mut().insert(header::RETRY_AFTER, value);
    }
    response
}

fn grant(world: &mut World, tenant: &str, call: &Call) -> Result<Value, Aadsts> {
    client_auth::authenticate(world, call, &endpoint(world, tenant))?;
    match call.form_field("grant_type") {
        Some("authorization_code") => redeem_code(world, tenant, call),
        Some("refresh_token") if world.registration.refresh_tokens == RefreshTokens::GrantRefused => {
            Err(Aadsts(70001))
        }
        Some("refresh_token") => refresh(world, call),
        Some("client_credentials") if world.style == Style::Entra => as_application(world, call),
        _ => Err(Aadsts(70003)),
    }
}

/// Revokes a token (RFC 7009). An unknown token is not an error.
pub(crate) async fn revoke(
    State(shared): State<Arc<Shared>>,
    Path(tenant): Path<String>,
    Extension(call): Extension<Call>,
) -> Response {
    let mut world = shared.world();
    let token_endpoint = endpoint(&world, &tenant);
    if let Err(refusal) = client_auth::authenticate(&mut world, &call, &token_endpoint) {
        return refusal.answer(world.style, &world.base, world.now());
    }
    if let Some(token) = call.form_field("token").and_then(|value| world.refresh_tokens.get_mut(value)) {
        token.revoked = Some(70000);
    }
    StatusCode::OK.into_response()
}

fn endpoint(world: &World, tenant: &str) -> String {
    match world.style {
        Style::Entra => format!("{}/{tenant}/oauth2/v2.0/token", world.base),
        Style::Oidc => format!("{}/realms/{tenant}/protocol/openid-connect/token", world.base),
    }
}

fn redeem_code(world: &mut World, tenant: &str, call: &Call) -> Result<Value, Aadsts> {
    let value = call.form_field("code").ok_or(Aadsts(90014))?;
    let code = world.codes.get(value).cloned().ok_or(Aadsts(70000))?;
    if code.is_redeemed {
        return Err(Aadsts(54005));
    }
    if code.sign_in.tenant != tenant {
        return Err(Aadsts(700_005));
    }
    if call.form_field("redirect_uri") != Some(&code.redirect_uri) {
        return Err(Aadsts(500_112));
    }
    if world.now() - code.issued_at > CODE_TTL {
        return Err(Aadsts(70008));
    }
    if let Some(challenge) = &code.challenge {
        let verifier = call.form_field("code_verifier").unwrap_or_default();
        let computed = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
        let is_met =
            if challenge.is_s256 { computed == challenge.value } else { verifier == challenge.value };
        if !is_met {
            return Err(Aadsts(501_481));
        }
    }
    let person = find_active(world, &code.sign_in.oid)?;
    if let Some(code) = world.codes.get_mut(value) {
        code.is_redeemed = true;
    }
    world.redeemed += 1;
    let family = opaque("", 24);
    Ok(issue(world, &Granted { person, sign_in: code.sign_in, nonce: code.nonce, family, is_refresh: false }))
}

fn refresh(world: &mut World, call: &Call) -> Result<Value, Aadsts> {
    let value = call.form_field("refresh_token").ok_or(Aadsts(90014))?;
    let token = world.refresh_tokens.get(value).cloned().ok_or(Aadsts(70000))?;
    let person = find_active(world, &token.sign_in.oid)?;
    if let Some(code) = token.revoked {
        return Err(Aadsts(code));
    }
    if world.rotates_strictly && token.is_used {
        for relative in world.refresh_tokens.values_mut().filter(|other| other.family == token.family) {
            relative.revoked = Some(70000);
        }
        return Err(Aadsts(70000));
    }
    if let Some(token) = world.refresh_tokens.get_mut(value) {
        token.is_used = true;
    }
    let mut sign_in = token.sign_in;
    if let Some(scope) = call.form_field("scope") {
        let asked: BTreeSet<String> =
            scope.split_ascii_whitespace().map(|s| s.rsplit('/').next().unwrap_or(s).to_owned()).collect();
        sign_in.scopes = asked.intersection(&sign_in.scopes).cloned().collect();
    }
    Ok(issue(world, &Granted { person, sign_in, nonce: None, family: token.family, is_refresh: true }))
}

/// Issues a token for the application itself (`client_credentials`, entra.md 3.2): opaque for Graph, a JWT for an API of the
/// tenant. A `resource` must be the API in the scope, letter by letter (since March 2026).
fn as_application(world: &World, call: &Call) -> Result<Value, Aadsts> {
    let scope = call.form_field("scope").unwrap_or_default();
    let api = scope.strip_suffix("/.default").ok_or(Aadsts(1_002_012))?;
    if call.form_field("resource").is_some_and(|resource| resource != api) {
        return Err(Aadsts(9_010_010));
    }
    let is_graph = Url::parse(api).is_ok_and(|url| url.path() == "/") && !api.starts_with("api:");
    let token = match world.registration.apis.get(api) {
        Some(Api { needs_assignment: true, .. }) => return Err(Aadsts(501_051)),
        Some(own) => access_token::for_application(world, api, own.issues_v1),
        None if is_graph => opaque("eyJ0eXAiOiJKV1QiLCJub25jZSI6", 1200),
        None => return Err(Aadsts(500_011)),
    };
    Ok(json!({"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": token}))
}

fn find_active(world: &World, oid: &str) -> Result<Person, Aadsts> {
    let person = world.find_person(oid).ok_or(Aadsts(50034))?;
    if person.is_disabled { Err(Aadsts(50057)) } else { Ok(person.clone()) }
}

/// The result of a grant.
struct Granted {
    person: Person,
    sign_in: SignIn,
    nonce: Option<String>,
    family: String,
    is_refresh: bool,
}

fn issue(world: &mut World, granted: &Granted) -> Value {
    let sign_in = &granted.sign_in;
    let access_token = opaque("eyJ0eXAiOiJKV1QiLCJub25jZSI6", 1800);
    let expires_at = world.now() + ACCESS_TTL;
    // The application has the consent, so an access token for Graph has all granted permissions.
    let scopes: BTreeSet<String> = match world.style {
        Style::Entra => {
            world.registration.permissions.iter().filter(|p| *p != "offline_access").cloned().collect()
        }
        Style::Oidc => sign_in.scopes.clone(),
    };
    let scope = scopes.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
    let mut body = json!({
        "token_type": "Bearer", "scope": scope, "expires_in": ACCESS_TTL, "access_token": access_token,
    });
    if world.style == Style::Entra {
        body["ext_expires_in"] = json!(ACCESS_TTL);
    }
    world
        .access_tokens
        .insert(access_token.clone(), AccessToken { oid: granted.person.oid.clone(), scopes, expires_at });
    let is_wanted =
        sign_in.scopes.contains("offline_access") || world.style == Style::Oidc || granted.is_refresh;
    if is_wanted && world.registration.refresh_tokens == RefreshTokens::Given {
        let refresh_token = opaque("1.AXkA", 1100);
        let record = RefreshToken {
            sign_in: sign_in.clone(),
            family: granted.family.clone(),
            is_used: false,
            revoked: None,
        };
        world.refresh_tokens.insert(refresh_token.clone(), record);
        body["refresh_token"] = json!(refresh_token);
    }
    let is_silent = granted.is_refresh && world.registration.refreshes_without_id_token;
    if sign_in.scopes.contains("openid") && !is_silent {
        let issue = Issue {
            person: &granted.person,
            sign_in,
            nonce: granted.nonce.as_deref(),
            access_token: &access_token,
            is_refresh: granted.is_refresh,
        };
        body["id_token"] = json!(claims::mint(world, &issue));
    }
    body
}
