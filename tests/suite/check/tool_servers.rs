//! `gatepost check --mcp` against the real Traefik: what is right has no finding, and each mistake has its own.

use super::checked_site::{CheckReport, CheckedSite};
use crate::tools::judge_by_headers;
use crate::world::{Pair, Plan, World, run_command};
use gatepost_kit::entra::{Api, Entra};
use gatepost_kit::process::{AUTH_RESPONSE_HEADERS, Authority, Traefik};
use serde_json::Value;
use std::net::SocketAddr;
use tempfile::TempDir;

const HOST: &str = "mcp.example.test";
const METADATA: &str = "/.well-known/oauth-protected-resource";
const PATH: &str = "/servers/github/mcp";
/// What the middleware of tool servers has.
const WITH_BODY: &str = "forwardBody: true, maxBodySize: 4194304";

/// Traefik before a world with one tool server, which is the echo application until a test says otherwise.
pub(super) struct Stage {
    pub(super) world: World,
    traefik: Traefik,
    pub(super) upstream: SocketAddr,
    _folder: TempDir,
}

impl Stage {
    pub(super) async fn start() -> Self {
        let authority = Authority::for_names(["*.example.test"]);
        let traefik = Traefik::with_authority(String::new(), authority).await;
        let hosts = format!("*.example.test:{}", traefik.secure().port());
        let folder = TempDir::new().unwrap();
        let ca = folder.path().join("ca.pem");
        std::fs::write(&ca, traefik.authority().ca_pem()).unwrap();
        let plan =
            Plan::default().env("GATEPOST_HOSTS", hosts).env("GATEPOST_CA_FILE", ca.display().to_string());
        let world = plan.start(Pair::Embedded).await;
        let upstream = world.app.addr();
        let stage = Self { world, traefik, upstream, _folder: folder };
        stage.world.cli(&["tenant", "create", "github"]).await;
        let url = stage.url(PATH);
        stage.world.entra.configure(|app| {
            app.apis.insert(url.clone(), Api::default());
        });
        stage.world.cli(&["tool-server", "create", "github", "--tenant", "github", "--url", &url]).await;
        stage
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("https://{HOST}:{}{path}", self.traefik.secure().port())
    }

    /// Lets Traefik route the tool server with these options of the middleware, and its document as `metadata` says: the
    /// middlewares of its router.
    pub(super) async fn route(&self, query: &str, options: &str, metadata: &str) {
        let (app, public) = (self.upstream, self.world.gatepost.public());
        let verify = self.world.gatepost.verify_url(query);
        let headers = AUTH_RESPONSE_HEADERS.join(", ");
        self.traefik
            .reload(&format!(
                "http:\n  routers:\n    \
                 mcp: {{rule: Host(`{HOST}`), entryPoints: [websecure], tls: {{}}, service: app, middlewares: [gate]}}\n    \
                 metadata: {{rule: \"Host(`{HOST}`) && PathPrefix(`{METADATA}`)\", entryPoints: [websecure], tls: {{}}, \
                 service: gatepost, middlewares: [{metadata}]}}\n  services:\n    \
                 app: {{loadBalancer: {{servers: [{{url: \"http://{app}\"}}]}}}}\n    \
                 gatepost: {{loadBalancer: {{servers: [{{url: \"http://{public}\"}}]}}}}\n  middlewares:\n    \
                 elsewhere: {{replacePath: {{path: \"{METADATA}/servers/other/mcp\"}}}}\n    \
                 gate:\n      forwardAuth: {{address: \"{verify}\", trustForwardHeader: false, maxResponseBodySize: 16384, \
                 authResponseHeaders: [{headers}], {options}}}\n"
            ))
            .await;
    }

