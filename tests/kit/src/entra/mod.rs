//! A fake Microsoft Entra ID with Graph over plain HTTP, with the quirks of the real one (entra.md); in another style a
//! plain `OpenID` provider much like Keycloak; and, on demand, a provider that lies ([`crate::lies`]).
//!
//! People, registration and keys are changed while it runs; every request is written down ([`Entra::calls`]) and can be
//! held back ([`Entra::hold`]). Dropping the last handle stops it.

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

pub use backchannel::{LogoutLie, LogoutToken};
pub use journal::{Call, Endpoint};
pub use keys::{CLIENT_CERTIFICATE_PEM, CLIENT_KEY_PEM, SigningAlg};
pub use people::{Group, GroupKind, Person, stable_guid};
pub use registration::{ClientSecret, GroupValues, GroupsClaim, Overage, RefreshTokens, Registration, Style};

use server::Running;
use world::{Shared, World};

/// A running fake provider. Clones are handles to the same one.
#[derive(Clone, Debug)]
pub struct Entra {
    shared: Arc<Shared>,
    running: Arc<Mutex<Option<Running>>>,
    addr: SocketAddr,
}

/// Starting, stopping, addresses.
impl Entra {
    /// Entra ID and Graph on a free port of 127.0.0.1.
    ///
    /// # Panics
    /// If no port can be bound.
    pub async fn start() -> Self {
        Self::start_with(Style::Entra, loopback(0)).await.expect("a free port on loopback")
    }

    /// A plain `OpenID` provider, issuer `http://127.0.0.1:PORT/realms/demo`, on a free port.
    ///
    /// # Panics
    /// If no port can be bound.
    pub async fn start_oidc() -> Self {
        Self::start_with(Style::Oidc, loopback(0)).await.expect("a free port on loopback")
    }

    /// Entra ID at this address, a new one with the same tid and client; to bring back one with its memory see [`Self::resume`].
    ///
    /// # Errors
    /// If the address cannot be bound.
    pub async fn start_on(addr: SocketAddr) -> io::Result<Self> {
        Self::start_with(Style::Entra, addr).await
    }

    /// Either style at this address.
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

    /// Everybody reaches us under this origin, as `http://login.localhost:PORT`.
    #[must_use]
    pub fn with_public_base(self, base: &str) -> Self {
        base.trim_end_matches('/').clone_into(&mut self.shared.world().base);
        self
    }

