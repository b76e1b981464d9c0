//! The configuration as files: what a plan does to the directory, what it never does, and that reading what was written
//! leaves nothing to do.

use super::administration::Administers;
use super::{Opened, actor, email, person};
use gatepost::cli::files::{Files, read, write};
use gatepost_config::Config;
use gatepost_core::access::Role;
use gatepost_core::administration::{Denied, Scope};
use gatepost_core::identity::ExternalGroup;
use gatepost_core::ids::{GroupName, TenantId, UserId};
use gatepost_store::directory::changes::{ApplyPlan, CreateGroup, RenameGroup};
use gatepost_store::directory::files::{Declared, DeclaredGroup, DeclaredMember, Plan, difference};
use gatepost_store::directory::{Actor, DirectoryError, TenantFilter, UserKey, Via, Who};
use std::sync::Arc;
use tempfile::TempDir;

pub fn config() -> Arc<Config> {
    Arc::new(super::config(&[("GATEPOST_ADMIN_GROUPS", "Admins")]))
}

fn group(name: &str) -> GroupName {
    name.parse().unwrap()
}

fn tenant(id: &str) -> TenantId {
    id.parse().unwrap()
}

fn external(text: &str) -> ExternalGroup {
    text.parse().unwrap()
}

/// What files with these texts declare.
fn files(texts: &[(&str, &str)]) -> Files {
    let folder = TempDir::new().unwrap();
    for (name, text) in texts {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    read(folder.path()).unwrap()
}

pub fn declared(text: &str) -> Declared {
    let read = files(&[("all.yaml", text)]);
    assert_eq!(read.faults, []);
    read.declared
}

/// What an export holds, and what it declares.
pub async fn exported(store: &Opened) -> ([(&'static str, String); 3], Declared) {
    let held = store.directory.find_held(true).await.unwrap();
    let texts = write(&held, true).files.map(|(name, text)| (name, text.unwrap()));
    let read = files(&texts.iter().map(|(name, text)| (*name, text.as_str())).collect::<Vec<_>>());
    assert_eq!(read.faults, [], "{texts:?}");
    (texts, read.declared)
}

pub async fn plan(store: &Opened, declared: &Declared) -> Plan {
    difference(declared, &store.directory.find_held(declared.has_members()).await.unwrap())
}

fn lines(plan: &Plan) -> Vec<String> {
    plan.steps.iter().map(ToString::to_string).collect()
}

async fn carry_out(
    store: &Opened,
    declared: &Declared,
    plan: Plan,
    actor: &Actor,
) -> Result<bool, DirectoryError> {
    let change = ApplyPlan { declared: declared.clone(), plan, config: config() };
    Ok(store.directory.make(change, actor).await?.changed)
}

/// Applies and returns what was done.
pub async fn apply_declared(store: &Opened, declared: &Declared) -> Vec<String> {
    let plan = plan(store, declared).await;
    let lines = lines(&plan);
    carry_out(store, declared, plan, &actor()).await.unwrap();
    lines
}

async fn apply(store: &Opened, text: &str) -> Vec<String> {
    apply_declared(store, &declared(text)).await
}

pub const ALL: &str = "\
groups:
- name: Support
  links: [entra:support]
  members: [alice@example.com]
tenants:
- id: github
  name: GitHub
  groups:
  - group: Support
    role: member
admins:
- root@example.com
";

pub const NOTHING: &str = "groups: []\ntenants: []\nadmins: []\n";

both_stores! {
    async fn files_are_applied_once_and_what_they_set_goes_with_them(store) {
        let all = [
            "+ group Support", "+ tenant github (\"GitHub\")", "+ tenant github: group Support as member",
            "+ group Support: member alice@example.com", "+ admin root@example.com: is an administrator",
            "+ group Support: link to entra:support",
        ];
        assert_eq!(apply(&store, ALL).await, all);
        assert_eq!(apply(&store, ALL).await, Vec::<String>::new());
        assert_eq!(store.memberships().await, ["alice@example.com Support"]);
        let user = store.admitted(&person("b", "b@example.com", &["support"])).await;
        assert_eq!(store.standing(user).await.access.role_in(&tenant("github")), Some(Role::Member));

        let changed = ALL.replace("role: member", "role: viewer").replace("name: GitHub", "name: Hub");
        assert_eq!(apply(&store, &changed).await, [
            "~ tenant github: name \"GitHub\" -> \"Hub\"", "~ tenant github: role of Support member -> viewer",
        ]);
        assert_eq!(apply(&store, NOTHING).await, [
            "- admin root@example.com: is an administrator (managed by apply)",
            "- group Support: link to entra:support (managed by apply)",
            "- tenant github (\"Hub\") (managed by apply)",
            "- group Support (managed by apply; 2 members lose it)",
        ]);
        assert_eq!(store.memberships().await, ["b@example.com entra:support"], "what the provider says stays");
        assert!(store.directory.search_tenants(&Scope::System, &TenantFilter::default(), None, 10).await.unwrap().items.is_empty());
        assert_eq!(store.audited("group.delete").await.len(), 1);
        assert_eq!(plan(&store, &declared(NOTHING)).await, Plan::default());
    }

    async fn a_membership_by_scim_stays_when_the_files_take_theirs_back(store) {
        apply(&store, ALL).await;
        store.sql("INSERT INTO gatepost.manual_memberships (user_id, group_id, source) SELECT user_id, group_id, 'scim' FROM gatepost.manual_memberships").await;
        let without = ALL.replace("members: [alice@example.com]", "members: []");
        assert_eq!(apply(&store, &without).await, ["- group Support: member alice@example.com (managed by apply)"]);
        assert_eq!(store.texts("SELECT source FROM gatepost.manual_memberships").await, ["scim"]);
    }

    async fn what_was_given_to_an_address_stays_the_files_own_when_somebody_gets_it(store) {
        store.admitted(&person("root", "former@example.com", &[])).await;
        apply(&store, ALL).await;
        store.admitted(&person("alice", "alice@example.com", &[])).await;
        // The provider has changed the address to the one that the files name.
        store.admitted(&person("root", "root@example.com", &[])).await;
        assert_eq!(store.audited("user.merge").await.len(), 1);
        assert_eq!(plan(&store, &declared(ALL)).await, Plan::default());
        let gone = apply(&store, NOTHING).await;
        assert_eq!(gone[0], "- admin root@example.com: is an administrator (managed by apply)");
        assert!(store.memberships().await.is_empty());
    }

    async fn only_what_files_set_last_is_deleted(store) {
        let by_hand = async || {
            store.directory.add_member(&group("Hand"), &email("h@example.com"), &actor()).await.unwrap();
            store.directory.link_group(&group("Hand"), &external("entra:hand"), &actor()).await.unwrap();
            store.directory.create_tenant(&tenant("hand"), None, &actor()).await.unwrap();
            store.directory.map_group(&group("Hand"), &tenant("hand"), Role::Viewer, &actor()).await.unwrap();
            store.directory.grant_admin(&email("h@example.com"), &actor()).await.unwrap();
        };
        by_hand().await;
        let before = exported(&store).await.0;
        assert_eq!(apply(&store, NOTHING).await, Vec::<String>::new());
        assert_eq!(exported(&store).await.0, before);

        // What somebody changes by hand belongs to the files no more.
        apply(&store, ALL).await;
        let key = |name: &str| group(name).into();
        store.directory.make(RenameGroup { group: key("Support"), name: group("Help") }, &actor()).await.unwrap();
        store.directory.map_group(&group("Help"), &tenant("github"), Role::Admin, &actor()).await.unwrap();
        store.directory.link_group(&group("Hand"), &external("entra:support"), &actor()).await.unwrap();
        store.directory.revoke_admin(&email("root@example.com"), &actor()).await.unwrap();
        assert_eq!(apply(&store, NOTHING).await, [
            "- group Help: member alice@example.com (managed by apply)",
            "! tenant github (\"GitHub\") stays and is no longer managed by apply: the configuration, a provider or an administrator uses it",
        ]);
        let texts = exported(&store).await.0;
        assert!(texts[0].1.contains("name: Help") && texts[0].1.contains("entra:support"), "{texts:?}");
        assert!(texts[1].1.contains("role: admin"), "{texts:?}");
        assert!(texts[2].1.contains("is_admin: false"), "{texts:?}");
        assert_eq!(plan(&store, &declared(NOTHING)).await, Plan::default());
    }

    async fn a_section_that_no_file_has_stays_as_it_is(store) {
        apply(&store, ALL).await;
        for text in ["groups: [{name: Support, links: ['entra:support']}]", "admins: [root@example.com]"] {
            assert_eq!(plan(&store, &declared(text)).await, Plan::default(), "{text}");
        }
        let lost = plan(&store, &declared("tenants: []")).await;
        assert_eq!(lines(&lost), ["- tenant github (\"GitHub\") (managed by apply)"]);
        let members = "groups: [{name: Support, links: ['entra:support'], members: []}]";
        let lost = plan(&store, &declared(members)).await;
        assert_eq!(lines(&lost), ["- group Support: member alice@example.com (managed by apply)"]);
    }

    async fn what_is_there_is_taken_over_and_belongs_to_the_files_then(store) {
        store.directory.make(CreateGroup { name: group("Support") }, &actor()).await.unwrap();
        store.directory.add_member(&group("Support"), &email("alice@example.com"), &actor()).await.unwrap();
        let taken = apply(&store, "groups: [{name: Support, members: [alice@example.com]}]").await;
        assert_eq!(taken, [
            "= group Support (exists; managed by apply from now on)",
            "= group Support: member alice@example.com (exists; managed by apply from now on)",
        ]);
        assert_eq!(store.audited("managed_by.update").await.len(), 2);
        assert_eq!(apply(&store, "groups: []").await, ["- group Support (managed by apply; 1 member loses it)"]);
    }

    async fn what_the_configuration_or_a_provider_made_is_never_taken_or_deleted(store) {
        store.configure(&[("GATEPOST_ADMIN_GROUPS", "Admins"), ("GATEPOST_GROUPS", "Crew=entra:crew")]).await;
        let user = store.admitted(&person("p", "p@example.com", &["g-1", "crew"])).await;
        let names = ["Admins", "Crew", "entra:g-1"];
        let text = "groups: [{name: Admins, members: [a@example.com]}, {name: Crew}, {name: 'entra:g-1'}]";
        assert_eq!(apply(&store, text).await, ["+ group Admins: member a@example.com"]);
        assert_eq!(apply(&store, "groups: []").await, ["- group Admins: member a@example.com (managed by apply)"]);
        assert_eq!(store.texts("SELECT name FROM gatepost.groups ORDER BY 1").await, names);
        assert_eq!(store.groups(user).await, ["Crew", "entra:g-1"]);

        // A managed group that the configuration names later stays too.
        apply(&store, "groups: [{name: Later}]").await;
        store.configure(&[("GATEPOST_ADMIN_GROUPS", "Later"), ("GATEPOST_GROUPS", "Crew=entra:crew")]).await;
        assert!(apply(&store, "groups: []").await[0].starts_with("! group Later stays"));
    }

    async fn a_name_that_a_stranger_made_at_a_provider_is_not_what_the_files_mean(store) {
        const GUID: &str = "00000000-0000-4000-8000-00000000b001";
        let user = store.admitted(&person("p", "p@example.com", &[GUID])).await;
        assert_eq!(store.groups(user).await, [GUID]);
        let text = format!("groups: [{{name: {GUID}}}]\ntenants: [{{id: t, groups: [{{group: {GUID}, role: admin}}]}}]");
        apply(&store, &text).await;
        assert_eq!(store.standing(user).await.access.role_in(&tenant("t")), None);
        assert_eq!(plan(&store, &declared(&text)).await, Plan::default());
        let linked = text.replace(&format!("{GUID}}}]\nt"), &format!("{GUID}, links: ['entra:{GUID}']}}]\nt"));
        apply(&store, &linked).await;
        assert_eq!(store.standing(user).await.access.role_in(&tenant("t")), Some(Role::Admin));
        assert_eq!(plan(&store, &declared(&linked)).await, Plan::default());
    }

    async fn a_plan_that_somebody_overtook_changes_nothing(store) {
        apply(&store, ALL).await;
        let changed = declared(&ALL.replace("role: member", "role: viewer").replace("Support", "Aid"));
        let old = plan(&store, &changed).await;
        store.directory.map_group(&group("Support"), &tenant("github"), Role::Admin, &actor()).await.unwrap();
        let before = (exported(&store).await.0, store.audit().await.len());
        let overtaken = carry_out(&store, &changed, old, &actor()).await;
        assert!(matches!(&overtaken, Err(DirectoryError::PlanOvertaken(what)) if what.contains("Support")), "{overtaken:?}");
        assert_eq!((exported(&store).await.0, store.audit().await.len()), before);
        // A link has no version of its own: the whole plan is compared.
        let moved = declared("groups: [{name: Aid, links: ['entra:support']}]");
        let old = plan(&store, &moved).await;
        store.directory.link_group(&group("Hand"), &external("entra:support"), &actor()).await.unwrap();
        let before = (exported(&store).await.0, store.audit().await.len());
        let overtaken = carry_out(&store, &moved, old, &actor()).await;
        assert!(matches!(overtaken, Err(DirectoryError::PlanOvertaken(_))), "{overtaken:?}");
        assert_eq!((exported(&store).await.0, store.audit().await.len()), before);
        // A failure in the middle leaves nothing either.
        let unknown = UserKey::Id(UserId::generate());
        let mut fails = declared("groups: [{name: New}]");
        let members = Some(vec![DeclaredMember { user: unknown, until: None }]);
        fails.groups.as_mut().unwrap().insert(group("Newer"), DeclaredGroup { members, ..DeclaredGroup::default() });
        let failed = carry_out(&store, &fails, plan(&store, &fails).await, &actor()).await;
        assert!(matches!(failed, Err(DirectoryError::UnknownUser(_))), "{failed:?}");
        assert_eq!((exported(&store).await.0, store.audit().await.len()), before);
    }

    async fn of_two_at_once_one_is_done_and_the_other_is_told(store) {
        for round in 0..5 {
            let one = declared(&format!("groups: [{{name: One}}, {{name: Both{round}}}]"));
            let two = declared(&format!("groups: [{{name: Two}}, {{name: Both{round}}}]"));
            let (first, second) = (plan(&store, &one).await, plan(&store, &two).await);
            let actor = actor();
            let (first, second) =
                tokio::join!(carry_out(&store, &one, first, &actor), carry_out(&store, &two, second, &actor));
            let winner = match (&first, &second) {
                (Ok(true), Err(DirectoryError::PlanOvertaken(_))) => &one,
                (Err(DirectoryError::PlanOvertaken(_)), Ok(true)) => &two,
                other => panic!("{other:?}"),
            };
            assert_eq!(exported(&store).await.1.groups.unwrap().len(), winner.groups.as_ref().unwrap().len());
        }
    }

    async fn only_a_system_administrator_applies_and_never_away_the_last_one(store) {
        let root = store.admitted(&person("root", "root@example.com", &[])).await;
        let by = |user| Actor { who: Who::Person(user), key: None, address: None, request_id: None, via: Via::Api };
        let all = declared(ALL);
        let denied = carry_out(&store, &all, plan(&store, &all).await, &by(root)).await;
        assert!(matches!(denied, Err(DirectoryError::Denied(Denied::SystemOnly))), "{denied:?}");
        apply(&store, ALL).await;
        let nothing = declared(NOTHING);
        let last = carry_out(&store, &nothing, plan(&store, &nothing).await, &by(root)).await;
        assert!(matches!(last, Err(DirectoryError::LastAdmin)), "{last:?}");
        assert_eq!(plan(&store, &all).await, Plan::default(), "nothing was kept");
        let other = declared(&ALL.replace("- root@", "- other@example.com\n- root@"));
        assert!(carry_out(&store, &other, plan(&store, &other).await, &by(root)).await.unwrap());
    }

    async fn a_thousand_groups_with_links_and_tenants_are_one_transaction(store) {
        let group = |n| format!("- {{name: G{n}, links: ['entra:x{n}'], members: [u{n}@example.com]}}");
        let groups: Vec<String> = (0..1000).map(group).collect();
        let mapped: Vec<String> = (0..1000).map(|n| format!("  - {{group: G{n}, role: member}}")).collect();
        let (groups, mapped) = (groups.join("\n"), mapped.join("\n"));
        let text = format!("groups:\n{groups}\ntenants:\n- id: t\n  groups:\n{mapped}");
        assert_eq!(apply(&store, &text).await.len(), 4001);
        assert_eq!(plan(&store, &declared(&text)).await, Plan::default());
        assert_eq!(apply(&store, "groups: []\ntenants: []").await.len(), 2001);
    }
}
