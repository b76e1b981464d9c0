//! Admits a person whose identity a provider asserts: the user, their address, their groups.
//!
//! Refusals are decided before anything is written, with one exception: a disabled placeholder is first merged into its
//! person, so that the person stays disabled with any later address.

use super::addresses::{self, Settled};
use super::admission::{Admission, Known};
use super::users::{UserRow, user_columns};
use super::{Connection, LockKey, Result, Store, audit, memberships, present, tenant_providers};
use crate::directory::actor::Actor;
use crate::directory::records::{SignInContext, SignInOutcome};
use gatepost_config::IdentityPolicy;
use gatepost_core::clock::Timestamp;
use gatepost_core::email::EmailAddress;
use gatepost_core::identity::{AssertedGroups, AssertedIdentity, SubjectKey};
use gatepost_core::ids::UserId;
use serde_json::json;
use std::time::Duration;

/// How long the last list of groups counts if the provider cannot confirm it.
const GROUPS_STAY: Duration = Duration::from_hours(24);

/// Whether the provider ended its session after it had issued the ID token.
macro_rules! is_session_over {
    () => {
        "EXISTS (SELECT 1 FROM ended_provider_sessions WHERE provider = $4 AND sid_hash = $5 AND ended_at >= $3)"
    };
}

impl Store {
    pub(in crate::directory) async fn sign_in(
        &self,
        identity: &AssertedIdentity,
        policy: &IdentityPolicy,
        context: &SignInContext,
        actor: &Actor,
    ) -> Result<SignInOutcome> {
        let admission = Admission { identity, policy, now: context.now, actor, sign_in: Some(context) };
        transaction!(self, &admission.locks(), |connection| {
            if !tenant_providers::is_as_asked(connection, &identity.provider, policy.revision).await? {
                return Ok(SignInOutcome::ProviderChanged);
            }
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

    /// `None`: the identity does not, or no longer, belong to this user.
    pub(in crate::directory) async fn refresh(
        &self,
        user: UserId,
        identity: &AssertedIdentity,
        policy: &IdentityPolicy,
        now: Timestamp,
        actor: &Actor,
    ) -> Result<Option<SignInOutcome>> {
        let admission = Admission { identity, policy, now, actor, sign_in: None };
        transaction!(self, &admission.locks(), |connection| {
            if !tenant_providers::is_as_asked(connection, &identity.provider, policy.revision).await? {
                return Ok(Some(SignInOutcome::ProviderChanged));
            }
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
    /// Sign-ins of the same identity, and those with the same address, run one after the other.
    fn locks(&self) -> Vec<LockKey> {
        let address = self.identity.email.as_ref().map(addresses::lock_of);
        std::iter::once(identity_lock(&self.identity.subject)).chain(address).collect()
    }

    async fn admit(&self, connection: &mut Connection, known: Option<Known>) -> Result<SignInOutcome> {
        let is_unknown = self.identity.groups == AssertedGroups::Unknown;
        let last_known = known.as_ref().and_then(|known| known.groups_known_at);
        if is_unknown && last_known.is_none_or(|at| self.now.since(at) >= GROUPS_STAY) {
            return Ok(SignInOutcome::GroupsUnknown);
        }
        if known.as_ref().is_some_and(|known| known.user.disabled_at.is_some()) {
            return self.refuse(connection, SignInOutcome::Disabled).await;
        }
        let Settled { user, news } = match self.settle_address(connection, known.as_ref()).await? {
            Ok(settled) => settled,
            Err(refusal) => return self.refuse(connection, refusal).await,
        };
        self.upsert_identity(connection, &user, known.as_ref()).await?;
        if user.disabled_at.is_some() {
            return self.refuse(connection, SignInOutcome::Disabled).await;
        }
        self.update_name(connection, &user).await?;
        let lost_all_groups = self.settle_groups(connection, user.id).await?;
        // The person's row is locked, so whatever ends the person's sessions afterwards has a later time.
        let at = match self.sign_in {
            Some(context) => self.note_sign_in(connection, user.id, context).await?,
            None => present(connection).await?,
        };
        Ok(SignInOutcome::Admitted {
            user_id: user.id,
            at,
            address: news,
            lost_all_groups,
            groups_are_stale: is_unknown,
        })
    }

    async fn refuse(&self, connection: &mut Connection, outcome: SignInOutcome) -> Result<SignInOutcome> {
        let why = match &outcome {
            SignInOutcome::Disabled => "disabled",
            SignInOutcome::AddressHeld(_) => "address_held",
            SignInOutcome::KeptAddressRefused(_) => "kept_address_refused",
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

    async fn upsert_identity(
        &self,
        connection: &mut Connection,
        user: &UserRow,
        known: Option<&Known>,
    ) -> Result<()> {
        let AssertedIdentity { subject, provider, email, .. } = self.identity;
        let email = email.as_ref().map(EmailAddress::as_str);
        match known {
            Some(known) if known.provider == provider.as_str() => {
                let is_same = email.is_none() || known.asserted_email.as_deref() == email;
                return if is_same { Ok(()) } else { self.update_asserted(connection).await };
            }
            Some(known) => memberships::delete_of_provider(connection, user.id, &known.provider).await?,
            None => {}
        }
        sqlx::query(
            "INSERT INTO identities (issuer, subject, provider, user_id, created_at, email) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (issuer, subject) DO UPDATE \
             SET provider = excluded.provider, email = coalesce(excluded.email, identities.email)",
        )
        .bind(&subject.issuer)
        .bind(&subject.subject)
        .bind(provider.as_str())
        .bind(user.id.to_string())
        .bind(self.now.unix())
        .bind(email)
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

    async fn update_asserted(&self, connection: &mut Connection) -> Result<()> {
        let AssertedIdentity { subject, email, .. } = self.identity;
        sqlx::query("UPDATE identities SET email = $3 WHERE issuer = $1 AND subject = $2")
            .bind(&subject.issuer)
            .bind(&subject.subject)
            .bind(email.as_ref().map(EmailAddress::as_str))
            .execute(connection)
            .await?;
        Ok(())
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
        let fell =
            memberships::replace(connection, user, provider, groups, self.policy.group_names, self.actor)
                .await?;
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

    /// Returns the current time by the database's clock.
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

/// The lock for changes of one identity.
pub(super) fn identity_lock(subject: &SubjectKey) -> LockKey {
    LockKey::of(&["identity", &subject.issuer, &subject.subject])
}

async fn find_known(
    connection: &mut Connection,
    key: &SubjectKey,
    context: Option<&SignInContext>,
) -> Result<Option<Known>> {
    let sql = for_update!(concat!(
        "SELECT i.email AS asserted_email, i.provider, i.groups_known_at, coalesce(i.sessions_not_before > $3, false) OR ",
        is_session_over!(),
        " AS is_ended, ",
        user_columns!(),
        " FROM identities i JOIN users u ON u.id = i.user_id WHERE i.issuer = $1 AND i.subject = $2"
    ));
    let query = sqlx::query_as(sql).bind(&key.issuer).bind(&key.subject);
    let session = context.and_then(|context| context.sid_hash.as_ref());
    let query = query
        .bind(context.map(|context| context.issued_at.unix()))
        .bind(session.map(|(provider, _)| provider.as_str()))
        .bind(session.map(|(_, sid)| &sid.as_bytes()[..]));
    Ok(query.fetch_optional(connection).await?)
}

/// Both times are by the provider's clock, so a skew between that clock and Gatepost's refuses nobody.
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

/// The name without control characters (Postgres stores no NUL), at most 256 characters. `None` if nothing is left.
fn presentable(name: &str) -> Option<String> {
    let kept: String = name.chars().filter(|char| !char.is_control()).take(256).collect();
    let trimmed = kept.trim();
    if trimmed.is_empty() { None } else { Some(trimmed.to_owned()) }
}
