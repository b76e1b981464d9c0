//! Measures requests that do not pass: without a cookie, with a garbage cookie, by a script, without a required group.

use super::Stage;
use super::production::{Production, contestant};
use crate::cpu::Watched;
use crate::load::{Expect, Requests, Visitor};
use crate::measure::{Contestant, Schedule};
use crate::stats::Spread;
use gatepost_core::secret::Hash;
use gatepost_kit::process::{Gatepost, find_ok};
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// The number of different garbage cookies.
const GARBAGE: usize = 100_000;

/// Measures the cost of each, and whether garbage cookies cause calls to a store.
pub async fn run(stage: &mut Stage, production: &Production) -> io::Result<()> {
    let (ground, schedule) = (stage.ground.clone(), stage.tempo.short());
    let bare = ground.bare_gate(&production.answers).await?;
    let gatepost = production.site.start(&ground, &production.site.builder(&ground)).await?;
    let (host, cookie) = (production.site.addresses.host, production.site.addresses.cookie);
    let asked = |name: &str, requests: Requests, expect: Expect| -> Contestant {
        let watched = vec![Watched::new("gatepost", gatepost.running().pid())];
        contestant(name, gatepost.internal(), Arc::new(requests.expecting(expect).ready()), watched)
    };
    let pages = || Requests::pages("/verify", host);
    let refused =
        Requests::pages("/verify?group=Nobody-Is-In-It", host).by(cookie, Arc::clone(&production.visitors));
    let garbage = asked("garbage cookie: 302", pages().by(cookie, garbage(GARBAGE)), Expect::Status(302));
    let contestants = [
        production.bare(&bare, "bare actix-web: 200"),
        asked("no cookie: 302", pages(), Expect::Status(302)),
        garbage.clone(),
        asked("no cookie, by a script: 401", pages().by_script(), Expect::Status(401)),
        asked("group missing: 403", refused, Expect::Status(403)),
    ];
    contestants[4].become_known(ground.cores).await?;
    stage.row("Who does not pass, http, 16 connections", &contestants, schedule).await?;
    count_store_calls(stage, &gatepost, &garbage).await
}

/// Sends each garbage cookie at least once.
async fn count_store_calls(stage: &mut Stage, gatepost: &Gatepost, garbage: &Contestant) -> io::Result<()> {
    let before = store_calls(gatepost, "").await?;
    let once = Contestant { is_each_once: true, ..garbage.clone() };
    let schedule = Schedule { rounds: 1, warm_up: Duration::ZERO, counted: Duration::from_mins(1) };
    once.measure(stage.ground.cores, schedule).await?;
    let calls = store_calls(gatepost, "").await? - before;
    let value = Spread::of([calls]).expect("one value");
    let note = "100,000 requests, each with another cookie; from /metrics";
    stage.report.fact("Store calls for 100 k garbage cookies", value, "calls", note).must(
        "store calls for 100 k garbage cookies",
        0.0,
        0.0,
    );
    Ok(())
}

/// How often Gatepost called a store so far, with this in the labels.
pub(super) async fn store_calls(gatepost: &Gatepost, label: &str) -> io::Result<f64> {
    let metrics =
        find_ok(gatepost.internal(), "/metrics").await.ok_or_else(|| io::Error::other("no metrics"))?;
    let calls = metrics
        .lines()
        .filter(|line| line.starts_with("gatepost_store_calls_total{") && line.contains(label));
    Ok(calls.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum())
}

/// Cookies of the same length and alphabet as real ones.
fn garbage(count: usize) -> Arc<[Visitor]> {
    let one = |number: usize| {
        let words: String =
            (0..4_u8).map(|part| Hash::of(&[&number.to_be_bytes(), &[part]]).to_string()).collect();
        Visitor { cookie: words[..200].into(), email: "".into() }
    };
    (0..count).map(one).collect()
}
