//! TLS failures at provider, Redis and Postgres: `check` says what is wrong and how to fix it, and never "start the server".

use super::checked_site::{CheckReport, CheckedSite};
use crate::world::{Pair, Plan};
use gatepost_kit::echo::Echo;
use gatepost_kit::edge::Edge;
use gatepost_kit::entra::Entra;
use gatepost_kit::process::{Authority, Flaw, Postgres, Redis, until};
use std::time::Duration;
use tempfile::TempDir;

const CA: &str = "GATEPOST_CA_FILE";

/// The words of each finding: what is wrong, and how to fix it.
const FLAWS: [(Flaw, &str, &str); 5] = [
    (Flaw::IsAuthority, "is an authority's", "basicConstraints=critical,CA:FALSE"),
    (Flaw::Expired, "expired on 2020-01-02", "Renew it"),
    (Flaw::NotYetValid, "is not valid before 3000-01-02", "clock"),
    (Flaw::OtherName, "is for other.example, not for 127.0.0.1", "subjectAltName"),
    (Flaw::Version1, "version 1 of X.509", "-extfile"),
];
const UNKNOWN: (&str, &str) = ("an authority that Gatepost does not trust", CA);

fn ca_file(authority: &Authority, folder: &TempDir) -> String {
    let path = folder.path().join("trusted.pem");
    std::fs::write(&path, authority.ca_pem()).unwrap();
    path.display().to_string()
}

#[track_caller]
fn explains(report: &CheckReport, finding: &str, place: &str, (found, fix): (&str, &str)) {
    report.has(finding, place);
    let code = finding.split_once(' ').unwrap().1;
    let one = report.finding(code);
    assert!(one["found"].as_str().unwrap().contains(found), "{found}: {one:#}");
    assert!(one["mend"].as_str().unwrap().contains(fix), "{fix}: {one:#}");
}

#[tokio::test]
async fn each_flaw_of_a_certificate_of_redis_is_named_with_its_fix() {
    let (redis, folder) = (Redis::start().await, TempDir::new().unwrap());
    let database = Postgres::shared().await.database().await;
    for (flaw, found, fix) in FLAWS {
        let authority = Authority::flawed(flaw);
        let url = format!("rediss://{}/0", redis.serve_tls(&authority));
        let checked =
            CheckedSite::embedded().await.shared(&url, &database).env(CA, ca_file(&authority, &folder));
        explains(&checked.examine(&[]).await, "error redis-tls", "REDIS_URL", (found, fix));
    }
    let url = format!("valkeys://{}/0", redis.serve_tls(&Authority::new()));
    let checked = CheckedSite::embedded().await.shared(&url, &database);
    explains(&checked.examine(&[]).await, "error redis-tls", "REDIS_URL", UNKNOWN);
    // A port that answers without TLS; Redis itself may wait in silence for the rest of a command.
    let plain = Echo::start().await;
    let checked = CheckedSite::embedded().await.shared(&format!("rediss://{}", plain.addr()), &database);
    let told = ("does not speak TLS", "tls-port");
    explains(&checked.examine(&[]).await, "error redis-tls", "REDIS_URL", told);
}

#[tokio::test]
async fn each_flaw_of_a_certificate_of_postgres_is_named_by_check_and_migrate() {
    let (postgres, folder) = (Postgres::private().await, TempDir::new().unwrap());
    let (redis, url) = (Redis::start().await, postgres.database().await);
    let plain = format!("{url}?sslmode=require");
    let checked = CheckedSite::embedded().await.shared(&redis.url(), &plain);
    let told = ("does not speak TLS", "ssl = on");
    explains(&checked.examine(&[]).await, "error postgres-tls", "DATABASE_URL", told);
    for (flaw, found, fix) in FLAWS {
        let authority = Authority::flawed(flaw);
        postgres.serve_tls(&authority).await;
        let mode = if flaw == Flaw::Version1 { "require" } else { "verify-full" };
        let checked = CheckedSite::embedded()
            .await
            .shared(&redis.url(), &format!("{url}?sslmode={mode}"))
            .env(CA, ca_file(&authority, &folder));
        let report = until("the new certificate to be read", Duration::from_secs(20), async || {
            let report = checked.examine(&[]).await;
            report.json.to_string().contains(found).then_some(report)
        })
        .await;
        explains(&report, "error postgres-tls", "DATABASE_URL", (found, fix));
        let hint = checked.refused(&["migrate"]).await;
        assert!(hint.contains(found) && hint.contains(fix), "{hint}");
        assert!(!hint.contains("that the database runs"), "{hint}");
    }
}

