//! `gatepost openapi`: the OpenAPI document of the API, as this program has it.

use super::error::CommandError;
use gatepost_web::api;
use std::io::{self, ErrorKind, Write};

pub(super) fn print() -> Result<(), CommandError> {
    match writeln!(io::stdout(), "{}", api::document(None)) {
        // The reader has closed the pipe.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(CommandError::Output),
    }
}
