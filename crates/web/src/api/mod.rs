//! The REST API below `/api/v1`, for administrators and for people about themselves. [`register`] is the list of its
//! operations: who may call each, and the handler.
//!
//! A request is judged in this order: where it comes from, how many the caller has sent, who calls and what they
//! administer now (a key that is new to this replica is looked up before its requests are counted), then its path, its conditions and its body. What fails is a problem document (RFC 9457). Changes go
//! through [`gatepost_admin`], which asks again, in the transaction of the change.

mod access;
mod admins;
mod audit;
mod caller;
mod documents;
mod explain;
mod exports;
mod group_members;
mod groups;
mod input;
mod invitations;
mod json;
mod key_bodies;
mod key_caller;
mod keys;
mod list;
mod me;
mod media;
mod members;
mod openapi;
mod personal;
mod problems;
mod proposals;
mod provider_bodies;
mod rate;
mod refused;
mod repeats;
mod reply;
mod requests;
mod system;
mod tenant_bodies;
mod tenant_branding;
mod tenant_check;
mod tenant_export;
mod tenant_hosts;
mod tenant_providers;
mod tenants;
mod tiers;
mod tool_servers;
mod usage;
mod usage_events;
mod users;

pub(crate) use documents::Documents;
pub use openapi::document;
pub use provider_bodies::{ProviderFlaws, ProviderPatch, read_provider};
pub(crate) use tenant_bodies::MOST_ALLOWANCES;

use crate::HostScope;
use crate::RequestOrigin::{Anywhere, OwnPagesOrKey};
use crate::callers::Anyone;
use crate::fault::FaultFormat;
use crate::routing::{DELETE, GET, PATCH, POST, POST_EMPTY, PUT, Routes, at, at_or_slash, is_self_service};
use caller::{AdminRead, AdminWrite, OwnRead, OwnWrite, SystemRead, SystemWrite, UsageWrite};
use gatepost_pages::paths;

/// Registers the operations, and the documents about them.
pub(crate) fn register(routes: &mut Routes<'_>) {
    routes.add(at(paths::API).only(HostScope::Public).on(GET, Anyone, Anywhere, documents::page));
    routes.add(at(paths::OPENAPI).only(HostScope::Public).on(GET, Anyone, Anywhere, documents::openapi));
    routes.add(at("/problems/{code}").only(HostScope::Public).on(GET, Anyone, Anywhere, documents::problem));
    routes.scope_with_format(reply::ROOT, FaultFormat(refused::answer), |api| {
        own(api);
        people(api);
        all_groups(api);
        all_tenants(api);
        all_keys(api);
        all_tool_servers(api);
        all_requests(api);
        all_proposals(api);
        platform(api);
    });
}

fn own(api: &mut Routes<'_>) {
    api.add(at("/me").on(GET, OwnRead, Anywhere, me::show));
    api.add(at("/me/export").on(GET, OwnRead, Anywhere, personal::export_own));
    api.add(at("/me/access").on(GET, OwnRead, Anywhere, me::access));
    api.add(at("/me/sessions").on(GET, OwnRead, Anywhere, me::sessions));
    let session = at("/me/sessions/{id}").on(GET, OwnRead, Anywhere, me::session);
    api.add(session.on(DELETE, OwnWrite, OwnPagesOrKey, me::end_session));
}

fn people(api: &mut Routes<'_>) {
    let users = at("/users").on(GET, AdminRead, Anywhere, users::list);
    api.add(users.on(POST, SystemWrite, OwnPagesOrKey, users::create));
    api.add(at("/users/{id}").on(GET, AdminRead, Anywhere, users::show));
    api.add(at("/users/{id}/disable").on(POST_EMPTY, SystemWrite, OwnPagesOrKey, users::disable));
    api.add(at("/users/{id}/enable").on(POST_EMPTY, SystemWrite, OwnPagesOrKey, users::enable));
    api.add(at("/users/{id}/end-sessions").on(POST_EMPTY, SystemWrite, OwnPagesOrKey, users::end_sessions));
    api.add(at("/users/{id}/release-address").on(
        POST_EMPTY,
        SystemWrite,
        OwnPagesOrKey,
        users::release_address,
    ));
    api.add(at("/users/{id}/access").on(GET, AdminRead, Anywhere, users::access));
    api.add(at("/users/{id}/audit").on(GET, AdminRead, Anywhere, audit::of_user));
    api.add(at("/users/{id}/erase").on(POST, SystemWrite, OwnPagesOrKey, personal::erase));
    api.add(at("/users/{id}/export").on(GET, SystemRead, Anywhere, personal::export));
    api.add(at("/users/{id}/memberships").on(GET, AdminRead, Anywhere, users::memberships));
    api.add(at("/users/{id}/sessions").on(GET, AdminRead, Anywhere, users::sessions));
    api.add(at("/sessions/{id}").on(DELETE, AdminWrite, OwnPagesOrKey, users::end_session));
}

