//! The API in a large directory, through HTTP: how long reads and writes take, and whether `/verify` notices them.
//!
//! Administrators take turns, because each may send 20 requests a second. Every request opens a connection of its own.

use super::Stage;
use super::administration::{LARGE, SMALL};
use super::production::contestant;
use crate::load::{Pace, Requests};
use crate::measure::{Contestant, Schedule};
use crate::site::{ADMINS, Addresses, Ground, Person, Provider, Site, Size, id_of_person};
use crate::stats::{Latencies, Spread, ratio};
use gatepost_kit::client::send_raw;
use gatepost_kit::process::Gatepost;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio::time::{MissedTickBehavior, interval};

/// What a request may take at p95, in milliseconds.
#[derive(Clone, Copy)]
struct Limit {
    what: &'static str,
    milliseconds: f64,
    rounds: usize,
}

const READ: Limit = Limit { what: "a read of the API, p95", milliseconds: 20.0, rounds: 200 };
const WRITE: Limit = Limit { what: "a write of the API, p95", milliseconds: 15.0, rounds: 200 };
const PAGE: Limit = Limit { what: "a page of the portal, p95", milliseconds: 30.0, rounds: 200 };
const EVERYBODY: Limit = Limit { what: "who can open this, over everybody", milliseconds: 2000.0, rounds: 5 };
/// The time between two requests beside `/verify`, for 200 a second.
const GAP: Duration = Duration::from_millis(5);

/// Measures the API with both pairs of stores.
pub async fn run(stage: &mut Stage) -> io::Result<()> {
    let size = if stage.tempo.is_quick { SMALL } else { LARGE };
    let provider = Provider::absent();
    for store in ["Redis and Postgres", "embedded"] {
        let filled = if store == "embedded" {
            Site::embedded(&provider, Addresses::production()).await?
        } else {
            Site::shared(&provider, Addresses::production()).await?
        };
        filled.fill(size).await?;
        let ground = stage.ground.clone();
        let gatepost = filled.start(&ground, &filled.builder(&ground)).await?;
        let callers = Arc::new(Callers::of(&filled, gatepost.public()).await?);
        demand_full(&callers, size).await?;
        reads(stage, store, size, &callers).await?;
        writes(stage, store, size, &callers).await?;
        pages(stage, store, size, &callers).await?;
        if store != "embedded" {
            beside_verify(stage, &ground, &filled, &gatepost, &callers).await?;
        }
    }
    Ok(())
}

/// Administrators of the system, who take turns.
#[derive(Debug)]
struct Callers {
    public: SocketAddr,
    host: String,
    cookies: Vec<String>,
    next: AtomicUsize,
}

impl Callers {
    async fn of(site: &Site, public: SocketAddr) -> io::Result<Self> {
        let mut cookies = Vec::new();
        for number in 0..ADMINS {
            let id = id_of_person(number * 2).parse().map_err(io::Error::other)?;
            let email = format!("person-{}@example.com", number * 2).into();
            let cookie = site.public_cookie(&Person { id, email }, number).await?;
            cookies.push(format!("{}={cookie}", site.addresses.cookie));
        }
        let host = site.addresses.public_url.trim_start_matches("https://").to_owned();
        Ok(Self { public, host, cookies, next: AtomicUsize::new(0) })
    }

    /// Asks the API as the next administrator.
    async fn call(&self, method: &str, path: &str, body: &str) -> io::Result<()> {
        self.send(method, &format!("/api/v1/{path}"), body).await.map(drop)
    }

    /// Sends a request as the next administrator.
    async fn send(&self, method: &str, path: &str, body: &str) -> io::Result<String> {
        let cookie = &self.cookies[self.next.fetch_add(1, Ordering::Relaxed) % self.cookies.len()];
        let host = &self.host;
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-Host: {host}\r\nX-Forwarded-Proto: https\r\n\
             X-Forwarded-For: 127.0.0.1\r\nSec-Fetch-Site: same-origin\r\nCookie: {cookie}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        let answer = send_raw(self.public, request.as_bytes()).await?;
        match answer.status {
            Some(200..=299) => Ok(answer.text()),
            _ => Err(io::Error::other(format!("{method} {path}: {}", answer.text()))),
        }
    }
}

