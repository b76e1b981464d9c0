//! Memberships, tenants' members and decisions about admins that end: from that second on they are as if they had been
//! deleted, by the database's clock and without any task. What is deleted later has its audit row.

use super::administration::Administers;
use super::{Opened, SOON, actor, email, now, person};
use gatepost_config::GroupNames;
use gatepost_core::access::{Access, Role};
use gatepost_core::administration::Scope;
use gatepost_core::clock::{BootTime, Timestamp};
use gatepost_core::ids::{GroupName, UserId};
use gatepost_kit::process::until;
use gatepost_store::directory::changes::{AddMember, AddTenantMember, SetAdmin};
use gatepost_store::directory::{Directory, DirectoryError, Who};
use std::time::Duration;

/// Ids of a provider's groups, which are their names while nobody links them.
const BY_VIEW: &str = "00000000-0000-4000-8000-0000000000e1";
const BY_COMMAND: &str = "00000000-0000-4000-8000-0000000000e2";

/// The pseudorandom numbers of one run, always the same.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    /// An end: none, or so many seconds from now. Never so close that it passes while the test reads.
    fn end(&mut self) -> Option<i64> {
        let away = 60 * (1 + i64::try_from(self.below(5)).unwrap());
        [None, Some(away), Some(-away)][usize::try_from(self.below(3)).unwrap()]
    }
}

