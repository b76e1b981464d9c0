//! `gatepost serve`.

use super::CommandError;
use crate::app;
use gatepost_config::Config;
use gatepost_telemetry::logs;

pub(super) async fn run(config: Config) -> Result<(), CommandError> {
    logs::init(&config.log)?;
    Ok(app::serve(config).await?)
}
