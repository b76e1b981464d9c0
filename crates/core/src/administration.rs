//! Who may administer what. Pure, as [`crate::decision`] is: the directory reads the facts in the transaction of the
//! change, and this module decides.
//!
//! Guarantee: a [`Granted`] change was decided here. The statements that write a change take nothing else.

use super::access::{Access, Role, Standing};
use super::ids::{ProviderId, TenantId, UserId};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// What somebody may administer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everything: a system administrator, or the command line on the server.
    System,
    /// These tenants alone: somebody with the role `admin` in each. Empty: nothing.
    Tenants(BTreeSet<TenantId>),
}

impl Scope {
    /// The scope of nobody.
    pub const NONE: Self = Self::Tenants(BTreeSet::new());

    /// What a person may administer at this moment.
    pub fn of(standing: &Standing) -> Self {
        let access = &standing.access;
        if standing.is_disabled {
            Self::NONE
        } else if access.is_admin {
            Self::System
        } else {
            // Whoever administers a suspended tenant may still read it; the door refuses their changes.
            let tenants = access.tenants.iter().chain(access.suspended.iter());
            let tenants = tenants.filter(|(_, role)| *role == Role::Admin);
            Self::Tenants(tenants.map(|(id, _)| id.clone()).collect())
        }
    }

    /// Whether it is everything.
    pub const fn is_system(&self) -> bool {
        matches!(self, Self::System)
    }

    /// Whether it holds nothing at all.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Tenants(tenants) if tenants.is_empty())
    }

    /// Decides whether this scope allows what concerns `matter`.
    ///
    /// # Errors
    /// [`Denied`].
    pub fn allows(&self, matter: &Matter) -> Result<(), Denied> {
        match (self, matter) {
            (Self::System, _) => Ok(()),
            (Self::Tenants(tenants), Matter::Tenant(id)) if tenants.contains(id) => Ok(()),
            (Self::Tenants(tenants), Matter::Tenant(_)) if !tenants.is_empty() => Err(Denied::Hidden),
            // Whoever it is: one person does not exist for another.
            (Self::Tenants(_), Matter::Person(_)) => Err(Denied::Hidden),
            (Self::Tenants(_), _) => Err(Denied::SystemOnly),
        }
    }

    /// Whether this scope covers the sessions that a person with this access began at a provider. Administrators of a
    /// tenant have those of its members at its own provider, which open nothing outside of the tenant
    /// ([`Access::confined_to`]). A session at a provider of the platform may open other tenants too.
    pub fn covers_sessions(&self, provider: &ProviderId, access: &Access) -> bool {
        match (self, provider.tenant()) {
            (Self::System, _) => true,
            (Self::Tenants(own), Some(tenant)) => {
                let role = access.tenants.find(&tenant).or_else(|| access.suspended.find(&tenant));
                own.contains(&tenant) && role.is_some()
            }
            (Self::Tenants(_), None) => false,
        }
    }
}

/// Who makes a change, and what they may administer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The person. `None`: the command line on the server, a key without an owner, or nobody.
    pub person: Option<UserId>,
    /// What they may administer.
    pub scope: Scope,
}

impl Caller {
    /// The command line on the server.
    pub const SYSTEM: Self = Self { person: None, scope: Scope::System };
    /// Somebody who may change nothing.
    pub const NOBODY: Self = Self { person: None, scope: Scope::NONE };

    /// A person at this moment. A disabled person is nobody.
    pub fn of(standing: &Standing) -> Self {
        let person = (!standing.is_disabled).then_some(standing.person.id);
        Self { person, scope: Scope::of(standing) }
    }

    /// A key that concerns `matter`: its owner, else its tenant, else the platform. It has that alone, and only while its
    /// maker may change it. The key of a person administers nothing, whatever the person does.
    pub fn of_key(matter: &Matter, maker: &Self) -> Self {
        if maker.allows(matter).is_err() {
            return Self::NOBODY;
        }
        match matter {
            Matter::Platform => Self { person: None, scope: Scope::System },
            Matter::Tenant(id) => Self { person: None, scope: Scope::Tenants([id.clone()].into()) },
            Matter::Person(id) => Self { person: Some(*id), scope: Scope::NONE },
        }
    }

    /// Decides whether this caller may change what concerns `matter`.
    ///
    /// # Errors
    /// [`Denied`].
    pub fn allows(&self, matter: &Matter) -> Result<(), Denied> {
        match matter {
            Matter::Person(id) if self.person == Some(*id) => Ok(()),
            matter => self.scope.allows(matter),
        }
    }

