//! Samples of the pages about access: empty, full, wrong, and with the longest words.

use super::admin::frame;
use super::samples::{MINUTE, NOW, PLANTED, Sample, email, request_id};
use crate::admin::{
    Access, AccessAnswer, AccessForm, ApplicationEntry, ApplicationList, EnteredEnd, GrantingForm,
    OpenerEntry, OpeningKeyEntry, RefusalDetails, RequirementEntry, WayEntry,
};
use crate::explanation::{
    Answer, DecisionFacts, Explanation, GrantFacts, PastRequest, RefusalFacts, RemedyFacts, Step, UtcTime,
};
use gatepost_core::api_key::KeyId;
use gatepost_core::decision::Missing;
use gatepost_core::ids::UserId;
use gatepost_telemetry::Reason;

fn access(name: &str, words: &str, count: usize, error: Option<(u16, &str)>) -> Sample {
    let address = email("alice@example.com");
    let way = |until| WayEntry { text: format!("group {words}, added by an administrator ({words})"), until };
    let people: Vec<_> = (0..count)
        .map(|number| OpenerEntry {
            id: UserId::generate(),
            email: Some(&address).filter(|_| number % 2 == 0),
            name: Some(words).filter(|_| number % 3 == 0),
            last_sign_in_at: (number % 3 != 1).then(|| NOW.minus(MINUTE * 90)),
            ways: vec![way(None), way(Some(NOW.plus(MINUTE)))],
            meets: vec!["", words],
        })
        .collect();
    let requirements = [
        RequirementEntry { query: "", seen_at: None },
        RequirementEntry { query: words, seen_at: Some(NOW.minus(MINUTE)) },
    ];
    let (github, networks) = ("github".parse().expect("a tenant"), vec!["10.0.0.0/8".to_owned(); count % 3]);
    let keys: Vec<_> = (0..count.min(9))
        .map(|number| OpeningKeyEntry {
            id: KeyId::generate(),
            name: words,
            hint: "x7Kd",
            tenant: Some(&github).filter(|_| number % 2 == 0),
            owner: (number % 3 == 0).then(|| (UserId::generate(), Some(&address).filter(|_| number == 0))),
            networks: networks.clone(),
            last_used_at: (number % 3 != 1).then(|| NOW.minus(MINUTE * 90)),
            ends_at: (number % 2 == 0).then(|| NOW.plus(MINUTE)),
            ways: vec![format!("the key is in group {words}"), "a key of the tenant github".to_owned()],
            meets: vec!["", words],
        })
        .collect();
    let notes = [format!("There is no group {words}: nobody is in it.")];
    let answer = AccessAnswer {
        requirements: if count == 0 { &[] } else { &requirements },
        notes: &notes,
        people: &people,
        keys: &keys,
        after: None,
        next: Some(words).filter(|_| count > 3),
        keys_after: None,
        keys_next: Some(words).filter(|_| count > 3),
    };
    let page = Access {
        frame: frame(words, None),
        form: AccessForm { by: "requirement", of: words, error },
        answer: Some(answer).filter(|_| error.is_none()),
        applications: None,
        now: NOW,
    };
    Sample { name: name.to_owned(), page: page.page() }
}

fn applications(name: &str, words: &str, count: usize) -> Sample {
    let (github, unseen) = ("github".parse().expect("a tenant"), [words.to_owned()]);
    let entry = |number: usize| ApplicationEntry {
        origin: "https://wiki.example.com",
        tenant: Some(&github).filter(|_| number.is_multiple_of(2)),
        requirements: vec!["", words].into_iter().take(number % 3).collect(),
        seen_at: Some(NOW.minus(MINUTE)).filter(|_| !number.is_multiple_of(3)),
    };
    let page = Access {
        frame: frame(words, None),
        form: AccessForm { by: "url", ..AccessForm::default() },
        answer: None,
        applications: Some(ApplicationList {
            entries: &(0..count).map(entry).collect::<Vec<_>>(),
            more: count / 3,
            unseen: &unseen[..count.min(1)],
        }),
        now: NOW,
    };
    Sample { name: name.to_owned(), page: page.page() }
}

fn refusal(name: &str, words: &str, is_open: bool) -> Sample {
    let grant = |kind: &'static str, is_new, makes_admin| GrantFacts {
        kind: kind.into(),
        name: Some(words.to_owned()).filter(|_| kind != "admin"),
        is_new,
        makes_admin,
        command: words.to_owned(),
    };
    let remedy = RemedyFacts {
        steps: vec![
            vec![grant("group", false, false), grant("group", true, true)],
            vec![grant("admin", false, true)],
        ],
        obstacles: vec![words.to_owned()],
    };
    let missing = Missing { groups: vec![words.parse().expect("a name")], ..Missing::default() };
    let reason = if is_open { Reason::GroupMissing } else { Reason::Met };
    let now = Explanation {
        at: UtcTime(NOW),
        is_now: true,
        steps: vec![Step::Decision(DecisionFacts::of(
            reason,
            if is_open { missing } else { Missing::default() },
        ))],
        answer: Some(Answer { status: 403, headers: [].into() }),
        sign_in_first: None,
        remedy: Some(remedy).filter(|_| is_open),
        changes: None,
    };
    let key = KeyId::generate();
    let refused = RefusalFacts {
        at: UtcTime(NOW.minus(MINUTE)),
        user_id: key.machine(),
        is_person: is_open,
        email: Some(email("alice@example.com")),
        host: "app.example.com".to_owned(),
        method: "GET".to_owned(),
        path: format!("/{words}"),
        kind: "navigation".into(),
        asker: Some(words.to_owned()),
        requirement: format!("group={words}"),
        status: 403,
        reason: "group_missing".to_owned(),
        text: words.to_owned(),
        address: None,
        key_id: Some(key),
        via: Some(words.to_owned()),
        tool: Some(words.to_owned()),
    };
    let past =
        PastRequest { id: request_id(), refused: Some(refused.clone()), changes: Vec::new(), now: Some(now) };
    let form = GrantingForm {
        chosen: Vec::new(),
        end: EnteredEnd::new(Some("other"), Some(words)).unwrap_or_default(),
        end_error: Some("Enter a date and a time, such as 2027-01-31T17:00.").filter(|_| words.len() > 50),
    };
    let page =
        RefusalDetails { frame: frame(words, None), past: &past, refused: &refused, form: &form, now: NOW };
    Sample { name: name.to_owned(), page: page.page() }
}

pub fn access_samples() -> Vec<Sample> {
    let long = "Longest-word-".repeat(19);
    let wrong = Some((400, "This is not a web address."));
    vec![
        access("admin-access-empty", "group=MCP-GitHub", 0, None),
        access("admin-access-full", "group=MCP-GitHub", 50, None),
        access("admin-access-error", "wiki", 0, wrong),
        access("admin-access-long", &long, 9, None),
        access("admin-access-hostile", PLANTED, 9, None),
        applications("admin-applications-empty", "*.example.com", 0),
        applications("admin-applications-full", "group=MCP-GitHub", 100),
        applications("admin-applications-long", &long, 9),
        applications("admin-applications-hostile", PLANTED, 9),
        refusal("admin-refusal-open", "MCP-GitHub", true),
        refusal("admin-refusal-fixed", "MCP-GitHub", false),
        refusal("admin-refusal-long", &long, true),
        refusal("admin-refusal-hostile", PLANTED, true),
    ]
}
