//! Builds ID tokens: with Entra's claims, including those that it leaves out (entra.md 2.1, 2.3, 2.4), and with those
//! of a generic provider.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::jwt::Draft;
use super::people::{GroupKind, Person};
use super::registration::{GroupValues, GroupsClaim, Overage, Style};
use super::world::{SignIn, World, opaque};
use crate::lies::{Stage, token as lying_token};

/// With more groups than this, a JWT lists none (entra.md 2.4).
const GROUPS_LIMIT: usize = 200;
/// The lifetime of an ID token in seconds.
const ID_TTL: i64 = 3600;

/// The content of an ID token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Issue<'a> {
    pub(crate) person: &'a Person,
    pub(crate) sign_in: &'a SignIn,
    pub(crate) nonce: Option<&'a str>,
    pub(crate) access_token: &'a str,
    pub(crate) is_refresh: bool,
}

/// Signs an ID token, after applying the current lie.
pub(crate) fn mint(world: &mut World, issue: &Issue<'_>) -> String {
    let claims = match world.style {
        Style::Entra => entra_claims(world, issue),
        Style::Oidc => oidc_claims(world, issue),
    };
    let alg = match world.style {
        Style::Entra => super::keys::SigningAlg::Rs256,
        Style::Oidc => world.registration.signing_alg,
    };
    let draft = Draft::new(claims, alg, world.keys.signing());
    let stages: &[Stage] =
        if issue.is_refresh { &[Stage::Refresh, Stage::IdToken] } else { &[Stage::IdToken, Stage::Userinfo] };
    match world.tell_about_token(stages) {
        Some(lie) => lying_token::bend(lie, draft, &lying_token::Scene::new(world, issue)),
        None => draft.sign(),
    }
}

fn entra_claims(world: &World, issue: &Issue<'_>) -> Value {
    let (person, app, now) = (issue.person, &world.registration, world.now());
    let tid = world.tid_of(person);
    let wants = |name: &str| app.optional_claims.contains(name);
    let mut claims = json!({
        "aud": app.client_id, "iss": world.issuer_of(&tid), "iat": now - 300, "nbf": now - 300, "exp": now + ID_TTL,
        "rh": opaque("1.", 40), "sub": person.pairwise_sub(&app.client_id), "tid": tid, "uti": opaque("", 22), "ver": "2.0",
    });
    let mut put = |name: &str, value: Value| claims[name] = value;
    if issue.sign_in.scopes.contains("profile") {
        put("oid", json!(person.oid));
        put("name", json!(person.name));
        put("preferred_username", json!(person.preferred_username));
    }
    if let Some(email) = &person.email
        && (person.is_guest || wants("email") || issue.sign_in.scopes.contains("email"))
    {
        put("email", json!(email));
    }
    if person.is_guest {
        put(
            "idp",
            json!(
                person
                    .tid
                    .as_deref()
                    .map_or("live.com".to_owned(), |tid| format!("https://sts.windows.net/{tid}/"))
            ),
        );
    }
    if wants("acct") {
        put("acct", json!(i32::from(person.is_guest)));
    }
    if wants("upn") {
        put("upn", json!(person.preferred_username));
    }
    if wants("login_hint") {
        put("login_hint", json!(person.login_hint));
    }
    if wants("sid") {
        put("sid", json!(issue.sign_in.sid));
    }
    if wants("auth_time") || issue.sign_in.wants_auth_time {
        put("auth_time", json!(issue.sign_in.auth_time));
    }
    if let Some(nonce) = issue.nonce {
        put("nonce", json!(nonce));
    }
    if !person.roles.is_empty() {
        put("roles", json!(person.roles));
    }
    entra_groups(world, person, &mut claims);
    claims
}

fn entra_groups(world: &World, person: &Person, claims: &mut Value) {
    let app = &world.registration;
    let kinds: &[GroupKind] = match app.groups_claim {
        GroupsClaim::None => return,
        GroupsClaim::SecurityGroup => &[GroupKind::Security, GroupKind::DirectoryRole],
        GroupsClaim::ApplicationGroup => &[GroupKind::Security],
        GroupsClaim::DirectoryRole => &[],
        GroupsClaim::All => &[GroupKind::Security, GroupKind::Distribution, GroupKind::DirectoryRole],
    };
    if matches!(app.groups_claim, GroupsClaim::DirectoryRole | GroupsClaim::All) {
        let roles = person.groups.iter().filter(|group| group.kind == GroupKind::DirectoryRole);
        let wids: Vec<&str> = roles.map(|group| group.id.as_str()).collect();
        if !wids.is_empty() {
            claims["wids"] = json!(wids);
        }
    }
    let values: Vec<&str> = person
        .groups
        .iter()
        .filter(|group| kinds.contains(&group.kind))
        .filter_map(|group| match app.group_values {
            GroupValues::ObjectId => Some(group.id.as_str()),
            GroupValues::CloudDisplayName => group.display_name.as_deref(),
        })
        .collect();
    if values.len() > GROUPS_LIMIT {
        match app.overage {
            Overage::HasGroups => claims["hasgroups"] = json!(true),
            Overage::ClaimNames => {
                let tid = world.tid_of(person);
                let endpoint =
                    format!("https://graph.windows.net/{tid}/users/{}/getMemberObjects", person.oid);
                claims["_claim_names"] = json!({"groups": "src1"});
                claims["_claim_sources"] = json!({"src1": {"endpoint": endpoint}});
            }
        }
    } else if !values.is_empty() {
        claims["groups"] = json!(values);
    }
}

fn oidc_claims(world: &World, issue: &Issue<'_>) -> Value {
    let (person, app, now) = (issue.person, &world.registration, world.now());
    let mut claims = json!({
        "iss": world.issuer_of(&world.tid), "sub": person.oid, "aud": app.client_id, "azp": app.client_id, "typ": "ID",
        "iat": now, "exp": now + ID_TTL, "auth_time": issue.sign_in.auth_time, "jti": uuid::Uuid::new_v4().to_string(),
        "at_hash": at_hash(issue.access_token),
        "name": person.name, "preferred_username": person.preferred_username,
    });
    if let Some(email) = &person.email {
        claims["email"] = json!(email);
        if let Some(verified) = person.email_verified {
            claims["email_verified"] = json!(verified);
        }
    }
    if let Some(nonce) = issue.nonce {
        claims["nonce"] = json!(nonce);
    }
    if app.optional_claims.contains("sid") {
        claims["sid"] = json!(issue.sign_in.sid);
    }
    put_groups(world, person, &mut claims);
    claims
}

/// Adds the groups of the generic provider by name, at the registered path.
pub(crate) fn put_groups(world: &World, person: &Person, claims: &mut Value) {
    let names: Vec<&str> = person.groups.iter().filter_map(|group| group.display_name.as_deref()).collect();
    put_at_path(claims, &world.registration.groups_path, json!(names));
}

fn put_at_path(claims: &mut Value, path: &str, value: Value) {
    let mut place = claims;
    for level in path.split('.') {
        if !place.is_object() {
            *place = json!({});
        }
        place = &mut place[level];
    }
    *place = value;
}

/// `at_hash`: the left half of the access token's SHA-256 (`OpenID` Connect Core section 3.1.3.6).
pub(crate) fn at_hash(access_token: &str) -> String {
    URL_SAFE_NO_PAD.encode(&Sha256::digest(access_token)[..16])
}
