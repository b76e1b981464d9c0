//! `gatepost certs`: the certificates between Traefik and the internal listener.

use super::CommandError;
use super::report::{Report, minute, rfc3339, table};
use gatepost_certs::{Cause, MakeOptions, Name, Outcome, Role, State, make};
use gatepost_config::Config;
use gatepost_core::clock::Timestamp;
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Folder of the certificates; default: `GATEPOST_INTERNAL_TLS`
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
    /// DNS name or address by which Traefik reaches Gatepost; repeat for several. Default: the names of the present
    /// certificate; for the first one gatepost, localhost and the loopback addresses
    #[arg(long = "name", value_name = "NAME")]
    names: Vec<Name>,
    /// Folder for Traefik that receives ca.crt, client.crt and client.key; renewals write there too
    #[arg(long, value_name = "FOLDER")]
    client_dir: Option<PathBuf>,
    /// Replace everything, with new keys: restart Traefik and Gatepost afterwards
    #[arg(long)]
    force: bool,
    /// Print JSON for programs: field names do not change, times are RFC 3339 in UTC
    #[arg(long)]
    pub(super) json: bool,
}

/// Reads the settings only if `--dir` is not given, so that the command also works on Traefik's machine.
pub(super) fn run(
    arguments: &Arguments,
    load: impl FnOnce() -> Result<Config, CommandError>,
) -> Result<Report, CommandError> {
    let folder = match &arguments.dir {
        Some(folder) => folder.clone(),
        None => load()?.internal_tls.ok_or(CommandError::NoFolder)?,
    };
    let options = MakeOptions {
        names: arguments.names.clone(),
        client_dir: arguments.client_dir.clone(),
        force: arguments.force,
    };
    Ok(report(&folder, &make(&folder, &options, Timestamp::now())?))
}

fn report(folder: &Path, outcome: &Outcome) -> Report {
    let row = |state: &State| {
        let names: Vec<String> = state.names.iter().map(ToString::to_string).collect();
        [state.role.as_str().to_owned(), done(state).to_owned(), minute(state.not_after), names.join(" ")]
    };
    let header = ["CERTIFICATE", "DONE", "VALID UNTIL (UTC)", "NAMES"];
    let mut text = table(Some(header), outcome.states.iter().map(row).collect());
    let _ = write!(text, "\n\nIn {}", folder.display());
    if let Some(place) = &outcome.client_dir {
        let _ = write!(text, "; for Traefik in {}", place.display());
    }
    text.push('.');
    let is_for_traefik = |state: &State| state.role != Role::Server && state.made.is_some();
    if outcome.states.iter().any(is_for_traefik) {
        text.push_str(" Traefik reads its files when it starts and when its configuration changes.");
    }
    let json = json!({
        "folder": folder,
        "client_folder": outcome.client_dir,
        "certificates": outcome.states.iter().map(state_json).collect::<Vec<_>>(),
    });
    Report::new(text, json)
}

const fn done(state: &State) -> &'static str {
    match state.made {
        None => "kept",
        Some(Cause::Missing) => "created",
        Some(Cause::Due) => "renewed",
        Some(Cause::Names) => "replaced for new names",
        Some(Cause::Forced) => "replaced",
    }
}

fn state_json(state: &State) -> Value {
    let cause = state.made.map(|cause| match cause {
        Cause::Missing => "missing",
        Cause::Due => "due",
        Cause::Names => "names",
        Cause::Forced => "forced",
    });
    json!({
        "role": state.role.as_str(),
        "file": state.path,
        "made": cause,
        "not_after": rfc3339(state.not_after),
        "names": state.names.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}
