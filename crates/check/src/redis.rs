//! Checks Redis: that it answers, that it keeps what is stored, that others cannot reach it.

use super::finding::{Code, Finding, codes, describe};
use super::time;
use gatepost_certs::tls;
use gatepost_config::{RedisServers, WatchedSecret};
use gatepost_core::error_chain::Chain;
use gatepost_store::retry::retry;
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
        "Nobody can sign in, and signed-in people get 503 unless this replica has their session in its cache.",
        "Start Redis, and correct host and port in REDIS_URL. rediss:// needs the tls-port, redis:// the plain port.";
    TLS = Error "redis-tls":
        "The same as if Redis were down: requests are answered with 503.",
        "Replace the certificate, or add its authority to GATEPOST_CA_FILE. The finding says which of the two is needed.";
    REFUSED = Error "redis-refused":
        "The same as if Redis were down: requests are answered with 503.",
        "Correct user and password in REDIS_URL.";
    DATABASE = Error "redis-database":
        "The same as if Redis were down: requests are answered with 503.",
        "Let the path of REDIS_URL name a database that Redis has, such as /0. A cluster has only that one; else the databases directive of Redis says how many there are.";
    FAILED = Error "redis-error":
        "The same as if Redis were down: requests are answered with 503.",
        "The finding repeats what Redis answered. Fix its cause there.";
    COMMANDS = Error "redis-commands":
        "Nobody can sign in, or sessions end although they are in use.",
        concat!("Give the user exactly these permissions: ACL SETUSER name ", gatepost_store::redis_user_rules!(), " (and +select where REDIS_URL names a database other than 0, +role with Sentinels, +ping +asking +cluster|slots with a Cluster). With Sentinels and with a Cluster, give them on every server.");
    WRITES = Error "redis-refuses-writes":
        "Nobody can sign in, because Redis answers but accepts no writes.",
        "Let REDIS_URL name the primary, free memory, or fix what prevents Redis from saving.";
    FORBIDDEN = Hint "redis-forbidden":
        "Version, memory and eviction policy could not be checked.",
        "Allow the user to call INFO and TIME, or check yourself: version 6.2 or newer, maxmemory-policy noeviction.";
    OLD = Error "redis-old":
        "Commands that Gatepost needs are missing, or work differently.",
        "Run Redis 6.2 or newer, or Valkey.";
    EVICTS = Error "redis-evicts":
        "When the memory is full, Redis deletes sessions and the marks of used tickets: people are signed out at random, and a ticket may be accepted twice.",
        "Set maxmemory-policy to noeviction (or volatile-ttl), and give Redis enough memory.";
    REPLICA = Error "redis-replica":
        "Nobody can sign in, because a replica accepts no writes.",
        "Let REDIS_URL name the primary.";
    CLUSTER = Error "redis-cluster":
        "Redis answers most commands with MOVED, because their keys lie on other nodes.",
        "Name the nodes in REDIS_URL: redis-cluster://node1:6379,node2:6379.";
    NO_CLUSTER = Error "redis-no-cluster":
        "The same as if Redis were down: requests are answered with 503.",
        "Write redis:// instead of redis-cluster:// in REDIS_URL, or name nodes that run with cluster-enabled yes.";
    FULL = Warning "redis-full":
        "When the memory is full, nobody can sign in.",
        "Raise maxmemory, or find what uses the memory, such as other programs on the same server.";
    UNLIMITED = Hint "redis-unlimited":
        "Redis grows until the kernel kills it or another process.",
        "Set maxmemory (256mb are enough for some hundred thousand sessions), and maxmemory-policy to noeviction.";
    NOT_PERSISTENT = Hint "redis-not-persistent":
        "When Redis restarts, all sessions are lost. People sign in again, in most cases without noticing.",
        "Set appendonly to yes, unless this is intended.";
    SAVE_FAILED = Warning "redis-save-failed":
        "Redis refuses writes until it can save again (stop-writes-on-bgsave-error).",
        "Look at the log and the disk of Redis.";
    CLOCK = Warning "redis-clock":
        "Sessions and tickets live longer or shorter than they should.",
        "Run NTP on both machines.";
    OPEN = Error "redis-open":
        "Whoever reaches the port can delete sessions and see when people use them, without a password.",
        "Set requirepass (or an ACL user), and put the password into REDIS_URL.";
    PLAIN = Warning "redis-plain":
        "The password and all commands are sent over the network unencrypted.",
        "Use rediss://, or a network of this machine that no one else uses.";
    SLOW = Warning "redis-slow":
        "If an answer takes longer than 100 ms, the request is answered with 503.",
        "Run Redis closer to Gatepost, or look for slow commands of other programs (SLOWLOG).";
}

