//! Groups and tenants that a router demands and that do not exist: nobody can ever meet that, so the operator should
//! know. Looked up beside the answer, which does not wait for it, and once a minute each.

use crate::state::State;
use gatepost_core::clock::Timestamp;
use gatepost_core::decision::Missing;
use gatepost_core::ids::{GroupName, TenantId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const INTERVAL: Duration = Duration::from_mins(1);
/// Names come from routers' addresses, which only operators write; all the same, not without end.
const MAX_NAMES: usize = 10_000;

/// When which name was looked up last.
#[derive(Debug, Default)]
pub struct Unknown(Mutex<HashMap<String, Timestamp>>);

impl Unknown {
    fn is_due(&self, name: String, now: Timestamp) -> bool {
        let mut looked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if looked.len() >= MAX_NAMES {
            looked.clear();
        }
        let is_due = looked.get(&name).is_none_or(|at| now.since(*at) >= INTERVAL);
        if is_due {
            looked.insert(name, now);
        }
        is_due
    }
}

/// Logs what of this does not exist.
pub fn log(state: &Arc<State>, missing: &Missing) {
    let now = Timestamp::now();
    let groups = missing.groups.iter().filter(|name| state.unknown.is_due(format!("group {name}"), now));
    let tenants = missing.tenants.iter().filter(|id| state.unknown.is_due(format!("tenant {id}"), now));
    let (groups, tenants): (Vec<_>, Vec<_>) = (groups.cloned().collect(), tenants.cloned().collect());
    if !groups.is_empty() || !tenants.is_empty() {
        state.spawn(look_up(Arc::clone(state), groups, tenants));
    }
}

async fn look_up(state: Arc<State>, groups: Vec<GroupName>, tenants: Vec<TenantId>) {
    for group in &groups {
        if matches!(state.directory.group_exists(group).await, Ok(false)) {
            tracing::warn!(group.name = %group, "a router requires a group that does not exist");
        }
    }
    for tenant in &tenants {
        if matches!(state.directory.tenant_exists(tenant).await, Ok(false)) {
            tracing::warn!(tenant.id = %tenant, "a router requires a tenant that does not exist");
        }
    }
}
