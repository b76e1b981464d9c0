//! Tool servers and their rules: who changes them, whose address is whose, and that a rule never opens by itself.

use super::administration::Administers;
use super::key_changes::{faults, key, made, of_tenant};
use super::lists::{name, number, scope, tenant, two_tenants};
use super::{Opened, actor, person};
use gatepost_core::access::{Access, Role};
use gatepost_core::administration::{Denied, Scope};
use gatepost_core::api_key::KeyFault;
use gatepost_core::ids::{ToolRuleId, ToolServerId, UserId};
use gatepost_core::mcp::Mode;
use gatepost_core::mcp::pattern::{Kind, Subject};
use gatepost_core::mcp::rules::{RuleSet, User};
use gatepost_store::directory::changes::{
    AddToolRule, CreateToolServer, DeleteGroup, DeleteTenant, DeleteToolServer, JudgeByHeaders, KeyUpdate,
    RemoveToolRule, RenameGroup, RevokeKey, RotateKey, ToolServerPatch, UpdateKey, UpdateToolServer,
};
use gatepost_store::directory::{
    Actor, Applicable, Change, Conditions, DirectoryError, Done, KeyRecord, ToolServerSettings, Via, Who,
};

use std::time::Duration;

fn server(id: &str) -> ToolServerId {
    id.parse().unwrap()
}

pub(super) fn settings(url: &str) -> ToolServerSettings {
    ToolServerSettings {
        url: url.parse().unwrap(),
        name: Some("GitHub".to_owned()),
        provider: None,
        audience: None,
        scopes: vec!["tools".to_owned()],
        mode: Mode::Body,
        documentation: None,
        is_default: false,
        service: None,
    }
}

fn create(id: &str, of: &str, url: &str) -> CreateToolServer {
    CreateToolServer { id: server(id), tenant: tenant(of), settings: settings(url) }
}

fn allow(subject: Subject, pattern: &str) -> AddToolRule {
    let pattern = pattern.parse().unwrap();
    AddToolRule { server: server("github"), tenant: tenant("a"), subject, kind: Kind::Tool, pattern }
}

fn by(user: UserId) -> Actor {
    Actor { who: Who::Person(user), key: None, address: None, request_id: None, via: Via::Api }
}

#[expect(clippy::disallowed_methods, reason = "as somebody who is not the command line")]
async fn make_as<C: Applicable>(
    store: &Opened,
    change: C,
    actor: &Actor,
) -> Result<Done<C::Outcome>, DirectoryError> {
    store.directory.carry_out(&change, Conditions::default(), actor).await
}

#[expect(clippy::disallowed_methods, reason = "with a version")]
async fn judge_by(
    store: &Opened,
    record: &KeyRecord,
    conditions: Conditions,
) -> Result<Done<()>, DirectoryError> {
    let change = JudgeByHeaders { id: server("github"), tenant: tenant("a"), key: record.id };
    store.directory.carry_out(&change, conditions, &actor()).await
}

const GITHUB: &str = "https://mcp.example.com/servers/github/mcp";

/// The tenants of [`two_tenants`], with a server of `a`.
async fn with_server(store: &Opened) -> [UserId; 4] {
    let people = two_tenants(store).await;
    store.directory.make(create("github", "a", GITHUB), &actor()).await.unwrap();
    people
}

/// Whether a member of these groups may call a tool of the only server, by what the gate would read now.
async fn may(store: &Opened, groups: &[&str], tool: &str) -> bool {
    let read = store.directory.read_tool_servers().await.unwrap();
    let [(_, rules)] = &read[..] else { panic!("{read:?}") };
    let access = Access { groups: groups.iter().map(|text| name(text)).collect(), ..Access::default() };
    let user = User { access: &access, role: Some(Role::Member), key: None, tools: &[], needs_rule: false };
    let rules = RuleSet::new(rules.iter().map(gatepost_store::directory::ToolRule::decisive));
    rules.allows(Kind::Tool, tool, &user)
}

