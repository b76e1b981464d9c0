//! Who calls an operation of the API, as the directory says at this moment: a key, or the session of the cookie. A request
//! that carries a key is the key's, whatever cookie stands beside it.

use super::key_caller::{self, CallingKey};
use super::rate;
use crate::callers::{ApiAccess, ApiCallers, CallerRule, Callers, KeyScope};
use crate::fault::Fault;
use crate::presented_key;
use crate::problem_document::{Problem, ProblemCode};
use crate::request::{browser, data};
use actix_web::{HttpMessage, HttpRequest};
use gatepost_core::access::Standing;
use gatepost_core::administration::{Matter, Scope};
use gatepost_core::api_key::KeyId;
use gatepost_core::ids::UserId;
use gatepost_core::secret::Hash;
use gatepost_runtime::authn::{self, Principal};
use gatepost_sign_in::{Browser, Context, checked_session};
use gatepost_store::directory::{Actor, Via, Who};
use std::rc::Rc;
use tokio::sync::Semaphore;

/// A caller, and what they may administer now.
pub(super) struct Caller {
    browser: Rc<Browser>,
    pub(super) scope: Scope,
    by: By,
}

/// How somebody calls.
enum By {
    Session(Box<Principal>),
    Key(CallingKey),
}

/// A person who calls about themselves: by their session, or by a key of theirs.
pub(super) struct Person {
    pub(super) caller: Caller,
    pub(super) standing: Standing,
}

/// Whose answers a request may get again: of two keys of one person neither gets those of the other.
pub(super) struct RepeatsOf(pub(super) String);

impl Caller {
    /// What they administer by now, for an answer that takes long. Nothing, if the session or the key has ended.
    pub(super) async fn scope_now(&self, context: &Context) -> Result<Scope, gatepost_sign_in::Problem> {
        let scope = match &self.by {
            By::Session(_) => {
                let principal = checked_session::checked(context, &self.browser).await?;
                principal.map(|principal| Scope::of(&principal.standing))
            }
            By::Key(key) => {
                let found = context.stores.directory.find_key_caller(key.id).await;
                let found = found.map_err(|error| gatepost_sign_in::Problem::Unavailable(error.into()))?;
                found.map(|caller| caller.scope)
            }
        };
        Ok(scope.unwrap_or(Scope::NONE))
    }

    /// The actor in audit rows: the person, and the key by which they act.
    pub(super) fn actor(&self) -> Actor {
        let (who, key) = match &self.by {
            By::Session(principal) => (Who::Person(principal.standing.person.id), None),
            By::Key(key) => (key.caller.person.map_or(Who::Key(key.id), Who::Person), Some(key.id)),
        };
        Actor { key, via: Via::Api, ..self.browser.actor(who) }
    }

    /// The person. `None`: a key that has no owner.
    const fn person(&self) -> Option<UserId> {
        match &self.by {
            By::Session(principal) => Some(principal.standing.person.id),
            By::Key(key) => key.caller.person,
        }
    }
}

impl Person {
    pub(super) const fn id(&self) -> UserId {
        self.standing.person.id
    }

    /// The session of the request.
    pub(super) fn session(&self) -> Option<Hash> {
        match &self.caller.by {
            By::Session(principal) => Some(principal.session.id.hash()),
            By::Key(_) => None,
        }
    }

    /// The key of the request.
    pub(super) const fn key(&self) -> Option<KeyId> {
        match &self.caller.by {
            By::Session(_) => None,
            By::Key(key) => Some(key.id),
        }
    }
}

