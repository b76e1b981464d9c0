//! Ended sessions: single ones, all of a person, those of a provider's session. The directory alone decides this: a
//! session that has ended stays ended, even if the session store still has its record.

use super::sign_in::identity_lock;
use super::users::{self, UserRow, find_known};
use super::{
    Apply, Connection, Result, Store, access_requests, audit, invitations, json_texts, present, refusals,
    repeats, requirements, standing, tenant_proposals, usage,
};
use crate::directory::actor::Actor;
use crate::directory::changes::{Done, EndSession};
use crate::directory::error::DirectoryError;
use crate::directory::lease::Term;
use crate::directory::records::UserKey;
use gatepost_core::administration::{Granted, Scope, Version};
use gatepost_core::clock::Timestamp;
use gatepost_core::identity::SubjectKey;
use gatepost_core::ids::{ProviderId, UserId};
use gatepost_core::secret::Hash;
use serde_json::{Value, json};

impl Store {
    /// `false`: it had already ended.
    pub(in crate::directory) async fn end_session(
        &self,
        session: &Hash,
        user: UserId,
        expires_at: Timestamp,
        reason: &str,
        actor: &Actor,
    ) -> Result<bool> {
        transaction!(self, |connection| {
            let is_new = insert_end(connection, session, user, expires_at).await?;
            if is_new {
                let after = end_of(session, reason);
                users::note(connection, actor, "session.end", user, None, Some(after)).await?;
            }
            Ok(is_new)
        })
    }

    pub(in crate::directory) async fn list_ended(&self, sessions: &[Hash]) -> Result<Vec<Hash>> {
        let sql = concat!(
            "SELECT session_hash FROM ended_sessions WHERE session_hash IN (SELECT ",
            unhex!("value"),
            " FROM ",
            each!("$1"),
            ")"
        );
        let hashes = json_texts(sessions);
        let found: Vec<Vec<u8>> = reading!(self, |connection| {
            Ok(sqlx::query_scalar(sql).bind(&hashes).fetch_all(connection).await?)
        })?;
        Ok(found.into_iter().filter_map(|hash| hash.try_into().ok().map(Hash::from_bytes)).collect())
    }

    pub(in crate::directory) async fn end_all_sessions(
        &self,
        user: UserId,
        not_before: Timestamp,
        actor: &Actor,
    ) -> Result<()> {
        transaction!(self, |connection| {
            let user = find_known(connection, &UserKey::Id(user)).await?;
            move_not_before(connection, &user, not_before, actor).await
        })
    }

    /// Back-channel logout without `sid`. `not_before` and the ID tokens are by the provider's clock. Returns the
    /// person.
    pub(in crate::directory) async fn end_id_tokens_of_subject(
        &self,
        subject: &SubjectKey,
        not_before: Timestamp,
        actor: &Actor,
    ) -> Result<Option<UserId>> {
        transaction!(self, &[identity_lock(subject)], |connection| {
            let user: Option<String> = sqlx::query_scalar(
                "UPDATE identities SET sessions_not_before = \
                 CASE WHEN sessions_not_before > $3 THEN sessions_not_before ELSE $3 END \
                 WHERE issuer = $1 AND subject = $2 RETURNING user_id",
            )
            .bind(&subject.issuer)
            .bind(&subject.subject)
            .bind(not_before.unix())
            .fetch_optional(&mut *connection)
            .await?;
            let Some(user) = user else { return Ok(None) };
            let user = user.parse().map_err(DirectoryError::unreadable)?;
            let after = json!({ "issuer": subject.issuer, "id_tokens_not_before": not_before });
            users::note(connection, actor, "identity.end_id_tokens", user, None, Some(after)).await?;
            Ok(Some(user))
        })
    }

    pub(in crate::directory) async fn find_user_of_subject(
        &self,
        subject: &SubjectKey,
    ) -> Result<Option<UserId>> {
        let user: Option<String> = reading!(self, |connection| {
            let sql = "SELECT user_id FROM identities WHERE issuer = $1 AND subject = $2";
            let query = sqlx::query_scalar(sql).bind(&subject.issuer).bind(&subject.subject);
            Ok(query.fetch_optional(&mut *connection).await?)
        })?;
        user.map(|user| user.parse().map_err(DirectoryError::unreadable)).transpose()
    }

