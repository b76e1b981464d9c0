//! Checks Postgres: that it answers, that the user has all privileges, that commits are durable. Also checks the file
//! of embedded mode.

use super::finding::{Code, Finding, Place, codes, describe};
use super::time;
use gatepost_certs::tls;
use gatepost_config::{PostgresServers, StoresConfig};
use gatepost_store::directory::{Directory, DirectoryError, SchemaState, ServerReport};
use secrecy::{ExposeSecret, SecretString};
use std::path::Path;
use url::Url;

codes! {
    ADDRESS = Error "postgres-address":
        "Gatepost does not start.",
        "Write DATABASE_URL as postgres://user:password@host/database.";
    UNREACHABLE = Error "postgres-unreachable":
        "Nobody can sign in. Signed-in people get 503 as soon as this replica may no longer use its cached sessions.",
        "Start Postgres, and correct host and port in DATABASE_URL.";
    POOLER = Error "postgres-pooler":
        "Gatepost does not start: it needs its own connections for settings, prepared statements, locks and notifications, and this pooler shares connections between clients.",
        "Let DATABASE_URL name Postgres itself, or set pool_mode = session for this database in the pooler. Managed poolers have another port for sessions: at Supabase 5432 instead of 6543.";
    POOLER_REFUSES = Error "postgres-pooler-refuses":
        "The same as if Postgres were down: requests are answered with 503.",
        "Correct the pooler's settings that the message names: its list of databases and users, or ignore_startup_parameters. You can also remove a parameter from DATABASE_URL.";
    TLS = Error "postgres-tls":
        "The same as if Postgres were down: requests are answered with 503.",
        "Replace the certificate, or add its authority to GATEPOST_CA_FILE. The finding says which of the two is needed.";
    REFUSED = Error "postgres-refused":
        "The same as if Postgres were down: requests are answered with 503.",
        "Correct user and password in DATABASE_URL, or DATABASE_PASSWORD. pg_hba.conf must allow the user to connect from here.";
    NO_DATABASE = Error "postgres-no-database":
        "The same as if Postgres were down: requests are answered with 503.",
        "Create the database with CREATE DATABASE, or correct its name in DATABASE_URL.";
    OLD = Error "postgres-old":
        "The schema cannot be created, or does not work as tested.",
        "Run Postgres 14 or newer.";
    ENCODING = Error "postgres-encoding":
        "Names with characters that this encoding does not have cannot be stored: people with such names cannot sign in.",
        "Create the database with ENCODING 'UTF8' (TEMPLATE template0).";
    STANDBY = Error "postgres-standby":
        "A standby may return old data, and accepts no changes: requests are answered with 503.",
        "Let DATABASE_URL name the primary, or all servers, separated by commas: of several, Gatepost uses the primary.";
    READ_ONLY = Error "postgres-read-only":
        "Nobody can sign in, and nobody's access can be revoked.",
        "Set default_transaction_read_only to off for this user and database.";
    SCHEMA_BEHIND = Hint "schema-behind":
        "The next `gatepost serve` migrates the schema itself.",
        "Run `gatepost migrate` first if you want to migrate separately.";
    SCHEMA_NEWER = Error "schema-newer":
        "This version of Gatepost does not start, because it could damage the data.",
        "Start the newer version, or restore the backup that was made before the upgrade.";
    PRIVILEGES = Error "postgres-privileges":
        "Sign-ins and changes fail.",
        "Let the user of DATABASE_URL own the schema gatepost; to create it, it needs CREATE on the database. Or let it own nothing, and run gatepost migrate --as-owner (docs/audit.md) before each upgrade: it grants what is missing.";
    SUPERUSER = Warning "postgres-superuser":
        "Whoever takes over Gatepost controls the whole database server and its files.",
        "Give Gatepost its own user, which owns only Gatepost's database.";
    CONNECTIONS = Warning "postgres-connections":
        "Each replica opens up to 10 connections. A replica that gets none answers 503.",
        "Raise max_connections or the user's CONNECTION LIMIT, or close connections of other programs.";
    NOT_DURABLE = Warning "postgres-not-durable":
        "After a crash of the server, a person whose access was revoked may have it again.",
        "Set fsync and synchronous_commit to on.";
    NOT_REPLICATED = Warning "postgres-not-replicated":
        "When a standby takes the primary's place, the last changes may be lost: a person whose access was revoked has it again, and an ended session or a revoked key counts again.",
        "Set synchronous_standby_names to 'ANY 1 (*)' and synchronous_commit to on, on each of the servers.";
    CLOCK = Warning "postgres-clock":
        "Ended sessions end too early or too late. From 30 s on, this replica is not ready.",
        "Run NTP on both machines.";
    PLAIN = Warning "postgres-plain":
        "The password and all data about people are sent over the network unencrypted.",
        "Append ?sslmode=verify-full to DATABASE_URL, and add the server's authority to GATEPOST_CA_FILE.";
    UNVERIFIED = Warning "postgres-unverified":
        "Whoever controls the network between Gatepost and Postgres can answer in the database's place, and grant access to anybody.",
        "Append ?sslmode=verify-full to DATABASE_URL, and add the server's authority to GATEPOST_CA_FILE.";
    AUDIT = Error "audit-broken":
        "Entries of the audit were changed or deleted after they were written, or the database is not Gatepost's.",
        "Run `gatepost audit verify`, which names the hour, and compare with a dump and with the heads that you keep elsewhere.";
    EXPOSED = Error "embedded-file-exposed":
        "Gatepost does not start, because other users of the machine could read or change who signs in and what they may do.",
        "Run chmod 600 on the file that the finding names. Its folder should belong to Gatepost's user.";
    EMBEDDED = Error "embedded-unusable":
        "Gatepost does not start.",
        "Let the file and its folder belong to Gatepost's user, and make sure that the disk is not full.";
}

