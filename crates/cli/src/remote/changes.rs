//! The changes of people, groups and tenants: the requests that make each, and what its command learns.

use super::api::{Answer, Api};
use super::error::ApiError;
use gatepost_admin::views;
use gatepost_core::access::Role;
use gatepost_core::calendar::rfc3339;
use gatepost_core::email::EmailAddress;
use gatepost_store::directory::changes::{
    AddMember, AddTenantMember, Change, CreateGroup, CreateTenant, CreateUser, DeleteGroup, DeleteTenant,
    DisableUser, EnableUser, EraseUser, MapGroup, ReleaseAddress, RemoveMember, RemoveTenantMember,
    RenameGroup, RenameTenant, RestoreTenant, ResumeTenant, SetAdmin, SuspendTenant, UnmapGroup,
};
use gatepost_store::directory::{Conditions, DirectoryError, Done, GroupKey, UserKey};
use reqwest::Method;
use serde_json::json;

/// A change that the API can make too.
pub(crate) trait Remote: Change {
    /// What a command learns of the outcome.
    type Told;

    /// The same of a change that was made here.
    fn told(outcome: Self::Outcome) -> Self::Told;

    /// Makes it elsewhere.
    async fn send(&self, api: &Api, conditions: Conditions) -> Result<Done<Self::Told>, ApiError>;
}

/// What an answer says, with what the command learns.
pub(super) fn done<T>(answer: &Answer, told: T) -> Done<T> {
    Done { changed: answer.changed(), version: answer.version, outcome: told }
}

/// Changes of which a command learns only whether they made a difference.
macro_rules! silent {
    ($($name:ident = |$change:ident, $api:ident, $conditions:ident| $request:expr;)*) => {$(
        impl Remote for $name {
            type Told = ();

            fn told(_: Self::Outcome) {}

            async fn send(&self, $api: &Api, $conditions: Conditions) -> Result<Done<()>, ApiError> {
                let $change = self;
                Ok(done(&$request, ()))
            }
        }
    )*};
}
pub(super) use silent;

silent! {
    CreateUser = |change, api, conditions| api.create_user(&change.email, conditions).await?;
    EnableUser = |change, api, conditions| {
        let id = api.user_id(&change.user).await?;
        api.change(&Method::POST, &["users", &id, "enable"], None, conditions).await?
    };
    EraseUser = |change, api, conditions| {
        let (id, body) = (change.user.to_string(), json!({ "confirm": change.confirm }));
        api.change(&Method::POST, &["users", &id, "erase"], Some(&body), conditions).await?
    };
    CreateGroup = |change, api, conditions| {
        api.change(&Method::POST, &["groups"], Some(&json!({ "name": change.name })), conditions).await?
    };
    RenameGroup = |change, api, conditions| {
        let id = api.group_id(&change.group).await?;
        api.change(&Method::PATCH, &["groups", &id], Some(&json!({ "name": change.name })), conditions).await?
    };
    DeleteGroup = |change, api, conditions| {
        let id = api.group_id(&change.group).await?;
        api.remove(&["groups", &id], &[], conditions).await?
    };
    RenameTenant = |change, api, conditions| {
        let body = json!({ "name": change.name });
        api.change(&Method::PATCH, &["tenants", change.id.as_str()], Some(&body), conditions).await?
    };
    SuspendTenant = |change, api, conditions| {
        let body = json!({ "reason": change.reason.as_str() });
        api.change(&Method::POST, &["tenants", change.id.as_str(), "suspend"], Some(&body), conditions).await?
    };
    ResumeTenant = |change, api, conditions| {
        api.change(&Method::POST, &["tenants", change.id.as_str(), "resume"], None, conditions).await?
    };
    RestoreTenant = |change, api, conditions| {
        api.change(&Method::POST, &["tenants", change.id.as_str(), "restore"], None, conditions).await?
    };
    DeleteTenant = |change, api, conditions| {
        api.remove(&["tenants", change.id.as_str()], &[], conditions).await?
    };
    AddTenantMember = |change, api, conditions| {
        let user = api.member(&change.user, conditions).await?;
        let body = json!({ "role": change.role.to_string(), "until": change.until.map(rfc3339) });
        let path = ["tenants", change.tenant.as_str(), "members", &user];
        api.change(&Method::PUT, &path, Some(&body), conditions).await?
    };
}

