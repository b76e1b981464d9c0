//! The whole table of decisions, without a runtime.

use super::*;
use crate::auth_time::AuthTime;
use crate::clock::BootTime;
use std::sync::Arc;

const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);
const LIFETIMES: Lifetimes = Lifetimes {
    idle: Duration::from_hours(1),
    absolute: Duration::from_hours(12),
    refresh_interval: Duration::from_mins(15),
};

fn ago(seconds: u64) -> Timestamp {
    NOW.minus(Duration::from_secs(seconds))
}

fn standing() -> Standing {
    let access = Access {
        groups: ["A", "B"].map(|name| name.parse().expect("a name")).to_vec(),
        tenants: [("t".parse().expect("an id"), Role::Viewer)].into(),
        is_admin: false,
        ..Access::default()
    };
    let person = Person {
        id: "0190a0b0-0000-7000-8000-000000000001".parse().expect("an id"),
        email: "alice@example.com".parse().ok(),
        name: None,
    };
    Standing {
        person,
        is_disabled: false,
        sessions_not_before: None,
        is_session_ended: false,
        counts_until: BootTime::MAX,
        access: access.into(),
    }
}

fn times() -> SessionTimes {
    SessionTimes {
        started_at: ago(600),
        auth_time: AuthTime::at(ago(600)),
        last_seen_at: ago(60),
        checked_at: ago(600),
        recheck: Recheck::ByRefresh,
        unreachable_at: None,
    }
}

fn with(query: &str, standing: &Standing, times: &SessionTimes) -> Result<bool, Denial> {
    let requirement = Requirement::parse(query).expect("a requirement");
    let demand = Demand { now: NOW, requirement: &requirement, is_cross_origin: false, may_redirect: false };
    decide(&demand, standing, times, &LIFETIMES).map(|permit| permit.access.is_admin)
}

fn missing_of(result: Result<bool, Denial>) -> Missing {
    match result {
        Err(Denial::Forbidden(missing)) => missing,
        other => panic!("expected Forbidden, got {other:?}"),
    }
}

#[test]
fn a_valid_session_passes_where_nothing_more_is_required() {
    assert_eq!(with("", &standing(), &times()), Ok(false));
}

#[test]
fn one_entry_of_each_kind_is_enough_and_every_kind_must_hold() {
    for (query, passes) in [
        ("group=A", true),
        ("group=X&group=B", true),
        ("group=X", false),
        ("group=a", false),
        ("tenant=t", true),
        ("tenant=x&tenant=t", true),
        ("tenant=x", false),
        ("group=A&tenant=t", true),
        ("group=A&tenant=x", false),
        ("group=X&tenant=t", false),
        ("admin=true", false),
        ("group=A&admin=true", false),
    ] {
        assert_eq!(with(query, &standing(), &times()).is_ok(), passes, "{query}");
    }
}

#[test]
fn a_refusal_names_only_what_is_missing() {
    let missing = missing_of(with("group=A&tenant=x&admin=true", &standing(), &times()));
    assert_eq!(
        missing,
        Missing { tenants: vec!["x".parse().expect("an id")], admin: true, ..Missing::default() }
    );
}

#[test]
fn an_admin_enters_every_tenant_that_there_is_but_is_in_no_group_for_it() {
    let mut admin = standing();
    admin.access = Arc::new(Access {
        is_admin: true,
        every_tenant: ["t", "x"].map(|id| id.parse().expect("an id")).to_vec(),
        ..(*admin.access).clone()
    });
    assert_eq!(with("tenant=x&admin=true", &admin, &times()), Ok(true));
    assert_eq!(missing_of(with("group=X", &admin, &times())).groups.len(), 1);
    let requirement = Requirement::parse("tenant=x").expect("a requirement");
    let tenant = requirement.tenant_for(&admin.access).map(|(tenant, role)| (tenant.as_str(), role));
    assert_eq!(tenant, Some(("x", Role::Admin)));
    assert_eq!(missing_of(with("tenant=misspelt", &admin, &times())).tenants.len(), 1);
}

#[test]
fn a_person_who_may_no_longer_pass_is_sent_to_sign_in() {
    let set = |change: fn(&mut Standing)| {
        let mut standing = standing();
        change(&mut standing);
        with("", &standing, &times())
    };
    for (change, reason) in [
        ((|s| s.is_session_ended = true) as fn(&mut Standing), SignInReason::Ended),
        (|s| s.sessions_not_before = Some(ago(599)), SignInReason::Ended),
        (|s| s.is_disabled = true, SignInReason::Disabled),
        (|s| s.person.email = None, SignInReason::NoAddress),
    ] {
        assert_eq!(set(change), Err(Denial::SignIn(reason)));
    }
    assert_eq!(set(|s| s.sessions_not_before = Some(ago(600))), Ok(false), "started in that very second");
}