const OLDEST: i64 = 140_000;
/// The largest number of connections that one replica opens.
const PER_REPLICA: i64 = 10;
const SETTING: &str = "DATABASE_URL";

/// Checks the store of the directory. Returns the opened directory too, so that requirements can be checked against it.
pub(super) async fn inspect(
    stores: &StoresConfig,
    ca_file: Option<&Path>,
) -> (Vec<Finding>, Option<Directory>) {
    let url = match stores {
        StoresConfig::Embedded { file } if !file.exists() => return (vec![absent(file)], None),
        StoresConfig::Embedded { .. } => None,
        StoresConfig::Shared { database_url, .. } => Some(database_url.current()),
    };
    let place = place(stores);
    let directory = match Directory::open(stores, ca_file) {
        Ok(directory) => directory,
        Err(error) => {
            let code = match &error {
                DirectoryError::Exposed { .. } => &EXPOSED,
                _ if url.is_some() => &ADDRESS,
                _ => &EMBEDDED,
            };
            return (vec![code.at(place, describe(&error))], None);
        }
    };
    let mut findings = Vec::new();
    match examine(&directory, url.as_ref(), &place, &mut findings).await {
        Ok(()) => (findings, Some(directory)),
        Err(error) => {
            let code = if url.is_some() { refusal(&error) } else { &EMBEDDED };
            findings.push(match tls::explain(&error) {
                Some(fault) => TLS.of_tls(place, fault),
                None => code.at(place, describe(&error)),
            });
            (findings, None)
        }
    }
}

/// The finding that the audit does not fit its heads, or cannot be read.
pub fn audit_broken(found: impl Into<String>) -> Finding {
    AUDIT.at(SETTING, found)
}

fn place(stores: &StoresConfig) -> Place {
    match stores {
        StoresConfig::Embedded { file } => Place::line(file, 0),
        StoresConfig::Shared { .. } => SETTING.into(),
    }
}

fn absent(file: &Path) -> Finding {
    Finding::fine("embedded", Place::line(file, 0), "There is none yet: the first start creates it.")
}

