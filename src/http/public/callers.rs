//! Who may call a route of the public listener, and what its handler learns of them.

use super::asserted::{self, Asserted};
use super::fault::Fault;
use super::request::{data, visitor};
use crate::authn::Principal;
use crate::sign_in::{Context, Visitor, checked_session};
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
pub(super) trait Rule: 'static {
    /// The first argument of the route's handler.
    type Caller: 'static;
    const CALLERS: Callers;

    /// Who calls, if they may.
    async fn judge(request: &HttpRequest) -> Result<Self::Caller, Fault>;

    /// The handler runs when it has one of these.
    fn turns(_: &HttpRequest) -> Option<&Semaphore> {
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
    pub(super) visitor: Rc<Visitor>,
    pub(super) principal: Principal,
}

/// A person who is an admin now.
pub(super) struct Admin(pub(super) Person);

impl Rule for Anyone {
    type Caller = Rc<Visitor>;
    const CALLERS: Callers = Callers::Anyone;

    async fn judge(request: &HttpRequest) -> Result<Rc<Visitor>, Fault> {
        Ok(visitor(request))
    }
}

impl Rule for SignedIn {
    type Caller = Person;
    const CALLERS: Callers = Callers::SignedIn;

    async fn judge(request: &HttpRequest) -> Result<Person, Fault> {
        let visitor = visitor(request);
        let principal =
            checked_session::checked(data::<Context>(request), &visitor).await?.ok_or(Fault::SignInFirst)?;
        Ok(Person { visitor, principal })
    }

    fn turns(request: &HttpRequest) -> Option<&Semaphore> {
        Some(data::<Semaphore>(request))
    }
}

impl Rule for Admins {
    type Caller = Admin;
    const CALLERS: Callers = Callers::Admins;

    async fn judge(request: &HttpRequest) -> Result<Admin, Fault> {
        let person = SignedIn::judge(request).await?;
        if person.principal.standing.access.is_admin { Ok(Admin(person)) } else { Err(Fault::AdminsOnly) }
    }

    fn turns(request: &HttpRequest) -> Option<&Semaphore> {
        SignedIn::turns(request)
    }
}

impl Rule for AssertedAdmins {
    type Caller = Asserted;
    const CALLERS: Callers = Callers::AssertedAdmins;

    async fn judge(request: &HttpRequest) -> Result<Asserted, Fault> {
        asserted::asserted_admin(request).await?.ok_or(Fault::NotFound)
    }
}
