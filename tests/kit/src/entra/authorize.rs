//! The authorization endpoint and the account picker behind it (entra.md 3.1).
//!
//! An error about the client or the redirect URI is shown on the provider's own page, not sent by redirect (RFC 6749
//! section 4.1.2.1). A browser that already signed in is redirected at once, unless the request asks for more.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use url::form_urlencoded;

use super::errors::{self, Aadsts};
use super::journal::Call;
use super::pages;
use super::people::Person;
use super::registration::Style;
use super::world::{Challenge, Code, Shared, SignIn, Sso, World, opaque};
use crate::lies::{Lie, Stage};

/// An authorization request with a valid client and redirect URI.
#[derive(Clone, Debug)]
struct Asked {
    tenant: String,
    redirect_uri: String,
    response_mode: String,
    state: Option<String>,
    nonce: Option<String>,
    scopes: BTreeSet<String>,
    challenge: Option<Challenge>,
    prompt: String,
    max_age: Option<i64>,
    login_hint: Option<String>,
    /// The query of the request, for the picker's form.
    query: String,
}

impl Asked {
    fn parse(world: &World, tenant: &str, fields: &[(String, String)]) -> Result<Self, Aadsts> {
        let field = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        let app = &world.registration;
        if field("client_id").as_ref() != Some(&app.client_id) {
            return Err(Aadsts(700_016));
        }
        if matches!(tenant, "common" | "organizations") && !app.is_multi_tenant {
            return Err(Aadsts(50194));
        }
        let redirect_uri =
            field("redirect_uri").filter(|uri| app.redirect_uris.contains(uri)).ok_or(Aadsts(50011))?;
        let scopes: BTreeSet<String> = field("scope")
            .unwrap_or_default()
            .split_ascii_whitespace()
            .map(|scope| scope.rsplit('/').next().unwrap_or(scope).to_owned())
            .collect();
        if world.style == Style::Entra && !scopes.is_subset(&app.permissions) {
            return Err(Aadsts(90094));
        }
        let is_s256 = field("code_challenge_method").is_some_and(|method| method == "S256");
        Ok(Self {
            tenant: tenant.to_owned(),
            redirect_uri,
            response_mode: field("response_mode").unwrap_or_else(|| "query".to_owned()),
            state: field("state"),
            nonce: field("nonce"),
            scopes,
            challenge: field("code_challenge").map(|value| Challenge { is_s256, value }),
            prompt: field("prompt").unwrap_or_default(),
            max_age: field("max_age").and_then(|seconds| seconds.parse().ok()),
            login_hint: field("login_hint"),
            query: form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish(),
        })
    }

    fn is_met_by(&self, world: &World, sso: &Sso) -> bool {
        let is_fresh = self.max_age.is_none_or(|max_age| world.now() - sso.auth_time < max_age);
        let hinted = self.login_hint.as_deref().and_then(|hint| world.find_by_name(hint));
        let is_who_was_hinted = hinted.is_none_or(|person| person.oid == sso.oid);
        is_fresh && is_who_was_hinted && !matches!(self.prompt.as_str(), "login" | "select_account")
    }
}

pub(crate) async fn authorize(
    State(shared): State<Arc<Shared>>,
    Path(tenant): Path<String>,
    Extension(call): Extension<Call>,
    headers: HeaderMap,
) -> Response {
    let mut world = shared.world();
    let fields = if call.method == "POST" { &call.form } else { &call.query };
    let asked = match Asked::parse(&world, &tenant, fields) {
        Ok(asked) => asked,
        Err(refusal) => return pages::refusal(&refusal.text()),
    };
    if let Some((error, text)) = world.authorize_errors.pop_front() {
        return refuse(&world, &asked, &error, &text);
    }
    let response_type =
        fields.iter().find(|(key, _)| key == "response_type").map(|(_, value)| value.as_str());
    if response_type != Some("code") {
        return refuse_with(&world, &asked, Aadsts(700_054));
    }
    let cookie = find_cookie(&world, &headers);
    let sso = cookie.as_ref().and_then(|cookie| world.sso.get(cookie)).cloned();
    if let Some(sso) = sso.filter(|sso| asked.is_met_by(&world, sso))
        && let Some(person) = world.find_person(&sso.oid).cloned()
    {
        return admit(&mut world, &asked, &person, &sso, None);
    }
    if asked.prompt == "none" {
        return refuse_with(&world, &asked, Aadsts(50058));
    }
    if let Some(person) = world.at_the_browser.as_deref().and_then(|name| world.find_by_name(name)).cloned() {
        return sign_in_person(&mut world, &asked, &person, cookie.as_deref());
    }
    ask(&world, &asked, None)
}

