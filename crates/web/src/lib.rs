//! The public listener: browsers sign in, look at their account, sign out. [`register`] is the list of its routes: who
//! may call each, from where, and the handler.

mod account;
mod answer;
pub mod api;
mod asserted;
mod body;
mod callers;
mod debug;
mod extract;
mod fault;
mod invitations;
mod logos;
mod origin;
mod own_proposals;
mod portal;
mod presented_key;
mod problem;
pub mod problem_document;
mod proposals;
mod request;
mod requests;
mod resource_metadata;
mod routing;
mod server;
mod sign_in;
mod sign_out;
mod tenant_checks;
mod upload;

pub use callers::{ApiAccess, ApiCallers, Callers, KeyScope};
pub use fault::answer as answer_faults;
pub use origin::RequestOrigin;
pub use resource_metadata::PATH as RESOURCE_METADATA;
pub use routing::{HostScope, Route};
pub use server::{Context, configure, start};

use self::RequestOrigin::{Anywhere, Navigation, OwnPages, Part};
use actix_web::{App, HttpResponse, web};
use callers::{Admins, Anyone, AssertedAdmins, SignedIn};
use gatepost_pages::{self as pages, Asset, paths};
use gatepost_runtime::assertion::AssertionKeys;
use gatepost_sign_in::Browser;
use routing::{GET, GET_ONCE, POST, Routes, at, is_self_service};
use std::rc::Rc;

/// A new key signs only after it stood last in the ring for longer than this (docs/operations.md).
const KEYS_CACHE_CONTROL: &str = "public, max-age=300";

/// All routes of the public listener.
pub fn routes() -> Vec<Route> {
    let mut routes = Vec::new();
    let _application = App::new().configure(|config| routes = register(config));
    routes
}

fn register(config: &mut web::ServiceConfig) -> Vec<Route> {
    let mut routes = Routes::new(config);
    routes.add(at(paths::ACCOUNT).on(GET, SignedIn, Anywhere, account::show));
    routes.scope("/sessions", |sessions| {
        sessions.add(at("/end").on(POST, SignedIn, OwnPages, account::end_session));
        sessions.add(at("/end-others").on(POST, SignedIn, OwnPages, account::end_other_sessions));
    });
    routes.scope("/requests", |requests| {
        let form = at("/new").on(GET, SignedIn, Anywhere, requests::show);
        requests.add(form.on(POST, SignedIn, OwnPages, requests::ask));
        requests.add(at("/withdraw").on(POST, SignedIn, OwnPages, requests::withdraw));
    });
    let form = at(paths::PROPOSE).only(HostScope::Public).only_if(is_self_service);
    let form = form.on(GET, SignedIn, Anywhere, proposals::show);
    routes.add(form.on(POST, SignedIn, OwnPages, proposals::propose));
    let invitation = at(paths::INVITATION).on(GET, SignedIn, Anywhere, invitations::show);
    routes.add(invitation.on(POST, SignedIn, OwnPages, invitations::accept));
    routes.add(at(paths::LOGIN).on(GET, Anyone, Navigation, sign_in::login));
    routes.add(at("/callback/{provider}").on(GET_ONCE, Anyone, Navigation, sign_in::callback));
    routes.scope("/logout", |logout| {
        let asked_or_confirmed = at("").on(GET, Anyone, Navigation, sign_out::ask);
        logout.add(asked_or_confirmed.on(POST, Anyone, OwnPages, sign_out::confirmed));
        logout.add(at("/frontchannel").on(GET, Anyone, Anywhere, sign_out::front_channel));
        logout.add(at("/backchannel").on(POST, Anyone, Anywhere, sign_out::back_channel));
    });
    routes.add(at("/logged-out").on(GET, Anyone, Anywhere, sign_out::done));
    routes.add(at("/.well-known/jwks.json").on(GET, Anyone, Anywhere, keys));
    for path in [resource_metadata::PATH, resource_metadata::PATH_OF_SERVER] {
        routes.add(at(path).on(GET, Anyone, Anywhere, resource_metadata::show));
    }
    routes.add(at(paths::HEADERS).only(HostScope::Public).on(GET, Admins, Anywhere, debug::explained));
    let live = at(paths::HEADERS).only(HostScope::Protected);
    routes.add(live.on(GET, AssertedAdmins, Anywhere, debug::live_headers));
    portal::register(&mut routes);
    for asset in pages::assets() {
        routes.add(at(asset.path).on(GET, Anyone, Part, move |_: Rc<Browser>| async move {
            answer::text(asset.media_type, asset.body, Asset::CACHE_CONTROL)
        }));
    }
    routes.add(at(paths::LOGO).on(GET, Anyone, Part, logos::show));
    api::register(&mut routes);
    routes.list()
}

/// The keys of `X-User-Assertion`.
async fn keys(_: Rc<Browser>, keys: web::Data<AssertionKeys>) -> HttpResponse {
    let keys = keys.published().to_string();
    answer::text("application/jwk-set+json", keys, KEYS_CACHE_CONTROL)
}
