//! `gatepost serve`.

use super::CommandError;
use crate::config::Config;
use crate::{app, telemetry};

pub(super) async fn run(config: Config) -> Result<(), CommandError> {
    telemetry::init(&config.log);
    Ok(app::serve(config).await?)
}
