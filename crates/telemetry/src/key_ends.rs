//! When API keys expire that expire soon.

use super::handles::single;
use gatepost_core::clock::Timestamp;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// Of a key its id alone: a name is a text that people wrote, and metrics are kept elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KeyLabels {
    key: String,
    tenant: String,
}

/// The series of keys that end soon.
#[derive(Debug)]
pub(super) struct KeyEnds {
    family: Family<KeyLabels, Gauge>,
    /// The keys that it shows.
    shown: Mutex<HashSet<KeyLabels>>,
}

impl KeyEnds {
    pub fn register(registry: &mut Registry) -> Self {
        let family = single(
            registry,
            "gatepost_key_expires_timestamp",
            "When an API key expires, since the epoch; the 100 keys that expire first, within 14 days",
            Family::default(),
        );
        Self { family, shown: Mutex::default() }
    }

    /// Shows these keys and no others.
    pub fn set<'a>(&self, keys: impl IntoIterator<Item = (String, Option<&'a str>, Timestamp)>) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let mut now = HashSet::new();
        for (key, tenant, end) in keys {
            let labels = KeyLabels { key, tenant: tenant.unwrap_or_default().to_owned() };
            self.family.get_or_create(&labels).set(end.unix());
            now.insert(labels);
        }
        for gone in shown.difference(&now) {
            self.family.remove(gone);
        }
        *shown = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Metrics;

    #[test]
    fn keys_that_do_not_end_any_more_are_gone() {
        let metrics = Metrics::new(&[]);
        let shown = || {
            let text = metrics.encode();
            text.lines().filter(|line| line.starts_with("gatepost_key_")).collect::<Vec<_>>().join("\n")
        };
        let end = Timestamp::from_unix(6);
        metrics.keys_end([("a".to_owned(), None, end), ("b".to_owned(), Some("acme"), end)]);
        assert!(
            shown().contains("gatepost_key_expires_timestamp{key=\"b\",tenant=\"acme\"} 6"),
            "{}",
            shown()
        );
        metrics.keys_end([("a".to_owned(), None, Timestamp::from_unix(7))]);
        assert_eq!(shown(), "gatepost_key_expires_timestamp{key=\"a\",tenant=\"\"} 7");
        metrics.keys_end([]);
        assert_eq!(shown(), "");
    }
}
