//! `gatepost migrate`: migrates the schema, for deployments where `serve` may not do so.

use super::CommandError;
use super::copy_stores::Argument;
use super::owner_error::OwnerError;
use clap::Args;
use gatepost_config::{Config, StoresConfig};
use gatepost_store::directory::Directory;
use secrecy::SecretString;

pub(super) const HELP: &str = "With --as-owner, Gatepost serves as a role that owns nothing and cannot change the audit: DATABASE_URL \
    names that role, which must be there, and --as-owner the one that owns the tables. The serving role gets what it needs. \
    Postgres also takes the owner's password from PGPASSWORD or ~/.pgpass.\n\n\
    Examples:\n  gatepost migrate\n  gatepost migrate --as-owner postgres://gatepost_owner@db/gatepost";

#[derive(Debug, Args)]
pub(super) struct Migrate {
    /// Migrate as this role, and let the role of `DATABASE_URL` serve: `postgres://OWNER@HOST/DATABASE`
    #[arg(long, value_name = "STORE")]
    as_owner: Option<Argument>,
}

pub(super) async fn run(config: &Config, Migrate { as_owner }: Migrate) -> Result<(), CommandError> {
    let Some(owner) = as_owner else {
        let directory = Directory::open(&config.stores, config.ca_file.as_deref())?;
        migrate(&directory, config).await?;
        println!("The directory's schema is up to date.");
        return Ok(());
    };
    let (directory, role) = as_owner_of(config, owner.postgres().ok_or(OwnerError::NotPostgres)?).await?;
    migrate(&directory, config).await?;
    directory.grant_serving(&role).await?;
    println!("The directory's schema is up to date, and {role} may serve.");
    Ok(())
}

async fn migrate(directory: &Directory, config: &Config) -> Result<(), CommandError> {
    directory.migrate().await?;
    directory.refuse_half_of_a_copy().await?;
    Ok(directory.sync_configuration(config).await?)
}

/// The directory by the address of its owner, and the role of `DATABASE_URL`.
async fn as_owner_of(config: &Config, owner: SecretString) -> Result<(Directory, String), CommandError> {
    let StoresConfig::Shared { redis_url, .. } = &config.stores else {
        return Err(OwnerError::NoRoles.into());
    };
    let stores = StoresConfig::Shared { redis_url: redis_url.clone(), database_url: owner.into() };
    let open = |stores| Directory::open(stores, config.ca_file.as_deref());
    let (serving, owning) = (open(&config.stores)?, open(&stores)?);
    let user = |directory: &Directory| directory.servers().into_iter().next().map(|server| server.user);
    let (Some(role), owner) = (user(&serving), user(&owning)) else { return Err(OwnerError::NoRoles.into()) };
    if owner.as_ref() == Some(&role) {
        return Err(OwnerError::SameRole.into());
    }
    if !owning.is_same_database(&serving).await? {
        return Err(OwnerError::OtherDatabase.into());
    }
    Ok((owning, role))
}
