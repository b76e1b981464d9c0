//! `DATABASE_URL` with several hosts: a primary and its streaming standby, which takes its place.
//!
//! The times that are printed are those of a busy machine; the tests only bound them.

use crate::world::{APP, Pair, Plan, World, alice};
use gatepost_kit::client::Client;
use gatepost_kit::entra::Person;
use gatepost_kit::process::{Postgres, until};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const DEADLINE: Duration = Duration::from_secs(40);
/// How often somebody who is signed in asks.
const PAUSE: Duration = Duration::from_millis(50);

#[tokio::test(flavor = "multi_thread")]
async fn the_primary_of_several_hosts_is_used_and_after_it_the_promoted_standby() {
    let primary = Postgres::private().await;
    let url = primary.database().await;
    let database = url.rsplit('/').next().unwrap().to_owned();
    let standby = primary.standby().await;
    // The standby is named first: it answers, and is not used.
    let hosts = format!("{},{}", standby.addr(), primary.addr());
    let url = url.replace(&primary.addr().to_string(), &hosts);
    let plan = Plan::default().env("DATABASE_URL", url).env("GATEPOST_VERIFY__CACHE_MEMORY", "16");
    let world = plan.start(Pair::Shared).await;
    world.entra.add(alice());
    world.entra.add(Person::named("bob"));
    let bob = world.signed_in("bob").await;
    world.cli(&["session", "end", "--user", "bob@example.com"]).await;
    let alice = world.signed_in("alice").await.impatient();
    until("the standby to have heard of all", DEADLINE, async || {
        let known = "SELECT count(*)::text FROM gatepost.users WHERE email = 'alice@example.com'";
        (standby.try_sql(&database, known).await.as_deref() == Ok("1")).then_some(())
    })
    .await;

    primary.sigkill();
    for _ in 0..20 {
        assert_eq!(alice.fetch(&world.url(APP, "/")).await.status, 200, "memory stands in");
        tokio::time::sleep(PAUSE).await;
    }
    standby.promote().await;
    let begun = Instant::now();
    until("a sign-in", DEADLINE, async || {
        let trip = world.browser().impatient().navigate(&world.url(APP, "/")).await;
        (trip.end().status == 200).then_some(())
    })
    .await;
    println!("signed in again {:?} after the promotion", begun.elapsed());
    assert_eq!(alice.patient().fetch(&world.url(APP, "/")).await.status, 200);
    assert_eq!(bob.fetch(&world.url(APP, "/")).await.status, 401, "what was ended before stays ended");
    world.cli(&["user", "disable", "alice@example.com"]).await;
    let standing = "SELECT count(*)::text FROM gatepost.users WHERE disabled_at IS NOT NULL";
    assert_eq!(standby.sql(&database, standing).await, "1", "changes go to the new primary");
}

/// Two servers, of which the second follows the first, and Gatepost before them.
struct Two {
    world: World,
    former: Postgres,
    next: Postgres,
    database: String,
}

impl Two {
    /// `names`: the order of the hosts in `DATABASE_URL`.
    async fn start(names: impl FnOnce(SocketAddr, SocketAddr) -> String, variables: &[(&str, &str)]) -> Self {
        let former = Postgres::private().await;
        let url = former.database().await;
        let database = url.rsplit('/').next().unwrap().to_owned();
        let next = former.standby().await;
        let url = url.replace(&former.addr().to_string(), &names(former.addr(), next.addr()));
        let plan = Plan::default().env("DATABASE_URL", url);
        let plan = variables.iter().fold(plan, |plan, (name, value)| plan.env(name, *value));
        let world = plan.start(Pair::Shared).await;
        world.entra.add(alice());
        Self { world, former, next, database }
    }

    async fn has_followed(&self) {
        until("the standby to have heard of all", DEADLINE, async || {
            let known = "SELECT count(*)::text FROM gatepost.users WHERE email = 'alice@example.com'";
            (self.next.try_sql(&self.database, known).await.as_deref() == Ok("1")).then_some(())
        })
        .await;
    }

