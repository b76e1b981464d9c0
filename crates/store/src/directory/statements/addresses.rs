//! Changes of a person's address by a provider or an administrator. No two people hold the same address.
//!
//! `users.email` is the address that applications get, `identities.email` the one that a provider asserted last. They
//! differ if `GATEPOST_ADDRESS_CHANGES` is `keep`; the person then holds both, and nobody else gets either of them.
//! `former_addresses` records who gave up an address, because applications give the account of that address to its next
//! holder.

use super::admission::{Admission, Known};
use super::merge::merge;
use super::users::{self, UserRow, user_columns};
use super::{Apply, Connection, LockKey, Result, audit};
use crate::directory::actor::Actor;
use crate::directory::changes::{ChangeAddress, Done, ReleaseAddress};
use crate::directory::error::DirectoryError;
use crate::directory::records::{AddressChange, AddressNews, FormerHolder, SignInOutcome, UserKey};
use gatepost_config::AddressChanges;
use gatepost_core::administration::{Granted, Version};
use gatepost_core::clock::Timestamp;
use gatepost_core::email::EmailAddress;
use gatepost_core::identity::AssertedIdentity;
use gatepost_core::ids::{TenantId, UserId};
use serde_json::json;

/// The person with the new address.
pub(super) struct Settled {
    pub(super) user: UserRow,
    pub(super) news: AddressNews,
}

impl Settled {
    fn as_before(user: UserRow) -> Self {
        Self { user, news: AddressNews::default() }
    }
}

type Settlement = std::result::Result<Settled, SignInOutcome>;

/// The holder of an address.
enum Holder {
    Nobody,
    /// An administrator named the address before anybody signed in with it.
    Placeholder(UserRow),
    /// Applications know a person by it, or a person's provider asserts it.
    Person,
}

impl Admission<'_> {
    /// Finds, merges or creates the row of the person, with the address that counts. An `Err` is a refusal.
    pub(super) async fn settle_address(
        &self,
        connection: &mut Connection,
        known: Option<&Known>,
    ) -> Result<Settlement> {
        match (self.policy.address_changes, known) {
            (AddressChanges::Keep, Some(known)) if known.user.email.is_some() => {
                self.keep_address(connection, known).await
            }
            _ => self.follow_address(connection, known.map(|known| known.user.clone())).await,
        }
    }

    /// The address that the provider asserts now decides whether the person has an address that counts, not the one
    /// that is kept. The kept address no longer counts when its domain is no longer allowed.
    async fn keep_address(&self, connection: &mut Connection, known: &Known) -> Result<Settlement> {
        let mut user = known.user.clone();
        let Some(kept) = user.email.clone() else { return Ok(Err(SignInOutcome::NoAddress)) };
        if self.identity.refused.as_ref().is_some_and(|refused| refused.address.is_some()) {
            return Ok(Err(SignInOutcome::NoAddress));
        }
        if !self.policy.domains.contains(&kept) {
            return Ok(Err(SignInOutcome::KeptAddressRefused(kept)));
        }
        let Some(asserted) = self.identity.email.as_ref().filter(|email| **email != kept) else {
            return Ok(Ok(Settled::as_before(user)));
        };
        // A placeholder with the asserted address means this person, whichever address applications get.
        if let Holder::Placeholder(placeholder) =
            self.find_holder(connection, asserted, Some(user.id)).await?
        {
            user = merge(connection, &placeholder, user, self.actor).await?;
        }
        let mut settled = Settled::as_before(user);
        if known.asserted_email.as_deref() != Some(asserted.as_str()) {
            let (before, after) =
                (json!({ "asserted": known.asserted_email }), json!({ "asserted": asserted, "email": kept }));
            let id = known.user.id;
            users::note(connection, self.actor, "user.keep_address", id, Some(before), Some(after)).await?;
            settled.news.change = Some(AddressChange::Kept { email: kept, asserted: asserted.clone() });
        }
        Ok(Ok(settled))
    }

    async fn follow_address(&self, connection: &mut Connection, user: Option<UserRow>) -> Result<Settlement> {
        let Some(email) = &self.identity.email else {
            // A person keeps an address, unless the provider asserts it now and may not do so.
            let refused = self.identity.refused.as_ref().and_then(|refused| refused.address.as_ref());
            let keeps = |user: &UserRow| user.email.is_some() && user.email.as_ref() != refused;
            return Ok(user.filter(keeps).map(Settled::as_before).ok_or(SignInOutcome::NoAddress));
        };
        if let Some(user) = &user
            && user.email.as_ref() == Some(email)
        {
            return Ok(Ok(Settled::as_before(user.clone())));
        }
        let placeholder = match self.find_holder(connection, email, user.as_ref().map(|user| user.id)).await?
        {
            Holder::Person => {
                let moved = if user.is_none() { self.find_moved(connection, email).await? } else { None };
                let held = || SignInOutcome::AddressHeld(email.clone());
                return Ok(moved.map(Settled::as_before).ok_or_else(held));
            }
            Holder::Placeholder(placeholder) => Some(placeholder),
            Holder::Nobody => None,
        };
        let settled = match (user, placeholder) {
            (Some(user), placeholder) => give(connection, user, placeholder, email, self.actor).await?,
            (None, placeholder) => {
                let user = match placeholder {
                    Some(placeholder) => placeholder,
                    None => users::create(connection, Some(email), self.now, self.actor).await?,
                };
                let former_holder = note_taken(connection, user.id, email, self.actor).await?;
                Settled { user, news: AddressNews { change: None, former_holder } }
            }
        };
        Ok(Ok(settled))
    }

    /// As [`find_holder`]. Whoever runs a tenant's provider can sign in with any address of the tenant's domains. So a place
    /// that was made for an address is not theirs if it opens anything but the tenant: it waits for somebody whom a
    /// configured provider vouches for.
    async fn find_holder(
        &self,
        connection: &mut Connection,
        email: &EmailAddress,
        own: Option<UserId>,
    ) -> Result<Holder> {
        let holder = find_holder(connection, email, own).await?;
        match (&holder, self.identity.provider.tenant()) {
            (Holder::Placeholder(placeholder), Some(tenant))
                if opens_more_than(connection, placeholder.id, &tenant).await? =>
            {
                Ok(Holder::Person)
            }
            _ => Ok(holder),
        }
    }
}

