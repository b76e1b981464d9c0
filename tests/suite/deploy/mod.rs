//! The deployment files as an operator gets them: read by the programs they are made for, with only addresses and
//! certificates replaced, and met with requests. What they say in words is held against what they do.

mod backup;
mod bearer;
mod compose;
mod debugger;
mod documents;
mod erasures;
#[expect(dead_code, reason = "its schedule and its histories are tested here; script/faults runs the rest")]
mod faults;
mod folder;
mod mcp_clients;
mod metrics;
mod one_of_two;
mod open_webui;
mod profiles;
mod roles;
mod routers;
mod stage;
mod stalled;
mod tls_before;
mod tool_calls;
mod traefik;
mod troubleshooting;

use std::path::{Path, PathBuf};

/// A path of the repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A file of the repository as text.
pub fn read(path: &str) -> String {
    std::fs::read_to_string(repository(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}
