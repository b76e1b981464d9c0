//! The text of an API key: `gp_TENANT_RANDOM CHECKSUM` without the space, or `gp_RANDOM CHECKSUM` for a key without a
//! tenant. RANDOM is 256 random bits as 43 digits of base 62. CHECKSUM is the CRC-32 (IEEE 802.3) of everything before it,
//! as 6 digits of base 62.
//!
//! The checksum keeps no secret. With it a typing error or a key that was cut off is found without a look-up, and a program
//! that scans source code for secrets finds keys without false alarms.

use crate::ids::TenantId;
use crate::secret::{Hash, Hashing, fill_random};
use std::borrow::Cow;
use std::fmt;

/// What every key begins with. Another credential never does.
pub const PREFIX: &str = "gp_";

/// How many digits the random part has. 62^43 is just above 2^256.
const RANDOM: usize = 43;
/// How many digits the checksum has.
const CHECKSUM: usize = 6;
/// The longest name of a tenant in a key, in bytes.
const MAX_TENANT: usize = 64;
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A well-formed key. Whether it exists, only the directory knows. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey<'a>(Cow<'a, str>);

/// The text is not a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAKey {
    /// It has not the form of one.
    #[error("not a key: expected gp_, for a key of a tenant its id and _, and 49 letters and digits")]
    Form,
    /// The checksum is that of another text.
    #[error("not a key: checksum")]
    Checksum,
}

impl ApiKey<'static> {
    /// Makes a new key.
    ///
    /// # Panics
    /// If the operating system gives no random numbers.
    pub fn generate(tenant: Option<&TenantId>) -> Self {
        let mut random = [0; 32];
        fill_random(&mut random);
        Self::with(tenant, random)
    }

    fn with(tenant: Option<&TenantId>, random: [u8; 32]) -> Self {
        let mut text = PREFIX.to_owned();
        if let Some(tenant) = tenant {
            text.push_str(tenant.as_str());
            text.push('_');
        }
        text.extend(base62::<RANDOM>(random).map(char::from));
        let checksum = checksum(&text);
        text.extend(checksum.map(char::from));
        Self(text.into())
    }
}

impl<'a> ApiKey<'a> {
    /// Reads a key.
    ///
    /// # Errors
    /// [`NotAKey`].
    pub fn parse(text: &'a str) -> Result<Self, NotAKey> {
        let rest = text.strip_prefix(PREFIX).ok_or(NotAKey::Form)?;
        let (tenant, secret) = match rest.rsplit_once('_') {
            Some((tenant, secret)) => (Some(tenant), secret),
            None => (None, rest),
        };
        let is_tenant = |id: &str| id.len() <= MAX_TENANT && id.parse::<TenantId>().is_ok();
        if secret.len() != RANDOM + CHECKSUM
            || !secret.bytes().all(|byte| byte.is_ascii_alphanumeric())
            || !tenant.is_none_or(is_tenant)
        {
            return Err(NotAKey::Form);
        }
        let (before, sum) = text.split_at(text.len() - CHECKSUM);
        if checksum(before) == sum.as_bytes() {
            Ok(Self(Cow::Borrowed(text)))
        } else {
            Err(NotAKey::Checksum)
        }
    }

    /// The text. It is shown once, to who makes the key.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The SHA-256 hash of the whole text. The directory stores nothing else of it but [`Self::hint`].
    pub fn digest(&self) -> Hash {
        let mut hashing = Hashing::default();
        hashing.add(self.0.as_bytes());
        hashing.finish()
    }

    /// The first 4 of the random digits, by which people recognise a key. 232 random bits are left.
    pub fn hint(&self) -> &str {
        let start = self.0.len() - CHECKSUM - RANDOM;
        &self.0[start..start + 4]
    }
}

impl fmt::Debug for ApiKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(..)")
    }
}

fn checksum(text: &str) -> [u8; CHECKSUM] {
    base62::<CHECKSUM>(crc32fast::hash(text.as_bytes()).to_be_bytes())
}

/// A big-endian number in base 62, with zeros in front.
fn base62<const LENGTH: usize>(mut number: impl AsMut<[u8]>) -> [u8; LENGTH] {
    let mut digits = [0; LENGTH];
    for digit in digits.iter_mut().rev() {
        // A long division by 62. The remainder is the next digit.
        let remainder = number.as_mut().iter_mut().fold(0_u16, |carry, byte| {
            let value = carry << 8 | u16::from(*byte);
            // Below 256, because the carry is below 62.
            *byte = u8::try_from(value / 62).unwrap_or_default();
            value % 62
        });
        *digit = DIGITS[usize::from(remainder)];
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tenant(id: &str) -> TenantId {
        id.parse().expect("a tenant")
    }

    #[test]
    fn a_key_has_the_form_that_other_programs_know() {
        // Computed with Python: zlib.crc32 and divmod by 62.
        let key = ApiKey::with(None, [0; 32]);
        assert_eq!(key.expose(), "gp_00000000000000000000000000000000000000000001DejEd");
        let key = ApiKey::with(Some(&tenant("git_hub")), [255; 32]);
        assert_eq!(key.expose(), "gp_git_hub_yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp138MKYm");
        assert_eq!(key.hint(), "yhjs");
    }

    #[test]
    fn what_is_no_key_is_told_without_a_look_up() {
        let key = ApiKey::generate(Some(&tenant("github")));
        let text = key.expose();
        assert_eq!(ApiKey::parse(text), Ok(key.clone()));
        assert_eq!(format!("{key:?}"), "ApiKey(..)");
        let other_tenant = text.replace("github", "gitlab");
        let other_case = text.replace("github", "GitHub");
        for wrong in [other_tenant, other_case] {
            assert_eq!(ApiKey::parse(&wrong), Err(NotAKey::Checksum), "{wrong}");
        }
        let longer = format!("{text}0");
        let of_a_long_tenant = text.replace("github", &"a".repeat(65));
        for wrong in ["", "gp_", "gp__", &text[1..], &text[..text.len() - 1], &longer, &of_a_long_tenant] {
            assert_eq!(ApiKey::parse(wrong), Err(NotAKey::Form), "{wrong}");
        }
        let spaced = format!(" {text}");
        assert_eq!(ApiKey::parse(&spaced), Err(NotAKey::Form));
    }

    proptest! {
        #[test]
        fn one_wrong_character_is_always_found(random: [u8; 32], at in 0_usize..49, by in 1_usize..62) {
            let key = ApiKey::with(Some(&tenant("a_b")), random);
            let mut bytes = key.expose().as_bytes().to_vec();
            let at = bytes.len() - 1 - at;
            let digit = DIGITS.iter().position(|digit| *digit == bytes[at]).expect("a digit");
            bytes[at] = DIGITS[(digit + by) % 62];
            let wrong = String::from_utf8(bytes).expect("text");
            prop_assert_eq!(ApiKey::parse(&wrong), Err(NotAKey::Checksum));
        }

        #[test]
        fn different_secrets_are_different_keys(one: [u8; 32], other: [u8; 32]) {
            prop_assume!(one != other);
            let (one, other) = (ApiKey::with(None, one), ApiKey::with(None, other));
            prop_assert_ne!(one.digest(), other.digest());
            prop_assert_eq!(ApiKey::parse(one.expose()), Ok(one.clone()));
        }

        #[test]
        fn no_text_breaks_it(text: String) {
            prop_assert!(ApiKey::parse(&text).is_err());
        }
    }
}
