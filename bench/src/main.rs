//! The program behind `script/bench`.

use clap::Parser;
use gatepost_bench::cores::{self, Cores};
use gatepost_bench::report::{Machine, Report, draw, markdown, text, write_between};
use gatepost_bench::rows::{Kind, Stage, Tempo};
use gatepost_bench::site::Ground;
use gatepost_kit::entra::Entra;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

/// Compares Gatepost with bare servers, on one machine in one run.
#[derive(Debug, Parser)]
struct Options {
    /// The Gatepost binary to measure
    #[arg(long, value_name = "FILE")]
    gatepost: PathBuf,
    /// What to measure (default: everything)
    #[arg(long, value_enum, value_name = "NAME", value_delimiter = ',')]
    rows: Vec<Kind>,
    /// Number of rounds in which the compared servers take turns
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=100))]
    rounds: u16,
    /// Short rounds and small numbers, to test that everything works
    #[arg(long)]
    quick: bool,
    /// Print JSON instead of tables
    #[arg(long)]
    json: bool,
    /// Write JSON to this file
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// The folder docs/, into which the tables and the chart of a full run are written
    #[arg(long, value_name = "FOLDER")]
    docs: Option<PathBuf>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    match run(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> io::Result<bool> {
    let cores = Cores::choose()?;
    cores::raise_open_files()?;
    // Threads and processes that are not pinned to another core inherit this one.
    cores::pin_here(cores.load)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(async {
        // Child processes end when their values are dropped, which the default action of a signal would prevent.
        tokio::select! {
            report = measure(options, cores) => report,
            _ = tokio::signal::ctrl_c() => Err(io::Error::other("interrupted")),
            () = terminated() => Err(io::Error::other("terminated")),
        }
    })?;
    let json = serde_json::to_string_pretty(&report)?;
    std::fs::write(&options.output, &json)?;
    println!("{}", if options.json { json } else { text(&report) });
    let is_full = options.rows.is_empty() && !options.quick && report.failed.is_empty();
    if let Some(docs) = options.docs.as_ref().filter(|_| is_full) {
        write_between(&docs.join("performance.md"), &markdown(&report))?;
        std::fs::write(docs.join("performance.svg"), draw(&report))?;
    }
    Ok(report.failed.is_empty())
}

async fn measure(options: &Options, cores: Cores) -> io::Result<Report> {
    let bare = std::env::current_exe()?.with_file_name("bare");
    let ground = Ground { cores, gatepost: options.gatepost.clone(), bare, entra: Entra::start().await };
    let traefik = std::env::var("TRAEFIK_BIN").ok();
    let report = Report { machine: Machine::here(cores.count, traefik.as_deref()), ..Report::default() };
    let tempo = Tempo { rounds: options.rounds.into(), is_quick: options.quick };
    let mut stage = Stage { ground, tempo, report };
    let kinds = if options.rows.is_empty() { &Kind::ALL[..] } else { &options.rows };
    stage.run(kinds).await;
    Ok(stage.report)
}

async fn terminated() {
    match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(mut signal) => drop(signal.recv().await),
        Err(_) => std::future::pending().await,
    }
}
