//! What callers may use of tool servers, written once for all calls by which the same access asks for the same server.
//!
//! Guarantees: a grant follows from its key and from the rules that were read with it alone, and ends with them, so it is
//! never older than the rules. Keys are the values themselves, not their addresses: a value that is freed while its grant is
//! kept cannot be taken for another one. The memory is bounded.

use super::server::GateServer;
use crate::gate::assertion::McpClaims;
use crate::gate::identity_headers::encode;
use gatepost_core::access::Access;
use gatepost_core::api_key::{KeyId, KeyLimits};
use gatepost_core::ids::{GroupName, ToolServerId};
use hyper::header::HeaderValue;
use quick_cache::sync::Cache;
use quick_cache::{DefaultHashBuilder, Weighter};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// The memory of all grants of one reading of the directory, in bytes.
const MEMORY: u64 = 8 * 1024 * 1024;
/// Grants that are expected, from which the initial capacity is computed.
const TYPICAL_COUNT: usize = 64;
/// Bytes that a grant takes besides its texts: itself, its key, and its place in the index.
const FIXED: usize = size_of::<Grant>() + size_of::<GrantKey>() + 160;
/// Bytes that a pattern takes besides its text.
const PATTERN: usize = size_of::<String>() + 16;

/// What somebody may use of one server.
#[derive(Debug)]
pub struct Grant {
    /// `X-User-Tools`.
    pub(super) tools: HeaderValue,
    /// The claim of `X-User-Assertion`, with the same tools.
    pub(super) claims: McpClaims,
}

impl Grant {
    /// Writes the patterns of tools, prompts and resources: all three lists together at most `limit` bytes, tools first.
    pub(super) fn new(server: &ToolServerId, patterns: [Vec<String>; 3], limit: usize) -> Self {
        let mut room = Room { left: limit, is_cut: false };
        let [(tools, header), (prompts, _), (resources, _)] = patterns.map(|list| room.take(list));
        let is_cut = room.is_cut;
        Self {
            // Percent-encoded text is always a valid header value.
            tools: HeaderValue::try_from(header).unwrap_or(HeaderValue::from_static("")),
            claims: McpClaims { server: server.to_string(), tools, prompts, resources, is_cut },
        }
    }

    /// Whether patterns are missing.
    pub(super) const fn is_cut(&self) -> bool {
        self.claims.is_cut
    }

    fn size(&self) -> usize {
        let McpClaims { tools, prompts, resources, server, .. } = &self.claims;
        let patterns = [tools, prompts, resources].into_iter().flatten();
        patterns.map(|text| text.len() + PATTERN).sum::<usize>() + self.tools.len() + server.len()
    }
}

/// What is left of the limit.
struct Room {
    left: usize,
    is_cut: bool,
}

impl Room {
    /// The patterns that fit, whole ones, and how they are written in a header. `*` alone always fits.
    fn take(&mut self, mut patterns: Vec<String>) -> (Vec<String>, String) {
        if let [all] = &patterns[..]
            && all == "*"
        {
            let header = all.clone();
            return (patterns, header);
        }
        let mut header = String::new();
        for at in 0..patterns.len() {
            let encoded = encode(&patterns[at]);
            let separator = if header.is_empty() { "" } else { "," };
            if header.len() + separator.len() + encoded.len() > self.left {
                self.is_cut = true;
                patterns.truncate(at);
                break;
            }
            header.push_str(separator);
            header.push_str(&encoded);
        }
        self.left -= header.len();
        (patterns, header)
    }
}

/// A shared value as a key: two are the same if they are one value in memory, which lives as long as its key.
#[derive(Debug)]
struct Same<T>(Arc<T>);

impl<T> PartialEq for Same<T> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<T> Eq for Same<T> {}

impl<T> Hash for Same<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).hash(state);
    }
}

/// All that a grant depends on besides the rules. People with equal access share one value of it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct GrantKey {
    server: Same<GateServer>,
    access: Same<Access>,
    /// The key that asks for itself, and the limits of the key that was sent.
    by_key: (Option<KeyId>, Option<Same<KeyLimits>>),
}

impl GrantKey {
    /// `by_key`: the machine's key, and the limits of the key that was sent.
    pub(super) fn new(
        server: Arc<GateServer>,
        access: Arc<Access>,
        (machine, limits): (Option<KeyId>, Option<Arc<KeyLimits>>),
    ) -> Self {
        Self { server: Same(server), access: Same(access), by_key: (machine, limits.map(Same)) }
    }
}

#[derive(Clone, Copy, Debug)]
struct ByMemory;

impl Weighter<GrantKey, Arc<Grant>> for ByMemory {
    fn weight(&self, key: &GrantKey, grant: &Arc<Grant>) -> u64 {
        // The grant may be the last one who has the access.
        let groups: usize = key.access.0.groups.iter().map(|name| name.as_str().len()).sum();
        let access = size_of::<Access>() + key.access.0.groups.len() * size_of::<GroupName>() + groups;
        // And the limits of a key that was changed.
        let limits = key.by_key.1.as_ref().map_or(0, |limits| limits.0.size());
        (FIXED + access + limits + grant.size()) as u64
    }
}

/// The grants of the servers and rules that were read together.
#[derive(Debug)]
pub(super) struct Grants(Cache<GrantKey, Arc<Grant>, ByMemory, DefaultHashBuilder>);

impl Default for Grants {
    fn default() -> Self {
        Self(Cache::with_weighter(TYPICAL_COUNT, MEMORY, ByMemory))
    }
}

impl Grants {
    /// What was written for this key, or what is written now.
    pub(super) fn find(&self, key: GrantKey, write: impl FnOnce() -> Grant) -> Arc<Grant> {
        if let Some(grant) = self.0.get(&key) {
            return grant;
        }
        let grant = Arc::new(write());
        self.0.insert(key, Arc::clone(&grant));
        grant
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(left: usize) -> Room {
        Room { left, is_cut: false }
    }

    fn list(patterns: &[&str]) -> Vec<String> {
        patterns.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn patterns_are_encoded_and_cut_between_two() {
        for (limit, fitting, header) in [
            (100, &["a,b", "get_*", "\u{e9}"][..], "a%2Cb,get_*,%C3%A9"),
            (12, &["a,b", "get_*"], "a%2Cb,get_*"),
            (10, &["a,b"], "a%2Cb"),
            (4, &[], ""),
        ] {
            let mut room = room(limit);
            let taken = room.take(list(&["a,b", "get_*", "\u{e9}"]));
            assert_eq!(taken, (list(fitting), header.to_owned()), "{limit}");
            assert_eq!(room.is_cut, fitting.len() < 3, "{limit}");
        }
        assert_eq!(room(10).take(Vec::new()), (Vec::new(), String::new()));
    }

    #[test]
    fn later_lists_get_what_earlier_ones_leave() {
        let mut room = room(8);
        assert_eq!(room.take(list(&["abc", "de"])).1, "abc,de");
        assert_eq!(room.take(list(&["f", "ghi"])), (list(&["f"]), "f".to_owned()));
        assert_eq!((room.left, room.is_cut), (1, true));
        room.left = 0;
        assert_eq!(room.take(list(&["*"])).1, "*", "what is open stays open");
    }
}
