//! What the directory and the session store know about a person, and its rows on the pages.

use super::rows::{Reasoned, label};
use crate::callers::Administrator;
use crate::fault::Fault;
use gatepost_admin::access::Openable;
use gatepost_core::administration::Scope;
use gatepost_core::clock::Timestamp;
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::{GroupName, ProviderId, UserId};
use gatepost_core::secret::Hash;
use gatepost_pages::admin::{
    AdminEntry, AdminSession, AuditEntry, ClaimedBy, IdentityEntry, MembershipEntry, PersonState,
    PersonSummary, RefusedSignIn, TenantEntry,
};
use gatepost_runtime::authn;
use gatepost_sign_in::Context;
use gatepost_store::directory::{
    AdminStanding, AuditFilter, AuditRecord, By, Directory, DirectoryError, GroupFilter, IdentityRecord,
    KeyFilter, KeyStanding, LinkSource, Membership, MembershipSource, RefusalFilter, TenantWay, UserKey,
    UserRecord, UserSummary,
};
use gatepost_store::session::record::SessionRecord;
use serde::Deserialize;
use std::collections::BTreeSet;

/// Changes that the page shows.
const CHANGES: u32 = 10;
/// Refusals that the page shows.
const REFUSALS: u32 = 5;
/// Keys that are counted: more are told as this number.
const MOST_KEYS: u32 = 100;
/// Groups that the form proposes.
const PROPOSED: u32 = 200;

/// A person as the page shows them.
pub(super) struct LoadedPerson {
    pub(super) user: UserRecord,
    pub(super) ways: Vec<TenantWay>,
    pub(super) openable: Option<Openable>,
    pub(super) changes: Vec<LoadedChange>,
    /// How many keys of the person count, as a text.
    pub(super) keys: String,
    /// Those that the reader may end. `None`: the session store does not answer.
    pub(super) sessions: Option<Vec<(Hash, SessionRecord)>>,
    /// `None`: the reader administers tenants alone.
    pub(super) system: Option<SystemFacts>,
}

/// What administrators of the system see beside it.
pub(super) struct SystemFacts {
    pub(super) memberships: Vec<Membership>,
    pub(super) refusals: Vec<Reasoned>,
    pub(super) refused_sign_ins: Vec<LoadedRefusal>,
    /// Names of groups that the form proposes.
    pub(super) group_names: Vec<GroupName>,
}

/// A row of the audit, with the words for its actor.
pub(super) struct LoadedChange {
    record: AuditRecord,
    actor: String,
}

impl LoadedPerson {
    /// Reads a person.
    ///
    /// # Errors
    /// [`Fault`]: the person does not exist for the reader, or the directory does not answer.
    pub(super) async fn find(
        (context, admin): (&Context, &gatepost_admin::Context),
        administrator: &Administrator,
        id: UserId,
    ) -> Result<Self, Fault> {
        let (scope, directory) = (&administrator.scope, &context.stores.directory);
        let user = directory.find_user(scope, &UserKey::Id(id)).await?.ok_or(Fault::NotFound)?;
        let ways = directory.list_tenant_ways(scope, id).await?;
        let openable = admin.find_openable(scope, id).await?;
        let filter = AuditFilter { user: Some(id), ..AuditFilter::default() };
        let changes = directory.list_audit(scope, &filter, CHANGES).await?;
        let system = match scope {
            Scope::System => Some(SystemFacts::find(context, &user).await?),
            Scope::Tenants(_) => None,
        };
        let changes = changes.into_iter().map(LoadedChange::from).collect();
        let keys = working_keys(directory, scope, id).await?;
        let sessions = sessions(context, scope, id).await;
        Ok(Self { user, ways, openable, changes, keys, sessions, system })
    }
}

