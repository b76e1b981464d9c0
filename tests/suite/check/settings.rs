//! Seeded mistakes in settings, keys and the embedded file.

use super::checked_site::CheckedSite;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

#[tokio::test]
async fn a_site_in_order_has_nothing_to_complain_about() {
    let checked = CheckedSite::embedded().await;
    checked.examine(&[]).await.has_only(&[]);
    let (code, text) = checked.text(&[]).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("The provider accepts the credential.") && text.contains("0 errors"), "{text}");
    assert!(!text.contains('\u{1b}'), "no colours where nobody looks: {text}");
    let left = std::fs::read_dir(checked.folder.path()).unwrap().count();
    assert_eq!(left, 0, "looking makes nothing");
}

#[tokio::test]
async fn every_mistake_in_the_settings_is_named_at_once_and_the_rest_is_looked_at_all_the_same() {
    let checked = CheckedSite::embedded()
        .await
        .env("GATEPOST_HOST", "wiki.example.com")
        .env("GATEPOST_SESSION__IDLE_TIMEOUT", "soon")
        .env("GATEPOST_CA_FILE", "absent.pem")
        .env("GATEPOST_PROVIDERS__ENTRA__ISSUER", "https://login.example.com")
        .env("GATEPOST_PROVIDERS__ENTRA__AUDIENCE", "api://x")
        .without("GATEPOST_HOSTS");
    std::fs::write(checked.folder.path().join("dynamic.yml"), "http: {routers: {a: {rule: x}, a: {}}}")
        .unwrap();
    let report = checked.examine(&["--traefik", "dynamic.yml"]).await;
    report.has("error config-unknown", "GATEPOST_HOST");
    report.has("error config-missing", "GATEPOST_HOSTS");
    report.has("error config-malformed", "GATEPOST_SESSION__IDLE_TIMEOUT");
    report.has("error config-unreadable", "GATEPOST_CA_FILE");
    report.has("error config-contradiction", "GATEPOST_PROVIDERS__ENTRA__ISSUER");
    report.has("error config-contradiction", "GATEPOST_PROVIDERS__ENTRA__AUDIENCE");
    report.has("error traefik-file-unreadable", "dynamic.yml");
}

#[test]
fn a_setting_that_is_no_text_is_named() {
    let output = Command::new(env!("CARGO_BIN_EXE_gatepost"))
        .args(["check", "--json"])
        .env_clear()
        .env("GATEPOST_HOSTS", OsStr::from_bytes(b"wiki\xff"))
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.code() == Some(1) && text.contains("config-not-text"), "{text}");
}

#[tokio::test]
async fn stores_are_looked_at_although_other_settings_are_wrong() {
    let checked = CheckedSite::embedded()
        .await
        .shared("redis://127.0.0.1:1", "postgres://127.0.0.1:1/gatepost?sslmode=disable")
        .without("GATEPOST_HOSTS");
    let report = checked.examine(&[]).await;
    report.has("error config-missing", "GATEPOST_HOSTS");
    report.has("error redis-unreachable", "REDIS_URL");
    report.has("error postgres-unreachable", "DATABASE_URL");
}

#[tokio::test]
async fn valid_settings_that_are_seldom_intended_are_named() {
    let checked = CheckedSite::embedded()
        .await
        .env("GATEPOST_INTERNAL_ADDR", "0.0.0.0:4181")
        .env("GATEPOST_PUBLIC_ADDR", "198.51.100.1:4180")
        .env("GATEPOST_HOSTS", "*.example.com")
        .env("GATEPOST_SESSION__REFRESH_INTERVAL", "12h")
        .env("GATEPOST_VERIFY__STALE_IF_ERROR", "0s");
    let report = checked.examine(&[]).await;
    report.has("warning config-proxies-loopback", "GATEPOST_TRUSTED_PROXIES");
    report.has("hint config-public-exposed", "GATEPOST_PUBLIC_ADDR");
    report.has("hint config-wildcard", "GATEPOST_HOSTS");
    report.has("warning config-refresh-rare", "GATEPOST_SESSION__REFRESH_INTERVAL");
    report.has("hint config-no-stale", "GATEPOST_VERIFY__STALE_IF_ERROR");
    let wide = CheckedSite::embedded().await.env("GATEPOST_TRUSTED_PROXIES", "0.0.0.0/0");
    wide.examine(&[]).await.has("error config-proxies-wide", "GATEPOST_TRUSTED_PROXIES");
    let development = CheckedSite::embedded()
        .await
        .env("GATEPOST_PUBLIC_URL", "http://auth.localhost:8000")
        .env("GATEPOST_HOSTS", "http://wiki.localhost:8000");
    development.examine(&[]).await.has_only(&["warning config-development"]);
}

#[tokio::test]
async fn keys_that_can_be_guessed_or_pile_up_are_named() {
    let checked = CheckedSite::embedded()
        .await
        .env("GATEPOST_SECRET_KEYS", "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI=");
    checked.examine(&[]).await.has("warning keys-guessable", "GATEPOST_SECRET_KEYS");
    let keys = [1_u8, 2, 3, 4].map(|n| {
        let key: Vec<u8> = (0..32).map(|at| at * 7 + n).collect();
        STANDARD.encode(key)
    });
    let checked = CheckedSite::embedded().await.env("GATEPOST_SECRET_KEYS", keys.join(","));
    checked.examine(&[]).await.has("hint keys-many", "GATEPOST_SECRET_KEYS");
}

#[tokio::test]
async fn embedded_files_that_others_may_open_are_named() {
    let checked = CheckedSite::embedded().await;
    checked.command(&["migrate"]).await;
    checked.command(&["admin", "list"]).await;
    checked.examine(&[]).await.has_only(&[]);
    let open = |name: &str| {
        let file = checked.folder.path().join(name);
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o644)).unwrap();
    };
    open("gatepost.db");
    open("gatepost.db.keys");
    let report = checked.examine(&[]).await;
    report.has("error embedded-file-exposed", "gatepost.db");
    report.has("error keys-file", "gatepost.db.keys");
}

#[tokio::test]
async fn an_embedded_file_that_is_no_database_is_named() {
    let checked = CheckedSite::embedded().await;
    let file = checked.folder.path().join("gatepost.db");
    std::fs::write(&file, "this is no database, and long enough to show it").unwrap();
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).unwrap();
    checked.examine(&[]).await.has("error embedded-unusable", "gatepost.db");
}

#[tokio::test]
async fn a_requirement_that_names_what_the_directory_does_not_know_is_named() {
    let checked = CheckedSite::embedded().await;
    checked.command(&["migrate"]).await;
    checked.command(&["group", "link", "Editors", "entra:11111111-1111-4111-8111-111111111111"]).await;
    let file = "http:\n  middlewares:\n    gate:\n      forwardAuth:\n        \
                address: http://127.0.0.1:4181/verify?group=Editors&group=Writers&tenant=press\n";
    std::fs::write(checked.folder.path().join("dynamic.yml"), file).unwrap();
    let report = checked.examine(&["--traefik", "dynamic.yml"]).await;
    report.has("warning requirement-group-unknown", "dynamic.yml");
    report.has("warning requirement-tenant-unknown", "dynamic.yml");
    let text = report.json.to_string();
    assert!(text.contains("no group Writers") && !text.contains("no group Editors"), "{text}");
}
