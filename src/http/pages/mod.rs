//! What people read: every page of both listeners, as pure functions from the words of the field to a [`Page`].
//!
//! No I/O and no request here: a listener extracts, calls one use case, and copies the page's status, headers and body.
//! Guarantees: everything that came from outside is escaped, no page holds a script, a `style` attribute or another
//! host's resource, each carries its request id, and each brings the security headers that fit it ([`policy`]).

mod account;
mod choice;
mod explained;
mod gate;
mod headers;
mod message;
mod page;
pub mod paths;
mod policy;
mod problem;
mod sign_out;
mod style;
mod words;

#[cfg(test)]
mod tests;

pub use account::{Account, AccountNotice, GroupEntry, MembershipSource, SessionEntry};
pub use choice::ProviderChoice;
pub use explained::{Explained, Outcome, QuestionFault, QuestionForm};
pub use gate::{Gate, Refusal, Unfinished};
pub use headers::LiveHeaders;
pub use page::{Format, Page};
pub use policy::{GATE_HEADERS, PUBLIC_HEADERS};
pub use problem::{Problem, Retry};
pub use sign_out::{confirm_sign_out, consented, signed_out};
pub use style::{Asset, assets};
pub(crate) use words::device;
