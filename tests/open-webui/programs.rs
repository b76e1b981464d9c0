//! The two programs that `script/open-webui` has installed, as the Compose file starts them.

use crate::repository;
use crate::stage::{Stage, environment};
use gatepost_kit::language_model::{LanguageModel, MODEL};
use gatepost_kit::process::Running;
use gatepost_kit::tunnel::Tunnel;
use serde_json::json;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The tools of a tool server.
const TOOLS: &str = "
@server.tool()
def shout(text: str) -> str:
    return text.upper()

@server.tool()
def whisper(text: str) -> str:
    return text.lower()

@server.tool()
def get_file(path: str) -> str:
    return 'file ' + path
";
/// A tool server before `TOOLS`, for mcp-proxy.
const OF_2025_11_25: &str = "
from mcp.server.fastmcp import FastMCP
server = FastMCP('github')
";
/// The same by the newer version of `mcp` that `Open WebUI` brings.
const OF_2026_07_28: &str = "
import sys, uvicorn
from mcp.server import MCPServer
server = MCPServer('github')
";

#[expect(clippy::disallowed_methods, reason = "what the script installed")]
fn installed(variable: &str) -> PathBuf {
    let folder = std::env::var_os(variable).unwrap_or_else(|| panic!("start this with script/open-webui"));
    PathBuf::from(folder)
}

/// With the environment and the files of the Compose file. Added is what keeps it on this machine, what lets it do
/// without the libraries of its own models (`USE_SLIM_DOCKER`), and the keys of one check. `tunnel` is in the place of
/// Traefik's alias, and Traefik's certificate is of this stage's authority.
pub fn start_open_webui(stage: &Stage, model: &LanguageModel, tunnel: &Tunnel, addr: SocketAddr) -> Running {
    let installed = installed("GATEPOST_OPEN_WEBUI");
    mount(stage, &installed);
    let data = stage.folder.path("open-webui");
    std::fs::create_dir(&data).unwrap();
    let data = data.display().to_string();
    let authority = stage.folder.path("authority.pem").display().to_string();
    std::fs::write(&authority, stage.authority.ca_pem()).unwrap();
    let mut command = Command::new(installed.join("bin/open-webui"));
    command.env_clear().current_dir(&data);
    command.args(["serve", "--host", &addr.ip().to_string(), "--port", &addr.port().to_string()]);
    let variables = environment(&stage.folder.compose(), "open-webui");
    let in_container = |name: &str| name.ends_with("_FILE");
    command.envs(variables.into_iter().filter(|(name, _)| !in_container(name)));
    command.envs([
        ("HOME", data.as_str()),
        ("DATA_DIR", &data),
        ("STATIC_DIR", &format!("{data}/static")),
        ("WEBUI_SECRET_KEY", &stage.folder.secret("webui_secret_key")),
        ("FORWARD_USER_INFO_HEADER_JWT_SECRET", &stage.folder.secret("open_webui_speaker")),
        ("HTTPS_PROXY", &tunnel.url()),
        ("AIOHTTP_CLIENT_SESSION_TOOL_SERVER_SSL", &authority),
        ("OPENAI_API_BASE_URL", &model.url()),
        ("OPENAI_API_KEY", "none"),
        ("DEFAULT_MODELS", MODEL),
        ("USE_SLIM_DOCKER", "true"),
        ("OFFLINE_MODE", "true"),
        ("HF_HUB_OFFLINE", "1"),
        ("RAG_EMBEDDING_ENGINE", "openai"),
        ("BYPASS_EMBEDDING_AND_RETRIEVAL", "true"),
        ("ANONYMIZED_TELEMETRY", "false"),
        ("DO_NOT_TRACK", "true"),
        ("ENABLE_TITLE_GENERATION", "false"),
        ("ENABLE_TAGS_GENERATION", "false"),
        ("ENABLE_FOLLOW_UP_GENERATION", "false"),
        ("ENABLE_API_KEYS", "true"),
        ("USER_PERMISSIONS_FEATURES_API_KEYS", "true"),
    ]);
    Running::start("open-webui", command)
}

/// Puts the Compose file's own files of `/app/build` where this installation has that folder.
fn mount(stage: &Stage, installed: &Path) {
    let compose = stage.folder.compose();
    let volumes = compose["services"]["open-webui"]["volumes"].as_array().unwrap().clone();
    let text = |volume: &serde_json::Value, name: &str| volume[name].as_str().unwrap_or_default().to_owned();
    let build = find_package(installed).join("frontend");
    let mut mounted = 0;
    for volume in &volumes {
        let (source, target) = (text(volume, "source"), text(volume, "target"));
        if let Some(path) = target.strip_prefix("/app/build/") {
            let name =
                Path::new(&source).strip_prefix(stage.folder.path("")).expect("a file of the repository");
            std::fs::copy(repository(&name.display().to_string()), build.join(path)).unwrap();
            mounted += 1;
        }
    }
    assert_eq!(mounted, 1, "the page's loader: {volumes:?}");
}

fn find_package(installed: &Path) -> PathBuf {
    let versions = std::fs::read_dir(installed.join("lib")).unwrap();
    let packages = versions.map(|version| version.unwrap().path().join("site-packages/open_webui"));
    packages.into_iter().find(|package| package.is_dir()).expect("Open WebUI is installed")
}

/// With a tool server at the place of GitHub's.
pub fn start_mcp_proxy(stage: &Stage, addr: SocketAddr) -> Running {
    let folder = installed("GATEPOST_MCP_PROXY").join("bin");
    let server = format!("{OF_2025_11_25}{TOOLS}\nserver.run()\n");
    let server = json!({ "command": folder.join("python"), "args": ["-c", server] });
    let file = stage.folder.path("servers.json");
    std::fs::write(&file, json!({ "mcpServers": { "github": server } }).to_string()).unwrap();
    let mut command = Command::new(folder.join("mcp-proxy"));
    command.env_clear().env("HOME", stage.folder.path("")).current_dir(stage.folder.path(""));
    command.args(["--host", &addr.ip().to_string(), "--port", &addr.port().to_string()]);
    command.arg("--named-server-config").arg(file);
    Running::start("mcp-proxy", command)
}

/// A tool server of the newest revision, at `/mcp`.
pub fn start_modern_server(stage: &Stage, addr: SocketAddr) -> Running {
    let server = format!(
        "{OF_2026_07_28}{TOOLS}\nuvicorn.run(server.streamable_http_app(), host='{}', port={})\n",
        addr.ip(),
        addr.port()
    );
    let mut command = Command::new(installed("GATEPOST_OPEN_WEBUI").join("bin/python"));
    command.env_clear().env("HOME", stage.folder.path("")).current_dir(stage.folder.path(""));
    command.args(["-c", &server]);
    Running::start("a tool server of 2026-07-28", command)
}