#[test]
fn idle_and_absolute_lifetime_end_a_session_to_the_second() {
    let idle = |seconds| with("", &standing(), &SessionTimes { last_seen_at: ago(seconds), ..times() });
    assert_eq!(idle(3_599), Ok(false));
    assert_eq!(idle(3_600), Err(Denial::SignIn(SignInReason::Expired)));
    let begun = |seconds| with("", &standing(), &SessionTimes { started_at: ago(seconds), ..times() });
    assert_eq!(begun(43_199), Ok(false));
    assert_eq!(begun(43_200), Err(Denial::SignIn(SignInReason::Expired)));
}

#[test]
fn step_up_requires_a_recent_sign_in_only_of_people_who_are_allowed() {
    assert_eq!(with("max_age=600", &standing(), &times()), Ok(false));
    assert_eq!(with("max_age=599", &standing(), &times()), Err(Denial::StepUp(Duration::from_secs(599))));
    missing_of(with("max_age=599&group=X", &standing(), &times()));
    let unknown = SessionTimes { auth_time: AuthTime::UNKNOWN, ..times() };
    let ever = format!("max_age={}", u64::MAX);
    let denied = Err(Denial::StepUp(Duration::from_secs(u64::MAX)));
    assert_eq!(with(&ever, &standing(), &unknown), denied, "a missing auth_time meets no max_age");
    assert_eq!(with("", &standing(), &unknown), Ok(false));
}

#[test]
fn a_change_from_another_origin_is_refused_before_the_requirement_is_checked() {
    let requirement = Requirement::parse("group=X").expect("a requirement");
    let demand = Demand { now: NOW, requirement: &requirement, is_cross_origin: true, may_redirect: true };
    assert_eq!(decide(&demand, &standing(), &times(), &LIFETIMES), Err(Denial::CrossOrigin));
}

#[test]
fn a_session_unused_for_two_intervals_is_checked_before_it_passes() {
    let checked = |seconds, unreachable| SessionTimes {
        checked_at: ago(seconds),
        unreachable_at: unreachable,
        last_seen_at: ago(60),
        ..times()
    };
    for (times, check) in [
        (checked(899, None), RefreshDue::NotDue),
        (checked(900, None), RefreshDue::InBackground),
        (checked(1_799, None), RefreshDue::InBackground),
        (checked(1_800, None), RefreshDue::First),
        (checked(1_800, Some(ago(900))), RefreshDue::InBackground),
        (checked(1_800, Some(ago(901))), RefreshDue::First),
        (checked(5_399, Some(ago(10))), RefreshDue::InBackground),
        (checked(5_400, Some(ago(10))), RefreshDue::First),
        (SessionTimes { recheck: Recheck::Never, ..checked(5_400, None) }, RefreshDue::NotDue),
    ] {
        assert_eq!(times.refresh_due(NOW, &LIFETIMES), check, "{times:?}");
        let want = if check == RefreshDue::First { Err(Denial::CheckFirst) } else { Ok(false) };
        assert_eq!(with("", &standing(), &times), want);
    }
}

#[test]
fn without_a_refresh_token_a_navigation_goes_through_the_provider_and_the_rest_waits_longer() {
    let (passes, redirected) = (Ok(false), Err(Denial::CheckBySignIn));
    let at = |seconds, unreachable, may_redirect| {
        let times = SessionTimes {
            checked_at: ago(seconds),
            recheck: Recheck::BySignIn,
            unreachable_at: unreachable,
            ..times()
        };
        let requirement = Requirement::default();
        let demand = Demand { now: NOW, requirement: &requirement, is_cross_origin: false, may_redirect };
        decide(&demand, &standing(), &times, &LIFETIMES).map(|permit| permit.access.is_admin)
    };
    for (seconds, unreachable, navigation, other) in [
        (899, None, &passes, &passes),
        (900, None, &redirected, &passes),
        (1_799, None, &redirected, &passes),
        (1_800, None, &redirected, &redirected),
        (1_799, Some(ago(900)), &passes, &passes),
        (1_799, Some(ago(901)), &redirected, &passes),
        (5_399, Some(ago(10)), &passes, &passes),
        (5_400, Some(ago(10)), &redirected, &redirected),
    ] {
        assert_eq!(at(seconds, unreachable, true), *navigation, "{seconds} {unreachable:?}");
        assert_eq!(at(seconds, unreachable, false), *other, "{seconds} {unreachable:?}");
    }
}

