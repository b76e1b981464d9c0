//! The command line: one file per subcommand, results on stdout, errors on stderr.

mod healthcheck;
mod migrate;
mod serve;

use crate::config::{Config, ConfigErrors};
use crate::telemetry::Chain;
use clap::{Parser, Subcommand};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

/// The post beside the gate: ForwardAuth and OpenID Connect for Traefik.
#[derive(Debug, Parser)]
#[command(name = "gatepost", version, about)]
struct Arguments {
    /// gatepost.toml; default: ./gatepost.toml, then /etc/gatepost/gatepost.toml, where there is one
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the gate (default)
    Serve,
    /// Brings the directory's schema up to date, then exits
    Migrate,
    /// Asks a running Gatepost whether it is ready; for Docker's HEALTHCHECK
    Healthcheck,
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
enum CommandError {
    #[error("{0}")]
    Config(#[from] ConfigErrors),
    #[error(transparent)]
    Start(#[from] crate::app::StartError),
    #[error(transparent)]
    Directory(#[from] crate::directory::DirectoryError),
    #[error(transparent)]
    Log(#[from] crate::telemetry::LogError),
    #[error("not ready: {0}")]
    NotReady(String),
    #[error("the operating system refused")]
    Runtime(#[source] std::io::Error),
}

/// Runs what the arguments say; the environment is handed in, so that `main` is the only door to it.
pub fn run(
    arguments: impl Iterator<Item = OsString>,
    environment: impl Iterator<Item = (String, String)>,
) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match dispatch(arguments, environment) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gatepost: {}", Chain(&error));
            ExitCode::FAILURE
        }
    }
}

fn dispatch(
    arguments: Arguments,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<(), CommandError> {
    let config = Config::load(arguments.config.as_deref(), environment)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(CommandError::Runtime)?;
    runtime.block_on(async {
        match arguments.command.unwrap_or(Command::Serve) {
            Command::Serve => serve::run(config).await,
            Command::Migrate => migrate::run(&config).await,
            Command::Healthcheck => healthcheck::run(&config).await,
        }
    })
}
