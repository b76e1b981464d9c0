//! The routes of groups, tenants, the audit and the system.

use super::super::RequestOrigin::{Anywhere, OwnPages};
use super::super::callers::{Administrator, Administrators, SystemAdministrators};
use super::super::routing::{Arguments, GET, HostScope, POST, PathRoutes, Routes, at};
use super::{
    audit, group, group_changes, group_links, groups, invitations, system, tenant, tenant_branding,
    tenant_changes, tenant_check, tenant_hosts, tenant_life, tenant_settings, tenant_sign_in, tenants,
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
        let check = page("/{id}/check").on(GET, Administrators, Anywhere, tenant_check::show);
        routes.add(check.on(POST, Administrators, OwnPages, tenant_check::check));
        hosts_of_tenant(routes);
        provider_of_tenant(routes);
        let settings = form("/{id}/settings", tenant_settings::change);
        routes.add(settings.on(GET, Administrators, Anywhere, tenant_settings::show));
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

/// Adds the pages about hosts of a tenant.
fn hosts_of_tenant(routes: &mut Routes<'_>) {
    let hosts = page("/{id}/hosts").on(GET, Administrators, Anywhere, tenant_hosts::show);
    routes.add(hosts.on(POST, Administrators, OwnPages, tenant_hosts::propose));
    routes.add(page("/{id}/hosts/confirm").on(POST, Administrators, OwnPages, tenant_hosts::confirm));
    routes.add(form("/{id}/hosts/approve", tenant_hosts::approve));
    routes.add(form("/{id}/hosts/refuse", tenant_hosts::refuse));
    let remove = page("/{id}/hosts/remove").on(GET, Administrators, Anywhere, tenant_hosts::ask_to_remove);
    routes.add(remove.on(POST, Administrators, OwnPages, tenant_hosts::remove));
}

/// Adds the pages about the provider of a tenant.
fn provider_of_tenant(routes: &mut Routes<'_>) {
    let provider = page("/{id}/sign-in").on(GET, Administrators, Anywhere, tenant_sign_in::show);
    routes.add(provider.on(POST, Administrators, OwnPages, tenant_sign_in::set));
    let remove =
        page("/{id}/sign-in/remove").on(GET, Administrators, Anywhere, tenant_sign_in::ask_to_remove);
    routes.add(remove.on(POST, Administrators, OwnPages, tenant_sign_in::remove));
    let confirm = page("/{id}/sign-in/domains/confirm");
    routes.add(confirm.on(POST, Administrators, OwnPages, tenant_sign_in::confirm));
    routes.add(form("/{id}/sign-in/domains/approve", tenant_sign_in::approve));
    routes.add(form("/{id}/sign-in/domains/refuse", tenant_sign_in::refuse));
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
