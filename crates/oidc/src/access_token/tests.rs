use super::*;
use crate::testing::{Signer, provider};
use gatepost_config::{BearerPeople, EntraTenant, ProviderKind};
use gatepost_core::identity::{AssertedGroups, GroupKind};
use serde_json::json;
use url::Url;

const NOW: i64 = 1_800_000_000;
const TID: &str = "11111111-1111-4111-8111-111111111111";
const OID: &str = "22222222-2222-4222-8222-222222222222";
const API: &str = "33333333-3333-4333-8333-333333333333";

fn bearer() -> BearerConfig {
    BearerConfig {
        audience: vec!["https://mcp.example.com".into(), API.into()],
        people: BearerPeople::Known,
        scopes: vec!["mcp.call".into()],
        clients: None,
    }
}

fn of_clients(clients: &[&str]) -> BearerConfig {
    BearerConfig { clients: Some(clients.iter().map(|&client| client.to_owned()).collect()), ..bearer() }
}

fn oidc() -> ProviderKind {
    ProviderKind::Oidc { issuer: "https://op.example".into() }
}

fn entra() -> ProviderKind {
    let authority = Url::parse("https://login.example").expect("an address");
    ProviderKind::Entra { authority, tenant: EntraTenant::Pinned(TID.into()) }
}

/// As RFC 9068 section 2.2 has it.
fn rfc_9068() -> Value {
    json!({
        "iss": "https://op.example", "sub": "s", "aud": "https://mcp.example.com", "client_id": "editor",
        "exp": NOW + 300, "iat": NOW, "jti": "j", "scope": "openid mcp.call",
    })
}

fn entra_v2() -> Value {
    json!({
        "iss": format!("https://login.example/{TID}/v2.0"), "sub": "pairwise", "oid": OID, "tid": TID, "aud": API,
        "azp": "editor", "azpacr": "0", "exp": NOW + 300, "iat": NOW - 300, "nbf": NOW - 300, "scp": "mcp.call",
        "ver": "2.0", "uti": "u",
    })
}

fn entra_application() -> Value {
    let mut claims = entra_v2();
    claims.as_object_mut().expect("an object").remove("scp");
    claims["sub"] = json!(OID);
    claims["roles"] = json!(["mcp.call", "Tools"]);
    claims
}

fn keycloak() -> Value {
    json!({
        "iss": "https://op.example", "sub": "s", "aud": ["account", "https://mcp.example.com"], "azp": "editor",
        "typ": "Bearer", "exp": NOW + 300, "iat": NOW, "auth_time": NOW - 10, "sid": "x",
        "scope": "openid email mcp.call", "realm_access": {"roles": ["offline_access"]},
        "email": "alice@example.com", "email_verified": true, "groups": ["A"],
    })
}

fn check_with(
    kind: ProviderKind,
    bearer: &BearerConfig,
    claims: &Value,
) -> Result<AccessToken, AccessTokenError> {
    let provider = provider(kind, |provider| provider.bearer = Some(bearer.clone()));
    let token = Signer::first().sign("k", claims);
    let (jws, key) = (Jws::parse(&token)?, Signer::first().key("k"));
    provider.check_access_token(bearer, &jws.verify(&key)?, &key, Timestamp::from_unix(NOW))
}

fn reason(kind: ProviderKind, bearer: &BearerConfig, claims: &Value) -> Result<(), &'static str> {
    check_with(kind, bearer, claims).map(|_| ()).map_err(|error| error.reason())
}

fn changed(mut claims: Value, name: &str, value: Value) -> Value {
    claims[name] = value;
    claims
}

fn without(mut claims: Value, name: &str) -> Value {
    claims.as_object_mut().expect("an object").remove(name);
    claims
}

#[test]
fn the_tokens_of_each_kind_of_provider_pass() {
    for (kind, claims) in [(oidc(), rfc_9068()), (entra(), entra_v2()), (oidc(), keycloak())] {
        let token = check_with(kind, &bearer(), &claims).expect("a token");
        let TokenHolder::Person(identity) = token.holder else { panic!("{:?}", token.holder) };
        let is_entra = claims.get("oid").is_some();
        assert_eq!(identity.subject.subject, if is_entra { OID } else { "s" });
        assert_eq!(identity.subject.issuer, claims["iss"].as_str().expect("a text"));
        assert_eq!(token.expires_at, Timestamp::from_unix(NOW + 360));
        assert_eq!(token.auth_time.known().is_some(), claims.get("auth_time").is_some());
    }
}

