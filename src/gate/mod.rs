//! The gate: one forwarded request, from its headers to a verdict (`/verify`).
//!
//! [`request`] parses the headers of the proxy, and [`credential`] says which credential decides. [`session_cache`] finds
//! whose it is. [`decide`], [`decide_key`] and [`decide_token`] pass both to [`gatepost_core::decision`]. [`identity_headers`] renders a permit, and [`reply`] maps a denial to its
//! answer. The cache alone may let a request pass or name what the person lacks. Before a request is answered as not
//! signed in, the stores are queried.

pub mod case;
mod context;
pub mod credential;
pub mod decide;
pub mod decide_key;
pub mod decide_token;
mod decide_word;
pub mod forwarded;
pub mod pass;
pub mod refusals;
pub mod reply;
pub mod request;
mod said;
pub mod seen_requirements;
pub mod unknown_requirements;

pub use context::Context;
