use crate::gate;
use gatepost_core::ids::UserId;
use gatepost_runtime::leadership::Leadership;
use gatepost_runtime::permits::Permits;
use gatepost_runtime::readiness::Readiness;
use reqwest::Client;
use std::sync::Arc;

/// What the internal listener needs to answer.
#[derive(Debug)]
pub struct Context {
    /// Judges requests.
    pub gate: Arc<gate::Context>,
    /// Signs in and out.
    pub sign_in: Arc<gatepost_sign_in::Context>,
    /// Whether this replica should get requests.
    pub readiness: Arc<Readiness>,
    /// Which replica leads.
    pub leadership: Arc<Leadership>,
    /// Asks tool servers for lists, if the configuration has services. Uses no proxy of the environment: they are the operator's own.
    pub upstreams: Option<Client>,
    /// Lists that are asked for at this moment, by who asks.
    pub listing: Arc<Permits<UserId>>,
}

impl Context {
    /// Lists that one caller and all together may ask for at a time. Each may take 5 MiB for 10 s.
    pub const MAX_LISTING: (usize, usize) = (8, 32);
}

/// What a listener of this kind answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surface {
    /// `/verify`, health and metrics.
    Internal,
    /// Health and metrics alone.
    Health,
    /// Lists of tools alone.
    Filter,
}
