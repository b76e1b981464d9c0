//! What callers may use of tool servers, written once for all calls by which the same access asks for the same server.
//!
//! Guarantees: a grant follows from its key and from the rules that were read with it alone, and ends with them, so it is
//! never older than the rules. Keys are the values themselves, not their addresses: a value that is freed while its grant is
//! kept cannot be taken for another one. The memory is bounded.

use super::server::GateServer;
use crate::assertion::McpClaims;
use crate::identity_headers::encode;
use gatepost_core::access::Access;
use gatepost_core::api_key::{KeyId, KeyLimits};
use gatepost_core::ids::ToolServerId;
use hyper::header::HeaderValue;
use quick_cache::sync::Cache;
use quick_cache::{DefaultHashBuilder, Equivalent, Weighter};
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

/// All that a grant depends on besides the rules. People with equal access share one value of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct GrantQuery<'a> {
    pub(super) server: &'a Arc<GateServer>,
    pub(super) access: &'a Arc<Access>,
    /// The key that asks for itself.
    pub(super) machine: Option<KeyId>,
    /// The limits of the key that was sent.
    pub(super) limits: Option<&'a Arc<KeyLimits>>,
}

impl GrantQuery<'_> {
    /// Two values are the same if they are one in memory, which lives as long as its key.
    fn identity(&self) -> impl Eq + Hash {
        let limits = self.limits.map(Arc::as_ptr);
        (Arc::as_ptr(self.server), Arc::as_ptr(self.access), self.machine, limits)
    }

    fn to_key(self) -> GrantKey {
        GrantKey {
            server: Arc::clone(self.server),
            access: Arc::clone(self.access),
            machine: self.machine,
            limits: self.limits.map(Arc::clone),
        }
    }
}

impl PartialEq for GrantQuery<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }
}

impl Hash for GrantQuery<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity().hash(state);
    }
}

/// Looks up without counting who holds the shared values: all threads would write that count at each call.
impl Equivalent<GrantKey> for GrantQuery<'_> {
    fn equivalent(&self, key: &GrantKey) -> bool {
        *self == key.as_query()
    }
}

/// The same as a key, which keeps the values alive.
#[derive(Debug)]
pub(super) struct GrantKey {
    server: Arc<GateServer>,
    access: Arc<Access>,
    machine: Option<KeyId>,
    limits: Option<Arc<KeyLimits>>,
}

impl GrantKey {
    const fn as_query(&self) -> GrantQuery<'_> {
        GrantQuery {
            server: &self.server,
            access: &self.access,
            machine: self.machine,
            limits: self.limits.as_ref(),
        }
    }
}

impl PartialEq for GrantKey {
    fn eq(&self, other: &Self) -> bool {
        self.as_query() == other.as_query()
    }
}

impl Eq for GrantKey {}

impl Hash for GrantKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_query().hash(state);
    }
}

#[derive(Clone, Copy, Debug)]
struct ByMemory;

