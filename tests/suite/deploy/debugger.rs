//! The header debugger behind a real Traefik: the shipped router has no finding, a careless one does.

use super::stage::{CHAT, DEBUG, Stage};
use gatepost_kit::client::{Client, Kind};
use reqwest::Method;
use serde_json::Value;

const PATH: &str = "/debug/headers";
const OWN: &str = "__Host-gatepost";

/// Hides an alias from Gatepost, hands over neither name nor cookies, and changes headers behind the gate.
fn careless(stage: &Stage) -> String {
    let (internal, folder) = (stage.gatepost.internal(), stage.folder.path("certs/traefik"));
    let folder = folder.display();
    format!(
        "http:
  middlewares:
    lax:
      forwardAuth:
        address: https://{internal}/verify?admin=true&assertion=true
        tls:
          ca: {folder}/ca.crt
          cert: {folder}/client.crt
          key: {folder}/client.key
        trustForwardHeader: false
        maxResponseBodySize: 16384
        authResponseHeaders: [X-User-Email, X-User-Groups, X-User-Admin, X-User-Id, X-User-Tenants, X-User-Assertion]
    meddling:
      headers:
        customRequestHeaders:
          X_User_Email: root@example.com
          X-Forwarded-Port: \"8080\"
          X-Api-Key: the-applications-secret
  routers:
    lax:
      rule: Host(`lost.example.com`) && Path(`/debug/headers`)
      entryPoints: [websecure]
      middlewares: [lax, meddling]
      service: gatepost@file
    bare:
      rule: Host(`wiki.example.com`) && Path(`/debug/headers`)
      entryPoints: [websecure]
      service: gatepost@file
    lost-gatepost:
      rule: Host(`lost.example.com`) && PathPrefix(`/.gatepost/`)
      entryPoints: [websecure]
      middlewares: [gatepost@file]
      service: gatepost@file
"
    )
}

async fn ask(browser: &Client, url: &str, header: Option<(&str, &str)>) -> Value {
    let own = browser.find_cookie(url.split('/').nth(2).unwrap(), OWN).unwrap();
    let request = browser.request(Method::GET, url).kind(Kind::Program).header("accept", "application/json");
    let request = request.header("cookie", format!("{OWN}={own}; theme=dark"));
    let request = header.into_iter().fold(request, |request, (name, value)| request.header(name, value));
    let answer = request.send().await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(!answer.body.contains(&own) && !answer.body.contains("dark"), "{}", answer.body);
    answer.json()
}

fn headers_of(answer: &Value) -> Vec<&str> {
    answer["findings"].as_array().unwrap().iter().map(|one| one["header"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_header_debugger_finds_nothing_in_the_shipped_files_and_everything_in_careless_ones() {
    let stage = Stage::start().await;
    let browser = stage.signed_in("carol", &format!("{CHAT}/")).await;
    stage.cli(&["admin", "grant", "carol@example.com"]).await;
    let url = format!("{DEBUG}{PATH}");
    let trip = browser.navigate(&url).await;
    assert_eq!(trip.end().status, 200, "{}\n{}", trip.describe(), trip.end().body);
    let shown = ask(&browser, &url, None).await;
    assert_eq!(headers_of(&shown), Vec::<&str>::new(), "{shown:#}");
    let names: Vec<&str> =
        shown["headers"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    for name in
        ["Host", "Cookie", "X-Forwarded-For", "X-Real-Ip", "X-User-Assertion", "X-User-Email", "X-User-Name"]
    {
        assert!(names.contains(&name), "{name}: {names:?}");
    }
    let forged = ask(&browser, &url, Some(("X-User-Assertion", "forged"))).await;
    assert_eq!(headers_of(&forged), Vec::<&str>::new(), "Traefik deletes a client's own");

    stage.traefik.add("careless.yml", &careless(&stage), "lost-gatepost").await;
    let lost = "https://lost.example.com/debug/headers";
    assert_eq!(browser.navigate(lost).await.end().status, 200);
    let mut found = ["Cookie", "X-Forwarded-Port", "X-User-Name", "X_user_email"];
    found.sort_unstable();
    for (header, names) in [(None, found), (Some(("X-User-Name", "root")), found)] {
        let shown = ask(&browser, lost, header).await;
        let mut headers = headers_of(&shown);
        headers.sort_unstable();
        assert_eq!(headers, names, "{shown:#}");
        assert!(!shown.to_string().contains("the-applications-secret"), "{shown:#}");
    }

    // Without the middleware a client can send what it likes, and gets nothing.
    let told = browser.request(Method::GET, "https://wiki.example.com/debug/headers");
    let told = told.header("x-user-assertion", "e30.e30.e30").header("x-user-admin", "true").send().await;
    assert_eq!(told.status, 404, "{}", told.body);
}
