//! Samples of the pages about one tenant's hosts, provider and settings.

use super::admin::longest;
use super::samples::{MINUTE, NOW, PLANTED, Sample, request_id};
use crate::admin::*;
use crate::frame::Frame;
use gatepost_core::administration::{Scope, Version};
use gatepost_core::ids::TenantId;
use gatepost_core::tenant_host::HostState;
use gatepost_core::tenant_provider::TenantProviderKind;

const VERSION: Version = Version::from_number(7);

#[derive(Clone, Copy)]
struct Case<'a> {
    name: &'a str,
    words: &'a str,
    host: &'a str,
    count: usize,
    error: Option<&'a str>,
}

fn acme() -> TenantId {
    "acme".parse().expect("a tenant")
}

fn tenants() -> Scope {
    Scope::Tenants([acme()].into())
}

fn proofs(host: &str, count: usize) -> Vec<ProofEntry<'_>> {
    let state = |number: usize| HostState::ALL[number % 3];
    let entry = |number| ProofEntry {
        name: host,
        state: state(number),
        record: (state(number) == HostState::Proposed)
            .then(|| (format!("_gatepost.{host}"), "gatepost=0123456789abcdef0123456789abcdef".to_owned())),
        proved_at: Some(NOW.minus(MINUTE)).filter(|_| state(number) == HostState::Active),
        version: VERSION,
    };
    (0..count).map(entry).collect()
}

fn hosts(case: Case<'_>, scope: &Scope) -> Sample {
    let Case { name, words, host, count, error } = case;
    let (id, domain) = (acme(), "apps.example.com".parse().expect("a host"));
    let page = TenantHosts {
        frame: Frame {
            reader: words,
            scope,
            notice: Some(words).filter(|_| count == 1),
            request_id: request_id(),
        },
        id: &id,
        name: Some(words),
        hosts: &proofs(host, count),
        next: Some(host).filter(|_| count > 3),
        most: Some(5).filter(|_| count > 0),
        bounds: match count {
            0 => HostBounds::None,
            1 => HostBounds::Below(&domain),
            _ => HostBounds::Any,
        },
        host: EnteredText { value: words, error },
        wrong: error.map(|error| WrongProof { name: host, error, status: 422 }),
    };
    Sample { name: format!("admin-hosts-{name}"), page: page.page() }
}

fn sign_in(case: Case<'_>, scope: &Scope) -> Sample {
    let Case { name, words, host, count, error } = case;
    let id = acme();
    let mut errors = FormErrors::default();
    for field in [
        "",
        "kind",
        "issuer",
        "tenant_id",
        "client_id",
        "client_secret",
        "label",
        "groups_claim",
        "allowed_domains",
    ] {
        if let Some(error) = error {
            errors.add(field, error);
        }
    }
    let kind = if count == 1 { TenantProviderKind::Entra } else { TenantProviderKind::Oidc };
    let facts = ProviderFacts {
        kind,
        place: words,
        client_id: words,
        label: words,
        groups_claim: Some(words).filter(|_| count > 1),
        trusts_addresses: count > 3,
        is_only: count > 3,
        changed_at: NOW,
        version: VERSION,
    };
    let entered = ProviderEntered {
        kind: kind.as_str().to_owned(),
        issuer: words.to_owned(),
        tenant_id: words.to_owned(),
        client_id: words.to_owned(),
        label: words.to_owned(),
        groups_claim: words.to_owned(),
        domains: [host; 8].join("\n"),
        is_assumed: count > 1,
        is_only: count > 1,
        sealed_secret: error.map(|_| "c2VhbGVk".to_owned()).unwrap_or_default(),
    };
    let blank = ProviderEntered { kind: "oidc".to_owned(), ..ProviderEntered::default() };
    let page = TenantSignIn {
        frame: Frame { reader: words, scope, notice: None, request_id: request_id() },
        id: &id,
        name: Some(words),
        provider: Some(facts).filter(|_| count > 0),
        redirect_uri: "https://auth.example.com/callback/t-acme",
        is_allowed: count != 1,
        domains: &proofs(host, count),
        next: Some(host).filter(|_| count > 3),
        wrong_domain: error.map(|error| WrongProof { name: host, error, status: 422 }),
        entered: if count == 0 { &blank } else { &entered },
        errors: &errors,
        is_overtaken: count == 3,
    };
    Sample { name: format!("admin-sign-in-{name}"), page: page.page() }
}

