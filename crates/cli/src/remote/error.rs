//! Why an installation elsewhere did not do what was asked, and what to do then.

use gatepost_oidc::ClientError;
use gatepost_store::directory::DirectoryError;
use reqwest::StatusCode;

/// Why an installation elsewhere did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// What the directory there says, as the one here would.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("GATEPOST_API_KEY has characters that a header must not have")]
    Key,
    #[error("{0} is no part of an address")]
    Segment(String),
    /// It is not known whether a change was made.
    #[error("{origin} does not answer")]
    Unreachable {
        origin: String,
        #[source]
        error: reqwest::Error,
    },
    #[error("{origin} cannot do it at the moment (status {status}): {detail}")]
    Unavailable { origin: String, status: StatusCode, detail: String },
    #[error("{origin} answers with status {status}, which is no answer of Gatepost's API")]
    NoApi { origin: String, status: StatusCode },
    #[error("{origin} answers with something else than Gatepost's API of this version")]
    Unexpected {
        origin: String,
        #[source]
        error: serde_json::Error,
    },
    /// A part of the answer came.
    #[error("the answer of {origin} broke off: what was printed is not everything")]
    BrokenOff {
        origin: String,
        #[source]
        error: reqwest::Error,
    },
    #[error("the answer of {0} is too long")]
    TooLong(String),
    #[error("{detail}")]
    Refused { status: StatusCode, code: String, detail: String },
    /// The address is that of several people, and the installation knows none of them by it.
    #[error("{address} is asserted for several people: {}", ids.join(", "))]
    Ambiguous { address: String, ids: Vec<String> },
    #[error("whether somebody could be created for {0} cannot be tried")]
    Untried(String),
}

impl ApiError {
    /// Whether the thing is not there.
    pub(super) fn is_missing(&self) -> bool {
        matches!(self, Self::Refused { status: StatusCode::NOT_FOUND, .. })
    }

    /// What to do.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Unreachable { .. } | Self::Unavailable { .. } => {
                "a change may have been made or not: read it again before you repeat it"
            }
            Self::BrokenOff { .. } => "repeat the command; the log of `gatepost serve` there may say why",
            Self::NoApi { .. } => {
                "GATEPOST_API is the address of the public listener, as GATEPOST_PUBLIC_URL has it there"
            }
            Self::Unexpected { .. } => "use the version of `gatepost` that runs there",
            Self::Refused { status: StatusCode::UNAUTHORIZED, .. } => {
                "check GATEPOST_API_KEY_FILE; `gatepost key list` there shows which keys are valid"
            }
            Self::Refused { code, .. } if code == "insufficient_scope" => {
                "make a key there that may: gatepost key create NAME --scope api.read --scope api.write"
            }
            Self::Refused { status: StatusCode::FORBIDDEN, .. } => {
                "a key without owner and tenant administers everything, the key of a tenant that tenant: docs/keys.md"
            }
            Self::Refused { status: StatusCode::TOO_MANY_REQUESTS, .. } => {
                "other programs use the same key, or many keys the same address: try again in a minute"
            }
            Self::Ambiguous { .. } => "name the person by the id",
            Self::Untried(_) => "run it without --dry-run, or create the person first: gatepost user create",
            _ => return None,
        })
    }
}
