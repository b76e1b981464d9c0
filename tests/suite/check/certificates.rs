//! Seeded mistakes in the certificates between Traefik and Gatepost, on either side.

use super::checked_site::{CheckReport, CheckedSite};
use gatepost_certs::{MakeOptions, Name, make};
use gatepost_core::clock::Timestamp;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

const FOLDER: &str = "GATEPOST_INTERNAL_TLS";
const DAY: Duration = Duration::from_hours(24);

/// A site whose listener speaks TLS, with Traefik's folder beside it; made so many days ago.
async fn site(days_ago: u32) -> CheckedSite {
    let checked = CheckedSite::embedded().await.env(FOLDER, "certs");
    fill(checked.folder.path(), "certs", "traefik", days_ago);
    write_middleware(&checked, "gatepost", "traefik");
    checked
}

/// Fills both folders with an authority of their own.
fn fill(root: &Path, ours: &str, theirs: &str, days_ago: u32) {
    let names = vec![Name::Dns("gatepost".to_owned())];
    let options = MakeOptions { names, client_dir: Some(root.join(theirs)), force: false };
    make(&root.join(ours), &options, Timestamp::now().minus(DAY * days_ago)).unwrap();
}

fn write_middleware(checked: &CheckedSite, host: &str, folder: &str) {
    let at = |file: &str| checked.folder.path().join(folder).join(file).display().to_string();
    let (ca, certificate, key) = (at("ca.crt"), at("client.crt"), at("client.key"));
    let text = format!(
        "http:\n  middlewares:\n    gate:\n      forwardAuth:\n        address: https://{host}:4181/verify\n        \
         tls:\n          ca: {ca}\n          cert: {certificate}\n          key: {key}\n"
    );
    fs::write(checked.folder.path().join("dynamic.yml"), text).unwrap();
}

async fn examine(checked: &CheckedSite) -> CheckReport {
    checked.examine(&["--traefik", "dynamic.yml"]).await
}

/// What was said about certificates.
fn about_certificates(report: &CheckReport) -> Vec<String> {
    let mut complaints = report.complaints();
    complaints.retain(|complaint| complaint.contains(" certs-"));
    complaints
}

fn file(checked: &CheckedSite, path: &str) -> PathBuf {
    checked.folder.path().join(path)
}

#[tokio::test]
async fn certificates_in_order_have_nothing_to_complain_about() {
    let checked = site(0).await;
    let report = examine(&checked).await;
    assert_eq!(about_certificates(&report), Vec::<String>::new(), "{:#}", report.json);
    assert!(report.json.to_string().contains("All are valid until "), "{:#}", report.json);
    fs::remove_file(file(&checked, "certs/ca.key")).unwrap();
    fs::remove_file(file(&checked, "certs/client.crt")).unwrap();
    fs::remove_file(file(&checked, "certs/client.key")).unwrap();
    assert_eq!(
        about_certificates(&examine(&checked).await),
        Vec::<String>::new(),
        "the server needs no more"
    );
}

#[tokio::test]
async fn what_expired_and_what_soon_will_is_named_on_both_sides() {
    for (days_ago, finding) in [(80, "warning certs-expires"), (91, "error certs-expired")] {
        let report = examine(&site(days_ago).await).await;
        report.has(finding, FOLDER);
        report.has(finding, "dynamic.yml");
        assert_eq!(about_certificates(&report), [finding], "{:#}", report.json);
        for name in ["server.crt", "client.crt"] {
            assert!(report.json.to_string().contains(name), "{:#}", report.json);
        }
    }
}

