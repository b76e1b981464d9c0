//! `Open WebUI` and mcp-proxy as they are, behind the shipped files: what the people of a platform live with, one check
//! for each line. `script/open-webui` installs both and runs this; with `--stay` it waits for a person who clicks through.

mod checks;
#[expect(dead_code, reason = "the suite uses more of it")]
#[path = "../suite/deploy/folder.rs"]
mod folder;
mod house;
mod programs;
mod recorder;
#[path = "../suite/deploy/stage.rs"]
#[expect(dead_code, reason = "the suite uses the rest")]
mod stage;
#[path = "../suite/deploy/traefik.rs"]
#[expect(dead_code, reason = "the suite uses the rest")]
mod traefik;
mod visitor;
#[path = "../suite/world.rs"]
#[expect(dead_code, unused_macros, reason = "the suite uses the rest")]
mod world;

use house::House;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

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
    let mut interrupt = signal(SignalKind::interrupt()).unwrap();
    let mut terminate = signal(SignalKind::terminate()).unwrap();
    let work = async {
        match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            [] => checks::run("").await,
            ["--stay"] => stay().await,
            ["--only", part] => checks::run(part).await,
            _ => {
                eprintln!("usage: script/open-webui [--stay | --only PART-OF-A-CHECK'S-NAME]");
                ExitCode::from(2)
            }
        }
    };
    tokio::select! {
        biased;
        _ = interrupt.recv() => ExitCode::from(130),
        _ = terminate.recv() => ExitCode::from(143),
        code = work => code,
    }
}

async fn stay() -> ExitCode {
    let house = House::start(Vec::new()).await;
    house.furnish().await;
    println!("{}", house.explain());
    std::future::pending().await
}
