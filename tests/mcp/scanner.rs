//! A foreign scanner for secrets with the rule of docs/keys.md.

use crate::house::House;
use crate::programs::{installed, run};
use crate::read;
use gatepost_core::api_key::ApiKey;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

const KEYS: usize = 10_000;
/// Of source code of others, at least.
const SOURCE: u64 = 100_000_000;

pub async fn finds_keys_alone(house: &House) {
    let folder = house.stage.folder.path("leaked");
    std::fs::create_dir(&folder).unwrap();
    let keys = write_keys(&folder);
    let (found, _) = scan(house, &folder).await;
    assert_eq!(found, keys);

    let (found, length) = scan(house, &sources()).await;
    assert_eq!(found, BTreeSet::new());
    assert!(length >= SOURCE, "{length}");
    println!("        {KEYS} of {KEYS} keys, and none in {} MB of source", length / 1_000_000);
}

/// Keys with and without a tenant, in the surroundings in which they leak.
fn write_keys(folder: &Path) -> BTreeSet<String> {
    let tenants = ["github", "a-long.name_of-a-tenant", "x"].map(|name| name.parse().unwrap());
    let mut keys = BTreeSet::new();
    for file in 0..100 {
        let mut text = String::new();
        for number in 0..KEYS / 100 {
            let key = ApiKey::generate(tenants.get(number % 4)).expose().to_owned();
            match number % 5 {
                0 => writeln!(text, "GATEPOST_KEY={key}"),
                1 => writeln!(text, "curl -H 'Authorization: Bearer {key}' https://wiki.example.com"),
                2 => writeln!(text, "{{\"key\":\"{key}\",\"n\":{number}}}"),
                3 => writeln!(text, "the key is {key}, keep it"),
                _ => writeln!(text, "https://example.com/?key={key}&n=1"),
            }
            .unwrap();
            keys.insert(key);
        }
        std::fs::write(folder.join(format!("{file}.txt")), text).unwrap();
    }
    assert_eq!(keys.len(), KEYS);
    keys
}

/// The sources that cargo has downloaded.
#[expect(clippy::disallowed_methods, reason = "where cargo keeps them")]
fn sources() -> PathBuf {
    let home = |variable: &str| std::env::var_os(variable).map(PathBuf::from);
    let cargo = home("CARGO_HOME").or_else(|| Some(home("HOME")?.join(".cargo"))).expect("a home");
    cargo.join("registry/src")
}

/// What is found in a folder, and how many bytes were read.
async fn scan(house: &House, folder: &Path) -> (BTreeSet<String>, u64) {
    let document = read("docs/keys.md");
    let rule =
        document.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("the rule");
    let (config, report) = (house.stage.folder.path("gitleaks.toml"), house.stage.folder.path("found.json"));
    std::fs::write(&config, rule).unwrap();
    let mut command = Command::new(installed("GATEPOST_GITLEAKS"));
    command.args(["dir", "--no-banner", "--no-color", "--exit-code", "0", "--report-format", "json"]);
    command.arg("--config").arg(config).arg("--report-path").arg(&report).arg(folder);
    let (_, stderr) = run(command).await;
    let found: Value = serde_json::from_slice(&std::fs::read(report).expect(&stderr)).unwrap();
    let found = found.as_array().unwrap().iter();
    let found = found.map(|finding| finding["Secret"].as_str().unwrap().to_owned()).collect();
    let length = stderr.split("scanned ~").nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok());
    (found, length.unwrap_or_else(|| panic!("{stderr}")))
}
