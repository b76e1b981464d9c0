//! Measures `/verify` without a cache: every request queries both stores. Beside sessions an API key and an access token, whose
//! signature every request then has verified.

use super::Stage;
use super::keys::{AUDIENCE, program, token};
use super::production::{Production, contestant};
use crate::load::{Requests, Visitor};
use crate::measure::Contestant;
use crate::site::{Addresses, Provider, Site};
use crate::stats::Spread;
use gatepost_kit::process::Gatepost;
use std::io;
use std::sync::Arc;

const PEOPLE: usize = 100;
const SESSIONS: usize = 1_000;
const NO_MEMORY: (&str, &str) = ("GATEPOST_VERIFY__CACHE_MEMORY", "0");

/// Measures with Redis and Postgres, and with one SQLite file.
pub async fn run(stage: &mut Stage, production: &Production) -> io::Result<()> {
    let (ground, schedule) = (stage.ground.clone(), stage.tempo.short());
    let bare = ground.bare_gate(&production.answers).await?;
    let shared = production
        .site
        .start(&ground, &production.site.builder(&ground).env(NO_MEMORY.0, NO_MEMORY.1))
        .await?;
    let embedded_site = Site::embedded(&Provider::of(&ground.entra), Addresses::production()).await?;
    let people = embedded_site.people(PEOPLE).await?;
    let visitors = embedded_site.sessions(&people, SESSIONS, embedded_site.addresses.host, None).await?;
    let embedded =
        embedded_site.start(&ground, &embedded_site.builder(&ground).env(NO_MEMORY.0, NO_MEMORY.1)).await?;
    let contestants = [
        production.bare(&bare, "bare actix-web"),
        asked(&production.site, &shared, "Gatepost, Redis and Postgres", Arc::clone(&production.visitors)),
        asked(&embedded_site, &embedded, "Gatepost, one SQLite file", visitors.into()),
    ];
    stage.row("Cold: every request looks up, http, 16 connections", &contestants, schedule).await?;
    programs(stage, production).await
}

/// An access token costs what an API key costs, and one signature.
async fn programs(stage: &mut Stage, production: &Production) -> io::Result<()> {
    let (ground, schedule, site) = (stage.ground.clone(), stage.tempo.deciding(), &production.site);
    let host = site.addresses.host;
    let key = Site::command(site.builder(&ground), &["key", "create", "cold", "--host", host]).await?;
    let token = token(&ground, site).await?;
    let builder = site.builder(&ground).env(NO_MEMORY.0, NO_MEMORY.1);
    let gatepost = site.start(&ground, &builder.env(AUDIENCE, ground.entra.audience())).await?;
    let contestants = [
        program(&gatepost, host, "API key", &key).await?,
        program(&gatepost, host, "access token", &token).await?,
    ];
    let title = "Cold: every request looks up, http, 16 connections: an API key and an access token";
    let row = stage.row(title, &contestants, schedule).await?;
    let [of_key, of_token] =
        [0, 1].map(|which| row.outcomes.get(which).map(|of| of.each(|sample| sample.cpu[0])));
    let more = of_key
        .zip(of_token)
        .map(|(key, token)| token.into_iter().zip(key).map(|(token, key)| token - key).collect::<Vec<_>>());
    if let Some(more) = more.and_then(Spread::of) {
        let note = "a request with an access token of RS256 less one with an API key, neither from the cache, http, 16 connections";
        let fact = stage.report.fact("CPU of a cold access token above a cold API key", more, "us", note);
        fact.must("one signature: CPU of a cold access token above a cold API key", 30.0, 25.0);
    }
    Ok(())
}

fn asked(site: &Site, gatepost: &Gatepost, name: &str, visitors: Arc<[Visitor]>) -> Contestant {
    let requests = Requests::pages("/verify", site.addresses.host).by(site.addresses.cookie, visitors);
    contestant(name, gatepost.internal(), Arc::new(requests.ready()), site.watched(gatepost))
}
