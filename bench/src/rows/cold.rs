//! Measures `/verify` without a cache: every request queries both stores.

use super::Stage;
use super::production::{Production, contestant};
use crate::load::{Requests, Visitor};
use crate::measure::Contestant;
use crate::site::{Addresses, Provider, Site};
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
    Ok(())
}

fn asked(site: &Site, gatepost: &Gatepost, name: &str, visitors: Arc<[Visitor]>) -> Contestant {
    let requests = Requests::pages("/verify", site.addresses.host).by(site.addresses.cookie, visitors);
    contestant(name, gatepost.internal(), Arc::new(requests.ready()), site.watched(gatepost))
}
