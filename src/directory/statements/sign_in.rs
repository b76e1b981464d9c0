//! A provider's word about a person becomes a user: who it is, which address, which groups (DESIGN.md section 7).
//!
//! Refusals are decided before anything is written; only a disabled placeholder is joined to its person first, so that
//! the person stays disabled whatever address comes next.

use super::users::{self, UserRow, user_columns};
use super::{Connection, LockKey, Result, Store, audit, memberships, present};
use crate::config::GroupNames;
use crate::directory::records::{Actor, SignInContext, SignInOutcome};
use crate::domain::clock::Timestamp;
use crate::domain::email::EmailAddress;
use crate::domain::identity::{AssertedGroups, AssertedIdentity, SubjectKey};
use crate::domain::ids::UserId;
use serde_json::json;
use std::time::Duration;

/// How long a list of groups counts that the provider cannot confirm.
const GROUPS_STAY: Duration = Duration::from_hours(24);

/// A row of `identities`, and whose it is.
struct Known {
    user: UserRow,
    provider: String,
    groups_known_at: Option<Timestamp>,
    /// The provider ended the session that begins.
    is_ended: bool,
}

/// `provider`, `groups_known_at`, whether it is ended, and a [`users::Row`].
type KnownRow = (
    String,
    Option<i64>,
    bool,
    String,
    Option<String>,
    Option<String>,
    Option<i64>,
    Option<i64>,
    i64,
    Option<i64>,
);

/// Whether a provider ended its session after it issued the ID token.
macro_rules! is_session_over {
    () => {
        "EXISTS (SELECT 1 FROM ended_provider_sessions WHERE provider = $4 AND sid_hash = $5 AND ended_at >= $3)"
    };
}

/// One person's word from one provider, at one moment, for one actor.
struct Admission<'a> {
    identity: &'a AssertedIdentity,
    names: GroupNames,
    now: Timestamp,
    actor: &'a Actor,
    /// `None`: a refresh.
    sign_in: Option<&'a SignInContext>,
}

impl Store {
    pub(in crate::directory) async fn sign_in(
        &self,
        identity: &AssertedIdentity,
        names: GroupNames,
        context: &SignInContext,
        actor: &Actor,
    ) -> Result<SignInOutcome> {
        let admission = Admission { identity, names, now: context.now, actor, sign_in: Some(context) };
        transaction!(self, &admission.locks(), |connection| {
            let known = find_known(connection, &identity.subject, Some(context)).await?;
            let is_ended = match &known {
                Some(known) => known.is_ended,
                None => is_ended_at_provider(connection, &identity.subject, context).await?,
            };
            if is_ended {
                return Ok(SignInOutcome::SessionEndedAtProvider);
            }
            admission.admit(connection, known).await
        })
    }

    pub(in crate::directory) async fn is_ended_at_provider(
        &self,
        subject: &SubjectKey,
        context: &SignInContext,
    ) -> Result<bool> {
        hot_read!(self, |connection| is_ended_at_provider(connection, subject, context).await)
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
        let admission = Admission { identity, names, now, actor, sign_in: None };
        transaction!(self, &admission.locks(), |connection| {
            match find_known(connection, &identity.subject, None).await? {
                Some(known) if known.user.id == user => {
                    admission.admit(connection, Some(known)).await.map(Some)
                }
                _ => Ok(None),
            }
        })
    }
}

