//! Secrets and their hashes as separate types, and the only access to random numbers.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use subtle::ConstantTimeEq;

/// 32 random bytes. `Debug` does not show them; only [`Secret::expose`] returns them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret([u8; 32]);

impl Secret {
    /// Makes a new secret from the operating system's random numbers.
    ///
    /// # Panics
    /// If the operating system gives no random numbers. No operation would be safe then.
    pub fn generate() -> Self {
        let mut bytes = [0; 32];
        fill_random(&mut bytes);
        Self(bytes)
    }

    /// The plain bytes.
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// The hash, which may be stored and logged in place of the secret.
    pub fn digest(&self) -> Hash {
        Hash::of(&[&self.0])
    }
}

impl From<[u8; 32]> for Secret {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// The SHA-256 hash of a secret. Comparison takes constant time.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hash([u8; 32]);

impl Hash {
    /// Hashes the parts, each after its length, so that different lists of parts never hash the same input.
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut sha = Sha256::new();
        for part in parts {
            sha.update((part.len() as u64).to_be_bytes());
            sha.update(part);
        }
        Self(sha.finalize().into())
    }

    /// A hash from its stored bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes of the hash.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Computes the SHA-256 hash of bytes that come one after the other, without lengths between them.
#[derive(Clone, Debug, Default)]
pub struct Hashing(Sha256);

impl Hashing {
    /// Adds bytes at the end.
    pub fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The hash of all bytes.
    pub fn finish(self) -> Hash {
        Hash(self.0.finalize().into())
    }
}

impl PartialEq for Hash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Hash {}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A text that is not a hash in hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a hash of 64 hexadecimal digits")]
pub struct HashError;

impl std::str::FromStr for Hash {
    type Err = HashError;

    fn from_str(text: &str) -> Result<Self, HashError> {
        let digit = |c: u8| char::from(c).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let digits: Vec<u8> = text.bytes().map(digit).collect::<Option<_>>().ok_or(HashError)?;
        if digits.len() != 64 {
            return Err(HashError);
        }
        Ok(Self(std::array::from_fn(|n| digits[2 * n] << 4 | digits[2 * n + 1])))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

/// Fills `bytes` with the operating system's random numbers.
///
/// # Panics
/// If the operating system gives none.
#[expect(clippy::disallowed_methods, reason = "all random numbers come from here")]
pub fn fill_random(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the operating system gives random numbers");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_read_as_it_is_written_and_nothing_else_is() {
        let hash = Hash::of(&[b"x"]);
        let text = hash.to_string();
        assert_eq!(text.parse(), Ok(hash));
        for other in [
            "",
            "00",
            &text[1..],
            &format!("{text}0"),
            &format!("+{}", &text[1..]),
            &format!("{}\u{e9}", &text[2..]),
        ] {
            assert_eq!(other.parse::<Hash>(), Err(HashError), "{other}");
        }
    }
}
