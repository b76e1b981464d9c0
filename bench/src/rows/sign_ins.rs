//! Measures complete sign-ins: from the application's page to the provider and back.
//!
//! Browsers, proxy, provider and application run in this process. Only Gatepost's own CPU time counts.

use super::Stage;
use crate::cpu::{Cost, Watched};
use crate::site::{Addresses, Ground, Provider, Site, Stores};
use crate::stats::Spread;
use futures_util::stream::{self, StreamExt};
use gatepost_kit::client::{Client, Trip};
use gatepost_kit::echo::Echo;
use gatepost_kit::edge::{Edge, Route};
use gatepost_kit::entra::{Entra, Person};
use gatepost_kit::faulty::{FaultyProxy, Mode};
use gatepost_kit::process::Gatepost;
use std::io;
use std::time::{Duration, Instant};

/// The number of concurrent browsers.
const AT_ONCE: usize = 8;
const GROUP: &str = "00000000-0000-4000-8000-00000000a001";

/// A site where people can sign in.
#[derive(Debug)]
pub struct Town {
    /// The stores and settings.
    pub site: Site,
    /// The measured process.
    pub gatepost: Gatepost,
    edge: Edge,
    app: Echo,
    entra: Entra,
    browser: Client,
    proxy: FaultyProxy,
}

/// The result of one sign-in of each person.
struct Round {
    per_second: f64,
    /// The CPU time of each watched process per sign-in, in nanoseconds.
    nanos: Vec<f64>,
}

/// How Gatepost reaches Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    /// Directly.
    Direct,
    /// Through a proxy that can delay it.
    ThroughProxy,
}

/// Measures Gatepost's CPU time for sign-ins.
pub async fn run(stage: &mut Stage) -> io::Result<()> {
    let ground = stage.ground.clone();
    let town = Town::build(&ground, Path::Direct).await?;
    let people: Vec<String> =
        (0..if stage.tempo.is_quick { 40 } else { 400 }).map(|n| format!("guest-{n}")).collect();
    // The first sign-in creates the person, which is not the usual case.
    town.welcome(&people).await?;
    let mut watched = town.site.watched(&town.gatepost);
    watched.push(Watched::new("browsers, edge, provider", std::process::id()));
    let mut rounds = Vec::new();
    for _ in 0..stage.tempo.rounds.min(5) {
        rounds.push(town.measure(&people, &watched).await?);
    }
    let spread = |figure: &dyn Fn(&Round) -> f64| Spread::of(rounds.iter().map(figure)).expect("a round");
    let report = &mut stage.report;
    let note = "Gatepost's own CPU alone; Redis and Postgres, Entra's claims, 3 groups";
    report
        .fact("Sign-ins per second and core of Gatepost", spread(&|round| 1e9 / round.nanos[0]), "1/s", note)
        .must("sign-ins per second and core", 700.0, 1500.0);
    for (at, process) in watched.iter().enumerate() {
        let title = format!("CPU of a complete sign-in: {}", process.name);
        report.fact(&title, spread(&|round| round.nanos[at] / 1000.0), "us", "");
    }
    let note = "8 browsers at once; browsers and provider are the limit";
    report.fact("Complete sign-ins a second here", spread(&|round| round.per_second), "1/s", note);
    Ok(())
}

impl Town {
    /// Starts a provider, a proxy and an application.
    pub async fn build(ground: &Ground, to_redis: Path) -> io::Result<Self> {
        let edge = Edge::builder().start().await?;
        let addresses = Addresses::development(edge.addr().port());
        let entra = ground.entra.clone();
        entra.register_redirect_uri(&format!("{}/callback/entra", addresses.public_url));
        let site = Site::shared(&Provider::of(&ground.entra), addresses).await?;
        let Stores::Shared { redis, .. } = &site.stores else { return Err(io::Error::other("no Redis")) };
        let proxy = FaultyProxy::start(redis.addr()).await;
        let builder = match to_redis {
            Path::Direct => site.builder(ground),
            Path::ThroughProxy => site.builder(ground).env("REDIS_URL", redis.url_at(proxy.addr())),
        };
        let gatepost = site.start(ground, &builder).await?;
        let app = Echo::start().await;
        edge.set_route("auth.localhost", Route::open(gatepost.public()));
        edge.set_route(site.addresses.host, Route::gated(gatepost.verify_url(""), app.addr()));
        let provider = entra.addr();
        let browser =
            Client::builder().everywhere(edge.addr()).host(&provider.ip().to_string(), provider).build();
        Ok(Self { site, gatepost, edge, app, entra, browser, proxy })
    }

