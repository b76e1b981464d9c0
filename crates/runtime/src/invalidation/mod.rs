//! Invalidation of cached answers of the directory: the [`Lease`], and the task that renews it.
//!
//! [`keep_lease`] receives each change of the directory and increments the counters of the people whom it concerns.
//! Four times a second it renews the lease by asking the directory for any change that it has not received.

pub mod directory_copy;
pub mod lease;
mod sync;

use crate::authn::DEADLINE;
use crate::stores::Stores;
use gatepost_core::clock::BootTime;
use gatepost_core::error_chain::Chain;
use gatepost_core::ids::UserId;
use gatepost_store::directory::{Change, DirectoryError, Watch};
use lease::Lease;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};

/// The time between two renewals, and between two attempts to open a watch.
const RENEWAL: Duration = Duration::from_millis(250);

/// How long the connections for look-ups may take after an outage. Less than the second within which a change takes effect.
const CONNECTING: Duration = Duration::from_millis(500);

/// The number of counters, which people share. They take 128 KiB.
const STRIPES: usize = 1 << 14;

impl Default for Lease {
    fn default() -> Self {
        Self::new(STRIPES)
    }
}

/// Renews the lease for as long as the process runs, and opens the watch again when it is lost.
pub async fn keep_lease(stores: Arc<Stores>, lease: Arc<Lease>) {
    let (mut is_reported, mut was_lost) = (true, false);
    loop {
        match stores.directory.watch().await {
            Ok(watch) => {
                if !is_reported {
                    tracing::info!("changes of the directory are received again");
                }
                is_reported = true;
                lease.reconnect();
                prepare_look_ups(&stores, was_lost).await;
                let error = follow(&stores, &lease, watch).await.err();
                lease.disconnect();
                was_lost = true;
                tracing::warn!(
                    error = error.as_ref().map(|error| Chain(error).to_string()),
                    "changes of the directory are no longer received: every request queries it"
                );
            }
            Err(error) => {
                if is_reported {
                    tracing::warn!(error = %Chain(&error), "changes of the directory cannot be received: every request queries it");
                }
                is_reported = false;
                sleep(RENEWAL).await;
            }
        }
    }
}

/// Lets look-ups succeed before memory stands in no more. The renewal that follows ends the use of what was cached before an
/// outage: it may lack a change that was made while no changes were received. A look-up that is late then has nothing to fall
/// back on.
///
/// Their connections were lost together with that of the watch, if another server has become the primary. Look-ups that began
/// without them end within [`DEADLINE`]; who asks meanwhile is looked up, and in memory when the lease holds.
async fn prepare_look_ups(stores: &Stores, was_lost: bool) {
    if let Err(error) = stores.directory.warm_up(CONNECTING).await {
        tracing::info!(error = %Chain(&error), "not all connections for look-ups are made yet");
    }
    if was_lost {
        sleep(DEADLINE).await;
    }
}

async fn follow(stores: &Stores, lease: &Lease, mut watch: Watch) -> Result<(), DirectoryError> {
    loop {
        let sent = BootTime::now();
        for change in watch.renew().await? {
            lease.apply(&change);
        }
        lease.extend(sent);
        stores.metrics.lease_renewed();
        let next = Instant::now() + RENEWAL;
        loop {
            tokio::select! {
                change = watch.changed() => match change? {
                    Some(change) => lease.apply(&change),
                    None => break,
                },
                () = sleep_until(next) => break,
            }
        }
    }
}

impl Lease {
    fn apply(&self, change: &Change) {
        match change {
            Change::Users(users) => users.iter().for_each(|user| self.invalidate_user(*user)),
            Change::Keys(keys) => keys.iter().for_each(|key| self.invalidate_user(key.machine())),
            Change::Everybody => self.invalidate_all(),
        }
    }

    /// Invalidates the entries of one person, or of one machine, whose access has changed.
    pub fn invalidate_user(&self, user: UserId) {
        self.invalidate(user.random_bits());
    }
}
