//! Sessions refreshed at their provider: [`refresh`] does it, [`checks`] does it once for many requests.

pub(crate) mod address_news;
mod attempt;
pub mod checks;
mod context;
mod under_way;

pub use attempt::{note_outage, refresh};
pub use context::Context;
