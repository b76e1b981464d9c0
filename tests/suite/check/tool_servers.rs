//! `gatepost check --mcp` against the real Traefik: what is right has no finding, and each mistake has its own.

use super::checked_site::CheckReport;
use crate::world::{Pair, Plan, World, run_command};
use gatepost_kit::process::{AUTH_RESPONSE_HEADERS, Authority, Traefik};
use serde_json::Value;
use tempfile::TempDir;

const HOST: &str = "mcp.example.test";
const METADATA: &str = "/.well-known/oauth-protected-resource";
const PATH: &str = "/servers/github/mcp";
/// What the middleware of tool servers has.
const WITH_BODY: &str = "forwardBody: true, maxBodySize: 4194304";

/// Traefik before a world with one tool server, which is the echo application.
struct Stage {
    world: World,
    traefik: Traefik,
    _folder: TempDir,
}

impl Stage {
    async fn start() -> Self {
        let authority = Authority::for_names(["*.example.test"]);
        let traefik = Traefik::with_authority(String::new(), authority).await;
        let hosts = format!("*.example.test:{}", traefik.secure().port());
        let folder = TempDir::new().unwrap();
        let ca = folder.path().join("ca.pem");
        std::fs::write(&ca, traefik.authority().ca_pem()).unwrap();
        let plan =
            Plan::default().env("GATEPOST_HOSTS", hosts).env("GATEPOST_CA_FILE", ca.display().to_string());
        let world = plan.start(Pair::Embedded).await;
        let stage = Self { world, traefik, _folder: folder };
        stage.world.cli(&["tenant", "create", "github"]).await;
        let url = stage.url(PATH);
        stage.world.cli(&["tool-server", "create", "github", "--tenant", "github", "--url", &url]).await;
        stage
    }

    fn url(&self, path: &str) -> String {
        format!("https://{HOST}:{}{path}", self.traefik.secure().port())
    }

    /// Lets Traefik route the tool server with these options of the middleware, and its document as `metadata` says: the
    /// middlewares of its router.
    async fn route(&self, query: &str, options: &str, metadata: &str) {
        let (app, public) = (self.world.app.addr(), self.world.gatepost.public());
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
    async fn found(&self) -> Vec<String> {
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
async fn assert_revoked(world: &World) -> usize {
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
    world.cli(&["tool-server", "update", "github", "--mode", "headers"]).await;
    stage.route("tenant=github&mcp=headers", "", "").await;
    assert_eq!(stage.found().await, ["mcp-mismatch-accepted"]);
    world.cli(&["tool-server", "update", "github", "--mode", "body", "--scope", "tools"]).await;
    stage.route(right, WITH_BODY, "").await;
    assert_eq!(stage.found().await, ["mcp-entra-resource"]);
    assert!(assert_revoked(world).await > 5);
}