/// Handles the picker's form.
pub(crate) async fn sign_in(
    State(shared): State<Arc<Shared>>,
    Path(tenant): Path<String>,
    Extension(call): Extension<Call>,
    headers: HeaderMap,
) -> Response {
    let mut world = shared.world();
    let request = call.form_field("request").unwrap_or_default().as_bytes();
    let fields: Vec<(String, String)> = form_urlencoded::parse(request).into_owned().collect();
    let asked = match Asked::parse(&world, &tenant, &fields) {
        Ok(asked) => asked,
        Err(refusal) => return pages::refusal(&refusal.text()),
    };
    if call.form_field("cancel").is_some() {
        return refuse_with(&world, &asked, Aadsts(65004));
    }
    let name = call.form_field("person").unwrap_or_default();
    let Some(person) = world.find_by_name(name).cloned() else {
        return ask(&world, &asked, Some(&Aadsts(50034).text()));
    };
    let cookie = find_cookie(&world, &headers);
    sign_in_person(&mut world, &asked, &person, cookie.as_deref())
}

fn ask(world: &World, asked: &Asked, problem: Option<&str>) -> Response {
    let action = match world.style {
        Style::Entra => format!("/{}/sign-in", asked.tenant),
        Style::Oidc => format!("/realms/{}/sign-in", asked.tenant),
    };
    pages::picker(&action, &asked.query, world.people.iter(), problem)
}

/// Signs the person in again. The same person in the same browser keeps the session's `sid`.
fn sign_in_person(world: &mut World, asked: &Asked, person: &Person, cookie: Option<&str>) -> Response {
    if person.is_disabled {
        return pages::refusal(&Aadsts(50057).text());
    }
    let is_foreign = world.tid_of(person) != world.tid;
    if is_foreign
        && !matches!(asked.tenant.as_str(), "common" | "organizations")
        && asked.tenant != world.tid_of(person)
    {
        return pages::refusal(&Aadsts(50020).text());
    }
    let before = cookie.and_then(|cookie| world.sso.remove(cookie)).filter(|sso| sso.oid == person.oid);
    let sid = before.map_or_else(|| uuid::Uuid::new_v4().to_string(), |sso| sso.sid);
    let sso = Sso { oid: person.oid.clone(), auth_time: world.now(), sid };
    let cookie = opaque("1.", 200);
    world.sso.insert(cookie.clone(), sso.clone());
    admit(world, asked, person, &sso, Some(cookie))
}

