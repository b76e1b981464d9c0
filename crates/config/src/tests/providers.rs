//! Providers: what each kind needs, and the rules across several.

use super::*;
use crate::{
    AssertionAlgorithm, BearerConfig, BearerPeople, ClientCredential, EmailVerified, EntraTenant, GroupNames,
    GroupsSource, ProviderConfig, ProviderKind, Recheck,
};
use gatepost_core::clock::Timestamp;
use gatepost_core::email::EmailAddress;
use gatepost_core::identity::SubjectKey;

const GUID: &str = "6c2e1f40-93f0-4a39-8b54-2b9d1c7e5a10";

fn entra(more: &str) -> Result<Config, ConfigErrors> {
    providers(&format!(
        "[providers.corp]\nkind = \"entra\"\nclient_id = \"id\"\nclient_secret = \"hunter2\"\n{more}"
    ))
}

fn oidc(more: &str) -> Result<Config, ConfigErrors> {
    providers(&format!(
        "[providers.kc]\nkind = \"oidc\"\nclient_id = \"id\"\nclient_secret = \"hunter2\"\n{more}"
    ))
}

fn may_assert(provider: &ProviderConfig, is_sole: bool, tid: Option<&str>, address: &EmailAddress) -> bool {
    provider.assertable_domains(is_sole, tid).contains(address)
}

#[test]
fn the_platforms_variables_make_one_provider_of_kind_entra() {
    let config = accepted(shortest_and(&[]));
    let [entra] = config.providers.as_slice() else { panic!("{:?}", config.providers) };
    assert_eq!((entra.id.as_str(), entra.label.as_str()), ("entra", "Microsoft"));
    let ProviderKind::Entra { authority, tenant } = &entra.kind else { panic!("{entra:?}") };
    assert_eq!(authority.as_str(), "https://login.microsoftonline.com/");
    assert_eq!(*tenant, EntraTenant::Pinned(GUID.to_owned()), "lower case");
    assert!(matches!(&entra.credential, ClientCredential::Secret(_)));
    assert_eq!(
        (entra.email_verified, entra.groups, entra.group_names),
        (EmailVerified::Assumed, GroupsSource::Claim, GroupNames::Link)
    );
    assert_eq!((entra.scopes.len(), entra.groups_claim.as_slice()), (0, &["groups".to_owned()][..]));
}

#[test]
fn the_platforms_variables_combine_with_settings_of_the_same_provider_but_not_with_the_same_setting() {
    let config = accepted(shortest_and(&[("GATEPOST_PROVIDERS__ENTRA__GROUPS", "graph")]));
    assert_eq!(config.providers[0].groups, GroupsSource::Graph);
    for (variable, same, text) in [
        ("CLIENT_ID", "CLIENT_ID", "x"),
        ("CLIENT_SECRET", "CLIENT_SECRET", "x"),
        ("TENANT_ID", "CLIENT_TENANT_ID", GUID),
    ] {
        let variable = format!("GATEPOST_PROVIDERS__ENTRA__{variable}");
        refused(
            shortest_and(&[(&variable, text)]),
            &[&format!("MICROSOFT_{same}: the same setting as {variable}")],
        );
    }
    let twice = with("[providers.entra]\nclient_secret_file = \"secret\"", &SHORTEST);
    assert!(
        lines(twice)[0].starts_with(
            "MICROSOFT_CLIENT_SECRET: the same setting as providers.entra.client_secret_file in"
        )
    );
    let lines = lines(shortest_and(&[("GATEPOST_PROVIDERS__ENTRA__KIND", "oidc")]));
    let why =
        "MICROSOFT_CLIENT_ID: is only for kind entra, but GATEPOST_PROVIDERS__ENTRA__KIND sets another kind";
    assert!(lines.iter().any(|line| line == why), "{lines:#?}");
}

#[test]
fn the_platforms_variables_open_no_second_way_in_unasked() {
    let others = lines(with(
        "[providers.kc]\nkind = \"oidc\"\nissuer = \"https://idp.example.com\"\nclient_id = \"id\"\nclient_secret = \"x\"",
        &SHORTEST,
    ));
    assert_eq!(others.len(), 3, "{others:#?}");
    assert!(others.iter().all(|line| line.starts_with("MICROSOFT_CLIENT_")
        && line.contains("GATEPOST_PROVIDERS__ENTRA__KIND=entra")));
}

