//! How a request was asked, as far as its answer depends on it; and a refusal of somebody signed in, as it is kept for
//! whoever has to explain it.

use super::clock::Timestamp;
use super::decision::Missing;
use super::email::EmailAddress;
use super::host::Origin;
use super::ids::{RequestId, UserId};
use serde::Serialize;
use std::fmt;
use std::net::IpAddr;

/// The kinds of request that are answered differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AskedKind {
    /// A page that somebody looks at.
    Navigation,
    /// Anything that a page or a program fetches.
    Fetch,
    /// The start of a WebSocket.
    Websocket,
}

impl AskedKind {
    /// The kind's name in tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Navigation => "navigation",
            Self::Fetch => "fetch",
            Self::Websocket => "websocket",
        }
    }

    /// The kind of this name; tables hold no other.
    pub fn from_column(text: &str) -> Self {
        match text {
            "navigation" => Self::Navigation,
            "websocket" => Self::Websocket,
            _ => Self::Fetch,
        }
    }
}

/// Whose page makes the browser ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asker {
    /// The host's own, or the person directly.
    Own,
    /// Another origin's.
    Page(Origin),
    /// Another origin's that the browser does not name.
    Unnamed,
}

impl Asker {
    /// Whoever an `Origin` header of this value names: what is no origin is somebody's all the same.
    pub fn named_by(origin: &str) -> Self {
        origin.parse().map_or(Self::Unnamed, Self::Page)
    }

    /// As an `Origin` header would say it; `None` for [`Self::Own`].
    pub fn named(&self) -> Option<String> {
        match self {
            Self::Own => None,
            Self::Page(_) | Self::Unnamed => Some(self.to_string()),
        }
    }
}

impl fmt::Display for Asker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own => f.write_str("own"),
            Self::Page(origin) => origin.fmt(f),
            Self::Unnamed => f.write_str("null"),
        }
    }
}

/// A request of somebody signed in that was refused. It holds no secret: no cookie, no query of the address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The id that the person reads and the log line has.
    pub request_id: RequestId,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub user: UserId,
    /// Their address then.
    pub email: Option<EmailAddress>,
    /// The protected host.
    pub host: String,
    /// The method.
    pub method: String,
    /// The path, perhaps cut, without its query.
    pub path: String,
    /// What kind of request it was.
    pub kind: AskedKind,
    /// Whose page asked.
    pub asker: Asker,
    /// The query of the middleware's address.
    pub requirement: String,
    /// The status of the answer.
    pub status: u16,
    /// The word for why, as in metrics.
    pub reason: String,
    /// What was missing.
    pub missing: Option<Missing>,
    /// The client's address as the proxy saw it.
    pub address: Option<IpAddr>,
}
