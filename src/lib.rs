//! Gatepost: the post beside the gate. Traefik asks it about every request; it answers who is there and whether they
//! may pass.
//!
//! What the program is made of lies in crates of its own, from the lowest up: [`gatepost_core`], [`gatepost_config`],
//! [`gatepost_telemetry`], [`gatepost_certs`], [`gatepost_oidc`], [`gatepost_store`], [`gatepost_pages`],
//! [`gatepost_check`]. Here is the program, in the order in which its modules may depend on one another:
//!
//! | module | is |
//! |---|---|
//! | [`permits`] | limits on what one holder, and all together, may do at a time |
//! | [`rate`] | limits on what one holder may do in a time |
//! | [`tasks`] | work that outlives its request |
//! | [`readiness`] | whether this replica should get requests |
//! | [`site`] | what is configured: settings, hosts, keys, providers |
//! | [`stores`] | the two stores, with their metrics |
//! | [`dns`] | asks for the records by which somebody proves that a host is theirs |
//! | [`leadership`] | which replica does the work that one alone does |
//! | [`webhook`] | tells a chat about requests for access |
//! | [`authn`] | who calls: session and standing, read side by side |
//! | [`invalidation`] | when answers that are kept in memory stop counting |
//! | [`hosts`] | which hosts are protected: the configuration's, and those of tenants |
//! | [`tenant_routers`] | routers of tenants' hosts, for Traefik |
//! | [`providers`] | at which providers people sign in: the configuration's, and those of tenants |
//! | [`quotas`] | how many requests a tenant may send |
//! | [`revocation`] | how a session ends |
//! | [`refresh`] | sessions refreshed at their provider |
//! | [`gate`] | one forwarded request: parse, session cache, decide, render |
//! | [`sign_in`] | begin, callback, ticket, sign-out, as use cases without HTTP |
//! | [`admin`] | every change that an administrator makes: one door
//! | [`explain`] | the decision about one request, step by step, for people |
//! | [`http`] | two listeners, the public one's routes |
//! | [`app`] | opens everything, puts the contexts together, runs what runs beside requests |
//! | [`cli`] | one file per subcommand |

pub mod admin;
pub mod app;
pub mod authn;
pub mod cli;
pub mod dns;
pub mod explain;
pub mod gate;
pub mod hosts;
pub mod http;
pub mod invalidation;
pub mod leadership;
pub mod permits;
pub mod providers;
pub mod quotas;
pub mod rate;
pub mod readiness;
pub mod refresh;
pub mod revocation;
pub mod sign_in;
pub mod site;
pub mod stores;
pub mod tasks;
pub mod tenant_routers;
pub mod webhook;