/// Half of the time that `/verify` waits for Redis.
const SLOW_ANSWER: Duration = Duration::from_millis(50);
const OLDEST: [u32; 2] = [6, 2];
const NEARLY_FULL: f64 = 0.8;
const SETTING: &str = "REDIS_URL";

pub(super) async fn inspect(url: &WatchedSecret, ca_file: Option<&Path>) -> Vec<Finding> {
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
    if let Err(error) = retry(async || answer(store.connect().await)).await.unwrap_or_else(Err) {
        return vec![unanswered(&error)];
    }
    let mut findings = Vec::new();
    let report = match retry(async || answer(store.report().await)).await.unwrap_or_else(Err) {
        Ok(report) => Some(report),
        Err(error) if is_refused_command(&error) => {
            findings.push(FORBIDDEN.at(SETTING, describe_answer(&error)));
            None
        }
        Err(error) => return vec![unanswered(&error)],
    };
    let report = report.as_deref().map(Report::parse);
    if let Some(report) = &report {
        check_server(report, is_cluster(url), &mut findings);
        check_memory(report, store.saves().await, &mut findings);
    }
    check_exposure(&url.current(), &mut findings);
    if is_cluster(url) || report.as_ref().is_none_or(|report| report.text("role") != "slave") {
        check_writes(&store, &mut findings).await;
    }
    if findings.iter().all(|finding| finding.severity() < super::Severity::Warning) {
        findings.push(Finding::fine("redis", SETTING, summary(report.as_ref())));
    }
    findings
}

fn summary(report: Option<&Report<'_>>) -> String {
    let Some(report) = report else { return "All commands that Gatepost needs work.".to_owned() };
    format!("Version {}, maxmemory-policy {}.", report.text("redis_version"), report.text("maxmemory_policy"))
}

/// Splits a result for a retry: an error of the connection is retried, a refusal by the server is not.
fn answer<T>(result: Result<T, StoreError>) -> Result<Result<T, StoreError>, StoreError> {
    match result {
        Err(error) if refusal(&error).is_none() => Err(error),
        result => Ok(result),
    }
}

fn unanswered(error: &StoreError) -> Finding {
    match tls::explain(error) {
        Some(fault) => TLS.of_tls(SETTING, fault),
        None => match refusal(error) {
            Some(code) => code.at(SETTING, describe_answer(error)),
            None => UNREACHABLE.at(SETTING, describe(error)),
        },
    }
}

/// What Redis answered, without the sentence of [`StoreError`] that it gave no answer.
fn describe_answer(error: &StoreError) -> String {
    match error {
        StoreError::Redis(answer) => describe(answer),
        other => describe(other),
    }
}

/// The code for a refusal by the server; `None` if the server did not answer.
fn refusal(error: &StoreError) -> Option<&'static Code> {
    let StoreError::Redis(error) = error else { return None };
    // When SELECT is refused at connecting, the driver replaces the server's code by `ERR`: only the text tells why.
    let says = |words: &str| error.detail().is_some_and(|detail| detail.contains(words));
    match (error.code(), error.kind()) {
        _ if is_refusal(error) || says("'select'") => Some(&COMMANDS),
        (Some("NOAUTH" | "WRONGPASS"), _) | (_, ::redis::ErrorKind::AuthenticationFailed) => Some(&REFUSED),
        (Some("ERR"), _) if says("Authentication required") => Some(&REFUSED),
        (Some("ERR"), _)
            if says("DB index is out of range") || says("SELECT is not allowed in cluster mode") =>
        {
            Some(&DATABASE)
        }
        (Some("ERR"), _) if says("cluster support disabled") => Some(&NO_CLUSTER),
        (Some("ERR"), _) => Some(&FAILED),
        _ => None,
    }
}

/// The fields of the answer to `INFO`, by name.
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

