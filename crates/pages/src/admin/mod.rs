//! The pages for administrators: people and what is known about them.
//!
//! The handlers give these pages only what their reader may know; the pages decide nothing.

mod ends;
mod parts;
mod people;
mod person;
mod state;

pub use ends::{EndChoice, EnteredEnd};
pub use people::{MembersOf, People, PersonEntry};
pub use person::{
    AdminEntry, AuditEntry, ClaimedBy, IdentityEntry, MembershipEntry, PersonDetails, TenantEntry,
};
pub use state::PersonState;
