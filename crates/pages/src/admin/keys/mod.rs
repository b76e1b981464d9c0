//! Pages about API keys: for administrators, and for a person about their own.

mod details;
mod ends;
mod facts;
mod form;
mod list;
mod lookup;
mod made;
mod removal;
mod rotation;

pub use details::KeyDetails;
pub use ends::{EnteredKeyEnd, KeyEndChoice};
pub use facts::{KeyFacts, KeyPages, KeyState};
pub use form::{KeyChoices, KeyEntered, KeyForm, KeyFormOf};
pub(super) use list::KeyView;
pub use list::{Keys, KeysOf};
pub use lookup::KeyLookup;
pub use made::KeyMade;
pub use removal::KeyRevocation;
pub use rotation::{KeyRotation, OVERLAPS};
