//! The account page: who one is here, and where one is signed in.

use super::{Fault, Visit};
use crate::directory::{UserKey, UserRecord};
use crate::domain::clock::Timestamp;
use crate::domain::secret::Hash;
use crate::http::pages::{Account, AccountNotice, GroupEntry, MembershipSource, SessionEntry};
use crate::http::respond::{self, Answer};
use crate::login::end::{self, Ending};
use crate::login::list_live;
use crate::principal::{LoadError, Principal};
use crate::session::record::SessionRecord;
use crate::state::State;
use crate::telemetry::EndCause;
use hyper::StatusCode;

impl Visit<'_> {
    pub(super) async fn account(&self, principal: &Principal) -> Result<Answer, Fault> {
        let [done] = self.parameters(["done"])?;
        let notice = match done.as_deref() {
            Some("session") => Some(AccountNotice::SessionEnded),
            Some("others") => Some(AccountNotice::OtherSessionsEnded),
            _ => None,
        };
        let user = principal.standing.person.id;
        let details = self.state.directory.find_user(&UserKey::Id(user)).await?;
        let sessions = self.live_sessions(principal).await?;
        let current = principal.session.id.hash();
        // A person may have more for a while, from before there was a limit, or it was larger.
        let shown = sessions.iter().take(self.state.config.session.max_per_person);
        let entries: Vec<SessionEntry<'_>> =
            shown.map(|(hash, record)| entry(*hash, record, current)).collect();
        let targets = self.state.sign_out_targets();
        let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
        let account = Account {
            person: &principal.standing.person,
            access: &principal.standing.access,
            groups: &groups(self.state, details.as_ref()),
            sessions: &entries,
            more_sessions: sessions.len() - entries.len(),
            notice,
            now: Timestamp::now(),
            form_targets: &targets,
            request_id: self.visitor.request_id,
        };
        Ok(respond::page(account.page(), self.is_head()))
    }

    /// The person's sessions that still count, this one first, then by last use.
    pub(super) async fn live_sessions(
        &self,
        principal: &Principal,
    ) -> Result<Vec<(Hash, SessionRecord)>, LoadError> {
        let current = principal.session.id.hash();
        let mut live = list_live(self.state, &principal.standing).await?;
        live.sort_by_key(|(hash, record)| (*hash != current, std::cmp::Reverse(record.last_seen_at)));
        Ok(live)
    }

    pub(super) async fn end_session(&self, principal: &Principal) -> Result<Answer, Fault> {
        let [handle] = self.fields(["session"])?;
        let handle = handle.unwrap_or_default();
        let sessions = self.live_sessions(principal).await?;
        // Only among the person's own: a handle of somebody else's is none.
        if let Some((hash, record)) = sessions.iter().find(|(hash, _)| hash.to_string() == handle) {
            let actor = self.visitor.actor(&principal.standing.person.id.to_string());
            let over = Ending::of(self.state, hash, record);
            end::end_session(self.state, &over, EndCause::AccountPage, &actor).await?;
            end::give_back(self.state, record);
        }
        Ok(respond::redirect(StatusCode::SEE_OTHER, &self.address("/?done=session"), None))
    }

    pub(super) async fn end_other_sessions(&self, principal: &Principal) -> Result<Answer, Fault> {
        let actor = self.visitor.actor(&principal.standing.person.id.to_string());
        let current = principal.session.id.hash();
        for (hash, record) in self.live_sessions(principal).await?.iter().filter(|(hash, _)| *hash != current)
        {
            let over = Ending::of(self.state, hash, record);
            end::end_session(self.state, &over, EndCause::AccountPage, &actor).await?;
            end::give_back(self.state, record);
        }
        Ok(respond::redirect(StatusCode::SEE_OTHER, &self.address("/?done=others"), None))
    }
}

fn entry(hash: Hash, record: &SessionRecord, current: Hash) -> SessionEntry<'_> {
    SessionEntry {
        handle: hash,
        user_agent: record.user_agent.as_deref(),
        address: record.address,
        began_at: record.begun_at,
        last_used_at: record.last_seen_at,
        is_current: hash == current,
    }
}

/// The person's groups, each with who says so.
fn groups<'a>(state: &'a State, details: Option<&'a UserRecord>) -> Vec<GroupEntry<'a>> {
    let source = |name: &'a String| {
        let provider = name.parse().ok().and_then(|id| state.providers.find(&id));
        provider.map_or(MembershipSource::Manual, |provider| MembershipSource::Provider(provider.label()))
    };
    let groups = details.iter().flat_map(|details| &details.groups);
    groups.map(|(name, sources)| GroupEntry { name, sources: sources.iter().map(source).collect() }).collect()
}
