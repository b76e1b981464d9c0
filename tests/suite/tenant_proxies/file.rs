//! The printed files.

use super::{Kind, file, give};
use crate::cli::sql;
use crate::world::Plan;
use gatepost_core::header_names::{IDENTITY_HEADERS, canonical};
use serde_json::Value;
use sqlx::AssertSqlSafe;

#[test]
fn arguments_that_would_be_something_else_in_a_file_are_refused() {
    for (argument, wrong) in [
        ("--gate", "gatepost:4181"),
        ("--gate", "https://gatepost:4181/verify"),
        ("--gate", "https://user@gatepost:4181"),
        ("--gate", "https://gate$host:4181"),
        ("--import", "own {"),
        ("--import", "a;b"),
        ("--import", ""),
        ("--certificates", "/etc/{env.HOME}"),
        ("--certificates", "/etc/$host"),
        ("--certificates", "/etc/\"x"),
        ("--require", "groups=A"),
        ("--require", "mcp=true"),
    ] {
        for proxy in ["caddy", "nginx"] {
            let output = std::process::Command::new(env!("CARGO_BIN_EXE_gatepost"))
                .env_clear()
                .args(["tenant", "routers", "--for", proxy, argument, wrong])
                .output()
                .unwrap();
            assert_eq!(output.status.code(), Some(2), "{argument} {wrong}: {output:?}");
        }
    }
}

both_pairs! {
    async fn a_file_has_a_site_for_each_host_that_leads_somewhere(pair) {
        let plan = Plan::default().env("GATEPOST_SERVICES", "chat=http://chat:8080,blog=https://blog:8443");
        let world = plan.start(pair).await;
        give(&world, "acme", "z.example.net", "chat").await;
        give(&world, "zeta", "a.example.net", "blog").await;
        give(&world, "beta", "b.example.net", "blog").await;
        sql(&world, AssertSqlSafe("UPDATE tenants SET service = 'gone' WHERE id = 'acme'")).await;
        let arguments = ["--gate", "http://gatepost:4181", "--require", "group=A&group=B C;$x"];
        for kind in [Kind::Caddy, Kind::Nginx] {
            let printed = file(&world, kind, &arguments).await;
            assert!(printed.starts_with("# 2 routers"), "{printed}");
            assert!(printed.contains("# z.example.net has none: GATEPOST_SERVICES has no gone."), "{printed}");
            assert!(!printed.contains("chat:8080"), "{printed}");
            assert!(printed.contains("?group=A&group=B+C%3B%24x"), "{printed}");
            let told: Value = serde_json::from_str(&file(&world, kind, &["--json"]).await).unwrap();
            assert_eq!(told["for"], kind.name());
            for name in IDENTITY_HEADERS {
                let (named, variable) = (canonical(name), name.replace('-', "_"));
                let line = match kind {
                    Kind::Caddy => format!("request_header -{named}\n"),
                    Kind::Nginx => format!("proxy_set_header {named} $gatepost_header_{variable};\n"),
                };
                assert!(printed.contains(&line), "{name}: {printed}");
            }
        }
        let caddy = file(&world, Kind::Caddy, &arguments).await;
        assert!(caddy.contains("reverse_proxy http://gatepost:4181 {"), "{caddy}");
        assert!(caddy.contains("a.example.net {") && caddy.contains("reverse_proxy https://blog:8443\n"), "{caddy}");
        let nginx = file(&world, Kind::Nginx, &arguments).await;
        assert!(nginx.contains("server gatepost:4181;") && nginx.contains("proxy_pass http://gatepost_internal/verify/nginx?group=A"), "{nginx}");
        for line in ["X-Original-URL $scheme://$host$request_uri", "X-Original-Method $request_method", "X-Original-For $remote_addr"] {
            assert!(nginx.contains(&format!("proxy_set_header {line};\n")), "{line}: {nginx}");
        }
        assert!(nginx.contains("        a.example.net\n        b.example.net;"), "one server for a service: {nginx}");
        assert!(nginx.contains("proxy_pass https://blog:8443;") && nginx.contains("proxy_ssl_name blog;"), "{nginx}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_not_work_is_refused_with_what_to_do() {
    let world = Plan::default().start(crate::world::Pair::Embedded).await;
    let refused =
        async |arguments: &[&str]| world.cli_refuses(&[&["tenant", "routers"], arguments].concat()).await;
    for proxy in ["caddy", "nginx"] {
        let scheme = refused(&["--for", proxy, "--import", "a", "--gate", "https://gatepost:4181"]).await;
        assert!(scheme.contains("speaks http") && scheme.contains("GATEPOST_INTERNAL_TLS"), "{scheme}");
    }
    let listen = refused(&["--for", "nginx"]).await;
    assert!(listen.contains("nginx needs a file with `listen`") && listen.contains("--import"), "{listen}");
    for (name, value) in
        [("--gate", "http://g:1"), ("--require", "admin=true"), ("--import", "a"), ("--certificates", "/a")]
    {
        let other = refused(&[name, value]).await;
        assert!(other.contains(&format!("{name} is for Caddy and nginx")), "{other}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_needs_a_name_where_the_internal_listener_speaks_tls() {
    let world = Plan::default().start(crate::world::Pair::Embedded).await;
    let (code, _, stderr) = crate::world::run_command(
        &world.builder.clone().env("GATEPOST_INTERNAL_TLS", "certs"),
        &["tenant", "routers", "--for", "nginx", "--import", "site.conf", "--gate", "https://127.0.0.1:4181"],
    )
    .await;
    assert_eq!(code, Some(1), "{stderr}");
    assert!(
        stderr.contains("finds no address in a certificate")
            && stderr.contains("--gate https://gatepost:4181"),
        "{stderr}"
    );
}