    /// Disables Alice, and watches that nothing lets her pass from a second later on.
    async fn disable_alice(&self, alice: &Client) {
        self.world.cli(&["user", "disable", "alice@example.com"]).await;
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(4) {
            let since = begun.elapsed();
            let status = alice.fetch(&self.world.url(APP, "/")).await.status;
            assert!(
                status != 200 || since < Duration::from_secs(1),
                "{status} for what was sent {since:?} after she was disabled"
            );
            tokio::time::sleep(PAUSE).await;
        }
        let disabled = "SELECT count(*)::text FROM gatepost.users WHERE disabled_at IS NOT NULL";
        assert_eq!(self.next.sql(&self.database, disabled).await, "1", "the new primary has the change");
        assert_eq!(self.former.sql(&self.database, disabled).await, "0", "and the former one has not");
    }
}

/// As many requests as make all the connections that the pool may have.
async fn many_at_once(alice: &Client, page: &str) -> Vec<u16> {
    let mut asking = JoinSet::new();
    for _ in 0..40 {
        let (alice, page) = (alice.clone(), page.to_owned());
        asking.spawn(async move { alice.fetch(&page).await.status });
    }
    asking.join_all().await
}

/// The number of connections of Gatepost that this server has.
async fn connections(server: &Postgres) -> u32 {
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'gatepost'";
    server.sql("postgres", sql).await.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_former_primary_that_stood_still_is_asked_nothing_more() {
    // Without a memory every request takes a connection, so many at once make as many as the pool may have.
    let variables = [("GATEPOST_VERIFY__CACHE_MEMORY", "0")];
    let two = Two::start(|former, next| format!("{next},{former}"), &variables).await;
    let alice = two.world.signed_in("alice").await.impatient();
    two.has_followed().await;
    let page = two.world.url(APP, "/");
    assert!(many_at_once(&alice, &page).await.iter().all(|status| *status == 200));

    two.former.sigstop();
    two.next.promote().await;
    until("the new primary to be used", DEADLINE, async || (connections(&two.next).await > 0).then_some(()))
        .await;
    two.former.sigcont();
    until("a request to pass", DEADLINE, async || (alice.fetch(&page).await.status == 200).then_some(()))
        .await;
    two.disable_alice(&alice).await;
    // Each connection that is kept is acquired. One that nobody acquires may stay open.
    assert!(many_at_once(&alice, &page).await.iter().all(|status| *status != 200));
    let asked = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'gatepost' \
        AND query NOT LIKE '%pg_walfile_name%' AND query_start > now() - interval '4 s'";
    assert_eq!(two.former.sql("postgres", asked).await, "0", "besides whether it is the primary");
}

/// Connections that were made ahead: what was asked there last is whether the server is a standby, because nobody was found.
async fn made_ahead(server: &Postgres) -> u32 {
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'gatepost' \
        AND query = 'SELECT pg_is_in_recovery()'";
    server.sql("postgres", sql).await.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn look_ups_have_their_connections_to_a_new_primary_before_memory_stands_in_no_more() {
    let two = Two::start(|former, next| format!("{former},{next}"), &[]).await;
    two.world.signed_in("alice").await;
    two.has_followed().await;
    let renewals = async || {
        let metrics =
            Client::builder().build().get(&format!("http://{}/metrics", two.world.gatepost.internal())).await;
        let line =
            metrics.body.lines().find(|line| line.starts_with("gatepost_lease_renewals_total")).unwrap();
        line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()
    };
    two.former.sigkill();
    two.world.gatepost.wait_for_line("changes of the directory are no longer received").await;
    let before = renewals().await;
    two.next.promote().await;
    until("the lease to be renewed", DEADLINE, async || (renewals().await > before).then_some(())).await;
    // Other hot reads may have used one or two of the six since.
    let (made, log) = (made_ahead(&two.next).await, two.world.gatepost.logs());
    let is_late = log.iter().any(|line| line.contains("not all connections for look-ups are made yet"));
    assert!(made >= 4 || is_late, "{made}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_may_not_be_written_to_is_used_until_another_one_may() {
    let two = Two::start(|former, next| format!("{former},{next}"), &[]).await;
    let alice = two.world.signed_in("alice").await.impatient();
    two.has_followed().await;
    two.former.set_read_only(true).await;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(2) {
        let status = alice.fetch(&two.world.url(APP, "/")).await.status;
        assert_eq!(status, 200, "{:?} after the only primary became read-only", begun.elapsed());
        tokio::time::sleep(PAUSE).await;
    }
    two.next.promote().await;
    two.disable_alice(&alice).await;
}