#[tokio::test]
async fn a_provider_whose_authority_is_not_trusted_is_named_with_the_fix() {
    for (authority, trusts_it, told) in [
        (Authority::for_names(["localhost"]), false, UNKNOWN),
        (
            Authority::for_names(["other.example"]),
            true,
            ("is for other.example, not for localhost", "subjectAltName"),
        ),
        (Authority::flawed(Flaw::IsAuthority), true, ("is an authority's", "CA:FALSE")),
    ] {
        let (edge, folder) =
            (Edge::builder().tls(&authority).start().await.unwrap(), TempDir::new().unwrap());
        let issuer = format!("https://localhost:{}", edge.addr().port());
        let mut checked = CheckedSite::with(Entra::start_oidc().await)
            .env("GATEPOST_PROVIDERS__ENTRA__KIND", "oidc")
            .env("GATEPOST_PROVIDERS__ENTRA__ISSUER", issuer)
            .without("GATEPOST_PROVIDERS__ENTRA__AUTHORITY")
            .without("GATEPOST_PROVIDERS__ENTRA__TENANT_ID");
        if trusts_it {
            checked = checked.env(CA, ca_file(&authority, &folder));
        }
        let place = "GATEPOST_PROVIDERS__ENTRA__ISSUER";
        explains(&checked.examine(&[]).await, "error provider-tls", place, told);
    }
}

/// With a byte order mark first, as editors of Windows write it.
#[tokio::test]
async fn a_byte_order_mark_before_the_authorities_harms_nobody() {
    let (authority, folder) = (Authority::new(), TempDir::new().unwrap());
    let file = folder.path().join("marked.pem");
    std::fs::write(&file, format!("\u{feff}{}", authority.ca_pem())).unwrap();
    let (redis, postgres) = (Redis::start().await, Postgres::private().await);
    postgres.serve_tls(&authority).await;
    let redis_url = format!("rediss://{}/0", redis.serve_tls(&authority));
    let database = format!("{}?sslmode=verify-full", postgres.database().await);
    let checked =
        CheckedSite::embedded().await.shared(&redis_url, &database).env(CA, file.display().to_string());
    let report = until("the certificate to be read", Duration::from_secs(20), async || {
        let report = checked.examine(&[]).await;
        (!report.json.to_string().contains("postgres-tls")).then_some(report)
    })
    .await;
    let complaints = report.complaints();
    assert!(!complaints.iter().any(|one| one.starts_with("error")), "{complaints:?}");
}

#[tokio::test]
async fn authorities_of_the_file_are_trusted_besides_the_systems() {
    let (authority, folder) = (Authority::new(), TempDir::new().unwrap());
    let redis = Redis::start().await;
    let redis_url = format!("rediss://{}/0", redis.serve_tls(&authority));
    let database = Postgres::shared().await.database().await;
    let system = folder.path().join("system.pem");
    std::fs::write(&system, authority.ca_pem()).unwrap();
    let checked = CheckedSite::embedded()
        .await
        .shared(&redis_url, &database)
        .env("SSL_CERT_FILE", system.display().to_string())
        .env(CA, ca_file(&Authority::new(), &folder));
    let complaints = checked.examine(&[]).await.complaints();
    assert!(!complaints.iter().any(|one| one.contains("redis")), "{complaints:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn serve_logs_at_its_start_why_tls_to_a_store_fails_and_how_to_fix_it() {
    let (redis, postgres) = (Redis::start().await, Postgres::private().await);
    let authority = Authority::flawed(Flaw::IsAuthority);
    let redis_url = format!("rediss://{}/0", redis.serve_tls(&authority));
    let database = format!("{}?sslmode=verify-full", postgres.database().await);
    postgres.serve_tls(&authority).await;
    let world = Plan::default().start(Pair::Shared).await;
    let folder = TempDir::new().unwrap();
    let builder = world.builder.clone().elsewhere().env(CA, ca_file(&authority, &folder));
    let replica = builder.env("REDIS_URL", redis_url).env("DATABASE_URL", database).start().await;
    for message in ["the directory cannot be prepared yet", "the session store does not answer"] {
        let line = replica.wait_for_line(message).await;
        assert!(line.contains("ERROR") && line.contains("CA:FALSE"), "{line}");
    }
}
