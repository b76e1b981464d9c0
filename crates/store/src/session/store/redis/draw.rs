//! Units of a quota, drawn by one script.
//!
//! Redis may lose the counter. Each replica knows a part of what was drawn, and the one that drew last knows all of it. So a
//! Redis whose mark is gone grants nothing for [`SETTLING`], in which all replicas notice that and tell what they know. The
//! nodes of a Cluster lose their data one by one, so there each counter has a mark beside it.

use super::super::StoreError;
use super::super::draw::{Draw, Drawn, Tally};
use super::{COMMAND_TIMEOUT, RedisStore, key, millis};
use crate::session::QUOTA_MARK;
use gatepost_core::secret;
use std::borrow::Cow;
use std::time::Duration;

/// Three times as long as a replica needs to notice that the mark is another one.
const SETTLING: Duration = Duration::from_secs(1);

/// Ends the part of a key that alone decides about its slot (Redis Cluster specification, "Hash tags").
const TAG_END: u8 = b'}';

impl RedisStore {
    /// The key of the mark that lies where the counter `name` lies.
    pub(in crate::session::store) fn mark_of(&self, name: &[u8]) -> Cow<'static, [u8]> {
        if self.0.server.is_cluster() { beside(name) } else { Cow::Borrowed(QUOTA_MARK) }
    }

    pub(in crate::session::store) async fn draw(
        &self,
        name: &[u8],
        draw: &Draw,
    ) -> Result<Drawn, StoreError> {
        let answered = [name, b":", &draw.id[..]].concat();
        let mut mark = [0; 16];
        secret::fill_random(&mut mark);
        let mut call = self.0.draw.key(key(name));
        call.key(key(&answered)).key(key(&self.mark_of(name)));
        call.arg(draw.wanted).arg(draw.limit).arg(draw.known.drawn).arg(draw.known.returned);
        call.arg(draw.owed).arg(draw.returned).arg(millis(draw.ttl)).arg(millis(SETTLING)).arg(&mark[..]);
        let answer: String = self.script(&call).await?;
        read(&answer).ok_or(StoreError::Timeout(COMMAND_TIMEOUT))
    }
}

/// A key with the same hash tag, and so in the same slot. Names of counters begin with their tag.
fn beside(name: &[u8]) -> Cow<'static, [u8]> {
    let tag = name.iter().position(|byte| *byte == TAG_END).map_or(name, |end| &name[..=end]);
    Cow::Owned([tag, b":", QUOTA_MARK].concat())
}

fn read(answer: &str) -> Option<Drawn> {
    let mut numbers = answer.split(' ').map(|number| number.parse::<u64>().ok());
    let mut next = || numbers.next().flatten();
    let (granted, drawn, returned, wait) = (next()?, next()?, next()?, next()?);
    let settling = (wait > 0).then(|| Duration::from_millis(wait));
    Some(Drawn { granted, tally: Tally { drawn, returned }, settling })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The part of a key that decides about its slot: from its first `{` to the next `}`.
    fn slotted(name: &[u8]) -> Vec<u8> {
        let key = key(name);
        let begin = key.iter().position(|byte| *byte == b'{').expect("a tag begins") + 1;
        let length = key[begin..].iter().position(|byte| *byte == TAG_END).expect("a tag ends");
        key[begin..begin + length].to_vec()
    }

    #[test]
    fn what_one_draw_touches_lies_in_one_slot_of_a_cluster() {
        for tenant in ["acme", "a", "t-1"] {
            let counter = format!("{{t:{tenant}}}:day:20261129").into_bytes();
            let answered = [&counter[..], b":", &[TAG_END; 16]].concat();
            let mark = beside(&counter);
            assert_eq!(*mark, *format!("{{t:{tenant}}}:quotas").as_bytes());
            for name in [&counter[..], &answered, &mark] {
                assert_eq!(slotted(name), format!("t:{tenant}").as_bytes());
            }
        }
    }

    #[test]
    fn the_mark_of_a_tenant_is_named_by_its_tag_alone() {
        assert_eq!(beside(b"{t:acme}"), beside(b"{t:acme}:day:20261129"));
    }
}
