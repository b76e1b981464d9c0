//! The gate: one forwarded request, from its headers to a verdict (`/verify`).
//!
//! [`request`] parses the headers of the proxy. [`session_cache`] finds the session of the cookie. [`decide`] passes
//! both to [`gatepost_core::decision`]. [`identity_headers`] renders a permit, and [`reply`] maps a denial to its
//! answer. The cache alone may let a request pass or name what the person lacks. Before a request is answered as not
//! signed in, the stores are queried.

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
pub mod seen_requirements;
pub mod session_cache;
pub mod tools;
pub mod unknown_requirements;

pub use context::Context;
