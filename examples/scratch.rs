use gatepost_kit::client::Client;
use gatepost_kit::echo::Echo;
use gatepost_kit::edge::{Edge, Route};
use gatepost_kit::entra::{Entra, Person};
use gatepost_kit::process::{Authority, Gatepost, free_port};
use std::net::{Ipv4Addr, SocketAddr};
#[tokio::main]
async fn main() {
    let binary = std::env::args().nth(1).unwrap();
    let entra = Entra::start().await;
    let mut p = Person::named("alice").group("00000000-0000-4000-8000-00000000a001", "MCP-GitHub");
    for i in 0..10 {
        p = p.group(&format!("00000000-0000-4000-8000-00000000b{i:03}"), &format!("G{i}"));
    }
    entra.add(p);
    let authority = Authority::for_names(["*.example.test"]);
    let edge = Edge::builder().tls(&authority).start().await.unwrap();
    let port = edge.addr().port();
    let folder = tempfile::TempDir::new().unwrap();
    entra.register_redirect_uri(&format!("https://auth.example.test:{port}/callback/entra"));
    let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let gatepost = Gatepost::builder(binary)
        .env("GATEPOST_PUBLIC_URL", format!("https://auth.example.test:{port}"))
        .env("GATEPOST_HOSTS", format!("*.example.test:{port}"))
        .env("GATEPOST_PROVIDERS__ENTRA__KIND", "entra")
        .env("GATEPOST_PROVIDERS__ENTRA__AUTHORITY", entra.authority())
        .env("GATEPOST_PROVIDERS__ENTRA__TENANT_ID", entra.tid())
        .env("GATEPOST_PROVIDERS__ENTRA__CLIENT_ID", entra.client_id())
        .env("GATEPOST_PROVIDERS__ENTRA__CLIENT_SECRET", entra.client_secret())
        .internal(local(free_port()))
        .public(local(free_port()))
        .folder(folder.path())
        .start()
        .await;
    gatepost.wait_ready().await;
    let app = Echo::start().await;
    edge.set_route("auth.example.test", Route::open(gatepost.public()));
    edge.set_route("app.example.test", Route::gated(gatepost.verify_url(""), app.addr()));
    entra.at_the_browser(Some("alice"));
    let e = entra.addr();
    let b = Client::builder()
        .everywhere(edge.addr())
        .host(&e.ip().to_string(), e)
        .trust(&authority)
        .build()
        .patient();
    let trip = b.navigate(&edge.url("app.example.test", "/")).await;
    assert_eq!(trip.end().status, 200);
    println!(
        "PID={}\nADDR={}\nHOST=app.example.test:{port}\nCOOKIE={}",
        gatepost.running().pid(),
        gatepost.internal(),
        b.find_cookie("app.example.test", "__Host-gatepost").unwrap()
    );
    tokio::signal::ctrl_c().await.unwrap();
}
