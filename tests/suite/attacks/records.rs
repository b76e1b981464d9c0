//! Who reads or writes what lies in a store, plants a cookie, or names a group as he likes.

use super::{ALICE, who};
use crate::clocks::movable;
use crate::world::{APP, COOKIE, PUBLIC, Pair, Plan, Stores, World, alice};
use gatepost_kit::client::Client;
use gatepost_kit::entra::{Group, Person, stable_guid};
use reqwest::Method;

/// What the public host says to a browser that has this cookie and no other.
async fn account_with(world: &World, cookie: &str) -> u16 {
    let request = world.browser();
    let request = request.request(Method::GET, &world.url(PUBLIC, "/"));
    request.header("cookie", format!("{COOKIE}={cookie}")).send().await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_changes_the_value_that_the_browser_had_and_the_old_one_dies() {
    let (world, clock) = movable(Plan::default()).await;
    let victim = world.browser();
    // Mallory knows the value from before the sign-in, because he planted it.
    let planted = victim.get(&world.url(PUBLIC, "/login")).await;
    let planted = planted.values("set-cookie")[0].split(['=', ';']).nth(1).unwrap().to_owned();
    world.entra.at_the_browser(Some("alice"));
    assert_eq!(victim.navigate(&world.url(APP, "/")).await.end().status, 200);
    let first = victim.find_cookie(PUBLIC, COOKIE).unwrap();
    assert!(first != planted && account_with(&world, &planted).await == 303, "the planted value is nobody's");
    assert_eq!(account_with(&world, &first).await, 200);
    let again = victim.navigate(&world.url(PUBLIC, "/login?prompt=select_account")).await;
    assert_eq!(again.end().status, 200, "{}", again.describe());
    let second = victim.find_cookie(PUBLIC, COOKIE).unwrap();
    assert_ne!(first, second, "each sign-in gives a value of its own");
    clock.set(31);
    assert_eq!((account_with(&world, &first).await, account_with(&world, &second).await), (303, 200));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contents_of_redis_are_neither_a_credential_nor_a_person() {
    let world = Plan::default().env("GATEPOST_SESSION__REFRESH_INTERVAL", "1s").start(Pair::Shared).await;
    world.entra.add(alice());
    let browser = world.signed_in("alice").await;
    let is_refresh = |call: &gatepost_kit::entra::Call| call.form_field("refresh_token").is_some();
    let token = gatepost_kit::process::until("a refresh", std::time::Duration::from_secs(20), async || {
        browser.fetch(&world.url(APP, "/")).await;
        let calls = world.entra.calls();
        calls
            .iter()
            .find(|call| is_refresh(call))
            .and_then(|call| call.form_field("refresh_token").map(str::to_owned))
    })
    .await;
    let Stores::Shared { redis, .. } = &world.stores else { unreachable!("this world has a Redis") };
    redis.command(&["CONFIG", "SET", "rdbcompression", "no"]);
    assert!(redis.command(&["SAVE"]).starts_with("+OK"));
    let folder = redis.command(&["CONFIG", "GET", "dir"]);
    let folder = folder.lines().find(|line| line.starts_with('/')).unwrap();
    let dump = std::fs::read(std::path::Path::new(folder).join("dump.rdb")).unwrap();
    let holds = |needle: &str| dump.windows(needle.len()).any(|window| window == needle.as_bytes());
    assert!(holds("gatepost:session:"), "the dump is readable, and the session is in it");
    let [public, host] = [PUBLIC, APP].map(|host| browser.find_cookie(host, COOKIE).unwrap());
    let oid = world.entra.find("alice").unwrap().oid;
    for secret in [&public, &host, &token, &oid, ALICE, "refresh_token", "public_secret", "nonce"] {
        assert!(!holds(secret), "{secret}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_gives_an_ended_session_back_signs_nobody_in() {
    let world = World::start(Pair::Embedded).await;
    let browser = world.signed_in("alice").await;
    let thief = browser.duplicate();
    let url = format!("sqlite://{}", world.stores.folder().join("gatepost.db").display());
    let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
    let rows: Vec<(Vec<u8>, Vec<u8>, i64)> =
        sqlx::query_as("SELECT key, value, expires_at FROM session_values").fetch_all(&pool).await.unwrap();
    let answer = browser
        .request(Method::GET, &world.url(APP, "/.gatepost/logout"))
        .from(&world.url(APP, "/"))
        .send()
        .await;
    assert_eq!(browser.follow(answer).await.end().url.path(), "/logged-out");
    for (key, value, expires_at) in rows {
        sqlx::query("INSERT OR REPLACE INTO session_values (key, value, expires_at) VALUES ($1, $2, $3)")
            .bind(key)
            .bind(value)
            .bind(expires_at)
            .execute(&pool)
            .await
            .unwrap();
    }
    assert_eq!(who(&world, &thief).await, None);
    assert_eq!(thief.get(&world.url(PUBLIC, "/")).await.status, 303);
}

both_pairs! {
    async fn a_group_that_an_employee_calls_mcp_admin_makes_no_admin(pair) {
        let world = Plan::default().route("admin.example.test", "admin=true").route("team.example.test", "group=MCP-Admin").start(pair).await;
        let own = Group::new(&stable_guid("a group of Mallory's"), "MCP-Admin");
        let mut mallory = Person::named("mallory");
        mallory.groups.push(own);
        world.entra.add(mallory);
        let mallory: Client = world.signed_in("mallory").await;
        let received = mallory.get(&world.url(APP, "/")).await.echoed();
        assert_eq!(received.header("x-user-admin"), Some("false"));
        let groups = received.header("x-user-groups").unwrap();
        assert_eq!(groups, stable_guid("a group of Mallory's"), "it bears its id");
        for host in ["admin.example.test", "team.example.test"] {
            let trip = mallory.navigate(&world.url(host, "/")).await;
            assert_eq!(trip.end().status, 403, "{host}: {}", trip.describe());
        }
    }
}