/// The person of an address whom nobody but the provider $2 identifies, and that by another issuer than $3.
const MOVED: &str = for_update!(concat!(
    "SELECT ",
    user_columns!(),
    " FROM users u WHERE u.email = $1 AND EXISTS (SELECT 1 FROM identities i WHERE i.user_id = u.id) \
     AND NOT EXISTS (SELECT 1 FROM identities i WHERE i.user_id = u.id AND (i.provider <> $2 OR i.issuer = $3)) \
     AND NOT EXISTS (SELECT 1 FROM identities i WHERE i.email = $1 AND i.user_id <> u.id)"
));

impl Admission<'_> {
    /// The person of a tenant who comes by another issuer, because the tenant has moved to it: the address, of a domain that is
    /// proved to be the tenant's, says who they are. What the former issuer called them is forgotten. An issuer that calls the
    /// holder of an address by another subject than before still means somebody else.
    async fn find_moved(&self, connection: &mut Connection, email: &EmailAddress) -> Result<Option<UserRow>> {
        let AssertedIdentity { provider, subject, .. } = self.identity;
        if provider.tenant().is_none() {
            return Ok(None);
        }
        let query = sqlx::query_as(MOVED).bind(email.as_str()).bind(provider.as_str()).bind(&subject.issuer);
        let found: Option<UserRow> = query.fetch_optional(&mut *connection).await?;
        if let Some(user) = &found {
            let sql = "DELETE FROM identities WHERE user_id = $1 AND provider = $2";
            let query = sqlx::query(sql).bind(user.id.to_string()).bind(provider.as_str());
            query.execute(&mut *connection).await?;
        }
        Ok(found)
    }
}

/// Whether a place opens something outside of this tenant: a group, the administration, another tenant.
async fn opens_more_than(connection: &mut Connection, id: UserId, tenant: &TenantId) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM manual_memberships WHERE user_id = $1) \
        OR EXISTS (SELECT 1 FROM admin_overrides WHERE user_id = $1 AND is_admin) \
        OR EXISTS (SELECT 1 FROM tenant_members WHERE user_id = $1 AND tenant_id <> $2)";
    Ok(sqlx::query_scalar(sql).bind(id.to_string()).bind(tenant.as_str()).fetch_one(connection).await?)
}

/// For an administrator, whatever the provider asserts.
impl Apply for ChangeAddress {
    type Locked = UserRow;

    fn locks(&self) -> Vec<LockKey> {
        vec![lock_of(&self.to)]
    }

    async fn lock(&self, connection: &mut Connection) -> Result<(Self::Locked, Option<Version>)> {
        users::lock_known(connection, &self.user).await
    }

    async fn write(
        granted: Granted<&Self>,
        user: Self::Locked,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<AddressNews>> {
        let to = &granted.change().to;
        if user.email.as_ref() == Some(to) {
            return Ok(Done::unchanged(Some(user.version), AddressNews::default()));
        }
        let id = user.id;
        demand_allowed(connection, granted.change(), id).await?;
        let placeholder = match find_holder(connection, to, Some(id)).await? {
            Holder::Person => return Err(DirectoryError::AddressHeld(to.clone())),
            Holder::Placeholder(placeholder) => Some(placeholder),
            Holder::Nobody => None,
        };
        let news = give(connection, user, placeholder, to, actor).await?.news;
        Ok(Done::changed(users::version_of(connection, id).await?, news))
    }
}

/// Refuses an address whose domain the person's providers may not assert: the next refresh would end the sessions.
async fn demand_allowed(connection: &mut Connection, change: &ChangeAddress, id: UserId) -> Result<()> {
    let ChangeAddress { to, config, .. } = change;
    for identity in users::list_identities(connection, id).await? {
        let provider = config.providers.iter().find(|provider| provider.id == identity.provider);
        if let Some(provider) = provider
            && !config.identity_policy_for(provider, &identity.key).domains.contains(to)
        {
            return Err(DirectoryError::DomainNotAllowed(to.clone(), provider.id.clone()));
        }
    }
    Ok(())
}

/// For the next person who presents the address.
impl Apply for ReleaseAddress {
    type Locked = UserRow;

