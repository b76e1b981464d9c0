//! Gatepost: the post beside the gate. Traefik asks it about every request; it answers who is there and whether they
//! may pass.
//!
//! What the program is made of lies in crates of its own, from the lowest up: [`gatepost_core`], [`gatepost_config`],
//! [`gatepost_telemetry`], [`gatepost_certs`], [`gatepost_oidc`], [`gatepost_store`], [`gatepost_pages`],
//! [`gatepost_check`], [`gatepost_runtime`], [`gatepost_sign_in`], [`gatepost_admin`], [`gatepost_web`], [`gatepost_cli`].
//! None of them knows the gate, so that a change of it compiles little. Here is the program, in the order in which its modules may
//! depend on one another:
//!
//! | module | is |
//! |---|---|
//! | [`gate`] | one forwarded request: parse, session cache, decide, render |
//! | [`explain`] | the decision about one request, step by step, for people |
//! | [`internal`] | the internal listener, for the proxy and Prometheus |
//! | [`app`] | opens everything, puts the contexts together, runs what runs beside requests |

pub mod app;
pub mod explain;
pub mod gate;
pub mod internal;
