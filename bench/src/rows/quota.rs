//! What the limits of a tenant cost a request of its programs: the time to count it in this process, and how often the measured
//! Gatepost asks the session store.

use super::Stage;
use super::strangers::store_calls;
use crate::measure::{Contestant, Schedule};
use crate::site::Site;
use crate::stats::Spread;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::UserId;
use gatepost_kit::process::Gatepost;
use gatepost_runtime::quotas::{Charge, Counting, Quotas};
use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use std::hint::black_box;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// Requests that are timed at once: fewer than the units that a replica holds when it draws the next ones, of a large limit.
const BLOCK: u32 = 200;
/// The next units are drawn meanwhile, which no request waits for.
const PAUSE: Duration = Duration::from_millis(2);
/// So often a block is tried whose units were not there in time.
const TRIES: u32 = 100;

/// Measures both, for a tenant with limits and for one that has none. `program` has a key of the one with limits.
pub async fn run(
    stage: &mut Stage,
    site: &Site,
    (limited, unlimited): (&str, &str),
    (gatepost, program): (&Gatepost, &Contestant),
) -> io::Result<()> {
    let quotas = &site.state.gate.quotas;
    quotas.read_limits().await.map_err(io::Error::other)?;
    let (blocks, mut rounds) = (if stage.tempo.is_quick { 10 } else { 200 }, Vec::new());
    for _ in 0..stage.tempo.rounds {
        let mut nanos = 0.0;
        for _ in 0..blocks {
            // In turns, so that the machine is as fast for both.
            nanos += count_block(quotas, limited).await? - count_block(quotas, unlimited).await?;
        }
        rounds.push(nanos / f64::from(BLOCK * blocks));
    }
    let value = Spread::of(rounds).ok_or_else(|| io::Error::other("no round"))?;
    let note = "in the benchmark's process: a request of a key is counted against limits of a day and of a minute, by one whose tenant has none";
    let fact = stage.report.fact("Limits of a tenant, for each request", value, "ns", note);
    fact.must("what the limits of a tenant cost a warm request", 60.0, 30.0);
    draws(stage, gatepost, program).await
}

/// The nanoseconds for which [`BLOCK`] requests are counted.
async fn count_block(quotas: &Arc<Quotas>, tenant: &str) -> io::Result<f64> {
    let tenant = tenant.parse().map_err(io::Error::other)?;
    let mut charge = Charge { tenant, holder: Some(UserId::generate()), now: Timestamp::now(), calls: None };
    for _ in 0..TRIES {
        sleep(PAUSE).await;
        charge.now = Timestamp::now();
        let drawn = quotas.count(&charge, &mut HeaderMap::new()).await;
        drawn.map_err(|exceeded| io::Error::other(format!("{exceeded:?}")))?;
        let mut answers = vec![identity(); BLOCK as usize];
        let begun = Instant::now();
        let counted = answers
            .iter_mut()
            .map(|headers| quotas.count_now(black_box(&charge), headers))
            .filter(|counting| matches!(counting, Counting::Done))
            .count();
        let took = begun.elapsed();
        if counted == BLOCK as usize {
            return Ok(took.as_nanos() as f64);
        }
    }
    Err(io::Error::other("no units are drawn"))
}

/// The headers that an answer has before the request is counted.
fn identity() -> HeaderMap {
    let names =
        ["x-user-email", "x-user-id", "x-user-groups", "x-user-tenants", "x-tenant-id", "x-user-role"];
    let value = HeaderValue::from_static("person-0@example.com");
    let mut headers = HeaderMap::with_capacity(16);
    headers.extend(names.map(|name| (HeaderName::from_static(name), value.clone())));
    headers
}

/// Counts how often Gatepost draws units from the session store.
async fn draws(stage: &mut Stage, gatepost: &Gatepost, program: &Contestant) -> io::Result<()> {
    let counted = Duration::from_millis(if stage.tempo.is_quick { 200 } else { 2_000 });
    let label = "operation=\"draw_quota\"";
    let before = store_calls(gatepost, label).await?;
    let schedule = Schedule { rounds: 1, warm_up: Duration::ZERO, counted };
    let sample = program.measure(stage.ground.cores, schedule).await?;
    let requests = sample.per_second * counted.as_secs_f64();
    let draws = (store_calls(gatepost, label).await? - before) * 1_000.0 / requests;
    let value = Spread::of([draws]).ok_or_else(|| io::Error::other("no value"))?;
    let note = "a replica draws up to 500 units while requests use the last 250; from /metrics";
    let fact = stage.report.fact("Draws for 1,000 requests within limits", value, "calls", note);
    fact.must("calls of the session store for 1,000 requests within limits", 5.0, 4.0);
    Ok(())
}
