//! Client authentication at the token endpoint: secret (body or basic), certificate, federated assertion (entra.md 3.2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use url::form_urlencoded;

use super::errors::Aadsts;
use super::journal::Call;
use super::jwt;
use super::registration::Style;
use super::world::World;

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Authenticates the client.
pub(crate) fn authenticate(world: &mut World, call: &Call, token_endpoint: &str) -> Result<(), Aadsts> {
    if let Some(assertion) = call.form_field("client_assertion") {
        if call.form_field("client_assertion_type") != Some(JWT_BEARER) {
            return Err(Aadsts(7_000_218));
        }
        if call.form_field("client_id").is_some_and(|id| id != world.registration.client_id) {
            return Err(Aadsts(700_016));
        }
        check_assertion(world, assertion, token_endpoint)?;
        world.used_assertions.push(assertion.to_owned());
        return Ok(());
    }
    let (client_id, secret) = match find_basic(call) {
        Some(pair) => pair,
        None => (
            call.form_field("client_id").ok_or(Aadsts(90014))?.to_owned(),
            call.form_field("client_secret").ok_or(Aadsts(7_000_218))?.to_owned(),
        ),
    };
    if client_id != world.registration.client_id {
        return Err(Aadsts(700_016));
    }
    match world.registration.secrets.iter().find(|known| known.value == secret) {
        None => Err(Aadsts(7_000_215)),
        Some(known) if known.is_expired => Err(Aadsts(7_000_222)),
        Some(_) => Ok(()),
    }
}

/// Reads id and secret from `Authorization: Basic`. Both are form-encoded before base64 (RFC 6749 section 2.3.1).
fn find_basic(call: &Call) -> Option<(String, String)> {
    let encoded = call.authorization.as_deref()?.strip_prefix("Basic ")?;
    let pair = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (id, secret) = pair.split_once(':')?;
    let decode = |text: &str| {
        form_urlencoded::parse(format!("v={text}").as_bytes()).next().map(|(_, value)| value.into_owned())
    };
    Some((decode(id)?, decode(secret)?))
}

fn check_assertion(world: &World, assertion: &str, token_endpoint: &str) -> Result<(), Aadsts> {
    if world.registration.assertions.contains(assertion) {
        return Ok(());
    }
    if world.registration.certificates.is_empty() {
        return Err(Aadsts(70021));
    }
    let parts = jwt::find_parts(assertion).ok_or(Aadsts(700_027))?;
    let header = |name: &str| parts.header.get(name).and_then(Value::as_str).unwrap_or_default();
    let claim = |name: &str| parts.claims.get(name).and_then(Value::as_str).unwrap_or_default();
    let number = |name: &str| parts.claims.get(name).and_then(Value::as_i64);
    let alg = header("alg");
    let is_registered =
        |wanted: &Option<String>, sent: &str| wanted.as_deref().is_none_or(|wanted| wanted == sent);
    if !is_registered(&world.registration.assertion_alg, alg)
        || !is_registered(&world.registration.assertion_kid, header("kid"))
    {
        return Err(Aadsts(700_027));
    }
    let certificate = world.registration.certificates.iter().find(|certificate| match (world.style, alg) {
        // A generic provider finds the client's key by `kid`.
        (Style::Oidc, _) => true,
        (Style::Entra, "PS256") => header("x5t#S256") == certificate.x5t_s256,
        (Style::Entra, _) => header("x5t") == certificate.x5t,
    });
    let is_signed = certificate
        .is_some_and(|certificate| certificate.verifies(alg, parts.signed.as_bytes(), &parts.signature));
    let client_id = world.registration.client_id.as_str();
    let is_ours = claim("iss") == client_id && claim("sub") == client_id && claim("aud") == token_endpoint;
    let now = world.now();
    let is_timely = number("exp").is_some_and(|exp| exp > now && exp <= now + 600)
        && number("nbf").is_none_or(|nbf| nbf <= now + 300);
    let is_unused = !claim("jti").is_empty() && !world.used_assertions.iter().any(|used| used == assertion);
    if is_signed && is_ours && is_timely && is_unused { Ok(()) } else { Err(Aadsts(700_027)) }
}
