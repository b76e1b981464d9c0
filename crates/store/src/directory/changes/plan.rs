//! The change that makes the directory hold what files declare.

use super::platform_change;
use crate::directory::files::{Declared, Plan};
use gatepost_config::Config;
use std::sync::Arc;

/// Carries out all steps of a plan in one transaction, if the directory still needs exactly these.
///
/// Errors: `PlanOvertaken`, and those of the single changes.
#[derive(Clone, Debug)]
pub struct ApplyPlan {
    /// What the plan is made from. The transaction makes it again and compares.
    pub declared: Declared,
    /// What somebody has read and agreed to.
    pub plan: Plan,
    /// Says how a provider's group is called once it is not linked any more.
    pub config: Arc<Config>,
}
platform_change!(ApplyPlan => (), may_unmake_admins);
