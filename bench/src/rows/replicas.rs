//! Two replicas on one Postgres: how long it takes until another one leads after the leader was killed, stops, or stands still.

use super::Stage;
use crate::site::{Addresses, Provider, Site};
use crate::stats::Spread;
use gatepost_kit::process::{Gatepost, find_ok};
use std::io;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// The pause between two looks at the metrics.
const LOOK: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_mins(1);

/// What happens to the leader.
#[derive(Clone, Copy, Debug)]
enum Event {
    Sigkill,
    Sigterm,
    Sigstop,
}

/// Measures how long nobody leads.
pub async fn run(stage: &mut Stage) -> io::Result<()> {
    let site = Site::shared(&Provider::absent(), Addresses::production()).await?;
    let events = [(Event::Sigkill, 4.6), (Event::Sigterm, 0.6), (Event::Sigstop, 4.6)];
    for (event, must) in events {
        let mut seconds = Vec::new();
        for _ in 0..if stage.tempo.is_quick { 1 } else { stage.tempo.rounds } {
            seconds.push(until_followed(stage, &site, event).await?);
        }
        let value = Spread::of(seconds).ok_or_else(|| io::Error::other("no round"))?;
        let (title, figure) = match event {
            Event::Sigkill => ("Leader killed, another one leads after", "another leader after SIGKILL"),
            Event::Sigterm => ("Leader stops, another one leads after", "another leader after SIGTERM"),
            Event::Sigstop => {
                ("Leader stands still, another one leads after", "another leader after SIGSTOP")
            }
        };
        let fact = stage.report.fact(title, value, "s", "two replicas on one Postgres");
        fact.must(figure, must, must / 2.0);
    }
    Ok(())
}

async fn until_followed(stage: &Stage, site: &Site, event: Event) -> io::Result<f64> {
    let builder = site.builder(&stage.ground);
    let replicas = [site.start(&stage.ground, &builder).await?, site.start(&stage.ground, &builder).await?];
    let leader = usize::from(!until_one_leads(&replicas).await?);
    let other = &replicas[1 - leader];
    let begun = Instant::now();
    match event {
        Event::Sigkill => replicas[leader].sigkill(),
        Event::Sigterm => replicas[leader].sigterm(),
        Event::Sigstop => replicas[leader].sigstop(),
    }
    until(async || leads(other).await).await?;
    let took = begun.elapsed().as_secs_f64();
    if matches!(event, Event::Sigstop) {
        replicas[leader].sigcont();
        until(async || !leads(&replicas[leader]).await).await?;
    }
    Ok(took)
}

/// Whether it is the first one.
async fn until_one_leads(replicas: &[Gatepost; 2]) -> io::Result<bool> {
    until(async || leads(&replicas[0]).await || leads(&replicas[1]).await).await?;
    Ok(leads(&replicas[0]).await)
}

/// Whether it says so itself.
async fn leads(replica: &Gatepost) -> bool {
    let told = find_ok(replica.health(), "/metrics").await;
    told.is_some_and(|told| told.lines().any(|line| line == "gatepost_leader 1"))
}

async fn until(is_so: impl AsyncFn() -> bool) -> io::Result<()> {
    let begun = Instant::now();
    while !is_so().await {
        if begun.elapsed() > LONGEST {
            return Err(io::Error::other("nobody leads, or two do"));
        }
        sleep(LOOK).await;
    }
    Ok(())
}
