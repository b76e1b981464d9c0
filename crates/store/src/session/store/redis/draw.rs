//! Units of a quota, drawn by one script.
//!
//! Redis may lose the counter. Each replica knows a part of what was drawn, and the one that drew last knows all of it. So a
//! Redis whose mark is gone grants nothing for [`SETTLING`], in which all replicas notice that and tell what they know.

use super::super::StoreError;
use super::super::draw::{Draw, Drawn, Tally};
use super::{COMMAND_TIMEOUT, RedisStore, key, millis};
use crate::session::QUOTA_MARK;
use gatepost_core::secret;
use std::time::Duration;

/// Three times as long as a replica needs to notice that the mark is another one.
const SETTLING: Duration = Duration::from_secs(1);

impl RedisStore {
    pub(in crate::session::store) async fn draw(
        &self,
        name: &[u8],
        draw: &Draw,
    ) -> Result<Drawn, StoreError> {
        let answered = [name, b":", &draw.id[..]].concat();
        let mut mark = [0; 16];
        secret::fill_random(&mut mark);
        let mut call = self.0.draw.key(key(name));
        call.key(key(&answered)).key(key(QUOTA_MARK));
        call.arg(draw.wanted).arg(draw.limit).arg(draw.known.drawn).arg(draw.known.returned);
        call.arg(draw.owed).arg(draw.returned).arg(millis(draw.ttl)).arg(millis(SETTLING)).arg(&mark[..]);
        let answer: String = self.script(&call).await?;
        read(&answer).ok_or(StoreError::Timeout(COMMAND_TIMEOUT))
    }
}

fn read(answer: &str) -> Option<Drawn> {
    let mut numbers = answer.split(' ').map(|number| number.parse::<u64>().ok());
    let mut next = || numbers.next().flatten();
    let (granted, drawn, returned, wait) = (next()?, next()?, next()?, next()?);
    let settling = (wait > 0).then(|| Duration::from_millis(wait));
    Some(Drawn { granted, tally: Tally { drawn, returned }, settling })
}
