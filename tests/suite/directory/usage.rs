//! What tenants use, in the directory: what counts once, on which day, for whom, and what is left of it.

use super::administration::Administers;
use super::{Opened, actor, person};
use gatepost_core::clock::{Day, Timestamp};
use gatepost_core::ids::{ReplicaId, TenantId, UserId};
use gatepost_core::tier::TierTerms;
use gatepost_core::usage::{MeterName, UsageEvent};
use gatepost_store::directory::changes::{
    CreateTenant, DeleteTenant, EraseUser, SetTier, SuspendTenant, TenantEdit, WriteMode, WriteTenant,
};
use gatepost_store::directory::{ActivePerson, CountedEvents, DirectoryError, UsageBatch, UsageCount};
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);

fn tenant(id: &str) -> TenantId {
    id.parse().unwrap()
}

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn meter(name: &str) -> MeterName {
    name.parse().unwrap()
}

fn count(of: &str, at: &str, meter: &'static str, part: &str, value: u64) -> UsageCount {
    UsageCount { tenant: tenant(of), day: day(at), meter, part: part.to_owned(), value }
}

fn active(at: &str, user: UserId) -> ActivePerson {
    ActivePerson { tenant: tenant("acme"), day: day(at), user }
}

struct Replica(ReplicaId);

impl Replica {
    fn new() -> Self {
        Self(ReplicaId::generate("test"))
    }

    fn batch(&self, number: i64, counts: Vec<UsageCount>, people: Vec<ActivePerson>) -> UsageBatch {
        UsageBatch { replica: self.0.clone(), number, counts, people }
    }
}

async fn create(store: &Opened, ids: &[&str]) {
    for id in ids {
        store.directory.make(CreateTenant { id: tenant(id), name: None }, &actor()).await.unwrap();
    }
}

/// What a tenant used from one day to another, as `DAY METER PART VALUE`.
async fn used(store: &Opened, of: &str, (from, to): (&str, &str)) -> Vec<String> {
    let usage = store.directory.read_usage(&tenant(of), (day(from), day(to))).await.unwrap();
    let told =
        usage.days.iter().map(|one| format!("{} {} {} {}", one.day.iso(), one.meter, one.part, one.value));
    told.collect()
}

/// The people of the days, and those who are new in their month.
async fn people(store: &Opened) -> (Vec<(String, u64)>, Vec<(String, u64)>) {
    let usage =
        store.directory.read_usage(&tenant("acme"), (day("2026-01-01"), day("2027-12-31"))).await.unwrap();
    let days = usage.days.iter().filter(|one| one.meter.as_str() == "active_users");
    let new = usage.first_seen.iter().map(|(day, people)| (day.iso(), *people));
    (days.map(|one| (one.day.iso(), one.value)).collect(), new.collect())
}

fn told(rows: &[(&str, u64)]) -> Vec<(String, u64)> {
    rows.iter().map(|(day, value)| ((*day).to_owned(), *value)).collect()
}

fn event(id: &str, of: &str, name: &str, value: u64) -> UsageEvent {
    let (source, id) = ("/workflows".to_owned(), id.to_owned());
    UsageEvent { source, id, tenant: tenant(of), meter: meter(name), day: day("2026-11-30"), value }
}

const fn counted(added: u64, repeated: u64) -> CountedEvents {
    CountedEvents { added, repeated }
}

const ALL: (&str, &str) = ("2026-01-01", "2027-12-31");

