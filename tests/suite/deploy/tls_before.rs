//! TLS that ends before Traefik, with the files of `docs/traefik.md` in a real Traefik. The kit's edge is the load
//! balancer.

use super::read;
use super::traefik::underscores_where_aliases_are_unknown;
use crate::world::{APP, COOKIE, Pair, World};
use gatepost_kit::client::{RawAnswer, get_request, send_raw};
use gatepost_kit::edge::Route;
use gatepost_kit::process::{AUTH_RESPONSE_HEADERS, Running, free_addr, install_traefik, port_is_open};
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// A Traefik behind a load balancer that has the address `believed`.
struct Behind {
    plain: SocketAddr,
    running: Running,
    _folder: TempDir,
}

impl Behind {
    async fn start(world: &World, believed: &str) -> Self {
        let binary = install_traefik().await;
        let folder = TempDir::new().unwrap();
        let plain = free_addr();
        let document = read("docs/traefik.md");
        let section = document.split("## TLS that ends before Traefik\n").nth(1).unwrap();
        let blocks: Vec<&str> =
            section.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
        let [configuration, dynamic, ..] = blocks[..] else { panic!("two files stand there") };

        let place = folder.path().join("dynamic");
        let configuration = configuration
            .replace("\":8080\"", &format!("\"{plain}\""))
            .replace("198.51.100.7", believed)
            .replace("/etc/traefik/dynamic", &place.display().to_string());
        let file = folder.path().join("traefik.yml");
        std::fs::write(&file, underscores_where_aliases_are_unknown(binary, &configuration)).unwrap();
        std::fs::create_dir(&place).unwrap();
        let shipped = format!(
            "address: \"{}\"\n        authResponseHeaders: [{}]",
            world.gatepost.verify_url(""),
            AUTH_RESPONSE_HEADERS.join(", ")
        );
        assert!(dynamic.contains("# all other options as shipped"));
        let dynamic = dynamic.replace("# all other options as shipped", &shipped);
        let routers = format!(
            "  routers:
    app:
      rule: Host(`{APP}`)
      middlewares: [client-headers@file, gatepost@file]
      service: app
  services:
    app:
      loadBalancer:
        servers:
          - url: http://{}
",
            world.app.addr()
        );
        std::fs::write(place.join("dynamic.yml"), dynamic + routers.as_str()).unwrap();

        let mut command = Command::new(binary);
        command.env_clear().current_dir(folder.path()).arg(format!("--configFile={}", file.display()));
        let running = Running::start("traefik", command);
        let behind = Self { plain, running, _folder: folder };
        // A router that is not loaded yet answers 404.
        behind
            .running
            .ready(Duration::from_secs(30), async || {
                let is_open = port_is_open(plain).await;
                (is_open && behind.ask("", &[]).await.status != Some(404)).then_some(())
            })
            .await;
        behind
    }

    /// A request as the load balancer passes it on, with what the client wrote besides.
    async fn ask(&self, cookie: &str, written: &[(&str, &[u8])]) -> RawAnswer {
        let cookie = format!("{COOKIE}={cookie}");
        let mut headers: Vec<(&str, &[u8])> = vec![
            ("Host", APP.as_bytes()),
            ("X-Forwarded-For", b"203.0.113.7"),
            ("X-Forwarded-Proto", b"https"),
            ("Cookie", cookie.as_bytes()),
        ];
        headers.extend(written);
        send_raw(self.plain, &get_request("/page", &headers)).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_sign_in_and_a_client_chooses_neither_host_path_nor_method() {
    let world = World::start(Pair::Embedded).await;
    let traefik = Behind::start(&world, "127.0.0.1").await;
    world.edge.set_route(APP, Route::open(traefik.plain));
    let browser = world.signed_in("alice").await;
    let cookie = browser.find_cookie(APP, COOKIE).unwrap();

    let answer = traefik.ask(&cookie, &[]).await;
    assert_eq!(answer.status, Some(200), "{}", answer.text());
    assert!(answer.text().contains("alice@"), "{}", answer.text());
    let written: [(&str, &[u8]); 3] = [
        ("X-Forwarded-Uri", b"/.gatepost/logout"),
        ("X-Forwarded-Host", b"app.example.org"),
        ("X-Forwarded-Method", b"DELETE"),
    ];
    let answer = traefik.ask(&cookie, &written).await;
    assert_eq!(answer.status, Some(200), "the request is judged as it is: {}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_load_balancer_can_assert_that_there_was_tls() {
    let world = World::start(Pair::Embedded).await;
    let traefik = Behind::start(&world, "198.51.100.7").await;
    let answer = traefik.ask("", &[]).await;
    assert_eq!(answer.status, Some(400), "{}", answer.text());
}
