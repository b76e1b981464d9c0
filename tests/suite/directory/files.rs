//! The configuration as files: what a plan does to the directory, what it never does, and that reading what was written
//! leaves nothing to do.

use super::administration::Administers;
use super::{Opened, actor, email, person};
use gatepost_cli::files::{Files, read, write};
use gatepost_config::Config;
use gatepost_core::access::Role;
use gatepost_core::administration::{Denied, Scope};
use gatepost_core::identity::ExternalGroup;
use gatepost_core::ids::{GroupName, TenantId, UserId};
use gatepost_core::mcp::pattern::{Kind, Subject};
use gatepost_core::tier::TierTerms;
use gatepost_store::directory::changes::{
    AddToolRule, ApplyPlan, CreateGroup, CreateToolServer, DeleteGroup, DeleteTier, RenameGroup, SetTier,
    TenantEdit, WriteMode, WriteTenant,
};
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
pub async fn exported(store: &Opened) -> ([(&'static str, String); 6], Declared) {
    let held = store.directory.find_held(true).await.unwrap();
    let texts = write(&held, true).files.map(|(name, text)| (name, text.unwrap()));
    let read = files(&texts.iter().map(|(name, text)| (*name, text.as_str())).collect::<Vec<_>>());
    assert_eq!(read.faults, [], "{texts:?}");
    (texts, read.declared)
}

pub async fn plan(store: &Opened, declared: &Declared) -> Plan {
    difference(declared, &store.directory.find_held(declared.has_members()).await.unwrap())
}

pub fn lines(plan: &Plan) -> Vec<String> {
    plan.steps.iter().map(ToString::to_string).collect()
}

pub async fn carry_out(
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

pub async fn apply(store: &Opened, text: &str) -> Vec<String> {
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

pub const NOTHING: &str = "groups: []\ntenants: []\nadmins: []\ntiers: []\nrules: []\nkeys: []\n";

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

    async fn tiers_are_set_changed_and_deleted_and_one_that_a_tenant_has_stays(store) {
        const TIERS: &str = "tiers:\n- id: gold\n  features: {sso_enabled: true, color: '\"7\"'}\n  limits: {keys: 7, members: none}\n- id: free\n  limits: {keys: 1}\n";
        const GOLD: &str = "tier gold: features {\"sso_enabled\":true,\"color\":\"7\"}, limits {\"keys\":7,\"members\":\"none\"}";
        let done = apply(&store, TIERS).await;
        assert_eq!(done, ["+ tier free: features {}, limits {\"keys\":1}".to_owned(), format!("+ {GOLD}")]);
        assert_eq!(apply(&store, TIERS).await, Vec::<String>::new());
        let (texts, read) = exported(&store).await;
        assert_eq!(read.tiers, declared(TIERS).tiers, "{texts:?}");
        let changed = TIERS.replace("keys: 7", "keys: 8");
        assert_eq!(apply(&store, &changed).await, [
            "~ tier gold: limits {\"keys\":7,\"members\":\"none\"} -> {\"keys\":8,\"members\":\"none\"}",
        ]);
        let prices = "  prices:\n    currency: EUR\n    base: 4900\n    meters:\n      runs: {included: 10, per: 5, price: 3}\n";
        let with_them = changed.replace("- id: free", &format!("{prices}- id: free"));
        assert_eq!(apply(&store, &with_them).await, [
            "~ tier gold: prices none -> {\"currency\":\"EUR\",\"base\":4900,\"meters\":{\"runs\":{\"included\":10,\"per\":5,\"price\":3}}}",
        ]);
        let (texts, read) = exported(&store).await;
        assert_eq!(read.tiers, declared(&with_them).tiers, "{texts:?}");
        // What somebody sets by hand belongs to the files no more, until they declare it again.
        let by_hand = || SetTier { id: "hand".parse().unwrap(), terms: TierTerms::default() };
        store.directory.make(by_hand(), &actor()).await.unwrap();
        let free = SetTier { id: "free".parse().unwrap(), terms: TierTerms::default() };
        store.directory.make(free, &actor()).await.unwrap();
        let edit = TenantEdit { tier: Some(Some("gold".parse().unwrap())), ..TenantEdit::default() };
        store.directory.make(WriteTenant { id: tenant("t"), mode: WriteMode::Create, edit }, &actor()).await.unwrap();
        let left = plan(&store, &declared("tiers: []")).await;
        assert_eq!(lines(&left).len(), 1, "{left:?}");
        assert!(lines(&left)[0].starts_with("! tier gold: ") && lines(&left)[0].ends_with(": a tenant has it"), "{left:?}");
        // A tier that comes with Gatepost as it is needs no row.
        let comes = exported(&store).await.0[3].1.clone();
        let taken = apply(&store, &comes).await;
        assert!(taken.contains(&"= tier hand: features {}, limits {} (exists; managed by apply from now on)".to_owned()), "{taken:?}");
        assert_eq!(apply(&store, &comes).await, Vec::<String>::new());
        let left = apply(&store, "tiers: []").await;
        assert_eq!(left.iter().map(|line| &line[..11]).collect::<Vec<_>>(), ["- tier free", "! tier gold", "- tier hand"]);
        assert_eq!(store.texts("SELECT id FROM gatepost.tiers").await, ["gold"]);
        let free = store.directory.find_tier(&"free".parse().unwrap()).await.unwrap();
        let text = serde_json::json!({ "tiers": [{ "id": "free", "features": free.terms.allowances.features, "limits": free.terms.allowances.limits }] });
        assert_eq!(plan(&store, &declared(&text.to_string())).await, Plan::default(), "it is as it comes");
        assert!(matches!(store.directory.make(DeleteTier { id: "gold".parse().unwrap() }, &actor()).await, Err(DirectoryError::TierInUse(_))));
    }

    async fn rules_of_tool_servers_are_set_and_the_last_of_a_kind_is_named_when_it_goes(store) {
        const RULES: &str = "rules:\n- {server: s, group: Support, tool: get_*}\n- {server: s, role: admin, tool: '*'}\n- {server: s, everyone: true, prompt: '*'}\n";
        store.directory.create_tenant(&tenant("t"), None, &actor()).await.unwrap();
        let settings = super::tool_servers::settings("https://mcp.example.com/s");
        store.directory.make(CreateToolServer { id: "s".parse().unwrap(), tenant: tenant("t"), settings }, &actor()).await.unwrap();
        let all = format!("groups: [{{name: Support}}]\n{RULES}");
        assert_eq!(apply(&store, &all).await, [
            "+ group Support", "+ tool server s: tool get_* for group Support", "+ tool server s: tool * for role admin",
            "+ tool server s: prompt * for everyone",
        ]);
        assert_eq!(apply(&store, &all).await, Vec::<String>::new());
        assert_eq!(store.audited("tool_rule.create").await.len(), 3);
        let (texts, read) = exported(&store).await;
        assert_eq!(read.rules, declared(&all).rules, "{texts:?}");

        let by_hand = AddToolRule {
            server: "s".parse().unwrap(), tenant: tenant("t"), subject: Subject::Everyone, kind: Kind::Tool, pattern: "list".parse().unwrap(),
        };
        store.directory.make(by_hand, &actor()).await.unwrap();
        // The tools stay closed by the rule that somebody made by hand. The prompts do not.
        let gone = [
            "- tool server s: tool get_* for group Support (managed by apply)",
            "- tool server s: tool * for role admin (managed by apply)",
            "- tool server s: prompt * for everyone (managed by apply; no rule about prompts is left: whoever may enter may use all)",
        ];
        assert_eq!(lines(&plan(&store, &declared("rules: []")).await), gone);
        let taken = "rules: [{server: s, everyone: true, tool: list}]";
        let done = apply(&store, taken).await;
        assert_eq!(done[0], "= tool server s: tool list for everyone (exists; managed by apply from now on)");
        assert_eq!(done[1..], gone);
        assert_eq!(store.audited("tool_rule.delete").await.len(), 3);
        assert_eq!(store.audited("managed_by.update").await.len(), 1);
        let last = "- tool server s: tool list for everyone (managed by apply; no rule about tools is left: whoever may enter may use all)";
        assert_eq!(apply(&store, "rules: []").await, [last]);
    }

    async fn a_group_that_a_rule_by_hand_is_for_stays_and_a_rule_for_a_deleted_one_goes(store) {
        store.directory.create_tenant(&tenant("t"), None, &actor()).await.unwrap();
        let settings = super::tool_servers::settings("https://mcp.example.com/s");
        store.directory.make(CreateToolServer { id: "s".parse().unwrap(), tenant: tenant("t"), settings }, &actor()).await.unwrap();
        apply(&store, "groups: [{name: Hand}, {name: Files}]\nrules: [{server: s, group: Files, tool: x}]").await;
        let id = store.texts("SELECT CAST(id AS text) FROM gatepost.groups WHERE name = 'Hand'").await.remove(0).parse().unwrap();
        let by_hand = AddToolRule {
            server: "s".parse().unwrap(), tenant: tenant("t"), subject: Subject::Group(id), kind: Kind::Prompt, pattern: "*".parse().unwrap(),
        };
        store.directory.make(by_hand, &actor()).await.unwrap();
        let left = lines(&plan(&store, &declared("groups: []\nrules: []")).await);
        assert!(left.iter().any(|line| line.starts_with("! group Hand stays")), "{left:?}");
        store.directory.make(DeleteGroup { group: group("Files").into() }, &actor()).await.unwrap();
        assert_eq!(apply(&store, "rules: []").await, [
            "- tool server s: tool x for a group that was deleted (managed by apply; no rule about tools is left: whoever may enter may use all)",
        ]);
        assert_eq!(store.texts("SELECT kind FROM gatepost.tool_rules").await, ["prompt"]);
    }

    async fn a_plan_of_rules_or_tiers_that_somebody_overtook_changes_nothing(store) {
        store.directory.create_tenant(&tenant("t"), None, &actor()).await.unwrap();
        let settings = super::tool_servers::settings("https://mcp.example.com/s");
        store.directory.make(CreateToolServer { id: "s".parse().unwrap(), tenant: tenant("t"), settings }, &actor()).await.unwrap();
        let wanted = declared("tiers: [{id: gold, limits: {keys: 1}}]\nrules: [{server: s, everyone: true, tool: list}]");
        let old = plan(&store, &wanted).await;
        let by_hand = AddToolRule {
            server: "s".parse().unwrap(), tenant: tenant("t"), subject: Subject::Everyone, kind: Kind::Tool, pattern: "list".parse().unwrap(),
        };
        store.directory.make(by_hand, &actor()).await.unwrap();
        let overtaken = carry_out(&store, &wanted, old, &actor()).await;
        assert!(matches!(&overtaken, Err(DirectoryError::PlanOvertaken(what)) if what.contains("tool list")), "{overtaken:?}");
        assert_eq!(store.texts("SELECT id FROM gatepost.tiers").await, Vec::<String>::new());
        let old = plan(&store, &wanted).await;
        store.directory.make(SetTier { id: "gold".parse().unwrap(), terms: TierTerms::default() }, &actor()).await.unwrap();
        let overtaken = carry_out(&store, &wanted, old, &actor()).await;
        assert!(matches!(&overtaken, Err(DirectoryError::PlanOvertaken(what)) if what.contains("tier gold")), "{overtaken:?}");
        assert_eq!(store.audited("managed_by.update").await.len(), 0);
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
