//! Samples of the pages of keys: empty, full, in error, and with the longest words.

use super::admin::{frame, longest};
use super::samples::{MINUTE, NOW, PLANTED, Sample, email, groups, request_id};
use crate::admin::*;
use crate::frame::Frame;
use gatepost_core::administration::{Scope, Version};
use gatepost_core::api_key::{KeyId, KeyLimits};
use gatepost_core::clock::Timestamp;
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::{GroupName, TenantId, UserId};
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);

/// What keys of a sample borrow.
struct Held {
    words: String,
    address: EmailAddress,
    tenant: TenantId,
    groups: Vec<GroupName>,
    /// Ordinary ones, one without anything, one that ends in some days, one that has ended.
    limits: [KeyLimits; 4],
}

impl Held {
    fn new(name: &str, words: &str) -> Self {
        let is_long = name == "long";
        let host = if is_long {
            format!("{0}.{0}.example.com", "w".repeat(60))
        } else {
            "wiki.example.com".to_owned()
        };
        let limits = |end: Option<Timestamp>, count: usize| KeyLimits {
            is_ended: false,
            expires_at: end,
            scopes: ["gate", "api.read", "act-as:open-webui"]
                .iter()
                .take(count)
                .map(|text| text.parse().expect("a scope"))
                .collect(),
            hosts: vec![host.parse().expect("a host"); count],
            networks: vec!["192.0.2.0/24".parse().expect("a network"); count],
            tools: vec![words.replace('*', "").parse().expect("a pattern"); count],
            requests_per_minute: Some(60).filter(|_| count > 0),
            trial: None,
        };
        Self {
            words: words.chars().take(64).collect(),
            address: if is_long { longest() } else { email("alice@example.com") },
            tenant: if is_long { "t".repeat(64) } else { "github".to_owned() }.parse().expect("a tenant"),
            groups: groups(&[words]),
            limits: [
                limits(Some(NOW.plus(DAY * 90)), 3),
                limits(None, 0),
                limits(Some(NOW.plus(DAY * 3)), 1),
                limits(Some(NOW.minus(MINUTE)), 2),
            ],
        }
    }

    fn key(&self, number: usize) -> KeyFacts<'_> {
        let is_even = number.is_multiple_of(2);
        KeyFacts {
            id: KeyId::generate(),
            name: &self.words,
            hint: "x7Kd",
            machine_name: &self.words,
            tenant: Some(&self.tenant).filter(|_| is_even),
            owner: Some((UserId::generate(), Some(&self.address))).filter(|_| number % 3 != 1),
            is_stopped: number % 6 == 5,
            created_by: &self.words,
            created_at: NOW.minus(DAY),
            limits: &self.limits[number % 4],
            groups: &self.groups[..number % 2],
            endless_reason: Some(self.words.as_str()).filter(|_| number % 4 == 1),
            previous_until: Some(NOW.plus(MINUTE)).filter(|_| is_even),
            last_used_at: Some(NOW.minus(MINUTE * 90)).filter(|_| is_even),
            last_used_from: Some("192.0.2.1"),
            revoked_at: Some(NOW).filter(|_| number % 5 == 4),
            version: Version::from_number(7),
        }
    }
}

/// The frame of the pages of one's own keys.
fn own(words: &str) -> Frame<'_> {
    static NOTHING: Scope = Scope::NONE;
    Frame { reader: words, scope: &NOTHING, notice: None, request_id: request_id() }
}

fn list(name: &str, held: &Held, count: usize, pages: KeyPages) -> Sample {
    let words = &held.words;
    let of = match count {
        3 => Some(KeysOf::Tenant(&held.tenant)),
        5 => Some(KeysOf::Owner(UserId::generate(), words)),
        _ => None,
    };
    let page = Keys {
        frame: if pages == KeyPages::Account {
            own(words)
        } else {
            frame(words, Some(words.as_str()).filter(|_| count > 3))
        },
        pages,
        q: if count > 3 { words } else { "" },
        state: Some("soon").filter(|_| count == 3),
        states: &[("valid", "Valid"), ("soon", "Ends within 14 days")],
        of,
        unused: &(0..count / 3).map(|number| held.key(number)).collect::<Vec<_>>(),
        keys: &(0..count).map(|number| held.key(number)).collect::<Vec<_>>(),
        next: Some(words.as_str()).filter(|_| count > 3),
        now: NOW,
    };
    Sample { name: format!("admin-{}-{name}", kind("keys", pages)), page: page.page() }
}

