//! A fake Microsoft Entra ID with Graph over plain HTTP, with the quirks of the real one (entra.md). It can also play a
//! generic `OpenID` provider similar to Keycloak, and a provider that lies ([`crate::lies`]).
//!
//! People, registration and keys can be changed while it runs. Every request is recorded ([`Entra::calls`]) and can be
//! held back ([`Entra::hold`]). It stops when the last handle is dropped.

mod access_token;
mod authorize;
mod backchannel;
pub(crate) mod claims;
mod client_auth;
mod discovery;
mod errors;
mod graph;
mod journal;
pub(crate) mod jwt;
pub(crate) mod keys;
mod logout;
mod pages;
pub(crate) mod people;
mod registration;
mod script;
mod server;
#[cfg(test)]
mod tests;
mod token;
pub(crate) mod world;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub use access_token::{EDITOR, Shape};
pub use backchannel::{LogoutLie, LogoutToken};
pub use journal::{Call, Endpoint};
pub use keys::{CLIENT_CERTIFICATE_PEM, CLIENT_KEY_PEM, SigningAlg};
pub use people::{Group, GroupKind, Person, stable_guid};
pub use registration::{
    Api, ClientSecret, GroupValues, GroupsClaim, Overage, RefreshTokens, Registration, Style,
};

use server::Running;
use world::{Shared, World};

/// A handle to a running fake provider. Clones refer to the same provider.
#[derive(Clone, Debug)]
pub struct Entra {
    shared: Arc<Shared>,
    running: Arc<Mutex<Option<Running>>>,
    addr: SocketAddr,
}

/// Starting, stopping, addresses.
impl Entra {
    /// Starts Entra ID and Graph on a free port of 127.0.0.1.
    ///
    /// # Panics
    /// If no port can be bound.
    pub async fn start() -> Self {
        Self::start_with(Style::Entra, loopback(0)).await.expect("a free port on loopback")
    }

    /// Starts a generic `OpenID` provider with the issuer `http://127.0.0.1:PORT/realms/demo` on a free port.
    ///
    /// # Panics
    /// If no port can be bound.
    pub async fn start_oidc() -> Self {
        Self::start_with(Style::Oidc, loopback(0)).await.expect("a free port on loopback")
    }

    /// Starts a new Entra ID at this address, with the same tid and client. To restart one with its state, see
    /// [`Self::resume`].
    ///
    /// # Errors
    /// If the address cannot be bound.
    pub async fn start_on(addr: SocketAddr) -> io::Result<Self> {
        Self::start_with(Style::Entra, addr).await
    }

