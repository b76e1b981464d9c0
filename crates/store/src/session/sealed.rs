//! Sealed (authenticated and encrypted) values. The browser carries them, so the server keeps no state for people who
//! are not signed in.
//!
//! XChaCha20-Poly1305 with a random nonce. Purpose and context (the host, or the store's key) are associated data, so a
//! value opens only for the purpose and the place that it was sealed for. Garbage is rejected without I/O. The first
//! key of the ring seals, all keys open.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use gatepost_core::clock::Timestamp;
use gatepost_core::secret::{self, Hash, Secret};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// How much the clocks of replicas may differ.
pub const CLOCK_TOLERANCE: Duration = Duration::from_mins(1);

const KEY_ID_LENGTH: usize = 4;
const NONCE_LENGTH: usize = 24;

/// The purpose of a sealed value. A value never opens for another purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The cookie of the public host.
    PublicCookie,
    /// The cookie of a protected host.
    HostCookie,
    /// `to` of `/login`.
    LoginRequest,
    /// `state` at the provider.
    State,
    /// `t` of `/.gatepost/enter`.
    Ticket,
    /// The cookie of a protected host that holds the return address of a sign-in.
    WaitingUri,
    /// The cookie of a protected host that names the owner of the host's storage in the browser.
    StorageOwner,
    /// `t` of `/logout`.
    SignOutTicket,
    /// `after` of a list of the API.
    ListPlace,
    /// A session record in the store.
    Record,
    /// A value in the store that racing callbacks share.
    Shared,
    /// The client secret of a tenant's provider, in the directory. The context is the tenant.
    ProviderSecret,
    /// A client secret that somebody entered into a form that has to be sent again. The context is the tenant and the person.
    EnteredSecret,
}

impl Purpose {
    const fn name(self) -> &'static [u8] {
        match self {
            Self::PublicCookie => b"gatepost/1/public-cookie",
            Self::HostCookie => b"gatepost/1/host-cookie",
            Self::LoginRequest => b"gatepost/1/login-request",
            Self::State => b"gatepost/1/state",
            Self::Ticket => b"gatepost/1/ticket",
            Self::WaitingUri => b"gatepost/1/waiting-uri",
            Self::StorageOwner => b"gatepost/1/storage-owner",
            Self::SignOutTicket => b"gatepost/1/sign-out-ticket",
            Self::ListPlace => b"gatepost/1/list-place",
            Self::Record => b"gatepost/1/record",
            Self::Shared => b"gatepost/1/shared",
            Self::ProviderSecret => b"gatepost/1/provider-secret",
            Self::EnteredSecret => b"gatepost/1/entered-secret",
        }
    }

    /// How long a value opens. `None`: as long as its key is in the ring.
    pub const fn lifetime(self) -> Option<Duration> {
        match self {
            Self::LoginRequest | Self::State | Self::EnteredSecret => Some(Duration::from_hours(1)),
            // One hour for the request, one for the `state`, and one to start over if either has expired.
            Self::WaitingUri => Some(Duration::from_hours(3)),
            Self::Ticket | Self::SignOutTicket => Some(Duration::from_mins(1)),
            Self::PublicCookie
            | Self::HostCookie
            | Self::StorageOwner
            | Self::ListPlace
            | Self::Record
            | Self::Shared
            | Self::ProviderSecret => None,
        }
    }

    fn associated_data(self, context: &[u8]) -> Vec<u8> {
        [self.name(), b"\0", context].concat()
    }
}

/// Why a value does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Not sealed by Gatepost, sealed for another purpose or place, tampered with, or sealed by a key that is not in
    /// the ring.
    #[error("the value is not sealed by a key of this ring for this purpose and place")]
    Garbage,
    /// Sealed by this ring, but too old.
    #[error("the value has expired")]
    Expired,
}

/// A value that was sealed by this ring.
#[derive(Debug, PartialEq, Eq)]
pub struct Opened<T> {
    /// The value.
    pub value: T,
    /// The lifetime of its purpose is over.
    pub is_expired: bool,
}

#[derive(Serialize, Deserialize)]
struct Envelope<T> {
    sealed_at: Timestamp,
    value: T,
}

/// The keys. They cannot be cloned, and `Debug` does not show them.
pub struct KeyRing(Vec<Key>);

struct Key {
    id: KeyId,
    cipher: XChaCha20Poly1305,
}

/// The id of a key: the first bytes of a hash of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId([u8; KEY_ID_LENGTH]);

impl KeyId {
    fn of(key: &Secret) -> Self {
        let hash = Hash::of(&[b"gatepost key id", key.expose()]);
        let mut id = [0; KEY_ID_LENGTH];
        id.copy_from_slice(&hash.as_bytes()[..KEY_ID_LENGTH]);
        Self(id)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|key| key.id)).finish()
    }
}

impl KeyRing {
    /// A ring of these keys. The first one seals.
    ///
    /// # Panics
    /// If there is no key. The configuration guarantees one.
    pub fn new(keys: &[Secret]) -> Self {
        assert!(!keys.is_empty(), "a key ring has a key");
        let key =
            |key: &Secret| Key { id: KeyId::of(key), cipher: XChaCha20Poly1305::new(key.expose().into()) };
        Self(keys.iter().map(key).collect())
    }

    /// The key that seals.
    pub fn writing_key(&self) -> KeyId {
        self.0[0].id
    }

    /// Whether values of this key can be opened.
    pub fn reads(&self, id: &str) -> bool {
        self.0.iter().any(|key| key.id.to_string() == id)
    }

