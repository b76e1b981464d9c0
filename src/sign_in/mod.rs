//! Signing in and out as use cases, without HTTP (SIGN-IN.md): [`begin`], [`callback`], [`ticket`], [`sign_out`].
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
mod provider_session;
pub mod return_cookie;
pub mod sign_out;
mod storage_owner;
pub mod ticket;

use crate::authn::{self, LoadError, Principal};
use crate::gate::session_cache::SessionCache;
use crate::site::Site;
use crate::stores::Stores;
use crate::tasks::Tasks;
use crate::{refresh, revocation};
use gatepost_core::auth_time::AuthTime;
use gatepost_core::email::EmailAddress;
use gatepost_core::host::HostName;
use gatepost_core::identity::AddressRule;
use gatepost_core::ids::{ProviderId, RequestId};
use gatepost_oidc::{OidcError, ProviderRefusal};
use gatepost_store::directory::{Actor, DirectoryError};
use gatepost_store::session::cookie::{self, CookiePolicy, Held};
use gatepost_store::session::store::StoreError;
use gatepost_store::session::values::{Bind, PublicValue};
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
    /// Both stores.
    pub stores: Arc<Stores>,
    /// Refreshes a session at its provider.
    pub refresh: Arc<refresh::Context>,
    /// Ends a session.
    pub revocation: Arc<revocation::Context>,
    /// The gate's memory: whose ticket is taken is known there at once.
    pub cache: Arc<SessionCache>,
    /// Runs an exchange to its end, whether or not its browser waits for it.
    pub tasks: Arc<Tasks>,
    /// Who may exchange a code now.
    pub limits: Limits,
    /// In which cookie the next long return address waits.
    pub return_slots: Slots,
}

/// A browser at the public host.
#[derive(Clone, Debug)]
pub struct Browser {
    /// Its cookie there.
    pub held: Option<Held<PublicValue>>,
    /// Its address as the proxy saw it.
    pub address: Option<IpAddr>,
    /// What it calls itself.
    pub user_agent: Option<String>,
    /// This request.
    pub request_id: RequestId,
}

impl Browser {
    /// For the audit of what this browser sets off.
    pub fn actor(&self, who: &str) -> Actor {
        Actor { who: who.to_owned(), address: self.address, request_id: Some(self.request_id) }
    }

    /// The session that this browser has here, if it counts now.
    pub async fn live(&self, context: &Context) -> Result<Option<Principal>, LoadError> {
        let Some(cookie) = self.held.as_ref().and_then(|held| held.value.as_ref()) else { return Ok(None) };
        let Some(principal) = authn::load_public(&context.stores, cookie).await? else { return Ok(None) };
        Ok(context.site.counts(&principal.standing, &principal.session.record).then_some(principal))
    }
}

/// Where the browser goes next.
#[derive(Debug)]
pub enum Destination {
    /// Elsewhere.
    Redirect {
        /// An absolute address.
        to: String,
        /// `Set-Cookie`.
        cookie: Option<String>,
    },
    /// The person chooses a provider.
    ProviderChoice {
        /// The sealed request, passed on.
        to: Option<String>,
        /// Where the sign-in ends.
        host: Option<HostName>,
        /// The provider shall ask which account.
        other_account: bool,
    },
}

impl Destination {
    fn redirect(to: impl Into<String>) -> Self {
        Self::Redirect { to: to.into(), cookie: None }
    }
}

/// Why a sign-in or sign-out does not go on; each is a page.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// A sealed value in the address is not ours, or the callback is not one.
    #[error("the address holds no sign-in that this gate began")]
    Unreadable,
    /// `/login?provider=` or `/callback/` with a provider that is not configured.
    #[error("no such provider")]
    UnknownProvider,
    /// The callback of one provider was called with the context of another (RFC 9700 section 4.4).
    #[error("the answer came to the callback of {called}, the sign-in began at {began}")]
    MixedUp {
        /// Of the callback.
        called: ProviderId,
        /// Of the context.
        began: ProviderId,
    },
    /// The host is not protected any more.
    #[error("the host is not protected by this gate")]
    UnknownHost,
    /// Unseen restarts did not help.
    #[error("the sign-in started over too often")]
    RestartedTooOften,
    /// Redirects go round.
    #[error("more than {0} hand-overs to one host in a minute")]
    TooManyHandovers(u64),
    /// Too many codes fail that come from this browser, or look like this one and come from this address; wait so long.
    #[error("too many codes like this one fail")]
    Limited(Duration),
    /// The provider said no.
    #[error("{provider} refused")]
    Refused {
        /// Which.
        provider: ProviderId,
        /// What it said.
        #[source]
        refusal: Box<ProviderRefusal>,
    },
    /// The provider does not answer, or what it answers cannot be believed.
    #[error("{provider} failed")]
    Provider {
        /// Which.
        provider: ProviderId,
        /// How.
        #[source]
        source: OidcError,
    },
    /// The provider vouches for no sign-in as recent as the router demands.
    #[error("{provider} {}", not_recent(*auth_time))]
    NotRecent {
        /// Which.
        provider: ProviderId,
        /// What the router demands.
        max_age: Duration,
        /// What the provider says instead.
        auth_time: AuthTime,
    },
    /// The provider ended this sign-in's session meanwhile.
    #[error("the provider ended the session before the sign-in was complete")]
    EndedAtProvider,
    /// The person is disabled here.
    #[error("the person is disabled")]
    Disabled,
    /// No address that counts.
    #[error("{provider} asserts no e-mail address that counts: {rule}")]
    NoAddress {
        /// Which.
        provider: ProviderId,
        /// What the address does not meet.
        rule: AddressRule,
    },
    /// Another user holds it.
    #[error(
        "another user holds {0}, and an address is one person's: `gatepost user show {0}` says who; if it is not theirs any \
         more, `gatepost user release {0}` frees it, and with GATEPOST_ADDRESS_CHANGES=keep `gatepost user address {0} --to \
         NEW` gives its holder another one"
    )]
    AddressHeld(EmailAddress),
    /// A person keeps an address of a domain that their provider may not assert.
    #[error(
        "{provider} may not assert the domain of {email}, the address that this person keeps \
         (GATEPOST_ADDRESS_CHANGES=keep): list the domain in ALLOWED_DOMAINS, or give the person another one: `gatepost \
         user address {email} --to NEW`"
    )]
    KeptAddressRefused {
        /// Which.
        provider: ProviderId,
        /// What applications would get.
        email: EmailAddress,
    },
    /// Graph failed and there is no recent list.
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

/// The bind to the browser's cookie, and the cookie to set where it has none.
pub fn browser_binding<T>(cookies: CookiePolicy, held: Option<&Held<T>>) -> (Bind, Option<String>) {
    if let Some(held) = held {
        (held.bind(), None)
    } else {
        let value = cookie::random();
        (Bind::to(&value), Some(cookies.for_now(&value)))
    }
}