fn removal(case: Case<'_>) -> Sample {
    let Case { name, words, error, .. } = case;
    let id = acme();
    let page = ProviderRemoval {
        frame: super::admin::frame(words, None),
        id: &id,
        name: Some(words),
        label: words,
        version: VERSION,
        typed: EnteredText { value: words, error },
    };
    Sample { name: format!("admin-sign-in-removal-{name}"), page: page.page() }
}

fn settings(case: Case<'_>, scope: &Scope) -> Sample {
    let Case { name, words, count, error, .. } = case;
    let id = acme();
    let mut errors = FormErrors::default();
    for field in ["", "tier", "service", "features", "limits"] {
        if let Some(error) = error {
            errors.add(field, error);
        }
    }
    let entry = |number: usize| AllowanceEntry {
        name: words,
        value: words.to_owned(),
        is_own: number.is_multiple_of(2),
        present: Some(12).filter(|_| number < 3),
    };
    let entries: Vec<_> = (0..count).map(entry).collect();
    let entered = SettingsEntered {
        tier: words.to_owned(),
        service: words.to_owned(),
        features: [words; 3].join("\n"),
        limits: [words; 3].join("\n"),
    };
    let form =
        SettingsForm { entered: &entered, errors: &errors, tiers: &["free", words], services: &[words] };
    let page = TenantSettings {
        frame: Frame { reader: words, scope, notice: None, request_id: request_id() },
        id: &id,
        name: Some(words),
        version: VERSION,
        tier: Some(words).filter(|_| count > 0),
        service: Some(words).filter(|_| count > 1),
        limits: &entries,
        features: &entries,
        warnings: &vec![words.to_owned(); count.min(3)],
        form: scope.is_system().then_some(form),
        is_overtaken: count == 3,
    };
    Sample { name: format!("admin-settings-{name}"), page: page.page() }
}

fn check(case: Case<'_>, scope: &Scope) -> Sample {
    let Case { name, words, host, count, error } = case;
    let id = acme();
    let places = [FixedAt::Hosts, FixedAt::SignIn, FixedAt::Settings, FixedAt::Members, FixedAt::Suspension];
    let severities = [CheckSeverity::Error, CheckSeverity::Warning, CheckSeverity::Hint];
    // More than are shown where there are many.
    let total = if count > 3 { count * 8 } else { count };
    let finding = |number: usize| CheckFinding {
        severity: severities[number * severities.len() / total],
        code: "host-unproved",
        about: host,
        found: words,
        fix: "Put the record into the zone, then have Gatepost look for it.",
        fixed_at: places.get(number % 6).copied(),
    };
    let findings: Vec<_> = (0..total).map(finding).collect();
    let page = TenantChecked {
        frame: Frame { reader: words, scope, notice: None, request_id: request_id() },
        id: &id,
        name: Some(words),
        outcome: match error {
            Some(text) if count == 3 => {
                CheckOutcome::NotMade { text, remedy: "Try again in a moment.", retry_after: MINUTE }
            }
            _ if count == 1 => CheckOutcome::NotAsked,
            _ => CheckOutcome::Made { at: NOW, findings: &findings },
        },
    };
    Sample { name: format!("admin-check-{name}"), page: page.page() }
}

