//! A request for access, as it is listed.

use super::actor::Who;
use gatepost_core::access_request::{RequestState, Wanted};
use gatepost_core::clock::Timestamp;
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::{AccessRequestId, UserId};

row! {
    /// A request for access.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct AccessRequest {
        pub id: AccessRequestId,
        /// Who asks.
        pub user_id: UserId,
        /// Their address, if they have one.
        pub email: Option<EmailAddress>,
        /// Their display name.
        pub name: Option<String>,
        /// What they ask for, by its present name.
        pub wanted: Wanted,
        /// What they wrote.
        pub note: Option<String>,
        pub state: RequestState,
        pub created_at: Timestamp,
        /// When it was decided or withdrawn.
        pub decided_at: Option<Timestamp>,
        /// Who decided it or withdrew it.
        pub decided_by: Option<Who>,
        /// What the administrator wrote who declined it.
        pub answer: Option<String>,
        /// The end of what was granted.
        pub until: Option<Timestamp>,
    }
}
