//! `gatepost certs` as an operator meets it, and `serve` with what it made.

use crate::world::run_command;
use gatepost_kit::process::{Gatepost, GatepostBuilder, find_ok, free_addr, until};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

const TIMEOUT: Duration = Duration::from_secs(30);

fn gatepost(folder: &Path) -> GatepostBuilder {
    Gatepost::builder(env!("CARGO_BIN_EXE_gatepost")).folder(folder)
}

/// The settings of the shortest start.
pub fn configured(folder: &Path) -> GatepostBuilder {
    gatepost(folder)
        .env("GATEPOST_PUBLIC_URL", "https://auth.example.test")
        .env("GATEPOST_HOSTS", "app.example.test")
        .env("MICROSOFT_CLIENT_ID", "5b1fbe4e-1f0c-4f4b-9c8e-0a6f1b7d2c11")
        .env("MICROSOFT_CLIENT_SECRET", "hunter2")
        .env("MICROSOFT_CLIENT_TENANT_ID", "6c2e1f40-93f0-4a39-8b54-2b9d1c7e5a10")
        .env("GATEPOST_INTERNAL_TLS", "certs")
}

fn causes(text: &str) -> Vec<Value> {
    let report: Value = serde_json::from_str(text).unwrap();
    report["certificates"].as_array().unwrap().iter().map(|one| one["made"].clone()).collect()
}

