//! An installation that runs elsewhere, behind its API (docs/api.md).
//!
//! A command builds its change or its question in one way, and gives it to the console. The console carries it to the stores
//! here, or to [`Api`]: [`Remote`] says once for each change which requests make it and what the command learns from the
//! answer. What is read comes as the views of [`gatepost_admin::views`] from either, so every command is written once.

mod access;
mod api;
mod audit;
mod changes;
mod error;
mod invitations;
mod keys;
mod lines;
mod links;
mod pages;
mod problem;
mod proposals;
mod reads;
mod requests;
mod sessions;
mod tenant_export;
mod tenants;
mod tool_servers;

pub(super) use api::Api;
pub(super) use changes::Remote;
pub(super) use error::ApiError;