#[tokio::test]
async fn what_another_authority_signed_is_named_on_the_side_that_has_it() {
    let checked = site(0).await;
    fill(checked.folder.path(), "other", "others", 0);
    write_middleware(&checked, "gatepost", "others");
    let report = examine(&checked).await;
    report.has("error certs-authority", "dynamic.yml");
    let is_ours = |finding: &serde_json::Value| {
        finding["code"] == "certs-authority" && finding["where"]["setting"] == FOLDER
    };
    assert!(!report.json["findings"].as_array().unwrap().iter().any(is_ours), "{:#}", report.json);
    // Each of the two files by itself.
    for (name, line) in [("ca.crt", 7), ("client.crt", 8)] {
        write_middleware(&checked, "gatepost", "traefik");
        let dynamic = file(&checked, "dynamic.yml");
        let text = fs::read_to_string(&dynamic).unwrap();
        fs::write(&dynamic, text.replace(&format!("traefik/{name}"), &format!("others/{name}"))).unwrap();
        let report = examine(&checked).await;
        let found =
            report.json["findings"].as_array().unwrap().iter().find(|one| one["code"] == "certs-authority");
        assert_eq!(
            found.map(|found| &found["where"]["line"]),
            Some(&line.into()),
            "{name}: {:#}",
            report.json
        );
    }
    fs::copy(file(&checked, "other/server.crt"), file(&checked, "certs/server.crt")).unwrap();
    fs::copy(file(&checked, "other/server.key"), file(&checked, "certs/server.key")).unwrap();
    examine(&checked).await.has("error certs-authority", FOLDER);
}

#[tokio::test]
async fn a_name_that_the_certificate_is_not_for_is_named() {
    let checked = site(0).await;
    for (host, is_named) in [("gatepost", true), ("gate.example.net", false), ("127.0.0.1", false)] {
        write_middleware(&checked, host, "traefik");
        let report = examine(&checked).await;
        let expected = if is_named { vec![] } else { vec!["error certs-name"] };
        assert_eq!(about_certificates(&report), expected, "{host}: {:#}", report.json);
    }
}

#[tokio::test]
async fn files_that_are_missing_exposed_broken_or_of_another_pair_are_named() {
    let spoil: [fn(&Path); 5] = [
        |folder| fs::remove_file(folder.join("server.key")).unwrap(),
        |folder| fs::remove_file(folder.join("ca.crt")).unwrap(),
        |folder| fs::set_permissions(folder.join("server.key"), fs::Permissions::from_mode(0o644)).unwrap(),
        |folder| fs::write(folder.join("server.crt"), "no certificate").unwrap(),
        |folder| fs::rename(folder.join("client.key"), folder.join("server.key")).unwrap(),
    ];
    for (number, spoil) in spoil.into_iter().enumerate() {
        let checked = site(0).await;
        spoil(&file(&checked, "certs"));
        let report = examine(&checked).await;
        report.has("error certs-unusable", FOLDER);
        assert_eq!(about_certificates(&report), ["error certs-unusable"], "{number}: {:#}", report.json);
    }
    let checked = site(0).await;
    fs::copy(file(&checked, "certs/server.key"), file(&checked, "traefik/client.key")).unwrap();
    examine(&checked).await.has("error certs-unusable", "dynamic.yml");
    let checked = CheckedSite::embedded().await.env(FOLDER, "nowhere");
    checked.examine(&[]).await.has("error certs-unusable", FOLDER);
}

#[tokio::test]
async fn no_key_is_ever_shown() {
    let checked = site(0).await;
    let key = fs::read_to_string(file(&checked, "traefik/client.key")).unwrap();
    let secret = key.lines().nth(1).unwrap();
    let dynamic = file(&checked, "dynamic.yml");
    let inline = key.lines().map(|line| format!("            {line}")).collect::<Vec<_>>().join("\n");
    let text = fs::read_to_string(&dynamic).unwrap();
    let (head, _) = text.split_once("          key:").unwrap();
    fs::write(&dynamic, format!("{head}          key: |\n{inline}")).unwrap();
    let report = examine(&checked).await;
    assert_eq!(about_certificates(&report), Vec::<String>::new(), "{:#}", report.json);
    assert!(!report.json.to_string().contains(secret), "{:#}", report.json);
}