    /// Grants a change, if this caller may make it.
    ///
    /// # Errors
    /// [`Denied`].
    pub fn grant<C>(&self, matter: &Matter, change: C) -> Result<Granted<C>, Denied> {
        let is_by_system = self.scope == Scope::System;
        self.allows(matter).map(|()| Granted { change, is_by_system })
    }
}

/// What a change or a question concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Matter {
    /// People, groups, links, admins and which tenants there are: all that belongs to no single tenant.
    Platform,
    /// What belongs to one tenant: its own members, its requests, its audit.
    Tenant(TenantId),
    /// What one person may change for themselves: their requests for access, their proposal of a tenant.
    Person(UserId),
}

/// Why a scope does not allow something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// It belongs to a tenant that the caller does not administer, and which therefore does not exist for them.
    #[error("there is nothing of this name that you may administer")]
    Hidden,
    /// Only system administrators may do it.
    #[error("only a system administrator may do this")]
    SystemOnly,
    /// Keys do not make keys, so that who finds one cannot keep what it opens. Only a person proposes a tenant.
    #[error("a key may not do this: sign in and do it yourself, or use the command line on the server")]
    NotByKey,
}

/// A change that a [`Caller`] may make. Only [`Caller::grant`] makes one.
#[derive(Debug)]
pub struct Granted<C> {
    change: C,
    is_by_system: bool,
}

impl<C> Granted<C> {
    /// The change.
    pub const fn change(&self) -> &C {
        &self.change
    }

    /// A part of this change, which the same decision allows: it concerns the same matter.
    pub const fn part<D>(&self, part: D) -> Granted<D> {
        Granted { change: part, is_by_system: self.is_by_system }
    }

    /// Whether it was granted for the whole platform, not for one tenant. People who are not in a tenant do not exist
    /// for its administrators.
    pub const fn is_by_system(&self) -> bool {
        self.is_by_system
    }
}

/// The version of a thing that can be changed. Each change of it counts one up. Written `v7`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(i64);

impl Version {
    /// From the number in the database.
    pub const fn from_number(number: i64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn number(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}", self.0)
    }
}

/// The text is not a version.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a version: expected v and a number, as in v7")]
pub struct VersionError(String);