#[test]
fn a_missing_one_of_the_platforms_variables_is_named_as_such() {
    for missing in ["MICROSOFT_CLIENT_ID", "MICROSOFT_CLIENT_SECRET", "MICROSOFT_CLIENT_TENANT_ID"] {
        let others: Vec<_> = SHORTEST.into_iter().filter(|(name, _)| *name != missing).collect();
        refused(with("", &others), &[&format!("{missing}: missing")]);
    }
}

#[test]
fn a_provider_is_known_by_its_id_in_both_forms() {
    let variables = [
        ("GATEPOST_PROVIDERS__MY_IDP__KIND", "oidc"),
        ("GATEPOST_PROVIDERS__MY_IDP__CLIENT_ID", "id"),
        ("GATEPOST_PROVIDERS__MY_IDP__CLIENT_SECRET", "x"),
    ];
    let config = accepted(with(
        "[providers.my-idp]\nissuer = \"https://idp.example.com/\"",
        &[&SHORTEST[..2], &variables].concat(),
    ));
    assert_eq!(config.providers[0].id.as_str(), "my-idp");
    assert!(
        matches!(&config.providers[0].kind, ProviderKind::Oidc { issuer } if issuer == "https://idp.example.com/")
    );
    refused(
        providers("[providers.\"My.IdP\"]\nkind = \"oidc\"\nclient_id = \"x\""),
        &["\"My.IdP\"", "1 to 32"],
    );
}

#[test]
fn a_provider_has_a_kind_and_what_the_kind_needs() {
    let all = lines(providers("[providers.a]\nlabel = \"A\""));
    assert_eq!(all.len(), 3, "kind, client_id, credential: {all:#?}");
    refused(
        providers("[providers.a]\nkind = \"saml\"\nclient_id = \"id\"\nclient_secret = \"x\""),
        &["providers.a.kind", "\"saml\""],
    );
    refused(oidc(""), &["GATEPOST_PROVIDERS__KC__ISSUER: missing"]);
    refused(oidc("issuer = \"http://idp.example.com\""), &["providers.kc.issuer", "http only on loopback"]);
    refused(
        oidc(&format!("issuer = \"https://a.b\"\ntenant_id = \"{GUID}\"")),
        &["tenant_id", "does not apply to kind oidc"],
    );
    refused(entra(""), &["GATEPOST_PROVIDERS__CORP__TENANT_ID: missing"]);
    refused(
        entra(&format!("tenant_id = \"{GUID}\"\nissuer = \"https://a.b\"")),
        &["issuer", "does not apply to kind entra"],
    );
    refused(
        entra(&format!("tenant_id = \"{GUID}\"\nauthority = \"http://login.example.com\"")),
        &["authority"],
    );
    let google = "[providers.google]\nkind = \"google\"\nclient_id = \"id\"\nclient_secret = \"x\"\n";
    assert!(matches!(accepted(providers(google)).providers[0].kind, ProviderKind::Google));
    refused(providers(&format!("{google}issuer = \"https://a.b\"")), &["does not apply to kind google"]);
}

#[test]
fn a_tenant_is_pinned_by_its_guid_or_listed() {
    for text in [
        "contoso.onmicrosoft.com",
        "consumers",
        "6c2e1f4093f04a398b542b9d1c7e5a10",
        "{6c2e1f40-93f0-4a39-8b54-2b9d1c7e5a10}",
    ] {
        refused(
            entra(&format!("tenant_id = \"{text}\"")),
            &["providers.corp.tenant_id", text, "GUID", "Tenant ID"],
        );
    }
    for segment in ["organizations", "common"] {
        refused(entra(&format!("tenant_id = \"{segment}\"")), &["ALLOWED_TENANTS: missing", segment]);
        let config = accepted(entra(&format!(
            "tenant_id = \"{segment}\"\nallowed_tenants = [\"{}\"]",
            GUID.to_uppercase()
        )));
        let ProviderKind::Entra { tenant, .. } = &config.providers[0].kind else { panic!("{config:?}") };
        assert_eq!(
            *tenant,
            EntraTenant::Several { segment: segment.to_owned(), allowed: vec![GUID.to_owned()] }
        );
    }
    refused(entra("tenant_id = \"common\"\nallowed_tenants = []"), &["an empty list"]);
    refused(entra("tenant_id = \"common\"\nallowed_tenants = [\"contoso.com\"]"), &["contoso.com", "GUIDs"]);
    refused(
        entra(&format!("tenant_id = \"{GUID}\"\nallowed_tenants = [\"{GUID}\"]")),
        &["already names the only tenant"],
    );
}

