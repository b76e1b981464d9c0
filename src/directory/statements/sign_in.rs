//! A provider's word about a person becomes a user: who it is, which address, which groups (DESIGN.md section 7).
//!
//! Refusals are decided before anything is written; only a disabled placeholder is joined to its person first, so that
//! the person stays disabled whatever address comes next.

use super::users::{self, UserRow};
use super::{Connection, Result, Store, audit, lock, memberships, present};
use crate::config::GroupNames;
use crate::directory::error::DirectoryError;
use crate::directory::records::{Actor, SignInContext, SignInOutcome};
use crate::domain::clock::Timestamp;
use crate::domain::email::EmailAddress;
use crate::domain::identity::{AssertedGroups, AssertedIdentity, SubjectKey};
use crate::domain::ids::UserId;
use serde_json::json;
use std::time::Duration;

/// How long a list of groups counts that the provider cannot confirm.
const GROUPS_STAY: Duration = Duration::from_hours(24);

/// A row of `identities`.
struct Known {
    user_id: UserId,
    provider: String,
    sessions_not_before: Option<Timestamp>,
    groups_known_at: Option<Timestamp>,
}

/// One person's word from one provider, at one moment, for one actor.
struct Admission<'a> {
    identity: &'a AssertedIdentity,
    names: GroupNames,
    now: Timestamp,
    actor: &'a Actor,
}

impl Store {
    pub(in crate::directory) async fn sign_in(
        &self,
        identity: &AssertedIdentity,
        names: GroupNames,
        context: &SignInContext,
        actor: &Actor,
    ) -> Result<SignInOutcome> {
        let admission = Admission { identity, names, now: context.now, actor };
        transaction!(self, |connection| {
            let known = admission.find_known(connection).await?;
            if is_ended_at_provider(connection, known.as_ref(), context).await? {
                return Ok(SignInOutcome::SessionEndedAtProvider);
            }
            let outcome = admission.admit(connection, known).await?;
            if let SignInOutcome::Admitted { user_id, .. } = &outcome {
                admission.note_sign_in(connection, *user_id, context).await?;
            }
            Ok(outcome)
        })
    }

    pub(in crate::directory) async fn is_ended_at_provider(
        &self,
        subject: &SubjectKey,
        context: &SignInContext,
    ) -> Result<bool> {
        reading!(self, |connection| {
            let known = find_identity(connection, subject).await?;
            is_ended_at_provider(connection, known.as_ref(), context).await
        })
    }

    /// `None`: this identity is not (or no longer) this user's.
    pub(in crate::directory) async fn refresh(
        &self,
        user: UserId,
        identity: &AssertedIdentity,
        names: GroupNames,
        now: Timestamp,
        actor: &Actor,
    ) -> Result<Option<SignInOutcome>> {
        let admission = Admission { identity, names, now, actor };
        transaction!(self, |connection| {
            match admission.find_known(connection).await? {
                Some(known) if known.user_id == user => {
                    admission.admit(connection, Some(known)).await.map(Some)
                }
                _ => Ok(None),
            }
        })
    }
}