    /// Starts a provider of this style at this address.
    ///
    /// # Errors
    /// If the address cannot be bound.
    #[expect(
        clippy::unused_async,
        reason = "a start may come to wait for something; callers await it already"
    )]
    pub async fn start_with(style: Style, addr: SocketAddr) -> io::Result<Self> {
        let mut shared = None;
        let running = Running::start(addr, |addr| {
            let registration = Registration::new(
                stable_guid("client"),
                "test-only~client.secret_with+odd/characters".to_owned(),
            );
            let world = World::new(style, format!("http://{addr}"), stable_guid("home tenant"), registration);
            server::router(style, shared.insert(Arc::new(Shared::new(world))))
        })?;
        let shared = shared.ok_or_else(|| io::Error::other("the router was not built"))?;
        let addr = running.addr;
        Ok(Self { shared, running: Arc::new(Mutex::new(Some(running))), addr })
    }

    /// Sets the origin under which browsers and Gatepost reach the provider, as in `http://login.localhost:PORT`.
    #[must_use]
    pub fn with_public_base(self, base: &str) -> Self {
        base.trim_end_matches('/').clone_into(&mut self.shared.world().base);
        self
    }

    /// Breaks all connections and frees the port. The state is kept for [`Self::resume`].
    pub async fn stop(&self) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(running) = running {
            running.stop().await;
        }
    }

    /// Serves again on the same port, with the same state.
    ///
    /// # Errors
    /// The port is in use.
    #[expect(clippy::unused_async, reason = "the counterpart of `stop`")]
    pub async fn resume(&self) -> io::Result<()> {
        let style = self.shared.world().style;
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if running.is_none() {
            *running = Some(Running::start(self.addr, |_| server::router(style, &self.shared))?);
        }
        Ok(())
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub fn style(&self) -> Style {
        self.shared.world().style
    }

    /// Scheme, host and port, for the setting `AUTHORITY`.
    pub fn authority(&self) -> String {
        self.shared.world().base.clone()
    }

    /// The issuer of the home tenant, or of the generic provider.
    pub fn issuer(&self) -> String {
        let world = self.shared.world();
        world.issuer_of(&world.tid)
    }

    pub fn tid(&self) -> String {
        self.shared.world().tid.clone()
    }

    pub fn client_id(&self) -> String {
        self.shared.world().registration.client_id.clone()
    }

    /// The first registered client secret; empty if there is none.
    pub fn client_secret(&self) -> String {
        self.shared
            .world()
            .registration
            .secrets
            .first()
            .map(|secret| secret.value.clone())
            .unwrap_or_default()
    }
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// The directory and the registration.
impl Entra {
    /// Adds a person, or replaces the one with the same `oid`.
    pub fn add(&self, person: Person) {
        let mut world = self.shared.world();
        world.people.retain(|other| other.oid != person.oid);
        world.people.push(person);
    }

    /// Changes a person. Groups change with the next token and Graph call.
    ///
    /// # Panics
    /// If there is no person with this handle or `oid`.
    pub fn update(&self, who: &str, change: impl FnOnce(&mut Person)) {
        let mut world = self.shared.world();
        let person = world.people.iter_mut().find(|person| person.oid == who || person.handle == who);
        change(person.expect("a person of this handle or oid"));
    }

    /// Deletes a person.
    pub fn remove(&self, who: &str) {
        self.shared.world().people.retain(|person| person.oid != who && person.handle != who);
    }

    /// The person with this handle or `oid`.
    pub fn find(&self, who: &str) -> Option<Person> {
        self.shared.world().people.iter().find(|person| person.oid == who || person.handle == who).cloned()
    }

    /// Disables a person: refreshes fail with AADSTS50057, and sign-ins stop on the provider's page.
    pub fn disable(&self, who: &str) {
        self.update(who, |person| person.is_disabled = true);
    }

    /// Revokes all sessions, as an administrator can: refreshes fail with AADSTS50173, and browsers must sign in again.
    pub fn revoke_tokens(&self, who: &str) {
        let oid = self.find(who).map(|person| person.oid).unwrap_or_default();
        self.shared.world().revoke_tokens(&oid, 50173);
    }

    /// Resets the password, as an administrator can, which also revokes all tokens.
    pub fn reset_password(&self, who: &str) {
        self.revoke_tokens(who);
    }

    /// Makes refreshes fail with AADSTS70008, as after 90 days without use.
    pub fn expire_tokens(&self, who: &str) {
        let oid = self.find(who).map(|person| person.oid).unwrap_or_default();
        self.shared.world().revoke_tokens(&oid, 70008);
    }

    /// Changes the app registration.
    pub fn configure(&self, change: impl FnOnce(&mut Registration)) {
        change(&mut self.shared.world().registration);
    }

    /// Registers a redirect URI or a post-logout redirect URI.
    pub fn register_redirect_uri(&self, uri: &str) {
        self.configure(|registration| registration.redirect_uris.push(uri.to_owned()));
    }

    /// Makes this person sign in wherever the sign-in page would be shown; with `None` the page is shown.
    pub fn at_the_browser(&self, who: Option<&str>) {
        self.shared.world().at_the_browser = who.map(ToOwned::to_owned);
    }

    /// Ends all browser sessions at the provider. Tokens stay valid.
    pub fn forget_browsers(&self) {
        self.shared.world().sso.clear();
    }

    /// Moves the sign-in time of all browser sessions into the past, by this many seconds.
    pub fn age_browsers(&self, seconds: i64) {
        self.shared.world().sso.values_mut().for_each(|sso| sso.auth_time -= seconds);
    }

    /// The `sid`s of a person's browser sessions.
    pub fn list_sids(&self, who: &str) -> Vec<String> {
        let oid = self.find(who).map(|person| person.oid).unwrap_or_default();
        self.shared.world().sso.values().filter(|sso| sso.oid == oid).map(|sso| sso.sid.clone()).collect()
    }

    /// The provider's clock, in seconds since the epoch.
    pub fn now(&self) -> i64 {
        self.shared.world().now()
    }

    /// Sets the provider's clock ahead by this many seconds.
    pub fn set_clock_offset(&self, seconds: i64) {
        self.shared.world().clock_offset = seconds;
    }
}

/// The recorded requests.
impl Entra {
    /// All requests so far, in the order of arrival.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.journal.list()
    }

    /// The number of requests to an endpoint so far.
    pub fn count(&self, endpoint: Endpoint) -> usize {
        self.shared.journal.count(endpoint)
    }

    /// Deletes the recorded requests.
    pub fn forget_calls(&self) {
        self.shared.journal.forget();
    }

    /// Waits until an endpoint received at least `count` requests. Requests that are held back count.
    pub async fn until_count(&self, endpoint: Endpoint, count: usize) {
        self.shared.journal.until_count(endpoint, count).await;
    }

    /// Holds back requests to this endpoint until [`Self::release`].
    pub fn hold(&self, endpoint: Endpoint) {
        self.shared.journal.hold(endpoint, true);
    }

    pub fn release(&self, endpoint: Endpoint) {
        self.shared.journal.hold(endpoint, false);
    }

    /// Delays each answer of this endpoint.
    pub fn delay(&self, endpoint: Endpoint, delay: Duration) {
        self.shared.journal.delay(endpoint, delay);
    }

    /// The number of codes that were exchanged for tokens.
    pub fn codes_redeemed(&self) -> usize {
        self.shared.world().redeemed
    }

    /// How often the same code was presented, at most.
    pub fn most_presentations_of_a_code(&self) -> usize {
        let calls = self.calls();
        let codes: Vec<&str> = calls
            .iter()
            .filter(|call| call.endpoint == Endpoint::Token)
            .filter_map(|call| call.form_field("code"))
            .collect();
        codes.iter().map(|code| codes.iter().filter(|other| *other == code).count()).max().unwrap_or_default()
    }

    /// The client assertions that were accepted so far.
    pub fn list_used_assertions(&self) -> Vec<String> {
        self.shared.world().used_assertions.clone()
    }
}
