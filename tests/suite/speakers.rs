//! Requests that `Open WebUI` sends for people: with an API key and a signed word about the person. What it sends is as it
//! was recorded, and `PyJWT` signs the words, as it does there.

mod chat;

pub use chat::{Key, add_key_to_postgres, plan, word_about, words_by};

use crate::keys;
use crate::world::{APP, OTHER, Pair, Plan, World, alice};
use chat::{OF_CHAT, SOON, add_key, assert_nobody, call, calls, revoke_keys, send, words};
use gatepost_kit::client::Kind;
use gatepost_kit::entra::Person;
use gatepost_kit::process::until;
use gatepost_kit::tool_calls;
use std::time::{Duration, Instant};

both_pairs! {
    async fn what_open_webui_sends_for_a_person_is_the_persons(pair) {
        let world = plan().start(pair).await;
        world.entra.add(alice());
        world.signed_in("alice").await;
        let (key, said) = (add_key(&world, &OF_CHAT).await, word_about("alice@example.com"));
        let sent = [tool_calls::modern(&key, &said), tool_calls::legacy(&key, &said)].concat();
        assert_eq!(sent.len(), 10);
        for request in &sent {
            let answer = send(&world, APP, request).await;
            assert_eq!(answer.status, 200, "{request:?}: {}", answer.body);
            let received = answer.echoed();
            assert_eq!(received.header("x-user-email"), Some("alice@example.com"), "{request:?}");
            assert_eq!(received.header("x-user-via"), Some("The%20chat"));
            assert_eq!(received.header("x-user-admin"), Some("false"));
            assert_eq!(received.header("authorization"), None);
            assert_eq!(received.body, request.body);
        }
        let upper = words("ALICE@example.com")["good"].clone();
        for (name, said) in upper.as_object().unwrap() {
            assert_eq!(calls(&world, &key, said.as_str().unwrap()).await.status, 200, "{name}");
        }
    }

    async fn nobody_acts_for_people_who_are_unknown_or_not_signed_in_or_disabled(pair) {
        let world = plan().start(pair).await;
        world.entra.add(alice());
        world.entra.add(Person::named("bob"));
        let key = add_key(&world, &OF_CHAT).await;
        let word_of_bob = word_about("bob@example.com");
        assert_nobody(&calls(&world, &key, &word_of_bob).await);
        world.cli(&["group", "create", "Team"]).await;
        world.cli(&["group", "add", "Team", "bob@example.com"]).await;
        assert_nobody(&calls(&world, &key, &word_of_bob).await);
        world.signed_in("bob").await;
        assert_eq!(calls(&world, &key, &word_of_bob).await.echoed().header("x-user-groups"), Some("Team"));
        world.cli(&["user", "disable", "bob@example.com"]).await;
        assert_nobody(&calls(&world, &key, &word_of_bob).await);
        assert_nobody(&calls(&world, &key, &word_about("alice@example.com")).await);
    }

    async fn a_sign_out_ends_what_the_chat_may_do_within_the_bound(pair) {
        let world = plan().start(pair).await;
        world.entra.add(alice());
        let (one, other) = (world.signed_in("alice").await, world.signed_in("alice").await);
        let (key, said) = (add_key(&world, &OF_CHAT).await, word_about("alice@example.com"));
        for (browser, then) in [(one, 200), (other, 403)] {
            assert_eq!(calls(&world, &key, &said).await.status, 200);
            let page = world.url(APP, "/");
            let logout = world.url(APP, "/.gatepost/logout");
            let answer = browser.request(reqwest::Method::GET, &logout).from(&page).send().await;
            browser.follow(answer).await;
            assert_eq!(browser.fetch(&page).await.status, 401);
            world.has_heard().await;
            assert_eq!(calls(&world, &key, &said).await.status, then, "one session is enough");
        }
        world.signed_in("alice").await;
        assert_eq!(calls(&world, &key, &said).await.status, 200);
    }

    async fn a_session_that_is_not_used_ends_what_the_chat_may_do(pair) {
        let world = plan().env("GATEPOST_SESSION__IDLE_TIMEOUT", "6s").start(pair).await;
        world.entra.add(alice());
        let (key, said) = (add_key(&world, &OF_CHAT).await, word_about("alice@example.com"));
        world.signed_in("alice").await;
        assert_eq!(calls(&world, &key, &said).await.status, 200);
        // The calls themselves are no use of the session.
        let ended = async || (calls(&world, &key, &said).await.status == 403).then_some(());
        until("the idle session to end", SOON, ended).await;
        assert_nobody(&calls(&world, &key, &said).await);
    }

    async fn a_session_that_its_person_uses_lets_the_chat_act_for_longer_than_its_first_idle_timeout(pair) {
        let idle = Duration::from_secs(12);
        let world = plan().env("GATEPOST_SESSION__IDLE_TIMEOUT", "12s").start(pair).await;
        world.entra.add(alice());
        let (key, said) = (add_key(&world, &OF_CHAT).await, word_about("alice@example.com"));
        let (alice, begun) = (world.signed_in("alice").await, Instant::now());
        // What the gate keeps of the word has the times of the session at that moment.
        until("the first idle timeout to be over", 3 * idle, async || {
            assert_eq!(alice.fetch(&world.url(APP, "/")).await.status, 200, "after {:?}", begun.elapsed());
            let answer = calls(&world, &key, &said).await;
            assert_eq!(answer.status, 200, "after {:?}: {}", begun.elapsed(), answer.body);
            (begun.elapsed() > idle + Duration::from_secs(2)).then_some(())
        })
        .await;
    }

    async fn a_revoked_key_ends_what_the_chat_may_do(pair) {
        let world = plan().start(pair).await;
        world.entra.add(alice());
        world.signed_in("alice").await;
        let (key, said) = (add_key(&world, &OF_CHAT).await, word_about("alice@example.com"));
        assert_eq!(calls(&world, &key, &said).await.status, 200);
        revoke_keys(&world).await;
        let answer = calls(&world, &key, &said).await;
        assert_eq!(answer.status, 401, "{}", answer.body);
        assert!(answer.header("www-authenticate").unwrap().contains("the key was revoked"));
    }

    async fn a_person_has_no_admin_rights_and_only_the_tenants_of_the_key(pair) {
        let world = plan().route("admins.example.test", "admin=true").route("a.example.test", "tenant=a")
            .env("GATEPOST_SPEAKERS__OPEN_WEBUI__HOSTS", "*.example.test").start(pair).await;
        world.entra.add(Person::named("carol"));
        world.cli(&["admin", "grant", "carol@example.com"]).await;
        for tenant in ["a", "b"] {
            world.cli(&["tenant", "create", tenant]).await;
        }
        world.cli(&["tenant", "add-member", "b", "carol@example.com", "--role", "admin"]).await;
        let carol = world.signed_in("carol").await;
        assert_eq!(carol.fetch(&world.url("admins.example.test", "/")).await.status, 401, "another host");
        assert_eq!(carol.navigate(&world.url("admins.example.test", "/")).await.end().status, 200);
        let hosts = [APP, "admins.example.test", "a.example.test"];
        let said = word_about("carol@example.com");
        let wide = add_key(&world, &Key { hosts: &hosts, ..OF_CHAT }).await;
        for host in &hosts[1..] {
            let answer = send(&world, host, &call(&wide, &said)).await;
            assert_eq!(answer.status, 403, "{host}: {}", answer.body);
        }
        let received = calls(&world, &wide, &said).await.echoed();
        assert_eq!((received.header("x-user-admin"), received.header("x-user-tenants")), (Some("false"), Some("b")));
        world.cli(&["tenant", "add-member", "a", "carol@example.com"]).await;
        assert_eq!(send(&world, "a.example.test", &call(&wide, &said)).await.status, 200);
        for tenant in ["a", "b"] {
            let narrow = add_key(&world, &Key { hosts: &hosts, tenant: Some(tenant), ..OF_CHAT }).await;
            let received = calls(&world, &narrow, &said).await.echoed();
            assert_eq!(received.header("x-user-tenants"), Some(tenant));
            let status = send(&world, "a.example.test", &call(&narrow, &said)).await.status;
            assert_eq!(status, if tenant == "a" { 200 } else { 403 }, "{tenant}");
        }
    }
}

