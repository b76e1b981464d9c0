//! `Open WebUI` behind the shipped files with the environment of the Compose file: who one is there, in which groups, as
//! what, and that signing out there is signing out.

use super::folder::Folder;
use super::stage::{CHAT, PUBLIC, Stage, environment};
use gatepost_core::header_names::IDENTITY_HEADERS;
use gatepost_kit::client::{Answer, Client, Kind};
use gatepost_kit::entra::{Group, Person};
use gatepost_kit::open_webui::{OpenWebUi, Variables};
use gatepost_kit::process::until;
use reqwest::Method;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(5);
const SIGN_IN: &str = "https://chat.example.com/api/v1/auths/signin";
const SIGN_OUT: &str = "https://chat.example.com/api/v1/auths/signout";
const WHO_AM_I: &str = "https://chat.example.com/api/v1/auths/";
const RESEARCH: &str = "00000000-0000-4000-8000-00000000b001";

fn variables() -> Variables {
    environment(&Folder::prepare().compose(), "open-webui").into_iter().collect()
}

async fn stage(variables: Variables) -> (OpenWebUi, Stage) {
    let chat = OpenWebUi::start(variables).await;
    let stage = Stage::start_with_chat(Some(chat.addr())).await;
    (chat, stage)
}

/// What the page does by itself when it finds nobody signed in.
async fn sign_in(browser: &Client) -> Answer {
    let request = browser.request(Method::POST, SIGN_IN).kind(Kind::Fetch);
    request.from(&format!("{CHAT}/")).header("content-type", "application/json").body("{}").send().await
}

