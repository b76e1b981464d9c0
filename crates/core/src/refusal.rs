//! The record of a refused request, which `gatepost explain --request` reads.

use super::api_key::KeyId;
use super::clock::Timestamp;
use super::decision::Missing;
use super::email::EmailAddress;
use super::ids::{RequestId, UserId};
use super::request_mode::{Initiator, RequestMode};
use std::net::IpAddr;

/// A refused request of a signed-in person, or of a program that is known by its credential. It holds no secrets: cookies,
/// keys, tokens and the URL's query are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The request's id, as the error page and the log line show it.
    pub request_id: RequestId,
    /// When the request was refused.
    pub at: Timestamp,
    /// The person; of a program that acts for nobody, the id of its machine.
    pub user: UserId,
    /// The address at that time, of a person or an application. Of a key, the address of somebody who is not known or not
    /// signed in and for whom it sent the request.
    pub email: Option<EmailAddress>,
    /// The protected host.
    pub host: String,
    /// The HTTP method.
    pub method: String,
    /// The path without the query; a long path is cut.
    pub path: String,
    /// The kind of request.
    pub kind: RequestMode,
    /// The page that made the browser send it.
    pub initiator: Initiator,
    /// The query of the middleware's address.
    pub requirement: String,
    /// The status of the answer.
    pub status: u16,
    /// The reason, as the label of the metric names it.
    pub reason: String,
    /// What was missing.
    pub missing: Option<Missing>,
    /// What a program was told: why its key, its statement about a person or its token does not count for the request.
    pub detail: Option<String>,
    /// The client's address, as the proxy reported it.
    pub address: Option<IpAddr>,
    /// The API key that was sent, by itself or for the person.
    pub key: Option<KeyId>,
    /// The name that the key had.
    pub via: Option<String>,
}

/// Who was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// A person, with a browser or by a program.
    Person(UserId),
    /// A program with this key, for nobody who is known.
    Key(KeyId),
    /// An application, by its own access token.
    Application,
}

impl Refused {
    /// From the id that applications get, and the key that was sent.
    pub fn of(user: UserId, key: Option<KeyId>) -> Self {
        match key {
            Some(key) if key.machine() == user => Self::Key(key),
            _ if user.is_application() => Self::Application,
            _ => Self::Person(user),
        }
    }
}
