//! nginx on one's own machine, without TLS, on the files of `deploy/nginx` for that.

use super::{BOB, Kind, file_of, give};
use crate::world::{Pair, Plan};
use gatepost_kit::client::Client;
use gatepost_kit::echo::Echo;
use gatepost_kit::entra::Person;
use gatepost_kit::process::Nginx;

#[tokio::test(flavor = "multi_thread")]
async fn the_local_files_of_nginx_let_a_member_sign_in_without_tls() {
    let application = Echo::start().await;
    let plan = Plan::default()
        .env("GATEPOST_PUBLIC_URL", "http://auth.localhost")
        .env("GATEPOST_HOSTS", "http://app.localhost")
        .env("GATEPOST_SERVICES", format!("chat=http://{}", application.addr()));
    let world = plan.start(Pair::Embedded).await;
    world.entra.register_redirect_uri("http://auth.localhost/callback/entra");
    world.entra.add(Person::named("bob"));
    world.entra.at_the_browser(Some("bob"));
    give(&world, "acme", "acme.localhost", "chat").await;
    world.cli(&["tenant", "add-member", "acme", BOB]).await;
    let import = "/etc/nginx/gatepost/site-local.conf";
    let file = file_of(&world, Kind::Nginx, import, &[]).await;
    let shipped = include_str!("../../../deploy/nginx/nginx-local.conf");
    let shipped = shipped.replace("127.0.0.1:4180", &world.gatepost.public().to_string());
    let site = include_str!("../../../deploy/nginx/site-local.conf");
    let nginx = Nginx::start(&shipped, site, &file, &world.authority).await;
    let entra = world.entra.addr();
    let browser =
        Client::builder().everywhere(nginx.secure()).host(&entra.ip().to_string(), entra).build().patient();
    let trip = browser.navigate("http://acme.localhost/read").await;
    assert_eq!(trip.end().status, 200, "{}\n{}", trip.describe(), nginx.log());
    let seen = browser.fetch("http://acme.localhost/read").await.echoed();
    assert_eq!((seen.header("x-user-email"), seen.header("x-forwarded-proto")), (Some(BOB), Some("http")));
}
