//! The keys under which the directory records that a provider ended a session.

use gatepost_core::identity::SubjectKey;
use gatepost_core::ids::ProviderId;
use gatepost_core::secret::Hash;

/// The key of a session with this `sid`. The directory stores only its hash, because a `sid` is personal data, although
/// it is not a secret.
pub(super) fn sid_hash(provider: &ProviderId, sid: &str) -> Hash {
    Hash::of(&[provider.as_str().as_bytes(), sid.as_bytes()])
}

/// The common key of all sessions of a subject whose ID tokens have no `sid`: they end together.
pub(super) fn unnamed_hash(provider: &ProviderId, subject: &SubjectKey) -> Hash {
    let parts = [provider.as_str(), "without a sid", &subject.issuer, &subject.subject];
    Hash::of(&parts.map(str::as_bytes))
}
