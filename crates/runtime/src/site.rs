//! The configuration of this process in the form that requests need: settings, protected hosts, keys, providers.
//! Built once at start and immutable from then on.

use gatepost_config::{self as config, Config};
use gatepost_core::access::{Access, Standing};
use gatepost_core::auth_time::AuthTime;
use gatepost_core::clock::Timestamp;
use gatepost_core::decision::{self, Lifetimes, Recheck, SessionTimes};
use gatepost_core::host::ProtectedHosts;
use gatepost_core::ids::ProviderId;
use gatepost_oidc::{Providers, Speakers, TenantClients};
use gatepost_store::session::cookie::CookiePolicy;
use gatepost_store::session::record::SessionRecord;
use gatepost_store::session::sealed::KeyRing;
use std::net::IpAddr;
use std::sync::Arc;
use url::Url;

/// The settings and everything that is derived from them.
#[derive(Debug)]
pub struct Site {
    /// Every setting.
    pub config: Arc<Config>,
    /// The protected hosts.
    pub hosts: ProtectedHosts,
    /// Seals and opens cookies, tickets and `state`.
    pub ring: Arc<KeyRing>,
    /// Name and attributes of the cookies.
    pub cookies: CookiePolicy,
    /// How long sessions live.
    pub lifetimes: Lifetimes,
    /// The OpenID Connect providers of the configuration.
    pub providers: Providers,
    /// Makes the providers that tenants bring.
    pub tenant_clients: TenantClients,
    /// The programs that may send requests for a person.
    pub speakers: Speakers,
    /// A provider is configured whose access tokens are accepted.
    pub accepts_access_tokens: bool,
}

impl Site {
    /// Whether this address is in `GATEPOST_TRUSTED_PROXIES`.
    pub fn trusts(&self, peer: IpAddr) -> bool {
        self.config.trusted_proxies.iter().any(|network| network.contains(&peer))
    }

    /// The times of a session. `auth_time` comes from the cookie that the request carries.
    pub fn times_of(&self, record: &SessionRecord, auth_time: AuthTime) -> SessionTimes {
        // If its provider is no longer configured, a sign-in at another provider has to confirm the session.
        let provider = self.providers.find(&record.provider);
        let is_off = provider.is_some_and(|provider| provider.config().recheck == config::Recheck::Off);
        record.times(auth_time, if is_off { Recheck::Never } else { Recheck::BySignIn })
    }

    /// Whether a session is valid now, regardless of what a router requires.
    pub fn is_valid(&self, standing: &Standing, record: &SessionRecord) -> bool {
        self.is_valid_at(standing, &self.times_of(record, record.auth_time), Timestamp::now())
    }

    /// Whether a session with these times is valid at `now`, regardless of what a router requires.
    pub fn is_valid_at(&self, standing: &Standing, times: &SessionTimes, now: Timestamp) -> bool {
        decision::require_live(standing, times, &self.lifetimes, now).is_ok()
    }

    /// Whether a person may ask for access that they lack: who is in a group, unless the settings let everybody ask.
    pub fn may_request_access(&self, access: &Access) -> bool {
        self.config.requests.anybody || !access.groups.is_empty()
    }

    /// The URL of a path on the public host.
    ///
    /// # Panics
    /// Never: an origin with one of our own paths is a valid URL.
    pub fn public_address(&self, path: &str, query: &[(&str, &str)]) -> Url {
        let base = format!("{}{path}", self.config.public_url);
        let url = if query.is_empty() { Url::parse(&base) } else { Url::parse_with_params(&base, query) };
        url.expect("an origin and a path form a URL")
    }

    /// The redirect URI of a provider: one each, so that no provider can answer for another (RFC 9700 section 4.4.2).
    pub fn callback_address(&self, provider: &ProviderId) -> Url {
        self.public_address(&format!("/callback/{provider}"), &[])
    }

    /// The origins through which a sign-out redirects: the public host and the providers. A page with a sign-out form
    /// lists them in `form-action`, because Chromium applies that directive to each redirect.
    pub fn sign_out_targets(&self) -> Vec<String> {
        let providers = self.providers.iter().filter_map(|provider| provider.end_session_origin());
        std::iter::once(self.config.public_url.to_string()).chain(providers).collect()
    }
}
