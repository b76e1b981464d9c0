//! What is answered while a store is away, and that it passes without a restart.
//!
//! Every outage is met twice over: by who is signed in, and by a sign-in that had just reached its callback or its
//! ticket when the store went. Neither may be used up by an answer of 503.

mod cluster;
mod embedded;
pub mod gate;
mod half_open;
mod passwords;
mod permissions;
mod pooler;
mod postgres;
mod redis;
mod round_trips;
mod sentinel;
mod several_hosts;
mod sign_out;
mod start;
mod tls;

pub use gate::up_to;
