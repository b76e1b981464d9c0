//! Two listeners, so that exposing one never exposes the other: [`internal`] for the proxy and Prometheus, [`public`]
//! for browsers. Handlers extract, call one use case, respond.

pub mod api;
pub mod internal;
mod parameters;
pub mod problem_document;
pub mod public;
mod respond;