/// The authorization response with a code.
fn admit(world: &mut World, asked: &Asked, person: &Person, sso: &Sso, cookie: Option<String>) -> Response {
    if person.is_disabled {
        return pages::refusal(&Aadsts(50057).text());
    }
    let code = opaque("1.AXkA", 620);
    let sign_in = SignIn {
        oid: person.oid.clone(),
        tenant: asked.tenant.clone(),
        scopes: asked.scopes.clone(),
        auth_time: sso.auth_time,
        wants_auth_time: asked.max_age.is_some() || asked.prompt == "login",
        sid: sso.sid.clone(),
    };
    let issued_at = world.now();
    let record = Code {
        sign_in,
        redirect_uri: asked.redirect_uri.clone(),
        challenge: asked.challenge.clone(),
        nonce: asked.nonce.clone(),
        issued_at,
        is_redeemed: false,
    };
    world.codes.insert(code.clone(), record);
    let mut fields = vec![("code".to_owned(), code)];
    fields.extend(asked.state.clone().map(|state| ("state".to_owned(), state)));
    fields.push(("session_state".to_owned(), sso.sid.clone()));
    if world.style == Style::Oidc {
        // RFC 9207. Entra does not send `iss`.
        fields.push(("iss".to_owned(), world.issuer_of(&world.tid)));
    }
    if let Some(lie) = world.tell(&[Stage::Authorize]) {
        bend_response(lie, &mut fields);
    }
    let mut response = send(asked, &fields);
    if let Some(cookie) = cookie {
        let cookie = format!("{}={cookie}; Path=/; HttpOnly; SameSite=Lax", cookie_name(world));
        if let Ok(value) = cookie.parse() {
            response.headers_mut().append(header::SET_COOKIE, value);
        }
    }
    response
}

fn bend_response(lie: Lie, fields: &mut Vec<(String, String)>) {
    let double = |fields: &mut Vec<(String, String)>, name: &str| {
        fields.push((name.to_owned(), "somebody-elses".to_owned()));
    };
    match lie {
        Lie::ResponseIssWrong => fields.iter_mut().filter(|f| f.0 == "iss").for_each(|f| f.1.push('1')),
        Lie::ResponseIssMissing => fields.retain(|f| f.0 != "iss"),
        Lie::ResponseIssTwice => double(fields, "iss"),
        Lie::ResponseCodeTwice => double(fields, "code"),
        Lie::ResponseCodeMissing => fields.retain(|f| f.0 != "code"),
        Lie::ResponseStateTwice => double(fields, "state"),
        Lie::ResponseStateMissing => fields.retain(|f| f.0 != "state"),
        Lie::ResponseStateChanged => fields.iter_mut().filter(|f| f.0 == "state").for_each(|f| f.1.push('A')),
        Lie::ResponseErrorAndCode => fields.push(("error".to_owned(), "access_denied".to_owned())),
        _ => {}
    }
}

fn refuse_with(world: &World, asked: &Asked, refusal: Aadsts) -> Response {
    refuse(world, asked, refusal.error(), &refusal.text())
}

fn refuse(world: &World, asked: &Asked, error: &str, text: &str) -> Response {
    let mut fields = vec![("error".to_owned(), error.to_owned())];
    if world.style == Style::Entra {
        fields.push(("error_description".to_owned(), errors::description(text, world.now())));
    } else {
        fields.push(("error_description".to_owned(), text.to_owned()));
        fields.push(("iss".to_owned(), world.issuer_of(&world.tid)));
    }
    fields.extend(asked.state.clone().map(|state| ("state".to_owned(), state)));
    send(asked, &fields)
}

fn send(asked: &Asked, fields: &[(String, String)]) -> Response {
    let encoded = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let address = match asked.response_mode.as_str() {
        "form_post" => return pages::form_post(&asked.redirect_uri, fields),
        "fragment" => format!("{}#{encoded}", asked.redirect_uri),
        _ if asked.redirect_uri.contains('?') => format!("{}&{encoded}", asked.redirect_uri),
        _ => format!("{}?{encoded}", asked.redirect_uri),
    };
    (StatusCode::FOUND, [(header::LOCATION, address), (header::CACHE_CONTROL, "no-store".to_owned())])
        .into_response()
}

/// The name of the session cookie. It contains the port, because cookies of several fakes on one address would collide.
pub(crate) fn cookie_name(world: &World) -> String {
    let port =
        url::Url::parse(&world.base).ok().and_then(|base| base.port_or_known_default()).unwrap_or_default();
    format!("ESTSAUTHPERSISTENT-{port}")
}

/// The session of the browser's cookie, if there is one.
pub(crate) fn find_cookie(world: &World, headers: &HeaderMap) -> Option<String> {
    let name = cookie_name(world);
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, value)| *key == name && world.sso.contains_key(*value))
        .map(|(_, value)| value.to_owned())
}
