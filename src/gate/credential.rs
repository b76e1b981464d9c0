//! Which credential of a request decides. It is exactly one: a program that sends a wrong key is not taken for the person
//! whose cookie stands beside it.

use super::forwarded::{Forwarded, Malformed};
use super::said::Said;
use gatepost_core::api_key::{ApiKey, NotAKey, PREFIX};
use gatepost_core::host::HostName;
use gatepost_core::secret::Hash;
use gatepost_runtime::session_cache::CacheKey;
use gatepost_runtime::site::Site;
use gatepost_store::session::cookie;
use gatepost_telemetry::Credential as Label;

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
    /// A bearer token that is no API key, where a provider's access tokens are accepted. Not verified.
    Token(HashedToken<'a>),
}

/// A bearer token, and its key in the session cache.
#[derive(Clone, Copy, Debug)]
pub struct HashedToken<'a> {
    /// The token. Empty if it is no text.
    pub text: &'a str,
    /// Its key in the session cache.
    pub key: CacheKey,
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
    /// It came in `Authorization`, which then is nothing that the application may get.
    pub is_authorization: bool,
}

impl<'a> Credential<'a> {
    /// Finds the credential of a request.
    ///
    /// # Errors
    /// [`Malformed::TwoKeys`].
    pub(super) fn find(site: &Site, forwarded: &Forwarded<'a>, host: &HostName) -> Result<Self, Malformed> {
        let bearer = forwarded.bearer_token().filter(|token| token.starts_with(PREFIX.as_bytes()));
        match (forwarded.own_key(), bearer) {
            (None, None) => Ok(Self::cookie_or_token(site, forwarded, host)),
            (Some(text), None) => Ok(HashedKey::of(text, host, false)),
            (None, Some(text)) => Ok(HashedKey::of(text, host, true)),
            (Some(_), Some(_)) => Err(Malformed::TwoKeys),
        }
    }

    /// A cookie is used before a token.
    fn cookie_or_token(site: &Site, forwarded: &Forwarded<'a>, host: &HostName) -> Self {
        if let Some(cookie) = HashedCookie::of(site, forwarded, host) {
            return Self::Cookie(cookie);
        }
        let has_cookies = || cookie::values(forwarded.cookies(), site.cookies.name()).next().is_some();
        match HashedToken::of(site, forwarded, host) {
            Some(token) if !has_cookies() => Self::Token(token),
            _ => Self::None,
        }
    }
}

impl Credential<'_> {
    /// What kind it is, for the metrics. A key with a word, which may be worth nothing, is a word.
    pub fn label(&self, site: &Site, forwarded: &Forwarded<'_>, host: &HostName) -> Label {
        match self {
            Self::None => Label::None,
            Self::Cookie(_) => Label::Session,
            Self::Token(_) => Label::Token,
            Self::Key(_)
                if !site.speakers.is_empty() && !matches!(Said::find(site, forwarded, host), Ok(None)) =>
            {
                Label::Word
            }
            Self::Key(_) | Self::NotAKey(_) => Label::Key,
        }
    }
}

impl<'a> HashedToken<'a> {
    /// The bearer token of a request. `None` if there is none, or no provider's access tokens are accepted.
    pub(super) fn of(site: &Site, forwarded: &Forwarded<'a>, host: &HostName) -> Option<Self> {
        if !site.accepts_access_tokens {
            return None;
        }
        let text = std::str::from_utf8(forwarded.bearer_token()?).unwrap_or_default();
        Some(Self { text, key: CacheKey::of_credential("token", host.as_str(), text) })
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
    fn of(text: &[u8], host: &HostName, is_authorization: bool) -> Credential<'static> {
        let text = std::str::from_utf8(text).map_err(|_| NotAKey::Form);
        match text.and_then(ApiKey::parse) {
            Ok(key) => {
                let cached = CacheKey::of_credential("key", host.as_str(), key.expose());
                Credential::Key(Self { digest: key.digest(), key: cached, is_authorization })
            }
            Err(error) => Credential::NotAKey(error),
        }
    }
}
