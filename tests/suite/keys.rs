//! API keys at the gate: whom an application sees, what a key does not open, and when it counts no more.

use crate::answers::{Asked, Told};
use crate::replicas::another;
use crate::stores::gate::Gate;
use crate::world::{APP, COOKIE, OTHER, PUBLIC, Pair, Plan, World};
use gatepost_core::api_key::ApiKey;
use gatepost_kit::client::retry;
use gatepost_kit::process::{Gatepost, store_calls, until};
use std::time::{Duration, Instant};

const TIMEOUT: Duration = Duration::from_secs(30);
/// In which every change binds.
const SECOND: Duration = Duration::from_secs(1);

/// Makes a key for `APP` and returns its text.
pub async fn create(world: &World, name: &str, arguments: &[&str]) -> String {
    made(world, name, arguments).await["key"].as_str().unwrap().to_owned()
}

/// The same, as `key create --json` prints it.
pub async fn made(world: &World, name: &str, arguments: &[&str]) -> serde_json::Value {
    let base = ["key", "create", name, "--host", APP, "--json"];
    serde_json::from_str(&world.cli(&[&base[..], arguments].concat()).await).unwrap()
}

/// The key with this id, as `key show --json` prints it, when its last use is written.
pub async fn used(world: &World, id: &str) -> serde_json::Value {
    until("the use to be written", TIMEOUT, async || {
        let shown = world.cli(&["key", "show", id, "--json"]).await;
        let key: serde_json::Value = serde_json::from_str(&shown).unwrap();
        key["last_used_at"].is_string().then_some(key)
    })
    .await
}

/// A second replica, where the stores allow one.
async fn second(world: &World, pair: Pair) -> Option<Gatepost> {
    if pair == Pair::Shared { Some(another(world).await) } else { None }
}

fn program(key: &str) -> Asked {
    Asked::for_uri("/").with("Accept", "application/json").with("Authorization", format!("Bearer {key}"))
}

/// The look-ups of keys that a replica has made.
async fn look_ups_of_keys(replica: &Gatepost) -> u64 {
    store_calls(replica.internal(), |line| line.contains("operation=\"find_key\"")).await
}

/// Asks until a replica does not miss a deadline of its stores.
async fn settled(asked: &Asked, replica: &Gatepost) -> Told {
    retry(|| asked.at(replica), |told| told.status == 503).await
}

/// After the change was acknowledged, no replica lets the key pass for longer than a second.
async fn binds(asked: &Asked, replicas: &[&Gatepost]) {
    let acknowledged = Instant::now();
    for replica in replicas {
        until("the change to bind", TIMEOUT, async || {
            let sent = Instant::now();
            let told = asked.at(replica).await;
            assert!(
                told.status != 200 || sent < acknowledged + SECOND,
                "it passes {:?} later",
                sent - acknowledged
            );
            (told.status == 401).then_some(())
        })
        .await;
    }
}