    /// Adds people to the provider, and signs each in once.
    pub async fn welcome(&self, people: &[String]) -> io::Result<()> {
        for name in people {
            let person = Person::named(name)
                .group(GROUP, "MCP-GitHub")
                .group("00000000-0000-4000-8000-00000000a002", "Wiki-Editors")
                .group("00000000-0000-4000-8000-00000000a003", "Everybody");
            self.entra.add(person);
        }
        // All create the same three groups, so some must wait, and may get 503.
        self.sign_in_all(people, &self.browser.patient()).await.into_iter().collect()
    }

    /// Delays Redis from now on by this time in each direction.
    pub async fn slow_down(&self, by: Duration) {
        self.proxy.set(Mode::Slow(by)).await;
    }

    async fn measure(&self, people: &[String], watched: &[Watched]) -> io::Result<Round> {
        let read = || watched.iter().map(Watched::cost).collect::<io::Result<Vec<Cost>>>();
        let (before, begun) = (read()?, Instant::now());
        let results = self.sign_in_all(people, &self.browser).await;
        let (lasted, after) = (begun.elapsed().as_secs_f64(), read()?);
        // A sign-in that got 503 also used CPU time, but does not count.
        let (done, failed): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
        if failed.len() * 50 > people.len() {
            failed.into_iter().collect::<io::Result<()>>()?;
        }
        let count = done.len() as f64;
        let each = after.iter().zip(&before).map(|(after, before)| after.since(*before) as f64 / count);
        Ok(Round { per_second: count / lasted, nanos: each.collect() })
    }

    /// Signs each person in with a new browser.
    async fn sign_in_all(&self, people: &[String], browser: &Client) -> Vec<io::Result<()>> {
        let sign_ins = people.iter().map(|name| self.sign_in_with(browser, name));
        let results = stream::iter(sign_ins).buffer_unordered(AT_ONCE).collect().await;
        self.app.forget();
        self.entra.forget_calls();
        results
    }

    /// Opens the application's page in a new browser, signs in at the provider, and checks the page.
    pub async fn sign_in(&self, name: &str) -> io::Result<()> {
        self.sign_in_with(&self.browser, name).await
    }

    async fn sign_in_with(&self, browser: &Client, name: &str) -> io::Result<()> {
        let browser = browser.stranger();
        let picker = browser.navigate(&self.edge.url(self.site.addresses.host, "/reports")).await;
        let address = picker.end().url.clone();
        let place = address.as_str().split("/oauth2/").next().unwrap_or_default();
        let asked = address.query().unwrap_or_default();
        let fields = [("request", asked), ("person", name)];
        let trip = browser.submit(address.as_str(), &format!("{place}/sign-in"), &fields).await;
        let is_there = |trip: &Trip| {
            trip.end().status == 200
                && trip.end().url.host_str() == Some(self.site.addresses.host)
                && trip.end().echoed().header("x-user-email") == Some(&format!("{name}@example.com"))
        };
        if is_there(&trip) {
            return Ok(());
        }
        let logged = self.gatepost.logs().last().cloned().unwrap_or_default();
        let way = format!("{}\n{}", picker.describe(), trip.describe());
        Err(io::Error::other(format!("{name} did not get in:\n{way}\nGatepost's last words: {logged}")))
    }
}
