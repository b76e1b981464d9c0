//! Compares a program with an API key with a person with a session, both warm, at the same Gatepost.

use super::Stage;
use super::production::{CONNECTIONS, Production, contestant};
use crate::cpu::Watched;
use crate::load::{Requests, Visitor};
use gatepost_kit::client::send_raw;
use gatepost_kit::process::{Gatepost, GatepostBuilder};
use std::io;
use std::sync::Arc;

/// Measures over http.
pub async fn run(stage: &mut Stage, production: &Production) -> io::Result<()> {
    let (ground, schedule) = (stage.ground.clone(), stage.tempo.deciding());
    let Production { site, .. } = production;
    let host = site.addresses.host;
    let key = create(site.builder(&ground), host).await?;
    let gatepost = site.start(&ground, &site.builder(&ground)).await?;
    let email = email_of(&gatepost, host, &key).await?;
    // The cookie is the application's own.
    let machine: Arc<[Visitor]> = [Visitor { cookie: "1".into(), email: email.into() }].into();
    let requests = Requests::pages("/verify", host).with("Authorization", &format!("Bearer {key}"));
    let requests = Arc::new(requests.by("own", machine).ready());
    let watched = vec![Watched::new("gatepost", gatepost.running().pid())];
    let contestants = [
        production.gatepost(&gatepost, "session"),
        contestant("API key", gatepost.internal(), requests, watched),
    ];
    contestants[0].become_known(ground.cores).await?;
    let title = format!("Warm, http, {CONNECTIONS} connections: a session and an API key");
    let ratio = stage.row(&title, &contestants, schedule).await?.cpu_ratio(1);
    if let Some(ratio) = ratio {
        let note = "a request with an API key by one with a session, both warm, http, 16 connections";
        let fact = stage.report.fact("CPU of a warm API key", ratio, "ratio", note);
        fact.must("CPU of a warm API key : warm session", 1.05, 1.0);
    }
    Ok(())
}

/// The address that applications get.
async fn email_of(gatepost: &Gatepost, host: &str, key: &str) -> io::Result<String> {
    let mut request = Vec::new();
    let requests = Requests::pages("/verify", host).with("Connection", "close");
    requests.with("Authorization", &format!("Bearer {key}")).ready().write(0, &mut request);
    let answer = send_raw(gatepost.internal(), &request).await?.text();
    let email = answer.lines().find_map(|line| line.strip_prefix("x-user-email: "));
    email.map(str::to_owned).ok_or_else(|| io::Error::other(format!("the key does not pass: {answer}")))
}

async fn create(builder: GatepostBuilder, host: &str) -> io::Result<String> {
    let arguments = ["key", "create", "bench", "--host", host];
    let made = arguments.into_iter().fold(builder, GatepostBuilder::arg).run().await;
    if made.status.success() {
        return Ok(String::from_utf8_lossy(&made.stdout).trim().to_owned());
    }
    Err(io::Error::other(String::from_utf8_lossy(&made.stderr).into_owned()))
}
