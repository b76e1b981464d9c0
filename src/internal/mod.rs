//! The internal listener: `/verify` for the proxy, health for the orchestrator, metrics for Prometheus.
//!
//! Served by hyper ([`connection`]), not by the framework of the public listener: actix-http reads 96 headers, of which
//! the proxy alone sends ten, and its HTTP/2 is of a line with a known hole.
//!
//! [`workers`] accept connections, [`connection`] serves one, [`service`] answers a request: [`verify`] a request of the
//! proxy, [`gate_endpoints`] the gate's own paths on a protected host, [`tools`] a message for a tool server. [`filter`]
//! answers list calls on a listener of its own.

mod connection;
mod connection_timeouts;
mod context;
mod filter;
mod gate_endpoints;
mod health;
mod nginx;
mod received;
mod responder;
mod rpc;
mod service;
mod tools;
mod traefik;
mod untrusted_peers;
mod verify;
mod workers;

pub use connection::serve_stream;
pub use context::{Context, Surface};
pub use workers::{Listener, Workers, start};