    /// What `check --mcp` finds about tool servers.
    pub(super) async fn found(&self) -> Vec<String> {
        let (code, stdout, stderr) =
            run_command(&self.world.builder, &["check", "--mcp", "--proxy", "127.0.0.1", "--json"]).await;
        assert_eq!(stderr, "", "{stdout}");
        let report = CheckReport { json: serde_json::from_str(&stdout).unwrap() };
        assert_eq!(code, Some(i32::from(report.json["errors"] != 0)), "{:#}", report.json);
        report.has("hint mcp-pkce-unnamed", "provider entra");
        let findings = report.json["findings"].as_array().unwrap();
        let of_server = findings
            .iter()
            .filter(|one| one["where"]["setting"].as_str().unwrap_or("").starts_with("tool server"));
        of_server.map(|one| one["code"].as_str().unwrap().to_owned()).collect()
    }
}

/// Whether each key that was made is revoked.
pub(super) async fn assert_revoked(world: &World) -> usize {
    let keys: Value = serde_json::from_str(&world.cli(&["key", "list", "--json"]).await).unwrap();
    let keys = keys.as_array().or_else(|| keys["keys"].as_array()).unwrap().clone();
    assert!(keys.iter().all(|key| key["revoked_at"].is_string()), "{keys:#?}");
    keys.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_server_in_order_has_no_finding_and_each_mistake_is_named() {
    let stage = Stage::start().await;
    let world = &stage.world;
    let right = "tenant=github&mcp=true";
    // Entra's audience is not set, which is a hint.
    world
        .cli(&["tool-server", "update", "github", "--audience", "00000000-0000-4000-8000-000000000abc"])
        .await;
    stage.route(right, WITH_BODY, "").await;
    assert_eq!(stage.found().await, ["mcp"]);
    for (query, options, metadata, found) in [
        (right, "maxBodySize: 4194304", "", &["mcp-forward-body"][..]),
        (right, "forwardBody: true, maxBodySize: 1024", "", &["mcp-body-size"]),
        (right, WITH_BODY, "gate", &["mcp-metadata-gated"]),
        ("tenant=github", WITH_BODY, "", &["mcp-challenge-missing"]),
        ("tenant=other&mcp=true", WITH_BODY, "", &["mcp-probe-refused"]),
        ("tenant=github&mcp=headers", WITH_BODY, "", &["mcp-router-differs"]),
        ("tenant=github&mcp=true&max_age=900", WITH_BODY, "", &["mcp-probe-refused"]),
    ] {
        stage.route(query, options, metadata).await;
        assert_eq!(stage.found().await, found, "{query} {options} {metadata}");
    }
    // The document of another server, which the same host has.
    let other = stage.url("/servers/other/mcp");
    world.cli(&["tool-server", "create", "other", "--tenant", "github", "--url", &other]).await;
    stage.route(right, WITH_BODY, "elsewhere").await;
    assert!(stage.found().await.contains(&"mcp-resource-differs".to_owned()));
    world.cli(&["tool-server", "delete", "other"]).await;
    // The echo application takes any message, so headers alone prove nothing there.
    judge_by_headers(world, "github").await;
    stage.route("tenant=github&mcp=headers", "", "").await;
    assert_eq!(stage.found().await, ["mcp-mismatch-accepted"]);
    world.cli(&["tool-server", "update", "github", "--mode", "body", "--scope", "tools"]).await;
    stage.route(right, WITH_BODY, "").await;
    assert_eq!(stage.found().await, ["mcp-entra-resource"]);
    assert!(assert_revoked(world).await > 5);
}

/// What `check --mcp` says about Entra, as pairs of a code and what was found, by code. The tool server itself is not reachable.
async fn of_entra(site: &CheckedSite) -> Vec<(String, String)> {
    let report = site.examine(&["--mcp", "--proxy", "127.0.0.1"]).await;
    let findings = report.json["findings"].as_array().unwrap().clone();
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap().to_owned();
    let of_entra = findings.iter().filter(|one| text(one, "code").starts_with("mcp-entra"));
    let mut pairs: Vec<_> = of_entra.map(|one| (text(one, "code"), text(one, "found"))).collect();
    pairs.sort();
    pairs
}

#[tokio::test(flavor = "multi_thread")]
async fn what_entra_answers_to_the_resource_and_the_scope_is_named_with_both() {
    const URL: &str = "https://wiki.example.com:1/servers/github/mcp";
    let site = CheckedSite::embedded().await.env("GATEPOST_HOSTS", "wiki.example.com:1");
    let set = async |arguments: &[&str]| {
        site.command(&[&["tool-server", "update", "github"][..], arguments].concat()).await;
    };
    site.command(&["migrate"]).await;
    site.command(&["tenant", "create", "github"]).await;
    site.command(&["tool-server", "create", "github", "--tenant", "github", "--url", URL]).await;
    let (own, other) = (format!("{URL}/tools"), "api://1234/tools");
    // No API has this address yet.
    let unknown = of_entra(&site).await;
    assert_eq!(unknown[0].0, "mcp-entra-api-unknown");
    assert!(unknown[0].1.contains("AADSTS500011") && unknown[0].1.contains(URL), "{unknown:?}");
    assert_eq!(unknown[1], ("mcp-entra-audience".to_owned(), "No audience is set.".to_owned()));
    // It has, and its tokens are of version 2: their audience is what the tool server should name.
    site.entra.configure(|app| {
        app.apis.insert(URL.to_owned(), Api::default());
    });
    set(&["--scope", &own]).await;
    let fine = of_entra(&site).await;
    assert_eq!(fine.len(), 1, "{fine:?}");
    assert!(fine[0].0 == "mcp-entra-audience" && fine[0].1.contains(&site.entra.audience()), "{fine:?}");
    let audience = site.entra.audience();
    set(&["--audience", &audience]).await;
    assert!(of_entra(&site).await.is_empty());
    let v1 = Api { issues_v1: true, ..Api::default() };
    site.entra.configure(|app| {
        app.apis.insert(URL.to_owned(), v1.clone());
    });
    let found = of_entra(&site).await;
    assert_eq!((found.len(), &*found[0].0), (1, "mcp-entra-token-version"), "{found:?}");
    assert!(found[0].1.contains("https://sts.windows.net/"), "{found:?}");
    // The scope is of another API: Entra itself says so, and the version is asked for without the resource.
    site.entra.configure(|app| {
        app.apis.insert("api://1234".to_owned(), v1);
    });
    set(&["--scope", other]).await;
    let found = of_entra(&site).await;
    assert_eq!(
        found.iter().map(|(code, _)| &**code).collect::<Vec<_>>(),
        ["mcp-entra-resource", "mcp-entra-token-version"]
    );
    assert!(["AADSTS9010010", URL, other].iter().all(|text| found[0].1.contains(text)), "{found:?}");
    // No token can be had.
    let closed = Api { needs_assignment: true, ..Api::default() };
    site.entra.configure(|app| {
        app.apis.insert("api://1234".to_owned(), closed);
    });
    let found = of_entra(&site).await;
    assert_eq!(
        found.iter().map(|(code, _)| &**code).collect::<Vec<_>>(),
        ["mcp-entra-resource", "mcp-entra-unseen"]
    );
    assert!(found[1].1.contains("AADSTS501051"), "{found:?}");
    // A scope that names no API is one of Graph.
    set(&["--scope", "tools"]).await;
    assert_eq!(of_entra(&site).await[0].0, "mcp-entra-resource");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_not_entra_is_not_asked_for_a_resource() {
    let entra = Entra::start_oidc().await;
    let site = CheckedSite::with(entra)
        .without("GATEPOST_PROVIDERS__ENTRA__AUTHORITY")
        .without("GATEPOST_PROVIDERS__ENTRA__TENANT_ID");
    let issuer = site.entra.issuer();
    let site =
        site.env("GATEPOST_PROVIDERS__ENTRA__KIND", "oidc").env("GATEPOST_PROVIDERS__ENTRA__ISSUER", issuer);
    let url = "https://wiki.example.com/servers/github/mcp";
    site.command(&["migrate"]).await;
    site.command(&["tenant", "create", "github"]).await;
    site.command(&["tool-server", "create", "github", "--tenant", "github", "--url", url]).await;
    assert!(of_entra(&site).await.is_empty());
}
