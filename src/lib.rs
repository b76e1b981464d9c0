//! Gatepost: the post beside the gate. Traefik asks it about every request; it answers who is there and whether they
//! may pass.
//!
//! The map, in the order in which things may depend on one another:
//!
//! | module | is |
//! |---|---|
//! | [`domain`] | the words of the field, no I/O: ids, names, access, the decision |
//! | [`config`] | every setting, parsed once |
//! | [`tls`] | whom Gatepost trusts as server, and what is wrong where TLS fails |
//! | [`certs`] | the private authority of the internal listener, its certificates, mutual TLS |
//! | [`telemetry`] | logs and metrics |
//! | [`oidc`] | the relying party: discovery, keys, ID tokens, Entra, logout tokens |
//! | [`session`] | sealed values, cookies, session records; stores in Redis and SQLite |
//! | [`directory`] | users, groups, tenants, admins, ended sessions, audit; the only SQL |
//! | [`verify`] | the hot path: forwarded request, principal, decision, headers |
//! | [`login`] | begin, finish, enter, end: signing in and out as a use case, without HTTP |
//! | [`explain`] | the decision about one request, step by step, for people
//! | [`http`] | two listeners, the public one's routes with who may call each, pages |
//! | [`check`] | the doctor: what is wrong around the gate, and how it is mended |
//! | [`cli`] | one file per subcommand |
//! | [`app`] | puts it together |

pub mod app;
pub mod certs;
pub mod check;
pub mod cli;
pub mod config;
pub mod directory;
pub mod domain;
pub mod explain;
pub mod http;
pub mod login;
pub mod oidc;
pub mod patience;
pub mod places;
pub mod pool;
pub mod principal;
pub mod session;
pub mod state;
pub mod telemetry;
pub mod tls;
pub mod verify;