fn kind(page: &str, pages: KeyPages) -> String {
    if pages == KeyPages::Account { format!("own-{page}") } else { page.to_owned() }
}

fn frame_of(words: &str, pages: KeyPages) -> Frame<'_> {
    if pages == KeyPages::Account { own(words) } else { frame(words, None) }
}

fn one(name: &str, held: &Held, number: usize, pages: KeyPages) -> Sample {
    let words = &held.words;
    let page = KeyDetails {
        frame: frame_of(words, pages),
        pages,
        key: held.key(number),
        obstacles: &[format!("{words} is no protected host any more.")][..number % 2],
        may_change: number != 3,
        maker: words,
        now: NOW,
    };
    Sample { name: format!("admin-{}-{name}-{number}", kind("key", pages)), page: page.page() }
}

fn forms(name: &str, held: &Held, error: Option<&str>, pages: KeyPages) -> [Sample; 2] {
    let words = &held.words;
    let text = if error.is_some() { words.clone() } else { String::new() };
    let mut errors = FormErrors::default();
    if let Some(error) = error {
        for field in [
            "",
            "name",
            "scopes",
            "speakers",
            "hosts",
            "tenant",
            "owner_id",
            "networks",
            "tools",
            "groups",
            "requests_per_minute",
            "expires_at",
            "endless_reason",
        ] {
            errors.add(field, error);
            errors.add(field, error);
        }
    }
    let entered = KeyEntered {
        name: text.clone(),
        tenant: text.clone(),
        owner: text.clone(),
        scopes: vec!["gate".to_owned()],
        hosts: text.clone(),
        networks: text.clone(),
        tools: text.clone(),
        per_minute: text.clone(),
        reason: text,
        ..KeyEntered::default()
    };
    let hosts = vec!["wiki.example.com"; if error.is_some() { 20 } else { 2 }];
    let tenants = [words.as_str()];
    let form = |of| KeyForm {
        frame: frame_of(words, pages),
        pages,
        of,
        entered: &entered,
        errors: &errors,
        choices: KeyChoices { hosts: &hosts, tenants: &tenants, is_system: pages == KeyPages::Portal },
        now: NOW,
    };
    let known = KeyFormOf::Known { key: held.key(0), is_overtaken: error.is_some() };
    [("new", form(KeyFormOf::New { once: "019ab8c5d2a37e6f9b0c1d2e3f405162" })), ("edit", form(known))].map(
        |(what, form)| Sample {
            name: format!("admin-{}-{what}-{name}", kind("key", pages)),
            page: form.page(),
        },
    )
}

fn around(name: &str, held: &Held, error: Option<&str>, pages: KeyPages) -> Vec<Sample> {
    let (words, key) = (&held.words, held.key(0));
    let (frame, is_overtaken) = (frame_of(words, pages), error.is_some());
    let secret = format!("gp_{}_{}", held.tenant, "x".repeat(49));
    let opens = Some("http://wiki.localhost:8000").filter(|_| !is_overtaken);
    let made = KeyMade { frame, pages, key, secret: &secret, opens, is_rotated: is_overtaken };
    let once = "019ab8c5d2a37e6f9b0c1d2e3f405162";
    let rotation = KeyRotation { frame, pages, key, once, overlap: 86_400, is_overtaken };
    let typed = EnteredText { value: words, error };
    let revocation = KeyRevocation { frame, pages, key, typed, is_overtaken, now: NOW };
    let sample =
        |what: &str, page| Sample { name: format!("admin-{}-{what}-{name}", kind("key", pages)), page };
    let mut samples = vec![
        sample("made", made.page()),
        sample("rotation", rotation.page()),
        sample("revocation", revocation.page()),
    ];
    if pages == KeyPages::Portal {
        samples.push(sample("lookup", KeyLookup { frame, error }.page()));
    }
    samples
}