impl Admission<'_> {
    /// Sign-ins of one identity, and those that present one address, go one after the other.
    async fn find_known(&self, connection: &mut Connection) -> Result<Option<Known>> {
        let SubjectKey { issuer, subject } = &self.identity.subject;
        lock(connection, &format!("identity {issuer} {subject}")).await?;
        if let Some(email) = &self.identity.email {
            lock(connection, &format!("address {email}")).await?;
        }
        find_identity(connection, &self.identity.subject).await
    }

    async fn admit(&self, connection: &mut Connection, known: Option<Known>) -> Result<SignInOutcome> {
        let is_unknown = self.identity.groups == AssertedGroups::Unknown;
        let last_known = known.as_ref().and_then(|known| known.groups_known_at);
        if is_unknown && last_known.is_none_or(|at| self.now.since(at) >= GROUPS_STAY) {
            return Ok(SignInOutcome::GroupsUnknown);
        }
        let user = match &known {
            Some(known) => Some(users::find_row_for_update(connection, known.user_id).await?),
            None => None,
        };
        if user.as_ref().is_some_and(|user| user.disabled_at.is_some()) {
            return self.refuse(connection, SignInOutcome::Disabled).await;
        }
        let user = match self.settle_address(connection, user).await? {
            Ok(user) => user,
            Err(refusal) => return self.refuse(connection, refusal).await,
        };
        self.upsert_identity(connection, &user, known.as_ref()).await?;
        if user.disabled_at.is_some() {
            return self.refuse(connection, SignInOutcome::Disabled).await;
        }
        self.update_name(connection, &user).await?;
        let lost_all_groups = self.settle_groups(connection, user.id).await?;
        // Under the person's lock: whatever ends this person's sessions from here on has a later clock.
        let at = present(connection).await?;
        Ok(SignInOutcome::Admitted { user_id: user.id, at, lost_all_groups, groups_are_stale: is_unknown })
    }

    async fn refuse(&self, connection: &mut Connection, outcome: SignInOutcome) -> Result<SignInOutcome> {
        let why = match &outcome {
            SignInOutcome::Disabled => "disabled",
            SignInOutcome::AddressHeld(_) => "address_held",
            _ => return Ok(outcome),
        };
        let AssertedIdentity { subject, provider, email, .. } = self.identity;
        let after = json!({
            "reason": why, "provider": provider, "issuer": subject.issuer, "subject": subject.subject, "email": email,
        });
        let target = email
            .as_ref()
            .map_or_else(|| format!("subject:{}", subject.subject), |email| format!("address:{email}"));
        let entry = audit::Entry { action: "user.refuse", target, before: None, after: Some(after) };
        audit::write(connection, self.actor, entry).await?;
        Ok(outcome)
    }

    /// An address is one person's: the row that holds it, joins it or makes it; or why not.
    async fn settle_address(
        &self,
        connection: &mut Connection,
        user: Option<UserRow>,
    ) -> Result<std::result::Result<UserRow, SignInOutcome>> {
        let Some(email) = &self.identity.email else {
            return Ok(user.filter(|user| user.email.is_some()).ok_or(SignInOutcome::NoAddress));
        };
        if let Some(user) = &user
            && user.email.as_ref() == Some(email)
        {
            return Ok(Ok(user.clone()));
        }
        let holder = users::find_row_by_email_for_update(connection, email).await?;
        if let Some(holder) = &holder
            && users::has_identity(connection, holder.id).await?
        {
            return Ok(Err(SignInOutcome::AddressHeld(email.clone())));
        }
        let settled = match (user, holder) {
            (None, None) => users::create(connection, Some(email), self.now, self.actor).await?,
            (None, Some(placeholder)) => placeholder,
            (Some(user), None) => self.change_address(connection, user, email).await?,
            (Some(user), Some(placeholder)) => {
                let user = users::merge(connection, &placeholder, user, self.actor).await?;
                self.change_address(connection, user, email).await?
            }
        };
        Ok(Ok(settled))
    }

    async fn change_address(
        &self,
        connection: &mut Connection,
        mut user: UserRow,
        email: &EmailAddress,
    ) -> Result<UserRow> {
        users::set_email(connection, user.id, Some(email)).await?;
        let entry = audit::Entry {
            action: "user.change_address",
            target: format!("user:{}", user.id),
            before: Some(json!({ "email": user.email })),
            after: Some(json!({ "email": email })),
        };
        audit::write(connection, self.actor, entry).await?;
        user.email = Some(email.clone());
        Ok(user)
    }

    async fn upsert_identity(
        &self,
        connection: &mut Connection,
        user: &UserRow,
        known: Option<&Known>,
    ) -> Result<()> {
        let AssertedIdentity { subject, provider, .. } = self.identity;
        match known {
            Some(known) if known.provider == provider.as_str() => return Ok(()),
            Some(known) => memberships::delete_of_provider(connection, user.id, &known.provider).await?,
            None => {}
        }
        sqlx::query(
            "INSERT INTO identities (issuer, subject, provider, user_id, created_at) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (issuer, subject) DO UPDATE SET provider = excluded.provider",
        )
        .bind(&subject.issuer)
        .bind(&subject.subject)
        .bind(provider.as_str())
        .bind(user.id.to_string())
        .bind(self.now.unix())
        .execute(&mut *connection)
        .await?;
        let entry = audit::Entry {
            action: "user.identify",
            target: format!("user:{}", user.id),
            before: known.map(|known| json!({ "provider": known.provider })),
            after: Some(
                json!({ "provider": provider, "issuer": subject.issuer, "subject": subject.subject }),
            ),
        };
        audit::write(connection, self.actor, entry).await
    }

    async fn update_name(&self, connection: &mut Connection, user: &UserRow) -> Result<()> {
        let Some(name) = self.identity.name.as_deref().and_then(presentable) else { return Ok(()) };
        if user.name.as_ref() == Some(&name) {
            return Ok(());
        }
        sqlx::query("UPDATE users SET name = $2 WHERE id = $1")
            .bind(user.id.to_string())
            .bind(&name)
            .execute(&mut *connection)
            .await?;
        let entry = audit::Entry {
            action: "user.rename",
            target: format!("user:{}", user.id),
            before: Some(json!({ "name": user.name })),
            after: Some(json!({ "name": name })),
        };
        audit::write(connection, self.actor, entry).await
    }

    async fn settle_groups(&self, connection: &mut Connection, user: UserId) -> Result<bool> {
        let AssertedGroups::Known(groups) = &self.identity.groups else { return Ok(false) };
        let AssertedIdentity { subject, provider, .. } = self.identity;
        let fell = memberships::replace(connection, user, provider, groups, self.names, self.actor).await?;
        sqlx::query("UPDATE identities SET groups_known_at = $3 WHERE issuer = $1 AND subject = $2")
            .bind(&subject.issuer)
            .bind(&subject.subject)
            .bind(self.now.unix())
            .execute(&mut *connection)
            .await?;
        if fell {
            let target = format!("user:{user}");
            let after = Some(json!({ "provider": provider }));
            let entry = audit::Entry { action: "user.lose_all_groups", target, before: None, after };
            audit::write(connection, self.actor, entry).await?;
        }
        Ok(fell)
    }

    async fn note_sign_in(
        &self,
        connection: &mut Connection,
        user: UserId,
        context: &SignInContext,
    ) -> Result<()> {
        sqlx::query("UPDATE users SET last_sign_in_at = $2 WHERE id = $1")
            .bind(user.to_string())
            .bind(self.now.unix())
            .execute(&mut *connection)
            .await?;
        let kept = context.current_session.filter(|(holder, _)| *holder == user);
        let session = kept.map_or(context.new_session, |(_, session)| session);
        let after = json!({ "provider": self.identity.provider, "session": session.to_string() });
        let target = format!("user:{user}");
        let entry = audit::Entry { action: "user.sign_in", target, before: None, after: Some(after) };
        audit::write(connection, self.actor, entry).await
    }
}