#[test]
fn exactly_one_credential_counts() {
    let start = "[providers.kc]\nkind = \"oidc\"\nclient_id = \"id\"\nissuer = \"https://a.b\"\n";
    let pem = "-----BEGIN CERTIFICATE-----\nhunter2\n-----END CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n";
    let both = providers(&format!("{start}client_secret = \"x\"\nclient_assertion_file = \"token\""));
    refused(
        both,
        &[
            "expected only one of them",
            "client_secret in gatepost.toml and providers.kc.client_assertion_file",
        ],
    );
    refused(providers(start), &["GATEPOST_PROVIDERS__KC__CLIENT_SECRET: missing"]);
    let file = accepted(providers(&format!("{start}client_assertion_file = \"/var/token\"")));
    assert!(
        matches!(&file.providers[0].credential, ClientCredential::AssertionFile(path) if path.ends_with("token"))
    );
    let certificate = accepted(providers(&format!("{start}client_certificate = '''{pem}'''")));
    assert!(matches!(certificate.providers[0].credential, ClientCredential::Certificate(_)));
    let encrypted = pem.replace("PRIVATE", "ENCRYPTED PRIVATE");
    refused(
        providers(&format!("{start}client_certificate = '''{encrypted}'''")),
        &["a secret of", "unencrypted"],
    );
    refused(
        shortest_and(&[("MICROSOFT_CLIENT_SECRET", GUID)]),
        &["MICROSOFT_CLIENT_SECRET: found a secret of 36 bytes", "Secret ID"],
    );
    refused(shortest_and(&[("MICROSOFT_CLIENT_SECRET", " hunter2")]), &["white space"]);
}

#[test]
fn group_names_of_one_provider_at_most_are_trusted() {
    let two = |more: &str| {
        let one = |id, more| {
            format!(
                "[providers.{id}]\nkind = \"oidc\"\nissuer = \"https://{id}.b\"\nclient_id = \"i\"\nclient_secret = \"x\"\nallowed_domains = [\"{id}.com\"]\n{more}\n"
            )
        };
        providers(&format!("{}{}", one("one", ""), one("two", more)))
    };
    refused(two(""), &["one", "two", "GATEPOST_PROVIDERS__TWO__GROUP_NAMES", "link"]);
    let linked = accepted(two("group_names = \"link\""));
    assert_eq!(
        linked.providers[1].group_names,
        GroupNames::LinkQualified,
        "whoever makes a group there chooses its id"
    );
    accepted(two("groups = \"off\""));
}

#[test]
fn each_of_several_providers_needs_the_domains_that_it_may_assert() {
    let google = "[providers.google]\nkind = \"google\"\nclient_id = \"id\"\nclient_secret = \"x\"\n";
    let entra = format!(
        "[providers.corp]\nkind = \"entra\"\ntenant_id = \"{GUID}\"\nclient_id = \"id\"\nclient_secret = \"x\"\n"
    );
    refused(
        providers(&format!("{google}{entra}")),
        &["GATEPOST_PROVIDERS__GOOGLE__ALLOWED_DOMAINS: missing", "several providers"],
    );
    let config = accepted(providers(&format!("{google}allowed_domains = [\"Example.COM\"]\n{entra}")));
    let [corp, google] = config.providers.as_slice() else { panic!("{config:?}") };
    assert_eq!((corp.label.as_str(), google.label.as_str()), ("Microsoft (corp)", "Google (google)"));
    let address = |text: &str| text.parse().expect("an address");
    assert!(
        may_assert(google, false, None, &address("a@example.com"))
            && !may_assert(google, false, None, &address("a@example.org"))
    );
    assert!(may_assert(corp, false, None, &address("a@anything.org")));
    for text in ["@example.com", "a@b.com", "", "ex ample.com", "https://example.com"] {
        let more = format!("issuer = \"https://a.b\"\nallowed_domains = [\"{text}\"]");
        refused(oidc(&more), &["allowed_domains", "domains as in example.com"]);
    }
}