fn all_groups(api: &mut Routes<'_>) {
    let groups = at("/groups").on(GET, SystemRead, Anywhere, groups::list);
    api.add(groups.on(POST, SystemWrite, OwnPagesOrKey, groups::create));
    let group = at("/groups/{id}").on(GET, SystemRead, Anywhere, groups::show);
    let group = group.on(PATCH, SystemWrite, OwnPagesOrKey, groups::rename);
    api.add(group.on(DELETE, SystemWrite, OwnPagesOrKey, groups::delete));
    api.add(at("/groups/{id}/members").on(GET, SystemRead, Anywhere, group_members::list));
    api.add(at("/groups/{id}/members:batch").on(POST, SystemWrite, OwnPagesOrKey, group_members::batch));
    let member = at("/groups/{id}/members/{user}").on(PUT, SystemWrite, OwnPagesOrKey, group_members::add);
    api.add(member.on(DELETE, SystemWrite, OwnPagesOrKey, group_members::remove));
    let links = at("/groups/{id}/links").on(GET, SystemRead, Anywhere, groups::links);
    let links = links.on(POST, SystemWrite, OwnPagesOrKey, groups::link);
    api.add(links.on(DELETE, SystemWrite, OwnPagesOrKey, groups::unlink));
    let mapping = at("/groups/{id}/tenants/{tenant}").on(PUT, SystemWrite, OwnPagesOrKey, groups::map);
    api.add(mapping.on(DELETE, SystemWrite, OwnPagesOrKey, groups::unmap));
}

fn all_tenants(api: &mut Routes<'_>) {
    let tenants = at_or_slash("/tenants").on(GET, AdminRead, Anywhere, tenants::list);
    api.add(tenants.on(POST, SystemWrite, OwnPagesOrKey, tenants::create));
    let tenant = at_or_slash("/tenants/{id}").on(GET, AdminRead, Anywhere, tenants::show);
    let tenant = tenant.on(PUT, SystemWrite, OwnPagesOrKey, tenants::put);
    let tenant = tenant.on(PATCH, SystemWrite, OwnPagesOrKey, tenants::patch);
    api.add(tenant.on(DELETE, SystemWrite, OwnPagesOrKey, tenants::delete));
    api.add(at_or_slash("/tenants/{id}/suspend").on(POST, SystemWrite, OwnPagesOrKey, tenants::suspend));
    api.add(at_or_slash("/tenants/{id}/resume").on(POST_EMPTY, SystemWrite, OwnPagesOrKey, tenants::resume));
    api.add(at_or_slash("/tenants/{id}/restore").on(
        POST_EMPTY,
        SystemWrite,
        OwnPagesOrKey,
        tenants::restore,
    ));
    tenant_parts(api);
    tiers_of_tenants(api);
}

fn tiers_of_tenants(api: &mut Routes<'_>) {
    api.add(at("/tiers").on(GET, SystemRead, Anywhere, tiers::list));
    let tier = at("/tiers/{id}").on(GET, SystemRead, Anywhere, tiers::show);
    let tier = tier.on(PUT, SystemWrite, OwnPagesOrKey, tiers::put);
    api.add(tier.on(DELETE, SystemWrite, OwnPagesOrKey, tiers::delete));
}

