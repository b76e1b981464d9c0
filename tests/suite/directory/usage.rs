//! What tenants use, in the directory: what counts once, on which day, for whom, and what is left of it.

use super::administration::Administers;
use super::{Opened, actor, person};
use gatepost_core::clock::{Day, Timestamp};
use gatepost_core::ids::{ReplicaId, TenantId, UserId};
use gatepost_core::tier::TierTerms;
use gatepost_core::usage::{MeterName, UsageEvent};
use gatepost_store::directory::changes::{
    CreateTenant, DeleteTenant, EraseUser, SetTier, TenantEdit, WriteMode, WriteTenant,
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
        assert_eq!(directory.add_usage_events(None, &batch, true).await.unwrap(), counted(2, 1));
        assert!(used(&store, "acme", ALL).await.is_empty(), "it was only tried");
        assert_eq!(directory.add_usage_events(None, &batch, false).await.unwrap(), counted(2, 1));
        assert_eq!(directory.add_usage_events(None, &batch, false).await.unwrap(), counted(0, 3));
        // The tenant reports under the same name: its event is another one, as is one of another source.
        let acme = tenant("acme");
        assert_eq!(directory.add_usage_events(Some(&acme), &batch[..1], false).await.unwrap(), counted(1, 0));
        assert_eq!(directory.add_usage_events(Some(&acme), &batch[..1], false).await.unwrap(), counted(0, 1));
        let other = UsageEvent { source: "/other".to_owned(), ..event("1", "acme", "runs", 1) };
        assert_eq!(directory.add_usage_events(None, &[other], false).await.unwrap(), counted(1, 0));
        assert_eq!(used(&store, "acme", ALL).await, ["2026-11-30 runs  11"]);
        assert_eq!(used(&store, "zeta", ALL).await, ["2026-11-30 runs  7"]);
    }

    async fn events_are_added_together_or_not_at_all(store) {
        create(&store, &["acme"]).await;
        let directory = &store.directory;
        let unknown = directory.add_usage_events(None, &[event("1", "acme", "runs", 5), event("2", "none", "runs", 7)], false).await;
        assert!(matches!(unknown, Err(DirectoryError::UnknownTenant(_))), "{unknown:?}");
        let many: Vec<UsageEvent> = (0..100).map(|number| event(&number.to_string(), "acme", &format!("m{number}"), 1)).collect();
        assert_eq!(directory.add_usage_events(None, &many, false).await.unwrap(), counted(100, 0));
        let more = directory.add_usage_events(None, &[event("a", "acme", "m0", 1), event("b", "acme", "m100", 1)], false).await;
        assert!(matches!(more, Err(DirectoryError::TooManyMeters(_))), "{more:?}");
        assert_eq!(used(&store, "acme", ALL).await.len(), 100);
        assert_eq!(directory.add_usage_events(None, &[event("a", "acme", "m0", 1)], false).await.unwrap(), counted(1, 0));
    }

    async fn what_says_that_something_was_counted_is_deleted_after_35_days(store) {
        create(&store, &["acme"]).await;
        let user = store.admitted(&person("bob", "bob@example.com", &[])).await;
        let today = Timestamp::now().day().iso();
        let replica = Replica::new();
        let batch = replica.batch(1, vec![count("acme", &today, "sign_ins", "", 1)], vec![active(&today, user)]);
        store.directory.write_usage(&batch).await.unwrap();
        store.directory.add_usage_events(None, &[event("1", "acme", "runs", 5)], false).await.unwrap();
        let rows = async || {
            let sql = "SELECT replica FROM gatepost.usage_batches UNION ALL SELECT id FROM gatepost.usage_events \
                UNION ALL SELECT user_id FROM gatepost.usage_people";
            store.texts(sql).await.len()
        };
        store.leading().await.delete_expired(Timestamp::now().plus(34 * DAY)).await.unwrap();
        assert_eq!(rows().await, 3);
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
        let rows = vec![count("acme", "2026-10-31", "api_requests", "", 16), count("acme", "2026-11-01", "sign_ins", "", 1)];
        store.directory.write_usage(&Replica::new().batch(1, rows, Vec::new())).await.unwrap();
        store.directory.add_usage_events(None, &[event("1", "acme", "runs", 5)], false).await.unwrap();
        store.directory.make(DeleteTenant { id: tenant("acme") }, &actor()).await.unwrap();
        assert_eq!(store.leading().await.erase_deleted_tenants(Timestamp::now().plus(31 * DAY), 10).await.unwrap(), 1);
        for table in ["usage_days", "usage_people", "usage_events"] {
            assert!(store.texts(&format!("SELECT tenant_id FROM gatepost.{table}")).await.is_empty(), "{table}");
        }
        let bills = store.texts("SELECT concat(month, ' ', currency, ' ', total) FROM gatepost.usage_bills ORDER BY 1").await;
        assert_eq!(bills, ["202610 EUR 106", "202611 EUR 100"]);
    }
}
