//! Who may call a route of the public listener, and what its handler learns of them.

use super::asserted::{self, Asserted};
use super::fault::Fault;
use super::request::{browser, data};
use crate::authn::Principal;
use crate::sign_in::{Browser, Context, checked_session};
use actix_web::HttpRequest;
use std::rc::Rc;
use tokio::sync::Semaphore;

/// Who may call a route, as the list of routes says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callers {
    /// See [`Anyone`].
    Anyone,
    /// See [`SignedIn`].
    SignedIn,
    /// See [`Admins`].
    Admins,
    /// See [`AssertedAdmins`].
    AssertedAdmins,
}

/// A rule that stands at each route.
pub(super) trait CallerRule: 'static {
    /// The first argument of the route's handler.
    type Caller: 'static;
    const CALLERS: Callers;

    /// Who calls, if they may.
    async fn check(request: &HttpRequest) -> Result<Self::Caller, Fault>;

    /// The handler runs when it has one of these.
    fn permits(_: &HttpRequest) -> Option<&Semaphore> {
        None
    }
}

/// Everybody; what the call itself carries (a sealed value, a signed token, a provider's `sid`) says the rest.
pub(super) struct Anyone;
/// Who has a live session here; others are sent to sign in.
pub(super) struct SignedIn;
/// Of them who is an admin now, by the directory's word; others are refused.
pub(super) struct Admins;
/// The admin for whom `/verify` let the request through, by the assertion for the very host; nobody else is told that
/// there is something.
pub(super) struct AssertedAdmins;

/// Somebody with a live session.
pub(super) struct Person {
    pub(super) browser: Rc<Browser>,
    pub(super) principal: Principal,
}

/// A person who is an admin now.
pub(super) struct Admin(pub(super) Person);

impl CallerRule for Anyone {
    type Caller = Rc<Browser>;
    const CALLERS: Callers = Callers::Anyone;

    async fn check(request: &HttpRequest) -> Result<Rc<Browser>, Fault> {
        Ok(browser(request))
    }
}

impl CallerRule for SignedIn {
    type Caller = Person;
    const CALLERS: Callers = Callers::SignedIn;

    async fn check(request: &HttpRequest) -> Result<Person, Fault> {
        let browser = browser(request);
        let principal =
            checked_session::checked(data::<Context>(request), &browser).await?.ok_or(Fault::SignInFirst)?;
        Ok(Person { browser, principal })
    }

    fn permits(request: &HttpRequest) -> Option<&Semaphore> {
        Some(data::<Semaphore>(request))
    }
}

impl CallerRule for Admins {
    type Caller = Admin;
    const CALLERS: Callers = Callers::Admins;

    async fn check(request: &HttpRequest) -> Result<Admin, Fault> {
        let person = SignedIn::check(request).await?;
        if person.principal.standing.access.is_admin { Ok(Admin(person)) } else { Err(Fault::AdminsOnly) }
    }

    fn permits(request: &HttpRequest) -> Option<&Semaphore> {
        SignedIn::permits(request)
    }
}

impl CallerRule for AssertedAdmins {
    type Caller = Asserted;
    const CALLERS: Callers = Callers::AssertedAdmins;

    async fn check(request: &HttpRequest) -> Result<Asserted, Fault> {
        asserted::asserted_admin(request).await?.ok_or(Fault::NotFound)
    }
}
