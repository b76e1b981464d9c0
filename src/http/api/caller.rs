//! Who calls an operation of the API, as the directory says at this moment: the session of the cookie. The place of keys
//! is beside it: each operation already names the scope that a key will need.

use super::rate;
use crate::authn::Principal;
use crate::http::problem_document::{Problem, ProblemCode};
use crate::http::public::callers::{ApiAccess, ApiCallers, CallerRule, Callers, KeyScope};
use crate::http::public::fault::Fault;
use crate::http::public::request::{add_header, browser, data};
use crate::rate::Rate;
use crate::sign_in::{self, Browser, Context, checked_session};
use actix_web::HttpRequest;
use actix_web::http::header::{HeaderName, HeaderValue};
use gatepost_core::administration::{Matter, Scope};
use gatepost_core::clock::BootTime;
use gatepost_core::ids::UserId;
use gatepost_store::directory::{Actor, Via, Who};
use std::rc::Rc;
use tokio::sync::Semaphore;

/// A caller, and what they may administer now.
pub(super) struct Caller {
    pub(super) browser: Rc<Browser>,
    pub(super) principal: Principal,
    pub(super) scope: Scope,
}

impl Caller {
    pub(super) fn id(&self) -> UserId {
        self.principal.standing.person.id
    }

    /// What they administer by now, for an answer that takes long. Nothing, if the session has ended.
    pub(super) async fn scope_now(&self, context: &Context) -> Result<Scope, sign_in::Problem> {
        let principal = checked_session::checked(context, &self.browser).await?;
        Ok(principal.map_or(Scope::NONE, |principal| Scope::of(&principal.standing)))
    }

    /// The actor in audit rows.
    pub(super) fn actor(&self) -> Actor {
        Actor { via: Via::Api, ..self.browser.actor(Who::Person(self.id())) }
    }
}

macro_rules! rules {
    ($($(#[$doc:meta])* $rule:ident: $who:ident, $scope:ident;)*) => {
        $(
            $(#[$doc])*
            pub(super) struct $rule;

            impl CallerRule for $rule {
                type Caller = Caller;
                const CALLERS: Callers = Callers::Api(ApiAccess { who: ApiCallers::$who, scope: KeyScope::$scope });

                async fn check(request: &HttpRequest) -> Result<Caller, Fault> {
                    check(request, ApiCallers::$who).await
                }

                fn permits(request: &HttpRequest) -> Option<&Semaphore> {
                    Some(data::<Semaphore>(request))
                }
            }
        )*
    };
}

rules! {
    /// Everybody who is signed in reads what is their own.
    OwnRead: SignedIn, Read;
    /// Everybody who is signed in changes what is their own.
    OwnWrite: SignedIn, Write;
    /// Administrators of the system or of a tenant read.
    AdminRead: Administrators, Read;
    /// Administrators of the system or of a tenant change something.
    AdminWrite: Administrators, Write;
    /// Administrators of the system read.
    SystemRead: System, Read;
    /// Administrators of the system change something.
    SystemWrite: System, Write;
}

async fn check(request: &HttpRequest, who: ApiCallers) -> Result<Caller, Fault> {
    let browser = browser(request);
    let cookie = browser.held.as_ref().and_then(|held| held.value.as_ref());
    count(request, cookie.ok_or_else(nobody)?.user)?;
    let principal = checked_session::checked(data::<Context>(request), &browser).await?.ok_or_else(nobody)?;
    let scope = Scope::of(&principal.standing);
    let is_allowed = match who {
        ApiCallers::SignedIn => true,
        ApiCallers::Administrators => !scope.is_empty(),
        ApiCallers::System => scope.allows(&Matter::Platform).is_ok(),
    };
    if is_allowed { Ok(Caller { browser, principal, scope }) } else { Err(forbidden(who).into()) }
}

/// Counts the request, and says in the answer what is left.
fn count(request: &HttpRequest, caller: UserId) -> Result<(), Fault> {
    let left = data::<Rate<UserId>>(request).count(caller, rate::QUOTA, BootTime::now());
    add(request, "ratelimit-policy", &rate::policy());
    add(request, "ratelimit", &rate::limit(left));
    let Some(wait) = left.wait else { return Ok(()) };
    let problem = Problem::new(ProblemCode::TooManyRequests, "You have sent too many requests.");
    Err(problem.with("retry-after", rate::retry_after(wait)).into())
}

fn add(request: &HttpRequest, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        add_header(request, HeaderName::from_static(name), value);
    }
}

fn nobody() -> Fault {
    Problem::new(ProblemCode::Unauthenticated, "The request carries no valid session.")
        .with("www-authenticate", "Bearer")
        .into()
}

/// Why the caller may not call an operation.
fn forbidden(who: ApiCallers) -> Problem {
    let detail = match who {
        ApiCallers::System => "Only a system administrator may do this.",
        ApiCallers::Administrators | ApiCallers::SignedIn => "You administer nothing.",
    };
    Problem::new(ProblemCode::Forbidden, detail).because(match who {
        ApiCallers::System => "system_only",
        ApiCallers::Administrators | ApiCallers::SignedIn => "administrators_only",
    })
}