async fn examine(
    directory: &Directory,
    url: Option<&SecretString>,
    place: &Place,
    findings: &mut Vec<Finding>,
) -> Result<(), DirectoryError> {
    let report = directory.inspect().await?;
    if let Some(report) = &report {
        check_server(report, findings);
        if let Some(url) = url {
            check_connection(url, report, findings);
            check_replication(url, report, findings);
        }
    }
    let state = directory.schema_state().await?;
    match state {
        SchemaState::Current => {}
        SchemaState::Behind => {
            findings.push(SCHEMA_BEHIND.at(place.clone(), "The schema is not up to date."));
        }
        SchemaState::Newer => {
            findings.push(SCHEMA_NEWER.at(place.clone(), "A newer Gatepost has migrated it."));
        }
    }
    if let Some(report) = &report {
        check_privileges(report, state, findings);
    }
    if report.is_none() && !directory.is_writable().await? {
        findings.push(EMBEDDED.at(place.clone(), "The file is read-only."));
    }
    if let Some(found) = time::skew(directory.clock().await?, "Postgres") {
        findings.push(CLOCK.at(place.clone(), found));
    }
    if findings.iter().all(|finding| finding.severity() < super::Severity::Warning) {
        let (part, found) = match &report {
            Some(report) => ("postgres", format!("Version {}, a primary.", report.version / 10_000)),
            None => ("embedded", "The file can be read and written.".to_owned()),
        };
        findings.push(Finding::fine(part, place.clone(), found));
    }
    Ok(())
}

fn check_server(report: &ServerReport, findings: &mut Vec<Finding>) {
    let mut when = |is_so: bool, code: &'static Code, found: String| {
        if is_so {
            findings.push(code.at(SETTING, found));
        }
    };
    let version = report.version / 10_000;
    when(report.version < OLDEST, &OLD, format!("The server is version {version}."));
    when(report.encoding != "UTF8", &ENCODING, format!("The database's encoding is {}.", report.encoding));
    when(report.is_standby, &STANDBY, "The server is a standby.".to_owned());
    when(
        report.is_read_only && !report.is_standby,
        &READ_ONLY,
        "default_transaction_read_only is on.".to_owned(),
    );
    when(report.is_superuser, &SUPERUSER, "The user is a superuser.".to_owned());
    when(
        report.free_connections < PER_REPLICA,
        &CONNECTIONS,
        format!("{} more connections can be opened.", report.free_connections.max(0)),
    );
    when(!report.is_durable, &NOT_DURABLE, "fsync or synchronous_commit is off.".to_owned());
}

fn check_privileges(report: &ServerReport, state: SchemaState, findings: &mut Vec<Finding>) {
    if !report.forbidden.is_empty() {
        let found = format!("The user may not use {}.", report.forbidden.join(", "));
        findings.push(PRIVILEGES.at(SETTING, found));
    } else if state == SchemaState::Behind && !report.may_create {
        findings.push(PRIVILEGES.at(SETTING, "The user may not create the schema."));
    }
}

fn check_connection(url: &SecretString, report: &ServerReport, findings: &mut Vec<Finding>) {
    let servers = PostgresServers::of_url(url.expose_secret()).parsed();
    let is_near = |url: &&Url| crate::loopback::is_on_this_machine(url) || is_socket(url);
    let Some(url) = servers.iter().find(|url| !is_near(url)) else { return };
    let mode = url.query_pairs().find(|(name, _)| name == "sslmode" || name == "ssl-mode");
    let mode = mode.map(|(_, value)| value.to_ascii_lowercase()).unwrap_or_default();
    if !report.is_encrypted {
        findings
            .push(PLAIN.at(SETTING, "The connection is not encrypted, and Postgres is not on this machine."));
    } else if mode == "verify-ca" {
        let found = "The host is not compared with the certificate's names, and certificates of the system's authorities are also accepted.";
        findings.push(UNVERIFIED.at(SETTING, found));
    } else if mode != "verify-full" {
        findings.push(UNVERIFIED.at(SETTING, "The server's certificate is not verified."));
    }
}

/// With one host, nothing says that a standby may take its place.
fn check_replication(url: &SecretString, report: &ServerReport, findings: &mut Vec<Finding>) {
    if PostgresServers::of_url(url.expose_secret()).urls.len() > 1 && !report.is_replicated {
        let found = "There are several hosts, and changes do not wait for a standby: synchronous_standby_names is empty, or synchronous_commit is off or local.";
        findings.push(NOT_REPLICATED.at(SETTING, found));
    }
}

