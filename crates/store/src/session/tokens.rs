//! The contents of sealed values, one type for each.
//!
//! Fields are only added at the end, because a release must be able to read what the next one writes.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gatepost_core::auth_time::AuthTime;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{ProviderId, UserId};
use gatepost_core::secret::{self, Hash, Secret};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// How often one sign-in is restarted before a page explains why.
pub const MAX_RESTARTS: u8 = 2;

/// How much a provider's clock may differ when its `auth_time` is compared with a `max_age`.
const CLOCK_LEEWAY: Duration = Duration::from_mins(1);

/// A session's secret id. A sealed value with it grants access to the session. Stores contain only its hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(Secret);

impl SessionId {
    /// A new random id.
    pub fn generate() -> Self {
        Self(Secret::generate())
    }

    /// The hash that identifies the session in stores, the directory and on pages.
    pub fn hash(&self) -> Hash {
        self.0.digest()
    }
}

/// The value that is sealed in the public host's cookie after a sign-in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PublicValue {
    /// The session.
    pub session: SessionId,
    /// Changes with each sign-in. The record contains its hash.
    pub secret: Secret,
    /// The person, so that the session can be ended even if its record cannot be read.
    pub user: UserId,
}

/// The value that is sealed in a protected host's cookie. The host is associated data.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HostValue {
    /// The session.
    pub session: SessionId,
    /// The person, so that both stores can be queried at the same time.
    pub user: UserId,
    /// When the person last proved their identity, as far as this host knows.
    pub auth_time: AuthTime,
}

/// SHA-256 of the cookie that a browser has on one host. A sealed value that contains it is only valid together with
/// that cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BrowserBinding(Hash);

impl BrowserBinding {
    /// The binding to a cookie's value, as the browser sent it or as it is being set.
    pub fn to(cookie_value: &str) -> Self {
        Self(Hash::of(&[b"bind", cookie_value.as_bytes()]))
    }

    /// The hash's bytes, for keys of stores.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }
}

/// Where a sign-in ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    /// The account page of the public host.
    Account,
    /// A protected host.
    Host {
        /// Its name.
        host: String,
        /// Path and query.
        uri: ReturnUri,
        /// The cookie value that the browser had there.
        bind: BrowserBinding,
    },
    /// Another page of the public host: path and query. Releases before it cannot read it, and have no such page.
    Page(String),
}

/// Path and query at which a sign-in ends.
///
/// It is sealed as one text, as in releases before [`WaitingUri`]. The text of a waiting one is a path below
/// `/.gatepost/`, where no sign-in ends. Such a release passes it on unchanged, and ends the sign-in at `/`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum ReturnUri {
    /// The address itself, which begins with one `/`.
    Here(String),
    /// The address is long, and a cookie of the host holds it.
    Waiting(WaitingUri),
}

/// Names the cookie that holds a return address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitingUri {
    /// Part of the seal, so that the cookie of another sign-in does not open for this one.
    pub id: OneTimeId,
    /// The browser sends the cookie only to `/.gatepost/enter/<slot>`.
    pub slot: u8,
}

const WAITING: &str = "/.gatepost/waiting/";

impl From<String> for ReturnUri {
    fn from(text: String) -> Self {
        let waiting = text.strip_prefix(WAITING).and_then(|rest| {
            let (slot, id) = rest.split_once('/')?;
            Some(WaitingUri { id: OneTimeId::from_text(id)?, slot: slot.parse().ok()? })
        });
        waiting.map_or(Self::Here(text), Self::Waiting)
    }
}

impl From<ReturnUri> for String {
    fn from(uri: ReturnUri) -> Self {
        match uri {
            ReturnUri::Here(uri) => uri,
            ReturnUri::Waiting(WaitingUri { id, slot }) => format!("{WAITING}{slot}/{id}"),
        }
    }
}

/// `to`: a requested sign-in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginRequest {
    /// Where the sign-in ends.
    pub target: Target,
    /// The maximum age of the sign-in that the router accepts, in seconds.
    pub max_age: Option<u64>,
    /// How often it was restarted.
    pub restarts: u8,
}

impl LoginRequest {
    /// The maximum age of the sign-in.
    pub fn max_age(&self) -> Option<Duration> {
        self.max_age.map(Duration::from_secs)
    }

    /// The request with one more restart. `None`: it was restarted too often.
    pub fn restarted(&self) -> Option<Self> {
        (self.restarts < MAX_RESTARTS).then(|| Self { restarts: self.restarts + 1, ..self.clone() })
    }
}

/// `state`: a sign-in that is under way at a provider.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LoginState {
    /// Locked before the code is exchanged.
    pub id: OneTimeId,
    /// The requested sign-in.
    pub request: LoginRequest,
    /// The provider.
    pub provider: ProviderId,
    /// Binds the ID token to this attempt (OpenID Connect Core section 3.1.2.1).
    pub nonce: Secret,
    /// PKCE (RFC 7636).
    pub code_verifier: Secret,
    /// The cookie value that the browser had on the public host.
    pub bind: BrowserBinding,
    /// Step-up: the sign-in must be newer than this.
    pub auth_after: Option<Timestamp>,
}

