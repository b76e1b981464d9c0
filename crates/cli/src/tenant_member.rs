//! `gatepost tenant add-member` and `remove-member`: roles that people have in a tenant beside those that groups give.

use super::console::{Console, WHAT_GOES_ON_WITH_LESS_ACCESS};
use super::end::{self, End};
use super::error::CommandError;
use super::report::{Report, rfc3339};
use gatepost_admin::views::TenantMember;
use gatepost_core::access::Role;
use gatepost_core::administration::Scope;
use gatepost_core::ids::TenantId;
use gatepost_store::directory::changes::{AddTenantMember, RemoveTenantMember};
use gatepost_store::directory::{Directory, Page, Place, UserKey};
use serde_json::json;

pub(super) async fn add(
    console: &Console,
    tenant: &TenantId,
    key: &UserKey,
    role: Role,
    end: End,
) -> Result<Report, CommandError> {
    let until = end.at(console).await?;
    let change = AddTenantMember { tenant: tenant.clone(), user: key.clone(), role, until };
    let changed = console.carry_out(&change).await?.changed;
    let user = console.find_subject(key).await?;
    let (name, then) = (&user.name, end::until(until));
    let text = if !changed {
        format!("{name} is already {role} of tenant {tenant}{then}.")
    } else if user.is_awaited {
        let will = console.either("will", "would");
        format!(
            "Nobody has signed in as {name} yet. The first person who signs in with this address {will} be {role} of \
             tenant {tenant}{then}."
        )
    } else {
        format!("{name} {} {role} of tenant {tenant}{then}.", console.either("is now", "would be"))
    };
    let until = until.map(rfc3339);
    let json =
        json!({ "tenant": tenant, "user_id": user.id(), "role": role, "until": until, "changed": changed });
    Ok(Report::new(text, json))
}

pub(super) async fn remove(
    console: &Console,
    tenant: &TenantId,
    key: &UserKey,
) -> Result<Report, CommandError> {
    let change = RemoveTenantMember { tenant: tenant.clone(), user: key.clone() };
    let role = console.carry_out(&change).await?.outcome;
    let user = console.find_subject(key).await?;
    let is = console.either("is no longer", "would no longer be");
    let mut text = format!("{} {is} {role} of tenant {tenant}, unless a group gives this role.", user.name);
    if !user.is_awaited {
        text.push_str(&console.note(WHAT_GOES_ON_WITH_LESS_ACCESS));
    }
    Ok(Report::new(text, json!({ "tenant": tenant, "user_id": user.id(), "role": role, "changed": true })))
}

/// All members that a tenant has by itself.
pub(super) async fn list(console: &Console, tenant: &str) -> Result<Vec<TenantMember>, CommandError> {
    let page = async |directory: &Directory, after: Option<Place>, limit| {
        // A tenant is listed with an id that is one.
        let Ok(id) = tenant.parse::<TenantId>() else { return Ok(Page { items: Vec::new(), next: None }) };
        directory.list_tenant_members(&Scope::System, &id, after.as_ref(), limit).await
    };
    console.list((&["tenants", tenant, "members"], &[]), page).await
}

/// How many members of a tenant a table shows.
const SHOWN: usize = 20;

/// The members of a tenant for a table, each with role and end.
pub(super) fn described(members: &[TenantMember]) -> Vec<String> {
    let described = |member: &TenantMember| {
        let user = member.email.as_ref().unwrap_or(&member.id);
        format!("{user} ({}{})", member.role, end::until_text(member.until.as_ref()))
    };
    let mut shown: Vec<String> = members.iter().take(SHOWN).map(described).collect();
    if members.len() > SHOWN {
        shown.push(format!("and {} more; --json shows all", members.len() - SHOWN));
    }
    shown
}