fn ending(name: &str, held: &Held, count: usize) -> Sample {
    let keys: Vec<_> = (0..count.min(20)).map(|number| held.key(number)).collect();
    let page = EndingSoon {
        frame: frame(&held.words, None),
        days: 14,
        entries: &[],
        next: None,
        keys: &keys,
        has_more_keys: count > 20,
        now: NOW,
    };
    Sample { name: format!("admin-ending-keys-{name}"), page: page.page() }
}

pub fn key_samples() -> Vec<Sample> {
    let long = "W".repeat(120);
    let cases = [
        ("empty", "nobody", 0, None),
        ("full", "nightly backup", 50, None),
        ("wrong", "nonsense", 3, Some("This is wrong. Enter something else.")),
        ("long", long.as_str(), 50, Some(long.as_str())),
        ("hostile", PLANTED, 5, Some(PLANTED)),
    ];
    let mut samples = Vec::new();
    for (name, words, count, error) in cases {
        let held = Held::new(name, words);
        samples.push(ending(name, &held, count));
        for pages in [KeyPages::Portal, KeyPages::Account] {
            samples.push(list(name, &held, count, pages));
            samples.extend((0..5).map(|number| one(name, &held, number, pages)));
            samples.extend(forms(name, &held, error, pages));
            samples.extend(around(name, &held, error, pages));
        }
    }
    samples
}

/// The page that shows the secret is the only one that has it, in a field to copy it from, and no address on it does.
#[test]
fn a_secret_stands_once_and_in_no_address() {
    let held = Held::new("full", "nightly backup");
    for pages in [KeyPages::Portal, KeyPages::Account] {
        let page = &around("full", &held, None, pages)[0].page;
        assert_eq!(page.body.matches(&"x".repeat(49)).count(), 1, "{}", page.body);
        assert_eq!(page.header("cache-control"), Some("no-store"));
        let elements = super::markup::elements(&page.body).expect("well-formed");
        let holders: Vec<_> = elements
            .iter()
            .filter(|element| element.attributes.iter().any(|(_, value)| value.contains("xxxx")))
            .map(|element| (element.name.as_str(), element.attribute("readonly"), element.attribute("name")))
            .collect();
        assert_eq!(holders, [("input", Some(""), None)], "no form sends it: {}", page.body);
        let (set, send) = (page.body.find("read -rs KEY"), page.body.find("Bearer $KEY"));
        assert!(set.is_some() && set < send, "the line that sets it stands first: {}", page.body);
    }
}

#[test]
fn a_key_is_marked_before_it_ends() {
    let held = Held::new("full", "nightly backup");
    let state = |days: u64| {
        let limits = KeyLimits {
            expires_at: Some(NOW.plus(Duration::from_hours(24 * days))),
            ..held.limits[0].clone()
        };
        KeyFacts { limits: &limits, revoked_at: None, is_stopped: false, ..held.key(0) }.state(NOW)
    };
    assert_eq!(state(0), KeyState::Ended);
    assert_eq!([state(1), state(14)], [KeyState::EndsWithin(1), KeyState::EndsWithin(14)]);
    assert_eq!(state(15), KeyState::Valid);
    assert_eq!(
        KeyFacts { limits: &held.limits[1], revoked_at: None, ..held.key(0) }.state(NOW),
        KeyState::Valid
    );
    assert_eq!(held.key(4).state(NOW), KeyState::Revoked);
    let stopped = KeyFacts { is_stopped: true, revoked_at: None, ..held.key(2) };
    assert_eq!((stopped.state(NOW), stopped.state(NOW).class()), (KeyState::Stopped, "wrong"));
    assert_eq!(KeyFacts { revoked_at: Some(NOW), ..stopped }.state(NOW), KeyState::Revoked);
}

/// A plain person is offered nothing that they may not give, nor whose key it is to be.
#[test]
fn a_plain_person_is_offered_only_what_they_may_give() {
    let held = Held::new("full", "nightly backup");
    let fields = [
        "name=\"scim\"",
        "name=\"act_as\"",
        "name=\"speakers\"",
        "name=\"groups\"",
        "name=\"owner_id\"",
        "value=\"never\"",
    ];
    for (pages, is_offered) in [(KeyPages::Account, false), (KeyPages::Portal, true)] {
        let page = &forms("full", &held, None, pages)[0].page;
        for field in fields {
            assert_eq!(page.body.contains(field), is_offered, "{field}: {}", page.body);
        }
    }
}
