//! `/admin`: the pages for administrators of the system and of tenants. The directory leaves out what does not exist for
//! the reader.

mod change;
mod deciding;
mod home;
mod joining;
mod loaded;
mod people;
mod person;
mod requests;
mod standing;

use super::RequestOrigin::{Anywhere, OwnPages};
use super::callers::{Administrator, Administrators};
use super::routing::{GET, HostScope, POST, PathRoutes, Routes, at};
use gatepost_pages::{Frame, paths};

/// Adds the pages.
pub(super) fn register(routes: &mut Routes<'_>) {
    routes.add(page(paths::ADMIN).on(GET, Administrators, Anywhere, home::home));
    requests::register(routes);
    routes.scope(paths::ADMIN_USERS, |users| {
        let people = page("").on(GET, Administrators, Anywhere, people::people);
        users.add(people.on(POST, Administrators, OwnPages, people::create));
        users.add(page("/{id}").on(GET, Administrators, Anywhere, person::person));
        let disable = page("/{id}/disable").on(GET, Administrators, Anywhere, standing::ask_to_disable);
        users.add(disable.on(POST, Administrators, OwnPages, standing::disable));
        users.add(page("/{id}/enable").on(POST, Administrators, OwnPages, standing::enable));
        let release = page("/{id}/release-address");
        let release = release.on(GET, Administrators, Anywhere, standing::ask_to_release);
        users.add(release.on(POST, Administrators, OwnPages, standing::release_address));
        users.add(page("/{id}/end-sessions").on(POST, Administrators, OwnPages, standing::end_sessions));
        users.add(page("/{id}/end-session").on(POST, Administrators, OwnPages, standing::end_session));
        users.add(page("/{id}/join").on(POST, Administrators, OwnPages, joining::join));
        users.add(page("/{id}/leave").on(POST, Administrators, OwnPages, joining::leave));
        users.add(page("/{id}/decide").on(POST, Administrators, OwnPages, deciding::decide));
    });
}

/// A path of the public host.
fn page(path: &'static str) -> PathRoutes {
    at(path).only(HostScope::Public)
}

impl Administrator {
    /// The frame of a page for this reader. The notice says what their last form did.
    pub(super) fn frame<'a>(&'a self, notice: Option<&'a str>) -> Frame<'a> {
        Frame { reader: &self.reader, scope: &self.scope, notice, request_id: self.person.browser.request_id }
    }
}