/// Demands that the largest group still has its people: what starts may rename and empty groups that nobody linked.
async fn demand_full(callers: &Callers, size: Size) -> io::Result<()> {
    let path = format!("/api/v1/groups/{}/members", size.groups + 1);
    let members = callers.send("GET", &path, "").await?;
    if members.contains("\"next\":\"") {
        return Ok(());
    }
    Err(io::Error::other(format!("the largest group has no second page of members: {members}")))
}

async fn reads(stage: &mut Stage, store: &str, size: Size, callers: &Callers) -> io::Result<()> {
    let everybody = size.groups + 1;
    for (name, path) in [
        ("people", "users?limit=50".to_owned()),
        ("people, q", "users?q=von%20n77".to_owned()),
        ("people of the largest group", format!("users?group={everybody}")),
        ("people of a tenant", "users?tenant=t-7".to_owned()),
        ("person", "users/PERSON".to_owned()),
        ("memberships of a person", "users/PERSON/memberships".to_owned()),
        ("groups", "groups".to_owned()),
        ("groups, q", "groups?q=am%2077".to_owned()),
        ("group, the largest", format!("groups/{everybody}")),
        ("members of the largest group", format!("groups/{everybody}/members")),
        ("tenants", "tenants".to_owned()),
        ("tenants, q", "tenants?q=client%207".to_owned()),
        ("tenant, the largest", "tenants/all".to_owned()),
        ("admins", "admins".to_owned()),
        ("audit", "audit".to_owned()),
        ("audit of a person", "audit?user=PERSON".to_owned()),
        ("system", "system".to_owned()),
    ] {
        time(stage, &format!("{store}, GET {name}"), READ, async |number| {
            callers.call("GET", &path.replace("PERSON", &person(number, size)), "").await
        })
        .await?;
    }
    Ok(())
}

async fn writes(stage: &mut Stage, store: &str, size: Size, callers: &Callers) -> io::Result<()> {
    time(stage, &format!("{store}, add a member"), WRITE, async |number| {
        callers.call("PUT", &format!("groups/7/members/{}", person(number, size)), "{}").await
    })
    .await?;
    time(stage, &format!("{store}, remove a member"), WRITE, async |number| {
        callers.call("DELETE", &format!("groups/7/members/{}", person(number, size)), "").await
    })
    .await?;
    time(stage, &format!("{store}, create a person"), WRITE, async |number| {
        callers.call("POST", "users", &format!("{{\"email\": \"new-{number}@example.com\"}}")).await
    })
    .await?;
    time(stage, &format!("{store}, disable a person"), WRITE, async |number| {
        callers.call("POST", &format!("users/{}/disable", person(number, size)), "").await
    })
    .await
}

async fn pages(stage: &mut Stage, store: &str, size: Size, callers: &Callers) -> io::Result<()> {
    let everybody = size.groups + 1;
    for (name, path) in [
        ("home", "/admin".to_owned()),
        ("people", "/admin/users".to_owned()),
        ("people, q", "/admin/users?q=von%20n77".to_owned()),
        ("person", "/admin/users/PERSON".to_owned()),
        ("groups", "/admin/groups".to_owned()),
        ("group, the largest", format!("/admin/groups/{everybody}")),
        ("tenants", "/admin/tenants".to_owned()),
        ("tenant, the largest", "/admin/tenants/all".to_owned()),
        ("audit", "/admin/audit".to_owned()),
        ("system", "/admin/system".to_owned()),
    ] {
        time(stage, &format!("{store}, page {name}"), PAGE, async |number| {
            callers.send("GET", &path.replace("PERSON", &person(number, size)), "").await.map(drop)
        })
        .await?;
    }
    // The table of everybody is written as it is read, so that the answer ends with the last person.
    time(stage, &format!("{store}, who can open the largest tenant, as CSV"), EVERYBODY, async |_| {
        let table = callers.send("GET", "/admin/access.csv?by=tenant&of=all", "").await?;
        match table.matches("@example.com").count() {
            number if number > size.people * 9 / 10 => Ok(()),
            number => Err(io::Error::other(format!("the table ends after {number} people"))),
        }
    })
    .await
}

/// The person of a request: never an administrator.
fn person(number: usize, size: Size) -> String {
    id_of_person(ADMINS * 2 + number * 7_919 % (size.people - ADMINS * 2))
}

