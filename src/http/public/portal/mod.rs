//! `/admin`: the pages for administrators of the system and of tenants. The directory leaves out what does not exist for
//! the reader.

mod audit;
mod change;
mod forms;
mod group;
mod group_changes;
mod group_links;
mod groups;
mod people;
mod person;
mod places;
mod rows;
mod system;
mod tenant;
mod tenant_changes;
mod tenants;

use super::RequestOrigin::Anywhere;
use super::callers::{Administrator, Administrators};
use super::routing::{GET, HostScope, Routes, at};
use gatepost_pages::{Frame, paths};

/// Adds the pages.
pub(super) fn register(routes: &mut Routes<'_>) {
    routes.scope(paths::ADMIN_USERS, |users| {
        users.add(at("").only(HostScope::Public).on(GET, Administrators, Anywhere, people::people));
        users.add(at("/{id}").only(HostScope::Public).on(GET, Administrators, Anywhere, person::person));
    });
    places::register(routes);
}

impl Administrator {
    /// The frame of a page for this reader. The notice says what their last form did.
    pub(super) fn frame<'a>(&'a self, notice: Option<&'a str>) -> Frame<'a> {
        Frame { reader: &self.reader, scope: &self.scope, notice, request_id: self.person.browser.request_id }
    }
}
