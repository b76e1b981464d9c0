//! Redis: does it answer, does it keep what it is given, may others reach it.

use super::finding::{Code, Finding, codes, told};
use super::time;
use gatepost_certs::tls;
use gatepost_config::WatchedSecret;
use gatepost_core::error_chain::Chain;
use gatepost_store::patience::patiently;
use gatepost_store::session::store::{RedisStore, StoreError, is_refusal};
use secrecy::{ExposeSecret, SecretString};
use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

codes! {
    ADDRESS = Error "redis-address":
        "Gatepost does not start.",
        "Correct REDIS_URL, or the file in GATEPOST_CA_FILE.";
    UNREACHABLE = Error "redis-unreachable":
        "Nobody can sign in, and who is signed in gets 503 unless this replica still remembers them.",
        "Start Redis, and correct host and port in REDIS_URL: rediss:// wants the tls-port, redis:// the other.";
    TLS = Error "redis-tls":
        "As if Redis were down: 503.",
        "Mend the certificate, or trust its authority in GATEPOST_CA_FILE: which, the finding says.";
    REFUSED = Error "redis-refused":
        "As if Redis were down: 503.",
        "Correct user and password in REDIS_URL.";
    COMMANDS = Error "redis-commands":
        "Nobody can sign in, or sessions in use end as if nobody used them.",
        concat!("Give the user exactly this: ACL SETUSER name ", gatepost_store::redis_user_rules!(), " (and +select where REDIS_URL names a database other than 0).");
    WRITES = Error "redis-refuses-writes":
        "Nobody can sign in: Redis answers, but takes nothing.",
        "Point REDIS_URL to the primary, make room, or mend what keeps it from saving.";
    FORBIDDEN = Hint "redis-forbidden":
        "Version, memory and eviction policy could not be looked at.",
        "Let the user call INFO and TIME, or look yourself: version 6.2 or newer, maxmemory-policy noeviction.";
    OLD = Error "redis-old":
        "Commands that Gatepost needs are missing, or behave otherwise.",
        "Run Redis 6.2 or newer, or Valkey.";
    EVICTS = Error "redis-evicts":
        "When memory is full Redis throws sessions away: people are signed out at random, and burnt tickets are forgotten.",
        "Set maxmemory-policy noeviction (or volatile-ttl), and give it memory enough.";
    REPLICA = Error "redis-replica":
        "It takes no writes: nobody can sign in.",
        "Point REDIS_URL to the primary.";
    CLUSTER = Error "redis-cluster":
        "Most keys are answered with MOVED, which this version does not follow.",
        "Use a Redis that is no cluster.";
    FULL = Warning "redis-full":
        "When it is full nobody can sign in.",
        "Raise maxmemory, or find what fills it, such as other programs on the same server.";
    UNLIMITED = Hint "redis-unlimited":
        "Redis grows until the kernel kills it, or a neighbour.",
        "Set maxmemory (256mb hold some hundred thousand sessions) with maxmemory-policy noeviction.";
    NOT_PERSISTENT = Hint "redis-not-persistent":
        "A restart of Redis forgets who is signed in; people sign in again, mostly unseen.",
        "Set appendonly yes, unless that is meant.";
    SAVE_FAILED = Warning "redis-save-failed":
        "Redis refuses writes until it can save again (stop-writes-on-bgsave-error).",
        "Look at its log and its disk.";
    CLOCK = Warning "redis-clock":
        "Sessions and tickets live longer or shorter than they should.",
        "Run NTP on both machines.";
    OPEN = Error "redis-open":
        "Whoever reaches the port deletes sessions and learns when people come, without a password.",
        "Set requirepass (or an ACL user) and put the password into REDIS_URL.";
    PLAIN = Warning "redis-plain":
        "The password and every command travel readable over the network.",
        "Use rediss://, or a network of this machine that nobody else is on.";
    SLOW = Warning "redis-slow":
        "Answers that take longer than 100 ms count as none: 503.",
        "Put Redis nearer, or look for slow commands of other programs (SLOWLOG).";
}

/// Half of what `/verify` allows.
const SLOW_ANSWER: Duration = Duration::from_millis(50);
const OLDEST: [u32; 2] = [6, 2];
const NEARLY_FULL: f64 = 0.8;
const SETTING: &str = "REDIS_URL";

