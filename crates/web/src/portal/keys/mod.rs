//! Pages about API keys: for administrators in the portal, and for a person about their own. The same handlers serve both.

mod details;
mod facts;
mod form;
mod list;
mod lookup;
mod making;
mod reader;
mod reading;
mod revocation;
mod rotation;
mod updating;

pub(super) use facts::facts;

use super::super::RequestOrigin::{Anywhere, OwnPages};
use super::super::callers::{Administrator, Administrators, Person, SignedIn};
use super::super::routing::{GET, HostScope, POST, PathRoutes, Routes, at};
use gatepost_pages::paths;

/// Adds the pages.
pub(super) fn register(routes: &mut Routes<'_>) {
    routes.scope(paths::ADMIN_KEYS, |routes| {
        let list = page("").on(GET, Administrators, Anywhere, list::list::<Administrator>);
        routes.add(list.on(POST, Administrators, OwnPages, making::create::<Administrator>));
        routes.add(page("/new").on(GET, Administrators, Anywhere, making::blank::<Administrator>));
        let look_up = page("/lookup").on(GET, Administrators, Anywhere, lookup::ask);
        routes.add(look_up.on(POST, Administrators, OwnPages, lookup::look_up));
        routes.add(page("/{id}").on(GET, Administrators, Anywhere, details::show::<Administrator>));
        let edit = page("/{id}/edit").on(GET, Administrators, Anywhere, updating::show::<Administrator>);
        routes.add(edit.on(POST, Administrators, OwnPages, updating::update::<Administrator>));
        let rotate = page("/{id}/rotate").on(GET, Administrators, Anywhere, rotation::ask::<Administrator>);
        routes.add(rotate.on(POST, Administrators, OwnPages, rotation::rotate::<Administrator>));
        let revoke = page("/{id}/revoke").on(GET, Administrators, Anywhere, revocation::ask::<Administrator>);
        routes.add(revoke.on(POST, Administrators, OwnPages, revocation::revoke::<Administrator>));
    });
    routes.scope(paths::OWN_KEYS, |routes| {
        let list = page("").on(GET, SignedIn, Anywhere, list::list::<Person>);
        routes.add(list.on(POST, SignedIn, OwnPages, making::create::<Person>));
        routes.add(page("/new").on(GET, SignedIn, Anywhere, making::blank::<Person>));
        routes.add(page("/{id}").on(GET, SignedIn, Anywhere, details::show::<Person>));
        let edit = page("/{id}/edit").on(GET, SignedIn, Anywhere, updating::show::<Person>);
        routes.add(edit.on(POST, SignedIn, OwnPages, updating::update::<Person>));
        let rotate = page("/{id}/rotate").on(GET, SignedIn, Anywhere, rotation::ask::<Person>);
        routes.add(rotate.on(POST, SignedIn, OwnPages, rotation::rotate::<Person>));
        let revoke = page("/{id}/revoke").on(GET, SignedIn, Anywhere, revocation::ask::<Person>);
        routes.add(revoke.on(POST, SignedIn, OwnPages, revocation::revoke::<Person>));
    });
}

/// A path of the public host.
fn page(path: &'static str) -> PathRoutes {
    at(path).only(HostScope::Public)
}
