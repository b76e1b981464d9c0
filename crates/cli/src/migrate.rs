//! `gatepost migrate`: migrates the schema, for deployments where `serve` may not do so.

use super::CommandError;
use gatepost_config::Config;
use gatepost_store::directory::Directory;

pub(super) async fn run(config: &Config) -> Result<(), CommandError> {
    let directory = Directory::open(&config.stores, config.ca_file.as_deref())?;
    directory.migrate().await?;
    directory.refuse_half_of_a_copy().await?;
    directory.sync_configuration(config).await?;
    println!("The directory's schema is up to date.");
    Ok(())
}