async fn arrive(stage: &Stage, who: &str) -> Client {
    let browser = stage.signed_in(who, &format!("{CHAT}/")).await;
    assert_eq!(sign_in(&browser).await.status, 200, "{who}");
    browser
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_there_under_their_address_and_name_and_the_first_is_its_admin() {
    let (chat, stage) = stage(variables()).await;
    stage.entra.add(Person { name: "Åsa 100 % & Co".to_owned(), ..Person::named("asa") });
    arrive(&stage, "carol").await;
    let asa = arrive(&stage, "asa").await;
    assert_eq!(chat.list_addresses(), ["asa@example.com", "carol@example.com"]);
    assert_eq!(chat.find_account("carol@example.com").unwrap().role, "admin");
    let account = chat.find_account("asa@example.com").unwrap();
    assert_eq!((account.name.as_str(), account.role.as_str()), ("Åsa 100 % & Co", "user"));
    let answer = asa.fetch(WHO_AM_I).await;
    assert_eq!((answer.status, &answer.json()["email"]), (200, &"asa@example.com".into()));
    // Its own token travels in Authorization too, and is no credential of Gatepost's.
    let token = sign_in(&asa).await.json()["token"].as_str().unwrap().to_owned();
    let request = asa.request(Method::GET, WHO_AM_I).kind(Kind::Fetch).from(CHAT);
    let answer = request.header("authorization", format!("Bearer {token}")).send().await;
    assert_eq!(answer.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_follow_where_open_webui_has_one_of_the_same_name() {
    let (chat, stage) = stage(variables()).await;
    chat.create_group("MCP-GitHub");
    chat.create_group("Research%20Lab");
    chat.create_group("Research Lab");
    arrive(&stage, "carol").await;
    stage.entra.update("alice", |alice| alice.groups.push(Group::new(RESEARCH, "Research Lab")));
    stage.cli(&["group", "link", "Research Lab", &format!("entra:{RESEARCH}")]).await;
    arrive(&stage, "alice").await;
    let groups = |who: &str| Vec::from_iter(chat.find_account(who).unwrap().groups);
    // Names come encoded and are compared as they come: a name with a space in it is not found.
    assert_eq!(groups("alice@example.com"), ["MCP-GitHub", "Research%20Lab"]);
    assert_eq!(groups("carol@example.com"), Vec::<String>::new());

    stage.entra.update("alice", |alice| alice.groups.retain(|group| group.id == RESEARCH));
    arrive(&stage, "alice").await;
    assert_eq!(groups("alice@example.com"), ["Research%20Lab"]);
    // Who lost the last group keeps it in Open WebUI: an empty list means no change there.
    stage.entra.update("alice", |alice| alice.groups.clear());
    arrive(&stage, "alice").await;
    assert_eq!(groups("alice@example.com"), ["Research%20Lab"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_there_is_signing_out() {
    let (_chat, stage) = stage(variables()).await;
    let browser = arrive(&stage, "alice").await;
    let request = browser.request(Method::POST, SIGN_OUT).kind(Kind::Fetch).from(CHAT);
    let answer = request.send().await.json();
    let target =
        answer["redirect_url"].as_str().expect("a page of Open WebUI would sign in again").to_owned();
    assert_eq!(target, format!("{CHAT}/.gatepost/logout"));
    let trip =
        browser.follow(browser.request(Method::GET, &target).from(&format!("{CHAT}/")).send().await).await;
    assert_eq!(trip.end().url.as_str(), format!("{PUBLIC}/logged-out"), "{}", trip.describe());
    // What memory knows counts for a second at most.
    until("the sign-out to count", TIMEOUT, async || {
        (browser.get(&format!("{CHAT}/")).await.status == 302).then_some(())
    })
    .await;
    assert_eq!(sign_in(&browser).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_person_at_the_same_browser_is_not_taken_for_the_first() {
    let (_chat, stage) = stage(variables()).await;
    let browser = arrive(&stage, "alice").await;
    browser.navigate(&format!("{CHAT}/.gatepost/logout")).await;
    stage.entra.forget_browsers();
    stage.entra.at_the_browser(Some("bob"));
    assert_eq!(browser.navigate(&format!("{CHAT}/")).await.end().status, 200);
    // The cookie of Open WebUI is still Alice's.
    assert_eq!(browser.fetch(WHO_AM_I).await.status, 401);
    sign_in(&browser).await;
    assert_eq!(browser.fetch(WHO_AM_I).await.json()["email"], "bob@example.com");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_in_by_sending_the_headers_but_past_traefik_everybody_does() {
    let (chat, stage) = stage(variables()).await;
    let stranger = stage.browser();
    assert_eq!(lie(&stranger, SIGN_IN).await.status, 401);
    let alice = arrive(&stage, "alice").await;
    let request = alice.request(Method::POST, SIGN_IN).kind(Kind::Fetch).from(CHAT);
    let answer = request.header("x-user-email", "carol@example.com").body("{}").send().await;
    assert_eq!(answer.json()["email"], "alice@example.com");
    assert_eq!(chat.list_addresses(), ["alice@example.com"]);
    // Why its port is published nowhere and its network holds Traefik alone.
    let past = format!("http://{}/api/v1/auths/signin", chat.addr());
    assert_eq!(lie(&Client::builder().build(), &past).await.status, 200);
    assert!(chat.find_account("carol@example.com").is_some());
}

/// Signs in as Carol by saying so.
async fn lie(client: &Client, url: &str) -> Answer {
    let request = client.request(Method::POST, url).header("x-user-email", "carol@example.com");
    request.without_cookies().header("sec-fetch-site", "same-origin").body("{}").send().await
}

/// Why the Compose file names no header for the role: Gatepost's words are `admin`, `member` and `viewer`, those of
/// `Open WebUI` `admin`, `user` and `pending`. Whoever was an admin once would stay one.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_was_handed_over_is_never_taken_back() {
    let mut with_roles = variables();
    assert!(!with_roles.contains_key("WEBUI_AUTH_TRUSTED_ROLE_HEADER"));
    with_roles.insert("WEBUI_AUTH_TRUSTED_ROLE_HEADER".to_owned(), "X-User-Role".to_owned());
    let chat = OpenWebUi::start(with_roles).await;
    let client = Client::builder().build();
    let url = format!("http://{}/api/v1/auths/signin", chat.addr());
    for (who, role, wanted) in [
        ("first@example.com", "member", "admin"),
        ("alice@example.com", "member", "user"),
        ("alice@example.com", "admin", "admin"),
        ("alice@example.com", "member", "admin"),
        ("alice@example.com", "viewer", "admin"),
    ] {
        let request =
            client.request(Method::POST, &url).header("x-user-email", who).header("x-user-role", role);
        assert_eq!(request.body("{}").send().await.status, 200);
        assert_eq!(chat.find_account(who).unwrap().role, wanted, "{who} as {role}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn switching_its_passwords_off_switches_trusted_headers_off_too() {
    let mut without_passwords = variables();
    assert!(!without_passwords.contains_key("ENABLE_PASSWORD_AUTH"));
    without_passwords.insert("ENABLE_PASSWORD_AUTH".to_owned(), "false".to_owned());
    let (_chat, stage) = stage(without_passwords).await;
    let browser = stage.signed_in("alice", &format!("{CHAT}/")).await;
    assert_eq!(sign_in(&browser).await.status, 403);
}

/// The router of `docs/open-webui.md` for programs with keys of its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_open_webui_passes_on_its_own_paths_and_brings_nobody_s_headers() {
    let stage = Stage::start().await;
    let document = super::read("docs/open-webui.md");
    let section = document.split("## Programs with Open WebUI's own keys\n").nth(1).unwrap();
    let router = section.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    stage.traefik.add("chat-keys.yml", router, "chat-keys").await;
    let ask = async |path: &str, authorization: &str| {
        let url = format!("{CHAT}{path}");
        let browser = stage.browser();
        let request = browser.request(Method::GET, &url).kind(Kind::Program);
        let request =
            request.header("authorization", authorization).header("x-user-email", "carol@example.com");
        request.header("x-user-assertion", "x").send().await
    };
    let passed = ask("/api/models", "Bearer sk-1").await;
    assert_eq!(passed.status, 200, "{}", passed.body);
    let received = passed.echoed();
    assert_eq!(received.header("authorization"), Some("Bearer sk-1"));
    let brought: Vec<_> = IDENTITY_HEADERS
        .iter()
        .filter(|name| !["cookie", "authorization"].contains(name) && received.header(name).is_some())
        .collect();
    assert_eq!(brought, Vec::<&&str>::new());
    for (path, authorization) in [
        ("/api/models", "Bearer eyJ"),
        ("/api/models", "Basic sk-1"),
        ("/api/v1/auths/signin", "Bearer sk-1"),
        ("/api/models/x", "Bearer sk-1"),
        ("/", "Bearer sk-1"),
    ] {
        let refused = ask(path, authorization).await;
        assert_eq!(refused.status, 401, "{path} {authorization}: {}", refused.body);
    }
}
