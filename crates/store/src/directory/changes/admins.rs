//! Changes of who is a system administrator.

use super::platform_change;
use crate::directory::records::{AdminStanding, UserKey};
use gatepost_core::clock::Timestamp;

/// Decides whether a person is a system administrator, regardless of groups and roles. An address that nobody holds
/// yet gets a placeholder. The outcome is what holds now.
#[derive(Clone, Debug)]
pub struct SetAdmin {
    pub user: UserKey,
    /// `None`: groups and roles decide again.
    pub is_admin: Option<bool>,
    /// From this second on groups and roles decide again. `None`: never.
    pub until: Option<Timestamp>,
}
platform_change!(SetAdmin => AdminStanding, may_unmake_admins);
