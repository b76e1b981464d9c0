//! The history of [`super::history`] for API keys and access tokens: whatever ends one, no request that was sent a second
//! later is let in with it, on either replica and under the same faults.

use super::another_with;
use super::bound::NO_STAND_IN;
use super::history::{Dice, Out, Passed, assert_bound, disturb, seed};
use crate::answers::Asked;
use crate::stores::gate::Gate;
use crate::world::APP;
use gatepost_core::api_key::ApiKey;
use gatepost_kit::entra::stable_guid;
use gatepost_kit::faulty::FaultyProxy;
use gatepost_kit::process::Gatepost;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

const LENGTH: Duration = Duration::from_secs(36);
/// The life that is left to what ends by itself.
const LEFT: Duration = Duration::from_secs(2);
const KEY: usize = 0;
const TOKEN: usize = 1;

/// How a credential ends.
struct Ending {
    end: String,
    /// What gives it back.
    back: String,
    /// When it ends, after it was acknowledged.
    after: Duration,
    ended: &'static [usize],
}

fn ending(end: &str, back: &str, ended: &'static [usize]) -> Ending {
    Ending { end: end.to_owned(), back: back.to_owned(), after: Duration::ZERO, ended }
}

/// Everything that ends a key of Alice, and an access token of hers.
fn endings(key: &str) -> Vec<Ending> {
    let hash = ApiKey::parse(key).unwrap().digest();
    let set = |what: &str| format!("UPDATE gatepost.keys SET {what}");
    let at_end = format!("extract(epoch FROM clock_timestamp())::bigint + {}", LEFT.as_secs());
    let back = set(&format!("hash = '\\x{hash}', previous_hash = NULL, previous_until = NULL"));
    let disable =
        |value| format!("UPDATE gatepost.users SET disabled_at = {value} WHERE email = 'alice@example.com'");
    vec![
        ending(&set("revoked_at = 1"), &set("revoked_at = NULL"), &[KEY]),
        ending(&set("hash = sha256('another')"), &back, &[KEY]),
        Ending {
            end: set(&format!("previous_hash = hash, previous_until = {at_end}, hash = sha256('another')")),
            back,
            after: LEFT,
            ended: &[KEY],
        },
        Ending {
            end: set(&format!("expires_at = {at_end}")),
            back: set("expires_at = 4000000000"),
            after: LEFT,
            ended: &[KEY],
        },
        ending(&disable("1"), &disable("NULL"), &[KEY, TOKEN]),
        ending(
            "UPDATE gatepost.tenants SET state = 'suspended', suspended_at = 1, suspended_reason = 'a test'",
            "UPDATE gatepost.tenants SET state = 'active', suspended_at = NULL, suspended_reason = NULL",
            &[KEY],
        ),
        ending(
            "DELETE FROM gatepost.key_groups",
            "INSERT INTO gatepost.key_groups SELECT k.id, g.id FROM gatepost.keys k, gatepost.groups g \
             WHERE g.name = 'Watched'",
            &[KEY],
        ),
        ending(
            "DELETE FROM user_group_membership WHERE group_name = 'Watched'",
            "INSERT INTO user_group_membership VALUES ('alice@example.com', 'Watched')",
            &[TOKEN],
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn no_key_and_no_token_lets_in_a_request_sent_a_second_after_it_ended() {
    let seed = seed();
    println!("GATEPOST_TEST_SEED={seed}");
    let audience = stable_guid("api");
    let settings = [NO_STAND_IN[0], ("GATEPOST_PROVIDERS__ENTRA__AUDIENCE", audience.as_str())];
    let gate = Arc::new(Gate::remembering(&settings).await);
    let (address, to_second) =
        (gate.postgres.addr().to_string(), FaultyProxy::start(gate.postgres.addr()).await);
    let url = gate.postgres.url(&gate.database).replace(&address, &to_second.addr().to_string());
    let second = Arc::new(another_with(&gate.world, &[("DATABASE_URL", &url)]).await);
    second.wait_ready().await;
    gate.signed_in().await;
    gate.world.cli(&["group", "add", "Watched", "alice@example.com"]).await;
    gate.world.cli(&["tenant", "create", "acme"]).await;
    gate.world.cli(&["tenant", "add-member", "acme", "alice@example.com"]).await;
    let owner = ["--host", APP, "--owner", "alice@example.com", "--tenant", "acme"];
    let options = [&owner[..], &["--group", "Watched", "--json"]].concat();
    let made = gate.world.cli(&[&["key", "create", "history"], &options[..]].concat()).await;
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    let key = made["key"].as_str().unwrap();

    let is_over = Arc::new(AtomicBool::new(false));
    let mut clients = JoinSet::new();
    for (kind, text) in [(KEY, key.to_owned()), (TOKEN, gate.world.entra.access_token("alice"))] {
        for replica in 0..2 {
            let asked = Asked::fetch("/").with("Authorization", format!("Bearer {text}"));
            let asked = asked.requiring("group=Watched");
            let (gate, second, is_over) = (Arc::clone(&gate), Arc::clone(&second), Arc::clone(&is_over));
            clients.spawn(async move {
                let target = if replica == 0 { &gate.world.gatepost } else { &*second };
                (kind, ask(&asked, target, replica, &is_over).await)
            });
        }
    }
    let changing = async {
        let outs = change(&gate, &endings(key), Dice(seed.rotate_left(32) | 1)).await;
        is_over.store(true, Ordering::Relaxed);
        outs
    };
    let (outs, faults) = tokio::join!(changing, disturb(&gate, &second, &to_second, &is_over, Dice(seed)));
    println!("{} and {} ends, faults: {faults:?}", outs[KEY].len(), outs[TOKEN].len());
    assert!(outs.iter().all(|outs| outs.len() >= 2), "too few changes to say anything");
    for (kind, passed) in clients.join_all().await {
        println!("{kind}: {} answers of 200", passed.len());
        assert!(passed.len() > 20, "credential {kind} was let in only {} times", passed.len());
        assert_bound(&passed, &outs[kind]);
    }
}

/// Asks with one credential from ever new addresses, each of which may send so many that fail.
async fn ask(asked: &Asked, target: &Gatepost, replica: usize, is_over: &AtomicBool) -> Vec<Passed> {
    let (mut passed, mut address) = (Vec::new(), u32::from(Ipv4Addr::new(10, 0, 0, 1)));
    while !is_over.load(Ordering::Relaxed) {
        address += 1;
        let asked = asked.clone().with("X-Forwarded-For", Ipv4Addr::from(address).to_string());
        let sent = Instant::now();
        if let Ok(told) = timeout(Duration::from_secs(20), asked.at(target)).await
            && told.status == 200
        {
            passed.push(Passed { sent, answered: Instant::now(), replica });
        }
        sleep(Duration::from_millis(4)).await;
    }
    passed
}

/// Ends the credentials in every way, one after the other from a random one on, and gives them back. Returns when each was
/// out, by its kind.
async fn change(gate: &Gate, endings: &[Ending], mut dice: Dice) -> [Vec<Out>; 2] {
    let sql = async |statement: &str| gate.postgres.sql(&gate.database, statement).await;
    let begun = Instant::now();
    let first = usize::try_from(dice.roll(endings.len() as u64)).unwrap();
    let mut outs = [Vec::new(), Vec::new()];
    for ending in endings.iter().cycle().skip(first) {
        if begun.elapsed() > LENGTH {
            break;
        }
        sleep(Duration::from_millis(500 + dice.roll(1_500))).await;
        sql(&ending.end).await;
        let acknowledged = Instant::now() + ending.after;
        sleep(ending.after + Duration::from_millis(1_500 + dice.roll(1_000))).await;
        let over = Instant::now();
        for kind in ending.ended {
            outs[*kind].push(Out { acknowledged, over });
        }
        sql(&ending.back).await;
    }
    outs
}
