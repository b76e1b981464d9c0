//! Keeps the lease: hears what changes in the directory, and asks four times a second whether that is all.

use super::Passes;
use crate::state::State;
use gatepost_core::clock::BootTime;
use gatepost_core::error_chain::Chain;
use gatepost_store::directory::{Change, DirectoryError, Watch};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};

/// Between two renewals, and between two tries to open a watch.
const RENEWAL: Duration = Duration::from_millis(250);

/// Runs for as long as the process.
pub async fn keep(state: Arc<State>) {
    let mut was_heard = true;
    loop {
        match state.directory.watch().await {
            Ok(watch) => {
                if !was_heard {
                    tracing::info!("the directory's changes are heard again");
                }
                was_heard = true;
                state.passes.lease.found();
                let error = follow(&state, watch).await.err();
                state.passes.lease.lose();
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

async fn follow(state: &State, mut watch: Watch) -> Result<(), DirectoryError> {
    let passes = &state.passes;
    loop {
        let sent = BootTime::now();
        for change in watch.renew().await? {
            passes.forget(&change);
        }
        passes.lease.extend(sent);
        state.metrics.lease_renewed();
        let next = Instant::now() + RENEWAL;
        loop {
            tokio::select! {
                change = watch.changed() => match change? {
                    Some(change) => passes.forget(&change),
                    None => break,
                },
                () = sleep_until(next) => break,
            }
        }
    }
}

impl Passes {
    fn forget(&self, change: &Change) {
        match change {
            Change::Users(users) => users.iter().for_each(|user| self.forget_user(*user)),
            Change::Everybody => self.lease.forget_all(),
        }
    }
}
