//! One person.

use super::people::state;
use crate::http::public::answer::PageAnswer;
use crate::http::public::callers::Administrator;
use crate::http::public::extract::Path;
use crate::http::public::fault::Fault;
use crate::sign_in::Context;
use actix_web::web;
use gatepost_core::administration::Scope;
use gatepost_core::ids::{ProviderId, UserId};
use gatepost_pages::admin::{
    AdminEntry, AuditEntry, ClaimedBy, IdentityEntry, MembershipEntry, PersonDetails, TenantEntry,
};
use gatepost_store::directory::{
    AuditFilter, AuditRecord, By, Membership, MembershipSource, TenantWay, UserKey,
};

/// Changes that the page shows.
const CHANGES: u32 = 10;

/// Shows a person whom the caller administers.
///
/// # Errors
/// [`Fault`]: the person does not exist for the caller, or the directory does not answer.
pub(in crate::http::public) async fn person(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<UserId>,
) -> Result<PageAnswer, Fault> {
    let (scope, directory) = (&administrator.scope, &context.stores.directory);
    let user = directory.find_user(scope, &UserKey::Id(id)).await?.ok_or(Fault::NotFound)?;
    let memberships = directory.list_memberships(scope, id).await?;
    let ways = directory.list_tenant_ways(scope, id).await?;
    let filter = AuditFilter { user: Some(id), ..AuditFilter::default() };
    let rows = directory.list_audit(scope, &filter, CHANGES).await?;
    let actors: Vec<String> = rows.iter().map(actor).collect();
    let identities = user.identities.iter().map(|identity| IdentityEntry {
        provider: label(&context, &identity.provider),
        email: identity.email.as_ref(),
    });
    let identities: Vec<_> = identities.collect();
    let groups: Vec<_> = memberships.iter().map(|held| membership(&context, held)).collect();
    let audit = rows.iter().zip(&actors);
    let audit: Vec<_> =
        audit.map(|(row, actor)| AuditEntry { at: row.at, actor, action: &row.action }).collect();
    let summary = &user.summary;
    let details = PersonDetails {
        frame: administrator.frame(None),
        id,
        email: summary.email.as_ref(),
        name: summary.name.as_deref(),
        state: state(summary),
        created_at: summary.created_at,
        last_sign_in_at: summary.last_sign_in_at,
        version: summary.version,
        identities: &identities,
        groups: (*scope == Scope::System).then_some(groups.as_slice()),
        tenants: &ways.iter().map(tenant).collect::<Vec<_>>(),
        admin: user.admin.as_ref().map(|admin| AdminEntry {
            is_admin: admin.is_admin,
            explicit: admin.explicit,
            until: admin.until,
            reasons: &admin.reasons,
        }),
        audit: &audit,
    };
    Ok(PageAnswer(details.page()))
}

fn label<'a>(context: &'a Context, id: &'a ProviderId) -> &'a str {
    context.site.providers.find(id).map_or(id.as_str(), |provider| provider.label())
}

fn membership<'a>(context: &'a Context, held: &'a Membership) -> MembershipEntry<'a> {
    let by = match &held.source {
        MembershipSource::Manual => ClaimedBy::Administrator,
        MembershipSource::Scim => ClaimedBy::Scim,
        MembershipSource::Provider(link) => {
            ClaimedBy::Provider(label(context, &link.external.provider), link.display_name.as_deref())
        }
    };
    MembershipEntry { id: held.group_id, name: &held.group, by, until: held.until, version: held.version }
}

pub(super) fn tenant(way: &TenantWay) -> TenantEntry<'_> {
    let (group, is_direct) = match &way.by {
        By::Group(name) => (name.as_ref(), false),
        By::Direct(_) => (None, true),
    };
    TenantEntry { id: &way.tenant, role: way.role.as_str(), group, is_direct, until: way.until }
}

/// The address of a person, else the actor as the audit stores it.
fn actor(row: &AuditRecord) -> String {
    row.actor_email.clone().unwrap_or_else(|| row.actor.to_string())
}
