//! `gatepost erasures`: what was erased, kept beside the dumps, and erased again where a dump was restored.
//!
//! It needs the database of the directory and nothing else: where dumps are made and restored, there are no other settings.

use super::environment::Environment;
use super::erasures_file::ErasuresFile;
use super::error::CommandError;
use super::report::Report;
use clap::{Args, Subcommand};
use gatepost_config::{Config, StoresConfig};
use gatepost_store::directory::{Actor, Directory, DirectoryError, ErasedAgain, Erasure, SchemaState};
use gatepost_store::session::forget_all;
use gatepost_store::session::store::{SqliteStore, Store};
use serde_json::json;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

pub(super) const HELP: &str = "Needs DATABASE_URL and no other setting. The file holds ids and times alone.\n\n\
    Examples:\n  gatepost erasures keep backups/\n  gatepost erasures apply backups/ --dry-run";

/// Arguments of `gatepost erasures`.
#[derive(Debug, Args)]
pub(super) struct Erasures {
    /// Print JSON for programs: field names do not change
    #[arg(long, global = true)]
    pub(super) json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Adds to the file beside the dumps which people and tenants were erased since
    #[command(
        after_help = "The name of the file has the time at which the directory was created. Lines are only added.\n\n\
                            Example:\n  gatepost erasures keep backups/"
    )]
    Keep {
        /// The folder with the dumps
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// Erases again, in a restored directory, the people and tenants that the file names
    #[command(
        after_help = "Run it before anybody uses the restored directory. What is erased already is left as it is.\n\n\
                            Example:\n  gatepost erasures apply backups/ --dry-run"
    )]
    Apply {
        /// The folder with the dumps
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// Bring the schema of an older dump up to date first, as `gatepost serve` would
        #[arg(long)]
        migrate: bool,
        /// Show what would be erased, and change nothing
        #[arg(long, conflicts_with = "migrate")]
        dry_run: bool,
    },
}

pub(super) async fn run(
    config_file: Option<&Path>,
    environment: &Environment,
    args: Erasures,
) -> Result<Report, CommandError> {
    let (stores, ca_file) = stores(config_file, environment)?;
    if let StoresConfig::Embedded { file } = &stores
        && !file.exists()
    {
        return Err(CommandError::NoFile(std::path::absolute(file).unwrap_or_else(|_| file.clone())));
    }
    let directory = Directory::open(&stores, ca_file.as_deref())?;
    match args.command {
        Command::Keep { folder } => keep(&directory, &folder).await,
        Command::Apply { folder, migrate, dry_run } => {
            let restored = Restored { directory, stores, environment, is_dry_run: dry_run };
            restored.apply(&folder, migrate).await
        }
    }
}

/// The settings of the stores. Others may be missing, or have errors.
fn stores(
    config_file: Option<&Path>,
    environment: &Environment,
) -> Result<(StoresConfig, Option<PathBuf>), CommandError> {
    match Config::load(config_file, environment.variables()) {
        Ok(config) => Ok((config.stores, config.ca_file)),
        Err(errors) => Config::load_stores(config_file, environment.variables()).ok_or(errors.into()),
    }
}

async fn keep(directory: &Directory, folder: &Path) -> Result<Report, CommandError> {
    // A newer schema can be read as far as this release knows it: before a rollback, the older release does so.
    if directory.schema_state().await? == SchemaState::Behind {
        return Err(CommandError::OldSchema);
    }
    let file = ErasuresFile::new(folder, directory.created_at().await?);
    let erasures = directory.list_erasures().await?;
    let added = file.add(&erasures)?;
    let path = file.path().display();
    let text = format!("{path} names everything that was erased. Added: {added}.");
    Ok(Report::new(text, json!({ "file": file.path(), "added": added, "erased": erasures.len() })))
}

/// A directory that was restored.
struct Restored<'a> {
    directory: Directory,
    stores: StoresConfig,
    environment: &'a Environment,
    is_dry_run: bool,
}

impl Restored<'_> {
    async fn apply(&self, folder: &Path, migrate: bool) -> Result<Report, CommandError> {
        let state = self.directory.schema_state().await?;
        match state {
            SchemaState::Newer => return Err(DirectoryError::NewerSchema.into()),
            SchemaState::Behind if !migrate => return Err(CommandError::OldSchema),
            SchemaState::Behind | SchemaState::Current => {}
        }
        // Before the schema is changed: without the file, nothing is.
        let file = ErasuresFile::new(folder, self.directory.created_at().await?);
        let erasures = file.read()?;
        self.directory.migrate().await?;
        self.directory.refuse_half_of_a_copy().await?;
        let again = erase_again(
            (&self.directory, &self.stores),
            &erasures,
            self.is_dry_run,
            &self.environment.actor(),
        )
        .await?;
        let mut text = self.text(&file, &erasures, &again);
        if state == SchemaState::Behind {
            text.push_str(
                "\nThe schema was older, and is that of this release now: an older one cannot serve it.",
            );
        }
        let has_administrator = self.directory.has_administrator().await?;
        if !has_administrator {
            text.push_str("\nNobody is an administrator now: gatepost admin grant ADDRESS");
        }
        let report = Report::new(
            text,
            json!({
                "file": file.path(), "named": erasures.len(), "erased": named(&again), "changed": !again.is_empty(),
                "migrated": state == SchemaState::Behind, "has_administrator": has_administrator,
            }),
        );
        Ok(if self.is_dry_run { report.of_dry_run() } else { report })
    }

    fn text(&self, file: &ErasuresFile, erasures: &[Erasure], again: &[&Erasure]) -> String {
        let (path, all) = (file.path().display(), erasures.len());
        if again.is_empty() {
            return format!("None of the {all} that {path} names is here.");
        }
        let done = if self.is_dry_run { "Would be erased again" } else { "Erased again" };
        let mut text = format!("{done}: {} of the {all} that {path} names.", again.len());
        for name in named(again) {
            let _ = write!(text, "\n  {name}");
        }
        text
    }
}

/// Erases people and tenants that were erased elsewhere or before. Returns what was there.
pub(super) async fn erase_again<'e>(
    (directory, stores): (&Directory, &StoresConfig),
    erasures: &'e [Erasure],
    is_dry_run: bool,
    actor: &Actor,
) -> Result<Vec<&'e Erasure>, CommandError> {
    let mut again = Vec::new();
    for erasure in erasures {
        let done = directory.erase_again(erasure, is_dry_run, actor).await?;
        again.extend((done == ErasedAgain::Erased).then_some(erasure));
        // The embedded file has the sessions too. Redis is to be emptied after a restore, whoever was erased.
        if let (StoresConfig::Embedded { file }, Erasure::User { id, .. }, false) =
            (stores, erasure, is_dry_run)
        {
            forget_all(&Store::Sqlite(SqliteStore::open(file)), *id).await?;
        }
    }
    Ok(again)
}

/// The names of what was erased again.
pub(super) fn named(again: &[&Erasure]) -> Vec<String> {
    let name = |erasure: &&Erasure| match erasure {
        Erasure::User { id, .. } => format!("user {id}"),
        Erasure::Tenant { id, .. } => format!("tenant {id}"),
    };
    again.iter().map(name).collect()
}