#[test]
fn every_claim_of_an_access_token_is_checked() {
    for name in ["iss", "sub", "aud", "exp", "iat"] {
        assert_eq!(reason(oidc(), &bearer(), &without(rfc_9068(), name)), Err("missing_claim"), "{name}");
    }
    for (name, value, error) in [
        ("iss", json!("https://op.example/"), "wrong_issuer"),
        ("iss", json!(["https://op.example"]), "malformed_claim"),
        ("aud", json!("https://mcp.example.com/"), "wrong_audience"),
        ("aud", json!(["us"]), "wrong_audience"),
        ("aud", json!([]), "wrong_audience"),
        ("aud", json!(["https://mcp.example.com", 7]), "malformed_claim"),
        ("aud", json!({"https://mcp.example.com": 1}), "malformed_claim"),
        ("sub", json!(""), "malformed_claim"),
        ("sub", json!("s".repeat(256)), "malformed_claim"),
        ("sub", json!(7), "malformed_claim"),
        ("exp", json!(NOW - 60), "expired"),
        ("exp", json!(1e300), "malformed_claim"),
        ("exp", json!((NOW + 300).to_string()), "malformed_claim"),
        ("iat", json!(NOW + 61), "not_yet_valid"),
        ("nbf", json!(NOW + 61), "not_yet_valid"),
        ("nbf", json!("soon"), "malformed_claim"),
        ("auth_time", json!(NOW + 61), "wrong_auth_time"),
        ("auth_time", json!("now"), "malformed_claim"),
        ("scope", json!(7), "malformed_claim"),
        ("scope", json!(["mcp.call", 7]), "malformed_claim"),
        ("scope", json!("mcp.calls mcp.read"), "missing_scope"),
        ("azp", json!("another"), "malformed_claim"),
        ("groups", json!(7), "malformed_claim"),
    ] {
        let claims = changed(rfc_9068(), name, value.clone());
        assert_eq!(reason(oidc(), &bearer(), &claims), Err(error), "{name} {value}");
    }
    for (name, value) in [
        ("exp", json!(NOW - 59)),
        ("iat", json!(NOW - 86_400)),
        ("nbf", json!(NOW + 60)),
        ("aud", json!(["other", "https://mcp.example.com"])),
        ("scope", json!(["mcp.call"])),
    ] {
        let claims = changed(rfc_9068(), name, value.clone());
        assert_eq!(reason(oidc(), &bearer(), &claims), Ok(()), "{name} {value}");
    }
}

#[test]
fn an_id_token_is_not_an_access_token() {
    for (name, value) in [
        ("nonce", json!("n")),
        ("nonce", Value::Null),
        ("at_hash", json!("x")),
        ("c_hash", json!("x")),
        ("events", json!({})),
        ("typ", json!("ID")),
        ("typ", json!("Refresh")),
        ("typ", json!("Logout")),
    ] {
        let claims = changed(keycloak(), name, value.clone());
        assert_eq!(reason(oidc(), &bearer(), &claims), Err("not_an_access_token"), "{name} {value}");
    }
    for claims in [without(rfc_9068(), "scope"), changed(rfc_9068(), "scope", json!(" "))] {
        assert_eq!(reason(oidc(), &bearer(), &claims), Err("not_an_access_token"), "{claims}");
    }
    // An ID token after a refresh has no nonce, but the person's app roles.
    let own = BearerConfig { audience: vec!["us".into()], ..of_clients(&["us"]) };
    let id_token =
        changed(changed(without(rfc_9068(), "scope"), "aud", json!("us")), "roles", json!(["Admin"]));
    assert_eq!(reason(oidc(), &own, &id_token), Err("not_an_access_token"));
}

#[test]
fn a_token_that_is_bound_to_a_key_is_worth_nothing_without_the_key() {
    let claims = changed(rfc_9068(), "cnf", json!({"jkt": "x"}));
    assert_eq!(reason(oidc(), &bearer(), &claims), Err("bound_to_key"));
}

#[test]
fn only_listed_clients_are_accepted_and_applications_only_if_listed() {
    let editor = of_clients(&["editor"]);
    for (kind, claims) in [(oidc(), rfc_9068()), (oidc(), keycloak()), (entra(), entra_v2())] {
        assert_eq!(reason(kind.clone(), &editor, &claims), Ok(()));
        assert_eq!(reason(kind, &of_clients(&["another"]), &claims), Err("wrong_client"));
    }
    assert_eq!(reason(oidc(), &editor, &without(rfc_9068(), "client_id")), Err("wrong_client"));
    for claims in [entra_application(), changed(entra_v2(), "idtyp", json!("app"))] {
        assert_eq!(reason(entra(), &bearer(), &claims), Err("wrong_client"), "{claims}");
        assert_eq!(reason(entra(), &editor, &claims), Ok(()), "{claims}");
    }
    let itself = changed(rfc_9068(), "sub", json!("editor"));
    assert_eq!(reason(oidc(), &bearer(), &itself), Err("wrong_client"));
    assert_eq!(reason(oidc(), &editor, &without(itself, "client_id")), Err("wrong_client"));
}

