//! What both stores say about a person and about what a router demands, read once for one explanation.

use super::context::{Context, ExplainError};
use gatepost_core::access::Standing;
use gatepost_core::ids::{GroupName, TenantId};
use gatepost_core::requirement::Requirement;
use gatepost_core::secret::Hash;
use gatepost_store::directory::{
    DirectoryError, GroupLink, GroupRecord, Membership, TenantRecord, UserKey, UserRecord,
};
use gatepost_store::patience::patiently;
use gatepost_store::session::record::SessionRecord;
use gatepost_store::session::store::StoreError;
use gatepost_store::session::values::SessionId;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// A person's sessions beyond these, the last used first, are only counted.
const MAX_SESSIONS: usize = 20;
/// People among whom somebody with a similar address is looked for, and how many are read at once.
const SEARCHED: usize = 5_000;
const PAGE: u32 = 500;
/// Below this likeness (0 to 1) a suggestion would be a guess.
const LIKE_ENOUGH: f64 = 0.75;
const SUGGESTIONS: usize = 3;

/// About the person.
pub(super) struct Facts {
    pub(super) record: UserRecord,
    pub(super) memberships: Vec<Membership>,
    /// With a session that nobody has ended.
    pub(super) standing: Standing,
    /// The last used first.
    pub(super) sessions: Result<Vec<Held>, StoreError>,
    pub(super) left_out: usize,
}

/// A session that the store knows, and what the directory says with it.
pub(super) struct Held {
    pub(super) hash: Hash,
    pub(super) record: SessionRecord,
    pub(super) standing: Standing,
}

impl Facts {
    pub(super) async fn load(context: &Context, key: &UserKey) -> Result<Self, ExplainError> {
        let Some(record) = context.stores.directory.find_user(key).await? else {
            return Err(unknown(context, key).await);
        };
        let id = record.summary.id;
        let nobodys = SessionId::generate().hash();
        let standing = patiently(async || context.stores.directory.find_standing(id, &nobodys).await).await?;
        let standing = standing.ok_or_else(|| ExplainError::unknown(key))?;
        let memberships = context.stores.directory.list_memberships(id).await?;
        let mut facts = Self { record, memberships, standing, sessions: Ok(Vec::new()), left_out: 0 };
        match patiently(async || context.stores.sessions.list_of_user(id).await).await {
            Ok(found) => facts.hold(context, found).await?,
            Err(error) => facts.sessions = Err(error),
        }
        Ok(facts)
    }

    async fn hold(
        &mut self,
        context: &Context,
        mut found: Vec<(Hash, SessionRecord)>,
    ) -> Result<(), DirectoryError> {
        found.sort_by_key(|(_, record)| Reverse(record.last_seen_at));
        self.left_out = found.len().saturating_sub(MAX_SESSIONS);
        found.truncate(MAX_SESSIONS);
        let hashes: Vec<Hash> = found.iter().map(|(hash, _)| *hash).collect();
        let ended = patiently(async || context.stores.directory.list_ended(&hashes).await).await?;
        let held = found.into_iter().map(|(hash, record)| {
            let standing = Standing { is_session_ended: ended.contains(&hash), ..self.standing.clone() };
            Held { hash, record, standing }
        });
        self.sessions = Ok(held.collect());
        Ok(())
    }

    /// Unlinked groups of the person that bear this name at their provider.
    pub(super) fn namesakes(&self, name: &GroupName) -> impl Iterator<Item = &GroupLink> {
        self.links().filter(move |link| {
            link.source == gatepost_store::directory::LinkSource::Auto
                && link.display_name.as_deref() == Some(name.as_str())
        })
    }

    /// The providers' groups that the person is in.
    pub(super) fn links(&self) -> impl Iterator<Item = &GroupLink> {
        self.memberships.iter().filter_map(|membership| match &membership.source {
            gatepost_store::directory::MembershipSource::Provider(link) => Some(link),
            _ => None,
        })
    }
}

/// About what the router demands.
pub(super) struct Demanded {
    pub(super) groups: BTreeMap<GroupName, GroupRecord>,
    pub(super) tenants: BTreeMap<TenantId, TenantRecord>,
}

impl Demanded {
    pub(super) async fn load(context: &Context, requirement: &Requirement) -> Result<Self, DirectoryError> {
        let mut demanded = Self { groups: BTreeMap::new(), tenants: BTreeMap::new() };
        for name in &requirement.groups {
            let found = context.stores.directory.find_group(name).await?;
            demanded.groups.extend(found.map(|group| (name.clone(), group)));
        }
        for id in &requirement.tenants {
            let found = context.stores.directory.find_tenant(id).await?;
            demanded.tenants.extend(found.map(|tenant| (id.clone(), tenant)));
        }
        Ok(demanded)
    }
}

/// Nobody of that name: who may be meant?
async fn unknown(context: &Context, key: &UserKey) -> ExplainError {
    let UserKey::Email(email) = key else { return ExplainError::unknown(key) };
    let mut alike: Vec<(f64, String)> = Vec::new();
    let (mut after, mut searched) = (None, 0);
    while searched < SEARCHED {
        // A suggestion is a courtesy: without it the answer is the same.
        let Ok(page) = context.stores.directory.list_users(after, PAGE).await else { break };
        let Some(last) = page.last() else { break };
        (after, searched) = (Some(last.id), searched + page.len());
        let addresses = page.into_iter().filter_map(|user| user.email).map(|email| email.to_string());
        let like = |text: String| (strsim::normalized_damerau_levenshtein(email.as_str(), &text), text);
        alike.extend(addresses.map(like).filter(|(likeness, _)| *likeness >= LIKE_ENOUGH));
    }
    alike.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let similar = alike.into_iter().take(SUGGESTIONS).map(|(_, address)| address).collect();
    ExplainError::UnknownUser { user: key.clone(), similar }
}
