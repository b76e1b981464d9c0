//! Requests for access, as they are listed, and who may decide them.

use super::actor::Who;
use super::lists::Page;
use gatepost_core::access_request::{RequestState, Wanted};
use gatepost_core::clock::Timestamp;
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::{AccessRequestId, GroupId, TenantId, UserId};

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
        /// The number of the group that they ask for.
        pub group_id: Option<GroupId>,
        /// What they wrote.
        pub note: Option<String>,
        pub state: RequestState,
        pub created_at: Timestamp,
        /// When it was decided or withdrawn.
        pub decided_at: Option<Timestamp>,
        /// Who decided it or withdrew it.
        pub decided_by: Option<Who>,
        /// The address of that person, if they have one.
        pub decided_by_email: Option<EmailAddress>,
        /// What the administrator wrote who declined it.
        pub answer: Option<String>,
        /// The end of what was granted.
        pub until: Option<Timestamp>,
    }
}

/// Which requests to list; all by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestFilter {
    pub state: Option<RequestState>,
    /// Of this person.
    pub user: Option<UserId>,
    /// For this group.
    pub group: Option<GroupId>,
    /// For this tenant.
    pub tenant: Option<TenantId>,
    /// Else the oldest comes first.
    pub is_newest_first: bool,
}

/// Who may decide a request, as far as they exist for the reader.
#[derive(Clone, Debug, Default)]
pub struct Deciders {
    /// The administrators of the tenant. `None`: it is for no tenant.
    pub of_tenant: Option<Page<Decider>>,
    /// The administrators of the system. `None`: the reader may not know who they are.
    pub of_system: Option<Page<Decider>>,
}

row! {
    /// Somebody who may decide a request.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Decider {
        pub id: UserId,
        pub email: Option<EmailAddress>,
        pub name: Option<String>,
    }
}
