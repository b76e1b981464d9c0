//! The stores that `gatepost copy` is given, and the keys that both must share.

use crate::start::{self, StartError};
use gatepost_certs::tls;
use gatepost_config::keyring::{self, KeyRingError};
use gatepost_config::{Config, StoresConfig};
use gatepost_core::secret::Secret;
use gatepost_store::directory::copy::Location;
use gatepost_store::session::sealed::KeyRing;
use gatepost_store::session::store::{RedisStore, SqliteStore, Store};
use secrecy::{ExposeSecret, SecretString};
use std::convert::Infallible;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A store as the command line names it. It may hold a password, so errors do not repeat it.
#[derive(Clone, Debug)]
pub(super) struct Argument(SecretString);

impl Argument {
    /// The address, if it is one of Postgres.
    pub(super) fn postgres(&self) -> Option<SecretString> {
        let is_postgres =
            |text: &str| ["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme));
        is_postgres(self.0.expose_secret()).then(|| self.0.clone())
    }
}

impl FromStr for Argument {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.into()))
    }
}

/// What is wrong with the stores that were given.
#[derive(Debug, thiserror::Error)]
pub(super) enum ArgumentError {
    #[error("{0} is no store: expected sqlite:FILE or postgres://USER:PASSWORD@HOST/DATABASE")]
    NotAStore(&'static str),
    #[error("--from and --to name the same kind of store")]
    SameKind,
    #[error("--sessions is no address of Redis")]
    NotRedis(#[source] redis::RedisError),
    #[error("there is no file {}", .0.display())]
    NoFile(PathBuf),
    #[error("{} is in use by gatepost serve; its {rows} rows are copied in about {seconds} s", file.display())]
    InUse { file: PathBuf, rows: u64, seconds: u64 },
    #[error(
        "GATEPOST_SECRET_KEYS is not set, and the copied sessions and cookies need the keys that sealed them"
    )]
    NoKeys(Option<PathBuf>),
    #[error("GATEPOST_SECRET_KEYS lacks keys of {}: what they sealed would be lost", .0.display())]
    KeysDiffer(PathBuf),
    #[error(transparent)]
    KeyRing(#[from] KeyRingError),
    #[error(transparent)]
    Start(#[from] StartError),
}

impl ArgumentError {
    /// What to do.
    pub(super) fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NotAStore(_) | Self::NotRedis(_) | Self::KeyRing(_) | Self::Start(_) => return None,
            Self::SameKind => {
                "for another Postgres use pg_dump and pg_restore, for another place move the file and its .keys"
            }
            Self::NoFile(_) => "give the path of the file that `gatepost serve` used: by default gatepost.db",
            Self::InUse { .. } => "stop `gatepost serve` first: what it writes meanwhile would be lost",
            Self::NoKeys(Some(file)) => {
                return Some(format!(
                    "add this line to the settings: GATEPOST_SECRET_KEYS_FILE={}",
                    file.display()
                ));
            }
            Self::NoKeys(None) => "set the keys with which the source was served",
            Self::KeysDiffer(file) => {
                return Some(format!(
                    "append the keys of {} to GATEPOST_SECRET_KEYS, separated by commas; new values are sealed with the first one",
                    file.display()
                ));
            }
        };
        Some(hint.to_owned())
    }
}

/// The stores of a copy.
#[derive(Debug)]
pub(super) struct CopyStores {
    pub(super) from: Location,
    pub(super) to: Location,
    /// The file of the two.
    file: PathBuf,
}

impl CopyStores {
    /// Finds out what was named. A target that is a file is not created.
    pub(super) fn name(config: &Config, from: &Argument, to: &Argument) -> Result<Self, ArgumentError> {
        let from = location(config, "--from", from)?;
        let to = location(config, "--to", to)?;
        let file = match (&from, &to) {
            (Location::File(file), Location::Postgres { .. }) if !file.exists() => {
                return Err(ArgumentError::NoFile(
                    std::path::absolute(file).unwrap_or_else(|_| file.clone()),
                ));
            }
            (Location::File(file), Location::Postgres { .. })
            | (Location::Postgres { .. }, Location::File(file)) => file.clone(),
            _ => return Err(ArgumentError::SameKind),
        };
        Ok(Self { from, to, file })
    }

    pub(super) const fn is_from_file(&self) -> bool {
        matches!(self.from, Location::File(_))
    }

    pub(super) fn has_file(&self) -> bool {
        self.file.exists()
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// Takes the lock that `serve` takes. `None`: `serve` has it.
    pub(super) fn lock(&self) -> Result<Option<File>, StartError> {
        match start::lock(&StoresConfig::Embedded { file: self.file.clone() }) {
            Err(StartError::Locked(_)) => Ok(None),
            lock => lock,
        }
    }

    /// The keys that both stores are served with. The file may have a ring of its own.
    pub(super) fn keys(&self, config: &Config) -> Result<KeyRing, ArgumentError> {
        let beside = keyring::find(&self.file)?;
        let path = keyring::path_beside(&self.file);
        let named = &config.secret_keys;
        if named.is_empty() {
            return Err(ArgumentError::NoKeys(beside.map(|_| std::path::absolute(&path).unwrap_or(path))));
        }
        let is_named = |key: &Secret| named.iter().any(|other| other.digest() == key.digest());
        if self.is_from_file() && !beside.iter().flatten().all(is_named) {
            return Err(ArgumentError::KeysDiffer(path));
        }
        Ok(KeyRing::new(named))
    }

    /// The session stores of the source and of the target.
    pub(super) fn sessions(&self, config: &Config, url: &Argument) -> Result<(Store, Store), ArgumentError> {
        let authorities = |path: &PathBuf| {
            tls::read_authorities(path).map_err(|error| StartError::File(path.clone(), error))
        };
        let ca = config.ca_file.as_ref().map(authorities).transpose()?;
        let redis = RedisStore::open(&url.0.clone().into(), ca).map_err(ArgumentError::NotRedis)?;
        let (redis, file) = (Store::Redis(redis), Store::Sqlite(SqliteStore::open(&self.file)));
        Ok(if self.is_from_file() { (file, redis) } else { (redis, file) })
    }

    /// The settings that open the directory of the source.
    pub(super) fn source(&self) -> StoresConfig {
        settings(&self.from)
    }

    /// The settings that open the directory of the target.
    pub(super) fn target(&self) -> StoresConfig {
        settings(&self.to)
    }
}

fn settings(location: &Location) -> StoresConfig {
    match location {
        Location::File(file) => StoresConfig::Embedded { file: file.clone() },
        Location::Postgres { url, .. } => StoresConfig::Shared {
            redis_url: SecretString::from(String::new()).into(),
            database_url: url.clone(),
        },
    }
}

fn location(config: &Config, name: &'static str, argument: &Argument) -> Result<Location, ArgumentError> {
    let text = argument.0.expose_secret();
    if let Some(path) = text.strip_prefix("sqlite:") {
        let path = path.strip_prefix("//").unwrap_or(path);
        return if path.is_empty() {
            Err(ArgumentError::NotAStore(name))
        } else {
            Ok(Location::File(path.into()))
        };
    }
    let url = argument.postgres().ok_or(ArgumentError::NotAStore(name))?;
    Ok(Location::Postgres { url: url.into(), ca_file: config.ca_file.clone() })
}
