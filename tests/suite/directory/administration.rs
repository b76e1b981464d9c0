//! What an administrator does to a directory, in one call for each change.

use super::config;
use gatepost_config::GroupNames;
use gatepost_core::access::Role;
use gatepost_core::email::EmailAddress;
use gatepost_core::identity::ExternalGroup;
use gatepost_core::ids::{GroupName, TenantId};
use gatepost_store::directory::changes::{
    AddMember, ChangeAddress, CreateTenant, DisableUser, EnableUser, LinkGroup, MapGroup, ReleaseAddress,
    RemoveMember, SetAdmin, UnlinkGroup, UnmapGroup,
};
use gatepost_store::directory::{
    Actor, AddressNews, Applicable, Conditions, Directory, DirectoryError, Done, UserKey,
};
use std::sync::Arc;

/// More providers than [`config`] has.
const OTHERS: [(&str, &str); 6] = [
    ("GATEPOST_PROVIDERS__B__KIND", "oidc"),
    ("GATEPOST_PROVIDERS__B__ISSUER", "https://b.example.test"),
    ("GATEPOST_PROVIDERS__B__CLIENT_ID", "gatepost"),
    ("GATEPOST_PROVIDERS__B__CLIENT_SECRET", "not one"),
    ("GATEPOST_PROVIDERS__B__ALLOWED_DOMAINS", "b.example"),
    ("GATEPOST_PROVIDERS__B__GROUP_NAMES", "link"),
];

/// What an administrator on the server does, with the result that the tests ask for.
pub trait Administers {
    async fn make<C: Applicable>(&self, change: C, actor: &Actor)
    -> Result<Done<C::Outcome>, DirectoryError>;

    async fn disable_user(&self, user: &UserKey, actor: &Actor) -> Result<bool, DirectoryError> {
        Ok(self.make(DisableUser { user: user.clone() }, actor).await?.changed)
    }

    async fn enable_user(&self, user: &UserKey, actor: &Actor) -> Result<bool, DirectoryError> {
        Ok(self.make(EnableUser { user: user.clone() }, actor).await?.changed)
    }

    async fn change_address(
        &self,
        user: &UserKey,
        to: &EmailAddress,
        actor: &Actor,
    ) -> Result<AddressNews, DirectoryError> {
        let config = Arc::new(config(&[("GATEPOST_ADDRESS_CHANGES", "keep")]));
        Ok(self.make(ChangeAddress::new(user.clone(), to.clone(), &config)?, actor).await?.outcome)
    }

    async fn release_address(
        &self,
        user: &UserKey,
        actor: &Actor,
    ) -> Result<Option<EmailAddress>, DirectoryError> {
        Ok(self.make(ReleaseAddress { user: user.clone() }, actor).await?.outcome)
    }

    async fn set_admin(
        &self,
        user: &UserKey,
        is_admin: Option<bool>,
        actor: &Actor,
    ) -> Result<bool, DirectoryError> {
        Ok(self.make(SetAdmin { user: user.clone(), is_admin, until: None }, actor).await?.changed)
    }

    async fn grant_admin(&self, user: &UserKey, actor: &Actor) -> Result<bool, DirectoryError> {
        self.set_admin(user, Some(true), actor).await
    }

    async fn revoke_admin(&self, user: &UserKey, actor: &Actor) -> Result<bool, DirectoryError> {
        self.set_admin(user, Some(false), actor).await
    }

    async fn reset_admin(&self, user: &UserKey, actor: &Actor) -> Result<bool, DirectoryError> {
        self.set_admin(user, None, actor).await
    }

    async fn link_group(
        &self,
        name: &GroupName,
        external: &ExternalGroup,
        actor: &Actor,
    ) -> Result<bool, DirectoryError> {
        let change = LinkGroup::new(name.clone().into(), external.clone(), &config(&OTHERS))?;
        Ok(self.make(change, actor).await?.changed)
    }

    async fn unlink_group(
        &self,
        external: &ExternalGroup,
        names: GroupNames,
        actor: &Actor,
    ) -> Result<(), DirectoryError> {
        let names = match names {
            GroupNames::Trust => "trust",
            _ => "link",
        };
        let config = config(&[("GATEPOST_PROVIDERS__ENTRA__GROUP_NAMES", names)]);
        self.make(UnlinkGroup::new(external.clone(), &config), actor).await.map(drop)
    }

    async fn add_member(
        &self,
        group: &GroupName,
        user: &UserKey,
        actor: &Actor,
    ) -> Result<bool, DirectoryError> {
        let change = AddMember { group: group.clone().into(), user: user.clone(), until: None };
        Ok(self.make(change, actor).await?.changed)
    }

    async fn remove_member(
        &self,
        group: &GroupName,
        user: &UserKey,
        actor: &Actor,
    ) -> Result<Vec<String>, DirectoryError> {
        let change = RemoveMember { group: group.clone().into(), user: user.clone() };
        Ok(self.make(change, actor).await?.outcome)
    }

    async fn create_tenant(
        &self,
        id: &TenantId,
        name: Option<&str>,
        actor: &Actor,
    ) -> Result<bool, DirectoryError> {
        let change = CreateTenant { id: id.clone(), name: name.map(str::to_owned) };
        Ok(self.make(change, actor).await?.changed)
    }

    async fn map_group(
        &self,
        group: &GroupName,
        tenant: &TenantId,
        role: Role,
        actor: &Actor,
    ) -> Result<bool, DirectoryError> {
        let change = MapGroup { group: group.clone().into(), tenant: tenant.clone(), role };
        Ok(self.make(change, actor).await?.changed)
    }

    async fn unmap_group(
        &self,
        group: &GroupName,
        tenant: &TenantId,
        actor: &Actor,
    ) -> Result<Role, DirectoryError> {
        let change = UnmapGroup { group: group.clone().into(), tenant: tenant.clone() };
        Ok(self.make(change, actor).await?.outcome)
    }
}

impl Administers for Directory {
    #[expect(clippy::disallowed_methods, reason = "these tests are about what is behind the door")]
    async fn make<C: Applicable>(
        &self,
        change: C,
        actor: &Actor,
    ) -> Result<Done<C::Outcome>, DirectoryError> {
        self.carry_out(&change, Conditions::default(), actor).await
    }
}