    /// Records that a provider's session has ended, also for a sign-in that is under way. `at` is by the provider's
    /// clock.
    pub(in crate::directory) async fn end_provider_session(
        &self,
        provider: &ProviderId,
        sid: &Hash,
        at: Timestamp,
        expires_at: Timestamp,
        actor: &Actor,
    ) -> Result<()> {
        transaction!(self, |connection| {
            let written = sqlx::query(
                "INSERT INTO ended_provider_sessions (provider, sid_hash, ended_at, expires_at) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (provider, sid_hash) DO UPDATE SET ended_at = excluded.ended_at, expires_at = excluded.expires_at \
                 WHERE ended_provider_sessions.ended_at < excluded.ended_at",
            )
            .bind(provider.as_str())
            .bind(&sid.as_bytes()[..])
            .bind(at.unix())
            .bind(expires_at.unix())
            .execute(&mut *connection)
            .await?;
            if written.rows_affected() == 0 {
                return Ok(());
            }
            let target = format!("provider:{provider}");
            let after = Some(json!({ "sid": sid.to_string(), "ended_at": at }));
            let entry = audit::Entry { action: "provider_session.end", target, before: None, after };
            audit::write(connection, actor, entry).await
        })
    }

    /// A session whose lifetime is over needs no row. At most `most` rows of each kind.
    pub(in crate::directory) async fn delete_expired(
        &self,
        term: Term,
        now: Timestamp,
        most: u32,
    ) -> Result<u64> {
        leading!(self, term, |connection| {
            let most = i64::from(most);
            let mut deleted = refusals::delete_old(connection, now, most).await?;
            deleted += access_requests::delete_old(connection, now, most).await?;
            deleted += invitations::delete_old(connection, now, most).await?;
            deleted += tenant_proposals::delete_old(connection, now, most).await?;
            deleted += repeats::delete_old(&mut *connection, now, most).await?;
            deleted += requirements::delete_old(&mut *connection, now, most).await?;
            deleted += usage::delete_old(connection, now, most).await?;
            for sql in [
                delete_some!("ended_sessions" ["session_hash"] where "expires_at <= $1"),
                delete_some!("ended_provider_sessions" ["provider, sid_hash"] where "expires_at <= $1"),
            ] {
                let query = sqlx::query(sql).bind(now.unix()).bind(most);
                deleted += query.execute(&mut *connection).await?.rows_affected();
            }
            Ok(deleted)
        })
    }
}

/// The audit row of a session at a tenant's provider is shown to the administrators of the tenant.
impl Apply for EndSession {
    type Locked = UserRow;

    async fn lock(&self, connection: &mut Connection) -> Result<(Self::Locked, Option<Version>)> {
        Ok((find_known(connection, &UserKey::Id(self.user)).await?, None))
    }

    async fn write(
        granted: Granted<&Self>,
        user: Self::Locked,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<UserId>> {
        let Self { session, provider, expires_at, reason, .. } = granted.change();
        let tenant = provider.tenant();
        if let Some(tenant) = &tenant
            && !granted.is_by_system()
        {
            let standing = standing::find(connection, user.id).await?;
            let scope = Scope::Tenants([tenant.clone()].into());
            if !standing.is_some_and(|standing| scope.covers_sessions(provider, &standing.access)) {
                return Err(DirectoryError::UnknownUser(UserKey::Id(user.id)));
            }
        }
        if !insert_end(connection, session, user.id, *expires_at).await? {
            return Ok(Done::unchanged(None, user.id));
        }
        let (target, after) = (format!("user:{}", user.id), Some(end_of(session, reason)));
        let entry = audit::Entry { action: "session.end", target, before: None, after };
        match tenant {
            Some(tenant) => audit::write_for_tenant(connection, actor, &tenant, entry).await?,
            None => audit::write(connection, actor, entry).await?,
        }
        Ok(Done::changed(None, user.id))
    }
}

/// `false`: it had already ended.
async fn insert_end(
    connection: &mut Connection,
    session: &Hash,
    user: UserId,
    expires_at: Timestamp,
) -> Result<bool> {
    let ended_at = present(connection).await?;
    let inserted = sqlx::query(
        "INSERT INTO ended_sessions (session_hash, user_id, ended_at, expires_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (session_hash) DO NOTHING",
    )
    .bind(&session.as_bytes()[..])
    .bind(user.to_string())
    .bind(ended_at.unix())
    .bind(expires_at.unix())
    .execute(connection)
    .await?;
    Ok(inserted.rows_affected() > 0)
}

/// The end of a session for the audit.
fn end_of(session: &Hash, reason: &str) -> Value {
    json!({ "session": session.to_string(), "reason": reason })
}

/// Moves the time forward, never back.
pub(super) async fn move_not_before(
    connection: &mut Connection,
    user: &UserRow,
    not_before: Timestamp,
    actor: &Actor,
) -> Result<()> {
    if user.sessions_not_before >= Some(not_before) {
        return Ok(());
    }
    sqlx::query("UPDATE users SET sessions_not_before = $2 WHERE id = $1")
        .bind(user.id.to_string())
        .bind(not_before.unix())
        .execute(&mut *connection)
        .await?;
    let before = json!({ "sessions_not_before": user.sessions_not_before });
    let after = json!({ "sessions_not_before": not_before });
    users::note(connection, actor, "user.end_all_sessions", user.id, Some(before), Some(after)).await
}
