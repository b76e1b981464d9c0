//! Invitations to a tenant: the secret of a link, and how much of an address a stranger may read.

use super::email::EmailAddress;
use super::secret::{Hash, Secret};
use std::str::FromStr;
use std::time::Duration;

/// How long an invitation can be accepted.
pub const INVITATION_TTL: Duration = Duration::from_hours(7 * 24);

/// The last part of an invitation's link, 64 hexadecimal digits. It lets nobody in by itself: whoever opens the link must also
/// have signed in with the address that was invited. `Debug` does not show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvitationSecret(Secret);

impl InvitationSecret {
    pub fn generate() -> Self {
        Self(Secret::generate())
    }

    /// The text in the link.
    pub fn expose(&self) -> String {
        // The digits of a hash, of the secret itself.
        Hash::from_bytes(*self.0.expose()).to_string()
    }

    /// The hash, which is stored.
    pub fn digest(&self) -> Hash {
        self.0.digest()
    }
}

/// A text that is no secret of an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected 64 hexadecimal digits in lower case")]
pub struct InvitationSecretError;

impl FromStr for InvitationSecret {
    type Err = InvitationSecretError;

    fn from_str(text: &str) -> Result<Self, InvitationSecretError> {
        let is_written_so = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let hash: Hash = text.parse().map_err(|_| InvitationSecretError)?;
        if is_written_so { Ok(Self(Secret::from(*hash.as_bytes()))) } else { Err(InvitationSecretError) }
    }
}

/// An address of which only its holder recognizes the whole: the first letter and the domain, as in `a…@example.com`.
pub fn masked(address: &EmailAddress) -> String {
    let first: String = address.as_str().chars().take(1).collect();
    format!("{first}\u{2026}@{}", address.domain())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_as_it_is_written_and_nothing_else_is() {
        let secret = InvitationSecret::generate();
        let text = secret.expose();
        assert_eq!(text.parse(), Ok(secret.clone()));
        assert!(!format!("{secret:?}").contains(&text));
        assert_ne!(text.parse::<Hash>(), Ok(secret.digest()), "what is stored is no link");
        for other in ["", "x", &text[1..], &format!("{text}0"), &"A".repeat(64), &"+".repeat(64)] {
            assert_eq!(other.parse::<InvitationSecret>(), Err(InvitationSecretError), "{other}");
        }
    }

    #[test]
    fn a_masked_address_has_one_letter_of_the_name() {
        let address = "alice.smith@example.com".parse().expect("an address");
        assert_eq!(masked(&address), "a\u{2026}@example.com");
    }
}
