//! Seeded mistakes in the certificates between Traefik and Gatepost, on either side.

use super::doctor::{Diagnosis, Doctor};
use gatepost_certs::{MakeOptions, Name, make};
use gatepost_core::clock::Timestamp;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

const FOLDER: &str = "GATEPOST_INTERNAL_TLS";
const DAY: Duration = Duration::from_hours(24);

/// A site whose listener speaks TLS, with Traefik's folder beside it; made so many days ago.
async fn site(days_ago: u32) -> Doctor {
    let doctor = Doctor::embedded().await.env(FOLDER, "certs");
    fill(doctor.folder.path(), "certs", "traefik", days_ago);
    write_middleware(&doctor, "gatepost", "traefik");
    doctor
}

/// Fills both folders with an authority of their own.
fn fill(root: &Path, ours: &str, theirs: &str, days_ago: u32) {
    let names = vec![Name::Dns("gatepost".to_owned())];
    let options = MakeOptions { names, client_dir: Some(root.join(theirs)), force: false };
    make(&root.join(ours), &options, Timestamp::now().minus(DAY * days_ago)).unwrap();
}

fn write_middleware(doctor: &Doctor, host: &str, folder: &str) {
    let at = |file: &str| doctor.folder.path().join(folder).join(file).display().to_string();
    let (ca, certificate, key) = (at("ca.crt"), at("client.crt"), at("client.key"));
    let text = format!(
        "http:\n  middlewares:\n    gate:\n      forwardAuth:\n        address: https://{host}:4181/verify\n        \
         tls:\n          ca: {ca}\n          cert: {certificate}\n          key: {key}\n"
    );
    fs::write(doctor.folder.path().join("dynamic.yml"), text).unwrap();
}

async fn examine(doctor: &Doctor) -> Diagnosis {
    doctor.examine(&["--traefik", "dynamic.yml"]).await
}

/// What was said about certificates.
fn about_certificates(diagnosis: &Diagnosis) -> Vec<String> {
    let mut complaints = diagnosis.complaints();
    complaints.retain(|complaint| complaint.contains(" certs-"));
    complaints
}

fn file(doctor: &Doctor, path: &str) -> PathBuf {
    doctor.folder.path().join(path)
}

#[tokio::test]
async fn certificates_in_order_have_nothing_to_complain_about() {
    let doctor = site(0).await;
    let diagnosis = examine(&doctor).await;
    assert_eq!(about_certificates(&diagnosis), Vec::<String>::new(), "{:#}", diagnosis.json);
    assert!(diagnosis.json.to_string().contains("All are valid until "), "{:#}", diagnosis.json);
    fs::remove_file(file(&doctor, "certs/ca.key")).unwrap();
    fs::remove_file(file(&doctor, "certs/client.crt")).unwrap();
    fs::remove_file(file(&doctor, "certs/client.key")).unwrap();
    assert_eq!(about_certificates(&examine(&doctor).await), Vec::<String>::new(), "the server needs no more");
}

#[tokio::test]
async fn what_expired_and_what_soon_will_is_named_on_both_sides() {
    for (days_ago, finding) in [(80, "warning certs-expires"), (91, "error certs-expired")] {
        let diagnosis = examine(&site(days_ago).await).await;
        diagnosis.says(finding, FOLDER);
        diagnosis.says(finding, "dynamic.yml");
        assert_eq!(about_certificates(&diagnosis), [finding], "{:#}", diagnosis.json);
        for name in ["server.crt", "client.crt"] {
            assert!(diagnosis.json.to_string().contains(name), "{:#}", diagnosis.json);
        }
    }
}

#[tokio::test]
async fn what_another_authority_signed_is_named_on_the_side_that_has_it() {
    let doctor = site(0).await;
    fill(doctor.folder.path(), "other", "others", 0);
    write_middleware(&doctor, "gatepost", "others");
    let diagnosis = examine(&doctor).await;
    diagnosis.says("error certs-authority", "dynamic.yml");
    let is_ours = |finding: &serde_json::Value| {
        finding["code"] == "certs-authority" && finding["where"]["setting"] == FOLDER
    };
    assert!(!diagnosis.json["findings"].as_array().unwrap().iter().any(is_ours), "{:#}", diagnosis.json);
    // Each of the two files by itself.
    for (name, line) in [("ca.crt", 7), ("client.crt", 8)] {
        write_middleware(&doctor, "gatepost", "traefik");
        let dynamic = file(&doctor, "dynamic.yml");
        let text = fs::read_to_string(&dynamic).unwrap();
        fs::write(&dynamic, text.replace(&format!("traefik/{name}"), &format!("others/{name}"))).unwrap();
        let diagnosis = examine(&doctor).await;
        let found = diagnosis.json["findings"]
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["code"] == "certs-authority");
        assert_eq!(
            found.map(|found| &found["where"]["line"]),
            Some(&line.into()),
            "{name}: {:#}",
            diagnosis.json
        );
    }
    fs::copy(file(&doctor, "other/server.crt"), file(&doctor, "certs/server.crt")).unwrap();
    fs::copy(file(&doctor, "other/server.key"), file(&doctor, "certs/server.key")).unwrap();
    examine(&doctor).await.says("error certs-authority", FOLDER);
}

#[tokio::test]
async fn a_name_that_the_certificate_is_not_for_is_named() {
    let doctor = site(0).await;
    for (host, is_named) in [("gatepost", true), ("gate.example.net", false), ("127.0.0.1", false)] {
        write_middleware(&doctor, host, "traefik");
        let diagnosis = examine(&doctor).await;
        let expected = if is_named { vec![] } else { vec!["error certs-name"] };
        assert_eq!(about_certificates(&diagnosis), expected, "{host}: {:#}", diagnosis.json);
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
        let doctor = site(0).await;
        spoil(&file(&doctor, "certs"));
        let diagnosis = examine(&doctor).await;
        diagnosis.says("error certs-unusable", FOLDER);
        assert_eq!(
            about_certificates(&diagnosis),
            ["error certs-unusable"],
            "{number}: {:#}",
            diagnosis.json
        );
    }
    let doctor = site(0).await;
    fs::copy(file(&doctor, "certs/server.key"), file(&doctor, "traefik/client.key")).unwrap();
    examine(&doctor).await.says("error certs-unusable", "dynamic.yml");
    let doctor = Doctor::embedded().await.env(FOLDER, "nowhere");
    doctor.examine(&[]).await.says("error certs-unusable", FOLDER);
}

#[tokio::test]
async fn no_key_is_ever_shown() {
    let doctor = site(0).await;
    let key = fs::read_to_string(file(&doctor, "traefik/client.key")).unwrap();
    let secret = key.lines().nth(1).unwrap();
    let dynamic = file(&doctor, "dynamic.yml");
    let inline = key.lines().map(|line| format!("            {line}")).collect::<Vec<_>>().join("\n");
    let text = fs::read_to_string(&dynamic).unwrap();
    let (head, _) = text.split_once("          key:").unwrap();
    fs::write(&dynamic, format!("{head}          key: |\n{inline}")).unwrap();
    let diagnosis = examine(&doctor).await;
    assert_eq!(about_certificates(&diagnosis), Vec::<String>::new(), "{:#}", diagnosis.json);
    assert!(!diagnosis.json.to_string().contains(secret), "{:#}", diagnosis.json);
}