    /// Breaks all connections and frees the port; what is known stays known for [`Self::resume`].
    pub async fn stop(&self) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(running) = running {
            running.stop().await;
        }
    }

    /// Serves again on the same port with the same memory.
    ///
    /// # Errors
    /// If somebody took the port meanwhile.
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

    /// Scheme, host and port: Entra's `AUTHORITY`.
    pub fn authority(&self) -> String {
        self.shared.world().base.clone()
    }

    /// The issuer of the home tenant, or of the plain provider.
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

    /// The first registered secret; empty if there is none.
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
    /// Adds somebody, or replaces who has the same `oid`.
    pub fn add(&self, person: Person) {
        let mut world = self.shared.world();
        world.people.retain(|other| other.oid != person.oid);
        world.people.push(person);
    }

    /// Changes somebody; groups count from the next token and Graph call on.
    ///
    /// # Panics
    /// If nobody has this handle or `oid`: a typo in a test.
    pub fn update(&self, who: &str, change: impl FnOnce(&mut Person)) {
        let mut world = self.shared.world();
        let person = world.people.iter_mut().find(|person| person.oid == who || person.handle == who);
        change(person.expect("a person of this handle or oid"));
    }

    /// Deletes somebody.
    pub fn remove(&self, who: &str) {
        self.shared.world().people.retain(|person| person.oid != who && person.handle != who);
    }

    /// The person with this handle or `oid`.
    pub fn find(&self, who: &str) -> Option<Person> {
        self.shared.world().people.iter().find(|person| person.oid == who || person.handle == who).cloned()
    }

    /// Refreshes answer AADSTS50057, sign-ins stop on the provider's page.
    pub fn disable(&self, who: &str) {
        self.update(who, |person| person.is_disabled = true);
    }

    /// An admin revokes all sessions: refreshes answer AADSTS50173, browsers must sign in again.
    pub fn revoke_tokens(&self, who: &str) {
        let oid = self.find(who).map(|person| person.oid).unwrap_or_default();
        self.shared.world().revoke_tokens(&oid, 50173);
    }

    /// An admin resets the password, which revokes all tokens as well.
    pub fn reset_password(&self, who: &str) {
        self.revoke_tokens(who);
    }

    /// Refreshes answer AADSTS70008, as after 90 days without use.
    pub fn expire_tokens(&self, who: &str) {
        let oid = self.find(who).map(|person| person.oid).unwrap_or_default();
        self.shared.world().revoke_tokens(&oid, 70008);
    }

    /// Changes the app registration.
    pub fn configure(&self, change: impl FnOnce(&mut Registration)) {
        change(&mut self.shared.world().registration);
    }

    /// Registers a redirect URI; post-logout addresses are registered the same way.
    pub fn register_redirect_uri(&self, uri: &str) {
        self.configure(|registration| registration.redirect_uris.push(uri.to_owned()));
    }

    /// This person sits at every browser and signs in as soon as a page would ask; `None`: the page asks.
    pub fn at_the_browser(&self, who: Option<&str>) {
        self.shared.world().at_the_browser = who.map(ToOwned::to_owned);
    }

    /// Ends all browser sessions here, and no token.
    pub fn forget_browsers(&self) {
        self.shared.world().sso.clear();
    }

    /// Everybody who is signed in at a browser here did so this many seconds earlier.
    pub fn age_browsers(&self, seconds: i64) {
        self.shared.world().sso.values_mut().for_each(|sso| sso.auth_time -= seconds);
    }

    /// The `sid` of each browser session of a person.
    pub fn list_sids(&self, who: &str) -> Vec<String> {
        let oid = self.find(who).map(|person| person.oid).unwrap_or_default();
        self.shared.world().sso.values().filter(|sso| sso.oid == oid).map(|sso| sso.sid.clone()).collect()
    }

    /// Seconds since the epoch by the provider's clock.
    pub fn now(&self) -> i64 {
        self.shared.world().now()
    }

    /// Seconds by which the provider's clock is ahead.
    pub fn set_clock_offset(&self, seconds: i64) {
        self.shared.world().clock_offset = seconds;
    }
}

/// The witness.
impl Entra {
    /// Every request so far, in the order of arrival.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.journal.list()
    }

    /// Requests to one endpoint so far.
    pub fn count(&self, endpoint: Endpoint) -> usize {
        self.shared.journal.count(endpoint)
    }

    /// Forgets the requests so far.
    pub fn forget_calls(&self) {
        self.shared.journal.forget();
    }

    /// Returns when an endpoint was asked at least `count` times; a request held back counts.
    pub async fn until_count(&self, endpoint: Endpoint, count: usize) {
        self.shared.journal.until_count(endpoint, count).await;
    }

    /// Requests to this endpoint wait until [`Self::release`].
    pub fn hold(&self, endpoint: Endpoint) {
        self.shared.journal.hold(endpoint, true);
    }

    pub fn release(&self, endpoint: Endpoint) {
        self.shared.journal.hold(endpoint, false);
    }

    /// Every answer of this endpoint takes so much longer.
    pub fn delay(&self, endpoint: Endpoint, delay: Duration) {
        self.shared.journal.delay(endpoint, delay);
    }

    /// Codes that became tokens.
    pub fn codes_redeemed(&self) -> usize {
        self.shared.world().redeemed
    }

    /// The most often that one and the same code was presented.
    pub fn most_presentations_of_a_code(&self) -> usize {
        let calls = self.calls();
        let codes: Vec<&str> = calls
            .iter()
            .filter(|call| call.endpoint == Endpoint::Token)
            .filter_map(|call| call.form_field("code"))
            .collect();
        codes.iter().map(|code| codes.iter().filter(|other| *other == code).count()).max().unwrap_or_default()
    }

    /// Client assertions accepted so far.
    pub fn list_used_assertions(&self) -> Vec<String> {
        self.shared.world().used_assertions.clone()
    }
}
