//! Rows that several pages show: who says what, and refusals.

use gatepost_core::ids::ProviderId;
use gatepost_core::refusal::Refusal;
use gatepost_pages::admin::{ClaimedBy, RefusalEntry};
use gatepost_runtime::site::Site;

/// The provider's label, or the id of one that is not configured any more.
pub(super) fn label<'a>(site: &'a Site, id: &'a ProviderId) -> &'a str {
    site.providers.find(id).map_or(id.as_str(), |provider| provider.label())
}

/// Who says that somebody is in a group: `manual`, `scim`, or the id of a provider.
pub(super) fn claimed_by<'a>(site: &'a Site, source: &'a str) -> ClaimedBy<'a> {
    match source {
        "manual" => ClaimedBy::Administrator,
        "scim" => ClaimedBy::Scim,
        id => {
            let provider = id.parse().ok().and_then(|id| site.providers.find(&id));
            ClaimedBy::Provider(provider.map_or(id, |provider| provider.label()), None)
        }
    }
}

/// A refusal, with what the person lacked, or why else the request was refused.
pub(super) struct Reasoned {
    refusal: Refusal,
    words: String,
}

impl From<Refusal> for Reasoned {
    fn from(refusal: Refusal) -> Self {
        let words = match (&refusal.missing, &refusal.detail) {
            (Some(missing), _) => format!("lacks {missing}"),
            (None, Some(detail)) => detail.clone(),
            (None, None) => refusal.reason.replace('_', " "),
        };
        Self { refusal, words }
    }
}

impl Reasoned {
    pub(super) fn entry(&self) -> RefusalEntry<'_> {
        let Refusal { request_id, at, user, email, host, path, reason, key, via, .. } = &self.refusal;
        RefusalEntry {
            request_id: *request_id,
            at: *at,
            user: *user,
            email: email.as_ref(),
            host,
            path,
            reason: &self.words,
            reason_key: reason,
            key: *key,
            via: via.as_deref(),
        }
    }
}
