//! `gatepost serve`.

use super::CommandError;
use crate::app;
use crate::config::Config;
use crate::telemetry::logs;

pub(super) async fn run(config: Config) -> Result<(), CommandError> {
    logs::init(&config.log)?;
    Ok(app::serve(config).await?)
}
