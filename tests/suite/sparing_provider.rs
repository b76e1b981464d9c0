//! Providers that leave out what they may: the ID token of a refresh, the refresh token, a session that outlives a
//! sign-out. What is not said is not known, and whoever cannot be asked in the background is asked by a visit.

use crate::clocks::movable_with;
use crate::explain::{asked, step};
use crate::refresh::{DEADLINE, counted, has_groups, plan, refreshes, use_until};
use crate::world::{APP, OTHER, PUBLIC, Pair, Plan, Stores, World, alice};
use gatepost_kit::client::{Client, Trip};
use gatepost_kit::entra::{Endpoint, Entra, Group, RefreshTokens};
use gatepost_kit::process::{Clock, until};
use reqwest::Method;

const MINUTE: i64 = 60;

/// A plain provider that is asked every two seconds.
async fn plain(pair: Pair, plan: Plan) -> World {
    let entra = Entra::start_oidc().await;
    let world = plan.start_with(pair, entra).await;
    world.entra.add(alice());
    world
}

both_pairs! {
    async fn a_refresh_without_an_id_token_takes_groups_from_userinfo(pair) {
        let world = plain(pair, plan().env("GATEPOST_LOG__LEVEL", "debug")).await;
        world.entra.configure(|app| (app.refreshes_without_id_token, app.groups_in_userinfo) = (true, true));
        let browser = world.signed_in("alice").await.impatient();
        world.entra.update("alice", |alice| alice.groups = vec![Group::new("night", "night")]);
        use_until(&world, &browser, "the new group", |answer| has_groups(answer, "night")).await;
        world.gatepost.wait_for_line("a session was refreshed").await;
    }

    async fn groups_that_nobody_names_any_more_stay_for_a_day_and_are_counted(pair) {
        let world = plain(pair, plan()).await;
        world.entra.configure(|app| app.refreshes_without_id_token = true);
        let browser = world.signed_in("alice").await.impatient();
        use_until(&world, &browser, "a refresh that names no groups", |answer| {
            assert!(answer.status != 200 || has_groups(answer, "MCP-GitHub"), "a gap is not a fact");
            world.gatepost.logs().iter().any(|line| line.contains("a renewal brought no ID token, and userinfo names no groups"))
        }).await;
        let unknown = "gatepost_groups_unknown_total{provider=\"entra\"} ";
        until("the gap to be counted", DEADLINE, async || (counted(&world.gatepost, unknown).await > 0).then_some(())).await;
        assert_eq!(counted(&world.gatepost, "gatepost_groups_lost_total{provider=\"entra\"} ").await, 0);
        forget_when_groups_were_known(&world).await;
        use_until(&world, &browser, "the day to be over", |_| {
            world.gatepost.logs().iter().any(|line| line.contains("a person's groups have been unknown for a day"))
        }).await;
        until("an outage, not an end", DEADLINE, async || (refreshes(&world.gatepost, "unreachable").await > 0).then_some(())).await;
        assert_eq!(refreshes(&world.gatepost, "ended").await, 0);
    }
}

/// The last list of groups is older than a day.
async fn forget_when_groups_were_known(world: &World) {
    match &world.stores {
        Stores::Embedded(folder) => {
            let url = format!("sqlite://{}", folder.path().join("gatepost.db").display());
            let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
            sqlx::query("UPDATE identities SET groups_known_at = 0").execute(&pool).await.unwrap();
        }
        Stores::Shared { database, .. } => {
            let pool = sqlx::PgPool::connect(database).await.unwrap();
            sqlx::query("UPDATE gatepost.identities SET groups_known_at = 0").execute(&pool).await.unwrap();
        }
    }
}

/// A provider that gives no refresh token, and a gate whose clock the test moves, with the provider's.
struct Tokenless {
    world: World,
    clock: Clock,
}

impl Tokenless {
    async fn start(plan: Plan) -> Self {
        let entra = Entra::start_oidc().await;
        entra.configure(|app| app.refresh_tokens = RefreshTokens::Withheld);
        let (world, clock) = movable_with(plan, entra).await;
        Self { world, clock }
    }

    fn after(&self, seconds: i64) {
        self.clock.set(seconds);
        self.world.entra.set_clock_offset(seconds);
    }

    async fn navigate(&self, browser: &Client) -> Trip {
        browser.navigate(&self.world.url(APP, "/deep")).await
    }

    async fn fetch(&self, browser: &Client) -> u16 {
        browser.fetch(&self.world.url(APP, "/")).await.status
    }

    fn visits(&self) -> usize {
        self.world.entra.count(Endpoint::Authorize)
    }
}

