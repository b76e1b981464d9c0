//! API keys of machines as files declare them. No file holds a secret: a key that is made by files gets one that nobody knows,
//! until somebody rotates it.

use gatepost_core::api_key::{KeyExpiry, KeyNetwork, KeyScope};
use gatepost_core::calendar::rfc3339;
use gatepost_core::clock::Timestamp;
use gatepost_core::host::HostName;
use gatepost_core::ids::{GroupName, TenantId};
use gatepost_core::tool_pattern::ToolPattern;
use std::collections::BTreeSet;
use std::fmt;

/// A key is the one that bears this name, among those of its tenant or of the platform that have no owner.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyPlace {
    /// `None`: the platform.
    pub tenant: Option<TenantId>,
    pub name: String,
}

impl fmt::Display for KeyPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.tenant {
            Some(tenant) => write!(f, "key {:?} of tenant {tenant}", self.name),
            None => write!(f, "key {:?}", self.name),
        }
    }
}

/// What a key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredKey {
    pub scopes: BTreeSet<KeyScope>,
    pub groups: BTreeSet<GroupName>,
    pub hosts: BTreeSet<HostName>,
    pub networks: BTreeSet<KeyNetwork>,
    pub tools: BTreeSet<ToolPattern>,
    pub requests_per_minute: Option<u32>,
    pub end: KeyEnd,
}

/// When a key ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyEnd {
    At(Timestamp),
    /// Never, for this reason.
    Never(String),
}

impl DeclaredKey {
    /// Its end as the single changes take it.
    pub fn expiry(&self) -> KeyExpiry {
        match &self.end {
            KeyEnd::At(at) => KeyExpiry::At(*at),
            KeyEnd::Never(reason) => KeyExpiry::Never(reason.clone()),
        }
    }

    /// Each part with its name, as one reads it.
    fn parts(&self) -> [(&'static str, String); 7] {
        fn list<T: ToString>(items: &BTreeSet<T>) -> String {
            items.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        }
        let end = match &self.end {
            KeyEnd::At(at) => rfc3339(*at),
            KeyEnd::Never(reason) => format!("never, {reason:?}"),
        };
        let requests = self.requests_per_minute.map(|number| number.to_string()).unwrap_or_default();
        [
            ("scopes", list(&self.scopes)),
            ("groups", list(&self.groups)),
            ("hosts", list(&self.hosts)),
            ("networks", list(&self.networks)),
            ("tools", list(&self.tools)),
            ("requests per minute", requests),
            ("end", end),
        ]
    }

    /// What is different in `other`.
    pub(super) fn changed_to(&self, other: &Self) -> String {
        let said = |text: &str| if text.is_empty() { "none".to_owned() } else { text.to_owned() };
        let pairs = self.parts().into_iter().zip(other.parts());
        let changed = pairs.filter(|(was, is)| was != is);
        let changed = changed.map(|((name, was), (_, is))| format!("{name} {} -> {}", said(&was), said(&is)));
        changed.collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for DeclaredKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = self.parts().into_iter().filter(|(_, text)| !text.is_empty());
        let parts: Vec<String> = parts.map(|(name, text)| format!("{name} {text}")).collect();
        f.write_str(&parts.join(", "))
    }
}