macro_rules! rules {
    ($($(#[$doc:meta])* $rule:ident: $who:ident, $scope:ident => $caller:ident;)*) => {
        $(
            $(#[$doc])*
            pub(super) struct $rule;

            impl CallerRule for $rule {
                type Caller = $caller;
                const CALLERS: Callers = Callers::Api(ApiAccess { who: ApiCallers::$who, scope: KeyScope::$scope });

                async fn check(request: &HttpRequest) -> Result<$caller, Fault> {
                    let caller = call(request, KeyScope::$scope).await?;
                    $caller::demand(request, caller, ApiCallers::$who).await
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
    OwnRead: SignedIn, Read => Person;
    /// Everybody who is signed in changes what is their own.
    OwnWrite: SignedIn, Write => Person;
    /// Administrators of the system or of a tenant read.
    AdminRead: Administrators, Read => Caller;
    /// Administrators of the system or of a tenant change something.
    AdminWrite: Administrators, Write => Caller;
    /// Administrators of the system or of a tenant report usage.
    UsageWrite: Administrators, Usage => Caller;
    /// Administrators of the system read.
    SystemRead: System, Read => Caller;
    /// Administrators of the system change something.
    SystemWrite: System, Write => Caller;
}

/// Finds out who calls.
async fn call(request: &HttpRequest, scope: KeyScope) -> Result<Caller, Fault> {
    let browser = browser(request);
    let (by, scope, repeats) = if let Some(presented) = presented_key::of(request) {
        let key = key_caller::check(request, presented, scope).await?;
        let (scope, repeats) = (key.caller.scope.clone(), format!("key:{}", key.id));
        (By::Key(key), scope, repeats)
    } else {
        let cookie = browser.held.as_ref().and_then(|held| held.value.as_ref());
        rate::count(request, cookie.ok_or_else(nobody)?.user)?;
        let found = checked_session::checked(data::<Context>(request), &browser).await?;
        let principal = found.ok_or_else(nobody)?;
        let repeats = principal.standing.person.id.to_string();
        let scope = Scope::of(&principal.standing);
        (By::Session(principal.into()), scope, repeats)
    };
    request.extensions_mut().insert(RepeatsOf(repeats));
    Ok(Caller { browser, scope, by })
}

impl Caller {
    #[expect(clippy::unused_async, reason = "the rules share one form")]
    async fn demand(_: &HttpRequest, caller: Self, who: ApiCallers) -> Result<Self, Fault> {
        let is_allowed = match who {
            ApiCallers::SignedIn => true,
            ApiCallers::Administrators => !caller.scope.is_empty(),
            ApiCallers::System => caller.scope.allows(&Matter::Platform).is_ok(),
        };
        if is_allowed { Ok(caller) } else { Err(caller.forbidden(who)) }
    }

    /// Why the caller may not call an operation.
    fn forbidden(&self, who: ApiCallers) -> Fault {
        let is_key_of_person = matches!(&self.by, By::Key(key) if key.caller.person.is_some());
        let detail = match who {
            _ if is_key_of_person => {
                "The key of a person administers nothing. A key of a tenant or of the platform does."
            }
            ApiCallers::System => "Only a system administrator may do this.",
            ApiCallers::Administrators | ApiCallers::SignedIn => "You administer nothing.",
        };
        let reason = match who {
            ApiCallers::System => "system_only",
            ApiCallers::Administrators | ApiCallers::SignedIn => "administrators_only",
        };
        Problem::new(ProblemCode::Forbidden, detail).because(reason).into()
    }
}

impl Person {
    async fn demand(request: &HttpRequest, caller: Caller, _: ApiCallers) -> Result<Self, Fault> {
        let standing = match &caller.by {
            By::Session(principal) => Some(principal.standing.clone()),
            By::Key(_) => {
                let id = caller.person().ok_or_else(ownerless)?;
                authn::load_person(&data::<Context>(request).stores, id).await?
            }
        };
        let standing = standing.filter(|standing| !standing.is_disabled).ok_or_else(nobody)?;
        Ok(Self { caller, standing })
    }
}

fn nobody() -> Fault {
    Problem::new(ProblemCode::Unauthenticated, "The request carries no valid session.")
        .with("www-authenticate", "Bearer")
        .into()
}

fn ownerless() -> Fault {
    let detail = "The key has no owner, and below me there is what belongs to a person.";
    Problem::new(ProblemCode::Forbidden, detail).because("people_only").into()
}
