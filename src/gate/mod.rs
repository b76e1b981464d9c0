//! The gate: one forwarded request, from its headers to a verdict (`/verify`).
//!
//! [`request`] parses what the proxy says, [`session_cache`] knows who holds the cookie, [`decide`] takes both to
//! [`gatepost_core::decision`], [`identity_headers`] renders a permit, [`reply`] says how a denial is answered. The cache
//! may let a request pass or state what the person lacks. That a session has ended is said only after the stores were
//! queried.

pub mod assertion;
pub mod case;
mod context;
pub mod decide;
pub mod forwarded;
pub mod headers;
pub mod identity_headers;
pub mod refusals;
pub mod reply;
pub mod request;
pub mod session_cache;
pub mod unknown_requirements;

pub use context::Context;
