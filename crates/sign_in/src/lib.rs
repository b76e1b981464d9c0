//! Signing in and out as use cases, without HTTP: [`begin`], [`callback`], [`ticket`], [`sign_out`].
//!
//! Each returns where the browser goes next, or a [`Problem`] that a page explains. Nothing is kept for strangers: until
//! a provider has identified somebody, all state travels sealed with the browser.

pub mod addresses;
pub mod begin;
pub mod callback;
pub mod checked_session;
mod exchange;
mod issue_ticket;
pub mod limit;
mod offered;
mod provider_session;
pub mod return_cookie;
pub mod sign_out;
mod storage_owner;
pub mod ticket;

use gatepost_core::auth_time::AuthTime;
use gatepost_core::email::EmailAddress;
use gatepost_core::host::HostName;
use gatepost_core::identity::AddressRule;
use gatepost_core::ids::{ProviderId, RequestId, TenantId};
use gatepost_core::provider_refusal::ProviderRefusal;
use gatepost_oidc::OidcError;
use gatepost_pages::Offer;
use gatepost_runtime::authn::{self, LoadError, Principal};
use gatepost_runtime::hosts::Hosts;
use gatepost_runtime::providers::Providers;
use gatepost_runtime::session_cache::SessionCache;
use gatepost_runtime::site::Site;
use gatepost_runtime::stores::Stores;
use gatepost_runtime::tasks::Tasks;
use gatepost_runtime::{refresh, revocation};
use gatepost_store::directory::{Actor, DirectoryError, Via, Who};
use gatepost_store::session::cookie::{self, BrowserCookie, CookiePolicy};
use gatepost_store::session::store::StoreError;
use gatepost_store::session::tokens::{BrowserBinding, PublicValue};
use limit::Limits;
use return_cookie::Slots;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// What signing in and out needs.
#[derive(Debug)]
pub struct Context {
    /// What is configured.
    pub site: Arc<Site>,
    /// At which providers people sign in.
    pub providers: Arc<Providers>,
    /// The protected hosts.
    pub hosts: Arc<Hosts>,
    /// Both stores.
    pub stores: Arc<Stores>,
    /// Refreshes a session at its provider.
    pub refresh: Arc<refresh::Context>,
    /// Ends a session.
    pub revocation: Arc<revocation::Context>,
    /// Gets a session as soon as its ticket is consumed, so that the next request needs no look-up.
    pub cache: Arc<SessionCache>,
    /// Runs an exchange of a code to its end, also if its browser disconnects.
    pub tasks: Arc<Tasks>,
    /// Limits the exchanges of codes.
    pub limits: Limits,
    /// Chooses the cookie for the next long return address.
    pub return_slots: Slots,
}

/// The browser that sent a request to the public host.
#[derive(Clone, Debug)]
pub struct Browser {
    /// Its cookie of the public host, if it sent one.
    pub held: Option<BrowserCookie<PublicValue>>,
    /// Its IP address, as the proxy reported it.
    pub address: Option<IpAddr>,
    /// Its `User-Agent`, shortened.
    pub user_agent: Option<String>,
    /// The id of this request in logs and audit.
    pub request_id: RequestId,
}

impl Browser {
    /// The actor in audit rows of changes that this browser causes.
    pub fn actor(&self, who: Who) -> Actor {
        Actor { who, key: None, address: self.address, request_id: Some(self.request_id), via: Via::Gate }
    }

    /// The session of the browser's cookie, if it is valid now.
    ///
    /// # Errors
    /// [`LoadError`]: a store did not answer.
    pub async fn live(&self, context: &Context) -> Result<Option<Principal>, LoadError> {
        let Some(cookie) = self.held.as_ref().and_then(|held| held.value.as_ref()) else { return Ok(None) };
        let Some(principal) = authn::load_public(&context.stores, cookie).await? else { return Ok(None) };
        Ok(context.site.is_valid(&principal.standing, &principal.session.record).then_some(principal))
    }
}

/// Where the browser goes next.
#[derive(Debug)]
pub enum Destination {
    /// A redirect.
    Redirect {
        /// An absolute address.
        to: String,
        /// The value of `Set-Cookie`, if one is sent.
        cookie: Option<String>,
    },
    /// A page on which the person chooses a provider.
    ProviderChoice {
        /// The providers, in the order of the page.
        providers: Vec<Offer>,
        /// The sealed [`LoginRequest`](gatepost_store::session::tokens::LoginRequest) that the choice passes on.
        to: Option<String>,
        /// The host for which the person signs in.
        host: Option<HostName>,
        /// Whether the provider has to let the person choose an account.
        other_account: bool,
    },
}

impl Destination {
    fn redirect(to: impl Into<String>) -> Self {
        Self::Redirect { to: to.into(), cookie: None }
    }
}