/// A world of one file in which Alice is signed in.
async fn world_with_alice(plan: Plan) -> World {
    let world = plan.start(Pair::Embedded).await;
    world.entra.add(alice());
    world.signed_in("alice").await;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_and_expired_words_are_refused_and_never_the_key_instead() {
    let world = world_with_alice(plan()).await;
    let key = add_key(&world, &Key { scopes: &["act-as", "gate"], ..OF_CHAT }).await;
    let words = words("alice@example.com");
    let forged = words["forged"].as_array().unwrap();
    let mut sent = 0;
    for entry in forged {
        let said = entry["word"].as_str().unwrap();
        // A header has no white space at its ends, and what is not valid yet may be when it arrives.
        if said.trim() != said || said.is_empty() || entry["reason"] == "not_yet_valid" {
            continue;
        }
        let answer = calls(&world, &key, said).await;
        assert_eq!(answer.status, 401, "{}: {}", entry["name"], answer.body);
        let challenge = answer.header("www-authenticate").unwrap();
        assert!(challenge.starts_with("Bearer error=\"invalid_token\""), "{challenge}");
        assert_eq!(challenge.matches('"').count(), 4, "{challenge}");
        sent += 1;
    }
    assert!(sent >= 60, "{sent}");
    assert_eq!(calls(&world, &key, "").await.status, 401, "an empty word");
    let good = word_about("alice@example.com");
    let twice = call(&key, &good).with("x-openwebui-user-jwt", &good);
    assert_eq!(send(&world, APP, &twice).await.status, 401, "two lines");
    assert_eq!(calls(&world, &key, &good).await.echoed().header("x-user-email"), Some("alice@example.com"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_word_is_worth_nothing_without_a_key_that_may_act_by_its_speaker() {
    let world = world_with_alice(plan().env("GATEPOST_SPEAKERS__OPEN_WEBUI__MAX_AGE", "5m")).await;
    let said = word_about("alice@example.com");
    let bare = call("", &said).without("authorization");
    assert_eq!(send(&world, APP, &bare).await.status, 401);
    let foreign = bare.clone().with("authorization", &format!("Bearer {said}"));
    assert_eq!(send(&world, APP, &foreign).await.status, 401);
    for (scopes, status) in [
        (&["gate"][..], 403),
        (&["act-as:other"], 403),
        (&["api.read", "api.write"], 403),
        (&["act-as:open-webui"], 200),
        (&["gate", "act-as"], 200),
    ] {
        let key = add_key(&world, &Key { scopes, ..OF_CHAT }).await;
        let answer = calls(&world, &key, &said).await;
        assert_eq!(answer.status, status, "{scopes:?}: {}", answer.body);
    }
    let far = add_key(&world, &Key { networks: &["192.0.2.0/24"], ..OF_CHAT }).await;
    assert_eq!(calls(&world, &far, &said).await.status, 401, "from another network");
    let key = add_key(&world, &OF_CHAT).await;
    let long = words("alice@example.com")["good"]["with the longest life"].as_str().unwrap().to_owned();
    let answer = calls(&world, &key, &long).await;
    assert!(answer.status == 401 && answer.body.contains("lives longer"), "{}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_word_that_is_replayed_at_another_host_is_refused() {
    let world = world_with_alice(plan()).await;
    let said = word_about("alice@example.com");
    let here = add_key(&world, &OF_CHAT).await;
    assert_eq!(calls(&world, &here, &said).await.status, 200);
    assert_eq!(send(&world, OTHER, &call(&here, &said)).await.status, 403, "not the key's host");
    let wide = add_key(&world, &Key { scopes: &["act-as", "gate"], hosts: &[APP, OTHER], ..OF_CHAT }).await;
    let answer = send(&world, OTHER, &call(&wide, &said)).await;
    assert!(
        answer.status == 403 && answer.body.contains("at this host"),
        "not the speaker's: {}",
        answer.body
    );
    let without = call(&wide, &said).without("x-openwebui-user-jwt");
    assert_eq!(send(&world, OTHER, &without).await.status, 200, "the key itself counts there");
}

#[tokio::test(flavor = "multi_thread")]
async fn unsigned_headers_are_refused_and_without_any_the_key_itself_decides() {
    let world = world_with_alice(plan()).await;
    let key = add_key(&world, &Key { scopes: &["act-as", "gate"], ..OF_CHAT }).await;
    let silent = call(&key, "").without("x-openwebui-user-jwt");
    for name in ["Email", "Id", "Name", "Role"] {
        let plain = silent.clone().with(&format!("X-OpenWebUI-User-{name}"), "alice@example.com");
        let answer = send(&world, APP, &plain).await;
        assert!(answer.status == 401 && answer.body.contains("unsigned"), "{name}: {}", answer.body);
    }
    let received = send(&world, APP, &silent).await.echoed();
    let email = received.header("x-user-email").unwrap().to_owned();
    assert!(email.ends_with("@machine.auth.example.test"), "{email}");
    assert_eq!(received.header("x-user-via"), None);
    let speaks_only = add_key(&world, &OF_CHAT).await;
    let silent = call(&speaks_only, "").without("x-openwebui-user-jwt");
    assert_eq!(send(&world, APP, &silent).await.status, 403, "without the scope gate the key is nobody");
    let signed =
        call(&key, &word_about("alice@example.com")).with("X-OpenWebUI-User-Email", "bob@example.com");
    assert_eq!(send(&world, APP, &signed).await.echoed().header("x-user-email"), Some("alice@example.com"));
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_resemble_those_of_a_speaker_are_refused_where_one_is_configured() {
    let world = world_with_alice(plan()).await;
    let browser = world.signed_in("alice").await;
    let page = world.url(APP, "/");
    for (name, status) in [
        ("X_OpenWebUI_User_Email", 400),
        ("x-openwebui-user.jwt", 400),
        ("X-OpenWebUI-User-Email", 200),
        ("x_openwebui_chat_id", 200),
    ] {
        let request = browser.request(reqwest::Method::GET, &page).kind(Kind::Fetch).from(&page);
        assert_eq!(request.header(name, "alice@example.com").send().await.status, status, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_rule_about_sessions_only_disabled_people_are_refused() {
    let world =
        plan().env("GATEPOST_SPEAKERS__OPEN_WEBUI__REQUIRE_SESSION", "false").start(Pair::Embedded).await;
    world.entra.add(alice());
    let browser = world.signed_in("alice").await;
    let page = world.url(APP, "/");
    let logout = world.url(APP, "/.gatepost/logout");
    let answer = browser.request(reqwest::Method::GET, &logout).from(&page).send().await;
    browser.follow(answer).await;
    assert_eq!(browser.fetch(&page).await.status, 401);
    world.has_heard().await;
    let (key, said) = (add_key(&world, &OF_CHAT).await, word_about("alice@example.com"));
    assert_eq!(calls(&world, &key, &said).await.status, 200);
    world.cli(&["user", "disable", "alice@example.com"]).await;
    assert_nobody(&calls(&world, &key, &said).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_routers_require_holds_for_the_person_and_refusals_name_person_and_key() {
    let world = plan()
        .route("team.example.test", "group=Team")
        .route("recent.example.test", "max_age=900")
        .env("GATEPOST_SPEAKERS__OPEN_WEBUI__HOSTS", "*.example.test")
        .start(Pair::Embedded)
        .await;
    world.entra.add(alice());
    world.signed_in("alice").await;
    let hosts = [APP, "team.example.test", "recent.example.test"];
    let key = add_key(&world, &Key { hosts: &hosts, ..OF_CHAT }).await;
    let said = word_about("alice@example.com");
    let answer = send(&world, "team.example.test", &call(&key, &said)).await;
    assert!(answer.status == 403 && answer.body.contains("Team"), "{}", answer.body);
    let logged = async || world.gatepost.logs().into_iter().find(|line| line.contains("missing: group Team"));
    let line = until("the refusal in the log", SOON, logged).await;
    assert!(line.contains("alice@example.com") && line.contains("The chat"), "{line}");
    assert_eq!(send(&world, "recent.example.test", &call(&key, &said)).await.status, 403);
    world.cli(&["group", "create", "Team"]).await;
    world.cli(&["group", "add", "Team", "alice@example.com"]).await;
    assert_eq!(send(&world, "team.example.test", &call(&key, &said)).await.status, 200);
    let log = world.gatepost.logs().join("\n");
    assert!(!log.contains(&key) && !log.contains(&said), "neither key nor word is logged");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_for_people_count_towards_the_limit_of_the_key() {
    let world = world_with_alice(plan()).await;
    let said = word_about("alice@example.com");
    // By another key, so that the limited one finds Alice in the cache and its look-ups cannot be repeated.
    let unlimited = add_key(&world, &OF_CHAT).await;
    assert_eq!(calls(&world, &unlimited, &said).await.status, 200);
    let limited = keys::create(&world, "slow", &["--scope", "act-as", "--per-minute", "2"]).await;
    // The first is decided from the stores, because the key is not cached, and the others from the cache.
    for status in [200, 200, 429] {
        let answer = calls(&world, &limited, &said).await;
        assert_eq!(answer.status, status, "{}", answer.body);
    }
    assert_eq!(calls(&world, &unlimited, &said).await.status, 200, "the limit is that of one key");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_cache_requests_for_people_count_towards_the_limit_of_the_key_too() {
    let world = world_with_alice(plan().env("GATEPOST_VERIFY__CACHE_MEMORY", "0")).await;
    let said = word_about("alice@example.com");
    let limited = keys::create(&world, "slow", &["--scope", "act-as", "--per-minute", "2"]).await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(calls(&world, &limited, &said).await.status);
    }
    // Counted before the stores are queried about the person, so also where they do not answer in time (503).
    assert!(!statuses[..2].contains(&429) && statuses[2] == 429, "{statuses:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_for_a_person_is_a_use_of_the_key_and_a_refused_one_is_none() {
    let world = world_with_alice(plan()).await;
    let [refused, used] = ["refused", "used"].map(|name| keys::made(&world, name, &["--scope", "act-as"]));
    let (refused, used) = (refused.await, used.await);
    for (made, who, status) in [(&refused, "bob@example.com", 403), (&used, "alice@example.com", 200)] {
        assert_eq!(calls(&world, made["key"].as_str().unwrap(), &word_about(who)).await.status, status);
    }
    keys::used(&world, used["id"].as_str().unwrap()).await;
    // What was noted before is written by now.
    let shown = world.cli(&["key", "show", refused["id"].as_str().unwrap(), "--json"]).await;
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert!(shown["last_used_at"].is_null(), "{shown}");
}