    /// Seals `value` for one purpose and place. Returns text for cookies and URLs.
    ///
    /// # Panics
    /// Never: all sealed types can be serialised.
    pub fn seal<T: Serialize>(&self, purpose: Purpose, context: &str, value: T) -> String {
        let envelope = Envelope { sealed_at: Timestamp::now(), value };
        let plain = postcard::to_stdvec(&envelope).expect("sealed types serialise");
        URL_SAFE_NO_PAD.encode(self.seal_bytes(purpose, context.as_bytes(), &plain))
    }

    /// Opens what [`seal`](Self::seal) returned.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open<T: DeserializeOwned>(
        &self,
        purpose: Purpose,
        context: &str,
        text: &str,
    ) -> Result<T, OpenError> {
        match self.open_any_age(purpose, context, text)? {
            Opened { value, is_expired: false } => Ok(value),
            Opened { is_expired: true, .. } => Err(OpenError::Expired),
        }
    }

    /// Opens a value even if it has expired, for callers that start over and need its contents.
    ///
    /// # Errors
    /// [`OpenError::Garbage`].
    pub fn open_any_age<T: DeserializeOwned>(
        &self,
        purpose: Purpose,
        context: &str,
        text: &str,
    ) -> Result<Opened<T>, OpenError> {
        let sealed = URL_SAFE_NO_PAD.decode(text).map_err(|_| OpenError::Garbage)?;
        let plain = self.open_bytes(purpose, context.as_bytes(), &sealed)?;
        let envelope: Envelope<T> = postcard::from_bytes(&plain).map_err(|_| OpenError::Garbage)?;
        let now = Timestamp::now();
        if envelope.sealed_at > now.plus(CLOCK_TOLERANCE) {
            return Err(OpenError::Garbage);
        }
        let age = now.since(envelope.sealed_at);
        let is_expired = purpose.lifetime().is_some_and(|lifetime| age > lifetime + CLOCK_TOLERANCE);
        Ok(Opened { value: envelope.value, is_expired })
    }

    /// Seals bytes for the key of a store.
    ///
    /// # Panics
    /// Never: the cipher refuses only messages beyond 256 GiB.
    pub fn seal_bytes(&self, purpose: Purpose, context: &[u8], plain: &[u8]) -> Vec<u8> {
        let key = &self.0[0];
        let mut nonce = [0; NONCE_LENGTH];
        secret::fill_random(&mut nonce);
        let payload = Payload { msg: plain, aad: &purpose.associated_data(context) };
        let sealed = key.cipher.encrypt(&XNonce::from(nonce), payload).expect("short messages encrypt");
        [&key.id.0[..], &nonce[..], &sealed[..]].concat()
    }

    /// Opens what [`seal_bytes`](Self::seal_bytes) returned.
    ///
    /// # Errors
    /// [`OpenError::Garbage`].
    pub fn open_bytes(&self, purpose: Purpose, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        let (id, rest) = sealed.split_first_chunk::<KEY_ID_LENGTH>().ok_or(OpenError::Garbage)?;
        let (nonce, cipher_text) = rest.split_first_chunk::<NONCE_LENGTH>().ok_or(OpenError::Garbage)?;
        let key = self.0.iter().find(|key| key.id.0 == *id).ok_or(OpenError::Garbage)?;
        let payload = Payload { msg: cipher_text, aad: &purpose.associated_data(context) };
        key.cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| OpenError::Garbage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ring(keys: &[u8]) -> KeyRing {
        KeyRing::new(&keys.iter().map(|byte| Secret::from([*byte; 32])).collect::<Vec<_>>())
    }

    #[test]
    fn a_value_opens_only_for_its_purpose_and_place() {
        let ring = ring(&[1]);
        let text = ring.seal(Purpose::Ticket, "a.example.com", 7_u32);
        assert_eq!(ring.open(Purpose::Ticket, "a.example.com", &text), Ok(7_u32));
        assert_eq!(ring.open::<u32>(Purpose::Ticket, "b.example.com", &text), Err(OpenError::Garbage));
        assert_eq!(ring.open::<u32>(Purpose::State, "a.example.com", &text), Err(OpenError::Garbage));
    }

    #[test]
    fn the_first_key_writes_and_all_read() {
        let old = ring(&[1]).seal(Purpose::HostCookie, "", 7_u32);
        let rotated = ring(&[2, 1]);
        assert_eq!(rotated.open(Purpose::HostCookie, "", &old), Ok(7_u32));
        let new = rotated.seal(Purpose::HostCookie, "", 7_u32);
        assert_eq!(ring(&[1]).open::<u32>(Purpose::HostCookie, "", &new), Err(OpenError::Garbage));
        assert_eq!(ring(&[2]).open(Purpose::HostCookie, "", &new), Ok(7_u32));
    }

    #[test]
    fn debug_shows_no_key() {
        let shown = format!("{:?}", ring(&[7]));
        assert!(!shown.contains("7, 7") && !shown.contains("0707"), "{shown}");
    }

    proptest! {
        #[test]
        fn every_changed_byte_is_noticed(index in 0_usize..80, flip in 1_u8..) {
            let ring = ring(&[1]);
            let mut sealed = ring.seal_bytes(Purpose::Record, b"k", &[9; 40]);
            let index = index % sealed.len();
            sealed[index] ^= flip;
            prop_assert_eq!(ring.open_bytes(Purpose::Record, b"k", &sealed), Err(OpenError::Garbage));
        }

        #[test]
        fn garbage_never_panics(text in ".*", bytes: Vec<u8>) {
            let ring = ring(&[1]);
            prop_assert!(ring.open::<(u8, String)>(Purpose::State, "", &text).is_err());
            prop_assert!(ring.open_bytes(Purpose::Record, b"", &bytes).is_err());
        }
    }
}
