//! What both stores contain about a person and about the groups and tenants that a router requires. Read once for one
//! explanation.

use gatepost_admin::explain::{Asker, ExplainError};
use gatepost_core::access::Standing;
use gatepost_core::administration::Scope;
use gatepost_core::ids::{GroupName, TenantId};
use gatepost_core::requirement::Requirement;
use gatepost_core::secret::Hash;
use gatepost_core::tenant::TenantState;
use gatepost_runtime::stores::Stores;
use gatepost_store::directory::{
    DirectoryError, FoundKey, GroupLink, GroupRecord, KeyRecord, LinkSource, Membership, MembershipSource,
    TenantRecord, UserFilter, UserKey, UserRecord,
};
use gatepost_store::retry::retry;
use gatepost_store::session::record::SessionRecord;
use gatepost_store::session::store::StoreError;
use gatepost_store::session::tokens::SessionId;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// How many sessions of a person are examined, the last used first. Further ones are only counted.
const MAX_SESSIONS: usize = 20;
/// How many people are searched for a similar address, and how many are read per query.
const SEARCHED: usize = 5_000;
const PAGE: u32 = 500;
/// Less similar addresses (0 to 1) are not suggested.
const MIN_SIMILARITY: f64 = 0.75;
/// How many addresses are suggested at most.
const MAX_SUGGESTIONS: usize = 3;

/// Whom the question is about.
pub(super) enum Subject {
    Person(Box<Facts>),
    Key(Box<KeyRecords>),
}

/// What the directory contains about an API key.
pub(super) struct KeyRecords {
    pub(super) record: KeyRecord,
    /// What the gate finds. `None`: the key was revoked, or its owner may not sign in.
    pub(super) found: Option<FoundKey>,
}

impl Subject {
    pub(super) async fn load(stores: &Stores, asker: &Asker) -> Result<Self, ExplainError> {
        let id = match asker {
            Asker::Person(user) => return Ok(Self::Person(Box::new(Facts::load(stores, user).await?))),
            Asker::Key(id) => *id,
        };
        let record = stores.directory.find_key_record(&Scope::System, id).await?;
        let record = record.ok_or(ExplainError::UnknownKey(id))?;
        let found = stores.directory.find_key_of_id(id).await?;
        Ok(Self::Key(Box::new(KeyRecords { record, found })))
    }
}

/// What the stores contain about the person.
pub(super) struct Facts {
    pub(super) record: UserRecord,
    pub(super) memberships: Vec<Membership>,
    /// The standing with a session that was not ended.
    pub(super) standing: Standing,
    /// The examined sessions, the last used first.
    pub(super) sessions: Result<Vec<StoredSession>, StoreError>,
    /// The number of sessions that were not examined.
    pub(super) left_out: usize,
}

/// A session in the session store, with the standing that the directory states for it.
pub(super) struct StoredSession {
    pub(super) hash: Hash,
    pub(super) record: SessionRecord,
    pub(super) standing: Standing,
}

impl Facts {
    pub(super) async fn load(stores: &Stores, key: &UserKey) -> Result<Self, ExplainError> {
        let Some(record) = stores.directory.find_user(&Scope::System, key).await? else {
            return Err(unknown_user(stores, key).await);
        };
        let id = record.summary.id;
        let unused = SessionId::generate().hash();
        let standing = retry(async || stores.directory.find_standing(id, &unused).await).await?;
        let standing = standing.ok_or_else(|| ExplainError::unknown_user(key))?;
        let memberships = stores.directory.list_memberships(&Scope::System, id).await?;
        let mut facts = Self { record, memberships, standing, sessions: Ok(Vec::new()), left_out: 0 };
        match retry(async || stores.sessions.list_of_user(id).await).await {
            Ok(found) => facts.add_sessions(stores, found).await?,
            Err(error) => facts.sessions = Err(error),
        }
        Ok(facts)
    }

    async fn add_sessions(
        &mut self,
        stores: &Stores,
        mut found: Vec<(Hash, SessionRecord)>,
    ) -> Result<(), DirectoryError> {
        found.sort_by_key(|(_, record)| Reverse(record.last_seen_at));
        self.left_out = found.len().saturating_sub(MAX_SESSIONS);
        found.truncate(MAX_SESSIONS);
        let hashes: Vec<Hash> = found.iter().map(|(hash, _)| *hash).collect();
        let ended = retry(async || stores.directory.list_ended(&hashes).await).await?;
        let sessions = found.into_iter().map(|(hash, record)| {
            let standing = Standing { is_session_ended: ended.contains(&hash), ..self.standing.clone() };
            StoredSession { hash, record, standing }
        });
        self.sessions = Ok(sessions.collect());
        Ok(())
    }

    /// The person's unlinked provider groups that have this name at their provider.
    pub(super) fn namesakes(&self, name: &GroupName) -> impl Iterator<Item = &GroupLink> {
        self.links().filter(move |link| {
            link.source == LinkSource::Auto && link.display_name.as_deref() == Some(name.as_str())
        })
    }

    /// The provider groups that the person is in.
    pub(super) fn links(&self) -> impl Iterator<Item = &GroupLink> {
        self.memberships.iter().filter_map(|membership| match &membership.source {
            MembershipSource::Provider(link) => Some(link),
            _ => None,
        })
    }
}

/// What the directory contains about the required groups and tenants. Those that do not exist are missing here.
pub(super) struct RequiredRecords {
    pub(super) groups: BTreeMap<GroupName, GroupRecord>,
    pub(super) tenants: BTreeMap<TenantId, TenantRecord>,
}

impl RequiredRecords {
    pub(super) async fn load(stores: &Stores, requirement: &Requirement) -> Result<Self, DirectoryError> {
        let mut records = Self { groups: BTreeMap::new(), tenants: BTreeMap::new() };
        for name in &requirement.groups {
            let found = stores.directory.find_group(&Scope::System, &name.clone().into()).await?;
            records.groups.extend(found.map(|group| (name.clone(), group)));
        }
        for id in requirement.all_tenants() {
            let found = stores.directory.find_tenant(&Scope::System, id).await?;
            let found = found.filter(|tenant| tenant.state != TenantState::Deleted);
            records.tenants.extend(found.map(|tenant| (id.clone(), tenant)));
        }
        Ok(records)
    }
}

/// The error for a person who does not exist, with similar addresses.
async fn unknown_user(stores: &Stores, key: &UserKey) -> ExplainError {
    let UserKey::Email(email) = key else { return ExplainError::unknown_user(key) };
    let mut candidates: Vec<(f64, String)> = Vec::new();
    let everybody = UserFilter::default();
    let (mut after, mut searched) = (None, 0);
    while searched < SEARCHED {
        // Suggestions are optional, so an error only ends the search.
        let found = stores.directory.search_users(&Scope::System, &everybody, after.as_ref(), PAGE).await;
        let Ok(page) = found else { break };
        searched += page.items.len();
        after = page.next;
        let addresses = page.items.into_iter().filter_map(|user| user.email).map(|email| email.to_string());
        let rate = |text: String| (strsim::normalized_damerau_levenshtein(email.as_str(), &text), text);
        candidates.extend(addresses.map(rate).filter(|(similarity, _)| *similarity >= MIN_SIMILARITY));
        if after.is_none() {
            break;
        }
    }
    candidates.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let similar = candidates.into_iter().take(MAX_SUGGESTIONS).map(|(_, address)| address).collect();
    ExplainError::UnknownUser { user: key.clone(), similar }
}
