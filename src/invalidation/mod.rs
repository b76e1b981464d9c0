//! When answers of the directory that are kept in memory stop counting: the [`Lease`], and the task that renews it.
//!
//! [`keep_lease`] hears each change in the directory, moves the counters of the people whom it concerns, and asks four
//! times a second whether it has heard all of them.

pub mod lease;
mod sync;

use crate::stores::Stores;
use gatepost_core::clock::BootTime;
use gatepost_core::error_chain::Chain;
use gatepost_core::ids::UserId;
use gatepost_store::directory::{Change, DirectoryError, Watch};
use lease::Lease;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};

/// Between two renewals, and between two tries to open a watch.
const RENEWAL: Duration = Duration::from_millis(250);

/// Counters of changes that people share: 128 KiB.
const STRIPES: usize = 1 << 14;

impl Default for Lease {
    fn default() -> Self {
        Self::new(STRIPES)
    }
}

/// Keeps the lease for as long as the process runs.
pub async fn keep_lease(stores: Arc<Stores>, lease: Arc<Lease>) {
    let mut was_heard = true;
    loop {
        match stores.directory.watch().await {
            Ok(watch) => {
                if !was_heard {
                    tracing::info!("the directory's changes are heard again");
                }
                was_heard = true;
                lease.found();
                let error = follow(&stores, &lease, watch).await.err();
                lease.lose();
                tracing::warn!(
                    error = error.as_ref().map(|error| Chain(error).to_string()),
                    "the directory's changes are not heard: every request asks it"
                );
            }
            Err(error) => {
                if was_heard {
                    tracing::warn!(error = %Chain(&error), "the directory's changes cannot be heard: every request asks it");
                }
                was_heard = false;
                sleep(RENEWAL).await;
            }
        }
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
            Change::Users(users) => users.iter().for_each(|user| self.forget_user(*user)),
            Change::Everybody => self.forget_all(),
        }
    }

    /// Somebody's access changed: what is kept about them counts no longer.
    pub fn forget_user(&self, user: UserId) {
        self.forget(user.random_bits());
    }
}
