//! `gatepost serve`.

use super::CommandError;
use super::program::Program;
use gatepost_config::Config;
use gatepost_telemetry::logs;

pub(super) async fn run(program: Program, config: Config) -> Result<(), CommandError> {
    logs::init(&config.log)?;
    Ok((program.serve)(config).await?)
}
