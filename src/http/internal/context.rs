use crate::readiness::Readiness;
use crate::{gate, sign_in};
use std::sync::Arc;

/// What the internal listener needs to answer.
#[derive(Debug)]
pub struct Context {
    /// Judges requests.
    pub gate: Arc<gate::Context>,
    /// Signs in and out.
    pub sign_in: Arc<sign_in::Context>,
    /// Whether this replica should get requests.
    pub readiness: Arc<Readiness>,
}

/// What a listener of this kind answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surface {
    /// `/verify`, health and metrics.
    Internal,
    /// Health and metrics alone.
    Health,
}