impl SystemFacts {
    async fn find(context: &Context, user: &UserRecord) -> Result<Self, Fault> {
        let (directory, id) = (&context.stores.directory, user.summary.id);
        let mut memberships = directory.list_memberships(&Scope::System, id).await?;
        let place = |held: &Membership| (held.version.is_none(), held.group.clone());
        memberships.sort_by_cached_key(place);
        let refusals = RefusalFilter { user: Some(id), ..RefusalFilter::default() };
        let refusals = directory.search_refusals(&Scope::System, &refusals, None, REFUSALS).await?;
        let groups = GroupFilter { counted: 0, ..GroupFilter::default() };
        let groups = directory.search_groups(&Scope::System, &groups, None, PROPOSED).await?;
        Ok(Self {
            memberships,
            refusals: refusals.items.into_iter().map(Reasoned::from).collect(),
            refused_sign_ins: refused_sign_ins(directory, user).await?,
            group_names: groups.items.into_iter().map(|group| group.name).collect(),
        })
    }
}

/// A sign-in that was refused although the provider vouched for it.
pub(super) struct LoadedRefusal {
    at: Timestamp,
    said: RefusedIdentity,
}

/// What the audit states about it.
#[derive(Deserialize)]
struct RefusedIdentity {
    reason: String,
    provider: ProviderId,
    issuer: String,
    subject: String,
    email: Option<String>,
}

impl LoadedRefusal {
    pub(super) fn entry<'a>(&'a self, context: &'a Context) -> RefusedSignIn<'a> {
        let provider = label(&context.site, &self.said.provider);
        RefusedSignIn { at: self.at, provider, reason: &self.said.reason }
    }
}

/// The last refused sign-ins with an identity or an address of the person.
async fn refused_sign_ins(
    directory: &Directory,
    user: &UserRecord,
) -> Result<Vec<LoadedRefusal>, DirectoryError> {
    let asserted = user.identities.iter().filter_map(|identity| identity.email.as_ref());
    let addresses: BTreeSet<&str> =
        asserted.chain(user.summary.email.as_ref()).map(EmailAddress::as_str).collect();
    let subjects = user.identities.iter().map(|identity| format!("subject:{}", identity.key.subject));
    let targets = addresses.iter().map(|address| format!("address:{address}")).chain(subjects).collect();
    let filter = AuditFilter { targets, actions: vec!["user.refuse".to_owned()], ..AuditFilter::default() };
    if filter.targets.is_empty() {
        return Ok(Vec::new());
    }
    // A subject may be another person's at another issuer.
    let is_theirs = |said: &RefusedIdentity| {
        let is_identity = |identity: &IdentityRecord| {
            identity.key.issuer == said.issuer && identity.key.subject == said.subject
        };
        said.email.as_deref().is_some_and(|email| addresses.contains(email))
            || user.identities.iter().any(is_identity)
    };
    let rows = directory.list_audit(&Scope::System, &filter, REFUSALS).await?;
    let read = |row: AuditRecord| {
        let said: RefusedIdentity = serde_json::from_str(row.after.as_deref()?).ok()?;
        Some(LoadedRefusal { at: row.at, said }).filter(|refusal| is_theirs(&refusal.said))
    };
    Ok(rows.into_iter().filter_map(read).collect())
}

/// The valid sessions of a person that the reader may end, the one that was used last first. `None`: a store does not
/// answer.
pub(super) async fn sessions(
    context: &Context,
    scope: &Scope,
    id: UserId,
) -> Option<Vec<(Hash, SessionRecord)>> {
    let Some(standing) = authn::load_person(&context.stores, id).await.ok()? else { return Some(Vec::new()) };
    let mut live = authn::list_live(&context.site, &context.stores, &standing).await.ok()?;
    live.retain(|(_, record)| scope.covers_sessions(&record.provider, &standing.access));
    live.sort_by_key(|(_, record)| std::cmp::Reverse(record.last_seen_at));
    Some(live)
}

/// How many keys of a person count, as far as the reader may know of them, as a text.
///
/// # Errors
/// The directory does not answer.
pub(super) async fn working_keys(
    directory: &Directory,
    scope: &Scope,
    owner: UserId,
) -> Result<String, DirectoryError> {
    let standing = Some(KeyStanding::Valid(Timestamp::now()));
    let filter = KeyFilter { owner: Some(owner), standing, ..KeyFilter::default() };
    let found = directory.search_keys(scope, &filter, None, MOST_KEYS).await?;
    Ok(format!("{}{}", found.items.len(), if found.next.is_some() { " or more" } else { "" }))
}

