//! Traefik's files: one example per kind of finding, and good ones. A line on which something must be found says so in
//! a comment, `# finding: SEVERITY CODE`, several parted by `;`, and nothing else above a hint may be found anywhere.

use gatepost_check::{self as check, Finding, Place, Severity, traefik};
use gatepost_config::Config;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The site that the examples are of. An example says so where the internal listener speaks TLS (`# site: tls`), and
/// where `Open WebUI` is a speaker (`# site: speaker`).
fn config(has_tls: bool, has_speaker: bool) -> Config {
    let tls = if has_tls { "internal_tls = \"/etc/gatepost/certs\"" } else { "" };
    let speaker = r#"
        [speakers.open-webui]
        kind = "open-webui"
        secret = "0123456789abcdef0123456789abcdef"
        hosts = ["mcp.example.com"]
    "#;
    let speaker = if has_speaker { speaker } else { "" };
    let text = r#"
        public_url = "https://auth.example.com"
        hosts = ["wiki.example.com", "chat.example.com", "*.apps.example.com"]
        [providers.entra]
        kind = "entra"
        tenant_id = "11111111-1111-4111-8111-111111111111"
        client_id = "22222222-2222-4222-8222-222222222222"
        client_secret = "not looked at"
        [mcp]
        filter_addr = "0.0.0.0:4183"
        [services]
        mcp = "http://mcp-proxy:8080"
    "#;
    Config::parse(&format!("{tls}{text}{speaker}"), std::iter::empty()).unwrap()
}

fn says(files: &[PathBuf], site: &str) -> bool {
    let line = format!("# site: {site}\n");
    files.iter().any(|file| std::fs::read_to_string(file).unwrap().contains(&line))
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/check/traefik")
}

fn list(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// Each example's name and its files: one, or all of a folder.
fn examples() -> Vec<(String, Vec<PathBuf>)> {
    let files = |path: &Path| if path.is_dir() { list(path) } else { vec![path.to_owned()] };
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    list(&folder()).iter().map(|path| (name(path), files(path))).collect()
}

type Expected = BTreeSet<(String, usize, String)>;

fn announced(files: &[PathBuf]) -> Expected {
    let mut expected = Expected::new();
    for file in files {
        for (number, line) in std::fs::read_to_string(file).unwrap().lines().enumerate() {
            let name = file.display().to_string();
            let whole = line.split_once("# finding at 0: ").map(|(_, rest)| (0, rest));
            let here = || line.split_once("# finding: ").map(|(_, rest)| (number + 1, rest));
            let Some((at, findings)) = whole.or_else(here) else { continue };
            expected.extend(findings.split(';').map(|one| (name.clone(), at, one.trim().to_owned())));
        }
    }
    expected
}

fn found(findings: &[Finding]) -> Expected {
    let entry = |finding: &Finding| match &finding.place {
        Place::Line(file, line) => {
            let word = format!("{} {}", finding.severity().as_str(), finding.code());
            (file.display().to_string(), *line, word)
        }
        Place::Setting(name) => panic!("{name} is no file"),
    };
    findings.iter().filter(|finding| finding.severity() > Severity::Ok).map(entry).collect()
}

#[test]
fn every_example_has_the_finding_of_its_name_and_no_other() {
    let mut differing = Vec::new();
    for (name, files) in examples() {
        let config = config(says(&files, "tls"), says(&files, "speaker"));
        let (found, announced) =
            (found(&traefik::inspect(&files, Some(&config)).findings), announced(&files));
        if found != announced {
            differing.push(format!("{name}: found {found:#?}, announced {announced:#?}"));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[test]
fn every_kind_of_finding_about_traefik_has_an_example_of_its_name() {
    let shown: BTreeSet<String> = examples()
        .iter()
        .flat_map(|(name, files)| {
            let codes = announced(files).into_iter().map(|(.., word)| word);
            let codes: Vec<String> =
                codes.filter_map(|word| word.split_once(' ').map(|(_, code)| code.to_owned())).collect();
            codes.into_iter().filter(|code| name.starts_with(code.as_str())).collect::<Vec<_>>()
        })
        .collect();
    let about_traefik = |name: &&str| name.starts_with("traefik-") || name.starts_with("compose-");
    for code in check::codes().map(|code| code.name).filter(about_traefik) {
        assert!(shown.contains(code), "{code} has no example");
    }
}

#[test]
fn without_a_configuration_only_hosts_and_ports_are_not_judged() {
    let of = |name: &str| {
        let findings = traefik::inspect(&[folder().join(name)], None).findings;
        findings.iter().filter(|finding| finding.severity() > Severity::Hint).count()
    };
    assert_eq!((of("traefik-host-unknown.yml"), of("traefik-address-public.yml")), (0, 0));
    assert_eq!((of("traefik-address-http.yml"), of("traefik-address-https.yml")), (0, 0));
    assert_eq!(of("traefik-forward-header-trusted.yml"), 1);
}

#[test]
fn the_readmes_own_example_is_in_order() {
    let readme = include_str!("../../../README.md");
    let block = readme.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dynamic.yml");
    std::fs::write(&file, block).unwrap();
    let findings = traefik::inspect(&[file], Some(&config(false, false))).findings;
    let complaints: Vec<&Finding> =
        findings.iter().filter(|finding| finding.severity() > Severity::Hint).collect();
    // The example's site has a requirement that nobody uses yet.
    assert!(
        complaints.iter().all(|finding| finding.code() == "traefik-middleware-unused"),
        "{complaints:#?}"
    );
}

#[test]
fn a_file_that_is_not_there_is_a_finding() {
    let findings = traefik::inspect(&[folder().join("absent.yml")], None).findings;
    let codes: Vec<&str> = findings.iter().map(Finding::code).collect();
    assert_eq!(codes, ["traefik-file-unreadable"]);
}
