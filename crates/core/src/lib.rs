//! The words of the field, without I/O: ids, addresses, hosts, requirements, access, the decision.
//!
//! Everything here is a value that was parsed once at the edge; nothing inside checks it a second time.

pub mod access;
pub mod asking;
pub mod auth_time;
pub mod calendar;
pub mod clock;
pub mod decision;
pub mod email;
pub mod error_chain;
pub mod header_names;
pub mod host;
pub mod identity;
pub mod ids;
pub mod requirement;
pub mod return_uri;
pub mod secret;