both_stores! {
    async fn a_tool_server_is_created_changed_listed_and_deleted(store) {
        with_server(&store).await;
        let found = store.directory.find_tool_server(&scope(&["a"]), &server("github")).await.unwrap().unwrap();
        assert_eq!((found.settings.clone(), found.version.number()), (settings(GITHUB), 1));
        let patch = ToolServerPatch { name: Some(None), is_default: Some(true), ..ToolServerPatch::default() };
        let change = UpdateToolServer { id: server("github"), tenant: tenant("a"), patch };
        let done = store.directory.make(change.clone(), &actor()).await.unwrap();
        assert_eq!(done.version.map(gatepost_core::administration::Version::number), Some(2));
        assert!(!store.directory.make(change, &actor()).await.unwrap().changed);
        let found = store.directory.find_tool_server(&Scope::System, &server("github")).await.unwrap().unwrap();
        assert_eq!((found.settings.mode, found.settings.name, found.settings.is_default), (Mode::Body, None, true));
        assert_eq!(found.settings.scopes, ["tools"], "what is not named stays");
        for (reader, of) in [(Scope::System, None), (scope(&["a"]), Some("a"))] {
            let of = of.map(tenant);
            let page = store.directory.list_tool_servers(&reader, of.as_ref(), None, 10).await.unwrap();
            assert_eq!(page.items.len(), 1, "{reader:?}");
        }
        let change = DeleteToolServer { id: server("github"), tenant: tenant("a") };
        store.directory.make(change, &actor()).await.unwrap();
        assert_eq!(store.directory.read_tool_servers().await.unwrap(), []);
        for action in ["tool_server.create", "tool_server.update", "tool_server.delete"] {
            assert_eq!(store.audited(action).await.len(), 1, "{action}");
        }
    }

    async fn a_tool_server_belongs_to_the_administrators_of_its_tenant(store) {
        let [_, bob, cem, dora] = with_server(&store).await;
        let rule = || allow(Subject::Everyone, "get_*");
        make_as(&store, rule(), &by(bob)).await.unwrap();
        for other in [cem, dora] {
            let refused = make_as(&store, rule(), &by(other)).await;
            assert!(matches!(refused, Err(DirectoryError::Denied(Denied::SystemOnly))), "{refused:?}");
        }
        // Whoever names their own tenant does not reach the server of another one.
        super::lists::join(&store, "b", "cem@example.com", Role::Admin).await;
        let foreign = DeleteToolServer { id: server("github"), tenant: tenant("b") };
        let refused = make_as(&store, foreign, &by(cem)).await;
        assert!(matches!(refused, Err(DirectoryError::UnknownToolServer(_))), "{refused:?}");
        let hidden = store.directory.find_tool_server(&scope(&["b"]), &server("github")).await.unwrap();
        assert_eq!(hidden, None);
        let hidden = store.directory.list_tool_rules(&scope(&["b"]), &server("github"), None, 10).await;
        assert!(matches!(hidden, Err(DirectoryError::UnknownToolServer(_))));
    }

    async fn only_system_administrators_say_where_lists_are_filtered(store) {
        let [_, bob, ..] = with_server(&store).await;
        let update = |patch| UpdateToolServer { id: server("github"), tenant: tenant("a"), patch };
        let service = |name: Option<&str>| {
            let service = Some(name.map(|name| name.parse().unwrap()));
            update(ToolServerPatch { service, ..ToolServerPatch::default() })
        };
        let url = |url: &str| update(ToolServerPatch { url: Some(url.parse().unwrap()), ..ToolServerPatch::default() });
        let system_only = |result: Result<Done<()>, DirectoryError>| {
            assert!(matches!(result, Err(DirectoryError::Denied(Denied::SystemOnly))), "{result:?}");
        };
        let mut other = create("other", "a", "https://mcp.example.com/other");
        other.settings.service = Some("mcp".parse().unwrap());
        system_only(make_as(&store, other, &by(bob)).await);
        system_only(make_as(&store, service(Some("mcp")), &by(bob)).await);
        // Without a service its address reaches nothing.
        make_as(&store, url("https://mcp.example.com/moved"), &by(bob)).await.unwrap();
        assert_eq!(store.directory.make(service(Some("mcp")), &actor()).await.unwrap().version.unwrap().number(), 3);
        system_only(make_as(&store, service(None), &by(bob)).await);
        system_only(make_as(&store, service(Some("chat")), &by(bob)).await);
        system_only(make_as(&store, url(GITHUB), &by(bob)).await);
        let named = update(ToolServerPatch { name: Some(None), ..ToolServerPatch::default() });
        make_as(&store, named, &by(bob)).await.unwrap();
        store.directory.make(url(GITHUB), &actor()).await.unwrap();
        let found = store.directory.find_tool_server(&Scope::System, &server("github")).await.unwrap().unwrap();
        assert_eq!(found.settings.service.unwrap().as_str(), "mcp");
    }

    async fn an_address_belongs_to_one_server_and_no_other_tenant_reaches_into_it(store) {
        let [_, bob, cem, _] = with_server(&store).await;
        super::lists::join(&store, "b", "cem@example.com", Role::Admin).await;
        let taken = store.directory.make(create("other", "b", GITHUB), &actor()).await;
        assert!(matches!(taken, Err(DirectoryError::AddressTaken)), "{taken:?}");
        let taken = store.directory.make(create("github", "b", "https://mcp.example.com/x"), &actor()).await;
        assert!(matches!(taken, Err(DirectoryError::ToolServerExists(_))), "{taken:?}");
        for (number, url) in [format!("{GITHUB}/inner"), "https://mcp.example.com/servers".to_owned()].iter().enumerate() {
            let inner = || create(&format!("inner-{number}"), "b", url);
            let refused = make_as(&store, inner(), &by(cem)).await;
            assert!(matches!(refused, Err(DirectoryError::AddressTaken)), "{url}: {refused:?}");
            make_as(&store, create(&format!("own-{number}"), "a", url), &by(bob)).await.unwrap();
        }
        make_as(&store, create("beside", "b", "https://mcp.example.com/servers-b"), &by(cem)).await.unwrap();
        let patch = ToolServerPatch { url: Some(format!("{GITHUB}/b").parse().unwrap()), ..ToolServerPatch::default() };
        let moved = UpdateToolServer { id: server("beside"), tenant: tenant("b"), patch };
        assert!(matches!(make_as(&store, moved, &by(cem)).await, Err(DirectoryError::AddressTaken)));
    }

    async fn a_group_that_is_deleted_or_renamed_opens_nothing(store) {
        with_server(&store).await;
        assert!(may(&store, &[], "get_file").await, "without a rule");
        let group = number(&store, "entra:g-1").await;
        store.directory.make(allow(Subject::Group(group), "get_*"), &actor()).await.unwrap();
        assert!(may(&store, &["entra:g-1"], "get_file").await);
        assert!(!may(&store, &["entra:g-1"], "delete_repo").await);
        assert!(!may(&store, &["Other"], "get_file").await);
        let plain = gatepost_store::directory::changes::CreateGroup { name: name("Plain") };
        let plain = store.directory.make(plain, &actor()).await.unwrap().outcome;
        store.directory.make(allow(Subject::Group(plain), "list_*"), &actor()).await.unwrap();
        store.directory.make(RenameGroup { group: plain.into(), name: name("Renamed") }, &actor()).await.unwrap();
        assert!(may(&store, &["Renamed"], "list_all").await);
        assert!(!may(&store, &["Plain"], "list_all").await);
        store.directory.make(DeleteGroup { group: plain.into() }, &actor()).await.unwrap();
        // On SQLite a new group may get the number of the deleted one.
        let again = gatepost_store::directory::changes::CreateGroup { name: name("Renamed") };
        store.directory.make(again, &actor()).await.unwrap();
        assert!(!may(&store, &["Renamed"], "list_all").await, "its rule is for nobody");
        store.sql("DELETE FROM gatepost.tool_rules WHERE subject = 'group' AND group_id IS NOT NULL").await;
        assert!(!may(&store, &["Renamed"], "anything").await, "the rule for nobody keeps the kind closed");
        let listed = store.directory.list_tool_rules(&Scope::System, &server("github"), None, 10).await.unwrap().items;
        assert_eq!(listed.iter().map(|rule| rule.subject.clone()).collect::<Vec<_>>(), [Subject::DeletedGroup]);
    }

    async fn rules_are_made_once_and_taken_back(store) {
        let [_, bob, ..] = with_server(&store).await;
        let first = store.directory.make(allow(Subject::Everyone, "a"), &actor()).await.unwrap();
        let again = store.directory.make(allow(Subject::Everyone, "a"), &actor()).await.unwrap();
        assert_eq!((first.changed, again.changed, again.outcome), (true, false, first.outcome));
        let second = store.directory.make(allow(Subject::Role(Role::Admin), "a"), &actor()).await.unwrap().outcome;
        let remove = |rule| RemoveToolRule { server: server("github"), tenant: tenant("a"), rule };
        assert_eq!(store.directory.make(remove(first.outcome), &actor()).await.unwrap().outcome, 1);
        assert_eq!(store.directory.make(remove(second), &actor()).await.unwrap().outcome, 0);
        let none = store.directory.make(remove(ToolRuleId::generate()), &actor()).await;
        assert!(matches!(none, Err(DirectoryError::UnknownToolRule(..))));
        // Groups are the platform's: a tenant's administrators name those that open their tenant.
        store.admitted(&person("eve", "eve@example.com", &["g-2"])).await;
        let (own, foreign) = (number(&store, "entra:g-1").await, number(&store, "entra:g-2").await);
        make_as(&store, allow(Subject::Group(own), "a"), &by(bob)).await.unwrap();
        let refused = make_as(&store, allow(Subject::Group(foreign), "a"), &by(bob)).await;
        assert!(matches!(refused, Err(DirectoryError::UnknownGroup(_))), "{refused:?}");
        let seen = store.directory.list_tool_rules(&scope(&["a"]), &server("github"), None, 10).await.unwrap().items;
        assert!(seen.iter().all(|rule| rule.group_name.is_none()), "{seen:?}");
    }

    async fn each_change_concerns_everybody(store) {
        with_server(&store).await;
        let mut watch = store.directory.watch().await.unwrap();
        let rule = store.directory.make(allow(Subject::Everyone, "a"), &actor()).await.unwrap().outcome;
        assert!(watch.renew().await.unwrap().contains(&Change::Everybody), "a rule");
        let remove = RemoveToolRule { server: server("github"), tenant: tenant("a"), rule };
        store.directory.make(remove, &actor()).await.unwrap();
        assert!(watch.renew().await.unwrap().contains(&Change::Everybody), "a rule less");
        let patch = ToolServerPatch { is_default: Some(true), ..ToolServerPatch::default() };
        store.directory.make(UpdateToolServer { id: server("github"), tenant: tenant("a"), patch }, &actor()).await.unwrap();
        assert!(watch.renew().await.unwrap().contains(&Change::Everybody), "a server");
        store.directory.make(DeleteTenant { id: tenant("a") }, &actor()).await.unwrap();
        assert!(watch.renew().await.unwrap().contains(&Change::Everybody), "a tenant");
        assert_eq!(store.directory.read_tool_servers().await.unwrap(), [], "its servers went with it");
    }

    async fn only_a_live_key_that_tried_this_server_has_its_messages_judged_by_headers(store) {
        with_server(&store).await;
        let by_headers = || ToolServerPatch { mode: Some(Mode::Headers), ..ToolServerPatch::default() };
        let not_tried = |result: Result<Done<()>, DirectoryError>| {
            assert!(matches!(result, Err(DirectoryError::NotTried(_))), "{result:?}");
        };
        let update = |patch| UpdateToolServer { id: server("github"), tenant: tenant("a"), patch };
        not_tried(store.directory.make(update(by_headers()), &actor()).await);
        let other = "https://mcp.example.com/servers/other/mcp";
        let settings = ToolServerSettings { mode: Mode::Headers, ..settings(other) };
        let new = CreateToolServer { id: server("other"), tenant: tenant("a"), settings };
        not_tried(store.directory.make(new, &actor()).await);
        let key = async |of: &str, tries: Option<&str>| {
            let mut change = key(of_tenant(of));
            change.limits.trial = tries.map(server);
            made(&store, change, &actor()).await.record
        };
        let judge = async |record: &KeyRecord, conditions| judge_by(&store, record, conditions).await;
        let (plain, elsewhere) = (key("a", None).await, key("a", Some("other")).await);
        let foreign = key("b", Some("github")).await;
        for record in [&plain, &elsewhere, &foreign] {
            not_tried(judge(record, Conditions::default()).await);
        }
        let revoked = key("a", Some("github")).await;
        store.directory.make(RevokeKey { id: revoked.id, holder: revoked.holder() }, &actor()).await.unwrap();
        not_tried(judge(&revoked, Conditions::default()).await);
        let expired = key("a", Some("github")).await;
        store.sql(&format!("UPDATE gatepost.keys SET expires_at = 1 WHERE id = '{}'", expired.id)).await;
        not_tried(judge(&expired, Conditions::default()).await);
        // What was tried is what is judged so.
        let live = key("a", Some("github")).await;
        let (name, rest) = (Some(Some("Another".to_owned())), ToolServerPatch::default());
        store.directory.make(update(ToolServerPatch { name, ..rest }), &actor()).await.unwrap();
        let stale = Conditions { if_version: "1".parse().ok(), ..Conditions::default() };
        let overtaken = judge(&live, stale).await;
        assert!(matches!(overtaken, Err(DirectoryError::Overtaken(_))), "{overtaken:?}");
        let mode = async || {
            let found = store.directory.find_tool_server(&Scope::System, &server("github")).await;
            found.unwrap().unwrap().settings.mode
        };
        assert_eq!(mode().await, Mode::Body);
        assert!(judge(&live, Conditions::default()).await.unwrap().changed);
        assert_eq!(mode().await, Mode::Headers);
        // It stays as long as the server stays where it was tried.
        let named = ToolServerPatch { name: Some(None), ..by_headers() };
        assert!(store.directory.make(update(named), &actor()).await.unwrap().changed);
        let moved = || ToolServerPatch { url: Some(other.parse().unwrap()), ..ToolServerPatch::default() };
        not_tried(store.directory.make(update(moved()), &actor()).await);
        let back = ToolServerPatch { mode: Some(Mode::Body), ..moved() };
        store.directory.make(update(back), &actor()).await.unwrap();
        not_tried(store.directory.make(update(by_headers()), &actor()).await);
    }

    async fn nobody_changes_or_rotates_the_key_of_a_trial(store) {
        with_server(&store).await;
        let mut change = key(of_tenant("a"));
        change.limits.trial = Some(server("github"));
        let made = made(&store, change, &actor()).await;
        let (id, holder) = (made.record.id, made.record.holder());
        let found = store.directory.find_key(&made.secret.digest()).await.unwrap().unwrap();
        assert_eq!((found.limits.trial, made.record.limits.trial), (Some(server("github")), Some(server("github"))));
        let new = KeyUpdate { tools: Some(Vec::new()), ..KeyUpdate::default() };
        let updated = store.directory.make(UpdateKey { id, holder: holder.clone(), new }, &actor()).await;
        assert_eq!(faults(updated), [KeyFault::OfTrial]);
        let rotate = RotateKey { id, holder: holder.clone(), overlap: Duration::ZERO };
        assert_eq!(faults(store.directory.make(rotate, &actor()).await), [KeyFault::OfTrial]);
        let audited = store.audited("key.create").await;
        assert!(format!("{audited:?}").contains("tries"), "{audited:?}");
        assert!(store.directory.make(RevokeKey { id, holder }, &actor()).await.unwrap().changed);
    }
}