#[test]
fn an_access_token_ends_with_its_person_and_never_outlives_its_end() {
    let token = |expires, auth_time| TokenTimes {
        issued_at: ago(600),
        auth_time,
        expires_at: NOW.plus(Duration::from_secs(expires)),
    };
    let valid = token(1, AuthTime::UNKNOWN);
    let decided = |query: &str, standing: &Standing, times: &TokenTimes| {
        let requirement = Requirement::parse(query).expect("a requirement");
        decide_token(&requirement, standing, times, NOW).map(|permit| permit.tenant.is_some())
    };
    assert_eq!(decided("group=A&tenant=t", &standing(), &valid), Ok(true));
    missing_of(decided("group=X", &standing(), &valid));
    let denied = |standing: &Standing, times: &TokenTimes| match decided("", standing, times) {
        Err(Denial::Token(denial)) => denial,
        other => panic!("{other:?}"),
    };
    assert_eq!(denied(&standing(), &token(0, AuthTime::UNKNOWN)), TokenDenial::Expired);
    assert_eq!(denied(&Standing { is_disabled: true, ..standing() }, &valid), TokenDenial::Disabled);
    let ended = |seconds| Standing { sessions_not_before: Some(ago(seconds)), ..standing() };
    assert_eq!(denied(&ended(599), &valid), TokenDenial::Ended);
    assert_eq!(decided("", &ended(600), &valid), Ok(false));
    let nameless = Person { email: None, ..standing().person };
    assert_eq!(denied(&Standing { person: nameless, ..standing() }, &valid), TokenDenial::NoAddress);
    let recent = token(1, AuthTime::at(ago(600)));
    assert_eq!(decided("max_age=600", &standing(), &recent), Ok(false));
    let step_up = |seconds| Err(Denial::Token(TokenDenial::StepUp(Duration::from_secs(seconds))));
    assert_eq!(decided("max_age=599", &standing(), &recent), step_up(599));
    assert_eq!(
        decided("max_age=599", &standing(), &valid),
        step_up(599),
        "a missing auth_time meets no max_age"
    );
    missing_of(decided("max_age=599&group=X", &standing(), &valid));
}

#[test]
fn nobody_is_acted_for_who_is_disabled_or_an_administrator_or_whose_session_is_over() {
    let acted = |query: &str, standing: &Standing, session: Option<&SessionTimes>| {
        let requirement = Requirement::parse(query).expect("a requirement");
        let permit = decide_for_person(&requirement, standing, session, &LIFETIMES, NOW);
        permit.map(|permit| permit.tenant.is_some())
    };
    let valid = times();
    assert_eq!(acted("group=A&tenant=t", &standing(), Some(&valid)), Ok(true));
    assert_eq!(acted("", &standing(), None), Ok(false), "no session is needed");
    let nobody = Err(Denial::Word(WordDenial::Nobody));
    let access = Access { is_admin: true, ..(*standing().access).clone() };
    let nameless = Person { email: None, ..standing().person };
    for standing in [
        Standing { is_disabled: true, ..standing() },
        Standing { access: access.into(), ..standing() },
        Standing { person: nameless, ..standing() },
    ] {
        assert_eq!(acted("", &standing, Some(&valid)), nobody);
    }
    let idle = SessionTimes { last_seen_at: ago(3600), ..times() };
    let old = SessionTimes { started_at: ago(12 * 3600), ..times() };
    for over in [idle, old] {
        assert_eq!(acted("", &standing(), Some(&over)), nobody);
    }
    missing_of(acted("group=X", &standing(), Some(&valid)));
    assert_eq!(acted("max_age=900", &standing(), Some(&valid)), Err(Denial::Key(KeyDenial::NoSignIn)));
}

#[test]
fn whom_a_tenants_provider_identifies_passes_where_the_tenant_is_required_and_nowhere_else() {
    let own: TenantId = "t".parse().expect("an id");
    let access = Access {
        groups: ["A", "t-t:staff", "t-tt:staff"].map(|name| name.parse().expect("a name")).to_vec(),
        tenants: [(own.clone(), Role::Viewer), ("other".parse().expect("an id"), Role::Admin)].into(),
        own_tenants: vec!["other".parse().expect("an id"), own.clone()],
        every_tenant: vec!["other".parse().expect("an id"), own.clone()],
        suspended: [("s".parse().expect("an id"), Role::Admin)].into(),
        is_admin: true,
        confined_to: None,
    };
    let access = access.confined_to(own.clone());
    assert_eq!(access.groups.iter().map(GroupName::as_str).collect::<Vec<_>>(), ["t-t:staff"]);
    assert_eq!(access.tenants, [(own.clone(), Role::Viewer)].into());
    assert!(!access.is_admin && access.every_tenant.is_empty() && access.suspended.is_empty());
    assert_eq!(
        access.for_speaker(None).confined_to,
        Some(own.clone()),
        "a program that acts for them is, too"
    );
    let confined = Standing { access: access.into(), ..standing() };
    for passes in ["tenant=t", "tenant=other&tenant=t", "tenant=t&group=t-t:staff"] {
        assert_eq!(with(passes, &confined, &times()), Ok(false), "{passes}");
    }
    for refused in ["", "group=A", "group=t-t:staff", "admin=true", "tenant=other", "tenant=t&group=A"] {
        missing_of(with(refused, &confined, &times()));
    }
    assert_eq!(missing_of(with("", &confined, &times())).confined_to, Some(own.clone()));
    let at_host = |host: &str| {
        let host = host.parse().expect("an id");
        missing(&Requirement::default().at(Some(&host), None), &confined.access)
    };
    assert_eq!(at_host("t"), None);
    assert!(at_host("other").is_some());
}