#[test]
fn domains_are_listed_by_tenant_where_several_sign_in() {
    let several = |domains: &str| {
        entra(&format!(
            "tenant_id = \"common\"\nallowed_tenants = [\"{GUID}\"]\nallowed_domains = [{domains}]"
        ))
    };
    let own = format!("\"{}/Example.com\", \"example.org\"", GUID.to_uppercase());
    let config = accepted(several(&own));
    let provider = &config.providers[0];
    let address = |text: &str| text.parse().expect("an address");
    let (own, plain) = (address("a@example.com"), address("a@example.org"));
    assert!(
        provider.lists_domain_for_tenant(GUID, &own) && !provider.lists_domain_for_tenant(GUID, &plain),
        "a plain domain vouches for nothing"
    );
    assert!(may_assert(provider, true, Some(GUID), &own) && may_assert(provider, true, Some(GUID), &plain));
    let other = "22222222-2222-4222-8222-222222222222";
    assert!(!may_assert(provider, true, Some(other), &own), "listed with another tenant");
    let domains = |issuer: &str| {
        let subject = SubjectKey { issuer: issuer.to_owned(), subject: "a".to_owned() };
        config.identity_policy_for(provider, &subject).domains
    };
    let of_tenant = domains(&format!("https://login.microsoftonline.com/{GUID}/v2.0"));
    assert!(of_tenant.contains(&own) && of_tenant.contains(&plain), "{of_tenant:?}");
    let of_other = domains(&format!("https://login.microsoftonline.com/{other}/v2.0"));
    assert!(!of_other.contains(&own) && of_other.contains(&plain), "{of_other:?}");
    refused(several(&format!("\"{other}/example.com\"")), &[other, "providers.corp.allowed_tenants"]);
    for text in ["x/example.com", "/example.com", "example.com/", "a/b/example.com"] {
        refused(several(&format!("\"{text}\"")), &["allowed_domains", "TENANT-ID/example.com"]);
    }
    let pinned = format!("tenant_id = \"{GUID}\"\nallowed_domains = [\"{GUID}/example.com\"]");
    refused(entra(&pinned), &["several tenants"]);
}

#[test]
fn what_would_shut_everybody_out_is_refused() {
    refused(
        entra(&format!("tenant_id = \"{GUID}\"\nemail_verified = \"required\"")),
        &["Entra sends no email_verified"],
    );
    refused(oidc("issuer = \"https://a.b\"\ngroups = \"graph\""), &["only kind entra has graph"]);
    refused(oidc("issuer = \"https://a.b\"\nscopes = [\"profile\"]"), &["openid is missing"]);
    refused(oidc("issuer = \"https://a.b\"\nscopes = [\"openid profile\"]"), &["\"openid profile\""]);
}

#[test]
fn scopes_and_claims_are_lists_and_paths() {
    let one = |variable: &str, text: &str| accepted(shortest_and(&[(variable, text)])).providers.remove(0);
    assert_eq!(
        one("GATEPOST_PROVIDERS__ENTRA__SCOPES", "openid profile,email").scopes,
        ["openid", "profile", "email"]
    );
    let claim = "GATEPOST_PROVIDERS__ENTRA__GROUPS_CLAIM";
    assert_eq!(one(claim, "realm_access.roles").groups_claim, ["realm_access", "roles"]);
    assert_eq!(one(claim, "https://example.com/groups").groups_claim, ["https://example.com/groups"]);
    let toml = "issuer = \"https://a.b\"\ngroups_claim = [\"resource_access\", \"my.client\", \"roles\"]";
    assert_eq!(accepted(oidc(toml)).providers[0].groups_claim, ["resource_access", "my.client", "roles"]);
    for text in ["a..b", ".", "a."] {
        refused(shortest_and(&[(claim, text)]), &[claim, "the path of a claim"]);
    }
}

#[test]
fn sessions_without_a_refresh_token_are_rechecked_unless_configured_otherwise() {
    let issuer = "issuer = \"https://idp.example.com\"\n";
    let recheck = |more: &str| accepted(oidc(&format!("{issuer}{more}"))).providers[0].recheck;
    assert_eq!(recheck(""), Recheck::Provider);
    assert_eq!(recheck("recheck = \"provider\""), Recheck::Provider);
    assert_eq!(recheck("recheck = \"off\""), Recheck::Off);
    let lines = lines(oidc(&format!("{issuer}recheck = \"never\"")));
    assert!(lines[0].contains("provider or off"), "{lines:?}");
}

#[test]
fn what_an_assertion_looks_like_is_for_a_certificate_alone() {
    let pem = "-----BEGIN CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----";
    let of = |credential: &str, more: &str| {
        providers(&format!(
            "[providers.kc]\nkind = \"oidc\"\nissuer = \"https://idp.example.com\"\nclient_id = \"id\"\n{credential}\n{more}"
        ))
    };
    let certificate = format!("client_certificate = \"\"\"{pem}\"\"\"");
    let settings = "client_certificate_kid = \"k-1\"\nclient_certificate_alg = \"PS256\"";
    let config = accepted(of(&certificate, settings));
    let assertion = &config.providers[0].assertion;
    assert_eq!(
        (assertion.kid.as_deref(), assertion.algorithm),
        (Some("k-1"), Some(AssertionAlgorithm::Ps256))
    );
    let config = accepted(of(&certificate, ""));
    assert!(config.providers[0].assertion.kid.is_none() && config.providers[0].assertion.algorithm.is_none());
    for setting in settings.lines() {
        let lines = lines(of("client_secret = \"x\"", setting));
        assert!(lines.len() == 1 && lines[0].contains("only applies to client_certificate"), "{lines:?}");
    }
    assert!(lines(of(&certificate, "client_certificate_alg = \"ES256\""))[0].contains("RS256 or PS256"));
}

