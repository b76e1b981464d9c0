//! The types and rules that every other crate uses: ids, addresses, hosts, requirements, access and the decision.
//!
//! This crate does no I/O, except for the clock and random numbers. A value is parsed into one of these types where it
//! enters the process, and is not checked again after that.

pub mod access;
pub mod access_request;
pub mod administration;
pub mod api_key;
pub mod auth_time;
pub mod branding;
pub mod calendar;
pub mod clock;
pub mod decision;
pub mod email;
pub mod error_chain;
pub mod header_names;
pub mod host;
pub mod identity;
pub mod ids;
pub mod invitation;
pub mod json_pointer;
pub mod mcp;
pub mod provider_refusal;
pub mod quota;
pub mod refusal;
pub mod request_mode;
pub mod requirement;
pub mod return_uri;
pub mod router_options;
pub mod secret;
pub mod tenant;
pub mod tenant_host;
pub mod tenant_proposal;
pub mod tenant_provider;
pub mod tier;
pub mod tool_pattern;
pub mod usage;
