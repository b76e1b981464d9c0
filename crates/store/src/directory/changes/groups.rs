//! Changes of groups, of their links to groups of providers, and of their members.

use super::platform_change;
use crate::directory::error::DirectoryError;
use crate::directory::records::{GroupKey, UserKey};
use gatepost_config::{Config, GroupNames};
use gatepost_core::clock::Timestamp;
use gatepost_core::identity::ExternalGroup;
use gatepost_core::ids::{GroupId, GroupName, UserId};

/// Creates a group without members. Unchanged: there is one of this name.
#[derive(Clone, Debug)]
pub struct CreateGroup {
    pub name: GroupName,
}
platform_change!(CreateGroup => GroupId);

/// Gives a group another name. Its members, links and tenants stay.
///
/// Errors: `NameTaken`, `ReservedGroup`.
#[derive(Clone, Debug)]
pub struct RenameGroup {
    pub group: GroupKey,
    pub name: GroupName,
}
platform_change!(RenameGroup => GroupName);

/// Deletes a group with its manual memberships and its access to tenants.
///
/// Errors: `ReservedGroup`, `GroupLinked`.
#[derive(Clone, Debug)]
pub struct DeleteGroup {
    pub group: GroupKey,
}
platform_change!(DeleteGroup => GroupName);

/// Links a group to a provider's group. A name that does not exist is created.
///
/// Errors: `LinkedByConfiguration`; `NotLinked` after [`LinkGroup::from_group`].
#[derive(Clone, Debug)]
pub struct LinkGroup {
    pub(in crate::directory) group: GroupKey,
    pub(in crate::directory) external: ExternalGroup,
    /// The group that the provider's group stands for until now. `None`: whichever it is.
    pub(in crate::directory) from: Option<GroupId>,
}

impl LinkGroup {
    /// # Errors
    /// `UnknownProvider`, `RoleWithoutTenant`: a typing error would leave the group without members.
    pub fn new(group: GroupKey, external: ExternalGroup, config: &Config) -> Result<Self, DirectoryError> {
        let Some(provider) = config.providers.iter().find(|one| one.id == external.provider) else {
            let ids: Vec<&str> = config.providers.iter().map(|one| one.id.as_str()).collect();
            return Err(DirectoryError::UnknownProvider(external.provider, ids.join(", ")));
        };
        provider.check_role(&external)?;
        Ok(Self { group, external, from: None })
    }

    /// Only if the provider's group stands for this group until now. The version of the change is that of this group.
    #[must_use]
    pub fn from_group(self, group: GroupId) -> Self {
        Self { from: Some(group), ..self }
    }
}
platform_change!(LinkGroup => GroupName, may_unmake_admins);

/// Removes a link. The provider's group gets the name that the provider's mode gives it.
///
/// Errors: `LinkedByConfiguration`, `NotLinked`.
#[derive(Clone, Debug)]
pub struct UnlinkGroup {
    pub(in crate::directory) external: ExternalGroup,
    /// Only the link of this group. `None`: of whichever it is linked to.
    pub(in crate::directory) group: Option<GroupId>,
    /// The provider's mode.
    pub(in crate::directory) names: GroupNames,
}

impl UnlinkGroup {
    pub fn new(external: ExternalGroup, config: &Config) -> Self {
        Self { names: config.group_names_of(&external.provider), external, group: None }
    }

    /// Only from this group: if the provider's group belongs to another one by now, nothing is changed (`NotLinked`). The
    /// version of the change is that of the group.
    #[must_use]
    pub fn from_group(self, group: GroupId) -> Self {
        Self { group: Some(group), ..self }
    }
}
platform_change!(UnlinkGroup => (), may_unmake_admins);

/// Adds a person to a group, as a row of the view `user_group_membership` does. A missing name is created, and an
/// address that nobody holds gets a placeholder for its first holder. A person who is a member already has from now on
/// the end that is given here.
#[derive(Clone, Debug)]
pub struct AddMember {
    pub group: GroupKey,
    pub user: UserKey,
    /// The membership counts until this second. `None`: for good.
    pub until: Option<Timestamp>,
}
platform_change!(AddMember => Joined);

/// Whom [`AddMember`] added, and to what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    pub user: UserId,
    pub group: GroupId,
    /// The group did not exist.
    pub is_new_group: bool,
}

/// Removes a person from a group, whatever the source of the membership. A provider that still asserts the group adds
/// the person again at the next sign-in. The outcome is the sources.
///
/// Errors: `NotMember`.
#[derive(Clone, Debug)]
pub struct RemoveMember {
    pub group: GroupKey,
    pub user: UserKey,
}
platform_change!(RemoveMember => Vec<String>, may_unmake_admins);

/// Adds people to a group and removes others from it, all of them or nobody.
///
/// Errors: `UnknownGroup`, and those of [`AddMember`] and [`RemoveMember`].
#[derive(Clone, Debug)]
pub struct ChangeMembers {
    pub group: GroupKey,
    /// Each until this second. `None`: for good.
    pub add: Vec<(UserKey, Option<Timestamp>)>,
    pub remove: Vec<UserKey>,
}
platform_change!(ChangeMembers => ChangedMembers, may_unmake_admins);

/// What [`ChangeMembers`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedMembers {
    /// The group's name.
    pub group: GroupName,
    /// How many memberships are new or end at another time.
    pub added: usize,
    /// How many people are in it no more.
    pub removed: usize,
}