#[test]
fn the_end_of_a_secret_is_a_day_or_a_time_and_only_of_a_secret() {
    let issuer = "issuer = \"https://idp.example.com\"\n";
    let end = |text: &str| oidc(&format!("{issuer}client_secret_expires_at = \"{text}\""));
    let read = |text: &str| accepted(end(text)).providers[0].secret_expires_at.map(Timestamp::unix);
    assert_eq!(read("2027-01-31"), Some(1_801_353_600));
    assert_eq!(read("2027-01-31T13:00:00+01:00"), Some(1_801_353_600 + 12 * 3_600));
    assert_eq!(accepted(oidc(issuer)).providers[0].secret_expires_at, None);
    for wrong in ["", "soon", "2027-02-31", "31.01.2027", "1801353600"] {
        refused(end(wrong), &["providers.kc.client_secret_expires_at", "2027-01-31"]);
    }
    let other = format!(
        "[providers.kc]\nkind = \"oidc\"\nclient_id = \"id\"\nclient_assertion_file = \"token\"\n{issuer}client_secret_expires_at = \"2027-01-31\""
    );
    refused(providers(&other), &["only applies to client_secret"]);
}

#[test]
fn access_tokens_are_accepted_only_with_an_audience() {
    let bearer = |read| accepted(read).providers[0].bearer.clone();
    let issuer = "issuer = \"https://idp.example.com\"\n";
    assert_eq!(bearer(oidc(issuer)), None);
    let audience = vec!["https://mcp.example.com".to_owned()];
    let least = BearerConfig {
        audience: audience.clone(),
        people: BearerPeople::Known,
        scopes: Vec::new(),
        clients: None,
    };
    let least_text = format!("{issuer}audience = [\"https://mcp.example.com\"]\n");
    assert_eq!(bearer(oidc(&least_text)), Some(least));
    let all =
        format!("{least_text}bearer = \"admit\"\nbearer_scopes = [\"a\", \"b\"]\nbearer_clients = [\"c\"]");
    let want = BearerConfig {
        audience,
        people: BearerPeople::Admit,
        scopes: vec!["a".into(), "b".into()],
        clients: Some(vec!["c".into()]),
    };
    assert_eq!(bearer(oidc(&all)), Some(want));
    refused(oidc(&format!("{issuer}audience = []")), &["providers.kc.audience", "an empty list"]);
    refused(oidc(&format!("{least_text}bearer = \"anybody\"")), &["providers.kc.bearer", "known or admit"]);
    refused(oidc(&format!("{least_text}bearer_clients = []")), &["bearer_clients", "an empty list"]);
    refused(oidc(&format!("{least_text}bearer_scopes = [\"a\\\"\"]")), &["bearer_scopes"]);
    let without = lines(oidc(&format!(
        "{issuer}bearer = \"admit\"\nbearer_scopes = [\"a\"]\nbearer_clients = [\"c\"]"
    )));
    assert_eq!(without.len(), 3, "all at once: {without:#?}");
    assert!(without.iter().all(|line| line.contains("AUDIENCE")), "{without:#?}");
}

#[test]
fn an_audience_fits_the_kind_of_provider() {
    let tenant = format!("tenant_id = \"{GUID}\"\n");
    accepted(entra(&format!("{tenant}audience = [\"{GUID}\"]")));
    let uri = "api://6c2e1f40-93f0-4a39-8b54-2b9d1c7e5a10";
    refused(entra(&format!("{tenant}audience = [\"{uri}\"]")), &["providers.corp.audience", uri, "GUID"]);
    let google = "[providers.google]\nkind = \"google\"\nclient_id = \"id\"\nclient_secret = \"x\"\n";
    refused(providers(&format!("{google}audience = [\"x\"]")), &["providers.google.audience", "not JWTs"]);
}

#[test]
fn no_configured_provider_has_an_id_of_a_tenants_provider() {
    let toml = "[providers.t-acme]\nkind = \"oidc\"\nclient_id = \"id\"\nclient_secret = \"x\"\nissuer = \"https://kc.example\"";
    let error = providers(toml).expect_err("a reserved id").to_string();
    assert!(error.contains("does not begin with t-"), "{error}");
}
