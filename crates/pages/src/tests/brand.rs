//! Pages with the look of a tenant: what they show, and that what a tenant writes stays text.

use super::admin::frame;
use super::markup::elements;
use super::samples::{NOW, ORIGIN, PLANTED, Sample, email, request_id};
use crate::admin::{EnteredText, LooksEntered, TenantLooks};
use crate::*;
use gatepost_core::access::{Access, Person};
use gatepost_core::administration::Version;
use gatepost_core::branding::Branding;
use gatepost_core::decision::Missing;
use gatepost_core::host::HostName;
use gatepost_core::ids::UserId;

/// As much of [`PLANTED`] as a name may have.
const PLANTED_NAME: &str = "\"'><img src=x onerror=alert(1)>&amp;<script>";

const LOGO: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.png";

fn public() -> HostName {
    "auth.example.com".parse().expect("a host")
}

fn looks() -> Branding {
    Branding {
        name: "ACME Corporation".parse().ok(),
        accent: "#7a1f5c".parse().ok(),
        support: "mailto:help@acme.com".parse().ok(),
        notice: "On Monday from 8 to 9 nobody can sign in.".parse().ok(),
        logo: LOGO.parse().ok(),
    }
}

/// The longest words, and what an attacker would plant.
fn hostile() -> Branding {
    Branding {
        name: PLANTED_NAME.parse().ok(),
        accent: None,
        support: format!("https://acme.com/{}?'\"><img>", "x".repeat(100)).parse().ok(),
        notice: PLANTED.parse().ok(),
        logo: None,
    }
}

fn refused(brand: Option<Brand<'_>>) -> Page {
    let missing = Missing { tenants: vec!["acme".parse().expect("a tenant")], ..Missing::default() };
    let address = email("alice@example.com");
    let refusal = Refusal::Forbidden { uri: "/", email: Some(&address), missing: &missing, request: None };
    refusal.page(&Gate { origin: Some(&ORIGIN), brand, request_id: request_id(), format: Format::Html })
}

fn choice(brand: Option<Brand<'_>>) -> Page {
    let offer = |id: &str, label: &str| Offer { id: id.parse().expect("an id"), label: label.to_owned() };
    let providers = [offer("t-acme", "ACME"), offer("partner", "Partner")];
    let host = Some(ORIGIN.host());
    ProviderChoice {
        providers: &providers,
        to: None,
        host,
        other_account: false,
        brand,
        request_id: request_id(),
    }
    .page()
}

fn account(brand: Option<Brand<'_>>) -> Page {
    let person = Person {
        id: UserId::generate(),
        email: Some(email("alice@example.com")),
        name: Some("Alice".into()),
    };
    Account {
        person: &person,
        access: &Access::default(),
        groups: &[],
        open: &[],
        more_open: 0,
        sessions: &[],
        more_sessions: 0,
        requests: &[],
        proposals: None,
        notice: None,
        now: NOW,
        form_targets: &[],
        brand,
        request_id: request_id(),
    }
    .page()
}

fn problem(brand: Option<Brand<'_>>) -> Page {
    Problem::NoAddress { provider: "ACME" }.page(Retry { to: None, brand }, request_id())
}

