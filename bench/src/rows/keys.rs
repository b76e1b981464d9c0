//! Compares programs with an API key, with one of a tenant that has limits, and with an access token with a person with a
//! session, all warm, at the same Gatepost.

use super::production::{CONNECTIONS, Production, contestant};
use super::{Stage, quota};
use crate::cpu::Watched;
use crate::load::{Requests, Visitor};
use crate::measure::Contestant;
use crate::site::{Ground, Site, Stores};
use gatepost_kit::client::send_raw;
use gatepost_kit::process::{Gatepost, Postgres};
use std::io;
use std::sync::Arc;

/// The person of the access token, at the provider.
const PERSON: &str = "bench";
/// The other keys in the directory, which must not matter.
const KEYS: u32 = 100_000;
/// A tenant with limits that the run does not reach.
const LIMITED: &str = "counted";
/// The tenant of everybody, which has none.
const UNLIMITED: &str = "github";
pub(super) const AUDIENCE: &str = "GATEPOST_PROVIDERS__ENTRA__AUDIENCE";

/// Measures over http.
pub async fn run(stage: &mut Stage, production: &Production) -> io::Result<()> {
    let (ground, schedule) = (stage.ground.clone(), stage.tempo.deciding());
    let Production { site, .. } = production;
    let host = site.addresses.host;
    let key = Site::command(site.builder(&ground), &["key", "create", "bench", "--host", host]).await?;
    crowd(site).await?;
    let limited = limited_key(&ground, site, host).await?;
    let token = token(&ground, site).await?;
    let builder = site.builder(&ground).env(AUDIENCE, ground.entra.audience());
    let gatepost = site.start(&ground, &builder).await?;
    let mut contestants = vec![production.gatepost(&gatepost, "session")];
    for (name, credential) in [("API key", key), ("access token", token), ("API key with limits", limited)] {
        contestants.push(program(&gatepost, host, name, &credential).await?);
    }
    contestants[0].become_known(ground.cores).await?;
    let title = format!(
        "Warm, http, {CONNECTIONS} connections: a session, API keys beside {KEYS} others, and an access token"
    );
    let row = stage.row(&title, &contestants, schedule).await?;
    // The other rows have none.
    postgres(site)?.sql("test_0", "DELETE FROM gatepost.keys WHERE name = 'other'").await;
    let [of_key, of_token, of_limited] = [row.cpu_ratio(1), row.cpu_ratio(2), row.cpu_ratio(3)];
    if let Some(ratio) = of_key {
        let note =
            "a request with an API key by one with a session, both warm, http, 16 connections; 100,000 keys";
        let fact = stage.report.fact("CPU of a warm API key", ratio, "ratio", note);
        fact.must("CPU of a warm API key : warm session", 1.05, 1.0);
    }
    if let Some(ratio) = of_token {
        let note = "a request with an access token by one with a session, both warm, http, 16 connections";
        let fact = stage.report.fact("CPU of a warm access token", ratio, "ratio", note);
        fact.must("CPU of a warm access token : warm session", 1.10, 1.0);
    }
    if let Some(ratio) = of_limited {
        let note = "a request with an API key of a tenant with limits by one with a session, both warm, http, 16 connections";
        stage.report.fact("CPU of a warm API key with limits", ratio, "ratio", note);
    }
    quota::run(stage, site, (LIMITED, UNLIMITED), (&gatepost, &contestants[3])).await
}

/// A program with this credential.
pub(super) async fn program(
    gatepost: &Gatepost,
    host: &str,
    name: &str,
    credential: &str,
) -> io::Result<Contestant> {
    let credential = format!("Bearer {credential}");
    let email = email_of(gatepost, host, &credential).await?;
    // The cookie is the application's own.
    let own: Arc<[Visitor]> = [Visitor { cookie: "1".into(), email: email.into() }].into();
    let requests = Requests::pages("/verify", host).with("Authorization", &credential);
    let requests = Arc::new(requests.by("own", own).ready());
    let watched = vec![Watched::new("gatepost", gatepost.running().pid())];
    Ok(contestant(name, gatepost.internal(), requests, watched))
}

/// Makes [`KEYS`] other keys like the one that there is.
async fn crowd(site: &Site) -> io::Result<()> {
    let keys = format!(
        "INSERT INTO gatepost.keys \
         (id, hash, hint, name, machine_name, created_by, scopes, hosts, expires_at, created_at) \
         SELECT '00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'), sha256(n::text::bytea), hint, 'other', \
         'other-' || n, created_by, scopes, hosts, expires_at, created_at \
         FROM gatepost.keys, generate_series(1, {KEYS}) n WHERE name = 'bench' ON CONFLICT DO NOTHING"
    );
    postgres(site)?.sql("test_0", &keys).await;
    Ok(())
}

fn postgres(site: &Site) -> io::Result<&Postgres> {
    match &site.stores {
        Stores::Shared { postgres, .. } => Ok(postgres),
        Stores::Embedded => Err(io::Error::other("no Postgres")),
    }
}

/// A key of [`LIMITED`].
async fn limited_key(ground: &Ground, site: &Site, host: &str) -> io::Result<String> {
    let builder = || site.builder(ground);
    Site::command(builder(), &["tenant", "create", LIMITED]).await?;
    let limits = ["--limit", "api_requests_per_day=4000000000", "--limit", "requests_per_minute=1000000000"];
    Site::command(builder(), &[&["tenant", "set", LIMITED], &limits[..]].concat()).await?;
    Site::command(builder(), &["key", "create", LIMITED, "--tenant", LIMITED, "--host", host]).await
}

/// The address that applications get.
async fn email_of(gatepost: &Gatepost, host: &str, credential: &str) -> io::Result<String> {
    let mut request = Vec::new();
    let requests = Requests::pages("/verify", host).with("Connection", "close");
    requests.with("Authorization", credential).ready().write(0, &mut request);
    let answer = send_raw(gatepost.internal(), &request).await?.text();
    let email = answer.lines().find_map(|line| line.strip_prefix("x-user-email: "));
    email.map(str::to_owned).ok_or_else(|| io::Error::other(format!("it does not pass: {answer}")))
}

/// An access token for one of the people who have the sessions, so that both answers are alike.
pub(super) async fn token(ground: &Ground, site: &Site) -> io::Result<String> {
    ground.entra.add(gatepost_kit::entra::Person::named(PERSON));
    let subject = ground.entra.find(PERSON).ok_or_else(|| io::Error::other("nobody"))?.oid;
    let issuer = ground.entra.issuer();
    let identity = format!(
        "INSERT INTO gatepost.identities (issuer, subject, provider, user_id, created_at) \
         SELECT '{issuer}', '{subject}', 'entra', id, 0 FROM gatepost.users WHERE email = 'person-0@example.com' \
         ON CONFLICT DO NOTHING"
    );
    postgres(site)?.sql("test_0", &identity).await;
    Ok(ground.entra.access_token(PERSON))
}
