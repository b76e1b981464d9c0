//! Groups and tenants that a router requires and that do not exist. Nobody can ever meet such a requirement, so the
//! operator is told. The answer to the request does not wait for the look-up; each name is looked up once a minute.

use crate::stores::Stores;
use crate::tasks::Tasks;
use gatepost_core::clock::Timestamp;
use gatepost_core::decision::Missing;
use gatepost_core::ids::{GroupName, TenantId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const INTERVAL: Duration = Duration::from_mins(1);
/// Names come from routers' addresses, which only operators write. They are bounded all the same.
const MAX_NAMES: usize = 10_000;

/// When each name was looked up last.
#[derive(Debug, Default)]
pub struct UnknownRequirements(Mutex<HashMap<String, Timestamp>>);

impl UnknownRequirements {
    /// Logs what of this does not exist.
    pub fn log(&self, missing: &Missing, stores: &Arc<Stores>, tasks: &Tasks) {
        let now = Timestamp::now();
        let groups = missing.groups.iter().filter(|name| self.is_due(format!("group {name}"), now));
        let tenants = missing.tenants.iter().filter(|id| self.is_due(format!("tenant {id}"), now));
        let (groups, tenants): (Vec<_>, Vec<_>) = (groups.cloned().collect(), tenants.cloned().collect());
        if !groups.is_empty() || !tenants.is_empty() {
            tasks.spawn(look_up(Arc::clone(stores), groups, tenants));
        }
    }

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

async fn look_up(stores: Arc<Stores>, groups: Vec<GroupName>, tenants: Vec<TenantId>) {
    for group in &groups {
        if matches!(stores.directory.group_exists(group).await, Ok(false)) {
            tracing::warn!(group.name = %group, "a router requires a group that does not exist");
        }
    }
    for tenant in &tenants {
        if matches!(stores.directory.tenant_exists(tenant).await, Ok(false)) {
            tracing::warn!(tenant.id = %tenant, "a router requires a tenant that does not exist");
        }
    }
}