both_pairs! {
    async fn a_key_passes_as_a_machine_and_never_reaches_the_application(pair) {
        let world = World::start(pair).await;
        world.cli(&["group", "create", "Readers"]).await;
        let key = create(&world, "Nightly backup", &["--group", "Readers"]).await;
        assert!(ApiKey::parse(&key).is_ok(), "{key}");
        for name in ["Authorization", "X-Gatepost-Key"] {
            let bearer = name == "Authorization";
            let asked = Asked::for_uri("/").with(name, if bearer { format!("bEaReR {key}") } else { key.clone() });
            let asked = if bearer { asked } else { asked.with("Authorization", "Basic own") };
            let told = settled(&asked.requiring("group=Readers"), &world.gatepost).await;
            assert_eq!(told.status, 200, "{told:?}");
            let digits = told.header("x-user-id").unwrap().rsplit('-').next().unwrap();
            assert_eq!(told.header("x-user-email"), Some(&*format!("nightly-backup-{digits}@machine.{PUBLIC}")));
            assert_eq!(told.header("x-user-groups"), Some("Readers"));
            assert_eq!(told.header("x-user-admin"), Some("false"));
            assert_eq!(told.header("x-gatepost-key"), None);
            assert_eq!(told.header("authorization"), (!bearer).then_some("Basic own"), "only the credential is removed");
        }
    }

    async fn a_request_with_a_wrong_key_is_refused_whatever_cookie_stands_beside_it(pair) {
        let world = World::start(pair).await;
        let browser = world.signed_in("alice").await;
        let with_cookie = Asked::fetch("/").by(&browser);
        assert_eq!(with_cookie.of(&world).await.status, 200);
        let unknown = ApiKey::generate(None).expose().to_owned();
        let cut = &unknown[..unknown.len() - 1];
        let swapped = format!("{}{}", cut, if unknown.ends_with('a') { 'b' } else { 'a' });
        for (key, why) in [(&*unknown, "unknown or revoked"), (cut, "expected gp_"), (&*swapped, "checksum"), ("gp_", "expected gp_")] {
            for asked in [
                with_cookie.clone().with("Authorization", format!("Bearer {key}")),
                with_cookie.clone().with("X-Gatepost-Key", key),
            ] {
                let told = settled(&asked, &world.gatepost).await;
                assert_eq!(told.status, 401, "{key}: {told:?}");
                let challenge = told.header("www-authenticate").unwrap();
                assert!(challenge.starts_with("Bearer error=\"invalid_token\"") && challenge.contains(why), "{challenge}");
            }
        }
        let key = create(&world, "Backup", &[]).await;
        let twice = program(&key).with("X-Gatepost-Key", &*key);
        assert_eq!(settled(&twice, &world.gatepost).await.status, 400);
        let repeated = program(&key).without("Authorization").and("X-Gatepost-Key", &*key).and("X-Gatepost-Key", &*key);
        assert_eq!(settled(&repeated, &world.gatepost).await.status, 400);
        let own = with_cookie.with("Authorization", "Bearer the-applications-own");
        let told = settled(&own, &world.gatepost).await;
        assert_eq!((told.status, told.header("authorization")), (200, Some("Bearer the-applications-own")));
    }

    async fn a_key_in_a_cookie_is_no_session(pair) {
        let world = World::start(pair).await;
        let key = create(&world, "Backup", &[]).await;
        assert_eq!(settled(&program(&key), &world.gatepost).await.status, 200);
        let asked = Asked::fetch("/").with("Cookie", format!("{COOKIE}={key}"));
        assert_eq!(settled(&asked, &world.gatepost).await.status, 401);
    }

    async fn a_key_opens_what_it_was_made_for_alone(pair) {
        let world = World::start(pair).await;
        world.cli(&["group", "create", "Readers"]).await;
        let near = create(&world, "near", &["--network", "192.0.2.0/24"]).await;
        let far = create(&world, "far", &["--network", "198.51.100.0/24"]).await;
        let reader = create(&world, "reader", &["--scope", "api.read"]).await;
        let status = async |asked: Asked| settled(&asked, &world.gatepost).await.status;
        assert_eq!(status(program(&near)).await, 200);
        assert_eq!(status(program(&far)).await, 401, "another network");
        assert_eq!(status(program(&near).without("X-Forwarded-For")).await, 401, "no address");
        assert_eq!(status(program(&reader)).await, 403, "another scope");
        assert_eq!(status(program(&near).with("X-Forwarded-Host", OTHER)).await, 403, "another host");
        assert_eq!(status(program(&near).requiring("group=Readers")).await, 403);
        assert_eq!(status(program(&near).requiring("admin=true")).await, 403);
        assert_eq!(status(program(&near).requiring("max_age=60")).await, 403);
        let asked = program(&near).with("X-Forwarded-Method", "POST").with("Origin", "https://elsewhere.example.org");
        assert_eq!(status(asked).await, 200, "no browser sends a key by itself");
        let navigation = Asked::navigation("/").with("Authorization", format!("Bearer {far}"));
        assert_eq!(status(navigation).await, 401, "a program is never sent to a sign-in");
    }

    async fn a_revoked_key_stops_on_every_replica_within_a_second(pair) {
        let world = World::start(pair).await;
        let second = second(&world, pair).await;
        let replicas: Vec<_> = std::iter::once(&world.gatepost).chain(&second).collect();
        let made = made(&world, "Backup", &[]).await;
        let (id, key) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
        let asked = program(key);
        for replica in &replicas {
            assert_eq!(settled(&asked, replica).await.status, 200);
        }
        world.cli(&["key", "revoke", id]).await;
        binds(&asked, &replicas).await;
    }

    async fn a_revoked_key_costs_few_look_ups_from_however_many_addresses_it_comes(pair) {
        let world = World::start(pair).await;
        let made = made(&world, "Leaked", &[]).await;
        let asked = program(made["key"].as_str().unwrap());
        assert_eq!(settled(&asked, &world.gatepost).await.status, 200);
        world.cli(&["key", "revoke", made["id"].as_str().unwrap()]).await;
        world.has_heard().await;
        let before = look_ups_of_keys(&world.gatepost).await;
        for number in 0..1_000 {
            let from = format!("198.51.{}.{}", number / 250, number % 250);
            let told = settled(&asked.clone().with("X-Forwarded-For", from), &world.gatepost).await;
            assert_eq!(told.status, 401, "{told:?}");
        }
        // One is the first request's. More are those of a lease that was late on a busy machine.
        let cost = look_ups_of_keys(&world.gatepost).await - before;
        assert!((1..50).contains(&cost), "{cost}");
    }

    async fn without_a_cache_a_revoked_key_has_few_look_ups_of_its_own(pair) {
        let world = Plan::default().env("GATEPOST_VERIFY__CACHE_MEMORY", "0").start(pair).await;
        let revoked = made(&world, "Leaked", &[]).await;
        let valid = program(&create(&world, "Backup", &[]).await);
        world.cli(&["key", "revoke", revoked["id"].as_str().unwrap()]).await;
        let asked = program(revoked["key"].as_str().unwrap());
        let mut answers = 0;
        until("the limit", TIMEOUT, async || {
            answers += 1;
            let status = asked.at(&world.gatepost).await.status;
            assert!([401, 429, 503].contains(&status), "{status}");
            (status == 429).then_some(())
        })
        .await;
        assert!(answers > 20, "{answers} before the limit");
        let (at_limit, begun, mut refused) = (look_ups_of_keys(&world.gatepost).await, Instant::now(), 0);
        for sent in 0..50 {
            let elsewhere = program(revoked["key"].as_str().unwrap());
            let elsewhere = elsewhere.with("X-Forwarded-For", format!("192.0.2.{sent}"));
            refused += u64::from(elsewhere.at(&world.gatepost).await.status == 429);
        }
        let cost = look_ups_of_keys(&world.gatepost).await - at_limit;
        assert!(refused > 0 && cost <= 2 * (begun.elapsed().as_secs() + 1), "{cost} look-ups, {refused} refused");
        assert_eq!(settled(&valid, &world.gatepost).await.status, 200, "other keys of the address have their own");
    }

    async fn without_a_cache_a_valid_key_takes_no_look_ups_from_its_address(pair) {
        let world = Plan::default().env("GATEPOST_VERIFY__CACHE_MEMORY", "0").start(pair).await;
        let valid = program(&create(&world, "Backup", &[]).await);
        // An address has 64 look-ups at once, and one more each second.
        for sent in 0..100 {
            assert_eq!(settled(&valid, &world.gatepost).await.status, 200, "after {sent}");
        }
        let unknown = program(ApiKey::generate(None).expose());
        assert_eq!(settled(&unknown, &world.gatepost).await.status, 401, "the address has its look-ups left");
    }

    async fn a_leavers_key_stops_with_them(pair) {
        let world = World::start(pair).await;
        world.signed_in("alice").await;
        let second = second(&world, pair).await;
        let replicas: Vec<_> = std::iter::once(&world.gatepost).chain(&second).collect();
        let asked = program(&create(&world, "mine", &["--owner", "alice@example.com"]).await);
        for replica in &replicas {
            assert_eq!(settled(&asked, replica).await.status, 200);
        }
        world.cli(&["user", "disable", "alice@example.com"]).await;
        binds(&asked, &replicas).await;
        // That it has ended is kept, and not for longer than a second after they are back.
        world.cli(&["user", "enable", "alice@example.com"]).await;
        let acknowledged = Instant::now();
        for replica in &replicas {
            until("the key to count again", TIMEOUT, async || {
                let sent = Instant::now();
                let status = asked.at(replica).await.status;
                assert!(status != 401 || sent < acknowledged + SECOND, "{:?} later", sent - acknowledged);
                (status == 200).then_some(())
            })
            .await;
        }
    }

    async fn a_key_goes_with_its_owner_or_its_tenant_on_every_replica_within_a_second(pair) {
        let world = World::start(pair).await;
        world.signed_in("alice").await;
        world.cli(&["tenant", "create", "acme"]).await;
        let second = second(&world, pair).await;
        let replicas: Vec<_> = std::iter::once(&world.gatepost).chain(&second).collect();
        let (owner, confirm) = ("alice@example.com", "--confirm");
        for (arguments, change) in [
            (["--tenant", "acme"], &["tenant", "delete", "acme"][..]),
            (["--owner", owner], &["user", "erase", owner, confirm, owner]),
        ] {
            let asked = program(&create(&world, "mine", &arguments).await);
            for replica in &replicas {
                assert_eq!(settled(&asked, replica).await.status, 200);
            }
            world.cli(change).await;
            binds(&asked, &replicas).await;
        }
    }

    async fn the_last_use_is_noted_with_its_address_and_a_refusal_is_none(pair) {
        let world = World::start(pair).await;
        let made = made(&world, "Backup", &[]).await;
        let (id, asked) = (made["id"].as_str().unwrap(), program(made["key"].as_str().unwrap()));
        let refused = asked.clone().with("X-Forwarded-Host", OTHER).with("X-Forwarded-For", "192.0.2.66");
        assert_eq!(settled(&refused, &world.gatepost).await.status, 403);
        let lets_in = asked.with("X-Forwarded-For", "198.51.100.9");
        assert_eq!(settled(&lets_in, &world.gatepost).await.status, 200);
        let used = used(&world, id).await;
        assert_eq!(used["last_used_from"], "198.51.100.9");
        assert!(used["last_used_at"].as_str().unwrap().ends_with(":00Z"), "to the minute: {used}");
        assert_eq!(used["version"], "v1", "use is no change");
        let listed = world.cli(&["key", "list"]).await;
        assert!(listed.contains(&used["last_used_at"].as_str().unwrap()[..10]), "{listed}");
        assert!(world.cli(&["key", "show", id]).await.contains("198.51.100.9"));
    }

    async fn garbage_costs_one_look_up_until_the_limit_and_a_wrong_checksum_none(pair) {
        let world = World::start(pair).await;
        let replica = &world.gatepost;
        let keys: Vec<String> = (0..20).map(|_| ApiKey::generate(None).expose().to_owned()).collect();
        let before = look_ups_of_keys(replica).await;
        for key in &keys {
            let (start, last) = key.split_at(key.len() - 1);
            let wrong = format!("{start}{}", if last == "a" { 'b' } else { 'a' });
            for text in [&wrong, start, &key.replacen("gp_", "gp_other_", 1)] {
                assert_eq!(program(text).at(replica).await.status, 401, "{text}");
            }
        }
        assert_eq!(look_ups_of_keys(replica).await, before, "a wrong checksum is told by computing alone");
        for key in &keys {
            assert_eq!(settled(&program(key), replica).await.status, 401);
        }
        assert_eq!(look_ups_of_keys(replica).await, before + 20, "one for each");
        let mut answers = 0;
        until("the limit", TIMEOUT, async || {
            answers += 1;
            (program(ApiKey::generate(None).expose()).at(replica).await.status == 429).then_some(())
        })
        .await;
        let at_limit = look_ups_of_keys(replica).await;
        let (begun, mut refused) = (Instant::now(), 0);
        for _ in 0..50 {
            refused += u64::from(program(ApiKey::generate(None).expose()).at(replica).await.status == 429);
        }
        let cost = look_ups_of_keys(replica).await - at_limit;
        assert_eq!(cost, 50 - refused, "what is refused costs nothing; {answers} answers before");
        assert!(cost <= begun.elapsed().as_secs() + 1, "one a second");
    }

    async fn unknown_keys_are_limited_by_address_and_known_ones_pass(pair) {
        let world = World::start(pair).await;
        let asked = program(&create(&world, "Backup", &[]).await);
        assert_eq!(settled(&asked, &world.gatepost).await.status, 200);
        let mut statuses = Vec::new();
        for _ in 0..100 {
            let unknown = ApiKey::generate(None);
            statuses.push(settled(&program(unknown.expose()), &world.gatepost).await.status);
        }
        assert_eq!(statuses[..5], [401; 5]);
        assert!(statuses.contains(&429), "{statuses:?}");
        let told = settled(&program(ApiKey::generate(None).expose()), &world.gatepost).await;
        assert!(told.status == 401 || told.header("retry-after").is_some(), "{told:?}");
        assert_eq!(settled(&asked, &world.gatepost).await.status, 200, "a key that is known needs no look-up");
        let elsewhere = program(ApiKey::generate(None).expose()).with("X-Forwarded-For", "192.0.2.2");
        assert_eq!(settled(&elsewhere, &world.gatepost).await.status, 401);
    }

    async fn a_key_with_a_limit_sends_so_many_requests_a_minute(pair) {
        let world = World::start(pair).await;
        let asked = program(&create(&world, "slow", &["--per-minute", "3"]).await);
        let mut statuses = Vec::new();
        while statuses.len() < 5 {
            statuses.push(settled(&asked, &world.gatepost).await.status);
        }
        assert_eq!(statuses[..3], [200; 3]);
        assert!(statuses.contains(&429), "{statuses:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_takes_no_uses_costs_no_answer_and_is_told_once() {
    let gate = Gate::remembering(&[]).await;
    let (world, replica) = (&gate.world, &gate.world.gatepost);
    let sql = async |statement: &str| gate.postgres.sql(&gate.database, statement).await;
    sql("CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN RAISE EXCEPTION 'no uses'; END $$")
    .await;
    sql("CREATE TRIGGER refuse BEFORE UPDATE OF last_used_at ON gatepost.keys \
         FOR EACH ROW EXECUTE FUNCTION public.refuse()")
    .await;
    let told = async |what: &str| {
        until(what, TIMEOUT, async || replica.logs().iter().any(|line| line.contains(what)).then_some(()))
            .await;
    };
    let (lost, again) =
        ("last uses of API keys wait for the directory", "last uses of API keys are written again");
    for name in ["one", "two"] {
        let asked = program(&create(world, name, &[]).await);
        assert_eq!(settled(&asked, replica).await.status, 200);
        told(lost).await;
    }
    sql("DROP TRIGGER refuse ON gatepost.keys").await;
    let asked = program(&create(world, "three", &[]).await);
    assert_eq!(settled(&asked, replica).await.status, 200);
    told(again).await;
    assert_eq!(replica.logs().iter().filter(|line| line.contains(lost)).count(), 1);
    let used = until("the use to be written", TIMEOUT, async || {
        let used =
            sql("SELECT string_agg(name, ' ') FROM gatepost.keys WHERE last_used_at IS NOT NULL").await;
        ["one", "two", "three"].iter().all(|name| used.contains(name)).then_some(used)
    })
    .await;
    assert_eq!(used.split(' ').count(), 3, "what was not written waited: {used}");
}
