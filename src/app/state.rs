//! Puts the parts of the process together.

use crate::gate::assertion::AssertionKeys;
use crate::gate::session_cache::SessionCache;
use crate::gate::tools::ToolServers;
use crate::gate::tools::listing::Listing;
use crate::gate::{
    self, failing::FailingCredentials, key_uses::KeyUses, refusals::Refusals,
    seen_requirements::SeenRequirements, unknown_requirements::UnknownRequirements,
};
use crate::hosts::Hosts;
use crate::http::{internal, public};
use crate::invalidation::lease::Lease;
use crate::leadership::Leadership;
use crate::permits::Permits;
use crate::providers::Providers;
use crate::quotas::Quotas;
use crate::readiness::Readiness;
use crate::sign_in::{self, limit::Limits, return_cookie::Slots};
use crate::site::Site;
use crate::stores::Stores;
use crate::tasks::Tasks;
use crate::webhook::Webhook;
use crate::{admin, explain, refresh, revocation};
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::ReplicaId;
use gatepost_store::session::last_used::LastUsed;
use reqwest::Client;
use std::fs;
use std::sync::Arc;

/// Every part of the process, put together once. Only `app` and the command line know it: the other modules take the
/// context that holds what they need.
#[derive(Debug)]
pub struct State {
    /// What is configured.
    pub site: Arc<Site>,
    /// Both stores, and the metrics.
    pub stores: Arc<Stores>,
    /// Whether cached answers of the directory count.
    pub lease: Arc<Lease>,
    /// Whether this replica leads.
    pub leadership: Arc<Leadership>,
    /// What runs beside the answers.
    pub tasks: Arc<Tasks>,
    /// Whether this replica should get requests.
    pub readiness: Arc<Readiness>,
    /// Ends sessions.
    pub revocation: Arc<revocation::Context>,
    /// Judges requests.
    pub gate: Arc<gate::Context>,
    /// Signs in and out.
    pub sign_in: Arc<sign_in::Context>,
    /// Makes changes for administrators.
    pub admin: Arc<admin::Context>,
    /// Explains decisions.
    pub explain: Arc<explain::Context>,
    /// What the internal listener needs.
    pub internal: Arc<internal::Context>,
    /// What the public listener needs.
    pub public: public::Context,
}

impl State {
    /// Makes the contexts in the order of the layers: each one needs only what was made before it. Must be called
    /// within a runtime.
    pub(super) fn new(
        site: Site,
        stores: Stores,
        assertion_keys: AssertionKeys,
        webhook: Webhook,
        upstreams: Option<Client>,
    ) -> Self {
        let replica = ReplicaId::generate(&host_name());
        let leadership = &Arc::new(Leadership::new(replica, Timestamp::now()));
        let site = &Arc::new(site);
        let stores = &Arc::new(stores);
        let assertion_keys = &Arc::new(assertion_keys);
        let tasks = &Arc::new(Tasks::here());
        let readiness = &Arc::new(Readiness::default());
        let lease = &Arc::new(Lease::default());
        let hosts = &Arc::new(Hosts::new(site.clone(), stores.clone(), lease.clone(), tasks.clone()));
        let providers = &Arc::new(Providers::new(site.clone(), stores.clone(), lease.clone(), tasks.clone()));
        let revocation = &Arc::new(revocation::Context::new(
            (site.clone(), providers.clone()),
            stores.clone(),
            lease.clone(),
            tasks.clone(),
        ));
        let refresh =
            &Arc::new(refresh::Context::new(site.clone(), stores.clone(), revocation.clone(), tasks.clone()));
        let cache = &Arc::new(SessionCache::new(site.clone(), stores.clone(), lease.clone(), tasks.clone()));
        let tool_servers =
            Arc::new(ToolServers::new(site.clone(), stores.clone(), lease.clone(), tasks.clone()));
        let quotas = Arc::new(Quotas::new(site.clone(), stores.clone(), lease.clone(), tasks.clone()));
        let gate = &Arc::new(gate::Context {
            site: site.clone(),
            hosts: hosts.clone(),
            stores: stores.clone(),
            refresh: refresh.clone(),
            cache: cache.clone(),
            tool_servers: tool_servers.clone(),
            quotas: quotas.clone(),
            assertion_keys: assertion_keys.clone(),
            last_used: LastUsed::default(),
            key_uses: Arc::new(KeyUses::default()),
            refusals: Refusals::default(),
            seen_requirements: SeenRequirements::default(),
            unknown_requirements: UnknownRequirements::default(),
            wrong_keys: Arc::default(),
            wrong_tokens: FailingCredentials::default(),
            key_rates: Arc::default(),
            tasks: tasks.clone(),
        });
        let sign_in = &Arc::new(sign_in::Context {
            site: site.clone(),
            providers: providers.clone(),
            hosts: hosts.clone(),
            stores: stores.clone(),
            refresh: refresh.clone(),
            revocation: revocation.clone(),
            cache: cache.clone(),
            tasks: tasks.clone(),
            limits: Limits::default(),
            return_slots: Slots::default(),
        });
        let admin = &Arc::new(admin::Context {
            site: site.clone(),
            hosts: hosts.clone(),
            stores: stores.clone(),
            revocation: revocation.clone(),
            leadership: leadership.clone(),
            quotas,
            webhook,
        });
        let explain =
            &Arc::new(explain::Context { site: site.clone(), hosts: hosts.clone(), stores: stores.clone() });
        let (most_of_one, most) = internal::Context::MAX_LISTING;
        Self {
            internal: Arc::new(internal::Context {
                gate: gate.clone(),
                sign_in: sign_in.clone(),
                readiness: readiness.clone(),
                leadership: leadership.clone(),
                upstreams: upstreams.clone(),
                listing: Arc::new(Permits::new(most_of_one, most)),
            }),
            public: public::Context {
                sign_in: sign_in.clone(),
                wrong_keys: gate.wrong_keys.clone(),
                key_rates: gate.key_rates.clone(),
                key_uses: gate.key_uses.clone(),
                explain: explain.clone(),
                admin: admin.clone(),
                readiness: readiness.clone(),
                assertion_keys: assertion_keys.clone(),
                tool_servers,
                listing: Arc::new(Listing::new(upstreams, site.config.services.clone())),
            },
            site: site.clone(),
            stores: stores.clone(),
            lease: lease.clone(),
            leadership: leadership.clone(),
            tasks: tasks.clone(),
            readiness: readiness.clone(),
            revocation: revocation.clone(),
            gate: gate.clone(),
            sign_in: sign_in.clone(),
            admin: admin.clone(),
            explain: explain.clone(),
        }
    }
}

/// The name of this host, or of this container. Empty: Linux does not tell.
fn host_name() -> String {
    fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default()
}