fn tenant_parts(api: &mut Routes<'_>) {
    let hosts = at_or_slash("/tenants/{id}/hosts").on(GET, AdminRead, Anywhere, tenant_hosts::list);
    api.add(hosts.on(POST, AdminWrite, OwnPagesOrKey, tenant_hosts::add));
    let host = at("/tenants/{id}/hosts/{host}").on(GET, AdminRead, Anywhere, tenant_hosts::show);
    api.add(host.on(DELETE, AdminWrite, OwnPagesOrKey, tenant_hosts::remove));
    let confirm = at("/tenants/{id}/hosts/{host}/confirm");
    api.add(confirm.on(POST_EMPTY, AdminWrite, OwnPagesOrKey, tenant_hosts::confirm));
    let approve = at("/tenants/{id}/hosts/{host}/approve");
    api.add(approve.on(POST_EMPTY, SystemWrite, OwnPagesOrKey, tenant_hosts::approve));
    let refuse = at("/tenants/{id}/hosts/{host}/refuse");
    api.add(refuse.on(POST_EMPTY, SystemWrite, OwnPagesOrKey, tenant_hosts::refuse));
    let branding = at_or_slash("/tenants/{id}/branding").on(GET, AdminRead, Anywhere, tenant_branding::show);
    api.add(branding.on(PATCH, AdminWrite, OwnPagesOrKey, tenant_branding::patch));
    // It calls other servers, which a page of another site must not make a browser ask for.
    api.add(at_or_slash("/tenants/{id}/check").on(GET, AdminRead, OwnPagesOrKey, tenant_check::check));
    api.add(at_or_slash("/tenants/{id}/export").on(GET, AdminRead, Anywhere, tenant_export::export));
    api.add(at("/tenants/{id}/usage").on(GET, AdminRead, Anywhere, usage::usage));
    api.add(at("/usage/events").on(POST, UsageWrite, OwnPagesOrKey, usage_events::add));
    api.add(at("/tenants/{id}/bill").on(GET, AdminRead, Anywhere, usage::bill));
    let provider = at_or_slash("/tenants/{id}/provider").on(GET, AdminRead, Anywhere, tenant_providers::show);
    let provider = provider.on(PUT, AdminWrite, OwnPagesOrKey, tenant_providers::put);
    let provider = provider.on(PATCH, AdminWrite, OwnPagesOrKey, tenant_providers::patch);
    api.add(provider.on(DELETE, AdminWrite, OwnPagesOrKey, tenant_providers::remove));
    let confirm = at("/tenants/{id}/provider/domains/{domain}/confirm");
    api.add(confirm.on(POST_EMPTY, AdminWrite, OwnPagesOrKey, tenant_providers::confirm));
    let approve = at("/tenants/{id}/provider/domains/{domain}/approve");
    api.add(approve.on(POST_EMPTY, SystemWrite, OwnPagesOrKey, tenant_providers::approve));
    let refuse = at("/tenants/{id}/provider/domains/{domain}/refuse");
    api.add(refuse.on(POST_EMPTY, SystemWrite, OwnPagesOrKey, tenant_providers::refuse));
    let invitations = at("/tenants/{id}/invitations").on(GET, AdminRead, Anywhere, invitations::list);
    api.add(invitations.on(POST, AdminWrite, OwnPagesOrKey, invitations::create));
    let invitation =
        at("/tenants/{id}/invitations/{invitation}").on(GET, AdminRead, Anywhere, invitations::show);
    api.add(invitation.on(DELETE, AdminWrite, OwnPagesOrKey, invitations::withdraw));
    api.add(at("/tenants/{id}/members").on(GET, AdminRead, Anywhere, tenants::members));
    let member = at("/tenants/{id}/members/{user}").on(PUT, AdminWrite, OwnPagesOrKey, tenants::add_member);
    api.add(member.on(DELETE, AdminWrite, OwnPagesOrKey, tenants::remove_member));
}

fn all_keys(api: &mut Routes<'_>) {
    let own = at("/me/keys").on(GET, OwnRead, Anywhere, keys::list_own);
    api.add(own.on(POST, OwnWrite, OwnPagesOrKey, keys::create_own));
    let own = at("/me/keys/{id}").on(GET, OwnRead, Anywhere, keys::show_own);
    let own = own.on(PATCH, OwnWrite, OwnPagesOrKey, keys::patch_own);
    api.add(own.on(DELETE, OwnWrite, OwnPagesOrKey, keys::revoke_own));
    api.add(at("/me/keys/{id}/rotate").on(POST, OwnWrite, OwnPagesOrKey, keys::rotate_own));
    let keys = at("/keys").on(GET, AdminRead, Anywhere, keys::list);
    api.add(keys.on(POST, AdminWrite, OwnPagesOrKey, keys::create));
    api.add(at("/keys/lookup").on(POST, AdminRead, OwnPagesOrKey, keys::look_up));
    let key = at("/keys/{id}").on(GET, AdminRead, Anywhere, keys::show);
    let key = key.on(PATCH, AdminWrite, OwnPagesOrKey, keys::patch);
    api.add(key.on(DELETE, AdminWrite, OwnPagesOrKey, keys::revoke));
    api.add(at("/keys/{id}/rotate").on(POST, AdminWrite, OwnPagesOrKey, keys::rotate));
    let of_tenant = at("/tenants/{id}/keys").on(GET, AdminRead, Anywhere, keys::list_of_tenant);
    api.add(of_tenant.on(POST, AdminWrite, OwnPagesOrKey, keys::create_of_tenant));
    api.add(at("/users/{id}/keys").on(GET, AdminRead, Anywhere, keys::list_of_user));
}