impl Remote for DisableUser {
    type Told = ();

    fn told(_: Self::Outcome) {}

    /// Nobody has the address: the person is created first, as the same change here does.
    async fn send(&self, api: &Api, conditions: Conditions) -> Result<Done<()>, ApiError> {
        let id = match (api.find_user_id(&self.user).await?, &self.user) {
            (Some(id), _) => id,
            (None, UserKey::Email(email)) => {
                conditions.demand(None)?;
                let created = api.create_user(email, conditions).await?;
                if conditions.is_dry_run {
                    return Ok(done(&created, ()));
                }
                api.user_id(&self.user).await?
            }
            (None, key) => return Err(DirectoryError::UnknownUser(key.clone()).into()),
        };
        Ok(done(&api.change(&Method::POST, &["users", &id, "disable"], None, conditions).await?, ()))
    }
}

impl Remote for ReleaseAddress {
    type Told = Option<EmailAddress>;

    fn told(outcome: Self::Outcome) -> Self::Told {
        outcome
    }

    async fn send(&self, api: &Api, conditions: Conditions) -> Result<Done<Self::Told>, ApiError> {
        let id = api.user_id(&self.user).await?;
        let answer = api.change(&Method::POST, &["users", &id, "release-address"], None, conditions).await?;
        let release: views::AddressRelease = api.read(answer.body.clone())?;
        Ok(done(&answer, release.released.and_then(|email| email.parse().ok())))
    }
}

impl Remote for AddMember {
    /// Whether the group is new.
    type Told = bool;

    fn told(outcome: Self::Outcome) -> bool {
        outcome.is_new_group
    }

    async fn send(&self, api: &Api, conditions: Conditions) -> Result<Done<bool>, ApiError> {
        let body = json!({ "until": self.until.map(rfc3339) });
        let found = match (api.find_group(&self.group).await?, &self.group) {
            (None, GroupKey::Name(name)) => {
                conditions.demand(None)?;
                let create = CreateGroup { name: name.clone() };
                let created = create.send(api, conditions).await?;
                if conditions.is_dry_run {
                    return Ok(Done { outcome: true, ..Done::changed(created.version, true) });
                }
                (api.group_id(&self.group).await?, true)
            }
            (None, key @ GroupKey::Id(_)) => return Err(DirectoryError::UnknownGroup(key.clone()).into()),
            (Some(group), _) => (group.id, false),
        };
        let user = api.member(&self.user, conditions).await?;
        let path = ["groups", &found.0, "members", &user];
        Ok(done(&api.change(&Method::PUT, &path, Some(&body), conditions).await?, found.1))
    }
}

impl Remote for RemoveMember {
    /// Who said that the person was in the group.
    type Told = Vec<String>;

    fn told(outcome: Self::Outcome) -> Self::Told {
        outcome
    }

    async fn send(&self, api: &Api, conditions: Conditions) -> Result<Done<Self::Told>, ApiError> {
        let (group, user) = (api.group_id(&self.group).await?, api.user_id(&self.user).await?);
        let answer = api.remove(&["groups", &group, "members", &user], &[], conditions).await?;
        let change: views::MemberChange = api.read(answer.body.clone())?;
        Ok(done(&answer, change.sources.unwrap_or_default()))
    }
}

impl Remote for SetAdmin {
    type Told = views::Admin;

    fn told(outcome: Self::Outcome) -> views::Admin {
        (&outcome).into()
    }