    async fn lock(&self, connection: &mut Connection) -> Result<(Self::Locked, Option<Version>)> {
        users::lock_known(connection, &self.user).await
    }

    async fn write(
        granted: Granted<&Self>,
        user: Self::Locked,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<Option<EmailAddress>>> {
        let released = match &granted.change().user {
            UserKey::Email(email) => Some(email.clone()),
            UserKey::Id(_) => user.email.clone(),
        };
        let Some(released) = released else { return Ok(Done::unchanged(Some(user.version), None)) };
        forget_asserted(connection, user.id, &released).await?;
        if user.email.as_ref() == Some(&released) {
            users::set_email(connection, user.id, None).await?;
        }
        let (before, after) = (json!({ "email": released }), json!({ "email": null }));
        users::note(connection, actor, "user.release_address", user.id, Some(before), Some(after)).await?;
        Ok(Done::changed(users::version_of(connection, user.id).await?, Some(released)))
    }
}

/// The lock for changes of one address.
pub(super) fn lock_of(email: &EmailAddress) -> LockKey {
    LockKey::of(&["address", email.as_str()])
}

/// Finds the holder and locks its row if it is a placeholder. `own`: the person who is to get the address; they do not
/// count as another holder.
async fn find_holder(
    connection: &mut Connection,
    email: &EmailAddress,
    own: Option<UserId>,
) -> Result<Holder> {
    let sql = "SELECT EXISTS (SELECT 1 FROM identities WHERE email = $1 AND user_id <> $2)";
    let is_asserted: bool = sqlx::query_scalar(sql)
        .bind(email.as_str())
        .bind(own.map(|id| id.to_string()).unwrap_or_default())
        .fetch_one(&mut *connection)
        .await?;
    if is_asserted {
        return Ok(Holder::Person);
    }
    match users::find_row_by_email_for_update(connection, email).await? {
        None => Ok(Holder::Nobody),
        Some(holder) if users::has_identity(connection, holder.id).await? => Ok(Holder::Person),
        Some(placeholder) => Ok(Holder::Placeholder(placeholder)),
    }
}

/// Gives the person this address, and merges the placeholder of the address into the person.
async fn give(
    connection: &mut Connection,
    user: UserRow,
    placeholder: Option<UserRow>,
    email: &EmailAddress,
    actor: &Actor,
) -> Result<Settled> {
    let mut user = match placeholder {
        Some(placeholder) => merge(connection, &placeholder, user, actor).await?,
        None => user,
    };
    users::set_email(connection, user.id, Some(email)).await?;
    let (before, after) = (json!({ "email": user.email }), json!({ "email": email }));
    users::note(connection, actor, "user.change_address", user.id, Some(before), Some(after)).await?;
    let former_holder = note_taken(connection, user.id, email, actor).await?;
    let from = user.email.replace(email.clone());
    let change = Some(AddressChange::Changed { from, to: email.clone() });
    Ok(Settled { user, news: AddressNews { change, former_holder } })
}

row! {
    /// A row of `former_addresses`.
    struct FormerAddressRow {
        user_id: UserId,
        until: Timestamp,
    }
}

/// Audits that another person had this address before. Applications that know people by address give that person's
/// account to the new holder, and this row is the only trace of it.
async fn note_taken(
    connection: &mut Connection,
    user: UserId,
    email: &EmailAddress,
    actor: &Actor,
) -> Result<Option<FormerHolder>> {
    let sql = "SELECT user_id, until FROM former_addresses WHERE email = $1 AND user_id <> $2";
    let row: Option<FormerAddressRow> = sqlx::query_as(sql)
        .bind(email.as_str())
        .bind(user.to_string())
        .fetch_optional(&mut *connection)
        .await?;
    let Some(FormerAddressRow { user_id: former, until }) = row else { return Ok(None) };
    let entry = audit::Entry {
        action: "user.take_address",
        target: format!("user:{user}"),
        before: Some(json!({ "user": former, "until": until })),
        after: Some(json!({ "email": email })),
    };
    audit::write(connection, actor, entry).await?;
    Ok(Some(FormerHolder { email: email.clone(), user: former, until }))
}

async fn forget_asserted(connection: &mut Connection, id: UserId, email: &EmailAddress) -> Result<()> {
    sqlx::query("UPDATE identities SET email = NULL WHERE user_id = $1 AND email = $2")
        .bind(id.to_string())
        .bind(email.as_str())
        .execute(connection)
        .await?;
    Ok(())
}