/// What is said about one person: groups, tenants and admin, each with its end.
struct Said {
    groups: Vec<(u64, &'static str, Option<i64>)>,
    tenants: Vec<(u64, &'static str, Option<i64>)>,
    admin: Option<(bool, Option<i64>)>,
}

impl Said {
    fn any(numbers: &mut Numbers) -> Self {
        let mut groups = Vec::new();
        for group in 0..3 {
            for source in ["manual", "scim"] {
                if numbers.below(2) == 0 {
                    groups.push((group, source, numbers.end()));
                }
            }
        }
        let mut tenants = Vec::new();
        for tenant in 0..3 {
            if numbers.below(2) == 0 {
                let role = ["viewer", "member", "admin"][usize::try_from(numbers.below(3)).unwrap()];
                tenants.push((tenant, role, numbers.end()));
            }
        }
        let admin = (numbers.below(2) == 0).then(|| (numbers.below(2) == 0, numbers.end()));
        Self { groups, tenants, admin }
    }

    /// The same when the clock stands `seconds` later: each end is that much nearer. What has ended is left out.
    fn at(&self, seconds: i64) -> Self {
        let counts = |end: Option<i64>| end.is_none_or(|end| end > seconds);
        let left = |list: &[(u64, &'static str, Option<i64>)]| {
            list.iter().filter(|row| counts(row.2)).map(|row| (row.0, row.1, None)).collect()
        };
        let admin = self.admin.filter(|admin| counts(admin.1)).map(|admin| (admin.0, None));
        Self { groups: left(&self.groups), tenants: left(&self.tenants), admin }
    }

    fn next_end(&self, seconds: i64) -> Option<i64> {
        let ends =
            self.groups.iter().chain(&self.tenants).map(|row| row.2).chain(self.admin.map(|admin| admin.1));
        ends.flatten().map(|end| end - seconds).filter(|end| *end > 0).min()
    }

    /// Writes it past Gatepost, with the clock `seconds` later.
    async fn write(&self, store: &Opened, user: UserId, at: Timestamp, seconds: i64) {
        for table in ["manual_memberships", "tenant_members", "admin_overrides"] {
            store.sql(&format!("DELETE FROM gatepost.{table} WHERE user_id = '{user}'")).await;
        }
        let said =
            |end: Option<i64>| end.map_or("NULL".to_owned(), |end| (at.unix() + end - seconds).to_string());
        for (group, source, end) in &self.groups {
            let end = said(*end);
            store
                .sql(&format!(
                    "INSERT INTO gatepost.manual_memberships (user_id, group_id, source, until) \
                     SELECT '{user}', id, '{source}', {end} FROM gatepost.groups WHERE name = 'G{group}'"
                ))
                .await;
        }
        for (tenant, role, end) in &self.tenants {
            let end = said(*end);
            store
                .sql(&format!(
                    "INSERT INTO gatepost.tenant_members (tenant_id, user_id, role, until, created_at) \
                     VALUES ('t{tenant}', '{user}', '{role}', {end}, 0)"
                ))
                .await;
        }
        if let Some((is_admin, end)) = self.admin {
            let (is_admin, end) = (if is_admin { "true" } else { "false" }, said(end));
            store.sql(&format!("INSERT INTO gatepost.admin_overrides (user_id, is_admin, until) VALUES ('{user}', {is_admin}, {end})")).await;
        }
    }
}

/// Three groups, of which the first opens a tenant and the second makes admins, and three tenants.
async fn furnished(store: &Opened) {
    store.configure(&[("GATEPOST_ADMIN_GROUPS", "G1")]).await;
    for number in 0..3 {
        store.sql(&format!("INSERT INTO gatepost.groups (name) SELECT 'G{number}' WHERE NOT EXISTS (SELECT 1 FROM gatepost.groups WHERE name = 'G{number}')")).await;
        store.directory.create_tenant(&format!("t{number}").parse().unwrap(), None, &actor()).await.unwrap();
    }
    store.directory.map_group(&name("G0"), &"t0".parse().unwrap(), Role::Member, &actor()).await.unwrap();
}

/// What the directory says about a person, and in how many seconds that ends.
async fn says(store: &Opened, user: UserId) -> (Access, Option<u64>) {
    let before = BootTime::now();
    let standing = store.standing(user).await;
    let left = standing.counts_until.nanos().saturating_sub(before.nanos()).div_ceil(1_000_000_000);
    let ends = standing.counts_until != BootTime::MAX;
    (Access::clone(&standing.access), ends.then_some(left))
}

fn name(text: &str) -> GroupName {
    text.parse().unwrap()
}

async fn clock(directory: &Directory) -> Timestamp {
    until("the directory's clock", SOON, async || directory.clock().await.ok()).await
}

/// Moves an end of a person into the past.
async fn end_now(store: &Opened, table: &str) {
    let past = now().minus(Duration::from_secs(5)).unix();
    store.sql(&format!("UPDATE gatepost.{table} SET until = {past}")).await;
}

both_stores! {
    async fn at_each_second_the_hot_read_is_as_if_what_has_ended_had_been_removed(store) {
        furnished(&store).await;
        let alice = store.admitted(&person("alice", "alice@example.com", &["own"])).await;
        let bob = store.admitted(&person("bob", "bob@example.com", &["own"])).await;
        let mut numbers = Numbers(16);
        for run in 0..12 {
            let said = Said::any(&mut numbers);
            for seconds in [0, 60, 120, 330] {
                // Half a minute on, so that nothing ends while it is read.
                let (at, seconds) = (clock(&store.directory).await, seconds + 30);
                said.write(&store, alice, at, seconds).await;
                said.at(seconds).write(&store, bob, at, 0).await;
                let (found, expected) = (says(&store, alice).await, says(&store, bob).await);
                assert_eq!(found.0, expected.0, "run {run} at {seconds}");
                assert_eq!(expected.1, None, "nothing that is left ends");
                let next = said.next_end(seconds).map(|end| u64::try_from(end).unwrap());
                let is_right = match (found.1, next) {
                    (Some(found), Some(next)) => (next - 25..=next).contains(&found),
                    (found, next) => found == next,
                };
                assert!(is_right, "run {run} at {seconds}: {:?}, expected {next:?}", found.1);
            }
        }
    }

    async fn an_end_binds_at_its_second_by_the_databases_clock(store) {
        let alice = store.admitted(&person("alice", "alice@example.com", &[])).await;
        let end = clock(&store.directory).await.plus(Duration::from_secs(3));
        let add = AddMember { group: name("Watched").into(), user: email("alice@example.com"), until: Some(end) };
        store.directory.make(add, &actor()).await.unwrap();
        let (mut before, mut after) = (0, 0);
        until("the end", SOON, async || {
            let asked = clock(&store.directory).await;
            let is_member = !store.groups(alice).await.is_empty();
            let answered = clock(&store.directory).await;
            if answered < end {
                assert!(is_member, "a second before its end it counts");
                before += 1;
            } else if asked >= end {
                assert!(!is_member, "from its end on it does not");
                after += 1;
            }
            (after > 20).then_some(())
        })
        .await;
        assert!(before > 0);
    }

    async fn what_has_ended_is_deleted_once_with_its_audit_rows(store) {
        furnished(&store).await;
        let alice = store.admitted(&person("alice", "alice@example.com", &[])).await;
        let later = Some(now().plus(Duration::from_hours(1)));
        add_all(&store, later).await;
        assert_eq!(store.leading().await.delete_ended(now().plus(Duration::from_hours(2))).await.unwrap(), 0, "nothing has ended");
        for table in ["manual_memberships", "admin_overrides", "tenant_members"] {
            end_now(&store, table).await;
        }
        let at = now();
        let leading = store.leading().await;
        let (one, other) = tokio::join!(leading.delete_ended(at), leading.delete_ended(at));
        assert_eq!(one.unwrap() + other.unwrap(), 3);
        assert_eq!(store.leading().await.delete_ended(at).await.unwrap(), 0);
        for (action, tenant) in [("membership.end", None), ("admin.end", None), ("tenant.end_member", Some("t0"))] {
            let rows = store.audited(action).await;
            assert_eq!(rows.len(), 1, "{action}");
            assert_eq!((&rows[0].actor, rows[0].target.as_str()), (&Who::Time, format!("user:{alice}").as_str()));
            let before: serde_json::Value = serde_json::from_str(rows[0].before.as_ref().unwrap()).unwrap();
            assert!(before["until"].is_i64() && rows[0].after.is_none(), "{before}");
            assert_eq!(before["tenant"].as_str(), tenant);
        }
    }

    async fn what_has_ended_can_be_given_again_before_it_is_deleted(store) {
        furnished(&store).await;
        let alice = store.admitted(&person("alice", "alice@example.com", &[])).await;
        let later = Some(now().plus(Duration::from_hours(1)));
        for round in 1..=2 {
            add_all(&store, later).await;
            let access = store.standing(alice).await.access;
            assert!(access.is_admin && access.tenants.find(&"t0".parse().unwrap()) == Some(Role::Viewer));
            assert_eq!(store.groups(alice).await, ["Watched"]);
            for table in ["manual_memberships", "admin_overrides", "tenant_members"] {
                end_now(&store, table).await;
            }
            assert_eq!(*store.standing(alice).await.access, Access::default());
            assert_eq!(store.audited("membership.create").await.len(), round);
        }
        for action in ["membership.end", "admin.end", "tenant.end_member"] {
            assert_eq!(store.audited(action).await.len(), 1, "the first one's end: {action}");
        }
        assert!(matches!(store.directory.remove_member(&name("Watched"), &email("alice@example.com"), &actor()).await, Err(DirectoryError::NotMember(..))));
    }

    async fn an_end_in_the_past_is_refused(store) {
        furnished(&store).await;
        for past in [0, 1, 60] {
            let past = Some(clock(&store.directory).await.minus(Duration::from_secs(past)));
            let alice = || email("alice@example.com");
            let group = name("Watched").into();
            let add = AddMember { group, user: alice(), until: past };
            assert!(matches!(store.directory.make(add, &actor()).await, Err(DirectoryError::EndsInThePast)));
            let grant = SetAdmin { user: alice(), is_admin: Some(true), until: past };
            assert!(matches!(store.directory.make(grant, &actor()).await, Err(DirectoryError::EndsInThePast)));
            let add = AddTenantMember { tenant: "t0".parse().unwrap(), user: alice(), role: Role::Viewer, until: past };
            assert!(matches!(store.directory.make(add, &actor()).await, Err(DirectoryError::EndsInThePast)));
        }
        assert!(store.directory.find_user(&Scope::System, &email("alice@example.com")).await.unwrap().is_none());
    }

    async fn a_row_of_the_views_has_no_end(store) {
        furnished(&store).await;
        let alice = store.admitted(&person("alice", "alice@example.com", &[])).await;
        add_all(&store, Some(now().plus(Duration::from_hours(1)))).await;
        store.sql("INSERT INTO user_group_membership VALUES ('alice@example.com', 'Watched')").await;
        store.sql("INSERT INTO user_admin_status VALUES ('alice@example.com', true)").await;
        for table in ["manual_memberships", "admin_overrides"] {
            assert_eq!(store.texts(&format!("SELECT CAST(count(until) AS text) FROM gatepost.{table}")).await, ["0"]);
        }
        end_now(&store, "tenant_members").await;
        let access = store.standing(alice).await.access;
        assert!(access.is_admin && access.groups.len() == 1 && access.tenants.ids().count() == 0);
    }

    async fn a_placeholder_that_becomes_a_person_and_a_group_that_is_linked_keep_ends(store) {
        furnished(&store).await;
        let end = now().plus(Duration::from_hours(1));
        add_all(&store, Some(end)).await;
        let alice = store.admitted(&person("alice", "alice@example.com", &[])).await;
        let ends = async |table: &str| store.texts(&format!("SELECT CAST(until AS text) FROM gatepost.{table} WHERE user_id = '{alice}'")).await;
        for table in ["manual_memberships", "admin_overrides", "tenant_members"] {
            assert_eq!(ends(table).await, [end.unix().to_string()], "{table}");
        }
        // The group of a provider, which alice is put into by hand, is linked to a name.
        store.sign_in(&person("bob", "bob@example.com", &["g-1"]), GroupNames::Link).await;
        store.sql("UPDATE gatepost.manual_memberships SET group_id = (SELECT group_id FROM gatepost.provider_groups WHERE external_id = 'g-1')").await;
        store.directory.link_group(&name("Linked"), &"entra:g-1".parse().unwrap(), &actor()).await.unwrap();
        assert_eq!(store.groups(alice).await, ["Linked"]);
        assert_eq!(ends("manual_memberships").await, [end.unix().to_string()]);
        end_now(&store, "manual_memberships").await;
        assert_eq!(store.groups(alice).await, Vec::<String>::new());
    }

    async fn a_membership_that_has_ended_keeps_no_group_and_no_name(store) {
        let alice = store.admitted(&person("alice", "alice@example.com", &[])).await;
        let bob = person("bob", "bob@example.com", &["g-1", BY_VIEW, BY_COMMAND]);
        store.sign_in(&bob, GroupNames::Link).await;
        let past = now().minus(Duration::from_secs(5)).unix();
        store.sql(&format!("INSERT INTO gatepost.manual_memberships (user_id, group_id, source, until) SELECT '{alice}', id, 'manual', {past} FROM gatepost.groups")).await;
        assert_eq!(store.directory.list_memberships(&Scope::System, alice).await.unwrap().len(), 0, "nor is it explained");
        // A name that an administrator writes is not that of a provider's group that nobody linked.
        store.sql(&format!("INSERT INTO user_group_membership VALUES ('alice@example.com', '{BY_VIEW}')")).await;
        store.directory.add_member(&name(BY_COMMAND), &email("alice@example.com"), &actor()).await.unwrap();
        let bob = super::admitted(&store.sign_in(&bob, GroupNames::Link).await);
        assert_eq!(store.groups(bob).await, [format!("entra:{BY_VIEW}"), format!("entra:{BY_COMMAND}"), "entra:g-1".to_owned()]);
        assert_eq!(store.groups(alice).await, [BY_VIEW, BY_COMMAND]);
        // A name that a link leaves is deleted when nobody is in it.
        let link = async |group: &str| {
            store.directory.link_group(&name(group), &"entra:g-1".parse().unwrap(), &actor()).await.unwrap();
        };
        link("One").await;
        let until = Some(now().plus(Duration::from_hours(1)));
        let add = AddMember { group: name("One").into(), user: email("alice@example.com"), until };
        store.directory.make(add, &actor()).await.unwrap();
        link("Other").await;
        assert!(store.directory.find_group(&Scope::System, &name("One").into()).await.unwrap().is_some(), "somebody is in it");
        link("One").await;
        store.sql(&format!("UPDATE gatepost.manual_memberships SET until = {past} WHERE until IS NOT NULL")).await;
        link("Other").await;
        assert!(store.directory.find_group(&Scope::System, &name("One").into()).await.unwrap().is_none());
        assert!(store.audited("membership.end").await.iter().any(|entry| entry.before.as_ref().unwrap().contains("One")));
    }
}

/// Alice in a group, a tenant, and an admin, until then.
async fn add_all(store: &Opened, until: Option<Timestamp>) {
    let alice = || email("alice@example.com");
    let group = name("Watched").into();
    store.directory.make(AddMember { group, user: alice(), until }, &actor()).await.unwrap();
    let grant = SetAdmin { user: alice(), is_admin: Some(true), until };
    store.directory.make(grant, &actor()).await.unwrap();
    let tenant = "t0".parse().unwrap();
    let add = AddTenantMember { tenant, user: alice(), role: Role::Viewer, until };
    store.directory.make(add, &actor()).await.unwrap();
}
