//! Postgres: does it answer, may we do what we must, does it keep what it acknowledged. And the embedded file's schema.

use super::finding::{Code, Finding, Place, codes, told};
use super::time;
use gatepost_certs::tls;
use gatepost_config::StoresConfig;
use gatepost_store::directory::{Directory, DirectoryError, SchemaState, ServerReport};
use secrecy::{ExposeSecret, SecretString};
use std::path::Path;
use url::Url;

codes! {
    ADDRESS = Error "postgres-address":
        "Gatepost does not start.",
        "Write DATABASE_URL as postgres://user:password@host/database.";
    UNREACHABLE = Error "postgres-unreachable":
        "Nobody can sign in or be let in, once this replica no longer trusts what it remembers.",
        "Start Postgres, and correct host and port in DATABASE_URL.";
    POOLER = Error "postgres-pooler":
        "Gatepost does not start: settings, prepared statements, locks and notifications belong to a connection, and this one's are lent to others.",
        "Point DATABASE_URL to Postgres itself, or set pool_mode = session for this database in the pooler.";
    POOLER_REFUSES = Error "postgres-pooler-refuses":
        "As if Postgres were down: 503.",
        "Correct what the message names in the pooler: its list of databases and users, or its ignore_startup_parameters; a parameter of DATABASE_URL's own may also be left out.";
    TLS = Error "postgres-tls":
        "As if Postgres were down: 503.",
        "Mend the certificate, or trust its authority in GATEPOST_CA_FILE: which, the finding says.";
    REFUSED = Error "postgres-refused":
        "As if Postgres were down: 503.",
        "Correct user and password in DATABASE_URL; pg_hba.conf must let the user in from here.";
    NO_DATABASE = Error "postgres-no-database":
        "As if Postgres were down: 503.",
        "CREATE DATABASE it, or correct its name in DATABASE_URL.";
    OLD = Error "postgres-old":
        "The schema cannot be made, or does not behave as it was tested.",
        "Run Postgres 14 or newer.";
    ENCODING = Error "postgres-encoding":
        "Names with letters that the database has not cannot be stored: those people cannot sign in.",
        "Create the database with ENCODING 'UTF8' (TEMPLATE template0).";
    STANDBY = Error "postgres-standby":
        "A standby shows the past and takes no changes: 503.",
        "Point DATABASE_URL to the primary (several hosts with target_session_attrs are not supported).";
    READ_ONLY = Error "postgres-read-only":
        "Nobody can sign in, and nobody's access can be taken away.",
        "Set default_transaction_read_only off for this user and database.";
    SCHEMA_BEHIND = Hint "schema-behind":
        "The next `gatepost serve` brings it up to date by itself.",
        "Run `gatepost migrate` beforehand if that should be done apart.";
    SCHEMA_NEWER = Error "schema-newer":
        "This Gatepost does not start: it might do harm.",
        "Start the newer Gatepost, or restore the backup made before the upgrade.";
    PRIVILEGES = Error "postgres-privileges":
        "Sign-ins and changes fail.",
        "Let DATABASE_URL's user own the schema gatepost, or grant it the tables and functions that are named; to make the schema it needs CREATE on the database.";
    SUPERUSER = Warning "postgres-superuser":
        "Whoever takes Gatepost over owns the whole server, its files included.",
        "Give Gatepost a user of its own that owns only its database.";
    CONNECTIONS = Warning "postgres-connections":
        "Each replica opens up to 10; who gets none answers 503.",
        "Raise max_connections or the user's CONNECTION LIMIT, or find who holds the others.";
    NOT_DURABLE = Warning "postgres-not-durable":
        "After a crash of the server somebody whose access was taken away may have it back.",
        "Set fsync and synchronous_commit on.";
    CLOCK = Warning "postgres-clock":
        "From 30 s on this replica is not ready; ended sessions count too early or too late.",
        "Run NTP on both machines.";
    PLAIN = Warning "postgres-plain":
        "The password and everything about people travel readable over the network.",
        "Append ?sslmode=verify-full to DATABASE_URL, with the authority in GATEPOST_CA_FILE.";
    UNVERIFIED = Warning "postgres-unverified":
        "Whoever sits between can be the database, and say who may what.",
        "Append ?sslmode=verify-full to DATABASE_URL, with the authority in GATEPOST_CA_FILE.";
    EXPOSED = Error "embedded-file-exposed":
        "Gatepost does not start: others on the machine may read who signs in and what they may, or change it.",
        "chmod 600 the file that is named; its folder should belong to Gatepost's user.";
    EMBEDDED = Error "embedded-unusable":
        "Gatepost does not start.",
        "Let the file and its folder belong to Gatepost's user, on a disk that is not full.";
}

