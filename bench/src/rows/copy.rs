//! `gatepost copy` from one file to Postgres and Redis, with its verification: how long it takes, and how much memory.

use super::Stage;
use crate::site::{Addresses, Provider, Site, Size};
use crate::stats::Spread;
use gatepost_kit::process::{Gatepost, Postgres, Redis};
use serde_json::Value;
use std::fs;
use std::io;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// About a million rows.
const MILLION: Size = Size { people: 40_000, groups: 4_000, tenants: 400, audit: 440_000 };
/// The directory of ten thousand people.
const TEN_THOUSAND: Size = Size { people: 10_000, groups: 500, tenants: 50, audit: 20_000 };
const SMALL: Size = Size { people: 500, groups: 50, tenants: 10, audit: 1_000 };

/// Of a million rows, copied and compared.
const SECONDS_OF_MILLION: f64 = 100.0;
/// Of a million rows, compared only.
const SECONDS_TO_COMPARE: f64 = 40.0;
const SECONDS_OF_TEN_THOUSAND: f64 = 10.0;
const MEGABYTES: f64 = 67.1;
const LONGEST: Duration = Duration::from_mins(10);
/// The pause between two looks at the memory.
const LOOK: Duration = Duration::from_millis(20);

/// Copies two directories.
pub async fn run(stage: &mut Stage) -> io::Result<()> {
    let sizes = if stage.tempo.is_quick { [SMALL, SMALL] } else { [MILLION, TEN_THOUSAND] };
    let [million, ten_thousand] = [copy(stage, sizes[0]).await?, copy(stage, sizes[1]).await?];
    let note = format!("{} rows, copied and compared", million.rows);
    let fact = stage.report.fact("Copy to Postgres", one(million.seconds), "s", &note);
    fact.must("a million rows copied and compared", SECONDS_OF_MILLION, SECONDS_OF_MILLION / 2.0);
    let fact = stage.report.fact("Copy to Postgres, compared again", one(million.to_compare), "s", &note);
    fact.must("a million rows compared", SECONDS_TO_COMPARE, SECONDS_TO_COMPARE / 2.0);
    let fact = stage.report.fact("Memory of the copy, RSS at its peak", one(million.megabytes), "MB", &note);
    fact.must("memory of a copy", MEGABYTES, MEGABYTES / 2.0);
    let note = format!("{} rows, copied and compared", ten_thousand.rows);
    let fact = stage.report.fact("Copy of ten thousand people", one(ten_thousand.seconds), "s", &note);
    fact.must("downtime of a copy of ten thousand people", SECONDS_OF_TEN_THOUSAND, 5.0);
    Ok(())
}

struct Copied {
    rows: u64,
    seconds: f64,
    to_compare: f64,
    megabytes: f64,
}

async fn copy(stage: &Stage, directory: Size) -> io::Result<Copied> {
    let site = Site::embedded(&Provider::absent(), Addresses::production()).await?;
    site.fill(directory).await?;
    let (redis, postgres) = (Redis::start().await, Postgres::private().await);
    let (database, sessions) = (postgres.database().await, redis.url());
    let from = format!("sqlite:{}", site.folder().join("gatepost.db").display());
    let words = ["copy", "--from", &from, "--to", &database, "--json"];
    let builder = site.builder(&stage.ground).env("DATABASE_URL", &database).env("REDIS_URL", &sessions);
    let builder = words.iter().fold(builder, |builder, word| builder.arg(*word));
    let comparing = builder.clone().arg("--verify-only");
    let builder = builder.arg("--sessions").arg(&sessions);
    let begun = Instant::now();
    let process = stage.ground.on_server_core(async { builder.spawn() }).await?;
    let peak = peak_of(&process, begun).await?;
    let seconds = begun.elapsed().as_secs_f64();
    let is_done = process.wait_exit().await.success();
    // Its last lines may be read a moment after its end.
    let told: Value = loop {
        let told = process.logs().join("\n");
        match serde_json::from_str(told.trim()) {
            Ok(told) if is_done => break told,
            _ if begun.elapsed() > LONGEST || !is_done => return Err(io::Error::other(told)),
            _ => sleep(LOOK).await,
        }
    };
    let rows = told["rows"].as_u64().ok_or_else(|| io::Error::other("no number of rows"))?;
    let begun = Instant::now();
    stage.ground.on_server_core(Site::command(comparing, &[])).await??;
    let to_compare = begun.elapsed().as_secs_f64();
    Ok(Copied { rows, seconds, to_compare, megabytes: peak as f64 / 1e6 })
}

/// The most memory that the process had until it ended, in bytes.
async fn peak_of(process: &Gatepost, begun: Instant) -> io::Result<u64> {
    let running = process.running();
    let mut peak = 0;
    while running.find_exit().is_none() {
        if begun.elapsed() > LONGEST {
            return Err(io::Error::other("the copy does not end"));
        }
        // Gone between the two looks: the last value stays.
        if let Ok(status) = fs::read_to_string(format!("/proc/{}/status", running.pid())) {
            peak = peak.max(most_resident(&status).unwrap_or(0));
        }
        sleep(LOOK).await;
    }
    Ok(peak)
}

/// `VmHWM` of `/proc/PID/status` (`proc_pid_status(5)`), in bytes.
fn most_resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

fn one(value: f64) -> Spread {
    Spread { median: value, min: value, max: value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_read_from_the_status_of_a_process() {
        let status = "Name:\tgatepost\nVmPeak:\t  90000 kB\nVmHWM:\t   12345 kB\nVmRSS:\t 100 kB\n";
        assert_eq!(most_resident(status), Some(12_345 * 1024));
        assert_eq!(most_resident("Name:\tgatepost\n"), None);
    }
}
