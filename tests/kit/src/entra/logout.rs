//! Sign-out at the provider: the account picker, the front-channel iframe, the redirect back (entra.md section 4).

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use url::form_urlencoded;

use super::authorize;
use super::journal::Call;
use super::jwt;
use super::pages::{self, escape};
use super::registration::Style;
use super::world::{Shared, Sso, World};

/// GET and POST `end_session_endpoint`.
pub(crate) async fn logout(
    State(shared): State<Arc<Shared>>,
    Path(tenant): Path<String>,
    Extension(call): Extension<Call>,
    headers: HeaderMap,
) -> Response {
    let mut world = shared.world();
    let fields = if call.method == "POST" { &call.form } else { &call.query };
    let field = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let cookie = authorize::find_cookie(&world, &headers);
    let sso = cookie.as_ref().and_then(|cookie| world.sso.get(cookie)).cloned();
    let onward = field("post_logout_redirect_uri")
        .filter(|uri| world.registration.redirect_uris.iter().any(|known| known == uri))
        .map(|uri| with_state(uri, field("state")));
    if let Some(sso) = &sso
        && !is_named(&world, sso, field("logout_hint"), field("id_token_hint"))
        && field("confirmed").is_none()
    {
        return confirm(&world, &tenant, sso, fields);
    }
    if let Some(cookie) = cookie {
        world.sso.remove(&cookie);
    }
    let frontchannel = sso.and_then(|sso| frontchannel_address(&world, &sso.sid));
    let mut response = answer(frontchannel.as_deref(), onward.as_deref());
    let cookie = format!("{}=; Path=/; Max-Age=0", authorize::cookie_name(&world));
    if let Ok(value) = cookie.parse() {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}

fn with_state(uri: &str, state: Option<&str>) -> String {
    let Some(state) = state else { return uri.to_owned() };
    let state: String = form_urlencoded::byte_serialize(state.as_bytes()).collect();
    let separator = if uri.contains('?') { '&' } else { '?' };
    format!("{uri}{separator}state={state}")
}

/// Whether the request names the session to end: by `logout_hint` at Entra, by an ID token of that session elsewhere.
fn is_named(world: &World, sso: &Sso, logout_hint: Option<&str>, id_token_hint: Option<&str>) -> bool {
    match world.style {
        Style::Entra => {
            world.find_person(&sso.oid).is_some_and(|person| Some(person.login_hint.as_str()) == logout_hint)
        }
        Style::Oidc => id_token_hint.and_then(jwt::find_parts).is_some_and(|parts| {
            parts.claims["iss"] == world.issuer_of(&world.tid)
                && parts.claims["aud"] == world.registration.client_id.as_str()
                && parts.claims["sid"] == sso.sid.as_str()
        }),
    }
}

/// The page "Which account do you want to sign out of?", which is skipped if the request has a hint.
fn confirm(world: &World, tenant: &str, sso: &Sso, fields: &[(String, String)]) -> Response {
    let action = match world.style {
        Style::Entra => format!("/{tenant}/oauth2/v2.0/logout"),
        Style::Oidc => format!("/realms/{tenant}/protocol/openid-connect/logout"),
    };
    let inputs = pages::hidden_inputs(fields);
    let (handle, name) = world
        .find_person(&sso.oid)
        .map_or((String::new(), String::new()), |person| (escape(&person.handle), escape(&person.name)));
    let body = format!(
        "<p>Which account do you want to sign out of?</p><form method=\"post\" action=\"{}\">{inputs}\
         <button id=\"sign-out-{handle}\" name=\"confirmed\" value=\"1\">{name}</button></form>",
        escape(&action)
    );
    pages::page(StatusCode::OK, "Pick an account", &body)
}

/// The address that the iframe loads. Entra only sends `sid`; the specification also requires `iss`.
pub(crate) fn frontchannel_address(world: &World, sid: &str) -> Option<String> {
    let uri = world.registration.frontchannel_logout_uri.as_ref()?;
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("sid", sid);
    if world.style == Style::Oidc {
        query.append_pair("iss", &world.issuer_of(&world.tid));
    }
    let separator = if uri.contains('?') { '&' } else { '?' };
    Some(format!("{uri}{separator}{}", query.finish()))
}

fn answer(frontchannel: Option<&str>, onward: Option<&str>) -> Response {
    let link = onward
        .map(|uri| format!("<p><a id=\"continue\" href=\"{}\">Continue</a></p>", escape(uri)))
        .unwrap_or_default();
    match (frontchannel, onward) {
        (None, Some(uri)) => (StatusCode::FOUND, [(header::LOCATION, uri)]).into_response(),
        (None, None) => pages::page(StatusCode::OK, "You signed out of your account", ""),
        (Some(address), _) => {
            let go = onward.map_or_else(String::new, |_| {
                "<script>document.getElementById('frontchannel').addEventListener('load',\
                 ()=>{location.href=document.getElementById('continue').href})</script>"
                    .to_owned()
            });
            let frame = format!(
                "<iframe id=\"frontchannel\" title=\"sign-out\" hidden data-src=\"{0}\"></iframe>{link}{go}\
                 <script>{{const f=document.getElementById('frontchannel');f.src=f.dataset.src}}</script>",
                escape(address)
            );
            pages::page(StatusCode::OK, "You signed out of your account", &frame)
        }
    }
}
