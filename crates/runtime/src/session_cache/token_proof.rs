//! The proof of an access token: what the token states. It was verified before it came here, and is not verified again.

use super::cached_caller::Proof;
use gatepost_core::access::Person;
use gatepost_core::clock::Timestamp;
use gatepost_core::decision::TokenTimes;
use gatepost_core::identity::{AssertedGroup, AssertedGroups, AssertedIdentity};
use gatepost_oidc::{AccessToken, TokenHolder};
use std::sync::Arc;

/// A verified access token.
#[derive(Clone, Debug)]
pub struct TokenProof {
    /// What it states.
    pub token: Arc<AccessToken>,
}

impl TokenProof {
    /// The token's times.
    pub fn times(&self) -> TokenTimes {
        let AccessToken { issued_at, auth_time, expires_at, .. } = *self.token;
        TokenTimes { issued_at, auth_time, expires_at }
    }

    /// Whether the token is a person's.
    pub fn is_of_person(&self) -> bool {
        matches!(self.token.holder, TokenHolder::Person(_))
    }
}

impl Proof for TokenProof {
    fn holder(&self, person: &Person) -> u64 {
        person.id.random_bits()
    }

    fn copy(&self, _now: Timestamp) -> Self {
        self.clone()
    }

    fn size(&self) -> usize {
        let texts = match &self.token.holder {
            TokenHolder::Person(identity) => {
                let AssertedIdentity { subject, name, groups, .. } = &**identity;
                let groups =
                    if let AssertedGroups::Known(groups) = groups { size_of_groups(groups) } else { 0 };
                size_of::<AssertedIdentity>()
                    + subject.issuer.len()
                    + subject.subject.len()
                    + name.as_ref().map_or(0, String::len)
                    + groups
            }
            TokenHolder::Application { client, roles } => client.len() + size_of_groups(roles),
        };
        size_of::<AccessToken>() + texts + self.token.grant.size()
    }
}

fn size_of_groups(groups: &[AssertedGroup]) -> usize {
    groups.iter().map(|group| size_of::<AssertedGroup>() + group.external_id.len()).sum()
}
