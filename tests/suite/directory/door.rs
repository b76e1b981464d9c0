//! The one door for changes by administrators: who may pass it, which version they saw, and what it keeps.

use super::administration::Administers;
use super::{Opened, actor, email, person};
use gatepost_core::access::Role;
use gatepost_core::administration::{Denied, Version};
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{GroupId, GroupName, TenantId, UserId};
use gatepost_store::directory::changes::{
    AddMember, AddTenantMember, CreateGroup, CreateTenant, DeleteGroup, DeleteTenant, DisableUser,
    EnableUser, EndSessions, LinkGroup, MapGroup, RemoveMember, RemoveTenantMember, RenameGroup,
    RenameTenant, SetAdmin, UnlinkGroup, UnmapGroup,
};
use gatepost_store::directory::{
    Actor, Applicable, Conditions, DirectoryError, Done, GroupKey, UserKey, Via, Who,
};
use std::time::Duration;

fn by(user: UserId) -> Actor {
    Actor { who: Who::Person(user), key: None, address: None, request_id: None, via: Via::Api }
}

fn group(name: &str) -> GroupKey {
    GroupKey::Name(name.parse().unwrap())
}

fn tenant(id: &str) -> TenantId {
    id.parse().unwrap()
}

#[expect(clippy::disallowed_methods, reason = "these tests are about the door itself")]
/// Makes a change under these conditions.
pub async fn pass<C: Applicable>(
    store: &Opened,
    change: C,
    conditions: Conditions,
    actor: &Actor,
) -> Result<Done<C::Outcome>, DirectoryError> {
    store.directory.carry_out(&change, conditions, actor).await
}

async fn make<C: Applicable>(
    store: &Opened,
    change: C,
    actor: &Actor,
) -> Result<Done<C::Outcome>, DirectoryError> {
    pass(store, change, Conditions::default(), actor).await
}

fn if_version(number: i64) -> Conditions {
    Conditions { if_version: Some(Version::from_number(number)), ..Conditions::default() }
}

fn dry_run() -> Conditions {
    Conditions { is_dry_run: true, ..Conditions::default() }
}

/// Administers tenant `a` by the group `Owners`, and is a member of tenant `b`.
async fn tenant_admin(store: &Opened) -> UserId {
    let user = store.admitted(&person("owner", "owner@example.com", &[])).await;
    for id in ["a", "b"] {
        store.directory.create_tenant(&tenant(id), None, &actor()).await.unwrap();
    }
    store.directory.add_member(&"Owners".parse().unwrap(), &UserKey::Id(user), &actor()).await.unwrap();
    store.directory.map_group(&"Owners".parse().unwrap(), &tenant("a"), Role::Admin, &actor()).await.unwrap();
    store
        .directory
        .map_group(&"Owners".parse().unwrap(), &tenant("b"), Role::Member, &actor())
        .await
        .unwrap();
    user
}

fn member(tenant_id: &str, user: UserKey, role: Role) -> AddTenantMember {
    AddTenantMember { tenant: tenant(tenant_id), user, role, until: None }
}

