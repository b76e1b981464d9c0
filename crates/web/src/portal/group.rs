//! One group.

use super::forms::{ListParameters, PAGE, linked};
use super::loaded::named;
use super::rows::{claimed_by, label};
use crate::answer::PageAnswer;
use crate::callers::Administrator;
use crate::extract::{Path, Query};
use crate::fault::Fault;
use actix_web::web;
use gatepost_admin::Context;
use gatepost_core::clock::Timestamp;
use gatepost_core::identity::GroupKind;
use gatepost_core::ids::GroupId;
use gatepost_pages::admin::{
    EnteredEnd, EnteredText, GroupDetails, GroupEntered, GroupLinking, LinkEntry, LinkStanding, MappedTenant,
    MemberEntry, PlaceNotice, SeenGroup, joined_words,
};
use gatepost_store::directory::{
    GroupFilter, GroupLink, GroupRecord, GroupState, GroupTenant, LinkSource, LinkedGroup, MemberRecord,
    Membership, MembershipSource, TenantFilter, UserKey, UserSummary,
};
use serde::Deserialize;

/// Tenants that a form proposes.
const PROPOSED: u32 = 50;

/// Shows a group.
///
/// # Errors
/// [`Fault`]: there is no such group, or the directory does not answer.
pub(crate) async fn show(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<GroupId>,
    Query(parameters): Query<ListParameters>,
) -> Result<PageAnswer, Fault> {
    let group = find(&administrator, &context, id).await?;
    let no_end = EnteredEnd::default();
    let entered = GroupEntered::none(group.name.as_str(), &no_end);
    page(&administrator, &context, &group, &parameters, entered).await
}

/// The group of this number.
///
/// # Errors
/// `NotFound`.
pub(super) async fn find(
    administrator: &Administrator,
    context: &Context,
    id: GroupId,
) -> Result<GroupRecord, Fault> {
    let found = context.stores.directory.find_group(&administrator.scope, &id.into()).await?;
    found.ok_or(Fault::NotFound)
}

/// Shows a group, with what was entered into its forms.
pub(super) async fn page(
    administrator: &Administrator,
    context: &Context,
    group: &GroupRecord,
    parameters: &ListParameters,
    entered: GroupEntered<'_>,
) -> Result<PageAnswer, Fault> {
    let (scope, directory) = (&administrator.scope, &context.stores.directory);
    let after = linked(parameters.after.as_deref())?;
    let q = parameters.q.as_deref().map(str::trim).unwrap_or_default();
    let key = group.id.into();
    let every_tenant = TenantFilter::default();
    let (members, links, tenants, known) = tokio::try_join!(
        directory.list_members(scope, (&key, Some(q)), after.as_ref(), PAGE),
        directory.list_links(scope, group.id),
        directory.list_group_tenants(scope, group.id),
        directory.search_tenants(scope, &every_tenant, None, PROPOSED),
    )?;
    let entries: Vec<_> = members.items.iter().map(|member| member_entry(context, member)).collect();
    let links: Vec<_> = links.iter().map(|link| link_entry(context, link)).collect();
    let tenants: Vec<_> = tenants.iter().map(tenant_entry).collect();
    let known: Vec<&str> = known.items.iter().map(|tenant| tenant.id.as_str()).collect();
    let next = members.next.map(|next| next.to_string());
    let joined = joined_notice(administrator, context, group, parameters).await?;
    let page = GroupDetails {
        frame: administrator.frame(joined.as_deref().or(PlaceNotice::text_of(parameters.done.as_deref()))),
        id: group.id,
        name: &group.name,
        version: group.version,
        count: &group.members.to_string(),
        q,
        members: &entries,
        next: next.as_deref(),
        links: &links,
        tenants: &tenants,
        known_tenants: &known,
        entered,
        now: Timestamp::now(),
    };
    Ok(PageAnswer(page.page()))
}

/// A person, with the membership that an administrator gave.
pub(super) async fn find_held(
    administrator: &Administrator,
    context: &Context,
    group: GroupId,
    user: &UserKey,
) -> Result<Option<(UserSummary, Option<Membership>)>, Fault> {
    let (scope, directory) = (&administrator.scope, &context.stores.directory);
    let Some(user) = directory.find_user(scope, user).await? else { return Ok(None) };
    let memberships = directory.list_memberships(scope, user.summary.id).await?;
    let is_it = |held: &Membership| held.group_id == group && matches!(held.source, MembershipSource::Manual);
    Ok(Some((user.summary, memberships.into_iter().find(is_it))))
}

