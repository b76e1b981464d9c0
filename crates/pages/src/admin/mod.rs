//! The pages for administrators: people and what is known about them.
//!
//! The handlers give these pages only what their reader may know; the pages decide nothing.

mod people;
mod person;

pub use people::{People, PersonEntry};
pub use person::{
    AdminEntry, AuditEntry, ClaimedBy, IdentityEntry, MembershipEntry, PersonDetails, TenantEntry,
};

use gatepost_core::clock::Timestamp;

/// Whether a person may sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PersonState {
    /// Has signed in, and is not disabled.
    Active,
    /// Nobody has signed in with the address yet.
    Awaited,
    /// An administrator disabled the person at this time.
    Disabled(Timestamp),
}

impl PersonState {
    const fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Awaited => "waiting",
            Self::Disabled(_) => "disabled",
        }
    }
}