/// A page with the look of a tenant, or without.
type MakePage = fn(Option<Brand<'_>>) -> Page;

/// The pages that may have the look of a tenant.
const PAGES: [(&str, MakePage); 4] =
    [("refused", refused), ("choice", choice), ("account", account), ("problem", problem)];

fn form(name: &str, branding: &Branding, error: Option<&str>) -> Sample {
    let text = branding.name.as_ref().map_or("", |name| name.as_str());
    let entered = LooksEntered { name: EnteredText { value: text, error }, ..LooksEntered::default() };
    let (id, host) = ("acme".parse().expect("a tenant"), public());
    let page = TenantLooks {
        frame: frame("alice@example.com", None),
        id: &id,
        name: None,
        version: Version::from_number(7),
        branding,
        public_host: &host,
        entered,
        logo_error: error,
    };
    Sample { name: format!("admin-tenant-looks-{name}"), page: page.page() }
}

/// The form of the portal: as it is, empty, and with what an attacker would plant.
pub fn form_samples() -> [Sample; 3] {
    [
        form("full", &looks(), None),
        form("empty", &Branding::default(), None),
        form("hostile", &hostile(), Some("It looks like a page of the platform.")),
    ]
}

/// Every page with the look of a tenant, and with what an attacker would plant.
pub fn branded_samples() -> Vec<Sample> {
    let host = public();
    let samples = |name: &str, branding: &Branding| {
        let brand = Some(Brand { branding, host: &host });
        PAGES.map(|(page, make)| Sample { name: format!("{name}-{page}"), page: make(brand) })
    };
    let mut all = samples("brand", &looks()).to_vec();
    all.extend(samples("hostile-brand", &hostile()));
    all
}

#[test]
fn a_page_with_the_look_of_a_tenant_says_whose_page_it_is() {
    for Sample { name, page } in
        branded_samples().into_iter().filter(|sample| sample.name.starts_with("brand"))
    {
        let elements = elements(&page.body).unwrap_or_else(|error| panic!("{name}: {error}"));
        let has = |element: &str, part: &str| {
            elements.iter().any(|found| found.name == element && found.text.contains(part))
        };
        assert!(has("strong", "ACME Corporation"), "{name}");
        assert!(has("footer", "Sign-in by auth.example.com."), "{name}");
        let colour =
            elements.iter().find_map(|found| found.attribute("fill").filter(|fill| fill.starts_with("#7")));
        assert_eq!(colour, Some("#7a1f5c"), "{name}");
        // Where nothing but the page is ours it has name and colour alone.
        let is_ours = name != "brand-refused";
        assert_eq!(has("p", "ACME Corporation: On Monday"), is_ours, "{name}");
        let picture =
            elements.iter().find(|found| found.name == "img").and_then(|found| found.attribute("src"));
        assert_eq!(picture, is_ours.then_some(&*format!("/logos/{LOGO}")), "{name}");
        let help = elements.iter().find(|found| found.attribute("href") == Some("mailto:help@acme.com"));
        assert_eq!(help.map(|help| help.text.as_str()), is_ours.then_some("help@acme.com"), "{name}");
    }
}

#[test]
fn what_a_tenant_writes_changes_neither_policy_nor_headers() {
    let host = public();
    for branding in [looks(), hostile()] {
        for (name, make) in PAGES {
            let branded = make(Some(Brand { branding: &branding, host: &host }));
            let plain = make(None);
            // The style in a page has another hash: that of its fixed sheet, which is longer.
            let without_hash = |page: &Page| -> Vec<String> {
                let headers = page.headers.iter().map(|(name, value)| format!("{name}: {value}"));
                headers
                    .map(|header| {
                        header
                            .split("'sha256-")
                            .map(|part| part.split_once("='").map_or(part, |(_, rest)| rest))
                            .collect()
                    })
                    .collect()
            };
            assert_eq!(without_hash(&branded), without_hash(&plain), "{name}");
            assert_eq!(branded.status, plain.status, "{name}");
            assert!(branded.body.len() < plain.body.len() + 2_048, "{name}: {} bytes", branded.body.len());
        }
    }
}

#[test]
fn a_page_without_the_look_of_a_tenant_names_none() {
    let empty = Branding::default();
    for (name, make) in PAGES {
        for brand in [None, Some(Brand { branding: &empty, host: &public() })] {
            let body = make(brand).body;
            assert!(!body.contains("<strong") && !body.contains("<rect width=\"100%\""), "{name}");
        }
        assert!(!make(None).body.contains("class=\"brand"), "{name}");
    }
}

#[test]
fn a_page_that_would_be_too_large_for_traefik_has_no_look() {
    let (host, branding) = (public(), looks());
    let brand = Some(Brand { branding: &branding, host: &host });
    let gate = Gate { origin: Some(&ORIGIN), brand, request_id: request_id(), format: Format::Html };
    for (length, is_branded) in [(100, true), (666, false)] {
        let uri = format!("/{}", "%D0".repeat(length));
        let page = Refusal::SignIn { uri: &uri, resend: true, max_age: None }.page(&gate);
        assert!(page.body.len() < 8192, "{}", page.body.len());
        assert_eq!(page.body.contains("ACME Corporation"), is_branded, "{length}");
        let policy = page.header("content-security-policy").unwrap_or_default();
        let plain =
            Refusal::SignIn { uri: &uri, resend: true, max_age: None }.page(&Gate { brand: None, ..gate });
        assert_eq!(Some(policy) == plain.header("content-security-policy"), !is_branded);
    }
}
