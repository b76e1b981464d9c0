//! Exporting and applying random states, on both stores: what was written is read back as nothing to do, and what was
//! applied is written as it was declared.

use super::administration::Administers;
use super::files::{apply_declared, exported, plan};
use super::{Opened, actor, config, person};
use gatepost_core::access::Role;
use gatepost_core::clock::Timestamp;
use gatepost_core::identity::ExternalGroup;
use gatepost_core::ids::{GroupName, TenantId, TierId};
use gatepost_core::mcp::pattern::{Kind, Subject};
use gatepost_core::tier::{Allowances, TierTerms};
use gatepost_core::tool_pattern::ToolPattern;
use gatepost_store::directory::UserKey;
use gatepost_store::directory::changes::{
    AddMember, AddToolRule, CreateGroup, CreateTenant, CreateToolServer, LinkGroup, MapGroup, SetAdmin,
    SetTier,
};
use gatepost_store::directory::files::{
    Action, Declared, DeclaredAdmin, DeclaredGroup, DeclaredMember, DeclaredTenant,
};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use std::collections::{BTreeMap, BTreeSet};

/// Names that YAML takes for something else, beside any that a group may have.
const ODD: [&str; 24] = [
    "yes",
    "No",
    "~",
    "null",
    "- x",
    "-",
    "a: b",
    "#c",
    "it's",
    "\"",
    "\\",
    "1e3",
    "007",
    "*a",
    "&a",
    "!t",
    "%d",
    "[",
    "{a}",
    "@x",
    "<<",
    "\u{1f600}",
    "true",
    "entra:x",
];

fn names() -> impl Strategy<Value = GroupName> {
    let any = any::<String>().prop_filter_map("no name", |text| text.parse().ok());
    let long = prop_oneof![Just("\u{1f600}"), Just("x"), Just("\""), Just("é")]
        .prop_map(|c| c.repeat(256).parse().unwrap());
    let odd = proptest::sample::select(&ODD[..]).prop_map(|text| text.parse().unwrap());
    prop_oneof![4 => odd, 2 => any, 1 => long, 3 => "[A-F]".prop_map(|text| text.parse().unwrap())]
}

fn users() -> impl Strategy<Value = UserKey> {
    "[a-h]@example\\.com".prop_map(|text| text.parse().unwrap())
}

fn tenants() -> impl Strategy<Value = TenantId> {
    prop_oneof!["[a-c]", "[A-Za-z0-9._-]{1,64}", Just("yes".to_owned())]
        .prop_map(|text| text.parse().unwrap())
}

fn roles() -> impl Strategy<Value = Role> {
    prop_oneof![Just(Role::Viewer), Just(Role::Member), Just(Role::Admin)]
}

fn links() -> impl Strategy<Value = ExternalGroup> {
    "entra:(role:)?([a-f]|x y|#\\\\\")".prop_map(|text| text.parse().unwrap())
}

/// Ends in 2100.
fn ends() -> impl Strategy<Value = Option<Timestamp>> {
    option::of((4_102_444_800_i64..4_102_448_400).prop_map(Timestamp::from_unix))
}

/// Values that YAML and JSON take for something else, beside numbers and truth values.
fn terms() -> impl Strategy<Value = TierTerms> {
    let odd =
        proptest::sample::select(vec!["25", "true", "null", "\"7\"", "none", "", "[1]", "{}", "1e3", "é: #"]);
    let value = prop_oneof![
        odd.prop_map(|text| serde_json::json!(text)),
        any::<u32>().prop_map(|number| serde_json::json!(number)),
        any::<bool>().prop_map(|truth| serde_json::json!(truth)),
    ];
    let object = || {
        let members = btree_map("(yes|null|7|[a-z]{1,3}[.-]x)", value.clone(), 0..3);
        members.prop_map(|members| serde_json::Map::from_iter(members).into())
    };
    let price = (any::<u32>(), 1..u32::MAX, any::<u32>());
    let meters = btree_map("(yes|null|7|[a-z]{1,3}[.-]x)", price, 0..3);
    let prices = (any::<u32>(), meters).prop_map(|(base, meters)| {
        let meter = |(name, (included, per, price)): (String, (u32, u32, u32))| {
            (name, serde_json::json!({ "included": included, "per": per, "price": price }))
        };
        let meters: serde_json::Map<_, _> = meters.into_iter().map(meter).collect();
        let prices = serde_json::json!({ "currency": "EUR", "base": base, "meters": meters });
        prices.to_string().parse().unwrap()
    });
    (object(), object(), option::of(prices)).prop_map(|(features, limits, prices)| TierTerms {
        allowances: Allowances { features, limits },
        prices,
    })
}