fn all_tool_servers(api: &mut Routes<'_>) {
    let servers = at("/tenants/{id}/tool-servers").on(GET, AdminRead, Anywhere, tool_servers::list);
    api.add(servers.on(POST, AdminWrite, OwnPagesOrKey, tool_servers::create));
    let server = at("/tool-servers/{id}").on(GET, AdminRead, Anywhere, tool_servers::show);
    let server = server.on(PATCH, AdminWrite, OwnPagesOrKey, tool_servers::update);
    api.add(server.on(DELETE, AdminWrite, OwnPagesOrKey, tool_servers::delete));
    let rules = at("/tool-servers/{id}/rules").on(GET, AdminRead, Anywhere, tool_servers::rules);
    api.add(rules.on(POST, AdminWrite, OwnPagesOrKey, tool_servers::allow));
    api.add(at("/tool-servers/{id}/rules/{rule}").on(
        DELETE,
        AdminWrite,
        OwnPagesOrKey,
        tool_servers::forbid,
    ));
}

fn all_requests(api: &mut Routes<'_>) {
    api.add(at("/requests").on(GET, AdminRead, Anywhere, requests::list));
    api.add(at("/requests/{id}").on(GET, AdminRead, Anywhere, requests::show));
    api.add(at("/requests/{id}/grant").on(POST, AdminWrite, OwnPagesOrKey, requests::grant));
    api.add(at("/requests/{id}/decline").on(POST, AdminWrite, OwnPagesOrKey, requests::decline));
}

fn all_proposals(api: &mut Routes<'_>) {
    let own = at("/me/proposals").only_if(is_self_service).on(GET, OwnRead, Anywhere, proposals::list_own);
    api.add(own.on(POST, OwnWrite, OwnPagesOrKey, proposals::propose));
    let own = at("/me/proposals/{id}").only_if(is_self_service);
    api.add(own.on(GET, OwnRead, Anywhere, proposals::show_own));
    let all = at("/proposals").only_if(is_self_service);
    api.add(all.on(GET, SystemRead, Anywhere, proposals::list));
    let one = at("/proposals/{id}").only_if(is_self_service);
    api.add(one.on(GET, SystemRead, Anywhere, proposals::show));
    let approve = at("/proposals/{id}/approve").only_if(is_self_service);
    api.add(approve.on(POST_EMPTY, SystemWrite, OwnPagesOrKey, proposals::approve));
    let refuse = at("/proposals/{id}/refuse").only_if(is_self_service);
    api.add(refuse.on(POST, SystemWrite, OwnPagesOrKey, proposals::refuse));
}

fn platform(api: &mut Routes<'_>) {
    api.add(at("/admins").on(GET, SystemRead, Anywhere, admins::list));
    let admin = at("/admins/{user}").on(GET, SystemRead, Anywhere, admins::show);
    let admin = admin.on(PUT, SystemWrite, OwnPagesOrKey, admins::decide);
    api.add(admin.on(DELETE, SystemWrite, OwnPagesOrKey, admins::reset));
    api.add(at("/audit").on(GET, AdminRead, Anywhere, audit::list));
    api.add(at("/audit/export").on(GET, AdminRead, Anywhere, audit::export));
    api.add(at("/audit/heads").on(GET, SystemRead, Anywhere, audit::heads));
    api.add(at("/access").on(GET, AdminRead, Anywhere, access::list));
    api.add(at("/access/keys").on(GET, AdminRead, Anywhere, access::list_keys));
    api.add(at("/applications").on(GET, AdminRead, Anywhere, access::applications));
    api.add(at("/explain").on(POST, SystemRead, OwnPagesOrKey, explain::answer));
    api.add(at("/system").on(GET, SystemRead, Anywhere, system::show));
}
