//! Measures the cost of a warm answer, and the memory, with a thousand, a hundred thousand and a million cached
//! sessions.
//!
//! A cached session is looked up again after a minute of use. Of a million sessions, only those that were
//! looked up last can be requested within their first minute; all of them are in memory.

use super::Stage;
use super::production::{Production, contestant};
use crate::cpu::{Memory, Watched};
use crate::load::{Requests, Visitor};
use crate::measure::{Contestant, Schedule};
use crate::report::Failure;
use crate::site::{Site, until_at_rest};
use crate::stats::Spread;
use gatepost_kit::process::{Gatepost, find_ok};
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The memory for a million sessions in kilobytes: of Redis, Postgres, Gatepost, and the cookies in this process.
const NEEDED: u64 = 6 << 20;
const FIRST_MINUTE: Duration = Duration::from_mins(1);
/// What a row takes besides the time of its schedule.
const MARGIN: Duration = Duration::from_secs(4);
/// The least number of sessions to request. Fewer would fit into the processor's caches.
const FEWEST: usize = 20_000;

/// A Gatepost with a number of cached sessions.
struct Crowd {
    name: String,
    gatepost: Gatepost,
    visitors: Range<usize>,
    /// How long it took to request each session once.
    lasted: Duration,
    /// When the last session was requested.
    ended: Instant,
}

/// Measures the cost of a warm answer by number of sessions, and their memory.
pub async fn run(stage: &mut Stage, production: &Production) -> io::Result<()> {
    let available = kilobytes_available();
    let (many, most) = if stage.tempo.is_quick { (10_000, None) } else { (100_000, Some(1_000_000)) };
    let most = most.filter(|_| available >= NEEDED);
    if most.is_none() {
        let why =
            format!("not in a quick run, nor below {} GiB: {} are available", NEEDED >> 20, available >> 20);
        stage.report.failed.push(Failure { title: "1 M sessions".to_owned(), why });
    }
    let site = &production.site;
    let begun = Instant::now();
    let people = site.people(many).await?;
    say(begun, &format!("{many} people"));
    let visitors: Arc<[Visitor]> =
        site.sessions(&people, most.unwrap_or(many), site.addresses.host, None).await?.into();
    say(begun, &format!("{} sessions", visitors.len()));
    let mut crowds = Vec::new();
    // The largest first, because sessions are looked up again a minute after their first look-up.
    if let Some(most) = most {
        crowds.push(gather(stage, site, &visitors, "1,000,000 sessions", most, "4096").await?);
    }
    let name = if many == 100_000 { "100,000 sessions" } else { "10,000 sessions" };
    let crowd = gather(stage, site, &visitors, name, many, "128").await?;
    crowds.push(crowd);
    crowds.push(gather(stage, site, &visitors, "1,000 sessions", 1_000, "128").await?);
    crowds.reverse();
    measure(stage, site, &visitors, &crowds).await
}

/// Starts a Gatepost, requests each session once, and records the time and the memory.
async fn gather(
    stage: &mut Stage,
    site: &Site,
    visitors: &Arc<[Visitor]>,
    name: &str,
    count: usize,
    memory: &str,
) -> io::Result<Crowd> {
    let gatepost = site
        .start(&stage.ground, &site.builder(&stage.ground).env("GATEPOST_VERIFY__CACHE_MEMORY", memory))
        .await?;
    let watched = Watched::new("gatepost", gatepost.running().pid());
    until_at_rest(&watched).await?;
    let before = Memory::of(watched.pid)?;
    let everybody = Contestant { connections: 64, ..asked(site, name, &gatepost, visitors, 0..count) };
    let begun = Instant::now();
    everybody.become_known(stage.ground.cores).await?;
    let (lasted, ended) = (begun.elapsed(), Instant::now());
    say(begun, &format!("{name} looked up"));
    until_at_rest(&watched).await?;
    let passes = passes(&gatepost).await?;
    if passes < count as f64 {
        return Err(io::Error::other(format!("{passes} of {count} passes are in memory")));
    }
    note_memory(stage, name, count, before, Memory::of(watched.pid)?);
    Ok(Crowd { name: name.to_owned(), gatepost, visitors: 0..count, lasted, ended })
}

