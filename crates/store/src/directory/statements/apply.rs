//! What each change tells the door (`door.rs`), which calls these in their order.

use super::{Connection, LockKey, Result, WRITE_TIMEOUT};
use crate::directory::actor::Actor;
use crate::directory::changes::{Change, Done};
use gatepost_core::administration::{Granted, Version};
use std::time::Duration;

/// How the directory makes a change.
pub trait Apply: Change {
    /// The rows that it locked and read.
    type Locked: Send;

    /// After this time the change is given up, with its transaction.
    const TIMEOUT: Duration = WRITE_TIMEOUT;

    /// The locks that it needs before its transaction reads anything.
    fn locks(&self) -> Vec<LockKey> {
        Vec::new()
    }

    /// Locks what is to be changed, and reads its version. `None`: it does not exist, or has none.
    fn lock(
        &self,
        connection: &mut Connection,
    ) -> impl Future<Output = Result<(Self::Locked, Option<Version>)>> + Send;

    /// Decides by what was read, then writes, with the audit rows.
    fn write(
        granted: Granted<&Self>,
        locked: Self::Locked,
        connection: &mut Connection,
        actor: &Actor,
    ) -> impl Future<Output = Result<Done<Self::Outcome>>> + Send;
}
