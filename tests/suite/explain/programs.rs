//! Refusals of programs by their number: kept with the key or the application, few of each, none of a stranger.

use super::refusals::by_number;
use super::told as told_by;
use crate::answers::{Asked, Told};
use crate::cli::sql;
use crate::portal::{page, start};
use crate::speakers::{self, word_about};
use crate::world::{APP, OTHER, Plan, World, alice};
use gatepost_core::api_key::ApiKey;
use gatepost_kit::process::find_ok;
use serde_json::{Value, json};

/// Makes a key for `APP` and returns its id and its text.
async fn create(world: &World, name: &str, arguments: &[&str]) -> [String; 2] {
    let base = ["key", "create", name, "--host", APP, "--json"];
    let made: Value = serde_json::from_str(&world.cli(&[&base[..], arguments].concat()).await).unwrap();
    ["id", "key"].map(|member| made[member].as_str().unwrap().to_owned())
}

fn program(key: &str) -> Asked {
    Asked::for_uri("/x?token=hush")
        .with("Accept", "application/json")
        .with("Authorization", format!("Bearer {key}"))
}

/// The explanation of an answer's number, which names no secret.
async fn explanation(world: &World, told: &Told, secret: &str) -> Value {
    let explanation = by_number(world, &told.request_id()).await;
    let text = explanation.to_string();
    assert!(!text.contains(secret) && !text.contains("hush"), "{text}");
    explanation
}

async fn rows(world: &World) -> Vec<String> {
    sql(world, "SELECT reason || ' ' || coalesce(key_id, '') FROM refusals ORDER BY id").await
}

