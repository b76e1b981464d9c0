//! The symptoms of `docs/troubleshooting.md` that need the shipped files or no other test shows. The rest are tests
//! elsewhere; the document names each, and [`super::documents`] looks that it is there.

use super::stage::{CHAT, PUBLIC, Stage};
use crate::world::{APP, Pair, World};
use gatepost_kit::entra::GroupsClaim;

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_cannot_be_reached_is_an_empty_500() {
    let stage = Stage::start().await;
    let browser = stage.signed_in("bob", &format!("{CHAT}/")).await;
    let dynamic = |address: &str| {
        format!(
            "http:
  middlewares:
    plain:
      forwardAuth:
        address: \"{address}\"
        trustForwardHeader: false
        maxResponseBodySize: 16384
  routers:
    plain:
      rule: Host(`wiki.example.com`) && Path(`/plain`)
      entryPoints: [websecure]
      middlewares: [plain]
      service: wiki@file
"
        )
    };
    // Plain http, or no certificate, where the listener asks for one.
    let internal = stage.gatepost.internal();
    for (name, address) in
        [("http", format!("http://{internal}/verify")), ("https", format!("https://{internal}/verify"))]
    {
        stage.traefik.add(&format!("{name}.yml"), &dynamic(&address).replace("plain", name), name).await;
        let answer = browser.get(&format!("https://wiki.example.com/{name}")).await;
        assert_eq!((answer.status, answer.body.as_str()), (500, ""), "{name}");
    }
    stage.gatepost.sigkill();
    let answer = browser.get(&format!("{CHAT}/")).await;
    assert_eq!((answer.status, answer.body.as_str(), answer.header("set-cookie")), (500, "", None));
    assert_eq!(browser.get(&format!("{PUBLIC}/")).await.status, 502);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_router_with_an_unknown_middleware_is_dropped() {
    let stage = Stage::start().await;
    let dynamic = "http:
  routers:
    broken:
      rule: Host(`broken.example.com`)
      entryPoints: [websecure]
      middlewares: [gatepost-nobody@file]
      service: chat@file
";
    stage.traefik.add("broken.yml", dynamic, "broken").await;
    assert_eq!(stage.browser().get("https://broken.example.com/").await.status, 404);
    assert!(stage.traefik.log().contains("gatepost-nobody@file"), "Traefik says what is missing");
    assert_eq!(stage.chat.requests(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_own_router_the_last_step_of_a_sign_in_is_lost() {
    let stage = Stage::start().await;
    let dynamic = "http:
  routers:
    lost:
      rule: Host(`lost.example.com`) && PathPrefix(`/app/`)
      entryPoints: [websecure]
      middlewares: [gatepost@file]
      service: chat@file
";
    stage.traefik.add("lost.yml", dynamic, "lost").await;
    stage.entra.at_the_browser(Some("alice"));
    let trip = stage.browser().navigate("https://lost.example.com/app/").await;
    assert_eq!((trip.end().status, trip.end().url.path()), (404, "/.gatepost/enter"), "{}", trip.describe());
    let fixed = dynamic.replace("lost:", "fixed:").replace("/app/", "/.gatepost/");
    stage.traefik.add("fixed.yml", &fixed, "fixed").await;
    let trip = stage.browser().navigate("https://lost.example.com/app/").await;
    assert_eq!((trip.end().status, trip.end().url.path()), (200, "/app/"), "{}", trip.describe());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_groups_claim_everybody_is_in_no_group() {
    let world = World::start(Pair::Embedded).await;
    world.entra.configure(|registration| registration.groups_claim = GroupsClaim::None);
    let browser = world.signed_in("alice").await;
    let received = browser.fetch(&world.url(APP, "/")).await.echoed();
    assert_eq!(received.header("x-user-groups"), Some(""));
}
