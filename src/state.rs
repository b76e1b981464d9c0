//! What every request shares: configuration and the handles to everything else, made once.

use crate::app::readiness::Readiness;
use crate::app::tasks::Tasks;
use crate::login::limit::Limits;
use crate::login::unwritten::Unwritten;
use crate::login::waiting::Slots;
use crate::verify::assertion::AssertionKeys;
use crate::verify::checks::Checks;
use crate::verify::passes::Passes;
use crate::verify::refusals::Refusals;
use crate::verify::unknown::Unknown;
use gatepost_config::{self as config, Config};
use gatepost_core::auth_time::AuthTime;
use gatepost_core::decision::{Lifetimes, Recheck, SessionTimes};
use gatepost_core::host::ProtectedHosts;
use gatepost_core::ids::ProviderId;
use gatepost_oidc::Providers;
use gatepost_store::directory::Directory;
use gatepost_store::session::Sessions;
use gatepost_store::session::cookie::CookiePolicy;
use gatepost_store::session::record::SessionRecord;
use gatepost_store::session::sealed::KeyRing;
use gatepost_store::session::uses::Uses;
use gatepost_telemetry::{Metrics, ProviderMetrics, Store, StoreOperation, StoreOutcome};
use std::sync::Arc;
use tokio::time::Instant;

/// One per process.
#[derive(Debug)]
pub struct State {
    /// Every setting.
    pub config: Arc<Config>,
    /// What is guarded.
    pub hosts: ProtectedHosts,
    /// Seals and opens.
    pub ring: Arc<KeyRing>,
    /// Signs `X-User-Assertion`.
    pub assertion_keys: AssertionKeys,
    /// Name and attributes of the cookies.
    pub cookies: CookiePolicy,
    /// How long sessions live.
    pub lifetimes: Lifetimes,
    /// Who signed in.
    pub sessions: Sessions,
    /// Uses of sessions that wait to be written down.
    pub uses: Uses,
    /// Refusals that wait to be written down.
    pub refusals: Refusals,
    /// Who may.
    pub directory: Directory,
    /// Who holds which cookie, as far as memory knows.
    pub passes: Passes,
    /// Sessions whose provider is being asked.
    pub checks: Checks,
    /// Who vouches.
    pub providers: Providers,
    /// Names that routers demand and nobody bears.
    pub unknown: Unknown,
    /// Ends of sessions that wait for the directory.
    pub unwritten: Unwritten,
    /// Which cookie the next long return address waits in.
    pub return_slots: Slots,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Who may exchange a code now.
    pub limits: Limits,
    /// Whether replicas understand one another and the database's clock is ours.
    pub readiness: Readiness,
    /// What goes on beside the answers.
    pub tasks: Tasks,
}

impl State {
    /// The metrics of a configured provider, if it still is one.
    pub fn metrics_of(&self, provider: &ProviderId) -> impl Iterator<Item = &ProviderMetrics> {
        self.metrics.provider(provider).into_iter()
    }

    /// The times of a session; `auth_time` as a host's cookie states it.
    pub fn times_of(&self, record: &SessionRecord, auth_time: AuthTime) -> SessionTimes {
        // Where its provider is no longer configured, another one has to vouch.
        let provider = self.providers.find(&record.provider);
        let is_off = provider.is_some_and(|provider| provider.config().recheck == config::Recheck::Off);
        record.times(auth_time, if is_off { Recheck::Never } else { Recheck::BySignIn })
    }

    /// Runs work that no request waits for, away from the threads that serve `/verify`; SIGTERM waits for it.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(work);
    }

    /// Asks a store, counted and timed.
    pub async fn ask<T, E>(
        &self,
        store: Store,
        operation: StoreOperation,
        question: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let started = Instant::now();
        let answer = question.await;
        let outcome = if answer.is_ok() { StoreOutcome::Ok } else { StoreOutcome::Failed };
        self.metrics.store_called(store, operation, outcome, started.elapsed());
        answer
    }

    /// Origins that a sign-out's redirects lead through: Chromium applies a form's `form-action` to each.
    pub fn sign_out_targets(&self) -> Vec<String> {
        let providers = self.providers.iter().filter_map(|provider| provider.end_session_origin());
        std::iter::once(self.config.public_url.to_string()).chain(providers).collect()
    }
}
