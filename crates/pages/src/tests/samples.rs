//! One sample of every page, and the same pages with what an attacker would plant.

use super::super::*;
use gatepost_core::access::{Access, Person, Role};
use gatepost_core::access_request::{RequestState, Wanted};
use gatepost_core::clock::Timestamp;
use gatepost_core::decision::Missing;
use gatepost_core::email::EmailAddress;
use gatepost_core::host::Origin;
use gatepost_core::ids::{AccessRequestId, GroupName, RequestId, TenantId, UserId};
use gatepost_core::quota::{QuotaExceeded, QuotaName, RequestLimits};
use gatepost_core::secret::Hash;
use gatepost_core::tenant_proposal::ProposalState;
use gatepost_oidc::ErrorResponse;
use std::net::IpAddr;
use std::sync::LazyLock;
use std::time::Duration;

#[derive(Clone)]
pub struct Sample {
    pub name: String,
    pub page: Page,
}

/// Markup, quotes and a reference: whatever the context, one of them breaks out if nothing is escaped.
pub const PLANTED: &str = "\"'><img src=x onerror=alert(1)>&amp;<script>alert(1)</script>";

pub const MINUTE: Duration = Duration::from_mins(1);
pub const NOW: Timestamp = Timestamp::from_unix(1_795_563_300);
pub const FIREFOX: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0";
const SAFARI: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1";

pub const REQUEST_LINK: &str =
    "https://auth.example.com/requests/new?refusal=0199d1f05b7c7d2e8a3f0123456789ab";
static REQUEST: LazyLock<RequestId> = LazyLock::new(RequestId::generate);
pub static ORIGIN: LazyLock<Origin> =
    LazyLock::new(|| "https://wiki.example.com".parse().expect("an origin"));

pub fn request_id() -> RequestId {
    *REQUEST
}

pub fn email(text: &str) -> EmailAddress {
    text.parse().expect("an address")
}

pub fn groups(names: &[&str]) -> Vec<GroupName> {
    names.iter().map(|name| name.parse().expect("a group's name")).collect()
}

fn gate_sample(name: &str, refusal: Refusal<'_>) -> [Sample; 2] {
    [Format::Html, Format::Json].map(|format| {
        let origin = if matches!(refusal, Refusal::UnknownHost) { None } else { Some(&*ORIGIN) };
        let page = refusal.page(&Gate { origin, brand: None, request_id: request_id(), format });
        Sample { name: format!("gate-{name}-{format:?}").to_lowercase(), page }
    })
}

pub fn forbidden(format: Format) -> Page {
    let email = email("alice@example.com");
    let groups = groups(&["MCP-GitHub", "MCP-Admin"]);
    let tenants: [TenantId; 1] = ["github".parse().expect("a tenant")];
    let missing =
        Missing { groups: groups.clone(), tenants: tenants.to_vec(), admin: true, ..Missing::default() };
    let gate = Gate { origin: Some(&ORIGIN), brand: None, request_id: request_id(), format };
    Refusal::Forbidden { uri: "/board?x=1", email: Some(&email), missing: &missing, request: None }
        .page(&gate)
}

