//! The digest by which a text of the audit stands in the hash of its hour: 16 bytes of salt, then SHA-256 of salt and
//! text. When the text is erased, the salt goes with it. Nobody can then find the text by trying.

use gatepost_core::secret::{Hash, Hashing, fill_random};

const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

/// The digest of a text, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaltedDigest(Vec<u8>);

impl SaltedDigest {
    /// The digest of a text, with a new salt.
    pub(super) fn of(text: &str) -> Self {
        let mut salt = [0; SALT_BYTES];
        fill_random(&mut salt);
        Self([&salt[..], hash(&salt, text).as_bytes()].concat())
    }

    /// From the stored bytes, whatever they are.
    pub(super) const fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The stored bytes.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Without the salt, which cannot be found again.
    pub(super) fn without_salt(&self) -> Self {
        Self(self.hashed().to_vec())
    }

    /// What stands in the hash of the hour.
    pub(super) fn hashed(&self) -> &[u8] {
        if self.0.len() == SALT_BYTES + HASH_BYTES { &self.0[SALT_BYTES..] } else { &self.0 }
    }

    /// Whether the salt is gone.
    pub(super) fn is_erased(&self) -> bool {
        self.0.len() == HASH_BYTES
    }

    /// Whether it is the digest of this text.
    pub(super) fn fits(&self, text: &str) -> bool {
        match self.0.split_first_chunk::<SALT_BYTES>() {
            Some((salt, stored)) => hash(salt, text).as_bytes() == stored,
            None => false,
        }
    }
}

fn hash(salt: &[u8; SALT_BYTES], text: &str) -> Hash {
    let mut hashing = Hashing::default();
    hashing.add(salt);
    hashing.add(text.as_bytes());
    hashing.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_fits_its_text_alone_and_two_digests_of_a_text_differ() {
        let digest = SaltedDigest::of("192.0.2.7");
        assert!(digest.fits("192.0.2.7") && !digest.fits("192.0.2.8"));
        assert_ne!(digest, SaltedDigest::of("192.0.2.7"));
        let erased = digest.without_salt();
        assert_eq!(erased.hashed(), digest.hashed());
        assert!(erased.is_erased() && !digest.is_erased() && !erased.fits("192.0.2.7"));
        for bytes in [vec![], vec![0; 15], vec![0; 16], vec![0; 49]] {
            assert!(!SaltedDigest::from_bytes(bytes).fits(""));
        }
    }
}