/// Whom the last form added, and until when, as it is now: anybody can make a link with any notice.
async fn joined_notice(
    administrator: &Administrator,
    context: &Context,
    group: &GroupRecord,
    parameters: &ListParameters,
) -> Result<Option<String>, Fault> {
    let user = parameters.joined.as_deref().and_then(|user| user.parse().ok());
    let Some(user) = user.filter(|_| parameters.done.as_deref() == Some(PlaceNotice::Joined.as_str())) else {
        return Ok(None);
    };
    let found = find_held(administrator, context, group.id, &UserKey::Id(user)).await?;
    let Some((user, Some(held))) = found else { return Ok(None) };
    Ok(Some(joined_words(&named(&user), group.name.as_str(), held.until)))
}

fn member_entry<'a>(context: &'a Context, member: &'a MemberRecord) -> MemberEntry<'a> {
    MemberEntry {
        id: member.id,
        email: member.email.as_ref(),
        name: member.name.as_deref(),
        by: member.sources.iter().map(|source| claimed_by(&context.site, source)).collect(),
        until: member.until,
        given_until: member.given_until,
        version: member.version,
    }
}

fn link_entry<'a>(context: &'a Context, linked: &'a LinkedGroup) -> LinkEntry<'a> {
    let GroupLink { external, display_name, source } = &linked.link;
    LinkEntry {
        external: external.to_string(),
        provider: label(&context.site, &external.provider),
        external_id: &external.external_id,
        is_role: external.kind == GroupKind::Role,
        name: display_name.as_deref(),
        people: linked.people.to_string(),
        standing: match source {
            LinkSource::Auto => LinkStanding::Unlinked,
            LinkSource::Trusted => LinkStanding::Trusted,
            LinkSource::Config => LinkStanding::Configured,
            LinkSource::Manual => LinkStanding::Linked,
        },
    }
}

fn tenant_entry(tenant: &GroupTenant) -> MappedTenant<'_> {
    let GroupTenant { tenant_id: id, name, role, version } = tenant;
    MappedTenant { id, name: name.as_deref(), role: *role, version: *version }
}

/// What is searched for among the providers' groups.
#[derive(Default, Deserialize)]
pub(crate) struct LinkSearch {
    q: Option<String>,
}

/// Shows the providers' groups to choose one from.
///
/// # Errors
/// [`Fault`]: there is no such group, or the directory does not answer.
pub(crate) async fn choose_link(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<GroupId>,
    Query(search): Query<LinkSearch>,
) -> Result<PageAnswer, Fault> {
    let group = find(&administrator, &context, id).await?;
    link_page(&administrator, &context, &group, &search, EnteredText::default()).await
}

/// Shows them, with what was entered.
pub(super) async fn link_page(
    administrator: &Administrator,
    context: &Context,
    group: &GroupRecord,
    search: &LinkSearch,
    link: EnteredText<'_>,
) -> Result<PageAnswer, Fault> {
    let q = search.q.as_deref().map(str::trim).unwrap_or_default();
    let seen = if q.is_empty() {
        let often = context.stores.directory.list_unlinked_groups(&administrator.scope, PAGE).await?;
        often.into_iter().map(|seen| (seen.link, seen.people)).collect()
    } else {
        matching(administrator, context, q).await?
    };
    let entries: Vec<_> = seen
        .iter()
        .map(|(link, people)| SeenGroup {
            external: link.external.to_string(),
            provider: label(&context.site, &link.external.provider),
            external_id: &link.external.external_id,
            is_role: link.external.kind == GroupKind::Role,
            name: link.display_name.as_deref(),
            people: people.to_string(),
        })
        .collect();
    let provider = context.site.providers.iter().next().map_or("entra", |provider| provider.id().as_str());
    let example = entries.first().map_or_else(|| format!("{provider}:ID"), |seen| seen.external.clone());
    let frame = administrator.frame(None);
    let (id, name, version) = (group.id, &group.name, group.version);
    let page = GroupLinking { frame, id, name, version, q, seen: &entries, link, example: &example };
    Ok(PageAnswer(page.page()))
}

type Seen = Vec<(GroupLink, gatepost_store::directory::Count)>;

/// The groups that nobody linked and that match. Each stands for one provider's group alone, so that its people are those
/// of the provider's group.
async fn matching(administrator: &Administrator, context: &Context, q: &str) -> Result<Seen, Fault> {
    let filter =
        GroupFilter { q: Some(q.to_owned()), state: Some(GroupState::Unlinked), ..GroupFilter::default() };
    let directory = &context.stores.directory;
    let found = directory.search_groups(&administrator.scope, &filter, None, PAGE).await?;
    let seen = |group: GroupRecord| {
        let link = group.links.into_iter().find(|link| link.source == LinkSource::Auto)?;
        Some((link, group.members))
    };
    Ok(found.items.into_iter().filter_map(seen).collect())
}