pub fn gate_samples() -> Vec<Sample> {
    // The longest return address, of an alphabet that is encoded twice.
    let uri = format!("/{}", "%D0".repeat(666));
    let email = email("alice@example.com");
    let long: Vec<GroupName> =
        (0..30).map(|n| format!("{n}{}", "ж".repeat(200)).parse().expect("a name")).collect();
    let missing = Missing { groups: long, ..Missing::default() };
    let one = groups(&["MCP-GitHub"]);
    let missing_one = Missing { groups: one.clone(), ..Missing::default() };
    let max_age = Duration::from_mins(15);
    let form_targets = ["https://auth.example.com", "https://login.microsoftonline.com"];
    let mut samples: Vec<_> = [
        gate_sample("sign-in", Refusal::SignIn { uri: "/deep?x=1", resend: false, max_age: None }),
        gate_sample("sign-in-long", Refusal::SignIn { uri: &uri, resend: true, max_age: None }),
        gate_sample("sign-in-resend", Refusal::SignIn { uri: "/save", resend: true, max_age: None }),
        gate_sample("step-up", Refusal::StepUp { uri: "/pay", resend: false, max_age }),
        gate_sample("step-up-resend", Refusal::StepUp { uri: "/pay", resend: true, max_age }),
        gate_sample("cross-origin", Refusal::CrossOrigin),
        gate_sample(
            "forbidden-long",
            Refusal::Forbidden { uri: "/board?x=1", email: Some(&email), missing: &missing, request: None },
        ),
        gate_sample(
            "forbidden-one",
            Refusal::Forbidden {
                uri: "/board?x=1",
                email: None,
                missing: &missing_one,
                request: Some(REQUEST_LINK),
            },
        ),
        gate_sample("unknown-host", Refusal::UnknownHost),
        gate_sample("untrusted-peer", Refusal::UntrustedPeer),
        gate_sample("malformed", Refusal::Malformed("the header X-Forwarded-Host stands there twice")),
        gate_sample("misconfigured", Refusal::Misconfigured),
        gate_sample(
            "unavailable",
            Refusal::Unavailable { resend: false, retry_after: Duration::from_secs(5) },
        ),
        gate_sample(
            "unavailable-form",
            Refusal::Unavailable { resend: true, retry_after: Duration::from_secs(5) },
        ),
        gate_sample("recheck", Refusal::Recheck { uri: "/deep?x=1", resend: false, retry_after: MINUTE }),
        gate_sample("recheck-form", Refusal::Recheck { uri: "/save", resend: true, retry_after: MINUTE }),
        gate_sample("sign-out", Refusal::SignOut { form_targets: &form_targets }),
        gate_sample(
            "unfinished-cookie",
            Refusal::Unfinished { uri: "/deep", cause: Unfinished::CookieMissing },
        ),
        gate_sample("unfinished-expired", Refusal::Unfinished { uri: "/deep", cause: Unfinished::Expired }),
        gate_sample("unfinished-used", Refusal::Unfinished { uri: "/deep", cause: Unfinished::Used }),
        gate_sample("clearing-storage", Refusal::ClearingStorage { here: "/.gatepost/enter?t=c2VhbGVk" }),
        gate_sample("too-many", Refusal::TooManyHandOvers { retry_after: MINUTE }),
        gate_sample("quota-day", Refusal::QuotaExceeded(&exceeded(QuotaName::Day))),
        gate_sample("quota-minute", Refusal::QuotaExceeded(&exceeded(QuotaName::Minute))),
    ]
    .into_iter()
    .flatten()
    .collect();
    samples.push(Sample { name: "gate-forbidden-html".to_owned(), page: forbidden(Format::Html) });
    samples.push(Sample { name: "gate-forbidden-json".to_owned(), page: forbidden(Format::Json) });
    samples
}

fn exceeded(name: QuotaName) -> QuotaExceeded {
    let limits = RequestLimits { per_day: Some(1_000), per_minute: Some(60) };
    QuotaExceeded { name, limits, retry_after: MINUTE }
}

fn problem(name: &str, problem: Problem<'_>) -> Sample {
    let page = problem.page(Retry { to: Some("c2VhbGVk"), brand: None }, request_id());
    Sample { name: format!("public-{name}"), page }
}

fn choice(name: &str, label: &str, to: &str) -> Sample {
    let offer = |id: &str, label: &str| Offer { id: id.parse().expect("an id"), label: label.to_owned() };
    let providers = [offer("entra", label), offer("partner", "Partner")];
    let choice = ProviderChoice {
        providers: &providers,
        to: Some(to),
        host: Some(ORIGIN.host()),
        other_account: false,
        brand: None,
        request_id: request_id(),
    };
    Sample { name: name.to_owned(), page: choice.page() }
}