/// What every change of the platform answers to somebody who may not make it.
async fn denials(store: &Opened, who: &Actor) -> Vec<Option<Denied>> {
    let user = || email("victim@example.com");
    let config = super::config(&[]);
    let link = LinkGroup::new(group("Crew"), "entra:x".parse().unwrap(), &config).unwrap();
    let external = "entra:x".parse().unwrap();
    let denied = |result: Result<(), DirectoryError>| match result {
        Err(DirectoryError::Denied(denied)) => Some(denied),
        _ => None,
    };
    let name: GroupName = "Crew".parse().unwrap();
    vec![
        denied(make(store, DisableUser { user: user() }, who).await.map(drop)),
        denied(make(store, EnableUser { user: user() }, who).await.map(drop)),
        denied(
            make(store, EndSessions { user: user(), started_before: Timestamp::now() }, who).await.map(drop),
        ),
        denied(
            make(store, SetAdmin { user: user(), is_admin: Some(true), until: None }, who).await.map(drop),
        ),
        denied(make(store, CreateGroup { name: name.clone() }, who).await.map(drop)),
        denied(make(store, RenameGroup { group: group("Owners"), name: name.clone() }, who).await.map(drop)),
        denied(make(store, DeleteGroup { group: group("Owners") }, who).await.map(drop)),
        denied(make(store, link, who).await.map(drop)),
        denied(make(store, UnlinkGroup::new(external, &config), who).await.map(drop)),
        denied(
            make(store, AddMember { group: group("Owners"), user: user(), until: None }, who).await.map(drop),
        ),
        denied(make(store, RemoveMember { group: group("Owners"), user: user() }, who).await.map(drop)),
        denied(make(store, CreateTenant { id: tenant("c"), name: None }, who).await.map(drop)),
        denied(make(store, RenameTenant { id: tenant("a"), name: None }, who).await.map(drop)),
        denied(make(store, DeleteTenant { id: tenant("a") }, who).await.map(drop)),
        denied(
            make(store, MapGroup { group: group("Owners"), tenant: tenant("b"), role: Role::Admin }, who)
                .await
                .map(drop),
        ),
        denied(make(store, UnmapGroup { group: group("Owners"), tenant: tenant("b") }, who).await.map(drop)),
    ]
}

