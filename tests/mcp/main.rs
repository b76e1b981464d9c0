//! Real programs of MCP before and behind the gate, through the real Traefik and the shipped files; one check for each line.
//! `script/mcp` installs the programs and runs this.

mod authorization;
mod clients;
mod conformance;
#[expect(dead_code, reason = "the suite uses more of it")]
#[path = "../suite/deploy/folder.rs"]
mod folder;
mod house;
mod programs;
mod scanner;
#[path = "../suite/deploy/stage.rs"]
#[expect(dead_code, reason = "the suite uses the rest")]
mod stage;
#[path = "../suite/deploy/traefik.rs"]
#[expect(dead_code, reason = "the suite uses the rest")]
mod traefik;
#[path = "../suite/world.rs"]
#[expect(dead_code, unused_macros, reason = "the suite uses the rest")]
mod world;

use futures_util::FutureExt as _;
use gatepost_kit::checks::{self, Check};
use house::House;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

/// In this order: the first sets up what the others need.
const SETS_UP: usize = 1;
const CHECKS: [Check<House>; 9] = [
    ("an administrator registers tool servers, and gives one tool of each to a group", |house| {
        house.set_up().boxed_local()
    }),
    (
        "clients of both eras call the tool by key, at servers of both eras, and show why another is refused",
        |house| clients::by_key(house).boxed_local(),
    ),
    ("bridges for programs without HTTP do so too: mcp-remote, and mcp-proxy as a client", |house| {
        clients::by_bridge(house).boxed_local()
    }),
    (
        "a key acts for a person by clients of both eras and mcp-remote: the tool of their group, and no other",
        |house| clients::for_people(house).boxed_local(),
    ),
    ("the portal shows what servers of both eras list", |house| clients::listed(house).boxed_local()),
    ("conformance to 2026-07-28: the same scenarios pass bare and behind the gate", |house| {
        conformance::current(house).boxed_local()
    }),
    ("conformance to 2025-11-25: the same scenarios pass bare and behind the gate", |house| {
        conformance::older(house).boxed_local()
    }),
    (
        "a client of each era that knows a bare address ends with a tool's answer, by way of oidc-provider",
        |house| authorization::from_a_bare_address(house).boxed_local(),
    ),
    ("a foreign scanner for secrets finds 10,000 keys, and none in 100 MB of source", |house| {
        scanner::finds_keys_alone(house).boxed_local()
    }),
];

/// A path of the repository; what the suite's modules ask the module above them.
fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(repository(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What ends with this process ends with its guards, so an interruption ends `main` and not the process.
#[tokio::main]
#[expect(clippy::disallowed_methods, reason = "the script's arguments")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let part = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => "",
        ["--only", part] => part,
        _ => {
            eprintln!("usage: script/mcp [--only PART-OF-A-CHECK'S-NAME]");
            return ExitCode::from(2);
        }
    };
    let mut interrupt = signal(SignalKind::interrupt()).unwrap();
    let mut terminate = signal(SignalKind::terminate()).unwrap();
    tokio::select! {
        biased;
        _ = interrupt.recv() => ExitCode::from(130),
        _ = terminate.recv() => ExitCode::from(143),
        code = checks::run(House::start(), &CHECKS, (SETS_UP, part), House::keep_logs) => code,
    }
}
