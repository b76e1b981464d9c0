//! The routes of groups, tenants, the audit and the system.

use super::super::RequestOrigin::{Anywhere, OwnPages};
use super::super::callers::{Administrator, Administrators, SystemAdministrators};
use super::super::routing::{Arguments, GET, HostScope, POST, PathRoutes, Routes, at};
use super::{
    audit, group, group_changes, group_links, groups, invitations, system, tenant, tenant_branding,
    tenant_changes, tenant_life, tenants,
};
use actix_web::{Handler, Responder};
use gatepost_pages::paths;

/// Adds the pages.
pub(super) fn register(routes: &mut Routes<'_>) {
    routes.scope(paths::ADMIN_GROUPS, |routes| {
        let list = page("").on(GET, SystemAdministrators, Anywhere, groups::list);
        routes.add(list.on(POST, SystemAdministrators, OwnPages, groups::create));
        routes.add(page("/{id}").on(GET, SystemAdministrators, Anywhere, group::show));
        routes.add(form("/{id}/rename", group_changes::rename));
        routes.add(form("/{id}/members", group_changes::add_member));
        routes.add(form("/{id}/members/remove", group_changes::remove_member));
        routes.add(form("/{id}/tenants", group_changes::map));
        routes.add(form("/{id}/tenants/remove", group_changes::unmap));
        routes.add(page("/{id}/link").on(GET, SystemAdministrators, Anywhere, group::choose_link));
        routes.add(form("/{id}/links", group_links::link));
        routes.add(form("/{id}/name", group_links::name));
        let unlink = form("/{id}/unlink", group_links::unlink);
        routes.add(unlink.on(GET, SystemAdministrators, Anywhere, group_links::ask_to_unlink));
        let delete = form("/{id}/delete", group_links::delete);
        routes.add(delete.on(GET, SystemAdministrators, Anywhere, group_links::ask_to_delete));
    });
    routes.scope(paths::ADMIN_TENANTS, |routes| {
        let list = page("").on(GET, Administrators, Anywhere, tenants::list);
        routes.add(list.on(POST, SystemAdministrators, OwnPages, tenants::create));
        routes.add(page("/{id}").on(GET, Administrators, Anywhere, tenant::show));
        routes.add(page("/{id}/audit").on(GET, Administrators, Anywhere, audit::of_tenant));
        routes.add(page("/{id}/members").on(POST, Administrators, OwnPages, tenant_changes::add_member));
        let remove = page("/{id}/members/remove");
        routes.add(remove.on(POST, Administrators, OwnPages, tenant_changes::remove_member));
        let invitations = page("/{id}/invitations").on(GET, Administrators, Anywhere, invitations::show);
        routes.add(invitations.on(POST, Administrators, OwnPages, invitations::invite));
        let withdraw = page("/{id}/invitations/withdraw");
        routes.add(withdraw.on(POST, Administrators, OwnPages, invitations::withdraw));
        let branding = page("/{id}/branding").on(GET, Administrators, Anywhere, tenant_branding::show);
        routes.add(branding.on(POST, Administrators, OwnPages, tenant_branding::change));
        let logo = page("/{id}/branding/logo");
        routes.add(logo.on(POST, Administrators, OwnPages, tenant_branding::change_logo));
        let remove = page("/{id}/branding/logo/remove");
        routes.add(remove.on(POST, Administrators, OwnPages, tenant_branding::remove_logo));
        routes.add(form("/{id}/groups", tenant_changes::map));
        routes.add(form("/{id}/groups/remove", tenant_changes::unmap));
        routes.add(form("/{id}/rename", tenant_changes::rename));
        let suspend = form("/{id}/suspend", tenant_life::suspend);
        routes.add(suspend.on(GET, SystemAdministrators, Anywhere, tenant_life::ask_to_suspend));
        routes.add(form("/{id}/resume", tenant_life::resume));
        routes.add(form("/{id}/restore", tenant_life::restore));
        let delete = form("/{id}/delete", tenant_life::delete);
        routes.add(delete.on(GET, SystemAdministrators, Anywhere, tenant_life::ask_to_delete));
    });
    routes.add(page(paths::ADMIN_AUDIT).on(GET, Administrators, Anywhere, audit::list));
    routes.add(page(paths::ADMIN_SYSTEM).on(GET, SystemAdministrators, Anywhere, system::show));
}

/// A path of the public host.
fn page(path: &'static str) -> PathRoutes {
    at(path).only(HostScope::Public)
}

/// A form of the administrators of the system.
fn form<H, Args>(path: &'static str, handler: H) -> PathRoutes
where
    H: Handler<Args, Output: Responder>,
    Args: Arguments<Caller = Administrator>,
{
    page(path).on(POST, SystemAdministrators, OwnPages, handler)
}