async fn find_identity(connection: &mut Connection, key: &SubjectKey) -> Result<Option<Known>> {
    let row: Option<(String, String, Option<i64>, Option<i64>)> = sqlx::query_as(
        "SELECT user_id, provider, sessions_not_before, groups_known_at FROM identities \
         WHERE issuer = $1 AND subject = $2",
    )
    .bind(&key.issuer)
    .bind(&key.subject)
    .fetch_optional(connection)
    .await?;
    let Some((user_id, provider, not_before, known_at)) = row else { return Ok(None) };
    Ok(Some(Known {
        user_id: user_id.parse().map_err(DirectoryError::unreadable)?,
        provider,
        sessions_not_before: not_before.map(Timestamp::from_unix),
        groups_known_at: known_at.map(Timestamp::from_unix),
    }))
}

/// Both sides are the provider's clock, so that a skew between its and ours refuses nobody.
async fn is_ended_at_provider(
    connection: &mut Connection,
    known: Option<&Known>,
    context: &SignInContext,
) -> Result<bool> {
    if known
        .and_then(|known| known.sessions_not_before)
        .is_some_and(|not_before| context.issued_at < not_before)
    {
        return Ok(true);
    }
    let Some((provider, sid_hash)) = &context.sid_hash else { return Ok(false) };
    let sql = "SELECT EXISTS (SELECT 1 FROM ended_provider_sessions \
               WHERE provider = $1 AND sid_hash = $2 AND ended_at >= $3)";
    Ok(sqlx::query_scalar(sql)
        .bind(provider.as_str())
        .bind(&sid_hash.as_bytes()[..])
        .bind(context.issued_at.unix())
        .fetch_one(connection)
        .await?)
}

/// Without control characters (Postgres keeps no NUL), at most 256 characters; `None` if nothing is left.
fn presentable(name: &str) -> Option<String> {
    let kept: String = name.chars().filter(|char| !char.is_control()).take(256).collect();
    let trimmed = kept.trim();
    if trimmed.is_empty() { None } else { Some(trimmed.to_owned()) }
}
