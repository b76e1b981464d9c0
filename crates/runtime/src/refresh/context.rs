use super::running_checks::RunningChecks;
use crate::revocation;
use crate::site::Site;
use crate::stores::Stores;
use crate::tasks::Tasks;
use std::sync::Arc;

/// What refreshing a session needs.
#[derive(Debug)]
pub struct Context {
    pub(super) site: Arc<Site>,
    pub(super) stores: Arc<Stores>,
    pub(super) revocation: Arc<revocation::Context>,
    pub(super) tasks: Arc<Tasks>,
    pub(super) checks: RunningChecks,
}

impl Context {
    /// Creates a context without running checks.
    pub fn new(
        site: Arc<Site>,
        stores: Arc<Stores>,
        revocation: Arc<revocation::Context>,
        tasks: Arc<Tasks>,
    ) -> Self {
        Self { site, stores, revocation, tasks, checks: RunningChecks::default() }
    }
}
