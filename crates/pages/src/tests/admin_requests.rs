//! Samples of the pages about requests for access.

use super::admin::{frame, longest};
use super::samples::{MINUTE, NOW, PLANTED, Sample};
use crate::admin::*;
use gatepost_core::access_request::{RequestState, Wanted};
use gatepost_core::ids::{AccessRequestId, GroupId, UserId};

fn wanted(words: &str) -> [Wanted; 2] {
    [Wanted::Group(words.parse().expect("a name")), Wanted::Tenant("github".parse().expect("an id"))]
}

fn entry<'a>(words: &'a str, wanted: &'a Wanted, state: RequestState) -> AccessRequestEntry<'a> {
    let is_open = state == RequestState::Open;
    AccessRequestEntry {
        id: AccessRequestId::generate(),
        user_id: UserId::generate(),
        email: None,
        name: Some(words),
        wanted,
        group: Some(GroupId::from_number(7)),
        note: Some(words),
        state,
        created_at: NOW.minus(MINUTE * 200),
        decided_at: (!is_open).then_some(NOW),
        decided_by: Some(words).filter(|_| !is_open),
        answer: Some(words).filter(|_| state == RequestState::Declined),
        until: (state == RequestState::Granted).then(|| NOW.plus(MINUTE)),
    }
}

fn list(name: &str, words: &str, state: RequestState, count: usize) -> Sample {
    let (wanted, address) = (wanted(words), longest());
    let requests = (0..count).map(|number| AccessRequestEntry {
        email: Some(&address).filter(|_| number % 2 == 0),
        note: Some(words).filter(|_| number % 3 != 0),
        ..entry(words, &wanted[number % 2], state)
    });
    let page = AccessRequests {
        frame: frame(words, None),
        state,
        requests: &requests.collect::<Vec<_>>(),
        proposals: [None, Some((0, false)), Some((1, false)), Some((50, true))][count % 4],
        next: Some(words).filter(|_| count > 3),
        now: NOW,
    };
    Sample { name: format!("admin-requests-{name}"), page: page.page() }
}

fn one(name: &str, words: &str, state: RequestState, is_wrong: bool) -> Sample {
    let (wanted, address) = (wanted(words), longest());
    let names = [words.to_owned(), address.to_string()];
    let names = |has_more| Some(Names { names: &names, has_more });
    let end = EnteredEnd { choice: EndChoice::Other, at: words.to_owned() };
    let wrong = RequestDecision {
        end,
        end_error: Some("Enter a date."),
        answer: words.to_owned(),
        answer_error: Some("Too long."),
    };
    let page = AccessRequestDetails {
        frame: frame(words, Some(words).filter(|_| state != RequestState::Open)),
        request: AccessRequestEntry {
            email: Some(&address),
            ..entry(words, &wanted[usize::from(!is_wrong)], state)
        },
        is_person_shown: is_wrong,
        others: OtherDeciders {
            of_tenant: names(is_wrong).filter(|_| state == RequestState::Open),
            of_system: names(false).filter(|_| is_wrong),
        },
        deciding: &if is_wrong { wrong } else { RequestDecision::default() },
        is_overtaken: state == RequestState::Granted,
        now: NOW,
    };
    Sample { name: format!("admin-request-{name}"), page: page.page() }
}

pub fn request_samples() -> Vec<Sample> {
    let long = "W".repeat(120);
    let name = "Zo\u{eb} \u{141}ukasz";
    vec![
        list("empty", "nobody", RequestState::Open, 0),
        list("none", "nobody", RequestState::Declined, 0),
        list("full", name, RequestState::Open, 50),
        list("granted", name, RequestState::Granted, 3),
        list("withdrawn", name, RequestState::Withdrawn, 3),
        list("long", &long, RequestState::Open, 9),
        list("hostile", PLANTED, RequestState::Declined, 9),
        one("open", name, RequestState::Open, false),
        one("wrong", name, RequestState::Open, true),
        one("overtaken", name, RequestState::Granted, false),
        one("declined", name, RequestState::Declined, false),
        one("long", &long, RequestState::Open, true),
        one("hostile", PLANTED, RequestState::Open, true),
        one("hostile-declined", PLANTED, RequestState::Declined, false),
    ]
}