    async fn send(&self, api: &Api, conditions: Conditions) -> Result<Done<views::Admin>, ApiError> {
        let answer = if let Some(is_admin) = self.is_admin {
            let user = api.member(&self.user, conditions).await?;
            let body = json!({ "is_admin": is_admin, "until": self.until.map(rfc3339) });
            api.change(&Method::PUT, &["admins", &user], Some(&body), conditions).await?
        } else {
            let user = api.user_id(&self.user).await?;
            api.remove(&["admins", &user], &[], conditions).await?
        };
        let change: views::AdminChange = api.read(answer.body.clone())?;
        Ok(done(&answer, change.admin))
    }
}

impl Remote for CreateTenant {
    type Told = ();

    fn told((): ()) {}

    /// A tenant that is there stays as it is.
    async fn send(&self, api: &Api, conditions: Conditions) -> Result<Done<()>, ApiError> {
        let (path, body) = (["tenants", self.id.as_str()], json!({ "name": self.name }));
        let only_new = Conditions { must_be_new: true, ..conditions };
        match api.change(&Method::PUT, &path, Some(&body), only_new).await {
            Err(ApiError::Directory(DirectoryError::Overtaken(Some(now))))
                if conditions.if_version.is_none_or(|wanted| wanted == now) =>
            {
                Ok(Done::unchanged(Some(now), ()))
            }
            answer => answer.map(|answer| done(&answer, ())),
        }
    }
}

impl Remote for MapGroup {
    /// The role from before.
    type Told = Option<Role>;

    fn told(outcome: Self::Outcome) -> Self::Told {
        outcome
    }

    async fn send(&self, api: &Api, conditions: Conditions) -> Result<Done<Self::Told>, ApiError> {
        let group = api.find_group(&self.group).await?;
        let group = group.ok_or_else(|| DirectoryError::UnknownGroup(self.group.clone()))?;
        let before = group.tenants.get(self.tenant.as_str()).and_then(|role| role.parse().ok());
        let path = ["groups", &group.id, "tenants", self.tenant.as_str()];
        let body = json!({ "role": self.role.to_string() });
        Ok(done(&api.change(&Method::PUT, &path, Some(&body), conditions).await?, before))
    }
}

impl Remote for UnmapGroup {
    type Told = ();

    fn told(_: Role) {}

    async fn send(&self, api: &Api, conditions: Conditions) -> Result<Done<()>, ApiError> {
        let group = api.group_id(&self.group).await?;
        let path = ["groups", &group, "tenants", self.tenant.as_str()];
        Ok(done(&api.remove(&path, &[], conditions).await?, ()))
    }
}

impl Remote for RemoveTenantMember {
    /// The role.
    type Told = String;

    fn told(outcome: Role) -> String {
        outcome.to_string()
    }

    async fn send(&self, api: &Api, conditions: Conditions) -> Result<Done<String>, ApiError> {
        let user = api.user_id(&self.user).await?;
        let path = ["tenants", self.tenant.as_str(), "members", &user];
        let answer = api.remove(&path, &[], conditions).await?;
        let change: views::TenantMemberChange = api.read(answer.body.clone())?;
        Ok(done(&answer, change.role.unwrap_or_default()))
    }
}

impl Api {
    async fn create_user(&self, email: &EmailAddress, conditions: Conditions) -> Result<Answer, ApiError> {
        self.change(&Method::POST, &["users"], Some(&json!({ "email": email.to_string() })), conditions).await
    }

    /// A person as the last segment of a path: the id, or an address that nobody has yet. A few addresses cannot stand
    /// there, because paths have no percent-encoding; then the person is created first.
    async fn member(&self, key: &UserKey, conditions: Conditions) -> Result<String, ApiError> {
        let email = match (self.find_user_id(key).await?, key) {
            (Some(id), _) => return Ok(id),
            (None, UserKey::Email(email)) => email,
            (None, UserKey::Id(_)) => return Err(DirectoryError::UnknownUser(key.clone()).into()),
        };
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"@.-_+=!$&'*~".contains(&byte);
        if email.as_str().bytes().all(is_plain) {
            return Ok(email.to_string());
        }
        if conditions.is_dry_run {
            return Err(ApiError::Untried(email.to_string()));
        }
        conditions.demand(None)?;
        self.create_user(email, Conditions::default()).await?;
        self.user_id(key).await
    }
}