fn note_memory(stage: &mut Stage, name: &str, count: usize, before: Memory, after: Memory) {
    let megabytes = |bytes: u64| Spread::of([bytes as f64 / 1e6]).expect("one value");
    let each = Spread::of([after.rss.saturating_sub(before.rss) as f64 / count as f64]).expect("one value");
    let note = format!("PSS {:.1}, anonymous {:.1}", after.pss as f64 / 1e6, after.anonymous as f64 / 1e6);
    let fact = stage.report.fact(&format!("RSS with {name} in memory"), megabytes(after.rss), "MB", &note);
    if count == 100_000 {
        fact.must("100 k warm entries, whole process (RSS)", 80.0, 60.0);
    }
    if count >= 10_000 {
        let note = format!("RSS grew from {:.1} MB; all are in the same 3 groups", before.rss as f64 / 1e6);
        stage.report.fact(&format!("Memory of a warm entry, of {name}"), each, "bytes", &note);
    }
}

async fn measure(
    stage: &mut Stage,
    site: &Site,
    visitors: &Arc<[Visitor]>,
    crowds: &[Crowd],
) -> io::Result<()> {
    let counted = if stage.tempo.is_quick { 200 } else { 1_000 };
    let schedule =
        Schedule { rounds: 3, warm_up: Duration::from_millis(200), counted: Duration::from_millis(counted) };
    let end = Instant::now() + schedule.total(crowds.len()) + MARGIN;
    let young = crowds.iter().map(|crowd| young(crowd, end)).collect::<io::Result<Vec<_>>>()?;
    let contestants: Vec<Contestant> = crowds
        .iter()
        .zip(&young)
        .map(|(crowd, young)| asked(site, &crowd.name, &crowd.gatepost, visitors, young.clone()))
        .collect();
    let row = stage
        .row("Warm, by number of sessions in memory, http, 16 connections", &contestants, schedule)
        .await?;
    let ratio = row.cpu_ratio(crowds.len() - 1);
    let Some(most) = crowds.last().filter(|crowd| crowd.visitors.len() == 1_000_000) else { return Ok(()) };
    if let Some(ratio) = ratio {
        let drawn = young.last().map_or(0, Range::len);
        let note = format!("requests drawn from the {drawn} that were looked up last; all are in memory");
        let fact = stage.report.fact("Warm cost with 1 M sessions", ratio, "ratio", &note);
        fact.must("warm cost with 1 M sessions : with 1 k", 1.15, 1.05);
    }
    let contestants = [
        asked(site, "1,000 sessions", &crowds[0].gatepost, visitors, 0..1_000),
        asked(site, "1,000,000 sessions", &most.gatepost, visitors, 0..1_000_000),
    ];
    tokio::time::sleep(FIRST_MINUTE).await;
    stage
        .row("The same when every pass is a minute old: each is asked about again", &contestants, schedule)
        .await?;
    Ok(())
}

/// The sessions that were looked up last, and are still in their first minute at `end`.
fn young(crowd: &Crowd, end: Instant) -> io::Result<Range<usize>> {
    let room = FIRST_MINUTE.saturating_sub(end.duration_since(crowd.ended));
    let share = room.as_millis() * crowd.visitors.len() as u128 / crowd.lasted.as_millis().max(1);
    let count = usize::try_from(share).unwrap_or(usize::MAX).min(crowd.visitors.len());
    if count < FEWEST.min(crowd.visitors.len()) {
        let name = &crowd.name;
        let why = format!("{name}: only {count} of them stay in their first minute while they are measured");
        return Err(io::Error::other(why));
    }
    Ok(crowd.visitors.end - count..crowd.visitors.end)
}

fn asked(
    site: &Site,
    name: &str,
    gatepost: &Gatepost,
    visitors: &Arc<[Visitor]>,
    among: Range<usize>,
) -> Contestant {
    let requests = Requests::pages("/verify", site.addresses.host);
    let requests = requests.by(site.addresses.cookie, Arc::clone(visitors)).among(among).ready();
    contestant(
        name,
        gatepost.internal(),
        Arc::new(requests),
        vec![Watched::new("gatepost", gatepost.running().pid())],
    )
}

/// Prints progress.
fn say(begun: Instant, what: &str) {
    eprintln!("  {what}: {:.1} s", begun.elapsed().as_secs_f64());
}

async fn passes(gatepost: &Gatepost) -> io::Result<f64> {
    let metrics =
        find_ok(gatepost.internal(), "/metrics").await.ok_or_else(|| io::Error::other("no metrics"))?;
    let line = metrics.lines().find_map(|line| line.strip_prefix("gatepost_passes "));
    line.and_then(|number| number.parse().ok()).ok_or_else(|| io::Error::other("no gatepost_passes"))
}

fn kilobytes_available() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:")?.strip_suffix("kB"));
    line.and_then(|number| number.trim().parse().ok()).unwrap_or(0)
}
