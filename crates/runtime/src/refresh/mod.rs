//! Refreshes sessions at their provider. [`refresh`] does one refresh; [`checks`] shares one refresh among many
//! requests.

pub mod address_change;
mod attempt;
pub mod checks;
mod context;
mod running_checks;

pub use attempt::{note_outage, refresh};
pub use context::Context;
