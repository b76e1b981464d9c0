//! Gatepost as its users meet it: the real binary between a ForwardAuth edge, a fake Entra and real stores.
//!
//! Every flow runs on both store pairs ([`both_pairs!`]); each test has its own stores, edge, provider and replica.

#![expect(clippy::unwrap_used, reason = "in a test an error is a failure")]

#[macro_use]
mod world;

mod access;
mod account;
mod address_changes;
mod addresses;
mod answers;
mod api;
mod assertion;
mod attacks;
mod bearer;
mod browser;
mod certs;
mod check;
mod cli;
mod client_secret;
mod clocks;
mod copy;
mod debug;
mod deploy;
mod directory;
mod ends;
mod explain;
mod files;
mod floods;
mod keys;
mod keys_again;
mod long_links;
mod many_sessions;
mod oidc;
mod places;
mod portal;
mod quotas;
mod refresh;
mod remote;
mod replicas;
mod requests;
mod routes;
mod session_cache;
mod session_checks;
mod sessions;
mod sign_in;
mod sign_out;
mod sparing_provider;
mod speakers;
mod stalled;
mod step_up;
mod storage;
mod stores;
mod tenant_branding;
mod tenant_check;
mod tenant_hosts;
mod tenant_proposals;
mod tenant_providers;
mod tenant_proxies;
mod tenant_routers;
mod tenants;
mod terminal;
mod tool_grants;
mod tool_keys;
mod tool_lists;
mod tool_tokens;
mod tools;
mod untrusted_peers;
mod usage;
