//! Puts the parts of the process together.

use crate::explain;
use crate::gate::{
    self, refusals::Refusals, seen_requirements::SeenRequirements, unknown_requirements::UnknownRequirements,
};
use crate::internal;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::ReplicaId;
use gatepost_runtime::assertion::AssertionKeys;
use gatepost_runtime::failing::FailingCredentials;
use gatepost_runtime::hosts::Hosts;
use gatepost_runtime::invalidation::lease::Lease;
use gatepost_runtime::key_uses::KeyUses;
use gatepost_runtime::leadership::Leadership;
use gatepost_runtime::permits::Permits;
use gatepost_runtime::providers::Providers;
use gatepost_runtime::quotas::Quotas;
use gatepost_runtime::readiness::Readiness;
use gatepost_runtime::session_cache::SessionCache;
use gatepost_runtime::site::Site;
use gatepost_runtime::stores::Stores;
use gatepost_runtime::tasks::Tasks;
use gatepost_runtime::tools::ToolServers;
use gatepost_runtime::tools::listing::Listing;
use gatepost_runtime::usage::Usage;
use gatepost_runtime::webhook::Webhook;
use gatepost_runtime::{refresh, revocation};
use gatepost_sign_in::{limit::Limits, return_cookie::Slots};
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
    pub sign_in: Arc<gatepost_sign_in::Context>,
    /// Makes changes for administrators.
    pub admin: Arc<gatepost_admin::Context>,
    /// Explains decisions.
    pub explain: Arc<explain::Context>,
    /// What the internal listener needs.
    pub internal: Arc<internal::Context>,
    /// What the public listener needs.
    pub public: gatepost_web::Context,
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
        let leadership = &Arc::new(Leadership::new(this_replica(), Timestamp::now()));
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
        let usage = Arc::new(Usage::new(leadership.replica().clone(), stores.clone()));
        let counted = (stores.clone(), usage.clone());
        let quotas = Arc::new(Quotas::new(site.clone(), counted, lease.clone(), tasks.clone()));
        let gate = &Arc::new(gate::Context {
            site: site.clone(),
            hosts: hosts.clone(),
            stores: stores.clone(),
            refresh: refresh.clone(),
            cache: cache.clone(),
            tool_servers: tool_servers.clone(),
            quotas: quotas.clone(),
            usage,
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
        let sign_in = &Arc::new(gatepost_sign_in::Context {
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
        let admin = &Arc::new(gatepost_admin::Context {
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
            public: gatepost_web::Context {
                sign_in: sign_in.clone(),
                wrong_keys: gate.wrong_keys.clone(),
                key_rates: gate.key_rates.clone(),
                key_uses: gate.key_uses.clone(),
                explainer: explain.clone(),
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

/// A new id for this process, with the name of this host, or of this container, if Linux tells it.
fn this_replica() -> ReplicaId {
    ReplicaId::generate(&fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default())
}