/// Whether the URL names nodes of a Cluster.
fn is_cluster(url: &WatchedSecret) -> bool {
    let servers = RedisServers::of_url(url.current().expose_secret());
    matches!(servers, Ok(RedisServers::Cluster(_)))
}

fn check_server(report: &Report<'_>, is_cluster: bool, findings: &mut Vec<Finding>) {
    let version = report.text("redis_version");
    let numbers: Vec<u32> = version.split('.').take(2).filter_map(|number| number.parse().ok()).collect();
    if numbers.len() == 2 && numbers[..] < OLDEST[..] {
        findings.push(OLD.at(SETTING, format!("The server is version {version}.")));
    }
    if report.text("role") == "slave" && !is_cluster {
        findings.push(REPLICA.at(SETTING, "The server is a replica."));
    }
    if report.text("cluster_enabled") == "1" && !is_cluster {
        findings.push(CLUSTER.at(SETTING, "The server is part of a cluster."));
    }
}

fn check_memory(report: &Report<'_>, saves: Option<bool>, findings: &mut Vec<Finding>) {
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

/// Checks whether others can read the traffic, or connect without a password.
fn check_exposure(url: &SecretString, findings: &mut Vec<Finding>) {
    let servers = RedisServers::of_url(url.expose_secret()).map(|servers| servers.urls()).unwrap_or_default();
    let is_elsewhere = |url: &&Url| !url.scheme().ends_with("unix") && !crate::loopback::is_loopback(url);
    // Sentinels lead to servers elsewhere if one of them is.
    let Some(url) = servers.iter().find(is_elsewhere) else { return };
    if url.password().is_none() {
        findings.push(OPEN.at(
            SETTING,
            "REDIS_URL has no password, and Redis is on another machine or in another container.",
        ));
    }
    if matches!(url.scheme(), "redis" | "valkey") && !crate::loopback::is_on_this_machine(url) {
        findings
            .push(PLAIN.at(SETTING, "The connection does not use TLS, and Redis is not on this machine."));
    }
}

/// Runs each command that sessions need, on keys of its own.
async fn check_writes(store: &RedisStore, findings: &mut Vec<Finding>) {
    let sent = Instant::now();
    let answered = retry(async || answer(store.ping().await)).await.unwrap_or_else(Err);
    let taken = sent.elapsed();
    let tried = match answered {
        Err(error) if !is_refused_command(&error) => Err(error),
        _ => retry(async || answer(store.find_refused().await)).await.unwrap_or_else(Err),
    };
    match tried {
        Err(error) => findings.push(WRITES.at(SETTING, format!("A write was refused: {}.", Chain(&error)))),
        Ok(refused) if !refused.is_empty() => {
            findings.push(COMMANDS.at(SETTING, format!("The user may not call {}.", refused.join(", "))));
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

    fn found(inspect: impl Fn(&mut Vec<Finding>)) -> Vec<&'static str> {
        let mut findings = Vec::new();
        inspect(&mut findings);
        findings.iter().map(Finding::code).collect()
    }

    #[test]
    fn an_unsupported_version_or_mode_is_an_error() {
        for (report, codes) in [
            ("redis_version:6.0.16\r\nrole:master\r\n", vec!["redis-old"]),
            ("redis_version:6.2.0\r\nrole:master\r\n", vec![]),
            ("redis_version:10.0.1\r\nrole:slave\r\n", vec!["redis-replica"]),
            ("redis_version:7.2.4\r\ncluster_enabled:1\r\n", vec!["redis-cluster"]),
            ("", vec![]),
        ] {
            assert_eq!(
                found(|findings| check_server(&Report::parse(report), false, findings)),
                codes,
                "{report}"
            );
        }
    }

    #[test]
    fn problems_with_memory_and_disk_are_reported() {
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
            assert_eq!(
                found(|findings| check_memory(&Report::parse(report), saves, findings)),
                codes,
                "{report}"
            );
        }
    }

    #[test]
    fn a_server_on_another_machine_needs_a_password_and_tls() {
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
            ("redis-sentinel://127.0.0.1,10.0.0.2/main", vec!["redis-open", "redis-plain"]),
            ("redis-sentinel://:secret@[::1]:26379,localhost/main", vec![]),
            ("rediss-sentinel://:secret@10.0.0.2/main", vec![]),
        ] {
            assert_eq!(found(|findings| check_exposure(&url.into(), findings)), codes, "{url}");
        }
    }
}