pub(super) async fn look(url: &WatchedSecret, ca_file: Option<&Path>) -> Vec<Finding> {
    let ca = match ca_file.map(tls::read_authorities).transpose() {
        Ok(ca) => ca,
        Err(error) => {
            return vec![ADDRESS.at("GATEPOST_CA_FILE", format!("The file cannot be read: {error}."))];
        }
    };
    let store = match RedisStore::open(url, ca) {
        Ok(store) => store,
        Err(error) => return vec![ADDRESS.at(SETTING, format!("It cannot be used: {}.", Chain(&error)))],
    };
    let mut findings = Vec::new();
    let report = match patiently(async || answer(store.report().await)).await.unwrap_or_else(Err) {
        Ok(report) => Some(report),
        Err(error) if is_refused_command(&error) => {
            findings.push(FORBIDDEN.at(SETTING, told(&error)));
            None
        }
        Err(error) => return vec![unanswered(&error)],
    };
    let report = report.as_deref().map(Report::parse);
    if let Some(report) = &report {
        server(report, &mut findings);
        memory(report, store.saves().await, &mut findings);
    }
    reach(&url.current(), &mut findings);
    if report.as_ref().is_none_or(|report| report.text("role") != "slave") {
        writes(&store, &mut findings).await;
    }
    if findings.iter().all(|finding| finding.severity() < super::Severity::Warning) {
        findings.push(Finding::fine("redis", SETTING, summary(report.as_ref())));
    }
    findings
}

fn summary(report: Option<&Report<'_>>) -> String {
    let Some(report) = report else { return "Every command that is needed works.".to_owned() };
    format!("Version {}, maxmemory-policy {}.", report.text("redis_version"), report.text("maxmemory_policy"))
}

/// Tried again only while nobody answers: a refusal stays one.
fn answer<T>(result: Result<T, StoreError>) -> Result<Result<T, StoreError>, StoreError> {
    match result {
        Err(error) if refusal(&error).is_none() => Err(error),
        result => Ok(result),
    }
}

fn unanswered(error: &StoreError) -> Finding {
    match tls::explain(error) {
        Some(fault) => TLS.of_tls(SETTING, fault),
        None => refusal(error).unwrap_or(&UNREACHABLE).at(SETTING, told(error)),
    }
}

/// The code of a refusal by the server.
fn refusal(error: &StoreError) -> Option<&'static Code> {
    let StoreError::Redis(error) = error else { return None };
    match (error.code(), error.kind()) {
        _ if is_refusal(error) || error.detail().is_some_and(|detail| detail.contains("'select'")) => {
            Some(&COMMANDS)
        }
        (Some("NOAUTH" | "WRONGPASS" | "ERR"), _) | (_, ::redis::ErrorKind::AuthenticationFailed) => {
            Some(&REFUSED)
        }
        _ => None,
    }
}

/// `INFO`, by name.
struct Report<'a>(HashMap<&'a str, &'a str>);

impl<'a> Report<'a> {
    fn parse(text: &'a str) -> Self {
        Self(text.lines().filter_map(|line| line.trim().split_once(':')).collect())
    }

    fn text(&self, name: &str) -> &'a str {
        self.0.get(name).copied().unwrap_or("unknown")
    }

    fn number(&self, name: &str) -> f64 {
        self.text(name).parse().unwrap_or_default()
    }
}

fn server(report: &Report<'_>, findings: &mut Vec<Finding>) {
    let version = report.text("redis_version");
    let numbers: Vec<u32> = version.split('.').take(2).filter_map(|number| number.parse().ok()).collect();
    if numbers.len() == 2 && numbers[..] < OLDEST[..] {
        findings.push(OLD.at(SETTING, format!("The server is version {version}.")));
    }
    if report.text("role") == "slave" {
        findings.push(REPLICA.at(SETTING, "The server is a replica."));
    }
    if report.text("cluster_enabled") == "1" {
        findings.push(CLUSTER.at(SETTING, "The server is part of a cluster."));
    }
}

fn memory(report: &Report<'_>, saves: Option<bool>, findings: &mut Vec<Finding>) {
    let policy = report.text("maxmemory_policy");
    if policy.starts_with("allkeys-") {
        findings.push(EVICTS.at(SETTING, format!("maxmemory-policy is {policy}.")));
    }
    let (used, most) = (report.number("used_memory"), report.number("maxmemory"));
    if most == 0.0 {
        findings.push(UNLIMITED.at(SETTING, "maxmemory is not set."));
    } else if used > most * NEARLY_FULL {
        let found = format!("{:.0} % of maxmemory are in use.", used / most * 100.0);
        findings.push(FULL.at(SETTING, found));
    }
    if report.text("aof_enabled") != "1" && saves == Some(false) {
        findings.push(NOT_PERSISTENT.at(SETTING, "Neither appendonly nor save is set."));
    }
    if report.text("rdb_last_bgsave_status") == "err" || report.text("aof_last_write_status") == "err" {
        findings.push(SAVE_FAILED.at(SETTING, "The last attempt to save failed."));
    }
}

