//! Tool servers that speak the Model Context Protocol: what one request asks of them, and who may ask it. Pure.
//!
//! [`message`] reads the body of one request, [`strict_json`] is how it reads JSON, [`headers`] compares the body with the
//! headers that repeat it. [`endpoint`] is the address of a tool server, [`pattern`] and [`rules`] say who may call what.
//!
//! Guarantee: where [`message`] reads a tool, a prompt or a resource, every other reader of JSON either reads the same one
//! or refuses the message. What two readers could understand differently is refused here.

pub mod endpoint;
pub mod event_stream;
pub mod headers;
pub mod list;
pub mod message;
pub mod pattern;
pub mod rules;
mod strict_json;
pub mod words;

#[cfg(test)]
mod other_readers;

use std::fmt;
use std::str::FromStr;

/// The longest body that is read, in bytes.
pub const MAX_BODY: usize = 1024 * 1024;
/// The revision of the protocol from which on headers repeat the body.
pub const CURRENT_VERSION: &str = "2026-07-28";
/// The code of `HeaderMismatch` (2026-07-28, Streamable HTTP, Server Validation).
pub const HEADER_MISMATCH: i32 = -32020;
/// JSON-RPC's own code, which 2026-07-28 demands of a message that names no revision (Requests, `_meta`).
const INVALID_PARAMS: i32 = -32602;
/// The code of `UnsupportedProtocolVersionError` (2026-07-28, Versioning).
const UNSUPPORTED_VERSION: i32 = -32022;

/// From what a message is judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// From its body, which the proxy sends along.
    #[default]
    Body,
    /// From its headers alone. The server must refuse a message whose headers and body differ.
    Headers,
}

impl Mode {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Body => "body",
            Self::Headers => "headers",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is not a [`Mode`].
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a mode: expected body or headers")]
pub struct ModeError(String);

impl FromStr for Mode {
    type Err = ModeError;
    fn from_str(text: &str) -> Result<Self, ModeError> {
        match text {
            "body" => Ok(Self::Body),
            "headers" => Ok(Self::Headers),
            _ => Err(ModeError(text.to_owned())),
        }
    }
}

/// Why a message cannot be judged. Whoever sent it gets this text, so it repeats nothing that a message holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The body is longer than [`MAX_BODY`].
    TooLarge,
    /// It is not a message that every reader understands in the same way.
    Unreadable(String),
    /// The headers are missing, or do not say what the body says.
    HeaderMismatch(&'static str),
    /// The header names a revision in which the body names it too, and the body does not.
    VersionMissing,
    /// The router reads headers alone, and the message is of a revision in which they prove nothing.
    UnsupportedVersion(String),
}

impl Fault {
    /// The status of the answer.
    pub const fn status(&self) -> u16 {
        match self {
            Self::TooLarge => 413,
            Self::Unreadable(_)
            | Self::HeaderMismatch(_)
            | Self::VersionMissing
            | Self::UnsupportedVersion(_) => 400,
        }
    }

    /// The code in the JSON-RPC error: the protocol's own where it has one, else the status.
    pub fn code(&self) -> i32 {
        match self {
            Self::HeaderMismatch(_) => HEADER_MISMATCH,
            Self::VersionMissing => INVALID_PARAMS,
            Self::UnsupportedVersion(_) => UNSUPPORTED_VERSION,
            Self::TooLarge | Self::Unreadable(_) => i32::from(self.status()),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => write!(f, "The body is longer than {MAX_BODY} bytes."),
            Self::Unreadable(why) => write!(f, "The body is not one JSON-RPC message: {why}."),
            Self::HeaderMismatch(why) => write!(f, "Header mismatch: {why}."),
            Self::VersionMissing => {
                write!(f, "Invalid params: _meta lacks io.modelcontextprotocol/protocolVersion.")
            }
            Self::UnsupportedVersion(_) => {
                write!(f, "Only protocol version {CURRENT_VERSION} is supported here.")
            }
        }
    }
}
