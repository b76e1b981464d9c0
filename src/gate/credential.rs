//! Which credential of a request decides. It is exactly one: a program that sends a wrong key is not taken for the person
//! whose cookie stands beside it.

use super::forwarded::{Forwarded, Malformed};
use super::session_cache::CacheKey;
use crate::site::Site;
use gatepost_core::api_key::{ApiKey, NotAKey, PREFIX};
use gatepost_core::host::HostName;
use gatepost_core::secret::Hash;
use gatepost_store::session::cookie;

/// The credential that decides.
#[derive(Debug)]
pub enum Credential<'a> {
    /// There is none, or several cookies of Gatepost's name. Of those the first one that can be decrypted is used, which
    /// needs the key ring.
    None,
    /// The request's only cookie with Gatepost's name.
    Cookie(HashedCookie<'a>),
    /// An API key. It may be unknown.
    Key(HashedKey),
    /// A text that claims to be an API key and is none.
    NotAKey(NotAKey),
}

/// A cookie, and its key in the session cache.
#[derive(Debug)]
pub struct HashedCookie<'a> {
    /// The value.
    pub text: &'a str,
    /// Its key in the session cache.
    pub key: CacheKey,
}

/// The hashes of an API key.
#[derive(Clone, Copy, Debug)]
pub struct HashedKey {
    /// By which the directory knows it.
    pub digest: Hash,
    /// Its key in the session cache.
    pub key: CacheKey,
}

impl<'a> Credential<'a> {
    /// Finds the credential of a request.
    ///
    /// # Errors
    /// [`Malformed::TwoKeys`].
    pub(super) fn find(site: &Site, forwarded: &Forwarded<'a>, host: &HostName) -> Result<Self, Malformed> {
        let bearer = forwarded.bearer_token().filter(|token| token.starts_with(PREFIX.as_bytes()));
        match (forwarded.own_key(), bearer) {
            (None, None) => Ok(HashedCookie::of(site, forwarded, host).map_or(Self::None, Self::Cookie)),
            (Some(text), None) | (None, Some(text)) => Ok(HashedKey::of(text, host)),
            (Some(_), Some(_)) => Err(Malformed::TwoKeys),
        }
    }
}

impl<'a> HashedCookie<'a> {
    fn of(site: &Site, forwarded: &Forwarded<'a>, host: &HostName) -> Option<Self> {
        let mut texts = cookie::values(forwarded.cookies(), site.cookies.name());
        let (Some(text), None) = (texts.next(), texts.next()) else { return None };
        Some(Self { text, key: CacheKey::of(host.as_str(), text) })
    }
}

impl HashedKey {
    fn of(text: &[u8], host: &HostName) -> Credential<'static> {
        let text = std::str::from_utf8(text).map_err(|_| NotAKey::Form);
        match text.and_then(ApiKey::parse) {
            Ok(key) => {
                let cached = CacheKey::of_credential("key", host.as_str(), key.expose());
                Credential::Key(Self { digest: key.digest(), key: cached })
            }
            Err(error) => Credential::NotAKey(error),
        }
    }
}