#[tokio::test]
async fn one_command_without_any_setting_fills_both_folders_and_the_next_keeps_them() {
    let place = TempDir::new().unwrap();
    let command = gatepost(place.path());
    let first =
        ["certs", "--dir", "certs", "--name", "gate.example.test", "--client-dir", "traefik", "--json"];
    let (code, stdout, stderr) = run_command(&command, &first).await;
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert_eq!(causes(&stdout), ["missing"; 3]);
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(report["certificates"][1]["names"], serde_json::json!(["gate.example.test"]));
    assert!(report["certificates"][2]["not_after"].as_str().is_some_and(|at| at.ends_with('Z')));
    let mut given: Vec<_> = std::fs::read_dir(place.path().join("traefik"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    given.sort();
    assert_eq!(given, ["ca.crt", "client.crt", "client.key"]);

    let (_, stdout, _) = run_command(&command, &["certs", "--dir", "certs", "--json"]).await;
    assert_eq!(causes(&stdout), [Value::Null, Value::Null, Value::Null]);
    let (_, stdout, _) = run_command(&configured(place.path()), &["certs"]).await;
    let words: Vec<&str> = stdout.lines().nth(2).unwrap().split_whitespace().collect();
    assert_eq!((words[0], words[1], words[4]), ("server", "kept", "gate.example.test"), "{stdout}");
    assert!(stdout.contains("In certs; for Traefik in "), "{stdout}");
    let (_, stdout, _) = run_command(&command, &["certs", "--dir", "certs", "--force", "--json"]).await;
    assert_eq!(causes(&stdout), ["forced"; 3]);
}

#[tokio::test]
async fn what_is_in_the_way_is_named_with_what_to_do() {
    let place = TempDir::new().unwrap();
    let command = gatepost(place.path());
    let configured_without_tls = configured(place.path()).without("GATEPOST_INTERNAL_TLS");
    let (code, _, stderr) = run_command(&configured_without_tls, &["certs"]).await;
    assert_eq!(code, Some(1));
    assert!(stderr.contains("hint: give --dir FOLDER, or set GATEPOST_INTERNAL_TLS"), "{stderr}");

    run_command(&command, &["certs", "--dir", "certs"]).await;
    run_command(&command, &["certs", "--dir", "other"]).await;
    std::fs::copy(place.path().join("other/server.key"), place.path().join("certs/server.key")).unwrap();
    let (code, stdout, stderr) = run_command(&command, &["certs", "--dir", "certs"]).await;
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    assert!(
        stderr.contains("server.key do not belong together\nhint: ") && stderr.contains("--force"),
        "{stderr}"
    );

    std::fs::write(place.path().join("file"), "").unwrap();
    let (code, _, stderr) = run_command(&command, &["certs", "--dir", "file"]).await;
    assert_eq!(code, Some(1));
    assert!(stderr.starts_with("gatepost: cannot make the folder file"), "{stderr}");
}

#[tokio::test]
async fn serve_does_not_start_without_good_certificates() {
    let place = TempDir::new().unwrap();
    let serve = configured(place.path());
    let refused = async |part: &str| {
        let (code, _, stderr) = run_command(&serve, &["serve"]).await;
        assert_eq!(code, Some(1));
        assert!(stderr.contains(part), "{part:?} is not in {stderr}");
    };
    refused("there is no folder certs: `gatepost certs` makes it").await;
    run_command(&serve, &["certs"]).await;
    let key = place.path().join("certs/server.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    refused("server.key may be read by others (mode 0644)").await;
    std::fs::remove_file(key).unwrap();
    refused("there is no file certs/server.key: `gatepost certs` makes what is missing").await;
}

/// A client with these certificates, or none.
#[expect(clippy::disallowed_methods, reason = "it stands for Traefik, not for a call of ours")]
pub fn client(ca: &Path, identity: Option<&Path>) -> reqwest::Client {
    gatepost_kit::client::install_crypto();
    let read = |name: &str| std::fs::read(ca.join(name)).unwrap();
    let authority = reqwest::Certificate::from_pem(&read("ca.crt")).unwrap();
    let builder = reqwest::Client::builder().no_proxy().timeout(TIMEOUT).tls_certs_only([authority]);
    let builder = match identity {
        Some(folder) => {
            let pem = ["client.crt", "client.key"].map(|name| std::fs::read(folder.join(name)).unwrap());
            builder.identity(reqwest::Identity::from_pem(&pem.concat()).unwrap())
        }
        None => builder,
    };
    builder.build().unwrap()
}

/// Whether the connection fails. A server that closes it during the handshake can leave this client without an answer and
/// without an error, so it asks again then.
async fn is_refused(client: &reqwest::Client, url: &str) -> bool {
    until("an answer or an error", 3 * TIMEOUT, async || {
        match client.get(url).timeout(Duration::from_secs(5)).send().await {
            Ok(_) => Some(false),
            Err(error) => (!error.is_timeout()).then_some(true),
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_internal_listener_answers_who_shows_traefiks_certificate_and_nobody_else() {
    let place = TempDir::new().unwrap();
    let stranger = TempDir::new().unwrap();
    for folder in [&place, &stranger] {
        run_command(&gatepost(folder.path()), &["certs", "--dir", "certs"]).await;
    }
    let (internal, health) = (free_addr(), free_addr());
    let serving =
        configured(place.path()).env("GATEPOST_HEALTH_ADDR", health.to_string()).internal(internal).spawn();
    until("health without a certificate", TIMEOUT, async || find_ok(health, "/livez").await).await;
    let (own, foreign) = (place.path().join("certs"), stranger.path().join("certs"));
    let verify = format!("https://127.0.0.1:{}/verify", internal.port());

    let proxy = client(&own, Some(&own));
    let answers = (0..200).map(|_| proxy.get(&verify).header("X-Forwarded-Method", "GET").send());
    for answer in futures_util::future::join_all(answers).await {
        let answer = answer.unwrap();
        assert_eq!((answer.status().as_u16(), answer.version()), (400, reqwest::Version::HTTP_2));
    }
    for (what, stranger) in [
        ("no certificate", client(&own, None)),
        ("another authority's certificate", client(&own, Some(&foreign))),
    ] {
        assert!(is_refused(&stranger, &verify).await, "{what}");
    }
    assert!(is_refused(&client(&foreign, Some(&own)), &verify).await, "another server");
    let plain = gatepost_kit::client::send_raw(internal, b"GET /verify HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(
        !String::from_utf8_lossy(&plain.map(|told| told.bytes).unwrap_or_default()).contains("HTTP/1.1 ")
    );

    let metrics = find_ok(health, "/metrics").await.unwrap();
    let answered =
        metrics.lines().find_map(|line| line.strip_prefix("gatepost_verify_duration_seconds_count"));
    assert!(
        answered.is_some_and(|count| count.ends_with(" 200")),
        "the proxy's requests alone: {answered:?}"
    );
    let told = gatepost_kit::client::send_raw(
        health,
        b"GET /verify HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    )
    .await;
    assert!(told.unwrap().bytes.starts_with(b"HTTP/1.1 404 "), "health says nothing else");
    drop(serving);
}
