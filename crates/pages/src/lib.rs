//! Every page of both listeners, as pure functions that return a [`Page`].
//!
//! No I/O and no request here: a handler extracts, calls one use case, and copies the page's status, headers and body.
//! Guarantees: text from outside is escaped, no page has a script, a `style` attribute or a resource of another
//! host, each shows its request id, and each has the security headers that it needs ([`policy`]).
//!
//! Two pages have inputs that the program fills in step by step: [`explanation`] (why a request passes or not, which the
//! command line prints too) and [`header_report`] (what an application received).

mod account;
pub mod admin;
mod api;
mod brand;
mod chart;
mod choice;
mod explained;
pub mod explanation;
mod frame;
mod gate;
pub mod header_report;
mod headers;
mod invitation;
mod message;
mod page;
pub mod paths;
mod policy;
mod problem;
mod problem_kind;
mod proposals;
mod requests;
mod sign_out;
mod style;
mod words;

#[cfg(test)]
mod tests;

pub use account::{Account, AccountNotice, GroupEntry, MembershipSource, RequestEntry, SessionEntry};
pub use api::{ApiOperation, api_operations};
pub use brand::Brand;
pub use chart::{Activity, DayNumbers};
pub use choice::{Offer, ProviderChoice};
pub use explained::{Explained, Outcome, QuestionFault, QuestionForm};
pub use frame::{Frame, Section};
pub use gate::{Gate, Refusal, Unfinished};
pub use headers::LiveHeaders;
pub use invitation::Invitation;
pub use page::{Format, Page, quality};
pub use policy::{GATE_HEADERS, PUBLIC_HEADERS};
pub use problem::{Problem, Retry};
pub use problem_kind::problem_kind;
pub use proposals::{OwnProposals, ProposalEntry};
pub use requests::{RequestFault, RequestForm, refusal_not_stored_yet};
pub use sign_out::{confirm_sign_out, consented, signed_out};
pub use style::{Asset, assets};
pub use words::device;
