//! Who makes a change, as the audit stores it.

use gatepost_core::api_key::KeyId;
use gatepost_core::ids::{RequestId, UserId};
use std::convert::Infallible;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// Who makes a change, for its audit row.
#[derive(Clone, Debug)]
pub struct Actor {
    /// The person, or the part of Gatepost.
    pub who: Who,
    /// The key by which they act. They may do what it may.
    pub key: Option<KeyId>,
    /// The client's address.
    pub address: Option<IpAddr>,
    /// The id of the request, which its log lines have too.
    pub request_id: Option<RequestId>,
    /// By which way the change comes.
    pub via: Via,
}

/// By which way a change comes, as the audit stores it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// The command line on the server.
    CommandLine,
    /// The REST API.
    Api,
    /// A page for administrators.
    Portal,
    /// One of the views.
    View,
    /// A directory that pushes its people and groups.
    Scim,
    /// A directory whose people and groups Gatepost reads.
    Sync,
    /// Signing in and out, refreshes, the account page, Gatepost itself.
    Gate,
}

impl Via {
    pub const ALL: [Self; 7] =
        [Self::CommandLine, Self::Api, Self::Portal, Self::View, Self::Scim, Self::Sync, Self::Gate];

    /// The text in the audit.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CommandLine => "cli",
            Self::Api => "api",
            Self::Portal => "portal",
            Self::View => "view",
            Self::Scim => "scim",
            Self::Sync => "sync",
            Self::Gate => "gate",
        }
    }
}

/// The text names no way by which changes come.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not one of cli, api, portal, view, scim, sync and gate")]
pub struct ViaError(String);

impl FromStr for Via {
    type Err = ViaError;

    fn from_str(text: &str) -> Result<Self, ViaError> {
        let found = Self::ALL.into_iter().find(|via| via.as_str() == text);
        found.ok_or_else(|| ViaError(text.to_owned()))
    }
}

impl Actor {
    /// A part of Gatepost that acts without a request.
    pub const fn internal(who: Who) -> Self {
        let via = if matches!(who, Who::CommandLine(_)) { Via::CommandLine } else { Via::Gate };
        Self { who, key: None, address: None, request_id: None, via }
    }
}

/// The person or the part of Gatepost that makes a change. The text of it is what the audit stores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// A person who is signed in.
    Person(UserId),
    /// A key that has no owner: `key:<id>`.
    Key(KeyId),
    /// The command line, called by this user of the operating system: `cli:<name>`.
    CommandLine(String),
    /// A row of a view, written under this database role: `db:<role>`.
    View(String),
    /// A sign-in, before it is known who signs in.
    SignIn,
    /// The background refresh of a session.
    Refresh,
    /// A provider that ended a session.
    Provider,
    /// The settings that Gatepost started with.
    Configuration,
    /// What deletes data by its age.
    Retention,
    /// Nobody: a membership or a decision has reached its own end.
    Time,
    /// An actor that this release does not write.
    Other(String),
}

const COMMAND_LINE: &str = "cli:";
const KEY: &str = "key:";
const VIEW: &str = "db:";
const SIGN_IN: &str = "sign-in";
const REFRESH: &str = "refresh";
const PROVIDER: &str = "provider";
const CONFIGURATION: &str = "configuration";
const RETENTION: &str = "retention";
const TIME: &str = "time";

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(id) => id.fmt(f),
            Self::CommandLine(name) => write!(f, "{COMMAND_LINE}{name}"),
            Self::Key(id) => write!(f, "{KEY}{id}"),
            Self::View(role) => write!(f, "{VIEW}{role}"),
            Self::SignIn => f.write_str(SIGN_IN),
            Self::Refresh => f.write_str(REFRESH),
            Self::Provider => f.write_str(PROVIDER),
            Self::Configuration => f.write_str(CONFIGURATION),
            Self::Retention => f.write_str(RETENTION),
            Self::Time => f.write_str(TIME),
            Self::Other(text) => f.write_str(text),
        }
    }
}

/// Every text is an actor: a newer release may have written it.
impl FromStr for Who {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let named = text.strip_prefix(COMMAND_LINE).map(|name| Self::CommandLine(name.to_owned()));
        let named = named.or_else(|| text.strip_prefix(VIEW).map(|role| Self::View(role.to_owned())));
        let named = named.or_else(|| text.strip_prefix(KEY)?.parse().ok().map(Self::Key));
        Ok(named.unwrap_or_else(|| match text {
            SIGN_IN => Self::SignIn,
            REFRESH => Self::Refresh,
            PROVIDER => Self::Provider,
            CONFIGURATION => Self::Configuration,
            RETENTION => Self::Retention,
            TIME => Self::Time,
            _ => text.parse().map_or_else(|_| Self::Other(text.to_owned()), Self::Person),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_actor_has_the_text_that_the_audit_has_always_stored() {
        let (id, key) = (UserId::generate(), KeyId::generate());
        for (who, text) in [
            (Who::Person(id), id.to_string().as_str()),
            (Who::Key(key), format!("key:{key}").as_str()),
            (Who::Other("key:x".to_owned()), "key:x"),
            (Who::CommandLine("ops".to_owned()), "cli:ops"),
            (Who::View("writer".to_owned()), "db:writer"),
            (Who::SignIn, "sign-in"),
            (Who::Refresh, "refresh"),
            (Who::Provider, "provider"),
            (Who::Configuration, "configuration"),
            (Who::Retention, "retention"),
            (Who::Time, "time"),
            (Who::Other("scim:entra".to_owned()), "scim:entra"),
            (Who::Other(String::new()), ""),
        ] {
            assert_eq!(who.to_string(), text);
            assert_eq!(text.parse(), Ok(who));
        }
    }
}
