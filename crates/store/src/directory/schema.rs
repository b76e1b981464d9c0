//! The versions of the schema: the migrations of each store, which are compiled in, and the state of a database.

use super::error::DirectoryError;
use sqlx::SqlSafeStr;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use std::borrow::Cow;

/// The database's schema compared with this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaState {
    /// All migrations of this program were applied, and no others.
    Current,
    /// `gatepost migrate` has migrations to apply.
    Behind,
    /// A newer Gatepost has applied migrations that this program does not know.
    Newer,
}

/// A file of `migrations/`: its name, `VERSION_DESCRIPTION`, and its SQL.
pub(super) type MigrationFile = (&'static str, &'static str);

macro_rules! migration_files {
    ($folder:literal: $($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../../migrations/", $folder, "/", $name, ".sql")))),+]
    };
}
pub(super) use migration_files;

/// The runner for `files`, which records in `table` what it has applied. It takes no lock of its own.
pub(super) fn migrator(files: &'static [MigrationFile], table: &'static str) -> Migrator {
    let migration = |(name, sql): &MigrationFile| {
        Migration::new(version(name), Cow::Borrowed(name), MigrationType::Simple, sql.into_sql_str(), false)
    };
    let mut migrator = Migrator::with_migrations(files.iter().map(migration).collect());
    migrator.dangerous_set_table_name(table);
    migrator.set_locking(false);
    migrator
}

/// The number that a file's name begins with.
fn version(name: &str) -> i64 {
    name.split('_').next().and_then(|digits| digits.parse().ok()).unwrap_or_default()
}

/// Compares the applied migrations with those of this program.
pub(super) fn compare(files: &[MigrationFile], applied: &[i64]) -> SchemaState {
    if applied.iter().any(|applied| !files.iter().any(|file| version(file.0) == *applied)) {
        SchemaState::Newer
    } else if files.iter().all(|file| applied.contains(&version(file.0))) {
        SchemaState::Current
    } else {
        SchemaState::Behind
    }
}

/// A lock that was not granted in time and a lost server are "unavailable". Everything else is a failure of the
/// migration.
pub(super) fn migration_error(error: MigrateError) -> DirectoryError {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) if is_not_owner(&error) => {
            DirectoryError::MayNotMigrate
        }
        MigrateError::Execute(error) => DirectoryError::Unavailable(error),
        MigrateError::VersionMissing(_) => DirectoryError::NewerSchema,
        error => DirectoryError::Migration(error),
    }
}

/// `insufficient_privilege`, which Postgres says to whoever does not own a table or may not create a schema.
fn is_not_owner(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| code == "42501")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_version_is_newer_and_a_missing_one_behind() {
        const FILES: &[MigrationFile] = &[("1_a", ""), ("2_b", "")];
        for (applied, state) in [
            (&[1, 2][..], SchemaState::Current),
            (&[1], SchemaState::Behind),
            (&[], SchemaState::Behind),
            (&[1, 2, 3], SchemaState::Newer),
            (&[1, 3], SchemaState::Newer),
        ] {
            assert_eq!(compare(FILES, applied), state, "{applied:?}");
        }
    }

    #[test]
    fn every_file_of_the_folders_is_compiled_in() {
        for (folder, files) in
            [("postgres", super::super::postgres::MIGRATIONS), ("sqlite", super::super::sqlite::MIGRATIONS)]
        {
            let path = format!("{}/migrations/{folder}", env!("CARGO_MANIFEST_DIR"));
            let mut found: Vec<String> = std::fs::read_dir(path)
                .expect("the folder is there")
                .map(|entry| entry.expect("it can be read").file_name().to_string_lossy().into_owned())
                .collect();
            found.sort();
            let known: Vec<String> = files.iter().map(|(name, _)| format!("{name}.sql")).collect();
            assert_eq!(found, known);
        }
    }
}
