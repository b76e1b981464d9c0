//! Pages about tool servers and their rules.

mod details;
mod edit;
mod facts;
mod list;
mod listed;
mod removal;
mod rules;
mod settings;

use super::super::RequestOrigin::{Anywhere, OwnPages};
use super::super::callers::Administrators;
use super::super::routing::{GET, HostScope, POST, PathRoutes, Routes, at};
use gatepost_pages::paths;

/// Adds the pages.
pub(super) fn register(routes: &mut Routes<'_>) {
    routes.scope(paths::ADMIN_TOOLS, |routes| {
        let list = page("").on(GET, Administrators, Anywhere, list::list);
        routes.add(list.on(POST, Administrators, OwnPages, list::create));
        routes.add(page("/{id}").on(GET, Administrators, Anywhere, details::show));
        let listed = page("/{id}/listed").on(GET, Administrators, Anywhere, listed::show);
        routes.add(listed.on(POST, Administrators, OwnPages, listed::ask));
        let edit = page("/{id}/edit").on(GET, Administrators, Anywhere, edit::show);
        routes.add(edit.on(POST, Administrators, OwnPages, edit::update));
        let delete = page("/{id}/delete").on(GET, Administrators, Anywhere, removal::ask);
        routes.add(delete.on(POST, Administrators, OwnPages, removal::delete));
        routes.add(page("/{id}/rules").on(POST, Administrators, OwnPages, rules::allow));
        let forbid = page("/{id}/rules/remove").on(GET, Administrators, Anywhere, rules::ask);
        routes.add(forbid.on(POST, Administrators, OwnPages, rules::forbid));
    });
}

/// A path of the public host.
fn page(path: &'static str) -> PathRoutes {
    at(path).only(HostScope::Public)
}
