//! One sign-in or refresh, and the identity that it is about.

use super::users::UserRow;
use crate::directory::actor::Actor;
use crate::directory::records::SignInContext;
use gatepost_config::IdentityPolicy;
use gatepost_core::clock::Timestamp;
use gatepost_core::identity::AssertedIdentity;

row! {
    /// A row of `identities`, with its user.
    pub(super) struct Known {
        pub(super) user: UserRow,
        /// The address that the provider asserted last.
        pub(super) asserted_email: Option<String>,
        pub(super) provider: String,
        pub(super) groups_known_at: Option<Timestamp>,
        /// The provider has ended the session that this sign-in belongs to.
        pub(super) is_ended: bool,
    }
}

/// One sign-in or refresh.
pub(super) struct Admission<'a> {
    pub(super) identity: &'a AssertedIdentity,
    pub(super) policy: &'a IdentityPolicy,
    pub(super) now: Timestamp,
    pub(super) actor: &'a Actor,
    /// `None`: a refresh.
    pub(super) sign_in: Option<&'a SignInContext>,
}
