//! The last uses of API keys. They are written in batches and change nothing about what a key may, so that they neither
//! count as a change of the key nor are reported to the replicas.

use super::{Result, Store};
use crate::directory::keys::KeyUsed;

/// Of the uses that several replicas write the latest one stays, and one a minute suffices.
const WRITE: &str = "UPDATE keys SET last_used_at = $2, last_used_from = $3 \
    WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2)";

impl Store {
    /// Replicas that write at once take the rows in one order, and so do not wait for each other in a circle.
    pub(in crate::directory) async fn write_key_uses(&self, uses: &[KeyUsed]) -> Result<()> {
        let mut uses: Vec<&KeyUsed> = uses.iter().collect();
        uses.sort_unstable_by_key(|used| used.id);
        transaction!(self, |connection| {
            for used in &uses {
                sqlx::query(WRITE)
                    .bind(used.id.to_string())
                    .bind(used.at.unix().div_euclid(60) * 60)
                    .bind(used.from.map(|address| address.to_string()))
                    .execute(&mut *connection)
                    .await?;
            }
            Ok(())
        })
    }
}
