//! Measures the memory of an idle process, the size of a stored session, and the time of a start.

use super::Stage;
use crate::cpu::{Memory, Watched};
use crate::site::{Addresses, Person, Provider, Site, Stores, until_at_rest};
use crate::stats::Spread;
use gatepost_store::directory::EmbeddedFile;
use gatepost_store::pool::Connect;
use sqlx::Row as _;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// The number of sessions over which the size is averaged.
const SESSIONS: usize = 1_000;
const PEOPLE: usize = 100;
/// The length of a refresh token, which is random. Entra's are at least this long.
const TOKEN: usize = 1_200;
const TIMEOUT: Duration = Duration::from_secs(10);

/// A Lua script that adds up the sizes of the records. It has quotes, because it is sent as an inline command (RESP2).
const SIZES: &str = "\"local n,m,c=0,0,'0' repeat local r=redis.call('SCAN',c,'MATCH',ARGV[1],'COUNT',1000) c=r[1] \
     for _,k in ipairs(r[2]) do n=n+1 m=m+redis.call('MEMORY','USAGE',k,'SAMPLES',0) end until c=='0' return {n,m}\"";

/// Measures memory, stored sessions and the start.
pub async fn run(stage: &mut Stage) -> io::Result<()> {
    let ground = stage.ground.clone();
    let embedded = Site::embedded(&Provider::of(&ground.entra), Addresses::production()).await?;
    start(stage, &embedded).await?;
    idle(stage, &embedded, "one SQLite file", true).await?;
    stored_in_sqlite(stage, &embedded).await?;
    let shared = Site::shared(&Provider::of(&ground.entra), Addresses::production()).await?;
    idle(stage, &shared, "Redis and Postgres", false).await?;
    stored_in_redis(stage, &shared).await
}

/// Measures the time from starting the process to the first 200 of `/readyz`.
async fn start(stage: &mut Stage, site: &Site) -> io::Result<()> {
    let mut millis = Vec::new();
    for _ in 0..if stage.tempo.is_quick { 3 } else { 20 } {
        let begun = Instant::now();
        let gatepost = stage.ground.on_server_core(async { site.builder(&stage.ground).spawn() }).await?;
        wait_ready(gatepost.internal(), begun)?;
        millis.push(begun.elapsed().as_secs_f64() * 1000.0);
        gatepost.sigkill();
    }
    let value = Spread::of(millis).ok_or_else(|| io::Error::other("no start"))?;
    let fact = stage.report.fact("Start to ready", value, "ms", "one SQLite file, migrated; on one core");
    fact.must("start to ready (embedded, migrated)", 150.0, 50.0);
    Ok(())
}

fn wait_ready(addr: SocketAddr, begun: Instant) -> io::Result<()> {
    while begun.elapsed() < TIMEOUT {
        if is_ready(addr).unwrap_or(false) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    Err(io::Error::other("Gatepost is not ready within 10 s"))
}

fn is_ready(addr: SocketAddr) -> io::Result<bool> {
    let mut stream = TcpStream::connect(addr)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: gatepost\r\nConnection: close\r\n\r\n")?;
    let mut status = [0; 12];
    stream.read_exact(&mut status)?;
    Ok(&status == b"HTTP/1.1 200")
}

async fn idle(stage: &mut Stage, site: &Site, stores: &str, is_figure: bool) -> io::Result<()> {
    let gatepost = site.start(&stage.ground, &site.builder(&stage.ground)).await?;
    let watched = Watched::new("gatepost", gatepost.running().pid());
    until_at_rest(&watched).await?;
    let memory = Memory::of(watched.pid)?;
    let note = format!(
        "PSS {:.1}, anonymous {:.1}; {stores}",
        memory.pss as f64 / 1e6,
        memory.anonymous as f64 / 1e6
    );
    let fact =
        stage.report.fact(&format!("Idle memory, RSS, {stores}"), one(memory.rss as f64 / 1e6), "MB", &note);
    if is_figure {
        fact.must("idle memory (RSS)", 20.0, 15.0);
    }
    Ok(())
}

async fn stored_in_redis(stage: &mut Stage, site: &Site) -> io::Result<()> {
    let Stores::Shared { redis, .. } = &site.stores else { return Err(io::Error::other("no Redis")) };
    start_sessions(site).await?;
    let bytes = |pattern: &str| -> io::Result<f64> {
        let reply = redis.command(&["EVAL", SIZES, "0", pattern]);
        let numbers: Vec<f64> =
            reply.lines().filter_map(|line| line.strip_prefix(':')?.parse().ok()).collect();
        match numbers.as_slice() {
            [count, sum] if *count > 0.0 => Ok(*sum),
            _ => Err(io::Error::other(format!("Redis: {reply}"))),
        }
    };
    let note = format!("MEMORY USAGE of the record; with a refresh token of {TOKEN} bytes");
    let record = bytes("gatepost:session:*")? / SESSIONS as f64;
    let fact = stage.report.fact("A stored session in Redis", one(record), "bytes", &note);
    fact.must("stored session (Redis MEMORY USAGE, Entra)", 800.0, 600.0);
    let all = (bytes("gatepost:session:*")? + bytes("gatepost:user:*")? + bytes("gatepost:sid:*")?)
        / SESSIONS as f64;
    stage.report.fact(
        "The same with its entries in both indexes",
        one(all),
        "bytes",
        "10 sessions each person",
    );
    Ok(())
}

async fn stored_in_sqlite(stage: &mut Stage, site: &Site) -> io::Result<()> {
    let file = site.folder().join("gatepost.db");
    site.people(PEOPLE).await?;
    let before = bytes_of(&file).await?;
    start_sessions(site).await?;
    let grown = (bytes_of(&file).await? - before) / SESSIONS as f64;
    let note = format!("growth of the packed file, indexes and all; with a refresh token of {TOKEN} bytes");
    stage.report.fact("A stored session in SQLite", one(grown), "bytes", &note);
    Ok(())
}

async fn start_sessions(site: &Site) -> io::Result<()> {
    let people: Vec<Person> = site.people(PEOPLE).await?;
    let token = token();
    site.sessions(&people, SESSIONS, site.addresses.host, Some(&token)).await.map(drop)
}

/// Random bytes in base64, which cannot be compressed well.
fn token() -> String {
    let mut text = "1.AXkA".to_owned();
    while text.len() < TOKEN {
        text.push_str(&gatepost_store::session::cookie::random());
    }
    text.truncate(TOKEN);
    text
}

async fn bytes_of(file: &std::path::Path) -> io::Result<f64> {
    let mut connection = EmbeddedFile::writing(file).connect().await.map_err(io::Error::other)?;
    // The values that concurrent callbacks share expire after two minutes, so they do not count.
    for tidy in ["DELETE FROM session_values WHERE substr(key, 1, 7) = CAST('shared:' AS BLOB)", "VACUUM"] {
        sqlx::query(tidy).execute(&mut connection).await.map_err(io::Error::other)?;
    }
    let sql = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
    let row = sqlx::query(sql).fetch_one(&mut connection).await.map_err(io::Error::other)?;
    row.try_get::<i64, _>(0).map(|bytes| bytes as f64).map_err(io::Error::other)
}

fn one(value: f64) -> Spread {
    Spread { median: value, min: value, max: value }
}
