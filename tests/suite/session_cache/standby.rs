//! A fail-over from a primary to its standby, as an address that moves brings it about. A standby in recovery answers
//! with the past: nobody is judged by it, neither let in nor sent away. Once promoted it is the primary, without a
//! restart of anybody, and what was committed before binds though no replica was told of it.

use super::history::{Out, Passed, ask, assert_bound, binds};
use super::{TIMEOUT, waits_for};
use crate::answers::Asked;
use crate::keys;
use crate::replicas::another;
use crate::stores::gate::{Gate, fail};
use crate::world::renewals;
use futures_util::future::join_all;
use gatepost_kit::entra::Person;
use gatepost_kit::faulty::Mode;
use gatepost_kit::process::{Gatepost, Postgres, until};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

const PUT_IN: &str = "INSERT INTO user_group_membership VALUES ('alice@example.com', 'Watched')";
const PUT_OUT: &str = "DELETE FROM user_group_membership WHERE group_name = 'Watched'";
const MEMBERS: &str = "SELECT count(*) FROM user_group_membership WHERE group_name = 'Watched'";

/// Two replicas with one way to Postgres, and what is asked of them.
struct FailOver {
    gate: Gate,
    standby: Postgres,
    second: Gatepost,
    watched: Asked,
    alice: Asked,
    key: Asked,
}

/// A request with a new API key.
async fn with_key(gate: &Gate, name: &str) -> Asked {
    let key = keys::create(&gate.world, name, &[]).await;
    Asked::fetch("/").with("Authorization", format!("Bearer {key}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_judges_nobody_and_once_promoted_what_was_changed_before_binds() {
    let fail_over = FailOver::prepare().await;
    let is_over = AtomicBool::new(false);
    let clients =
        (0..4).map(|client| ask(&fail_over.watched, fail_over.replicas()[client % 2], client % 2, &is_over));
    let story = async {
        let outs = fail_over.run().await;
        is_over.store(true, Ordering::Relaxed);
        outs
    };
    let (passed, outs) = tokio::join!(join_all(clients), story);
    let passed: Vec<Passed> = passed.into_iter().flatten().collect();
    for replica in 0..2 {
        let by = passed.iter().filter(|one| one.replica == replica);
        assert!(by.clone().any(|one| one.answered < outs[0].acknowledged), "replica {replica}: before");
        assert!(by.clone().any(|one| one.sent > outs[0].over), "replica {replica}: after the promotion");
    }
    assert_bound(&passed, &outs);
}

impl FailOver {
    async fn prepare() -> Self {
        // Otherwise what memory knows may stand in for a Postgres that cannot say.
        let variables = [("GATEPOST_VERIFY__STALE_IF_ERROR", "0s")];
        let gate = Gate::remembering_with_own_postgres(&variables).await;
        let second = another(&gate.world).await;
        let alice = Asked::fetch("/").by(&gate.signed_in().await);
        gate.postgres.sql(&gate.database, PUT_IN).await;
        let key = with_key(&gate, "early").await;
        let standby = gate.postgres.standby().await;
        let watched = alice.clone().requiring("group=Watched");
        Self { gate, standby, second, watched, alice, key }
    }

    fn replicas(&self) -> [&Gatepost; 2] {
        [&self.gate.world.gatepost, &self.second]
    }

    async fn everywhere(&self, what: &str, asked: &Asked, status: u16) {
        for replica in self.replicas() {
            waits_for(what, asked, replica, status).await;
        }
    }

    /// From memory full of Alice to a promoted standby; returns when she was out of the group.
    async fn run(&self) -> Vec<Out> {
        let Self { gate, standby, watched, .. } = self;
        self.everywhere("Alice in memory", watched, 200).await;
        self.everywhere("the key in memory", &self.key, 200).await;
        standby.pause_replay().await;
        // The standby will not have heard of this key and of him.
        let late = with_key(gate, "late").await;
        gate.world.entra.add(Person::named("bob"));
        gate.world.entra.forget_browsers();
        let bob = Asked::fetch("/").by(&gate.world.signed_in("bob").await);
        // No replica is told of the change.
        fail(&gate.to_postgres, Mode::Refuse).await;
        gate.postgres.sql(&gate.database, PUT_OUT).await;
        let first = Instant::now();
        gate.fail_over(standby).await;
        self.is_judged_by_nobody([&bob, &late]).await;

        standby.promote().await;
        self.everywhere("Bob, whom the promoted standby knows", &bob, 200).await;
        self.everywhere("Alice, who is still signed in", &self.alice, 200).await;
        self.everywhere("the early key", &self.key, 200).await;
        self.everywhere("the late key", &late, 200).await;
        self.is_refused_after(first).await;
        let mut outs = vec![Out { acknowledged: first, over: Instant::now() }];
        standby.sql(&gate.database, PUT_IN).await;
        self.everywhere("Alice to be let in again", watched, 200).await;
        standby.sql(&gate.database, PUT_OUT).await;
        let second = Instant::now();
        self.is_refused_after(second).await;
        outs.push(Out { acknowledged: second, over: Instant::now() });
        gate.world.entra.add(Person::named("carol"));
        gate.world.entra.forget_browsers();
        gate.world.signed_in("carol").await;
        outs
    }

    /// While the standby has not heard of the last changes, and when it has but is in recovery still.
    async fn is_judged_by_nobody(&self, late: [&Asked; 2]) {
        let Self { gate, standby, .. } = self;
        let members = async || standby.sql(&gate.database, MEMBERS).await;
        let before = join_all(self.replicas().map(|replica| renewals(replica.internal()))).await;
        assert_eq!(members().await, "1", "the standby answers with the past");
        self.cannot_say(late).await;
        standby.resume_replay().await;
        until("the change to be replayed", TIMEOUT, async || (members().await == "0").then_some(())).await;
        self.cannot_say(late).await;
        let after = join_all(self.replicas().map(|replica| renewals(replica.internal()))).await;
        assert_eq!(before, after, "a standby renews no lease");
    }

    /// Ten answers by each replica, after it was answered by the standby.
    async fn cannot_say(&self, [bob, late]: [&Asked; 2]) {
        for replica in self.replicas() {
            replica.wait_for_line("this Postgres is a standby").await;
            let all = [&self.watched, &self.alice, &self.key, bob, late];
            for asked in all.into_iter().cycle().take(10 * all.len()) {
                let told = asked.at(replica).await;
                assert_eq!((told.status, told.all("set-cookie").len()), (503, 0), "{told:?}");
            }
        }
    }

    async fn is_refused_after(&self, acknowledged: Instant) {
        for replica in self.replicas() {
            binds(replica, &self.watched, acknowledged).await;
        }
    }
}