/// Who else can read along or come in.
fn reach(url: &SecretString, findings: &mut Vec<Finding>) {
    let Ok(url) = Url::parse(url.expose_secret()) else { return };
    if url.scheme().ends_with("unix") || super::is_loopback(&url) {
        return;
    }
    if url.password().is_none() {
        findings
            .push(OPEN.at(SETTING, "There is no password, and Redis is on another machine or container."));
    }
    if matches!(url.scheme(), "redis" | "valkey") && !super::stays_near(&url) {
        findings.push(PLAIN.at(SETTING, "The connection is without TLS, off loopback."));
    }
}

/// Writes as sessions do, with each of their commands.
async fn writes(store: &RedisStore, findings: &mut Vec<Finding>) {
    let sent = Instant::now();
    let answered = patiently(async || answer(store.ping().await)).await.unwrap_or_else(Err);
    let taken = sent.elapsed();
    let tried = match answered {
        Err(error) if !is_refused_command(&error) => Err(error),
        _ => patiently(async || answer(store.find_refused().await)).await.unwrap_or_else(Err),
    };
    match tried {
        Err(error) => findings.push(WRITES.at(SETTING, format!("A write was refused: {}.", Chain(&error)))),
        Ok(refused) if !refused.is_empty() => {
            findings.push(COMMANDS.at(SETTING, format!("The user may not use: {}.", refused.join(", "))));
        }
        Ok(_) if taken > SLOW_ANSWER => {
            findings.push(SLOW.at(SETTING, format!("A write took {} ms.", taken.as_millis())));
        }
        Ok(_) => {}
    }
    if let Ok(theirs) = store.clock().await
        && let Some(found) = time::skew(theirs, "Redis")
    {
        findings.push(CLOCK.at(SETTING, found));
    }
}

fn is_refused_command(error: &StoreError) -> bool {
    matches!(error, StoreError::Redis(error) if is_refusal(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(look: impl Fn(&mut Vec<Finding>)) -> Vec<&'static str> {
        let mut findings = Vec::new();
        look(&mut findings);
        findings.iter().map(Finding::code).collect()
    }

    #[test]
    fn versions_and_modes_that_do_not_work_are_errors() {
        for (report, codes) in [
            ("redis_version:6.0.16\r\nrole:master\r\n", vec!["redis-old"]),
            ("redis_version:6.2.0\r\nrole:master\r\n", vec![]),
            ("redis_version:10.0.1\r\nrole:slave\r\n", vec!["redis-replica"]),
            ("redis_version:7.2.4\r\ncluster_enabled:1\r\n", vec!["redis-cluster"]),
            ("", vec![]),
        ] {
            assert_eq!(found(|findings| server(&Report::parse(report), findings)), codes, "{report}");
        }
    }

    #[test]
    fn memory_and_disk_that_run_out_are_named() {
        for (report, saves, codes) in [
            (
                "maxmemory_policy:allkeys-lfu\r\nmaxmemory:100\r\nused_memory:10",
                Some(true),
                vec!["redis-evicts"],
            ),
            ("maxmemory_policy:volatile-lru\r\nmaxmemory:100\r\nused_memory:81", None, vec!["redis-full"]),
            ("maxmemory:0", Some(true), vec!["redis-unlimited"]),
            ("maxmemory:100\r\naof_enabled:0", Some(false), vec!["redis-not-persistent"]),
            ("maxmemory:100\r\naof_enabled:1", Some(false), vec![]),
            ("maxmemory:100\r\nrdb_last_bgsave_status:err", Some(true), vec!["redis-save-failed"]),
        ] {
            assert_eq!(found(|findings| memory(&Report::parse(report), saves, findings)), codes, "{report}");
        }
    }

    #[test]
    fn off_loopback_a_password_and_tls_are_asked_for() {
        for (url, codes) in [
            ("redis://redis:6379/0", vec!["redis-open"]),
            ("redis://redis.example.com:6379/0", vec!["redis-open", "redis-plain"]),
            ("redis://:secret@10.0.0.2", vec!["redis-plain"]),
            ("rediss://10.0.0.2", vec!["redis-open"]),
            ("rediss://user:secret@redis.example.com", vec![]),
            ("redis://127.0.0.1", vec![]),
            ("redis://[::1]:6379", vec![]),
            ("redis://localhost", vec![]),
            ("valkey://cache.example.com", vec!["redis-open", "redis-plain"]),
            ("valkeys://:secret@cache.example.com", vec![]),
            ("unix:///run/redis.sock", vec![]),
        ] {
            assert_eq!(found(|findings| reach(&url.into(), findings)), codes, "{url}");
        }
    }
}
