//! Reads the form and the level of the log.

use super::LogConfig;
use super::reader::{Read, Reader};
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// `actix_server` is at `warn` because its lines repeat our own at start and stop.
const DEFAULT_LEVEL: &str = "info,actix_server=warn";

pub(super) fn read(reader: &mut Reader) -> Read<LogConfig> {
    let json = reader.word("log.format", &[("json", true), ("pretty", false)], "json or pretty");
    let level = reader.value(
        "log.level",
        "error, warn, info, debug, trace or a filter as in info,sqlx=warn",
        |text| EnvFilter::try_new(text).ok().map(|_| text.to_owned()),
    );
    Ok(LogConfig {
        // The log is written to standard error: text for a terminal, JSON otherwise.
        json: json?.unwrap_or_else(|| !std::io::stderr().is_terminal()),
        level: level?.unwrap_or_else(|| DEFAULT_LEVEL.to_owned()),
    })
}
