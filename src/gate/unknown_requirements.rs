//! Logs groups and tenants that a router requires but that do not exist. Nobody can meet such a requirement, so it is
//! probably a mistake of the operator. The look-up runs in the background, at most once a minute for each name.

use gatepost_core::clock::Timestamp;
use gatepost_core::decision::Missing;
use gatepost_core::ids::{GroupName, TenantId};
use gatepost_runtime::stores::Stores;
use gatepost_runtime::tasks::Tasks;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How often one name is looked up at most.
const INTERVAL: Duration = Duration::from_mins(1);
/// The limit of the map. Names come from middleware addresses, which only operators write, so it is not reached.
const MAX_NAMES: usize = 10_000;

/// When each name was looked up last.
#[derive(Debug, Default)]
pub struct UnknownRequirements(Mutex<HashMap<String, Timestamp>>);

impl UnknownRequirements {
    /// Looks up the missing groups and tenants in the background, and logs those that do not exist.
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