both_stores! {
    async fn who_is_no_system_administrator_changes_nothing_of_the_platform(store) {
        let owner = tenant_admin(&store).await;
        let stranger = store.admitted(&person("stranger", "stranger@example.com", &[])).await;
        store.directory.grant_admin(&UserKey::Id(stranger), &actor()).await.unwrap();
        store.directory.disable_user(&UserKey::Id(stranger), &actor()).await.unwrap();
        let rows = store.audit().await.len();
        let view = Actor::internal(Who::View("writer".to_owned()));
        for who in [by(owner), by(stranger), by(UserId::generate()), view, Actor::internal(Who::SignIn)] {
            for (number, denied) in denials(&store, &who).await.into_iter().enumerate() {
                assert_eq!(denied, Some(Denied::SystemOnly), "{number}, {}", who.who);
            }
        }
        assert_eq!(store.audit().await.len(), rows, "nothing was written");
    }

    async fn an_administrator_of_a_tenant_changes_the_members_of_that_tenant_alone(store) {
        let owner = tenant_admin(&store).await;
        let guest = make(&store, member("a", email("guest@example.com"), Role::Viewer), &by(owner)).await.unwrap();
        assert!(guest.changed);
        assert_eq!(store.standing(guest.outcome).await.access.role_in(&tenant("a")), Some(Role::Viewer));
        let entry = store.audited("tenant.add_member").await.remove(0);
        assert_eq!(entry.actor, Who::Person(owner));
        for hidden in ["b", "nowhere"] {
            let denied = make(&store, member(hidden, email("guest@example.com"), Role::Admin), &by(owner)).await;
            assert!(matches!(denied, Err(DirectoryError::Denied(Denied::Hidden))), "{hidden}: {denied:?}");
        }
        // By id, nobody exists who is not a member.
        let other = store.admitted(&person("other", "other@example.com", &[])).await;
        let unknown = make(&store, member("a", UserKey::Id(other), Role::Member), &by(owner)).await;
        assert!(matches!(unknown, Err(DirectoryError::UnknownUser(_))), "{unknown:?}");
        let none = make(&store, RemoveTenantMember { tenant: tenant("a"), user: UserKey::Id(other) }, &by(owner)).await;
        assert!(matches!(none, Err(DirectoryError::NotTenantMember(..))), "{none:?}");
        let removed = make(&store, RemoveTenantMember { tenant: tenant("a"), user: UserKey::Id(guest.outcome) }, &by(owner)).await;
        assert_eq!(removed.unwrap().outcome, Role::Viewer);
        assert_eq!(store.standing(guest.outcome).await.access.role_in(&tenant("a")), None);
    }

    async fn an_administrator_who_was_removed_a_moment_ago_is_nobody(store) {
        let admin = store.admitted(&person("admin", "admin@example.com", &[])).await;
        store.directory.grant_admin(&UserKey::Id(admin), &actor()).await.unwrap();
        store.directory.grant_admin(&email("other@example.com"), &actor()).await.unwrap();
        make(&store, CreateGroup { name: "One".parse().unwrap() }, &by(admin)).await.unwrap();
        store.directory.revoke_admin(&UserKey::Id(admin), &actor()).await.unwrap();
        let denied = make(&store, CreateGroup { name: "Two".parse().unwrap() }, &by(admin)).await;
        assert!(matches!(denied, Err(DirectoryError::Denied(Denied::SystemOnly))));
        let owner = tenant_admin(&store).await;
        store.directory.remove_member(&"Owners".parse().unwrap(), &UserKey::Id(owner), &actor()).await.unwrap();
        let denied = make(&store, member("a", email("late@example.com"), Role::Member), &by(owner)).await;
        assert!(matches!(denied, Err(DirectoryError::Denied(_))));
    }

    async fn the_last_system_administrator_cannot_go_by_the_hand_of_a_person(store) {
        let admin = store.admitted(&person("admin", "admin@example.com", &[])).await;
        let key = || UserKey::Id(admin);
        store.directory.grant_admin(&key(), &actor()).await.unwrap();
        for is_admin in [Some(false), None] {
            let last = make(&store, SetAdmin { user: key(), is_admin, until: None }, &by(admin)).await;
            assert!(matches!(last, Err(DirectoryError::LastAdmin)), "{last:?}");
        }
        let last = make(&store, DisableUser { user: key() }, &by(admin)).await;
        assert!(matches!(last, Err(DirectoryError::LastAdmin)), "{last:?}");
        assert!(store.standing(admin).await.access.is_admin);
        // With a second one either may go, and by group counts too.
        store.configure(&[("GATEPOST_ADMIN_GROUPS", "Admins")]).await;
        store.directory.add_member(&"Admins".parse().unwrap(), &email("second@example.com"), &actor()).await.unwrap();
        make(&store, SetAdmin { user: key(), is_admin: None, until: None }, &by(admin)).await.unwrap();
        assert!(!store.standing(admin).await.access.is_admin);
        // The operator of the server may do it: they can also grant it again.
        store.directory.remove_member(&"Admins".parse().unwrap(), &email("second@example.com"), &actor()).await.unwrap();
    }

    async fn whoever_was_overtaken_is_told_the_version_and_changes_nothing(store) {
        let created = make(&store, CreateGroup { name: "First".parse().unwrap() }, &actor()).await.unwrap();
        assert_eq!(created.version, Some(Version::from_number(1)));
        let rename = |name: &str| RenameGroup { group: created.outcome.into(), name: name.parse().unwrap() };
        assert_eq!(pass(&store, rename("Second"), if_version(1), &actor()).await.unwrap().version, Some(Version::from_number(2)));
        let overtaken = pass(&store, rename("Third"), if_version(1), &actor()).await;
        assert!(matches!(overtaken, Err(DirectoryError::Overtaken(Some(version))) if version.number() == 2), "{overtaken:?}");
        assert_eq!(store.texts("SELECT name FROM gatepost.groups").await, ["Second"]);
        // What is not there has no version.
        let absent = pass(&store, DisableUser { user: email("new@example.com") }, if_version(1), &actor()).await;
        assert!(matches!(absent, Err(DirectoryError::Overtaken(None))), "{absent:?}");
    }

    async fn of_concurrent_changes_none_is_lost(store) {
        let created = make(&store, CreateGroup { name: "G".parse().unwrap() }, &actor()).await.unwrap().outcome;
        let version = async || -> i64 {
            store.texts("SELECT CAST(version AS TEXT) FROM gatepost.groups").await.remove(0).parse().unwrap()
        };
        let rename = async |number: usize| {
            let seen = if_version(version().await);
            let change = RenameGroup { group: created.into(), name: format!("G{number}").parse().unwrap() };
            match pass(&store, change, seen, &actor()).await {
                Ok(done) => done.changed,
                Err(DirectoryError::Overtaken(_)) => false,
                Err(error) => panic!("{error}"),
            }
        };
        let made = futures_util::future::join_all((0..40).map(rename)).await;
        let made = i64::try_from(made.into_iter().filter(|made| *made).count()).unwrap();
        assert_eq!(version().await, 1 + made);
        assert!((1..40).contains(&made), "{made}: some were overtaken, one was first");
    }

    async fn each_change_counts_the_version_of_what_it_changes_whoever_makes_it(store) {
        let user = store.admitted(&person("one", "one@example.com", &[])).await;
        let version = async || -> i64 {
            store.texts("SELECT CAST(version AS TEXT) FROM gatepost.users").await.remove(0).parse().unwrap()
        };
        let first = version().await;
        store.admitted(&person("one", "one@example.com", &[])).await;
        assert_eq!(version().await, first, "a sign-in overtakes nobody");
        let disabled = make(&store, DisableUser { user: UserKey::Id(user) }, &actor()).await.unwrap();
        assert_eq!(disabled.version, Some(Version::from_number(first + 1)));
        let enabled = make(&store, EnableUser { user: UserKey::Id(user) }, &actor()).await.unwrap();
        assert_eq!(enabled.version, Some(Version::from_number(first + 2)));
        store.sql("UPDATE gatepost.users SET name = 'Somebody'").await;
        assert_eq!(version().await, first + 3);
        let granted = make(&store, SetAdmin { user: UserKey::Id(user), is_admin: Some(true), until: None }, &actor()).await.unwrap();
        assert_eq!(granted.version, Some(Version::from_number(1)));
        store.sql("UPDATE user_admin_status SET is_admin = false").await;
        let again = make(&store, SetAdmin { user: UserKey::Id(user), is_admin: Some(true), until: None }, &actor()).await.unwrap();
        assert!(again.version > granted.version);
    }

    async fn a_dry_run_says_what_would_change_and_keeps_nothing(store) {
        let done = pass(&store, CreateGroup { name: "Crew".parse().unwrap() }, dry_run(), &actor()).await.unwrap();
        assert!(done.changed);
        let joined = AddMember { group: group("Crew"), user: email("new@example.com"), until: None };
        assert!(pass(&store, joined, dry_run(), &actor()).await.unwrap().outcome.is_new_group);
        assert_eq!(store.texts("SELECT name FROM gatepost.groups").await, Vec::<String>::new());
        assert_eq!(store.texts("SELECT id FROM gatepost.users").await, Vec::<String>::new());
        assert_eq!(store.audit().await.len(), 0);
    }

    async fn a_group_is_renamed_and_deleted_unless_something_else_names_it(store) {
        store.configure(&[("GATEPOST_ADMIN_GROUPS", "Admins"), ("GATEPOST_GROUPS", "Linked=entra:g-1")]).await;
        let user = store.admitted(&person("one", "one@example.com", &["g-1", "g-2"])).await;
        store.directory.add_member(&"Typo".parse().unwrap(), &UserKey::Id(user), &actor()).await.unwrap();
        store.directory.create_tenant(&tenant("a"), None, &actor()).await.unwrap();
        store.directory.map_group(&"Typo".parse().unwrap(), &tenant("a"), Role::Member, &actor()).await.unwrap();
        let rename = |from: &str, to: &str| RenameGroup { group: group(from), name: to.parse().unwrap() };

        make(&store, rename("Typo", "Crew"), &actor()).await.unwrap();
        let standing = store.standing(user).await;
        assert!(standing.access.groups.iter().any(|name| name.as_str() == "Crew"));
        assert_eq!(standing.access.role_in(&tenant("a")), Some(Role::Member));
        let taken = make(&store, rename("Crew", "Admins"), &actor()).await;
        assert!(matches!(taken, Err(DirectoryError::NameTaken(_))), "{taken:?}");
        for reserved in ["Admins", "Linked"] {
            let refused = make(&store, rename(reserved, "Other"), &actor()).await;
            assert!(matches!(refused, Err(DirectoryError::ReservedGroup(_))), "{refused:?}");
            let refused = make(&store, DeleteGroup { group: group(reserved) }, &actor()).await;
            assert!(matches!(refused, Err(DirectoryError::ReservedGroup(_))), "{refused:?}");
        }
        // A provider's group that nobody linked leaves a name that an operator wants.
        make(&store, rename("Crew", "entra:g-2"), &actor()).await.unwrap_err();
        let linked = make(&store, DeleteGroup { group: group("entra:g-2") }, &actor()).await;
        assert!(matches!(linked, Err(DirectoryError::GroupLinked(_))), "{linked:?}");
        make(&store, DeleteGroup { group: group("Crew") }, &actor()).await.unwrap();
        assert_eq!(store.standing(user).await.access.role_in(&tenant("a")), None);
        let gone = make(&store, DeleteGroup { group: GroupId::from_number(999).into() }, &actor()).await;
        assert!(matches!(gone, Err(DirectoryError::UnknownGroup(_))));
    }

    async fn what_has_an_end_counts_until_it_and_an_end_in_the_past_is_refused(store) {
        let user = store.admitted(&person("one", "one@example.com", &[])).await;
        let key = || UserKey::Id(user);
        let soon = Timestamp::now().plus(Duration::from_hours(1));
        let past = Timestamp::from_unix(Timestamp::now().unix() - 60);
        let add = |until| AddMember { group: group("Crew"), user: key(), until };
        let refused = make(&store, add(Some(past)), &actor()).await;
        assert!(matches!(refused, Err(DirectoryError::EndsInThePast)), "{refused:?}");
        assert_eq!(make(&store, add(Some(soon)), &actor()).await.unwrap().version, Some(Version::from_number(1)));
        assert!(!make(&store, add(Some(soon)), &actor()).await.unwrap().changed);
        assert_eq!(store.groups(user).await, ["Crew"]);
        store.sql(&format!("UPDATE gatepost.manual_memberships SET until = {}", past.unix())).await;
        assert_eq!(store.groups(user).await, Vec::<String>::new());
        assert_eq!(store.memberships().await, Vec::<String>::new());
        // A row of the view has no end, also where one with an end is there.
        store.sql("INSERT INTO user_group_membership VALUES ('one@example.com', 'Crew')").await;
        assert_eq!(store.groups(user).await, ["Crew"]);

        make(&store, SetAdmin { user: key(), is_admin: Some(true), until: Some(soon) }, &actor()).await.unwrap();
        make(&store, AddTenantMember { tenant: tenant("a"), user: key(), role: Role::Admin, until: None }, &actor()).await.unwrap_err();
        store.directory.create_tenant(&tenant("a"), None, &actor()).await.unwrap();
        make(&store, AddTenantMember { tenant: tenant("a"), user: key(), role: Role::Admin, until: Some(soon) }, &actor()).await.unwrap();
        assert!(store.standing(user).await.access.is_admin);
        for table in ["admin_overrides", "tenant_members"] {
            store.sql(&format!("UPDATE gatepost.{table} SET until = {}", past.unix())).await;
        }
        let access = store.standing(user).await.access;
        assert_eq!((access.is_admin, access.role_in(&tenant("a"))), (false, None));
        assert_eq!(store.texts("SELECT user_email FROM user_admin_status").await, Vec::<String>::new());
    }
}
