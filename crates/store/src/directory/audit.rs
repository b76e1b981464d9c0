//! The rows of the audit, and the filter by which they are listed.

use super::actor::{Via, Who};
use gatepost_core::api_key::KeyId;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{RequestId, TenantId, UserId};
use std::fmt;
use std::str::FromStr;

row! {
    /// A row of the audit.
    #[derive(Clone, Debug)]
    pub struct AuditRecord {
        /// Ids ascend in the order of writing.
        pub id: i64,
        /// The time of the change.
        pub at: Timestamp,
        /// Who made the change.
        pub actor: Who,
        /// The address that this person has now.
        pub actor_email: Option<String>,
        /// What was done: `user.disable`, `group.link`, ...
        pub action: String,
        /// What was changed: `user:<id>`, `group:<name>`, ...
        pub target: String,
        /// The address that this person has now.
        pub target_email: Option<String>,
        /// The state before the change, a JSON object.
        pub before: Option<String>,
        /// The state after the change, a JSON object.
        pub after: Option<String>,
        /// The client's address.
        pub address: Option<String>,
        /// The id of the request, which its log lines have too.
        pub request_id: Option<String>,
        /// By which way the change came: `cli`, `api`, `portal`, `view`, `scim`, `sync`, `gate`, or one that only a newer
        /// release knows.
        pub via: String,
        /// The tenant whose administrators may read the row.
        pub tenant_id: Option<String>,
        /// The key with which the actor made the change.
        pub key_id: Option<String>,
    }
}

impl AuditRecord {
    /// The position of this row.
    pub const fn cursor(&self) -> AuditCursor {
        AuditCursor::new(self.at, self.id)
    }
}

/// Which rows of the audit to list; all by default.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Changes of one of these: `user:<id>`, `group:<name>`, ... Empty: of any.
    pub targets: Vec<String>,
    /// About this person: they did it, or it was done to them.
    pub user: Option<UserId>,
    /// By this actor.
    pub actor: Option<Who>,
    /// By this key.
    pub key: Option<KeyId>,
    /// Only these actions. Empty: any.
    pub actions: Vec<String>,
    /// None of these actions.
    pub except: Vec<String>,
    /// Only rows that the administrators of this tenant may read.
    pub tenant: Option<TenantId>,
    /// Only changes by this request.
    pub request_id: Option<RequestId>,
    /// Only changes that came by this way.
    pub via: Option<Via>,
    /// From this second on.
    pub since: Option<Timestamp>,
    /// Before this second.
    pub until: Option<Timestamp>,
    /// Only rows older than this one.
    pub before: Option<AuditCursor>,
}

/// A position in the audit, newest first. Rows that are written later come before it, so a page that starts here stays
/// the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditCursor {
    pub(super) at: Timestamp,
    pub(super) id: i64,
}

impl AuditCursor {
    /// The position of the row of this time and id.
    pub const fn new(at: Timestamp, id: i64) -> Self {
        Self { at, id }
    }

    /// The time of the row.
    pub const fn at(self) -> Timestamp {
        self.at
    }

    /// Whether this row comes after the other one in a list, newest first.
    pub fn is_after(self, other: Self) -> bool {
        (self.at, self.id) < (other.at, other.id)
    }
}

/// The text is not a position in the audit.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a position in the audit: expected the cursor at the end of the previous page")]
pub struct AuditCursorError(String);

impl fmt::Display for AuditCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.at.unix(), self.id)
    }
}

impl FromStr for AuditCursor {
    type Err = AuditCursorError;
    fn from_str(text: &str) -> Result<Self, AuditCursorError> {
        let place = text.split_once('-').and_then(|(at, id)| {
            Some(Self { at: Timestamp::from_unix(at.parse().ok()?), id: id.parse().ok()? })
        });
        place.ok_or_else(|| AuditCursorError(text.to_owned()))
    }
}