fn session(number: u8, user_agent: Option<&'static str>, is_current: bool) -> SessionEntry<'static> {
    let age = Duration::from_secs(u64::from(number) * 4000);
    SessionEntry {
        handle: Hash::of(&[&[number]]),
        user_agent,
        address: Some(IpAddr::from([203, 0, 113, number])),
        began_at: NOW.minus(age + MINUTE),
        last_used_at: NOW.minus(age),
        is_current,
    }
}

/// A person in `count` groups, one of them not linked, with three sessions or one.
fn account(name: &str, person_name: &str, count: usize, is_admin: bool) -> Sample {
    let address = email("alice@example.com");
    let person = Person { id: UserId::generate(), email: Some(address), name: Some(person_name.into()) };
    let tenants = if count > 0 {
        ["github", "grafana"].map(|tenant| (tenant.parse().expect("a tenant"), Role::Member)).into()
    } else {
        [].into()
    };
    let access = Access { tenants, is_admin, ..Access::default() };
    let names: Vec<GroupName> =
        (0..count).map(|n| format!("MCP-Team-{n:03}").parse().expect("a name")).collect();
    let unlinked: [GroupName; 2] =
        [groups(&["7f1c9a52-0b57-4c3f-9a53-6f0f3a4f1e11"]).remove(0), groups(&[PLANTED]).remove(0)];
    let sources = || vec![MembershipSource::Provider("Contoso"), MembershipSource::Manual];
    let mut entries: Vec<_> = names
        .iter()
        .map(|name| GroupEntry { name, sources: vec![MembershipSource::Provider("Contoso")] })
        .collect();
    if count > 0 {
        let planted = usize::from(person_name == PLANTED);
        entries.extend(unlinked.iter().take(1 + planted).map(|name| GroupEntry { name, sources: sources() }));
    }
    let sessions =
        [session(0, Some(FIREFOX), true), session(1, Some(SAFARI), false), session(40, None, false)];
    let wanted: [Wanted; 2] =
        [Wanted::Group(unlinked[1].clone()), Wanted::Tenant("github".parse().expect("a tenant"))];
    let requests = [
        (&wanted[0], RequestState::Open, None, None),
        (&wanted[1], RequestState::Granted, None, Some(NOW.plus(MINUTE))),
        (&wanted[1], RequestState::Declined, Some(PLANTED), None),
    ];
    let requests = requests.map(|(wanted, state, answer, until)| RequestEntry {
        id: AccessRequestId::generate(),
        wanted,
        state,
        created_at: NOW,
        answer,
        until,
    });
    let proposed = ["acme", "zeta", "github"].map(|id| id.parse().expect("a tenant"));
    let proposals = [
        (ProposalState::Open, None),
        (ProposalState::Approved, None),
        (ProposalState::Refused, Some(PLANTED)),
    ];
    let proposals: Vec<_> = proposed
        .iter()
        .zip(proposals)
        .filter(|_| count > 0)
        .map(|(tenant, (state, answer))| ProposalEntry {
            tenant,
            name: person_name,
            state,
            created_at: NOW,
            answer,
        })
        .collect();
    let open: Vec<_> =
        (0..30).map(|number| format!("https://app-{number}.{}.example.com", "long".repeat(12))).collect();
    let open: Vec<&str> = open.iter().map(String::as_str).collect();
    let page = Account {
        person: &person,
        access: &access,
        groups: &entries,
        more_open: count / 10,
        open: &open[..if count == 250 { 30 } else { count.min(2) }],
        sessions: &sessions[..if count > 0 { 3 } else { 1 }],
        more_sessions: 0,
        requests: &requests[..if count > 0 { 3 } else { 0 }],
        proposals: (count != 250).then_some(OwnProposals { entries: &proposals, may_propose: count == 0 }),
        notice: (count > 0).then_some(AccountNotice::SessionEnded),
        now: NOW,
        form_targets: &["https://login.microsoftonline.com"],
        brand: None,
        request_id: request_id(),
    };
    Sample { name: name.to_owned(), page: page.page() }
}

const AADSTS: &str = "AADSTS50105: Your administrator has configured the application to block users. Trace ID: 0f0b7c3e-7a51-4f5e-9d1b-1d7d6f3f2a00 Correlation ID: 1c2d3e4f-0000-4000-8000-00000000abcd Timestamp: 2026-11-23 23:35:00Z";

pub fn public_samples() -> Vec<Sample> {
    let alice = email("alice@example.com");
    let refused = |name: &str, error, description| {
        let refusal = ErrorResponse { error, description, issuer: None }.explain();
        problem(name, Problem::ProviderRefused { provider: "Contoso", refusal: &refusal })
    };
    let page = |name: &str, page| Sample { name: name.to_owned(), page };
    let one = Missing { groups: groups(&["MCP-GitHub"]), ..Missing::default() };
    let several = Missing {
        groups: groups(&["MCP-GitHub", "MCP-Admin"]),
        tenants: ["github", "grafana"].map(|tenant| tenant.parse().expect("a tenant")).to_vec(),
        admin: false,
        ..Missing::default()
    };
    vec![
        request_form("public-request", &one, "", None),
        request_form("public-request-several", &several, "for the audit", Some(RequestFault::TooLong)),
        request_form("public-request-too-many", &several, "", Some(RequestFault::TooMany)),
        request_form("public-request-held", &one, "", Some(RequestFault::Held)),
        request_form("public-request-unknown", &one, "", Some(RequestFault::Unknown)),
        page("public-request-not-yet", refusal_not_stored_yet(request_id())),
        account("public-account", "Zoë Łukasz 日本", 5, true),
        account("public-account-many", "Ann Other", 250, false),
        account("public-account-none", "Nobody In Particular", 0, false),
        choice("public-choice", "Contoso", "c2VhbGVk"),
        page(
            "public-sign-out",
            confirm_sign_out(Some(&alice), &["https://login.microsoftonline.com"], request_id()),
        ),
        page("public-signed-out", signed_out(None, request_id())),
        page(
            "public-problem-kind",
            problem_kind(
                "There is no such thing",
                404,
                &["It is not there.", "Look elsewhere."],
                request_id(),
            ),
        ),
        page("public-api", api_operations(&api_groups("users", "A person."), request_id())),
        page("public-consented", consented("Contoso", request_id())),
        page("public-signed-out-provider-remains", signed_out(Some("Google"), request_id())),
        refused("refused-assignment", "access_denied", Some(AADSTS)),
        refused("refused-declined", "access_denied", None),
        refused("refused-secret", "invalid_client", Some("AADSTS7000222: expired")),
        refused("refused-busy", "temporarily_unavailable", None),
        refused("refused-unknown", "surprise", None),
        problem("provider-invalid", Problem::ProviderInvalid { provider: "Contoso" }),
        problem(
            "provider-unavailable",
            Problem::ProviderUnavailable { provider: "Contoso", retry_after: None },
        ),
        problem("provider-misconfigured", Problem::ProviderMisconfigured { provider: "Contoso" }),
        problem("not-allowed", Problem::AccountNotAllowed { provider: "Contoso" }),
        problem("no-address", Problem::NoAddress { provider: "Contoso" }),
        problem("address-held", Problem::AddressHeld { email: &alice }),
        problem("address-held-elsewhere", Problem::AddressHeldElsewhere { email: &alice }),
        problem("address-outdated", Problem::AddressOutdated { email: &alice }),
        problem("disabled", Problem::Disabled),
        problem("groups-unknown", Problem::GroupsUnknown),
        problem("sign-in-broken", Problem::SignInBroken),
        problem("too-many-hand-overs", Problem::TooManyHandOvers),
        problem("step-up-unmet", step_up_unmet(true)),
        problem("step-up-impossible", step_up_unmet(false)),
        problem("rate-limited", Problem::RateLimited { retry_after: MINUTE }),
        problem("unavailable", Problem::Unavailable { retry_after: Duration::from_secs(5), resend: false }),
        problem("cross-origin", Problem::CrossOrigin),
        problem("admins-only", Problem::AdminsOnly),
        problem("method", Problem::MethodNotAllowed { allow: "POST" }),
        problem("not-found", Problem::NotFound),
        problem("malformed", Problem::Malformed("state stands there twice")),
        problem("internal", Problem::Internal),
    ]
}

pub fn hostile_samples() -> Vec<Sample> {
    let names = vec![PLANTED.parse().expect("a group may be called so"); 9];
    let missing = Missing { groups: names, ..Missing::default() };
    let address = email("a&'{|}~`/=?^+$%!#*b@example.com");
    let uri = format!("/{PLANTED}{}", "%".repeat(1900)).replace(' ', "");
    let planted_refusal =
        ErrorResponse { error: PLANTED, description: Some(PLANTED), issuer: None }.explain();
    let page = Problem::Malformed(PLANTED).page(Retry { to: Some(PLANTED), brand: None }, request_id());
    let mut samples: Vec<_> = [
        gate_sample(
            "hostile-forbidden",
            Refusal::Forbidden {
                uri: "/board?x=1",
                email: Some(&address),
                missing: &missing,
                request: Some(REQUEST_LINK),
            },
        ),
        gate_sample("hostile-uri", Refusal::SignIn { uri: &uri, resend: true, max_age: None }),
        gate_sample("hostile-malformed", Refusal::Malformed(PLANTED)),
    ]
    .into_iter()
    .flatten()
    .collect();
    samples.extend([
        Sample { name: "hostile-problem".to_owned(), page },
        problem("hostile-refusal", Problem::ProviderRefused { provider: PLANTED, refusal: &planted_refusal }),
        account("hostile-account", PLANTED, 1, false),
        choice("hostile-choice", PLANTED, PLANTED),
        request_form("hostile-request", &missing, PLANTED, None),
        Sample {
            name: "hostile-api".to_owned(),
            page: api_operations(&api_groups(PLANTED, PLANTED), request_id()),
        },
        Sample { name: "hostile-signed-out".to_owned(), page: signed_out(Some(PLANTED), request_id()) },
    ]);
    samples
}

fn request_form(name: &str, missing: &Missing, note: &str, fault: Option<RequestFault>) -> Sample {
    let form = RequestForm {
        refusal: request_id(),
        host: "wiki.example.com",
        missing,
        note,
        fault,
        request_id: request_id(),
    };
    Sample { name: name.to_owned(), page: form.page() }
}

const fn step_up_unmet(is_time_known: bool) -> Problem<'static> {
    Problem::StepUpUnmet { provider: "Contoso", is_time_known, max_age: Duration::from_mins(15) }
}

fn api_groups(tag: &str, summary: &str) -> Vec<(String, Vec<ApiOperation>)> {
    let (method, path) = ("GET".to_owned(), "/api/v1/users/{id}".to_owned());
    vec![(tag.to_owned(), vec![ApiOperation { method, path, summary: summary.to_owned() }])]
}
