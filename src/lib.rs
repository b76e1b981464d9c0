//! Gatepost: the post beside the gate. Traefik asks it about every request; it answers who is there and whether they
//! may pass.
//!
//! What the program is made of lies in crates of its own, from the lowest up: [`gatepost_core`], [`gatepost_config`],
//! [`gatepost_telemetry`], [`gatepost_certs`], [`gatepost_oidc`], [`gatepost_store`], [`gatepost_check`]. Here is the
//! program, in the order in which its modules may depend on one another:
//!
//! | module | is |
//! |---|---|
//! | [`verify`] | the hot path: forwarded request, principal, decision, headers |
//! | [`login`] | begin, finish, enter, end: signing in and out as a use case, without HTTP |
//! | [`explain`] | the decision about one request, step by step, for people |
//! | [`http`] | two listeners, the public one's list of routes, pages |
//! | [`app`] | puts it together |
//! | [`cli`] | one file per subcommand |

pub mod app;
pub mod cli;
pub mod explain;
pub mod http;
pub mod login;
pub mod places;
pub mod principal;
pub mod state;
pub mod verify;
