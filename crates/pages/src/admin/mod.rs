//! The portal: the pages for administrators.
//!
//! The handlers give these pages only what their reader may know; the pages decide nothing.

mod changing;
mod ends;
mod entries;
mod home;
mod notice;
mod parts;
mod people;
mod person;
mod request;
mod requests;
mod state;

pub use changing::{Again, Overtaken, Question, RefusedChange};
pub use ends::{EndChoice, EnteredEnd};
pub use entries::{
    AdminEntry, AdminSession, AuditEntry, ClaimedBy, IdentityEntry, MembershipEntry, PersonSummary,
    RefusalEntry, TenantEntry, member_words,
};
pub use home::{Attention, EndingEntry, Found, Home, HomeNumbers};
pub use notice::PersonNotice;
pub use people::{CreatingForm, MembersOf, People, PersonEntry};
pub use person::{DecidingForm, JoiningForm, PersonDetails, SystemDetails};
pub use request::{
    AccessRequestDetails, AccessRequestEntry, Names, OtherDeciders, RequestDecision, RequestNotice,
};
pub use requests::AccessRequests;
pub use state::PersonState;
