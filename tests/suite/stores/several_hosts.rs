//! `DATABASE_URL` with several hosts: a primary and its streaming standby, which takes its place.
//!
//! The times that are printed are those of a busy machine; the tests only bound them.

use crate::world::{APP, Pair, Plan, alice};
use gatepost_kit::entra::Person;
use gatepost_kit::process::{Postgres, until};
use std::time::{Duration, Instant};

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