impl LoginState {
    /// Whether a sign-in at this `auth_time` is as recent as requested.
    pub fn is_met_by(&self, auth_time: AuthTime, now: Timestamp) -> bool {
        let Some(max_age) = self.request.max_age() else { return true };
        let is_newer = self.auth_after.is_none_or(|before| auth_time.known() > Some(before));
        is_newer && auth_time.is_within(max_age.saturating_add(CLOCK_LEEWAY), now)
    }

    /// The `nonce` parameter.
    pub fn nonce(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.nonce.expose())
    }

    /// 43 characters of the unreserved set (RFC 7636 section 4.1).
    pub fn code_verifier(&self) -> SecretString {
        URL_SAFE_NO_PAD.encode(self.code_verifier.expose()).into()
    }
}

/// `t`: carries a session from the public host to a protected one, once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ticket {
    /// Consumed at the first use.
    pub id: OneTimeId,
    /// The session.
    pub session: SessionId,
    /// Its person.
    pub user: UserId,
    /// When the person last proved their identity.
    pub auth_time: AuthTime,
    /// The end of the session's absolute lifetime.
    pub expires_at: Timestamp,
    /// The requested sign-in. Its target is the host that is associated data.
    pub request: LoginRequest,
}

/// `t` of `/logout`: a protected host asks to end a session.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SignOutTicket {
    /// The session.
    pub session: SessionId,
    /// Its person.
    pub user: UserId,
}

/// 16 random bytes that identify a value that can be used once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OneTimeId([u8; 16]);

impl OneTimeId {
    /// A new id.
    pub fn generate() -> Self {
        let mut bytes = [0; 16];
        secret::fill_random(&mut bytes);
        Self(bytes)
    }

    /// The id's bytes, for keys of stores.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Parses a displayed id.
    pub fn from_text(text: &str) -> Option<Self> {
        URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }
}

/// 22 characters for URLs.
impl fmt::Display for OneTimeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gatepost_core::return_uri::is_return_uri;

    /// The type in releases before `ReturnUri`.
    #[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
    enum OldTarget {
        Account,
        Host { host: String, uri: String, bind: BrowserBinding },
    }

    fn host(uri: ReturnUri) -> Target {
        Target::Host { host: "app.example.com".to_owned(), uri, bind: BrowserBinding::to("p") }
    }

    fn old_host(uri: String) -> OldTarget {
        OldTarget::Host { host: "app.example.com".to_owned(), uri, bind: BrowserBinding::to("p") }
    }

    #[test]
    fn a_release_before_waiting_addresses_reads_and_writes_the_same_bytes() {
        let here = || "/deep?x=1".to_owned();
        let bytes = postcard::to_stdvec(&old_host(here())).expect("a value");
        assert_eq!(postcard::from_bytes(&bytes), Ok(host(ReturnUri::Here(here()))));
        assert_eq!(postcard::to_stdvec(&host(ReturnUri::Here(here()))), Ok(bytes));

        let waiting = ReturnUri::Waiting(WaitingUri { id: OneTimeId::generate(), slot: 63 });
        let bytes = postcard::to_stdvec(&host(waiting.clone())).expect("a value");
        let old: OldTarget = postcard::from_bytes(&bytes).expect("an old release reads it");
        let OldTarget::Host { uri, .. } = &old else { panic!("{old:?}") };
        assert!(!is_return_uri(uri), "the old release ends the sign-in at / instead of {uri}");
        let passed_on = postcard::to_stdvec(&old).expect("a value");
        assert_eq!(postcard::from_bytes(&passed_on), Ok(host(waiting)));
    }

    #[test]
    fn a_text_that_names_no_cookie_is_an_address_where_no_sign_in_ends() {
        let id = OneTimeId::generate();
        for text in [
            WAITING.to_owned(),
            format!("{WAITING}7"),
            format!("{WAITING}7/"),
            format!("{WAITING}7/{id}A"),
            format!("{WAITING}256/{id}"),
            format!("{WAITING}-1/{id}"),
            format!("{WAITING}7/{id}/"),
        ] {
            assert_eq!(ReturnUri::from(text.clone()), ReturnUri::Here(text.clone()));
            assert!(!is_return_uri(&text), "{text}");
        }
    }

    #[test]
    fn a_sign_in_is_recent_enough_by_its_own_time_alone() {
        let now = Timestamp::from_unix(1_800_000_000);
        let ago = |seconds| now.minus(Duration::from_secs(seconds));
        let is_met = |max_age: Option<u64>, auth_after: Option<Timestamp>, auth_time: AuthTime| {
            let login = LoginState {
                id: OneTimeId::generate(),
                request: LoginRequest { target: Target::Account, max_age, restarts: 0 },
                provider: "entra".parse().expect("an id"),
                nonce: Secret::generate(),
                code_verifier: Secret::generate(),
                bind: BrowserBinding::to("cookie"),
                auth_after,
            };
            login.is_met_by(auth_time, now)
        };
        assert!(is_met(None, None, AuthTime::UNKNOWN));
        assert!(!is_met(Some(u64::MAX), None, AuthTime::UNKNOWN));
        assert!(is_met(Some(60), None, AuthTime::at(ago(120))));
        assert!(!is_met(Some(60), None, AuthTime::at(ago(121))));
        assert!(is_met(Some(60), Some(ago(11)), AuthTime::at(ago(10))));
        assert!(!is_met(Some(60), Some(ago(10)), AuthTime::at(ago(10))), "not newer than what was too old");
    }
}
