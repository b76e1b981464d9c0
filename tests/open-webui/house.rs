//! Everything that runs: the suite's stage with the two programs in their places, and what an administrator sets up.

use crate::programs::{start_mcp_proxy, start_modern_server, start_open_webui};
use crate::recorder::Recorder;
use crate::stage::{CHAT, MCP, Others, PUBLIC, Stage};
use crate::visitor::Program;
use gatepost_kit::browser::Browser;
use gatepost_kit::entra::Person;
use gatepost_kit::language_model::{LanguageModel, MODEL};
use gatepost_kit::process::{Running, find_ok, free_addr, port_is_open};
use gatepost_kit::tunnel::Tunnel;
use serde_json::json;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The first start of `Open WebUI` makes its database: some ten seconds, more on a busy machine.
const START: Duration = Duration::from_secs(180);

/// Its administrator; the others are people of the stage and of this house.
pub const ADMIN: &str = "carol";

pub struct House {
    pub stage: Stage,
    /// Where screenshots and logs are left.
    pub pictures: PathBuf,
    /// `Open WebUI` itself, without Traefik and Gatepost.
    pub open_webui: SocketAddr,
    /// Before a tool server of 2026-07-28, and before mcp-proxy, which is of 2025-11-25.
    pub modern: Recorder,
    pub legacy: Recorder,
    programs: [Running; 3],
    _model: LanguageModel,
    _tunnel: Tunnel,
}

impl House {
    /// Starts everything, with more variables for Gatepost; nobody has an account yet.
    pub async fn start(variables: Vec<(String, String)>) -> Self {
        let [open_webui, mcp_proxy, modern] = std::array::from_fn(|_| free_addr());
        let others = Others { open_webui: Some(open_webui), mcp_proxy: Some(mcp_proxy), variables };
        let (stage, model) = tokio::join!(Stage::start_with(others), LanguageModel::start());
        for who in ["dave", "erin"] {
            stage.entra.add(Person::named(who));
        }
        let tunnel = Tunnel::to(stage.traefik.secure).await;
        let programs = [
            start_open_webui(&stage, &model, &tunnel, open_webui),
            start_mcp_proxy(&stage, mcp_proxy),
            start_modern_server(&stage, modern),
        ];
        tokio::join!(
            programs[0].ready(START, async || find_ok(open_webui, "/health").await),
            programs[1].ready(START, async || find_ok(mcp_proxy, "/status").await),
            programs[2].ready(START, async || port_is_open(modern).await.then_some(())),
        );
        let (modern, legacy) = (Recorder::start(modern).await, Recorder::start(mcp_proxy).await);
        let pictures = Path::new(env!("CARGO_TARGET_TMPDIR")).join("open-webui");
        std::fs::create_dir_all(&pictures).unwrap();
        Self { stage, pictures, open_webui, modern, legacy, programs, _model: model, _tunnel: tunnel }
    }

    /// The administrator comes first, makes the group of Gatepost's name, and opens the model to everybody.
    pub async fn furnish(&self) {
        let admin = Program::signed_in(self, ADMIN).await;
        let group = json!({ "name": "MCP-GitHub", "description": "" });
        assert_eq!(admin.post("/api/v1/groups/create", &group).await.status, 200);
        admin.open_model(MODEL, &json!({})).await;
        self.stage.entra.at_the_browser(None);
    }

    /// A browser with an empty profile.
    pub async fn empty_browser(&self) -> Browser {
        let secure = self.stage.traefik.secure;
        Browser::builder().map("*.example.com:443", secure).trust(&self.stage.authority).start().await
    }

    /// Leaves what everything logged beside the pictures.
    pub fn keep_logs(&self) {
        let programs = ["open-webui", "mcp-proxy", "modern-server"].into_iter().zip(&self.programs);
        let logs = programs.map(|(name, program)| (name, program.log()));
        let gatepost = ("gatepost", self.stage.gatepost.logs().join("\n"));
        for (name, log) in logs.chain([gatepost, ("traefik", self.stage.traefik.log())]) {
            std::fs::write(self.pictures.join(format!("{name}.log")), log).unwrap();
        }
        println!("Screenshots and logs: {}", self.pictures.display());
    }

    /// What a person needs to know who clicks through.
    pub fn explain(&self) -> String {
        format!(
            "
Everything is running. Start a browser with these options (one folder for each person):
  chromium --user-data-dir=\"$(mktemp -d)\" --host-resolver-rules='MAP *.example.com:443 {secure}' \\
    --ignore-certificate-errors-spki-list={key} {CHAT}/

  {CHAT}                   Open WebUI; Carol is its administrator
  {MCP}/servers/github/mcp   mcp-proxy, only for Alice
  {PUBLIC}                   your account

Sign in as Alice, Bob, Carol, Dave or Erin; the sign-in page replaces Microsoft's. Ctrl-C stops everything.",
            secure = self.stage.traefik.secure,
            key = self.stage.authority.spki_sha256(),
        )
    }
}