/// With or without the `v`, because people type the number.
impl FromStr for Version {
    type Err = VersionError;
    fn from_str(text: &str) -> Result<Self, VersionError> {
        let digits = text.strip_prefix('v').unwrap_or(text);
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let number = is_number.then(|| digits.parse().ok()).flatten();
        number.map(Self).ok_or_else(|| VersionError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Person;
    use crate::clock::BootTime;
    use crate::ids::UserId;

    fn tenant(id: &str) -> TenantId {
        id.parse().expect("a tenant id")
    }

    fn standing(is_admin: bool, is_disabled: bool) -> Standing {
        let tenants = [(tenant("a"), Role::Admin), (tenant("m"), Role::Member), (tenant("v"), Role::Viewer)];
        let access = Access { is_admin, tenants: tenants.into(), ..Access::default() };
        Standing {
            person: Person { id: UserId::generate(), email: None, name: None },
            is_disabled,
            sessions_not_before: None,
            is_session_ended: false,
            counts_until: BootTime::MAX,
            access: access.into(),
        }
    }

    #[test]
    fn a_system_administrator_may_change_everything() {
        let scope = Scope::of(&standing(true, false));
        assert_eq!(scope.allows(&Matter::Platform), Ok(()));
        assert_eq!(scope.allows(&Matter::Tenant(tenant("b"))), Ok(()));
    }

    #[test]
    fn the_administrator_of_a_tenant_may_change_that_tenant_alone() {
        let scope = Scope::of(&standing(false, false));
        assert_eq!(scope.allows(&Matter::Tenant(tenant("a"))), Ok(()));
        assert_eq!(scope.allows(&Matter::Platform), Err(Denied::SystemOnly));
        let person = Matter::Person(UserId::generate());
        assert_eq!(scope.allows(&person), Err(Denied::Hidden), "what is one person's is nobody else's");
        for other in ["m", "v", "b"] {
            assert_eq!(scope.allows(&Matter::Tenant(tenant(other))), Err(Denied::Hidden), "{other}");
        }
    }

    #[test]
    fn administrators_of_a_tenant_have_the_sessions_of_its_members_at_its_own_provider_alone() {
        let scope = Scope::of(&standing(false, false));
        let roles = |id: &str| [(tenant(id), Role::Viewer)].into();
        let of = |id: &str| ProviderId::of_tenant(&tenant(id));
        let member = Access { tenants: roles("a"), ..Access::default() };
        let suspended = Access { suspended: roles("a"), ..Access::default() };
        let elsewhere = Access { tenants: roles("m"), ..Access::default() };
        let entra: ProviderId = "entra".parse().expect("a provider");
        for (provider, access, is_covered) in [
            (of("a"), &member, true),
            (of("a"), &suspended, true),
            (of("a"), &elsewhere, false),
            (of("a"), &Access::default(), false),
            (of("m"), &elsewhere, false),
            (of("b"), &Access { tenants: roles("b"), ..Access::default() }, false),
            (entra.clone(), &member, false),
        ] {
            assert_eq!(scope.covers_sessions(&provider, access), is_covered, "{provider} {access:?}");
            assert!(Scope::System.covers_sessions(&provider, access));
            assert!(!Scope::NONE.covers_sessions(&provider, access));
        }
    }

    #[test]
    fn a_disabled_person_and_a_person_without_a_role_may_change_nothing() {
        let nobody = Scope::of(&standing(true, true));
        assert!(nobody.is_empty());
        for matter in [Matter::Platform, Matter::Tenant(tenant("a"))] {
            assert_eq!(nobody.allows(&matter), Err(Denied::SystemOnly));
            assert!(Caller::NOBODY.grant(&matter, ()).is_err());
        }
    }

    #[test]
    fn only_the_person_and_the_system_may_change_what_belongs_to_a_person() {
        let own = standing(false, false);
        let matter = Matter::Person(own.person.id);
        assert!(Caller::of(&own).grant(&matter, ()).is_ok_and(|granted| !granted.is_by_system()));
        assert!(Caller::SYSTEM.grant(&matter, ()).is_ok_and(|granted| granted.is_by_system()));
        assert_eq!(Caller::of(&standing(true, false)).allows(&matter), Ok(()), "a system administrator");
        let disabled = Standing { is_disabled: true, ..own };
        for other in [Caller::of(&standing(false, false)), Caller::NOBODY, Caller::of(&disabled)] {
            assert_eq!(other.allows(&matter), Err(Denied::Hidden), "{other:?}");
        }
    }

    #[test]
    fn a_key_is_its_holder_while_its_maker_may_handle_it_and_never_wider() {
        let (system, of_tenant) = (Caller::of(&standing(true, false)), Caller::of(&standing(false, false)));
        let own = of_tenant.person.expect("a person");
        let of_a = Caller { person: None, scope: Scope::Tenants([tenant("a")].into()) };
        let as_owner = Caller { person: Some(own), scope: Scope::NONE };
        for (matter, maker, key) in [
            (Matter::Platform, &Caller::SYSTEM, Caller::SYSTEM),
            (Matter::Platform, &system, Caller::SYSTEM),
            (Matter::Platform, &of_tenant, Caller::NOBODY),
            (Matter::Tenant(tenant("a")), &system, of_a.clone()),
            (Matter::Tenant(tenant("a")), &of_tenant, of_a),
            (Matter::Tenant(tenant("b")), &of_tenant, Caller::NOBODY),
            (Matter::Tenant(tenant("m")), &of_tenant, Caller::NOBODY),
            (Matter::Person(own), &of_tenant, as_owner.clone()),
            (Matter::Person(own), &system, as_owner),
            (Matter::Person(UserId::generate()), &of_tenant, Caller::NOBODY),
        ] {
            assert_eq!(Caller::of_key(&matter, maker), key, "{matter:?} {maker:?}");
            assert_eq!(Caller::of_key(&matter, &Caller::NOBODY), Caller::NOBODY);
        }
    }

    #[test]
    fn a_version_is_read_as_it_is_written_and_as_a_number() {
        assert_eq!("v7".parse(), Ok(Version(7)));
        assert_eq!("7".parse(), Ok(Version(7)));
        assert_eq!(Version(7).to_string(), "v7");
        for text in ["", "v", "vv7", "+7", "-7", "v-7", "7 ", "99999999999999999999"] {
            assert!(text.parse::<Version>().is_err(), "{text:?}");
        }
    }
}
