//! Which callers a route of the public listener accepts, and what its handler gets to know about them.

use super::asserted::{self, Asserted};
use super::fault::Fault;
use super::request::{browser, data};
use actix_web::HttpRequest;
use gatepost_core::administration::Scope;
use gatepost_core::api_key;
use gatepost_runtime::authn::Principal;
use gatepost_sign_in::{Browser, Context, checked_session};
use std::rc::Rc;
use tokio::sync::Semaphore;

/// The callers of a route, in the list of routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callers {
    /// See [`Anyone`].
    Anyone,
    /// See [`SignedIn`].
    SignedIn,
    /// See [`Admins`] and [`SystemAdministrators`].
    Admins,
    /// See [`Administrators`].
    Administrators,
    /// See [`AssertedAdmins`].
    AssertedAdmins,
    /// Callers of the API.
    Api(ApiAccess),
}

/// Which callers an operation of the API accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiAccess {
    /// Who, according to the directory at the moment of the request.
    pub who: ApiCallers,
    /// The scope that a key needs.
    pub scope: KeyScope,
}

/// Who may call an operation of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiCallers {
    /// Everybody with a valid session, and keys of people.
    SignedIn,
    /// Administrators of the system or of a tenant. The operation decides about which things.
    Administrators,
    /// Administrators of the system.
    System,
}

/// A scope of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyScope {
    Read,
    Write,
    /// Reporting usage.
    Usage,
}

impl KeyScope {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "api.read",
            Self::Write => "api.write",
            Self::Usage => "usage.write",
        }
    }

    /// The scope as a key has it.
    pub const fn of_keys(self) -> api_key::KeyScope {
        match self {
            Self::Read => api_key::KeyScope::ApiRead,
            Self::Write => api_key::KeyScope::ApiWrite,
            Self::Usage => api_key::KeyScope::UsageWrite,
        }
    }
}

/// The rule of a route: which callers it accepts.
pub(crate) trait CallerRule: 'static {
    /// The first argument of the route's handler.
    type Caller: 'static;
    const CALLERS: Callers;

    /// Returns the caller, or a fault if they may not call the route.
    async fn check(request: &HttpRequest) -> Result<Self::Caller, Fault>;

    /// The permits of which the handler needs one to run.
    fn permits(_: &HttpRequest) -> Option<&Semaphore> {
        None
    }
}

/// Everybody. The handler checks what the request carries: a sealed value, a signed token, a provider's `sid`.
pub(crate) struct Anyone;
/// People with a valid session. Others are sent to sign in.
pub(super) struct SignedIn;
/// People with a valid session who are admins according to the directory. Others are refused.
pub(super) struct Admins;
/// People with a valid session who may administer something according to the directory: the system, or a tenant. Others
/// are refused.
pub(super) struct Administrators;
/// As [`Administrators`], of the system alone.
pub(super) struct SystemAdministrators;
/// Admins whose request `/verify` let through, by its assertion for this host. Others get 404.
pub(super) struct AssertedAdmins;

/// A person with a valid session.
pub(super) struct Person {
    pub(super) browser: Rc<Browser>,
    pub(super) principal: Principal,
}

/// A person who is an admin.
pub(super) struct Admin(pub(super) Person);

/// A person who may administer what is in `scope`, which is not empty.
pub(super) struct Administrator {
    pub(super) person: Person,
    pub(super) scope: Scope,
    /// Their address, or the id of a person without one.
    pub(super) reader: String,
}

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

impl CallerRule for Administrators {
    type Caller = Administrator;
    const CALLERS: Callers = Callers::Administrators;

    async fn check(request: &HttpRequest) -> Result<Administrator, Fault> {
        let person = SignedIn::check(request).await?;
        let scope = Scope::of(&person.principal.standing);
        if scope.is_empty() {
            return Err(Fault::AdminsOnly);
        }
        let own = &person.principal.standing.person;
        let reader = own.email.as_ref().map_or_else(|| own.id.to_string(), ToString::to_string);
        Ok(Administrator { person, scope, reader })
    }

    fn permits(request: &HttpRequest) -> Option<&Semaphore> {
        SignedIn::permits(request)
    }
}

impl CallerRule for SystemAdministrators {
    type Caller = Administrator;
    const CALLERS: Callers = Callers::Admins;

    async fn check(request: &HttpRequest) -> Result<Administrator, Fault> {
        let administrator = Administrators::check(request).await?;
        if administrator.scope == Scope::System { Ok(administrator) } else { Err(Fault::AdminsOnly) }
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