pub fn tenant_samples() -> Vec<Sample> {
    let (long, address) = ("W".repeat(120), longest());
    let wrong = Some("This is wrong. Enter something else.");
    let host = "blog.acme.example";
    let cases = [
        Case { name: "empty", words: "ACME", host, count: 0, error: None },
        Case { name: "one", words: "Zo\u{eb} \u{141}ukasz", host, count: 1, error: None },
        Case { name: "full", words: "ACME Corporation", host, count: 8, error: None },
        Case { name: "wrong", words: "nonsense", host, count: 3, error: wrong },
        Case { name: "long", words: &long, host: address.domain(), count: 8, error: Some(&long) },
        Case { name: "hostile", words: PLANTED, host, count: 5, error: Some(PLANTED) },
    ];
    let mut samples = Vec::new();
    for case in cases {
        let system = Scope::System;
        samples.extend([
            hosts(case, &system),
            sign_in(case, &system),
            removal(case),
            settings(case, &system),
            check(case, &system),
        ]);
        let name = format!("{}-of-a-tenant", case.name);
        let own = Case { name: &name, ..case };
        let scope = tenants();
        samples.extend([hosts(own, &scope), sign_in(own, &scope), settings(own, &scope), check(own, &scope)]);
    }
    samples
}

#[test]
fn only_administrators_of_the_system_read_forms_that_decide_without_a_proof() {
    let case = Case { name: "x", words: "ACME", host: "blog.acme.example", count: 3, error: None };
    for (page, parts) in [
        (hosts as fn(Case<'_>, &Scope) -> Sample, ["/hosts/approve", "/hosts/refuse"]),
        (sign_in, ["/sign-in/domains/approve", "/sign-in/domains/refuse"]),
        (settings, ["name=\"tier\"", "name=\"limits\""]),
    ] {
        for part in parts {
            assert!(page(case, &Scope::System).page.body.contains(part), "{part}");
            assert!(!page(case, &tenants()).page.body.contains(part), "{part}");
        }
    }
}

#[test]
fn the_record_is_a_line_of_a_zone_file() {
    let case = Case { name: "x", words: "ACME", host: "blog.acme.example", count: 1, error: None };
    let line = "_gatepost.blog.acme.example. IN TXT &#34;gatepost=0123456789abcdef0123456789abcdef&#34;";
    assert!(hosts(case, &tenants()).page.body.contains(line));
}

#[test]
fn a_check_that_was_not_made_is_503_and_says_when_to_try_again() {
    let wrong = Some("Another check of a tenant runs.");
    let case = Case { name: "x", words: "ACME", host: "blog.acme.example", count: 3, error: wrong };
    let page = check(case, &tenants()).page;
    assert_eq!((page.status, page.header("retry-after")), (503, Some("60")));
    assert!(
        page.body.contains("was not checked") && !page.body.contains("Nothing is wrong"),
        "{}",
        page.body
    );
    let made = check(Case { count: 0, error: None, ..case }, &tenants()).page;
    assert_eq!((made.status, made.header("retry-after")), (200, None));
    assert!(made.body.contains("Nothing is wrong or missing") && made.body.contains("Checked on"));
}

#[test]
fn a_finding_leads_to_its_page_whoever_may_fix_it_there() {
    let case = Case { name: "x", words: "ACME", host: "blog.acme.example", count: 8, error: None };
    let (system, own) = (check(case, &Scope::System).page.body, check(case, &tenants()).page.body);
    for (place, is_for_system) in [("/hosts", false), ("/sign-in", false), ("/settings", true), ("", false)] {
        let link = format!("href=\"/admin/tenants/acme{place}\">");
        assert!(system.contains(&link), "{place}: {system}");
        assert_eq!(own.contains(&link), !is_for_system, "{place}: {own}");
    }
    let ask = "Only administrators of the system can do that";
    assert!(own.contains(ask) && !system.contains(ask), "{own}");
    assert!(own.contains("<h2>22 errors, 21 warnings, 21 hints</h2>"), "{own}");
    assert!(own.contains("34 more are not shown") && own.matches("<li><div><b>").count() == 30, "{own}");
}