impl Weighter<GrantKey, Arc<Grant>> for ByMemory {
    fn weight(&self, key: &GrantKey, grant: &Arc<Grant>) -> u64 {
        // The grant may be the last one who has the access.
        let access = &key.access;
        let access = size_of::<Access>() + access.size_of_lists() + access.size_of_names();
        // And the limits of a key that was changed.
        let limits = key.limits.as_ref().map_or(0, |limits| limits.size());
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
    /// What was written for them, or what is written now.
    pub(super) fn find(&self, query: GrantQuery<'_>, write: impl FnOnce() -> Grant) -> Arc<Grant> {
        if let Some(grant) = self.0.get(&query) {
            return grant;
        }
        let grant = Arc::new(write());
        self.0.insert(query.to_key(), Arc::clone(&grant));
        grant
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gatepost_core::access::{Role, Tenants};
    use gatepost_core::ids::TenantId;
    use gatepost_core::mcp::Mode;
    use gatepost_core::mcp::rules::RuleSet;
    use std::collections::BTreeMap;

    fn server() -> Arc<GateServer> {
        Arc::new(GateServer {
            id: "github".parse().expect("an id"),
            tenant: "github".parse().expect("an id"),
            url: "https://mcp.example.com/github".parse().expect("an address"),
            name: None,
            provider: None,
            mode: Mode::Body,
            audience: None,
            scopes: Vec::new(),
            documentation: None,
            is_default: false,
            service: None,
            rules: RuleSet::default(),
            calls: std::sync::OnceLock::new(),
        })
    }

    /// Names of 20 bytes.
    fn names(count: usize) -> impl Iterator<Item = String> {
        (0..count).map(|number| format!("{:a<20}", format!("n{number}-")))
    }

    fn limits(tools: usize) -> Arc<KeyLimits> {
        let tools = names(tools).map(|name| name.parse().expect("a pattern"));
        Arc::new(KeyLimits { tools: tools.collect(), ..KeyLimits::default() })
    }

    #[test]
    fn a_kept_grant_counts_for_all_that_it_keeps_in_memory() {
        const COUNT: usize = 100;
        const NAMES: u64 = 20 * COUNT as u64;
        let server = server();
        let weight = |access: Access, limits: Option<Arc<KeyLimits>>, tools: Vec<String>| {
            let access = Arc::new(access);
            let query =
                GrantQuery { server: &server, access: &access, machine: None, limits: limits.as_ref() };
            let key = query.to_key();
            ByMemory.weight(&key, &Arc::new(Grant::new(&server.id, [tools, Vec::new(), Vec::new()], 65_536)))
        };
        let ids = || names(COUNT).map(|id| id.parse::<TenantId>().expect("an id"));
        let tenants = || Tenants::from(ids().map(|id| (id, Role::Member)).collect::<BTreeMap<_, _>>());
        let groups = names(COUNT).map(|name| name.parse().expect("a name")).collect();
        let none = Access::default;
        let least = weight(none(), None, Vec::new());
        for (what, counted) in [
            ("groups", weight(Access { groups, ..none() }, None, Vec::new())),
            ("tenants", weight(Access { tenants: tenants(), ..none() }, None, Vec::new())),
            ("suspended tenants", weight(Access { suspended: tenants(), ..none() }, None, Vec::new())),
            ("own tenants", weight(Access { own_tenants: ids().collect(), ..none() }, None, Vec::new())),
            (
                "an admin's tenants",
                weight(Access { every_tenant: ids().collect(), ..none() }, None, Vec::new()),
            ),
            ("limits of a key", weight(none(), Some(limits(COUNT)), Vec::new())),
            // In the header and in the claim.
            ("tools", weight(none(), None, names(COUNT).collect()) - NAMES),
        ] {
            // The texts, and a list of what points to them.
            let places = (COUNT * size_of::<TenantId>()) as u64;
            assert!(counted >= least + NAMES + places, "{what}: {counted}, {least}");
        }
    }

    #[test]
    fn kept_grants_have_a_bounded_memory() {
        const COUNT: usize = 200;
        let (server, access, grants) = (server(), Arc::new(Access::default()), Grants::default());
        let large = limits(5_000);
        for _ in 0..COUNT {
            // As if the key was changed each time.
            let limits = Arc::new(KeyLimits::clone(&large));
            let query = GrantQuery { server: &server, access: &access, machine: None, limits: Some(&limits) };
            grants.find(query, || Grant::new(&server.id, <[Vec<String>; 3]>::default(), 4_096));
        }
        let kept = (Arc::strong_count(&access) - 1) as u64;
        assert!(kept > 0 && kept < COUNT as u64, "{kept}");
        assert!(kept * large.size() as u64 <= MEMORY, "{kept} grants of {} bytes", large.size());
    }

    #[test]
    fn a_grant_is_found_by_all_that_it_depends_on() {
        let (server, access, limits, grants) =
            (server(), Arc::new(Access::default()), limits(1), Grants::default());
        let query = GrantQuery { server: &server, access: &access, machine: None, limits: Some(&limits) };
        let written = |query: GrantQuery<'_>| {
            let mut is_written = false;
            grants.find(query, || {
                is_written = true;
                Grant::new(&server.id, <[Vec<String>; 3]>::default(), 4_096)
            });
            is_written
        };
        assert!(written(query) && !written(query));
        let (other_access, other_limits) = (Arc::new(Access::default()), Arc::new(KeyLimits::clone(&limits)));
        let machine = "0199d1f0-5b7c-7d2e-8a3f-0123456789ab".parse().expect("an id");
        for other in [
            GrantQuery { access: &other_access, ..query },
            GrantQuery { limits: Some(&other_limits), ..query },
            GrantQuery { limits: None, ..query },
            GrantQuery { machine: Some(machine), ..query },
        ] {
            assert!(written(other) && !written(other), "{other:?}");
        }
        assert!(!written(query));
    }

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
