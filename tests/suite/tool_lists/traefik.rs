//! The real Traefik with the routers of docs/mcp.md: lists go to the filter with Traefik's certificate, the rest to the tool server.

use super::{Lists, MCP, PATH, REQUIREMENT, TOOLS, names};
use crate::world::{COOKIE, Pair, run_command};
use gatepost_kit::client::{Answer, Client, Kind};
use gatepost_kit::process::{AUTH_RESPONSE_HEADERS, Gatepost, Traefik, free_addr, until};
use reqwest::Method;
use serde_json::json;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpStream;

fn routes(gatepost: &Gatepost, filter: SocketAddr, application: SocketAddr, client: &Path) -> String {
    let (internal, client, headers) =
        (gatepost.internal(), client.display(), AUTH_RESPONSE_HEADERS.join(", "));
    let tls = |name: &str| format!("{{{name}: {client}/ca.crt");
    let (ca, roots) = (tls("ca"), format!("{{rootCAs: [{client}/ca.crt]"));
    let is_list = ["tools/list", "prompts/list", "resources/list", "resources/templates/list"]
        .map(|method| format!("Header(`Mcp-Method`, `{method}`)"))
        .join(" || ");
    format!(
        "http:
  routers:
    lists: {{rule: 'Host(`{MCP}`) && ({is_list})', entryPoints: [websecure], tls: {{}}, middlewares: [gate], service: filter}}
    calls: {{rule: 'Host(`{MCP}`)', entryPoints: [websecure], tls: {{}}, middlewares: [gate], service: application}}
  services:
    filter:
      loadBalancer: {{serversTransport: gatepost, servers: [{{url: 'https://{filter}'}}]}}
    application:
      loadBalancer: {{servers: [{{url: 'http://{application}'}}]}}
  serversTransports:
    gatepost: {roots}, certificates: [{{certFile: {client}/client.crt, keyFile: {client}/client.key}}]}}
  middlewares:
    gate:
      forwardAuth:
        address: 'https://{internal}/verify?{REQUIREMENT}'
        tls: {ca}, cert: {client}/client.crt, key: {client}/client.key}}
        forwardBody: true
        maxBodySize: 4194304
        authResponseHeaders: [{headers}]
"
    )
}

/// A message of the current revision.
async fn post(client: &Client, cookie: &str, method: &str, name: Option<&str>) -> Answer {
    let meta = json!({ "io.modelcontextprotocol/protocolVersion": "2026-07-28" });
    let mut params = json!({ "_meta": meta });
    if let Some(name) = name {
        params["name"] = json!(name);
    }
    let body = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params }).to_string();
    let request = client.request(Method::POST, &format!("https://{MCP}{PATH}")).kind(Kind::Program);
    let request = request.header("content-type", "application/json").header("cookie", cookie);
    let request = request.header("mcp-protocol-version", "2026-07-28").header("mcp-method", method);
    let request = name.iter().fold(request, |request, name| request.header("mcp-name", name));
    request.body(body).send().await
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::disallowed_methods, reason = "as somebody who has no certificate")]
async fn two_people_see_two_lists_through_a_real_traefik_with_its_certificate() {
    let lists = Lists::start(Pair::Shared).await;
    let (place, filter, health) = (TempDir::new().unwrap(), free_addr(), free_addr());
    let folder = |name: &str| place.path().join(name).display().to_string();
    let certs = ["certs", "--dir", &folder("server"), "--client-dir", &folder("client")];
    assert_eq!(run_command(&lists.world.builder, &certs).await.0, Some(0));
    // A second replica, over TLS.
    let builder = lists.world.builder.clone().elsewhere().env("GATEPOST_INTERNAL_TLS", folder("server"));
    let builder = builder.env("GATEPOST_MCP__FILTER_ADDR", filter.to_string()).health(health);
    let gatepost = builder.start().await;
    gatepost.wait_ready().await;
    let yaml = routes(&gatepost, filter, lists.world.app.addr(), &place.path().join("client"));
    let traefik = Traefik::with_authority(yaml, lists.world.authority.clone()).await;
    let client = || {
        let builder = Client::builder().everywhere(traefik.secure()).trust(&lists.world.authority);
        builder.build().patient()
    };
    for (who, expected) in [("alice", &["get_file", "ping", "get_issue"][..]), ("bob", &["ping"])] {
        let browser = lists.browser(who).await;
        let cookie = format!("{COOKIE}={}", browser.find_cookie(MCP, COOKIE).unwrap());
        let answer = until("Traefik to know its routers", Duration::from_secs(20), async || {
            let answer = post(&client(), &cookie, "tools/list", None).await;
            (answer.status == 200).then_some(answer)
        })
        .await;
        assert_eq!(names(&answer, "tools", "name"), expected, "{who}");
        for tool in TOOLS {
            let called = post(&client(), &cookie, "tools/call", Some(tool)).await;
            assert_eq!(called.status == 200, expected.contains(&tool), "{who} {tool}: {}", called.body);
            assert!(called.status != 200 || called.echoed().body.contains("tools/call"));
        }
    }
    assert_eq!(post(&client(), "theme=dark", "tools/list", None).await.status, 401);
    assert!(lists.upstream.last().to_ascii_lowercase().contains("\r\nhost: mcp.example.test\r\n"));

    // Without the certificate nobody gets as far as a request.
    let before = lists.upstream.count();
    assert!(TcpStream::connect(filter).await.is_ok());
    let plain = reqwest::Client::builder().no_proxy().danger_accept_invalid_certs(true).build().unwrap();
    for scheme in ["http", "https"] {
        let sent = plain.post(format!("{scheme}://{filter}{PATH}")).body(super::message("tools/list")).send();
        assert!(sent.await.is_err(), "{scheme}");
    }
    assert_eq!(lists.upstream.count(), before);
}