impl Admission<'_> {
    /// Sign-ins of one identity, and those that present one address, go one after the other.
    fn locks(&self) -> Vec<LockKey> {
        let address = self.identity.email.as_ref().map(|email| LockKey::of(&["address", email.as_str()]));
        std::iter::once(identity_lock(&self.identity.subject)).chain(address).collect()
    }

    async fn admit(&self, connection: &mut Connection, known: Option<Known>) -> Result<SignInOutcome> {
        let is_unknown = self.identity.groups == AssertedGroups::Unknown;
        let last_known = known.as_ref().and_then(|known| known.groups_known_at);
        if is_unknown && last_known.is_none_or(|at| self.now.since(at) >= GROUPS_STAY) {
            return Ok(SignInOutcome::GroupsUnknown);
        }
        let user = known.as_ref().map(|known| known.user.clone());
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
        let at = match self.sign_in {
            Some(context) => self.note_sign_in(connection, user.id, context).await?,
            None => present(connection).await?,
        };
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
            // Who had an address keeps it, but not by the word of a provider that may not assert it.
            let refused = self.identity.refused.as_ref().and_then(|refused| refused.address.as_ref());
            let keeps = |user: &UserRow| user.email.is_some() && user.email.as_ref() != refused;
            return Ok(user.filter(keeps).ok_or(SignInOutcome::NoAddress));
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

    /// Returns the directory's present.
    async fn note_sign_in(
        &self,
        connection: &mut Connection,
        user: UserId,
        context: &SignInContext,
    ) -> Result<Timestamp> {
        let sql = concat!("UPDATE users SET last_sign_in_at = $2 WHERE id = $1 RETURNING ", present!());
        let at = sqlx::query_scalar(sql)
            .bind(user.to_string())
            .bind(self.now.unix())
            .fetch_one(&mut *connection)
            .await?;
        let kept = context.current_session.filter(|(holder, _)| *holder == user);
        let session = kept.map_or(context.new_session, |(_, session)| session);
        let after = json!({ "provider": self.identity.provider, "session": session.to_string() });
        let target = format!("user:{user}");
        let entry = audit::Entry { action: "user.sign_in", target, before: None, after: Some(after) };
        audit::write(connection, self.actor, entry).await?;
        Ok(Timestamp::from_unix(at))
    }
}

/// What the changes of an identity lock.
pub(super) fn identity_lock(subject: &SubjectKey) -> LockKey {
    LockKey::of(&["identity", &subject.issuer, &subject.subject])
}

async fn find_known(
    connection: &mut Connection,
    key: &SubjectKey,
    context: Option<&SignInContext>,
) -> Result<Option<Known>> {
    let sql = for_update!(concat!(
        "SELECT i.provider, i.groups_known_at, coalesce(i.sessions_not_before > $3, false) OR ",
        is_session_over!(),
        ", ",
        user_columns!(),
        " FROM identities i JOIN users u ON u.id = i.user_id WHERE i.issuer = $1 AND i.subject = $2"
    ));
    let query = sqlx::query_as(sql).bind(&key.issuer).bind(&key.subject);
    let session = context.and_then(|context| context.sid_hash.as_ref());
    let query = query
        .bind(context.map(|context| context.issued_at.unix()))
        .bind(session.map(|(provider, _)| provider.as_str()))
        .bind(session.map(|(_, sid)| &sid.as_bytes()[..]));
    let row: Option<KnownRow> = query.fetch_optional(connection).await?;
    let Some((provider, known_at, is_ended, id, email, name, disabled_at, not_before, created_at, last_at)) =
        row
    else {
        return Ok(None);
    };
    let user = users::from_row((id, email, name, disabled_at, not_before, created_at, last_at))?;
    Ok(Some(Known { user, provider, groups_known_at: known_at.map(Timestamp::from_unix), is_ended }))
}

/// The provider's clock is on both sides, so that a skew between its and ours refuses nobody.
async fn is_ended_at_provider(
    connection: &mut Connection,
    subject: &SubjectKey,
    context: &SignInContext,
) -> Result<bool> {
    let sql = concat!(
        "SELECT EXISTS (SELECT 1 FROM identities \
         WHERE issuer = $1 AND subject = $2 AND sessions_not_before > $3) OR ",
        is_session_over!()
    );
    let session = context.sid_hash.as_ref();
    Ok(sqlx::query_scalar(sql)
        .bind(&subject.issuer)
        .bind(&subject.subject)
        .bind(context.issued_at.unix())
        .bind(session.map(|(provider, _)| provider.as_str()))
        .bind(session.map(|(_, sid)| &sid.as_bytes()[..]))
        .fetch_one(connection)
        .await?)
}

/// Without control characters (Postgres keeps no NUL), at most 256 characters; `None` if nothing is left.
fn presentable(name: &str) -> Option<String> {
    let kept: String = name.chars().filter(|char| !char.is_control()).take(256).collect();
    let trimmed = kept.trim();
    if trimmed.is_empty() { None } else { Some(trimmed.to_owned()) }
}