fn statuses(trip: &Trip) -> Vec<u16> {
    trip.hops.iter().map(|hop| hop.status).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_refresh_token_a_navigation_goes_through_the_provider_unseen_once_an_interval() {
    let site = Tokenless::start(Plan::default()).await;
    let browser = site.world.signed_in("alice").await;
    let line = site.world.gatepost.wait_for_line("sign-ins bring no refresh token").await;
    assert!(line.contains("docs/providers.md"), "{line}");
    let counter = "gatepost_sign_ins_without_refresh_token_total{provider=\"entra\"} ";
    assert_eq!(counted(&site.world.gatepost, counter).await, 1);
    let session = asked(&site.world, "alice", "", &[]).await;
    assert_eq!(step(&session, "sessions")["sessions"][0]["refresh"], "not_due");

    site.after(16 * MINUTE);
    site.world.entra.update("alice", |alice| alice.groups = vec![Group::new("night", "night")]);
    assert_eq!(site.fetch(&browser).await, 200, "a fetch passes");
    let said = asked(&site.world, "alice", "", &["--at", &ahead(16)]).await;
    assert_eq!(
        (&said["answer"]["status"], &said["reason"]),
        (&302.into(), &"refresh_pending".into()),
        "{said:#}"
    );
    let trip = site.navigate(&browser).await;
    assert_eq!(statuses(&trip), [302, 303, 302, 303, 303, 200], "{}", trip.describe());
    assert_eq!(trip.end().echoed().header("x-user-groups"), Some("night"));
    assert_eq!((site.visits(), site.navigate(&browser).await.hops.len()), (2, 1), "no second visit, no loop");
    // Another host of the same session has been checked with it.
    browser.navigate(&site.world.url(OTHER, "/")).await;
    assert_eq!(site.visits(), 2);
    assert_eq!(
        site.world.gatepost.logs().iter().filter(|line| line.contains("sign-ins bring no refresh")).count(),
        1
    );
}

/// So many minutes after now by the machine's clock: `explain` here goes by that one.
fn ahead(minutes: u64) -> String {
    use gatepost_core::{calendar::rfc3339, clock::Timestamp};
    rfc3339(Timestamp::now().plus(std::time::Duration::from_secs(minutes * 60)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_person_without_a_refresh_token_is_out_after_two_intervals() {
    let site = Tokenless::start(Plan::default()).await;
    let browser = site.world.signed_in("alice").await.impatient();
    site.world.entra.disable("alice");
    site.after(16 * MINUTE);
    let trip = site.navigate(&browser).await;
    assert_ne!(trip.end().url.host_str(), Some(APP), "{}", trip.describe());
    assert_eq!(site.fetch(&browser).await, 200);
    site.after(31 * MINUTE);
    let refused = browser.fetch(&site.world.url(APP, "/")).await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")), "{}", refused.body);
    assert_eq!(refused.json()["error"], "recheck_required");
    assert!(refused.values("set-cookie").is_empty());
    let trip = site.navigate(&browser).await;
    assert_ne!(trip.end().url.host_str(), Some(APP), "{}", trip.describe());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_is_never_sent_through_the_provider() {
    let site = Tokenless::start(Plan::default()).await;
    let browser = site.world.signed_in("alice").await.impatient();
    let (page, visits) = (site.world.url(APP, "/form"), site.visits());
    for (minutes, status) in [(16, 200), (31, 503)] {
        site.after(minutes * MINUTE);
        let trip = browser.submit(&page, &page, &[("a", "1")]).await;
        assert_eq!(statuses(&trip), [status], "{minutes}: {}", trip.describe());
    }
    let page = browser.submit(&page, &page, &[("a", "1")]).await.end().body.clone();
    assert!(page.contains("Confirm, in a new tab") && page.contains("/.gatepost/start?uri="), "{page}");
    let api = browser.request(Method::GET, &site.world.url(APP, "/.gatepost/start?uri=%2Fform")).send().await;
    let trip = browser.follow(api).await;
    assert_eq!((trip.end().status, trip.end().url.path()), (200, "/form"), "{}", trip.describe());
    assert_eq!((site.fetch(&browser).await, site.visits()), (200, visits + 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_may_leave_sessions_without_refresh_tokens_alone() {
    let site = Tokenless::start(Plan::default().env("GATEPOST_PROVIDERS__ENTRA__RECHECK", "off")).await;
    let browser = site.world.signed_in("alice").await.impatient();
    let visits = site.visits();
    site.after(50 * MINUTE);
    assert_eq!((site.fetch(&browser).await, statuses(&site.navigate(&browser).await)), (200, vec![200]));
    assert_eq!(site.visits(), visits);
    let said = asked(&site.world, "alice", "", &["--at", &ahead(50)]).await;
    assert_eq!(said["answer"]["status"], 200, "{said:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_provider_is_down_nobody_is_sent_there_for_an_hour() {
    let site = Tokenless::start(Plan::default()).await;
    let browser = site.world.signed_in("alice").await.impatient();
    site.world.entra.stop().await;
    for minutes in [16, 31, 47] {
        site.after(minutes * MINUTE);
        let trip = site.navigate(&browser).await;
        assert_eq!(trip.end().status, 200, "{minutes}: {}", trip.describe());
        assert_eq!(statuses(&site.navigate(&browser).await), [200], "{minutes}: tried once");
    }
    site.world.entra.resume().await.unwrap();
    site.after(65 * MINUTE);
    let visits = site.visits();
    let trip = site.navigate(&browser).await;
    assert_eq!((trip.end().status, site.visits()), (200, visits + 1), "{}", trip.describe());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_providers_the_one_of_the_session_is_visited_without_a_question() {
    let others = [
        ("OTHER__KIND", "oidc"),
        ("OTHER__ISSUER", "https://idp.example.com"),
        ("OTHER__CLIENT_ID", "gatepost"),
        ("OTHER__CLIENT_SECRET", "a-secret"),
        ("OTHER__ALLOWED_DOMAINS", "other.example"),
        ("OTHER__GROUP_NAMES", "link"),
        ("ENTRA__ALLOWED_DOMAINS", "example.com"),
    ];
    let name = |(name, value)| (format!("GATEPOST_PROVIDERS__{name}"), value);
    let plan =
        others.map(name).into_iter().fold(Plan::default(), |plan, (name, value)| plan.env(&name, value));
    let site = Tokenless::start(plan).await;
    site.world.entra.at_the_browser(Some("alice"));
    let browser = site.world.browser();
    browser.navigate(&site.world.url(PUBLIC, "/login?provider=entra")).await;
    assert_eq!(site.navigate(&browser).await.end().status, 200);
    for minutes in [16, 50] {
        site.after(minutes * MINUTE);
        let (visits, trip) = (site.visits(), site.navigate(&browser).await);
        assert_eq!((trip.end().status, site.visits()), (200, visits + 1), "{}", trip.describe());
        assert_eq!(trip.end().url.path(), "/deep", "{}", trip.describe());
    }
}

/// Waits until a token was given back.
async fn revoked(world: &World) {
    let count = async || (world.entra.count(Endpoint::Revocation) == 1).then_some(());
    until("a token to be given back", DEADLINE, count).await;
}

both_pairs! {
    async fn a_sign_out_gives_the_refresh_token_back_and_waits_for_nobody(pair) {
        let world = plain(pair, Plan::default()).await;
        let browser = world.signed_in("alice").await;
        world.entra.hold(Endpoint::Revocation);
        let answer = browser.request(Method::GET, &world.url(APP, "/.gatepost/logout")).from(&world.url(APP, "/")).send().await;
        let trip = browser.follow(answer).await;
        assert_eq!((trip.end().status, trip.end().url.path()), (200, "/logged-out"), "{}", trip.describe());
        revoked(&world).await;
        world.entra.release(Endpoint::Revocation);
        let calls = world.entra.calls();
        let call = calls.iter().find(|call| call.endpoint == Endpoint::Revocation).unwrap();
        assert_eq!(call.form_field("token_type_hint"), Some("refresh_token"));
        assert!(call.form_field("token").is_some_and(|token| token.len() > 1_000));
        let line = world.gatepost.wait_for_line("a session ended").await;
        assert!(line.contains("sign_out"), "{line}");
        let revoked = "gatepost_provider_calls_total{provider=\"entra\",endpoint=\"revocation\",outcome=\"success\"} ";
        until("the call to be counted", DEADLINE, async || (counted(&world.gatepost, revoked).await == 1).then_some(())).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_out_that_the_provider_requests_is_in_the_log() {
    let world = plain(Pair::Embedded, Plan::default()).await;
    let browser = world.signed_in("alice").await;
    let sid = world.entra.list_sids("alice").pop().unwrap();
    browser.stranger().get(&world.url(PUBLIC, &format!("/logout/frontchannel?sid={sid}"))).await;
    let line = world.gatepost.wait_for_line("a session ended").await;
    assert!(line.contains("provider_sign_out") && line.contains("user.id"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_out_succeeds_where_nothing_can_be_revoked() {
    let world = plain(Pair::Embedded, Plan::default()).await;
    let browser = world.signed_in("alice").await;
    world.entra.configure(|app| app.secrets.clear());
    let trip = browser.submit(&world.url(PUBLIC, "/logout"), &world.url(PUBLIC, "/logout"), &[]).await;
    assert_eq!(trip.end().url.path(), "/logged-out", "{}", trip.describe());
    revoked(&world).await;
    assert_eq!(browser.fetch(&world.url(APP, "/")).await.status, 401);
}
