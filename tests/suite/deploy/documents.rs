//! The documents: links lead somewhere, commands are understood, files, services, variables and tests that are named exist.

use super::folder::Folder;
use super::{read, repository};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// Every document, with its path.
fn documents() -> Vec<(String, String)> {
    let entries = std::fs::read_dir(repository("docs")).unwrap();
    let names = entries.map(|entry| format!("docs/{}", entry.unwrap().file_name().to_string_lossy()));
    let names = names.filter(|name| Path::new(name).extension().is_some_and(|extension| extension == "md"));
    names.chain(["README.md".to_owned()]).map(|name| (name.clone(), read(&name))).collect()
}

/// Text without fenced blocks.
fn prose(text: &str) -> String {
    text.split("```").step_by(2).collect::<Vec<_>>().join("\n")
}

/// Fenced blocks of a language.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let open = format!("```{language}\n");
    text.split(&open).skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

/// What stands in backticks.
fn quoted(text: &str) -> Vec<String> {
    let lines = text
        .lines()
        .flat_map(|line| line.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>());
    lines.collect()
}

/// A heading's anchor, as GitHub makes it.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
    text.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect()
}

#[test]
fn every_link_leads_to_a_file_and_a_heading_that_is_there() {
    let mut links = 0;
    for (path, text) in documents() {
        let prose = prose(&text);
        for target in prose.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            links += 1;
            if target.starts_with("https://") {
                continue;
            }
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let linked = if file.is_empty() {
                path.clone()
            } else {
                let folder = Path::new(&path).parent().unwrap();
                folder.join(file).display().to_string()
            };
            assert!(repository(&linked).exists(), "{path}: {target} is no file");
            if !heading.is_empty() {
                let anchors: BTreeSet<String> =
                    read(&linked).lines().filter(|line| line.starts_with('#')).map(anchor).collect();
                assert!(anchors.contains(heading), "{path}: {target}: no such heading among {anchors:?}");
            }
        }
    }
    assert!(links > 20, "{links}");
}

#[test]
fn every_script_of_the_documents_is_one_and_every_command_of_ours_is_understood() {
    let mut commands = 0;
    for (path, text) in documents() {
        for block in blocks(&text, "sh") {
            let checked = Command::new("bash").args(["-n", "-c", block]).output().unwrap();
            assert!(checked.status.success(), "{path}: {}", String::from_utf8_lossy(&checked.stderr));
        }
        let ours = blocks(&text, "sh").into_iter().flat_map(str::lines).map(str::to_owned);
        let inline =
            quoted(&prose(&text)).into_iter().filter(|_| path != "README.md" && path != "docs/security.md");
        for line in ours.chain(inline).filter(|line| line.starts_with("gatepost ")) {
            let ours = [" #", " | "].iter().fold(&*line, |line, end| line.split(end).next().unwrap_or(line));
            let words = ours.split_whitespace().skip(1);
            // Help instead of deeds: what stands before it is still judged.
            let asked = Command::new(env!("CARGO_BIN_EXE_gatepost"))
                .env_clear()
                .args(words)
                .arg("--help")
                .output()
                .unwrap();
            assert!(asked.status.success(), "{path}: {line}: {}", String::from_utf8_lossy(&asked.stderr));
            commands += 1;
        }
    }
    assert!(commands > 10, "{commands}");
}

#[test]
fn every_file_and_every_service_that_is_named_exists() {
    let compose = Folder::prepare().compose();
    for (path, text) in documents() {
        for name in quoted(&prose(&text)) {
            let is_path = ["traefik/", "deploy/", "script/", "tests/", "docs/"]
                .iter()
                .any(|start| name.starts_with(start));
            assert!(!is_path || repository(&name).exists(), "{path}: {name} does not exist");
        }
        for line in blocks(&text, "sh").into_iter().flat_map(str::lines) {
            let Some((_, command)) = line.split_once("docker-compose.hetzner.yml ") else { continue };
            let words: Vec<&str> = command.split_whitespace().take_while(|word| *word != "|").collect();
            let services: Vec<&str> = match words[0] {
                "exec" => vec![words[1]],
                "run" => {
                    vec![words.iter().skip(1).find(|word| !word.starts_with('-') && **word != "sh").unwrap()]
                }
                "stop" | "restart" | "logs" | "build" => words[1..].to_vec(),
                _ => Vec::new(),
            };
            for service in services.into_iter().map(|service| service.trim_matches(['\'', '"'])) {
                let is_known = service == ">" || !compose["services"][service].is_null();
                assert!(
                    is_known || service.starts_with('/') || service == "NUMBER",
                    "{path}: no service {service:?}: {line}"
                );
                if service == ">" {
                    break;
                }
            }
        }
    }
}

