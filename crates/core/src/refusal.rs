//! The record of a refused request, which `gatepost explain --request` reads.

use super::clock::Timestamp;
use super::decision::Missing;
use super::email::EmailAddress;
use super::ids::{RequestId, UserId};
use super::request_mode::{Initiator, RequestMode};
use std::net::IpAddr;

/// A refused request of a signed-in person. It holds no secrets: cookies and the URL's query are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The request's id, as the error page and the log line show it.
    pub request_id: RequestId,
    /// When the request was refused.
    pub at: Timestamp,
    /// The person who sent it.
    pub user: UserId,
    /// The person's address at that time.
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
    /// What the person lacked.
    pub missing: Option<Missing>,
    /// The client's address, as the proxy reported it.
    pub address: Option<IpAddr>,
    /// The name of the API key by which a program sent the request for the person.
    pub via: Option<String>,
}
