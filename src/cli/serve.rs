//! `gatepost serve`.

use super::CommandError;
use crate::app;
use crate::certs::InternalTls;
use crate::config::Config;
use crate::telemetry::logs;

pub(super) async fn run(config: Config) -> Result<(), CommandError> {
    logs::init(&config.log)?;
    if let Some(folder) = &config.internal_tls {
        InternalTls::load(folder)?;
    }
    Ok(app::serve(config).await?)
}
