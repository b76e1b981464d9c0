//! Samples of the header debugger's pages, in both modes.

use super::super::*;
use super::samples::{FIREFOX, NOW, ORIGIN, PLANTED, Sample, email, groups, request_id};
use crate::explanation::{
    Answer as ExplainedAnswer, Change, DecisionFacts, Explanation, GroupFacts, GroupsFacts, PastRequest,
    PathFacts, RefusalFacts, RequestFacts, Step, UtcTime,
};
use crate::header_report::{Header, HeaderProblem, Report};
use gatepost_core::access::Person;
use gatepost_core::ids::UserId;
use gatepost_telemetry::Reason;

fn live_headers(name: &str, received: &[(&str, &str)], problems: Vec<HeaderProblem>) -> [Sample; 2] {
    let person = Person {
        id: UserId::generate(),
        email: Some(email("carol@example.com")),
        name: Some("Carol, née Ж".into()),
    };
    let header = |(name, value): &(&str, &str)| {
        let has_problem = problems.iter().any(|problem| problem.header() == *name);
        Header::new(name, value.as_bytes(), has_problem)
    };
    let report = Report { headers: received.iter().map(header).collect(), problems };
    let page = LiveHeaders { origin: &ORIGIN, person: &person, report: &report, request_id: request_id() };
    [Format::Html, Format::Json]
        .map(|format| Sample { name: format!("{name}-{format:?}").to_lowercase(), page: page.page(format) })
}

/// On a protected host, and yet no answer of `/verify`.
pub fn live_samples() -> Vec<Sample> {
    let right = [
        ("host", "wiki.example.com"),
        ("user-agent", FIREFOX),
        ("cookie", "theme=dark; session=0123456789abcdef"),
        ("x-forwarded-for", "203.0.113.9"),
        ("x-user-email", "carol@example.com"),
        ("x-user-groups", ""),
    ];
    let wrong = [
        ("host", PLANTED),
        ("cookie", "__Host-gatepost=0123456789abcdef"),
        ("x_user_email", PLANTED),
        ("x-user-name", PLANTED),
        ("x-user-role", PLANTED),
        ("x-forwarded-for", "203.0.113.9, 198.51.100.1"),
        ("x-forwarded-uri", PLANTED),
    ];
    let problems = vec![
        HeaderProblem::Alias { name: "x_user_email".to_owned(), of: "x-user-email" },
        HeaderProblem::Missing("x-user-email"),
        HeaderProblem::Differs { name: "x-user-name", sent: PLANTED.to_owned() },
        HeaderProblem::NotSent("x-user-role"),
        HeaderProblem::OwnCookie,
        HeaderProblem::ForwardedByClient("x-forwarded-uri"),
        HeaderProblem::ManyAddresses,
    ];
    [live_headers("live-right", &right, Vec::new()), live_headers("hostile-live", &wrong, problems)]
        .into_iter()
        .flatten()
        .collect()
}

/// On the public host.
pub fn explained_samples() -> Vec<Sample> {
    let unknown = Outcome::Fault(QuestionFault::UnknownPerson(vec![PLANTED.to_owned()]));
    vec![
        explained("public-question", "", None),
        explained("public-explained", "MCP-GitHub", Some(&Outcome::Explained(explanation("MCP-GitHub")))),
        explained("hostile-explained", PLANTED, Some(&Outcome::Explained(explanation(PLANTED)))),
        explained("hostile-past", PLANTED, Some(&Outcome::Past(Box::new(past(PLANTED))))),
        explained("hostile-question", PLANTED, Some(&unknown)),
    ]
}

fn explained(name: &str, text: &str, outcome: Option<&Outcome>) -> Sample {
    let form = QuestionForm {
        person: text.to_owned(),
        key: text.to_owned(),
        url: text.to_owned(),
        method: "POST".to_owned(),
        requirement: text.to_owned(),
        tool: text.to_owned(),
        number: text.to_owned(),
    };
    let page = Explained { form: &form, outcome, request_id: request_id() };
    Sample { name: name.to_owned(), page: page.page() }
}

/// Refused, with more particulars than are shown at once.
fn explanation(text: &str) -> Explanation {
    let group = |name: &str| GroupFacts {
        name: name.parse().expect("a name"),
        is_member: false,
        sources: Vec::new(),
        exists: true,
        links: vec![text.to_owned()],
        namesakes: Vec::new(),
    };
    let decision = DecisionFacts {
        reason: Reason::GroupMissing,
        is_allowed: false,
        missing_groups: groups(&[text]),
        missing_tenants: Vec::new(),
        missing_admin: false,
        missing_tool: None,
        missing_key: None,
        suspended_tenant: None,
        confined_to: None,
    };
    Explanation {
        at: UtcTime(NOW),
        is_now: true,
        steps: vec![
            Step::Request(RequestFacts { method: "POST".to_owned(), url: text.to_owned(), problem: None }),
            Step::Path(PathFacts { is_reserved: false }),
            Step::Groups(GroupsFacts {
                required: (0..9).map(|_| group(text)).collect(),
                is_met: false,
                others: Vec::new(),
            }),
            Step::Decision(decision),
        ],
        answer: Some(ExplainedAnswer {
            status: 200,
            headers: [
                ("x-user-name".to_owned(), text.repeat(9)),
                ("x-user-groups".to_owned(), String::new()),
            ]
            .into(),
        }),
        sign_in_first: Some(ExplainedAnswer { status: 302, headers: [].into() }),
        remedy: None,
        changes: None,
    }
}

/// A refusal of somebody who is gone, by a request that also changed something.
fn past(text: &str) -> PastRequest {
    let refused = RefusalFacts {
        at: UtcTime(NOW),
        user_id: UserId::generate(),
        is_person: true,
        email: None,
        host: text.to_owned(),
        method: "GET".to_owned(),
        path: text.to_owned(),
        kind: "navigation".into(),
        asker: None,
        requirement: text.to_owned(),
        status: 403,
        reason: text.to_owned(),
        text: text.to_owned(),
        address: None,
        key_id: None,
        via: Some(text.to_owned()),
        tool: Some(text.to_owned()),
    };
    let change = Change {
        at: UtcTime(NOW),
        actor: text.to_owned(),
        action: text.to_owned(),
        target: text.to_owned(),
        before: None,
        after: None,
    };
    PastRequest { id: request_id(), refused: Some(refused), changes: vec![change], now: None }
}