/// The newest change of a target, if the reader may know.
///
/// # Errors
/// The directory does not answer.
pub(super) async fn last_change(
    directory: &Directory,
    scope: &Scope,
    target: &str,
) -> Result<Option<LoadedChange>, DirectoryError> {
    let filter = AuditFilter { targets: vec![target.to_owned()], ..AuditFilter::default() };
    let rows = directory.list_audit(scope, &filter, 1).await?;
    Ok(rows.into_iter().next().map(LoadedChange::from))
}

impl LoadedChange {
    pub(super) fn entry(&self) -> AuditEntry<'_> {
        AuditEntry { at: self.record.at, actor: &self.actor, action: &self.record.action }
    }
}

impl From<AuditRecord> for LoadedChange {
    /// The actor is the address of a person, else the text that the audit stores.
    fn from(record: AuditRecord) -> Self {
        let actor = record.actor_email.clone().unwrap_or_else(|| record.actor.to_string());
        Self { record, actor }
    }
}

/// Whether the person may sign in.
pub(super) fn state(user: &UserSummary) -> PersonState {
    match (user.disabled_at, user.last_sign_in_at) {
        (Some(at), _) => PersonState::Disabled(at),
        (None, None) => PersonState::Awaited,
        (None, Some(_)) => PersonState::Active,
    }
}

pub(super) fn summary(user: &UserSummary) -> PersonSummary<'_> {
    PersonSummary {
        id: user.id,
        email: user.email.as_ref(),
        name: user.name.as_deref(),
        state: state(user),
        created_at: user.created_at,
        last_sign_in_at: user.last_sign_in_at,
        version: user.version,
    }
}

/// How pages name a person: by the address, else by the id.
pub(super) fn named(user: &UserSummary) -> String {
    user.email.as_ref().map_or_else(|| user.id.to_string(), ToString::to_string)
}

pub(super) fn identities<'a>(context: &'a Context, user: &'a UserRecord) -> Vec<IdentityEntry<'a>> {
    let entry = |identity: &'a gatepost_store::directory::IdentityRecord| IdentityEntry {
        provider: label(&context.site, &identity.provider),
        email: identity.email.as_ref(),
    };
    user.identities.iter().map(entry).collect()
}

pub(super) fn membership<'a>(context: &'a Context, held: &'a Membership) -> MembershipEntry<'a> {
    let by = match &held.source {
        MembershipSource::Manual => ClaimedBy::Administrator,
        MembershipSource::Scim => ClaimedBy::Scim,
        MembershipSource::Provider(link) => {
            ClaimedBy::Provider(label(&context.site, &link.external.provider), link.display_name.as_deref())
        }
    };
    let is_unlinked =
        matches!(&held.source, MembershipSource::Provider(link) if link.source == LinkSource::Auto);
    MembershipEntry {
        id: held.group_id,
        name: &held.group,
        by,
        is_unlinked,
        until: held.until,
        version: held.version,
    }
}

pub(super) fn tenant(way: &TenantWay) -> TenantEntry<'_> {
    let (group, is_direct) = match &way.by {
        By::Group(name) => (name.as_ref(), false),
        By::Direct(_) => (None, true),
    };
    TenantEntry { id: &way.tenant, role: way.role.as_str(), group, is_direct, until: way.until }
}

pub(super) fn admin_entry(admin: &AdminStanding) -> AdminEntry<'_> {
    AdminEntry {
        is_admin: admin.is_admin,
        explicit: admin.explicit,
        until: admin.until,
        reasons: &admin.reasons,
        version: admin.version,
    }
}

pub(super) fn session((hash, record): &(Hash, SessionRecord)) -> AdminSession<'_> {
    AdminSession {
        handle: *hash,
        user_agent: record.user_agent.as_deref(),
        address: record.address,
        began_at: record.started_at,
        last_used_at: record.last_seen_at,
    }
}
