//! API keys that count again after they had ended: they pass within a second, whatever was refused meanwhile.

use crate::answers::Asked;
use crate::keys::{create, made};
use crate::stores::gate::{Gate, fail};
use crate::world::{Plan, World, alice};
use gatepost_core::api_key::ApiKey;
use gatepost_kit::faulty::Mode;
use gatepost_kit::process::until;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::time::sleep;

const TIMEOUT: Duration = Duration::from_secs(30);
/// In which every change binds.
const SECOND: Duration = Duration::from_secs(1);
const OWNER: &str = "alice@example.com";
/// How often each program asks.
const PAUSE: Duration = Duration::from_millis(20);

fn program(key: &str) -> Asked {
    Asked::for_uri("/").with("Accept", "application/json").with("Authorization", format!("Bearer {key}"))
}

/// As many unknown keys as the address may send.
async fn exhaust_address(world: &World) {
    until("the limit of the address", TIMEOUT, async || {
        let told = program(ApiKey::generate(None).expose()).at(&world.gatepost).await;
        (told.status == 429).then_some(())
    })
    .await;
}

/// What programs with keys of one address are told, and what they know.
#[derive(Default)]
struct Polls {
    is_enabled: AtomicBool,
    is_over: AtomicBool,
    /// Programs that were told that they ask too often.
    limited: AtomicUsize,
}

impl Polls {
    /// Asks with a key of somebody who is disabled. After they were enabled it passes within a second.
    async fn of_owner(&self, world: &World, asked: &Asked) {
        let (mut is_limited, mut enabled) = (false, None);
        loop {
            if enabled.is_none() && self.is_enabled.load(Ordering::Acquire) {
                enabled = Some(Instant::now());
            }
            let sent = Instant::now();
            let status = asked.at(&world.gatepost).await.status;
            // 503: a store was late on a busy machine.
            match enabled {
                Some(_) if status == 200 => break,
                Some(since) => {
                    assert!(status == 503 || sent < since + SECOND, "{status} {:?} later", sent - since);
                }
                None => self.note(status, &mut is_limited),
            }
            sleep(PAUSE).await;
        }
        self.is_over.store(true, Ordering::Release);
    }

    /// Asks with a key that has ended for good.
    async fn of_ended(&self, world: &World, asked: &Asked) {
        let mut is_limited = false;
        while !self.is_over.load(Ordering::Acquire) {
            let status = asked.at(&world.gatepost).await.status;
            assert!([401, 429, 503].contains(&status), "{status}");
            self.note(status, &mut is_limited);
            sleep(PAUSE).await;
        }
    }

    fn note(&self, status: u16, is_limited: &mut bool) {
        if status == 429 && !*is_limited {
            *is_limited = true;
            self.limited.fetch_add(1, Ordering::AcqRel);
        }
    }
}

both_pairs! {
    async fn a_key_of_an_enabled_owner_passes_within_a_second_whatever_ended_keys_its_address_sends(pair) {
        // Without a cache each refusal is a look-up, as when a lease is late.
        let world = Plan::default().env("GATEPOST_VERIFY__CACHE_MEMORY", "0").start(pair).await;
        world.entra.add(alice());
        world.signed_in("alice").await;
        let hers = program(&create(&world, "hers", &["--owner", OWNER]).await);
        world.cli(&["user", "disable", OWNER]).await;
        let mut ended = Vec::new();
        for name in ["one", "two", "three", "four", "five"] {
            let made = made(&world, name, &[]).await;
            world.cli(&["key", "revoke", made["id"].as_str().unwrap()]).await;
            ended.push(program(made["key"].as_str().unwrap()));
        }
        let polls = Polls::default();
        let story = async {
            until("all to have had too many look-ups", TIMEOUT, async || {
                (polls.limited.load(Ordering::Acquire) == 1 + ended.len()).then_some(())
            })
            .await;
            world.cli(&["user", "enable", OWNER]).await;
            polls.is_enabled.store(true, Ordering::Release);
        };
        let others = futures_util::future::join_all(ended.iter().map(|asked| polls.of_ended(&world, asked)));
        tokio::join!(polls.of_owner(&world, &hers), others, story);
    }

    async fn a_key_that_passed_is_looked_up_again_whatever_its_address_sends(pair) {
        let world = World::start(pair).await;
        if !crate::world::remembers() {
            return;
        }
        let made = made(&world, "Backup", &[]).await;
        let asked = program(made["key"].as_str().unwrap());
        until("the key to pass", TIMEOUT, async || (asked.of(&world).await.status == 200).then_some(())).await;
        // Memory forgets the key.
        world.cli(&["key", "update", made["id"].as_str().unwrap(), "--name", "Other name"]).await;
        exhaust_address(&world).await;
        for _ in 0..5 {
            assert_eq!(asked.of(&world).await.status, 200);
        }
        // Once it has ended it has no more look-ups than others have.
        world.cli(&["key", "revoke", made["id"].as_str().unwrap()]).await;
        exhaust_address(&world).await;
        assert_eq!(asked.of(&world).await.status, 401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_directory_is_away_nobody_is_told_that_a_key_has_ended() {
    let gate = Gate::remembering(&[]).await;
    let (world, replica) = (&gate.world, &gate.world.gatepost);
    gate.signed_in().await;
    let ended = program(&create(world, "hers", &["--owner", OWNER]).await);
    let other = program(&create(world, "other", &[]).await);
    world.cli(&["user", "disable", OWNER]).await;
    for (asked, status) in [(&ended, 401), (&other, 200)] {
        until("memory to know the key", TIMEOUT, async || {
            (asked.at(replica).await.status == status).then_some(())
        })
        .await;
    }
    fail(&gate.to_postgres, Mode::Refuse).await;
    gate.postgres.sql(&gate.database, "UPDATE gatepost.users SET disabled_at = NULL").await;
    let enabled = Instant::now();
    sleep(SECOND).await;
    for _ in 0..20 {
        assert_eq!(ended.at(replica).await.status, 503, "{:?} after she was enabled", enabled.elapsed());
        assert_eq!(other.at(replica).await.status, 200, "what counted stands in");
        sleep(PAUSE).await;
    }
    gate.to_postgres.set(Mode::Pass).await;
    until("the key to pass", TIMEOUT, async || {
        let status = ended.at(replica).await.status;
        assert!([200, 503].contains(&status), "{status}");
        (status == 200).then_some(())
    })
    .await;
}
