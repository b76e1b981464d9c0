//! Reads which pair of stores is used, and the keys that seal values.

use super::reader::{Found, Read, Reader};
use super::watched::WatchedSecret;
use super::{StoresConfig, keyring, redis_servers, store_url};
use gatepost_core::secret::Secret;
use secrecy::{ExposeSecret, SecretString};
use std::path::PathBuf;

/// The file of the embedded stores if no store is configured, in the working directory.
const DEFAULT_FILE: &str = "gatepost.db";

/// Reads the stores and the key ring.
pub(super) fn read(reader: &mut Reader) -> Read<(StoresConfig, Vec<Secret>)> {
    let stores = read_stores(reader);
    let keys = read_keys(reader);
    let (stores, keys) = (stores?, keys?);
    if keys.is_empty() && matches!(stores, StoresConfig::Shared { .. }) {
        return Err(
            reader.missing("secret_keys", format!("{}, the same for all replicas", keyring::EXPECTED))
        );
    }
    Ok((stores, keys))
}

enum Database {
    Sqlite(PathBuf),
    Postgres(Found),
}

pub(super) fn read_stores(reader: &mut Reader) -> Read<StoresConfig> {
    let database = read_database(reader);
    let password = reader.secret("database_password", store_url::PASSWORD);
    let redis = read_redis(reader);
    let (database, password, redis) = (database?, password?, redis?);
    if let Some(password) = &password
        && !matches!(database, Some(Database::Postgres(_)))
    {
        let why = format!("{} names no Postgres that would need it", reader.name("database_url"));
        return Err(reader.contradiction(&password.key, why));
    }
    match (database, redis) {
        (None, None) => Ok(StoresConfig::Embedded { file: PathBuf::from(DEFAULT_FILE) }),
        (Some(Database::Sqlite(file)), None) => Ok(StoresConfig::Embedded { file }),
        (Some(Database::Postgres(database)), Some(redis)) => Ok(StoresConfig::Shared {
            redis_url: redis.watched(redis_servers::take),
            database_url: match password {
                None => database.watched(store_url::take_postgres),
                Some(password) => with_password(reader, &database, password)?,
            },
        }),
        (Some(Database::Sqlite(_)), Some(redis)) => {
            let why = format!(
                "with {} the SQLite file also holds the sessions: unset one of the two, or use postgres://",
                reader.name("database_url")
            );
            Err(reader.contradiction(&redis.key, why))
        }
        (Some(Database::Postgres(database)), None) => {
            let why = "Postgres only holds the directory, sessions need redis_url (REDIS_URL); give neither for embedded mode";
            Err(reader.contradiction(&database.key, why))
        }
        (None, Some(redis)) => {
            let why = "Redis only holds the sessions, the directory needs database_url (DATABASE_URL); give neither for embedded mode";
            Err(reader.contradiction(&redis.key, why))
        }
    }
}

/// The address with a password that is given beside it. From then on the password's file is watched.
fn with_password(reader: &mut Reader, database: &Found, password: Found) -> Read<WatchedSecret> {
    match store_url::with_password(database.value.expose_secret(), password.value.expose_secret()) {
        Ok(url) => Ok(Found { value: url.into(), ..password }.watched(store_url::take_password)),
        Err(why) => {
            let why = format!("{} {why}", reader.name("database_url"));
            Err(reader.contradiction(&password.key, why))
        }
    }
}

fn read_database(reader: &mut Reader) -> Read<Option<Database>> {
    let Some(found) = reader.secret("database_url", store_url::DATABASE)? else { return Ok(None) };
    let text = found.value.expose_secret();
    if let Some(path) = text.strip_prefix("sqlite://") {
        let is_plain = !path.is_empty() && !path.contains([':', '?', '#', '%']) && !path.ends_with('/');
        let file = is_plain.then(|| Database::Sqlite(PathBuf::from(path)));
        return file.map(Some).ok_or_else(|| {
            reader.malformed_secret(&found, "sqlite:// and the path of a file, without options")
        });
    }
    match store_url::postgres(text) {
        Ok(url) => Ok(Some(Database::Postgres(Found { value: SecretString::from(url), ..found }))),
        Err(fault) => Err(reader.malformed(&found.key, fault.found.into_owned(), fault.expected)),
    }
}

fn read_redis(reader: &mut Reader) -> Read<Option<Found>> {
    let Some(found) = reader.secret("redis_url", store_url::REDIS)? else { return Ok(None) };
    let text = found.value.expose_secret();
    match redis_servers::check(text) {
        Ok(()) => Ok(Some(found)),
        Err(fault) => Err(reader.malformed(&found.key, fault.found.into_owned(), fault.expected)),
    }
}

fn read_keys(reader: &mut Reader) -> Read<Vec<Secret>> {
    let Some(found) = reader.secret("secret_keys", keyring::EXPECTED)? else { return Ok(Vec::new()) };
    keyring::parse(found.value.expose_secret())
        .map_err(|fault| reader.contradiction(&found.key, fault.to_string()))
}