fn tiers() -> impl Strategy<Value = TierId> {
    "(free|gold|[a-c]|yes)".prop_map(|text| text.parse().unwrap())
}

fn rules() -> impl Strategy<Value = (Subject, Kind, ToolPattern)> {
    let subject = prop_oneof![
        Just(Subject::Everyone),
        roles().prop_map(Subject::Role),
        (1..6_i64).prop_map(|number| Subject::Group(gatepost_core::ids::GroupId::from_number(number))),
        Just(Subject::Key("yes".to_owned())),
    ];
    let pattern = "(yes|~|[a-c: #\"é]{1,4})[*]?".prop_map(|text| text.parse().unwrap());
    (subject, proptest::sample::select(&Kind::ALL[..]), pattern)
}

type Members = BTreeMap<u8, (UserKey, Option<Timestamp>)>;

/// What files may declare together: mappings of declared groups, each link once.
fn declarations() -> impl Strategy<Value = Declared> {
    let members = btree_map(any::<u8>(), (users(), ends()), 0..4);
    let groups = btree_map(names(), (btree_set(links(), 0..3), members), 0..6);
    let mapped = vec((any::<prop::sample::Index>(), roles()), 0..4);
    let tenants = btree_map(tenants(), (option::of(any::<String>()), mapped), 0..4);
    let admins = vec((users(), any::<bool>(), ends()), 0..3);
    let tiers = btree_map(tiers(), terms(), 0..3);
    (groups, tenants, admins, tiers).prop_map(|(groups, tenants, admins, tiers)| {
        let mut linked = BTreeSet::new();
        let mut group = |(links, members): (BTreeSet<ExternalGroup>, Members)| {
            let by_user: BTreeMap<String, DeclaredMember> = members
                .into_values()
                .map(|(user, until)| (user.to_string(), DeclaredMember { user, until }))
                .collect();
            let links = links.into_iter().filter(|link| linked.insert(link.clone())).collect();
            DeclaredGroup { links, members: Some(by_user.into_values().collect()) }
        };
        let groups: BTreeMap<GroupName, DeclaredGroup> =
            groups.into_iter().map(|(name, one)| (name, group(one))).collect();
        let keys: Vec<GroupName> = groups.keys().cloned().collect();
        let tenant = |(name, mapped): (Option<String>, Vec<(prop::sample::Index, Role)>)| {
            let name = name.map(|name| name.replace('\0', "0"));
            let mapped = mapped.iter().filter(|_| !keys.is_empty());
            DeclaredTenant {
                name,
                groups: mapped.map(|(index, role)| (index.get(&keys).clone(), *role)).collect(),
            }
        };
        let tenants = tenants.into_iter().map(|(id, one)| (id, tenant(one))).collect();
        let by_user: BTreeMap<String, DeclaredAdmin> = admins
            .into_iter()
            .map(|(user, is_admin, until)| (user.to_string(), DeclaredAdmin { user, is_admin, until }))
            .collect();
        Declared {
            groups: Some(groups),
            tenants: Some(tenants),
            admins: Some(by_user.into_values().collect()),
            tiers: Some(tiers),
            // A rule needs a server, whose tenant these files would delete.
            rules: Some(BTreeSet::new()),
            keys: Some(BTreeMap::new()),
        }
    })
}

/// Something that an administrator, a provider or the configuration does.
#[derive(Clone, Debug)]
enum Deed {
    Group(GroupName),
    Link(GroupName, ExternalGroup),
    Member(GroupName, UserKey, Option<Timestamp>),
    Tenant(TenantId, Option<String>),
    Map(GroupName, TenantId, Role),
    Admin(UserKey, bool, Option<Timestamp>),
    SignIn(UserKey, Vec<ExternalGroup>),
    Tier(TierId, TierTerms),
    Rule(Subject, Kind, ToolPattern),
}

fn deeds() -> impl Strategy<Value = Deed> {
    prop_oneof![
        names().prop_map(Deed::Group),
        (names(), links()).prop_map(|(name, link)| Deed::Link(name, link)),
        (names(), users(), ends()).prop_map(|(name, user, until)| Deed::Member(name, user, until)),
        (tenants(), option::of("[ -~]{0,20}")).prop_map(|(id, name)| Deed::Tenant(id, name)),
        (names(), tenants(), roles()).prop_map(|(name, id, role)| Deed::Map(name, id, role)),
        (users(), any::<bool>(), ends())
            .prop_map(|(user, is_admin, until)| Deed::Admin(user, is_admin, until)),
        (users(), vec(links(), 0..3)).prop_map(|(user, groups)| Deed::SignIn(user, groups)),
        (tiers(), terms()).prop_map(|(id, terms)| Deed::Tier(id, terms)),
        rules().prop_map(|(subject, kind, pattern)| Deed::Rule(subject, kind, pattern)),
    ]
}