async fn time(
    stage: &mut Stage,
    name: &str,
    limit: Limit,
    request: impl AsyncFn(usize) -> io::Result<()>,
) -> io::Result<()> {
    let rounds = if stage.tempo.is_quick { limit.rounds.min(20) } else { limit.rounds };
    let mut latencies = Latencies::with_room();
    for number in 0..rounds + 4 {
        let begun = Instant::now();
        request(number).await?;
        // The first requests prepare statements.
        if number >= 4 {
            latencies.note(begun.elapsed());
        }
    }
    let [median, p95] = [500, 950].map(|rank| latencies.per_mille(rank) / 1000.0);
    eprintln!("  {name}: p50 {median:.2} ms, p95 {p95:.2} ms");
    let value = Spread { median: p95, min: p95, max: p95 };
    let fact = stage.report.fact(name, value, "ms", &format!("p95 of {rounds} requests; p50 {median:.2}"));
    fact.must(limit.what, limit.milliseconds, limit.milliseconds / 2.0);
    Ok(())
}

/// Compares `/verify` at an eighth of the most, with and without 200 requests of the API a second. The stores, which answer the
/// API, share a core with the load: from a quarter of the most on that core is the limit, and the load sends its requests late.
async fn beside_verify(
    stage: &mut Stage,
    ground: &Ground,
    site: &Site,
    gatepost: &Gatepost,
    callers: &Arc<Callers>,
) -> io::Result<()> {
    let people: io::Result<Vec<Person>> = (1..ADMINS)
        .map(|number| {
            let id = id_of_person(number * 2 + 1).parse().map_err(io::Error::other)?;
            Ok(Person { id, email: format!("person-{}@example.com", number * 2 + 1).into() })
        })
        .collect();
    let addresses = &site.addresses;
    let visitors = site.sessions(&people?, 500, addresses.host, None).await?;
    let requests = Requests::pages("/verify", addresses.host).by(addresses.cookie, visitors.into()).ready();
    let all = contestant("Gatepost", gatepost.internal(), Arc::new(requests), site.watched(gatepost));
    all.become_known(ground.cores).await?;
    let most = all.measure(ground.cores, stage.tempo.short()).await?.per_second;
    let rate = most / 8.0;
    let paced = Contestant { pace: Pace::Open(rate), ..all };
    let schedule = stage.tempo.short();
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..stage.tempo.rounds * 2 {
        alone.push(paced.measure(ground.cores, schedule).await?.p50);
        beside.push(measure_beside(&paced, ground, schedule, callers).await?);
    }
    let note = format!("medians at {rate:.0} requests a second; what people wait");
    if let Some(ratio) = ratio(&beside, &alone) {
        let fact = stage.report.fact("/verify beside 200 API calls a second : without", ratio, "", &note);
        fact.must("/verify beside 200 API calls a second : without", 1.02, 1.0);
    }
    Ok(())
}

async fn measure_beside(
    paced: &Contestant,
    ground: &Ground,
    schedule: Schedule,
    callers: &Arc<Callers>,
) -> io::Result<f64> {
    let (sent, answered) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let failed = Arc::new(OnceLock::new());
    let calls = tokio::spawn({
        let (callers, sent, answered) = (Arc::clone(callers), Arc::clone(&sent), Arc::clone(&answered));
        let failed = Arc::clone(&failed);
        async move {
            let mut ticks = interval(GAP);
            // As many as there should be, also if some of them come late.
            ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
            loop {
                ticks.tick().await;
                sent.fetch_add(1, Ordering::Relaxed);
                let (callers, answered) = (Arc::clone(&callers), Arc::clone(&answered));
                let failed = Arc::clone(&failed);
                tokio::spawn(async move {
                    match callers.call("GET", "users?limit=50", "").await {
                        Ok(()) => drop(answered.fetch_add(1, Ordering::Relaxed)),
                        Err(error) => drop(failed.set(error)),
                    }
                });
            }
        }
    });
    let sample = paced.measure(ground.cores, schedule).await;
    calls.abort();
    let [sent, answered] = [&sent, &answered].map(|number| number.load(Ordering::Relaxed));
    // Some are under way.
    if answered * 10 < sent * 9 {
        let why = failed.get().map_or_else(|| "the others are late".to_owned(), ToString::to_string);
        return Err(io::Error::other(format!("{answered} of {sent} calls of the API were answered: {why}")));
    }
    Ok(sample?.p50)
}
