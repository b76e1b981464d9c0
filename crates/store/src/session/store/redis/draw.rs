//! Units of a quota, drawn by one script.
//!
//! Redis may lose the counter. Each replica knows a part of what was drawn, and the one that drew last knows all of it. So a
//! Redis whose mark is gone grants nothing for [`SETTLING`], in which all replicas notice that and tell what they know.

use super::super::draw::{Draw, Drawn, Tally};
use super::{COMMAND_TIMEOUT, RedisStore, StoreError, key, millis};
use crate::session::QUOTA_MARK;
use gatepost_core::secret;
use std::time::Duration;

/// Three times as long as a replica needs to notice that the mark is another one.
const SETTLING: Duration = Duration::from_secs(1);

/// `KEYS`: the counter, the answer to this draw, the mark. The lifetime of the mark says how old it is. Renewing it leaves it
/// old enough.
pub(super) const SCRIPT: &str = "\
    local answer = redis.call('GET', KEYS[2]) \
    if answer then return answer end \
    local function given(i) return tonumber(ARGV[i]) or 0 end \
    local drawn, back = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+) (%d+)$') \
    drawn = math.max(tonumber(drawn or 0), given(3)) + given(5) \
    back = math.max(tonumber(back or 0), given(4)) + given(6) \
    local life, rest = 2592000000, redis.call('PTTL', KEYS[3]) \
    if rest < 0 then redis.call('SET', KEYS[3], ARGV[9] or '', 'PX', life) rest = life end \
    local wait, granted = math.max(0, given(8) - (life - rest)), 0 \
    if wait == 0 then \
      granted = math.max(0, math.min(given(1), given(2) - (drawn - back))) \
      drawn = drawn + granted \
      if rest < life / 2 then redis.call('PEXPIRE', KEYS[3], life - given(8)) end \
    end \
    answer = string.format('%.0f %.0f %.0f %.0f', granted, drawn, back, wait) \
    redis.call('SET', KEYS[1], string.format('%.0f %.0f', drawn, back), 'PX', ARGV[7]) \
    redis.call('SET', KEYS[2], answer, 'PX', 60000) \
    return answer";

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