#[test]
fn an_application_has_its_app_roles_and_no_person() {
    let token = check_with(entra(), &of_clients(&["editor"]), &entra_application()).expect("a token");
    let TokenHolder::Application { client, roles } = token.holder else { panic!("{:?}", token.holder) };
    let roles: Vec<_> = roles.iter().map(|role| (role.kind, role.external_id.as_str())).collect();
    assert_eq!(
        (client.as_str(), roles),
        ("editor", vec![(GroupKind::Role, "mcp.call"), (GroupKind::Role, "Tools")])
    );
    let unscoped = changed(entra_application(), "roles", json!(["Tools"]));
    assert_eq!(reason(entra(), &of_clients(&["editor"]), &unscoped), Err("missing_scope"));
}

#[test]
fn groups_count_only_as_a_complete_list() {
    let groups = |kind, claims: &Value| {
        let token = check_with(kind, &bearer(), claims).expect("a token");
        let TokenHolder::Person(identity) = token.holder else { panic!("no person") };
        match identity.groups {
            AssertedGroups::Known(list) => {
                Some(list.into_iter().map(|group| group.external_id).collect::<Vec<_>>())
            }
            AssertedGroups::Unknown | AssertedGroups::NotRead => None,
        }
    };
    assert_eq!(groups(oidc(), &keycloak()), Some(vec!["A".to_owned()]));
    assert_eq!(groups(oidc(), &rfc_9068()), None);
    assert_eq!(groups(entra(), &entra_v2()), None);
    let listed = changed(entra_v2(), "groups", json!([API]));
    assert_eq!(groups(entra(), &listed), Some(vec![API.to_owned()]));
    assert_eq!(groups(entra(), &changed(entra_v2(), "groups", json!(["Ops"]))), None, "names");
    let overage = changed(entra_v2(), "_claim_names", json!({"groups": "src1"}));
    assert_eq!(groups(entra(), &overage), None);
    assert_eq!(groups(entra(), &changed(entra_v2(), "hasgroups", json!(true))), None);
}

#[test]
fn a_token_of_another_tenant_is_refused() {
    for (name, value, error) in [
        ("tid", json!(OID), "wrong_tenant"),
        ("iss", json!(format!("https://login.example/{OID}/v2.0")), "wrong_issuer"),
        ("oid", json!("x"), "malformed_claim"),
    ] {
        assert_eq!(reason(entra(), &bearer(), &changed(entra_v2(), name, value)), Err(error), "{name}");
    }
    for name in ["tid", "oid"] {
        assert_eq!(reason(entra(), &bearer(), &without(entra_v2(), name)), Err("missing_claim"), "{name}");
    }
}

#[test]
fn a_description_has_no_text_from_outside_and_no_quotes() {
    let quoted = "\"\\\r\nX: y";
    for error in [
        AccessTokenError::Token(TokenError::WrongIssuer(quoted.into())),
        AccessTokenError::Token(TokenError::WrongTenant(quoted.into())),
        AccessTokenError::Token(TokenError::ForbiddenAlgorithm(quoted.into())),
        AccessTokenError::Token(TokenError::Unreadable(quoted.into())),
        AccessTokenError::Token(TokenError::MissingClaim("exp")),
        AccessTokenError::MissingScope(vec![quoted.into()]),
        AccessTokenError::EntraV1,
        AccessTokenError::NotAnAccessToken,
    ] {
        let text = error.description();
        let is_sound = |byte| matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        assert!(text.bytes().all(is_sound), "{text}");
    }
}

#[test]
fn a_grant_is_for_one_resource_and_has_scopes_as_clients_request_them() {
    let grant = |kind, bearer: &BearerConfig, claims: &Value| {
        check_with(kind, bearer, claims).expect("a token").grant
    };
    let address = "https://mcp.example.com/servers/github/mcp";
    let of_op =
        grant(oidc(), &bearer(), &changed(rfc_9068(), "aud", json!(["https://mcp.example.com", "x"])));
    assert!(of_op.is_for(Some("x"), address) && of_op.is_for(None, "https://mcp.example.com"));
    assert!(!of_op.is_for(None, address) && !of_op.is_for(Some("X"), address));
    assert!(of_op.has_scope("mcp.call") && of_op.has_scope("openid"));
    for other in ["https://mcp.example.com/mcp.call", "mcp.cal", "", "/mcp.call"] {
        assert!(!of_op.has_scope(other), "{other}");
    }
    let of_entra = grant(entra(), &bearer(), &entra_v2());
    assert!(
        of_entra.is_for(None, address)
            && of_entra.is_for(Some(API), address)
            && !of_entra.is_for(Some("x"), address)
    );
    for scope in ["mcp.call", "api://33333333-3333-4333-8333-333333333333/mcp.call"] {
        assert!(of_entra.has_scope(scope), "{scope}");
    }
    assert!(!of_entra.has_scope("https://mcp.example.com/mcp.call/") && !of_entra.has_scope("x/mcp.calls"));
    let application = grant(entra(), &of_clients(&["editor"]), &entra_application());
    assert!(application.has_scope("api://x/Tools"), "an app role");
    let person = changed(entra_v2(), "roles", json!(["Tools"]));
    assert!(!grant(entra(), &bearer(), &person).has_scope("Tools"), "a person's role is no scope");
}
