//! The programs that `script/mcp` has installed, as commands.

use crate::repository;
use gatepost_kit::process::{Running, port_is_open};
use serde_json::Value;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// Python takes its time on a busy machine.
const START: Duration = Duration::from_secs(120);

#[expect(clippy::disallowed_methods, reason = "what the script installed")]
pub fn installed(variable: &str) -> PathBuf {
    PathBuf::from(std::env::var_os(variable).unwrap_or_else(|| panic!("start this with script/mcp")))
}

/// A file of the packages of `tests/mcp`.
pub fn package(path: &str) -> PathBuf {
    installed("GATEPOST_MCP").join(path)
}

/// A folder of MCP's SDKs.
pub fn sdk() -> PathBuf {
    installed("GATEPOST_MCP_SDK")
}

/// The Node of this machine with a script of the repository.
pub fn node(script: &str) -> Command {
    let mut command = Command::new("node");
    command.arg(repository(script));
    command
}

/// The Node that the conformance suite and `oidc-provider` need, with nothing yet.
pub fn newer_node() -> Command {
    let machine = if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" };
    Command::new(package(&format!("node-linux-{machine}/bin/node")))
}

/// The Python with the newest `mcp`, and a script of the repository.
pub fn python(script: &str) -> Command {
    let mut command = Command::new(installed("GATEPOST_MCP_PYTHON").join("bin/python"));
    command.arg(repository(script));
    command
}

pub fn mcp_proxy() -> PathBuf {
    installed("GATEPOST_MCP_PROXY").join("bin/mcp-proxy")
}

/// Starts a server and waits for its port.
pub async fn serve(name: &str, command: Command, addr: SocketAddr) -> Running {
    let server = Running::start(name, command);
    server.ready(START, async || port_is_open(addr).await.then_some(())).await;
    server
}

/// Runs a program to its end; what it prints is JSON.
pub async fn run_for_json(command: Command) -> Value {
    let name = format!("{command:?}");
    let (stdout, stderr) = run(command).await;
    serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{name}: {error}:\n{stdout}{stderr}"))
}

/// Runs a program to its end.
pub async fn run(command: Command) -> (String, String) {
    let output = tokio::process::Command::from(command).kill_on_drop(true).output().await.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}