/// A URL of a Unix socket has the folder in the query or, percent-encoded, in place of the host.
fn is_socket(url: &Url) -> bool {
    url.host_str().is_none_or(|host| host.starts_with("%2F") || host.is_empty())
}

fn refusal(error: &DirectoryError) -> &'static Code {
    if matches!(error, DirectoryError::Pooler) {
        return &POOLER;
    }
    match error.sqlstate().as_deref() {
        Some("28P01" | "28000") => &REFUSED,
        Some("3D000") => &NO_DATABASE,
        Some("42501") => &PRIVILEGES,
        Some("53300") => &CONNECTIONS,
        // Only poolers answer so: Postgres accepts every parameter that sqlx sends.
        Some("08P01") => &POOLER_REFUSES,
        _ => &UNREACHABLE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Change = fn(&mut ServerReport);

    fn report() -> ServerReport {
        ServerReport {
            version: 170_002,
            is_standby: false,
            is_read_only: false,
            is_superuser: false,
            may_create: true,
            forbidden: Vec::new(),
            encoding: "UTF8".to_owned(),
            free_connections: 90,
            is_encrypted: true,
            is_durable: true,
            is_replicated: false,
        }
    }

    fn found(inspect: impl Fn(&mut Vec<Finding>)) -> Vec<&'static str> {
        let mut findings = Vec::new();
        inspect(&mut findings);
        findings.iter().map(Finding::code).collect()
    }

    #[test]
    fn an_unsuitable_server_is_reported() {
        assert!(found(|findings| check_server(&report(), findings)).is_empty());
        let changes: [(Change, &str); 7] = [
            (|report| report.version = 130_018, "postgres-old"),
            (|report| (report.is_standby, report.is_read_only) = (true, true), "postgres-standby"),
            (|report| report.is_read_only = true, "postgres-read-only"),
            (|report| report.is_superuser = true, "postgres-superuser"),
            (|report| "SQL_ASCII".clone_into(&mut report.encoding), "postgres-encoding"),
            (|report| report.free_connections = 9, "postgres-connections"),
            (|report| report.is_durable = false, "postgres-not-durable"),
        ];
        for (change, code) in changes {
            let mut wrong = report();
            change(&mut wrong);
            assert_eq!(found(|findings| check_server(&wrong, findings)), [code]);
        }
    }

    #[test]
    fn changes_must_wait_for_a_standby_if_one_may_take_the_primary_s_place() {
        for (url, is_replicated, codes) in [
            ("postgres://u:p@db/x", false, vec![]),
            ("postgres://u:p@db/x?target_session_attrs=read-write", false, vec![]),
            ("postgres://u:p@db1,db2/x", false, vec!["postgres-not-replicated"]),
            ("postgres://u:p@db1,db2/x", true, vec![]),
        ] {
            let report = ServerReport { is_replicated, ..report() };
            assert_eq!(found(|findings| check_replication(&url.into(), &report, findings)), codes, "{url}");
        }
    }

    #[test]
    fn a_server_on_another_machine_must_be_verified_and_the_connection_encrypted() {
        for (url, is_encrypted, codes) in [
            ("postgres://u:p@db/x", false, vec![]),
            ("postgres://u:p@db.example.com/x", false, vec!["postgres-plain"]),
            ("postgres://u:p@10.0.0.2/x?sslmode=require", true, vec!["postgres-unverified"]),
            ("postgres://u:p@db.example.com/x?sslmode=verify-ca", true, vec!["postgres-unverified"]),
            ("postgres://u:p@db.example.com/x?sslmode=verify-full", true, vec![]),
            ("postgres://u:p@127.0.0.1/x", false, vec![]),
            ("postgres://u:p@localhost/x", false, vec![]),
            ("postgres://u:p@%2Fvar%2Frun%2Fpostgresql/x", false, vec![]),
        ] {
            let report = ServerReport { is_encrypted, ..report() };
            assert_eq!(found(|findings| check_connection(&url.into(), &report, findings)), codes, "{url}");
        }
    }
}
