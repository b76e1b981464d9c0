use crate::gate::assertion::AssertionKeys;
use crate::gate::session_cache::SessionCache;
use crate::gate::{self, refusals::Refusals, unknown_requirements::UnknownRequirements};
use crate::http::{internal, public};
use crate::invalidation::lease::Lease;
use crate::readiness::Readiness;
use crate::sign_in::{self, limit::Limits, return_cookie::Slots};
use crate::site::Site;
use crate::stores::Stores;
use crate::tasks::Tasks;
use crate::{explain, refresh, revocation};
use gatepost_store::session::uses::Uses;
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
    /// Explains decisions.
    pub explain: Arc<explain::Context>,
    /// What the internal listener needs.
    pub internal: Arc<internal::Context>,
    /// What the public listener needs.
    pub public: public::Context,
}

impl State {
    /// Puts the contexts together, in the order of the layers. Must be called within a runtime.
    pub(super) fn new(site: Site, stores: Stores, assertion_keys: AssertionKeys) -> Self {
        let (site, stores) = (Arc::new(site), Arc::new(stores));
        let (lease, tasks, readiness) =
            (Arc::new(Lease::default()), Arc::new(Tasks::here()), Arc::new(Readiness::default()));
        let assertion_keys = Arc::new(assertion_keys);
        let parts = || (Arc::clone(&site), Arc::clone(&stores));
        let (s, t) = parts();
        let revocation = Arc::new(revocation::Context::new(s, t, Arc::clone(&lease), Arc::clone(&tasks)));
        let (s, t) = parts();
        let refresh = Arc::new(refresh::Context::new(s, t, Arc::clone(&revocation), Arc::clone(&tasks)));
        let (s, t) = parts();
        let cache = Arc::new(SessionCache::new(s, t, Arc::clone(&lease), Arc::clone(&tasks)));
        let gate = Arc::new(gate::Context {
            site: Arc::clone(&site),
            stores: Arc::clone(&stores),
            refresh: Arc::clone(&refresh),
            cache: Arc::clone(&cache),
            assertion_keys: Arc::clone(&assertion_keys),
            uses: Uses::default(),
            refusals: Refusals::default(),
            unknown_requirements: UnknownRequirements::default(),
            tasks: Arc::clone(&tasks),
        });
        let sign_in = Arc::new(sign_in::Context {
            site: Arc::clone(&site),
            stores: Arc::clone(&stores),
            refresh,
            revocation: Arc::clone(&revocation),
            cache,
            tasks: Arc::clone(&tasks),
            limits: Limits::default(),
            return_slots: Slots::default(),
        });
        let explain = Arc::new(explain::Context { site: Arc::clone(&site), stores: Arc::clone(&stores) });
        let internal = Arc::new(internal::Context {
            gate: Arc::clone(&gate),
            sign_in: Arc::clone(&sign_in),
            readiness: Arc::clone(&readiness),
        });
        let public =
            public::Context { sign_in: Arc::clone(&sign_in), explain: Arc::clone(&explain), assertion_keys };
        Self { site, stores, lease, tasks, readiness, revocation, gate, sign_in, explain, internal, public }
    }
}