/// What is refused, such as a mapping of a group that is not there, is part of a random state too.
async fn does(store: &Opened, deed: Deed) {
    let directory = &store.directory;
    let actor = actor();
    match deed {
        Deed::Group(name) => drop(directory.make(CreateGroup { name }, &actor).await),
        Deed::Link(name, external) => {
            let change = LinkGroup::new(name.into(), external, &config(&[])).unwrap();
            drop(directory.make(change, &actor).await);
        }
        Deed::Member(name, user, until) => {
            drop(directory.make(AddMember { group: name.into(), user, until }, &actor).await);
        }
        Deed::Tenant(id, name) => drop(directory.make(CreateTenant { id, name }, &actor).await),
        Deed::Map(name, tenant, role) => {
            drop(directory.make(MapGroup { group: name.into(), tenant, role }, &actor).await);
        }
        Deed::Admin(user, is_admin, until) => {
            let change = SetAdmin { user, is_admin: Some(is_admin), until };
            drop(directory.make(change, &actor).await);
        }
        Deed::Tier(id, terms) => drop(directory.make(SetTier { id, terms }, &actor).await),
        Deed::Rule(subject, kind, pattern) => {
            let (server, tenant) = ("s".parse().unwrap(), "of-rules".parse().unwrap());
            drop(directory.make(AddToolRule { server, tenant, subject, kind, pattern }, &actor).await);
        }
        Deed::SignIn(user, groups) => {
            let groups: Vec<String> =
                groups.iter().map(|one| one.to_string().trim_start_matches("entra:").to_owned()).collect();
            let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
            store.admitted(&person(&user.to_string(), &user.to_string(), &groups)).await;
        }
    }
}

both_stores! {
    async fn what_was_exported_differs_in_nothing_and_is_the_same_when_it_was_applied(store) {
        store.configure(&[("GATEPOST_ADMIN_GROUPS", "Admins,A"), ("GATEPOST_GROUPS", "B=entra:a")]).await;
        let of_rules: TenantId = "of-rules".parse().unwrap();
        store.directory.create_tenant(&of_rules, None, &actor()).await.unwrap();
        let settings = super::tool_servers::settings("https://mcp.example.com/s");
        store.directory.make(CreateToolServer { id: "s".parse().unwrap(), tenant: of_rules, settings }, &actor()).await.unwrap();
        let mut runner = TestRunner::deterministic();
        for round in 0..12 {
            for deed in vec(deeds(), 16).new_tree(&mut runner).unwrap().current() {
                does(&store, deed).await;
            }
            let (texts, declared) = exported(&store).await;
            let taken = plan(&store, &declared).await;
            assert!(
                taken.steps.iter().all(|step| step.action == Action::TakeOver),
                "{round}: {taken:?}\n{texts:?}"
            );
            // In every second round some of it stays as it was set by hand.
            if round % 2 == 0 {
                apply_declared(&store, &declared).await;
                let (again, declared) = exported(&store).await;
                assert_eq!(again, texts, "{round}");
                assert_eq!(plan(&store, &declared).await.steps, [], "{round}: nothing to do");
            }
        }
    }

    async fn what_was_applied_is_exported_as_it_was_declared(store) {
        let mut runner = TestRunner::deterministic();
        for round in 0..15 {
            let declared = declarations().new_tree(&mut runner).unwrap().current();
            let steps = apply_declared(&store, &declared).await;
            assert_eq!(plan(&store, &declared).await.steps, [], "{round}: {declared:?}\n{steps:?}");
            let (texts, read) = exported(&store).await;
            assert_eq!(read, declared, "{round}: {texts:?}");
        }
        apply_declared(&store, &Declared {
            groups: Some(BTreeMap::new()), tenants: Some(BTreeMap::new()), admins: Some(Vec::new()),
            tiers: Some(BTreeMap::new()), rules: Some(BTreeSet::new()), keys: Some(BTreeMap::new()),
        }).await;
        let (texts, _) = exported(&store).await;
        assert_eq!(texts.map(|(_, text)| text), ["groups: []\n", "tenants: []\n", "admins: []\n", "tiers: []\n", "rules: []\n", "keys: []\n"]);
    }
}