/// Why a sign-in or sign-out fails. Each problem is shown as a page.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// A sealed value in the address cannot be opened, or the callback has neither a code nor an error.
    #[error("the address holds no sign-in that this gate began")]
    Unreadable,
    /// `/login?provider=` or `/callback/` with a provider that is not configured.
    #[error("no such provider")]
    UnknownProvider,
    /// The callback of one provider was called with the context of another (RFC 9700 section 4.4).
    #[error("the answer came to the callback of {called}, the sign-in began at {began}")]
    MixedUp {
        /// The provider whose callback was called.
        called: ProviderId,
        /// The provider at which the sign-in began.
        began: ProviderId,
    },
    /// The host is no longer protected.
    #[error("the host is not protected by this gate")]
    UnknownHost,
    /// The sign-in was restarted automatically, without success.
    #[error("the sign-in started over too often")]
    RestartedTooOften,
    /// The application and the gate redirect to each other in a loop.
    #[error("more than {0} hand-overs to one host in a minute")]
    TooManyTickets(u64),
    /// Too many codes of this browser, or similar codes from this address, fail. Holds the time to wait.
    #[error("too many codes like this one fail")]
    Limited(Duration),
    /// The provider refused the sign-in.
    #[error("{provider} refused")]
    Refused {
        /// The provider.
        provider: ProviderId,
        /// Its error response.
        #[source]
        refusal: Box<ProviderRefusal>,
    },
    /// The provider does not answer, or its answer is invalid.
    #[error("{provider} failed")]
    Provider {
        /// The provider.
        provider: ProviderId,
        /// The cause.
        #[source]
        source: OidcError,
    },
    /// The provider confirms no sign-in that is as recent as the router demands.
    #[error("{provider} {}", not_recent(*auth_time))]
    NotRecent {
        /// The provider.
        provider: ProviderId,
        /// The greatest age of a sign-in that the router accepts.
        max_age: Duration,
        /// The time of the sign-in according to the provider.
        auth_time: AuthTime,
    },
    /// The provider of a tenant identified somebody in a browser where somebody else has a session.
    #[error("somebody whom another provider identified is signed in: {0} does not replace their session")]
    SignedInElsewhere(ProviderId),
    /// The provider ended the session before the sign-in was complete.
    #[error("the provider ended the session before the sign-in was complete")]
    EndedAtProvider,
    /// The provider of a tenant was changed or removed while somebody signed in there.
    #[error("{0} was changed or removed while somebody signed in there")]
    ProviderChanged(ProviderId),
    /// An administrator has disabled the person.
    #[error("the person is disabled")]
    Disabled,
    /// The provider asserts no usable e-mail address.
    #[error("{provider} asserts no e-mail address that counts: {rule}")]
    NoAddress {
        /// The provider.
        provider: ProviderId,
        /// The rule that the address breaks.
        rule: AddressRule,
    },
    /// Another person holds the address.
    #[error(
        "another user holds {0}, and an address is one person's: `gatepost user show {0}` says who; if it is not theirs any \
         more, `gatepost user release {0}` frees it, and with GATEPOST_ADDRESS_CHANGES=keep `gatepost user address {0} --to \
         NEW` gives its holder another one"
    )]
    AddressHeld(EmailAddress),
    /// The address is that of somebody who is known, or expected, outside of the tenant whose provider asserts it.
    #[error(
        "the provider of tenant {tenant} does not get {email}: somebody whom another provider identifies holds the address, \
         or it is expected with rights outside of the tenant. `gatepost user show {email}` says which; that person signs in \
         at the other provider. If nobody does, take those rights away, and with `gatepost user release {email}` the address"
    )]
    AddressHeldElsewhere {
        /// The tenant.
        tenant: TenantId,
        /// The address.
        email: EmailAddress,
    },
    /// A person keeps an address of a domain that their provider may not assert.
    #[error(
        "{provider} may not assert the domain of {email}, the address that this person keeps \
         (GATEPOST_ADDRESS_CHANGES=keep): list the domain in ALLOWED_DOMAINS, or give the person another one: `gatepost \
         user address {email} --to NEW`"
    )]
    KeptAddressRefused {
        /// The provider.
        provider: ProviderId,
        /// The address that applications would receive.
        email: EmailAddress,
    },
    /// The groups could not be read, and the stored list is too old.
    #[error("the person's groups are not known")]
    GroupsUnknown,
    /// A store does not answer.
    #[error(transparent)]
    Unavailable(#[from] LoadError),
}

fn not_recent(auth_time: AuthTime) -> &'static str {
    match auth_time.known() {
        Some(_) => "did not ask the person to sign in again, also not with prompt=login",
        None => "gives no auth_time, so no router with max_age ever lets its people in",
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.into())
    }
}

impl From<DirectoryError> for Problem {
    fn from(error: DirectoryError) -> Self {
        Self::Unavailable(error.into())
    }
}

/// The binding to the browser's cookie. If the browser has none, also the cookie to set.
pub fn browser_binding<T>(
    cookies: CookiePolicy,
    held: Option<&BrowserCookie<T>>,
) -> (BrowserBinding, Option<String>) {
    if let Some(held) = held {
        (held.binding(), None)
    } else {
        let value = cookie::random();
        (BrowserBinding::to(&value), Some(cookies.for_now(&value)))
    }
}