const OLDEST: i64 = 140_000;
/// What one replica opens at most.
const PER_REPLICA: i64 = 10;
const SETTING: &str = "DATABASE_URL";

/// Looks at the directory's store; gives it back for questions about what is in it.
pub(super) async fn look(stores: &StoresConfig, ca_file: Option<&Path>) -> (Vec<Finding>, Option<Directory>) {
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
            return (vec![code.at(place, told(&error))], None);
        }
    };
    let mut findings = Vec::new();
    match examine(&directory, url.as_ref(), &place, &mut findings).await {
        Ok(()) => (findings, Some(directory)),
        Err(error) => {
            let code = if url.is_some() { refusal(&error) } else { &EMBEDDED };
            findings.push(match tls::explain(&error) {
                Some(fault) => TLS.of_tls(place, fault),
                None => code.at(place, told(&error)),
            });
            (findings, None)
        }
    }
}

fn place(stores: &StoresConfig) -> Place {
    match stores {
        StoresConfig::Embedded { file } => Place::line(file, 0),
        StoresConfig::Shared { .. } => SETTING.into(),
    }
}

fn absent(file: &Path) -> Finding {
    Finding::fine("embedded", Place::line(file, 0), "There is none yet: the first start makes it.")
}

async fn examine(
    directory: &Directory,
    url: Option<&SecretString>,
    place: &Place,
    findings: &mut Vec<Finding>,
) -> Result<(), DirectoryError> {
    let report = directory.inspect().await?;
    if let Some(report) = &report {
        server(report, findings);
        if let Some(url) = url {
            reach(url, report, findings);
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
        privileges(report, state, findings);
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

fn server(report: &ServerReport, findings: &mut Vec<Finding>) {
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

fn privileges(report: &ServerReport, state: SchemaState, findings: &mut Vec<Finding>) {
    if !report.forbidden.is_empty() {
        let found = format!("The user may not use {}.", report.forbidden.join(", "));
        findings.push(PRIVILEGES.at(SETTING, found));
    } else if state == SchemaState::Behind && !report.may_create {
        findings.push(PRIVILEGES.at(SETTING, "The user may not create the schema."));
    }
}

fn reach(url: &SecretString, report: &ServerReport, findings: &mut Vec<Finding>) {
    let Ok(url) = Url::parse(url.expose_secret()) else { return };
    let mode = url.query_pairs().find(|(name, _)| name == "sslmode" || name == "ssl-mode");
    let mode = mode.map(|(_, value)| value.to_ascii_lowercase()).unwrap_or_default();
    // A socket's folder stands in the query or, encoded, in the host's place.
    if super::stays_near(&url) || url.host_str().is_none_or(|host| host.starts_with("%2F") || host.is_empty())
    {
        return;
    }
    if !report.is_encrypted {
        findings.push(PLAIN.at(SETTING, "The connection is not encrypted, and Postgres is off loopback."));
    } else if mode == "verify-ca" {
        let found =
            "The host is not compared with the certificate's, and the system's authorities count too.";
        findings.push(UNVERIFIED.at(SETTING, found));
    } else if mode != "verify-full" {
        findings.push(UNVERIFIED.at(SETTING, "The server's certificate is not verified."));
    }
}

fn refusal(error: &DirectoryError) -> &'static Code {
    let error = match error {
        DirectoryError::Pooler => return &POOLER,
        DirectoryError::Unavailable(sqlx::Error::Database(error)) => error,
        _ => return &UNREACHABLE,
    };
    match error.code().as_deref() {
        Some("28P01" | "28000") => &REFUSED,
        Some("3D000") => &NO_DATABASE,
        Some("42501") => &PRIVILEGES,
        Some("53300") => &CONNECTIONS,
        // Postgres itself says so of no connection that sqlx makes.
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
        }
    }

    fn found(look: impl Fn(&mut Vec<Finding>)) -> Vec<&'static str> {
        let mut findings = Vec::new();
        look(&mut findings);
        findings.iter().map(Finding::code).collect()
    }

    #[test]
    fn a_server_that_does_not_do_is_named() {
        assert!(found(|findings| server(&report(), findings)).is_empty());
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
            assert_eq!(found(|findings| server(&wrong, findings)), [code]);
        }
    }

    #[test]
    fn off_loopback_encryption_and_a_verified_server_are_asked_for() {
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
            assert_eq!(found(|findings| reach(&url.into(), &report, findings)), codes, "{url}");
        }
    }
}