both_stores! {
    async fn a_batch_that_is_sent_again_counts_once(store) {
        create(&store, &["acme"]).await;
        let (one, two) = (Replica::new(), Replica::new());
        let rows = || vec![count("acme", "2026-11-30", "api_requests", "", 7), count("acme", "2026-11-30", "tool_calls", "github", 2)];
        let first = one.batch(1, rows(), Vec::new());
        assert!(store.directory.write_usage(&first).await.unwrap());
        for _ in 0..3 {
            assert!(!store.directory.write_usage(&first).await.unwrap(), "its answer was lost");
        }
        let want = ["2026-11-30 api_requests  7", "2026-11-30 tool_calls github 2"];
        assert_eq!(used(&store, "acme", ALL).await, want);
        assert!(store.directory.write_usage(&one.batch(2, rows(), Vec::new())).await.unwrap());
        assert!(store.directory.write_usage(&two.batch(1, rows(), Vec::new())).await.unwrap(), "another replica's");
        assert!(!store.directory.write_usage(&first).await.unwrap());
        assert_eq!(used(&store, "acme", ALL).await, ["2026-11-30 api_requests  21", "2026-11-30 tool_calls github 6"]);
    }

    async fn replicas_that_write_at_once_lose_nothing(store) {
        create(&store, &["acme", "zeta"]).await;
        let user = store.admitted(&person("bob", "bob@example.com", &[])).await;
        let write = async |number: usize| {
            let replica = Replica::new();
            let mut rows = vec![count("acme", "2026-11-30", "api_requests", "", 1), count("zeta", "2026-11-30", "api_requests", "", 2)];
            if number.is_multiple_of(2) {
                rows.reverse();
            }
            for batch in 1..=5 {
                let people = vec![active("2026-11-30", user)];
                assert!(store.directory.write_usage(&replica.batch(batch, rows.clone(), people)).await.unwrap());
            }
        };
        futures_util::future::join_all((0..4).map(write)).await;
        let of = async |id: &str| used(&store, id, ALL).await;
        assert_eq!(of("acme").await, ["2026-11-30 active_users  1", "2026-11-30 api_requests  20"]);
        assert_eq!(of("zeta").await, ["2026-11-30 api_requests  40"]);
    }

    async fn many_rows_are_written_in_one_batch(store) {
        create(&store, &["acme"]).await;
        let servers: Vec<String> = (0..2_500).map(|number| format!("s{number}")).collect();
        let rows = servers.iter().map(|server| count("acme", "2026-11-30", "tool_calls", server, 1)).collect();
        assert!(store.directory.write_usage(&Replica::new().batch(1, rows, Vec::new())).await.unwrap());
        assert_eq!(used(&store, "acme", ALL).await.len(), 2_500);
    }

    async fn a_person_counts_once_a_day_and_is_new_once_a_month(store) {
        create(&store, &["acme"]).await;
        let [bob, eve] = [("bob", "bob@example.com"), ("eve", "eve@example.com")].map(|(name, email)| person(name, email, &[]));
        let (bob, eve) = (store.admitted(&bob).await, store.admitted(&eve).await);
        let nobody = UserId::generate();
        let (replica, other) = (Replica::new(), Replica::new());
        let days = vec![active("2026-11-30", bob), active("2026-12-01", bob), active("2026-11-30", nobody)];
        store.directory.write_usage(&replica.batch(1, Vec::new(), days.clone())).await.unwrap();
        store.directory.write_usage(&other.batch(1, Vec::new(), days)).await.unwrap();
        let later = vec![active("2026-12-31", bob), active("2026-12-31", eve), active("2026-12-01", eve), active("2027-01-01", eve)];
        store.directory.write_usage(&replica.batch(2, Vec::new(), later)).await.unwrap();
        let (active_on, new_on) = people(&store).await;
        assert_eq!(active_on, told(&[("2026-11-30", 1), ("2026-12-01", 2), ("2026-12-31", 2), ("2027-01-01", 1)]));
        assert_eq!(new_on, told(&[("2026-11-30", 1), ("2026-12-01", 2), ("2027-01-01", 1)]));
        let traces = store.directory.find_traces(bob).await.unwrap().active_days;
        assert_eq!(traces, [active("2026-11-30", bob), active("2026-12-01", bob), active("2026-12-31", bob)]);

        let erase = EraseUser { user: bob, confirm: "bob@example.com".to_owned() };
        store.directory.make(erase, &actor()).await.unwrap();
        assert_eq!(store.texts("SELECT DISTINCT user_id FROM gatepost.usage_people").await, [eve.to_string()]);
        assert_eq!(people(&store).await.0, active_on, "how many there were stays");
    }

    async fn what_was_counted_for_a_tenant_that_is_gone_is_left_out(store) {
        create(&store, &["acme"]).await;
        let rows = vec![count("acme", "2026-11-30", "sign_ins", "", 1), count("gone", "2026-11-30", "sign_ins", "", 9)];
        assert!(store.directory.write_usage(&Replica::new().batch(1, rows, Vec::new())).await.unwrap());
        assert_eq!(used(&store, "acme", ALL).await, ["2026-11-30 sign_ins  1"]);
        assert_eq!(store.texts("SELECT tenant_id FROM gatepost.usage_days").await, ["acme"]);
    }

    async fn a_span_has_its_first_and_its_last_day(store) {
        create(&store, &["acme", "zeta"]).await;
        let days = ["2026-10-31", "2026-11-01", "2026-11-30", "2026-12-01"];
        let rows = days.map(|at| count("acme", at, "api_requests", "", 1)).to_vec();
        store.directory.write_usage(&Replica::new().batch(1, rows, Vec::new())).await.unwrap();
        let november = used(&store, "acme", ("2026-11-01", "2026-11-30")).await;
        assert_eq!(november, ["2026-11-01 api_requests  1", "2026-11-30 api_requests  1"]);
        assert!(used(&store, "zeta", ALL).await.is_empty(), "another tenant's");
    }

    async fn a_sum_that_is_too_great_stays_the_greatest_number(store) {
        create(&store, &["acme"]).await;
        let replica = Replica::new();
        for number in 1..=2 {
            let rows = vec![count("acme", "2026-11-30", "api_requests", "", i64::MAX as u64 - 1)];
            assert!(store.directory.write_usage(&replica.batch(number, rows, Vec::new())).await.unwrap());
        }
        assert_eq!(used(&store, "acme", ALL).await, [format!("2026-11-30 api_requests  {}", i64::MAX)]);
    }

    async fn an_event_counts_once_and_neither_side_hides_one_of_the_other(store) {
        create(&store, &["acme", "zeta"]).await;
        let directory = &store.directory;
        let batch = [event("1", "acme", "runs", 5), event("2", "zeta", "runs", 7), event("1", "acme", "runs", 5)];
        assert_eq!(directory.add_usage_events(true, &batch, true).await.unwrap(), counted(2, 1));
        assert!(used(&store, "acme", ALL).await.is_empty(), "it was only tried");
        assert_eq!(directory.add_usage_events(true, &batch, false).await.unwrap(), counted(2, 1));
        assert_eq!(directory.add_usage_events(true, &batch, false).await.unwrap(), counted(0, 3));
        // The tenant reports under the same name: its event is another one, as is one of another source.
        assert_eq!(directory.add_usage_events(false, &batch[..1], false).await.unwrap(), counted(1, 0));
        assert_eq!(directory.add_usage_events(false, &batch[..1], false).await.unwrap(), counted(0, 1));
        let other = UsageEvent { source: "/other".to_owned(), ..event("1", "acme", "runs", 1) };
        assert_eq!(directory.add_usage_events(true, &[other], false).await.unwrap(), counted(1, 0));
        assert_eq!(used(&store, "acme", ALL).await, ["2026-11-30 runs  11"]);
        assert_eq!(used(&store, "zeta", ALL).await, ["2026-11-30 runs  7"]);
    }

    async fn events_are_added_together_or_not_at_all(store) {
        create(&store, &["acme"]).await;
        let directory = &store.directory;
        let unknown = directory.add_usage_events(true, &[event("1", "acme", "runs", 5), event("2", "none", "runs", 7)], false).await;
        assert!(matches!(unknown, Err(DirectoryError::UnknownTenant(_))), "{unknown:?}");
        let many: Vec<UsageEvent> = (0..100).map(|number| event(&number.to_string(), "acme", &format!("m{number}"), 1)).collect();
        assert_eq!(directory.add_usage_events(false, &many, false).await.unwrap(), counted(100, 0));
        let own = ["api_requests", "tool_calls", "sign_ins", "active_users", "_first_seen"];
        let own = own.map(|meter| count("acme", "2026-11-30", meter, "", 1)).to_vec();
        store.directory.write_usage(&Replica::new().batch(1, own, Vec::new())).await.unwrap();
        let report = async |by_platform: bool, id: &str, meter: &str| {
            directory.add_usage_events(by_platform, &[event(id, "acme", "m0", 1), event(&format!("{id}2"), "acme", meter, 1)], false).await
        };
        let more = report(false, "a", "m100").await;
        assert!(matches!(more, Err(DirectoryError::TooManyMeters(_))), "{more:?}");
        assert_eq!(used(&store, "acme", ALL).await.len(), 104);
        assert_eq!(report(false, "a", "m99").await.unwrap(), counted(2, 0), "Gatepost's own meters are not counted");
        // What the tenant has filled keeps nothing of the platform out, and that keeps nothing of the tenant out that was there.
        assert_eq!(report(true, "b", "m100").await.unwrap(), counted(2, 0));
        assert_eq!(report(false, "c", "m100").await.unwrap(), counted(2, 0));
        let more = report(false, "d", "m101").await;
        assert!(matches!(more, Err(DirectoryError::TooManyMeters(_))), "{more:?}");
        assert_eq!(used(&store, "acme", ALL).await.len(), 105);
    }

    async fn a_month_that_is_full_keeps_no_meter_out_of_the_next_one(store) {
        create(&store, &["acme", "zeta"]).await;
        let directory = &store.directory;
        let many: Vec<UsageEvent> = (0..100).map(|number| event(&number.to_string(), "acme", &format!("m{number}"), 1)).collect();
        directory.add_usage_events(false, &many, false).await.unwrap();
        let on = |id: &str, of: &str, at: &str| UsageEvent { day: day(at), ..event(id, of, "another", 1) };
        for at in ["2026-11-01", "2026-11-30"] {
            let more = directory.add_usage_events(false, &[on("x", "acme", at)], false).await;
            assert!(matches!(&more, Err(DirectoryError::TooManyMeters(of)) if of.as_str() == "acme"), "{at}: {more:?}");
        }
        let others = [on("a", "acme", "2026-10-31"), on("b", "acme", "2026-12-01"), on("c", "zeta", "2026-11-30")];
        assert_eq!(directory.add_usage_events(false, &others, false).await.unwrap(), counted(3, 0));
    }

    async fn a_suspended_tenant_reports_nothing_itself_and_nobody_reports_for_a_deleted_one(store) {
        create(&store, &["acme", "zeta"]).await;
        let directory = &store.directory;
        let all = [tenant("acme"), tenant("zeta"), tenant("none")].into();
        let own = [event("1", "acme", "runs", 5)];
        // Whether the platform may report for it, and whether it may itself.
        let may = async || {
            let mut may = Vec::new();
            for is_platform in [true, false] {
                let mut found = directory.find_reportable_tenants(&all, is_platform).await.unwrap();
                assert!(found.remove(&tenant("zeta")) && !found.contains(&tenant("none")), "{found:?}");
                let reported = directory.add_usage_events(is_platform, &own, true).await;
                assert!(matches!(reported, Ok(_) | Err(DirectoryError::UnknownTenant(_))), "{reported:?}");
                assert_eq!(found.contains(&tenant("acme")), reported.is_ok(), "{reported:?}");
                may.push(reported.is_ok());
            }
            may
        };
        assert_eq!(may().await, [true, true]);
        let suspend = SuspendTenant { id: tenant("acme"), reason: "unpaid".parse().unwrap() };
        store.directory.make(suspend, &actor()).await.unwrap();
        assert_eq!(may().await, [true, false]);
        store.directory.make(DeleteTenant { id: tenant("acme") }, &actor()).await.unwrap();
        assert_eq!(may().await, [false, false]);
    }

    async fn the_usage_of_one_day_is_summed_by_tenant_and_meter_of_gatepost(store) {
        create(&store, &["acme", "zeta"]).await;
        let at = "2026-11-30";
        let rows = vec![
            count("acme", "2026-11-29", "api_requests", "", 100), count("acme", at, "api_requests", "", 7), count("acme", "2026-12-01", "api_requests", "", 100),
            count("acme", at, "tool_calls", "github", 2), count("acme", at, "tool_calls", "files", 3), count("zeta", at, "api_requests", "", 1),
        ];
        store.directory.write_usage(&Replica::new().batch(1, rows, Vec::new())).await.unwrap();
        store.directory.add_usage_events(false, &[event("1", "acme", "runs", 5)], false).await.unwrap();
        let mut of_day = store.directory.read_usage_of_day(day(at)).await.unwrap();
        of_day.sort();
        assert_eq!(of_day, [(tenant("acme"), "api_requests", 7), (tenant("acme"), "tool_calls", 5), (tenant("zeta"), "api_requests", 1)]);
    }

    async fn a_tenant_itself_reports_so_many_events_a_day_and_the_platform_more(store) {
        create(&store, &["acme", "zeta"]).await;
        let (directory, today) = (&store.directory, Timestamp::now().day().number());
        for day in [today, today + 1] {
            store.sql(&format!("INSERT INTO gatepost.usage_days VALUES ('acme', {day}, '_events', '', 99999)")).await;
        }
        let last = [event("1", "acme", "runs", 5)];
        assert_eq!(directory.add_usage_events(false, &last, false).await.unwrap(), counted(1, 0));
        let more = [event("1", "acme", "runs", 5), event("2", "zeta", "runs", 1), event("3", "acme", "runs", 1)];
        for is_dry_run in [true, false] {
            let refused = directory.add_usage_events(false, &more, is_dry_run).await;
            assert!(matches!(&refused, Err(DirectoryError::TooManyEvents(of)) if of.as_str() == "acme"), "{refused:?}");
        }
        assert!(used(&store, "zeta", ALL).await.is_empty(), "nothing is added");
        assert_eq!(store.texts("SELECT id FROM gatepost.usage_events").await, ["1"]);
        assert_eq!(directory.add_usage_events(false, &last, false).await.unwrap(), counted(0, 1), "it is no new one");
        assert_eq!(directory.add_usage_events(false, &more[1..2], false).await.unwrap(), counted(1, 0), "another tenant's");
        assert_eq!(directory.add_usage_events(true, &more, false).await.unwrap(), counted(3, 0));
        assert_eq!(used(&store, "acme", ALL).await, ["2026-11-30 runs  11"], "how many events there were is no usage");
    }

    async fn what_is_reported_for_two_tenants_counts_once_in_whatever_order(store) {
        create(&store, &["acme", "zeta"]).await;
        let directory = &store.directory;
        let mut batch = vec![event("1", "acme", "runs", 5), event("1", "zeta", "runs", 7)];
        assert_eq!(directory.add_usage_events(false, &batch, false).await.unwrap(), counted(2, 0));
        batch.reverse();
        assert_eq!(directory.add_usage_events(false, &batch, false).await.unwrap(), counted(0, 2));
        assert_eq!(used(&store, "acme", ALL).await, ["2026-11-30 runs  5"]);
        assert_eq!(used(&store, "zeta", ALL).await, ["2026-11-30 runs  7"]);
    }

    async fn the_first_of_two_events_with_one_name_counts(store) {
        create(&store, &["acme"]).await;
        let directory = &store.directory;
        let many = (0..2_500).map(|number| event(&format!("{:04}", number % 2_400), "acme", "runs", 1 + number / 2_400));
        let many: Vec<UsageEvent> = many.collect();
        assert_eq!(directory.add_usage_events(true, &many, false).await.unwrap(), counted(2_400, 100));
        assert_eq!(used(&store, "acme", ALL).await, ["2026-11-30 runs  2400"]);
    }

    async fn what_says_that_something_was_counted_is_deleted_when_nothing_can_repeat_it(store) {
        create(&store, &["acme"]).await;
        let user = store.admitted(&person("bob", "bob@example.com", &[])).await;
        let today = Timestamp::now().day().iso();
        let replica = Replica::new();
        let batch = replica.batch(1, vec![count("acme", &today, "sign_ins", "", 1)], vec![active(&today, user)]);
        store.directory.write_usage(&batch).await.unwrap();
        store.directory.add_usage_events(true, &[event("1", "acme", "runs", 5)], false).await.unwrap();
        let rows = async || {
            let sql = "SELECT replica FROM gatepost.usage_batches UNION ALL SELECT id FROM gatepost.usage_events \
                UNION ALL SELECT user_id FROM gatepost.usage_people";
            store.texts(sql).await.len()
        };
        store.leading().await.delete_expired(Timestamp::now().plus(34 * DAY)).await.unwrap();
        assert_eq!(rows().await, 3);
        // An event may be an hour in the future, and is accepted until it is 35 days old.
        let last = Timestamp::now().plus(35 * DAY).plus(Duration::from_hours(2));
        store.leading().await.delete_expired(last).await.unwrap();
        assert_eq!(store.texts("SELECT id FROM gatepost.usage_events").await, ["1"]);
        store.leading().await.delete_expired(Timestamp::now().plus(67 * DAY)).await.unwrap();
        assert_eq!(rows().await, 0);
        assert_eq!(used(&store, "acme", ("2026-01-01", "2100-01-01")).await.len(), 3, "the days stay");
    }

    async fn the_bills_of_a_tenant_stay_when_its_days_are_erased(store) {
        let prices = r#"{"currency":"EUR","base":100,"meters":{"api_requests":{"included":10,"per":5,"price":3}}}"#;
        let terms = TierTerms { prices: Some(prices.parse().unwrap()), ..TierTerms::default() };
        store.directory.make(SetTier { id: "gold".parse().unwrap(), terms }, &actor()).await.unwrap();
        let edit = TenantEdit { tier: Some(Some("gold".parse().unwrap())), ..TenantEdit::default() };
        store.directory.make(WriteTenant { id: tenant("acme"), mode: WriteMode::Create, edit }, &actor()).await.unwrap();
        let found = store.directory.find_prices(&tenant("acme")).await.unwrap().unwrap();
        assert_eq!(found.to_string(), prices);
        let rows = ["2026-08-31", "2026-10-31"].map(|at| count("acme", at, "api_requests", "", 16));
        let rows = [&rows[..], &[count("acme", "2026-11-01", "sign_ins", "", 1)]].concat();
        let user = store.admitted(&person("bob", "bob@example.com", &[])).await;
        let people = vec![active("2026-10-31", user)];
        store.directory.write_usage(&Replica::new().batch(1, rows, people)).await.unwrap();
        // More than are erased in one step.
        let events: Vec<UsageEvent> = (0..2_001).map(|id| event(&id.to_string(), "acme", "runs", 5)).collect();
        store.directory.add_usage_events(true, &events, false).await.unwrap();
        store.directory.make(DeleteTenant { id: tenant("acme") }, &actor()).await.unwrap();
        let [created, deleted] = ["2026-09-15", "2026-11-20"].map(|at| day(at).start().unix());
        store.sql(&format!("UPDATE gatepost.tenants SET created_at = {created}, deleted_at = {deleted} WHERE id = 'acme'")).await;
        assert_eq!(store.leading().await.erase_deleted_tenants(Timestamp::now().plus(31 * DAY), 10).await.unwrap(), 1);
        for table in ["usage_days", "usage_people", "usage_events"] {
            assert!(store.texts(&format!("SELECT tenant_id FROM gatepost.{table}")).await.is_empty(), "{table}");
        }
        let bills = store.texts("SELECT concat(month, ' ', currency, ' ', total) FROM gatepost.usage_bills ORDER BY 1").await;
        // In August there was no such tenant, and in September it used nothing.
        assert_eq!(bills, ["202608 EUR 6", "202609 EUR 100", "202610 EUR 106", "202611 EUR 100"]);
    }
}
