//! `/admin`: the pages for administrators of the system and of tenants. The directory leaves out what does not exist for
//! the reader.

mod access;
mod audit;
mod change;
mod csv;
mod deciding;
mod ends;
mod erasure;
mod forms;
mod group;
mod group_changes;
mod group_links;
mod groups;
mod home;
mod invitations;
mod joining;
mod keys;
mod loaded;
mod new_group;
mod people;
mod person;
mod places;
mod proofs;
mod proposals;
mod refusals;
mod requests;
mod rows;
mod sign_in_form;
mod sought;
mod standing;
mod system;
mod tenant;
mod tenant_branding;
mod tenant_changes;
mod tenant_check;
mod tenant_hosts;
mod tenant_life;
mod tenant_settings;
mod tenant_sign_in;
mod tenants;
mod tools;
mod waiting;
mod waiting_proposals;

use super::RequestOrigin::{Anywhere, OwnPages};
use super::callers::{Administrator, Administrators, SystemAdministrators};
use super::routing::{GET, HostScope, POST, PathRoutes, Routes, at};
use gatepost_pages::{Frame, paths};

/// Adds the pages.
pub(super) fn register(routes: &mut Routes<'_>) {
    register_access(routes);
    routes.add(page(paths::ADMIN).on(GET, Administrators, Anywhere, home::home));
    requests::register(routes);
    proposals::register(routes);
    routes.scope(paths::ADMIN_USERS, |users| {
        let people = page("").on(GET, Administrators, Anywhere, people::people);
        users.add(people.on(POST, SystemAdministrators, OwnPages, people::create));
        users.add(page("/{id}").on(GET, Administrators, Anywhere, person::person));
        let disable = page("/{id}/disable").on(GET, SystemAdministrators, Anywhere, standing::ask_to_disable);
        users.add(disable.on(POST, SystemAdministrators, OwnPages, standing::disable));
        users.add(page("/{id}/enable").on(POST, SystemAdministrators, OwnPages, standing::enable));
        let release = page("/{id}/release-address");
        let release = release.on(GET, SystemAdministrators, Anywhere, standing::ask_to_release);
        users.add(release.on(POST, SystemAdministrators, OwnPages, standing::release_address));
        let erase = page("/{id}/erase").on(GET, SystemAdministrators, Anywhere, erasure::ask);
        users.add(erase.on(POST, SystemAdministrators, OwnPages, erasure::erase));
        users.add(page("/{id}/end-sessions").on(
            POST,
            SystemAdministrators,
            OwnPages,
            standing::end_sessions,
        ));
        users.add(page("/{id}/end-session").on(POST, Administrators, OwnPages, standing::end_session));
        users.add(page("/{id}/join").on(POST, SystemAdministrators, OwnPages, joining::join));
        users.add(page("/{id}/leave").on(POST, SystemAdministrators, OwnPages, joining::leave));
        users.add(page("/{id}/decide").on(POST, SystemAdministrators, OwnPages, deciding::decide));
    });
    routes.add(page(paths::ADMIN_ENDS).on(GET, SystemAdministrators, Anywhere, ends::list));
    keys::register(routes);
    tools::register(routes);
    places::register(routes);
}

/// Adds the pages about access.
fn register_access(routes: &mut Routes<'_>) {
    routes.add(page(paths::ADMIN_ACCESS).on(GET, Administrators, Anywhere, access::access));
    routes.add(page(paths::ADMIN_ACCESS_CSV).on(GET, Administrators, Anywhere, access::as_csv));
    routes.scope(paths::ADMIN_REFUSALS, |pages| {
        pages.add(page("").on(GET, SystemAdministrators, Anywhere, refusals::list));
        pages.add(page("/{number}").on(GET, SystemAdministrators, Anywhere, refusals::refusal));
        pages.add(page("/{number}/grant").on(POST, SystemAdministrators, OwnPages, refusals::grant));
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
