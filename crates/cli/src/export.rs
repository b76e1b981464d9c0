//! `gatepost export`: writes what the directory holds as files for `gatepost apply`.

use super::console::Console;
use super::error::CommandError;
use super::files::{FILES, write};
use super::only_here::OnlyHere;
use super::report::Report;
use clap::Args;
use serde_json::json;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

pub(super) const HELP: &str = "The files hold no secrets, and without --members no people.\n\n\
    Examples:\n  gatepost export -o access/\n  gatepost export -o access/ --members --force";

#[derive(Debug, Args)]
pub(super) struct Export {
    /// The folder for groups.yaml, tenants.yaml, tiers.yaml, rules.yaml and keys.yaml; created if it does not exist
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// Write people too: the manual members of groups, and admins.yaml
    #[arg(long)]
    members: bool,
    /// Replace files that are already there
    #[arg(long)]
    force: bool,
    /// Print JSON for programs
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) async fn run(console: &Console, args: Export) -> Result<Report, CommandError> {
    let Export { output, members, force, .. } = args;
    let held = console.only_here(OnlyHere::Export)?.stores.directory.find_held(members).await?;
    let written = write(&held, members);
    let texts: Vec<(PathBuf, String)> =
        written.files.into_iter().filter_map(|(name, text)| Some((output.join(name), text?))).collect();
    if !force && let Some((path, _)) = texts.iter().find(|(path, _)| path.exists()) {
        return Err(CommandError::FileExists(path.clone()));
    }
    fs::create_dir_all(&output).map_err(|error| CommandError::Export(output.clone(), error))?;
    for (path, text) in &texts {
        replace(path, text).map_err(|error| CommandError::Export(path.clone(), error))?;
    }
    let paths: Vec<String> = texts.iter().map(|(path, _)| path.display().to_string()).collect();
    let (groups, tenants, tiers, rules) = (written.groups, written.tenants, written.tiers, written.rules);
    let keys = written.keys;
    let all = format!("{groups} groups, {tenants} tenants, {tiers} tiers, {rules} rules and {keys} keys");
    let mut text = format!("{all} are in {}.", paths.join(", "));
    if !members && output.join(FILES[2]).exists() {
        text = format!("{text}\n{} is as it was: --members writes it.", output.join(FILES[2]).display());
    }
    Ok(Report::new(
        text,
        json!({ "files": paths, "groups": groups, "tenants": tenants, "tiers": tiers, "rules": rules, "keys": keys }),
    ))
}

/// Replaces a file as a whole. It may name people, so others may not read it.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o640).open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)
}