both_pairs! {
    async fn a_refusal_of_a_key_names_the_key_the_host_and_why(pair) {
        let (world, root) = start(pair).await;
        let [id, key] = create(&world, "nightly", &[]).await;
        let [near, near_key] = create(&world, "near", &["--network", "10.0.0.0/8"]).await;
        let [reader, reader_key] = create(&world, "reader", &["--scope", "api.read"]).await;
        let elsewhere = program(&key).with("X-Forwarded-Host", OTHER);
        for (asked, status, id, name, secret, reason, why) in [
            (elsewhere.clone(), 403, &id, "nightly", &key, "key_host", "refused: the key does not count at this host"),
            (program(&near_key), 401, &near, "near", &near_key, "invalid_credential", "refused: the key does not count from this network"),
            (program(&reader_key), 403, &reader, "reader", &reader_key, "key_scope", "refused: the key lacks the scope gate"),
            (program(&key).requiring("max_age=900"), 403, &id, "nightly", &key, "max_age", "refused: this address requires a recent sign-in of a person, which a key cannot show"),
            (program(&key).requiring("group=Finance"), 403, &id, "nightly", &key, "group_missing", "refused: not in the group Finance"),
        ] {
            let told = asked.of(&world).await;
            assert_eq!(told.status, status, "{why}: {told:?}");
            let explanation = explanation(&world, &told, secret).await;
            let then = &explanation["refused"];
            assert_eq!((&then["key_id"], &then["user_id"], &then["via"]), (&json!(id), &json!(id), &json!(name)), "{then:#}");
            assert_eq!((&then["is_person"], &then["email"], &then["path"]), (&json!(false), &Value::Null, &json!("/x")));
            assert_eq!((&then["reason"], &then["text"], &then["address"]), (&json!(reason), &json!(why), &json!("192.0.2.1")));
            assert_eq!((&explanation["mended"], &explanation["now"]["reason"]), (&json!(false), &json!(reason)), "{explanation:#}");
        }
        let number = program(&near_key).of(&world).await.request_id();
        by_number(&world, &number).await;
        let text = told_by(&world, &["--request", &number]).await;
        assert!(text.contains("the key near") && text.contains("it still does not pass"), "{text}");
        world.cli(&["key", "update", &near, "--network", "192.0.2.0/24"]).await;
        assert_eq!(by_number(&world, &number).await["mended"], true);
        world.cli(&["key", "revoke", &near]).await;
        assert_eq!(by_number(&world, &number).await["now"]["reason"], "invalid_credential");

        let list = page(&world, &root, &format!("/admin/refusals?key={near}")).await.body;
        assert!(list.contains("Key near") && list.contains("does not count from this network"), "{list}");
        assert!(!list.contains("nightly"), "only of that key: {list}");
        let details = page(&world, &root, &format!("/admin/refusals/{number}")).await.body;
        assert!(details.contains(&format!("<a href=\"/admin/keys/{near}\">the key near</a>")), "{details}");
        assert!(!details.contains("Grant it"), "a key is given nothing there: {details}");
        assert!(details.contains("It still does not pass.</b> The key near (") && details.contains(") was revoked "), "{details}");
        let key_page = page(&world, &root, &format!("/admin/keys/{near}")).await.body;
        assert!(key_page.contains(&format!("/admin/refusals?key={near}")), "{key_page}");
    }

    async fn a_program_that_fails_a_thousand_times_takes_few_rows_and_a_made_up_key_none(pair) {
        let world = crate::explain::world(pair).await;
        let [id, key] = create(&world, "broken", &["--per-minute", "100000"]).await;
        let [slow, slow_key] = create(&world, "slow", &["--per-minute", "1"]).await;
        let bob = world.signed_in("bob").await;
        for _ in 0..20 {
            let unknown = program(ApiKey::generate(None).expose()).of(&world).await;
            assert!([401, 429].contains(&unknown.status), "{unknown:?}");
            assert_eq!(program("gp_nonsense").of(&world).await.status, 401);
        }
        let denied = program(&key).requiring("group=Finance");
        for _ in 0..200 {
            assert_eq!(denied.of(&world).await.status, 403);
        }
        let mut statuses = Vec::new();
        while !statuses.contains(&429) {
            statuses.push(program(&slow_key).of(&world).await.status);
        }
        // A person is noted beside the program, and what came before would be there by then.
        let last = Asked::navigation("/").requiring("group=Finance").by(&bob).of(&world).await;
        by_number(&world, &last.request_id()).await;
        let rows = rows(&world).await;
        let of_key = rows.iter().filter(|row| row.ends_with(&id)).count();
        assert!((30..=32).contains(&of_key), "{of_key}: {rows:?}");
        assert_eq!(rows.len(), of_key + 1, "neither made-up keys nor a limit of requests: {slow} {rows:?}");
        let metrics = find_ok(world.gatepost.internal(), "/metrics").await.unwrap();
        let dropped = format!("gatepost_refusals_not_kept_total{{cause=\"one_program\"}} {}", 200 - of_key);
        assert!(metrics.lines().any(|line| line == dropped), "{dropped} is not in\n{metrics}");
    }

    async fn a_refusal_of_a_key_that_has_ended_is_found_under_the_key_and_one_of_a_stranger_nowhere(pair) {
        let (world, root) = start(pair).await;
        let [revoked, revoked_key] = create(&world, "revoked", &[]).await;
        let [leaver, leaver_key] = create(&world, "leaver", &["--owner", "bob@example.com"]).await;
        for key in [&revoked_key, &leaver_key] {
            assert_eq!(program(key).of(&world).await.status, 200);
        }
        world.cli(&["key", "revoke", &revoked]).await;
        world.cli(&["user", "disable", "bob@example.com"]).await;
        world.has_heard().await;
        let bob: Value = serde_json::from_str(&world.cli(&["user", "show", "bob@example.com", "--json"]).await).unwrap();
        let bobs = format!("/admin/users/{}", bob["id"].as_str().unwrap());
        for (id, key, name) in [(&revoked, &revoked_key, "revoked"), (&leaver, &leaver_key, "leaver")] {
            let told = program(key).of(&world).await;
            assert_eq!(told.status, 401, "{told:?}");
            let explanation = explanation(&world, &told, key).await;
            let then = &explanation["refused"];
            assert_eq!((&then["key_id"], &then["via"], &then["reason"]), (&json!(id), &json!(name), &json!("invalid_credential")), "{then:#}");
            assert_eq!(then["text"], "refused: the key was revoked, or its owner may not sign in");
            let list = page(&world, &root, &format!("/admin/refusals?key={id}")).await.body;
            assert!(list.contains(&told.request_id()), "{list}");
            let owners = page(&world, &root, &bobs).await.body;
            assert_eq!(owners.contains(&told.request_id()), name == "leaver", "it stands under the owner: {owners}");
            // Many of them take few rows, and each is answered.
            for _ in 0..100 {
                assert_eq!(program(key).of(&world).await.status, 401);
            }
        }
        // A key that nobody has, and one whose record is gone.
        let before = rows(&world).await.len();
        let unknown = ApiKey::generate(None);
        assert!([401, 429].contains(&program(unknown.expose()).of(&world).await.status));
        let [near, near_key] = create(&world, "near", &["--network", "10.0.0.0/8"]).await;
        let last = program(&near_key).of(&world).await;
        by_number(&world, &last.request_id()).await;
        let rows = rows(&world).await;
        for id in [&revoked, &leaver] {
            let kept = rows.iter().filter(|row| row.ends_with(id.as_str())).count();
            assert!((29..=32).contains(&kept), "{kept}: {rows:?}");
        }
        assert!(rows.len() >= before && rows.iter().all(|row| [&revoked, &leaver, &near].iter().any(|id| row.ends_with(id.as_str()))), "{rows:?}");
        // Enabled again, the person's key counts again, and the revoked one does not.
        world.cli(&["user", "enable", "bob@example.com"]).await;
        world.has_heard().await;
        assert_eq!(program(&leaver_key).of(&world).await.status, 200);
        assert_eq!(program(&revoked_key).of(&world).await.status, 401);
    }

    async fn a_refusal_of_what_a_key_says_about_a_person_names_both(pair) {
        let world = speakers::plan().start(pair).await;
        world.entra.add(alice());
        let [id, chat] = create(&world, "chat", &["--scope", "act-as"]).await;
        let [plain, plain_key] = create(&world, "plain", &[]).await;
        let said = |key: &str, word: &str| program(key).with("X-OpenWebUI-User-Jwt", word);
        let about_alice = word_about("alice@example.com");
        for (asked, status, key, name, email, reason, why) in [
            (said(&chat, &about_alice), 403, &id, "chat", json!("alice@example.com"), "nobody_to_act_for", "has not signed in"),
            (said(&chat, "a.b.c"), 401, &id, "chat", Value::Null, "invalid_word", "does not count"),
            (said(&plain_key, &about_alice), 403, &plain, "plain", Value::Null, "word_refused", "lacks the scope act-as"),
        ] {
            let told = asked.of(&world).await;
            assert_eq!(told.status, status, "{told:?}");
            let explanation = explanation(&world, &told, &about_alice).await;
            let then = &explanation["refused"];
            assert_eq!((&then["key_id"], &then["via"], &then["email"]), (&json!(key), &json!(name), &email), "{then:#}");
            assert_eq!((&then["reason"], &explanation["now"]), (&json!(reason), &Value::Null), "{then:#}");
            assert!(then["text"].as_str().unwrap().contains(why), "{then:#}");
            let text = told_by(&world, &["--request", &told.request_id()]).await;
            assert!(text.contains(&format!("the key {name}")) && text.contains("depends on the key"), "{text}");
        }
        // Who is known is named as the person.
        world.signed_in("alice").await;
        let told = said(&chat, &about_alice).requiring("group=Finance").of(&world).await;
        let then = &explanation(&world, &told, &about_alice).await["refused"];
        assert_eq!((&then["is_person"], &then["email"]), (&json!(true), &json!("alice@example.com")), "{then:#}");
        assert_eq!((&then["key_id"], &then["via"]), (&json!(id), &json!("chat")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_refusal_of_a_key_without_its_id_is_still_explained() {
    let world = Plan::default().start(crate::world::Pair::Embedded).await;
    let insert = "INSERT INTO refusals (request_id, at, user_id, host, method, path, kind, requirement, status, reason, via) \
         VALUES ('019ab8c5d2a37e6f9b0c1d2e3f405162', CAST(strftime('%s', 'now') AS integer), \
         '0199d1f0-5b7c-7d2e-8a3f-0123456789ab', 'app.example.test', 'GET', '/', 'fetch', '', 403, 'group_missing', 'chat') \
         RETURNING request_id";
    let number = &sql(&world, insert).await[0];
    let then = &by_number(&world, number).await["refused"];
    assert_eq!(
        (&then["is_person"], &then["via"], &then["key_id"]),
        (&json!(true), &json!("chat"), &Value::Null)
    );
}
