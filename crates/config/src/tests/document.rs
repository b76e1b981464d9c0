//! `docs/configuration.md` and the code name the same settings, and its examples work.

use super::*;
use crate::load::sections;
use crate::raw::{TomlFile, variable_of};
use crate::reader::Reader;
use std::collections::BTreeSet;

const DOCUMENT: &str = include_str!("../../../../docs/configuration.md");

fn settings_read() -> BTreeSet<String> {
    let file = TomlFile {
        name: "gatepost.toml",
        text: "[providers.id]\nkind = \"entra\"\n[speakers.id]\nkind = \"jwt\"",
    };
    let mut reader = Reader::new(Some(&file), std::iter::empty());
    assert!(sections(&mut reader).is_err(), "the public address is missing");
    let variables = reader.read_keys().iter().map(|key| variable_of(key).replace("S__ID__", "S__<ID>__"));
    let platform = crate::platform::VARIABLES.map(|(name, _)| name.to_owned());
    variables.chain(platform).chain(["GATEPOST_CONFIG".to_owned()]).collect()
}

fn settings_documented() -> BTreeSet<String> {
    let first_cells = DOCUMENT.lines().filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
    first_cells
        .flat_map(|cell| cell.split('`').step_by(2).map(str::to_owned).collect::<Vec<_>>())
        .filter(|name| !name.is_empty())
        .collect()
}

#[test]
fn every_setting_that_is_read_is_documented_and_the_reverse() {
    let (read, documented) = (settings_read(), settings_documented());
    let missing: Vec<_> = read.difference(&documented).collect();
    let invented: Vec<_> = documented.difference(&read).collect();
    assert!(missing.is_empty() && invented.is_empty(), "not documented: {missing:?}, not read: {invented:?}");
}

fn blocks(language: &str) -> Vec<&'static str> {
    let open = format!("```{language}\n");
    DOCUMENT.split(&open).skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

#[test]
fn the_examples_of_the_document_are_accepted() {
    let environments = blocks("sh");
    assert!(environments.len() >= 2);
    for block in environments {
        let lines = block.lines().filter_map(|line| line.split_once('='));
        accepted(Config::parse("", lines.map(|(name, text)| (name.to_owned(), text.to_owned()))));
    }
    let files = blocks("toml");
    assert!(!files.is_empty());
    for text in files {
        accepted(with(text, &[("GATEPOST_SECRET_KEYS", KEY)]));
    }
}