#[test]
fn every_setting_that_is_named_is_one() {
    let known = read("docs/configuration.md");
    for (path, text) in documents().into_iter().chain([
        (".env.example".to_owned(), read(".env.example")),
        ("docker-compose.hetzner.yml".to_owned(), read("docker-compose.hetzner.yml")),
        ("deploy/gatepost.service".to_owned(), read("deploy/gatepost.service")),
    ]) {
        let is_part = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        let names =
            text.split(|c| !is_part(c)).filter(|word| word.starts_with("GATEPOST_") && !word.ends_with('_'));
        for name in names {
            let general = name
                .replace("PROVIDERS__ENTRA__", "PROVIDERS__<ID>__")
                .replace("PROVIDERS__KC__", "PROVIDERS__<ID>__")
                .replace("SPEAKERS__OPEN_WEBUI__", "SPEAKERS__<ID>__");
            let is_known =
                known.contains(&format!("`{general}`")) || known.contains(&format!("`{general}_FILE`"));
            assert!(is_known, "{path}: {name} is no setting");
        }
    }
}

#[test]
fn every_symptom_was_reproduced_by_a_test_that_is_there() {
    let text = read("docs/troubleshooting.md");
    let sources =
        [sources(&repository("tests/suite")), sources(&repository("crates")), sources(&repository("src"))]
            .concat();
    let mut symptoms = 0;
    for symptom in text.split("\n## ").skip(1) {
        let mut names = quoted(symptom).into_iter().filter(|name| sources.contains(&format!("fn {name}(")));
        let is_reproduced = names.any(|name| name.matches('_').count() > 2);
        assert!(is_reproduced, "by which test? {symptom}");
        symptoms += 1;
    }
    assert!(symptoms > 10);
}

#[test]
fn every_action_of_the_audit_is_in_the_document() {
    let text = read("docs/cli.md");
    let statements = sources(&repository("crates/store/src/directory/statements"));
    let is_part = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let literals = statements.split('"').skip(1).step_by(2);
    let actions: BTreeSet<&str> = literals
        .filter(|literal| {
            literal.split_once('.').is_some_and(|(of, what)| of.len() > 1 && is_part(of) && is_part(what))
        })
        .collect();
    assert!(actions.len() > 20, "{actions:?}");
    let unnamed: Vec<_> = actions.iter().filter(|action| !text.contains(&format!("`{action}`"))).collect();
    assert!(unnamed.is_empty(), "docs/cli.md names no {unnamed:?}");
}

/// All code below a folder.
fn sources(folder: &Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text += &sources(&path);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text += &std::fs::read_to_string(&path).unwrap();
        }
    }
    text
}

#[test]
fn the_unit_is_one_and_its_sandbox_is_tight() {
    let folder = tempfile::TempDir::new().unwrap();
    let unit = folder.path().join("gatepost.service");
    // Only the binary lies elsewhere here.
    let text =
        read("deploy/gatepost.service").replace("/usr/local/bin/gatepost", env!("CARGO_BIN_EXE_gatepost"));
    std::fs::write(&unit, text).unwrap();
    let verified =
        Command::new("systemd-analyze").arg("verify").arg(&unit).output().expect("Debian package systemd");
    let said = String::from_utf8_lossy(&verified.stderr).into_owned();
    let about_it: Vec<&str> = said.lines().filter(|line| line.contains("gatepost.service")).collect();
    assert!(verified.status.success() && about_it.is_empty(), "{said}");
    let judged = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--threshold=15"])
        .arg(&unit)
        .output()
        .unwrap();
    assert!(judged.status.success(), "{}", String::from_utf8_lossy(&judged.stdout));
}
