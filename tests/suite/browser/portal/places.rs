//! The pages of groups, tenants, the audit and the system: the flows by clicks, by the keyboard alone and without
//! scripts, and every page in four states.

use super::accessible::{WrongForm, assert_accessible, send};
use super::{administrator, arrive, assert_fits, open};
use crate::browser::picture;
use crate::browser::site::{Site, url};
use crate::world::{APP, Pair};
use gatepost_kit::browser::Browser;
use gatepost_kit::entra::Person;

/// A group at the provider that nobody linked.
const EXTRA: &str = "00000000-0000-4000-8000-00000000a0ff";

/// The paths of a group and of a tenant of which pages are shown.
struct Places {
    group: String,
    tenant: String,
}

impl Places {
    /// Finds the group by its name.
    async fn find(root: &Browser, group: &str, tenant: &str) -> Self {
        open(root, &format!("/admin/groups?q={group}"), "Search for groups").await;
        root.evaluate(&format!(
            "[...document.querySelectorAll('tbody a')].find(link => link.textContent === '{group}').id = 'it'"
        ))
        .await;
        root.click_id("it").await;
        arrive(root, "Opens these tenants").await;
        Self { group: root.url().await.path().to_owned(), tenant: format!("/admin/tenants/{tenant}") }
    }

    fn pages(&self) -> Vec<(&'static str, String)> {
        let Self { group, tenant } = self;
        vec![
            ("groups", "/admin/groups".to_owned()),
            ("groups-nothing-found", "/admin/groups?q=zzz&state=linked".to_owned()),
            ("groups-unlinked", "/admin/groups?state=unlinked".to_owned()),
            ("group", group.clone()),
            ("group-link", format!("{group}/link")),
            ("group-delete", format!("{group}/delete")),
            ("tenants", "/admin/tenants".to_owned()),
            ("tenant", tenant.clone()),
            ("tenant-audit", format!("{tenant}/audit")),
            ("tenant-invitations", format!("{tenant}/invitations")),
            ("tenant-look", format!("{tenant}/branding")),
            ("tenant-hosts", format!("{tenant}/hosts")),
            ("tenant-sign-in", format!("{tenant}/sign-in")),
            ("tenant-settings", format!("{tenant}/settings")),
            ("tenant-check", format!("{tenant}/check")),
            ("tenant-delete", format!("{tenant}/delete")),
            ("tenant-suspend", format!("{tenant}/suspend")),
            ("tenants-suspended", "/admin/tenants?state=suspended".to_owned()),
            ("audit", "/admin/audit".to_owned()),
            ("audit-of-nobody", "/admin/audit?q=nobody".to_owned()),
            ("audit-filtered", "/admin/audit?via=cli&days=7&action=group.create".to_owned()),
            ("system", "/admin/system".to_owned()),
        ]
    }

    fn wrong_forms(&self) -> Vec<WrongForm> {
        let group = |verb: &str| format!("{}{verb}", self.group);
        let tenant = |verb: &str| format!("{}{verb}", self.tenant);
        vec![
            ("groups-wrong", "/admin/groups".to_owned(), "/admin/groups".to_owned(), &[("name", "")]),
            (
                "group-wrong-member",
                group(""),
                group("/members"),
                &[("user", "nobody"), ("end", "other"), ("at", "")],
            ),
            ("group-wrong-name", group(""), group("/rename"), &[("name", "")]),
            ("group-wrong-tenant", group(""), group("/tenants"), &[("tenant", "none")]),
            ("group-wrong-link", group("/link"), group("/links"), &[("link", "entra")]),
            ("group-overtaken", group(""), group("/rename"), &[("name", "Other"), ("version", "v999")]),
            ("group-delete-wrong", group("/delete"), group("/delete"), &[("name", "other")]),
            ("tenants-wrong", "/admin/tenants".to_owned(), "/admin/tenants".to_owned(), &[("id", "a b")]),
            ("tenant-wrong-member", tenant(""), tenant("/members"), &[("user", "nobody")]),
            ("tenant-wrong-group", tenant(""), tenant("/groups"), &[("group", "none")]),
            ("tenant-delete-wrong", tenant("/delete"), tenant("/delete"), &[("id", "other")]),
            ("tenant-suspend-wrong", tenant("/suspend"), tenant("/suspend"), &[("reason", "")]),
            ("tenant-hosts-wrong", tenant("/hosts"), tenant("/hosts"), &[("host", "localhost")]),
            (
                "tenant-hosts-overtaken",
                tenant("/hosts"),
                tenant("/hosts/approve"),
                &[("version", "v999"), ("shown", "active")],
            ),
            (
                "tenant-sign-in-wrong",
                tenant("/sign-in"),
                tenant("/sign-in"),
                &[("issuer", "id"), ("client_secret", "x"), ("allowed_domains", "nonsense")],
            ),
            (
                "tenant-sign-in-overtaken",
                tenant("/sign-in"),
                tenant("/sign-in"),
                &[
                    ("version", "v999"),
                    ("issuer", "https://127.0.0.1"),
                    ("client_id", "x"),
                    ("client_secret", "x"),
                ],
            ),
            (
                "tenant-settings-wrong",
                tenant("/settings"),
                tenant("/settings"),
                &[
                    ("tier", "gold tier"),
                    ("limits", "keys"),
                    ("features", "sso_enabled=yes"),
                    ("service", "none"),
                ],
            ),
            (
                "tenant-settings-overtaken",
                tenant("/settings"),
                tenant("/settings"),
                &[("version", "v999"), ("tier", "free")],
            ),
        ]
    }

    async fn tour(&self, browser: &Browser, state: &str) {
        for (name, path) in self.pages() {
            open(browser, &path, "The same through the API").await;
            // Closed details would hide their rules.
            browser
                .evaluate(
                    "document.querySelectorAll('details:not(.menu)').forEach(details => details.open = true)",
                )
                .await;
            assert_accessible(browser, &format!("{state}-{name}")).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_providers_group_is_linked_from_the_list_and_opens_a_tenant() {
    let site = Site::start(Pair::Shared).await;
    site.entra.add(Person::named("dora").group(EXTRA, "MCP-Extra"));
    site.signed_in("dora").await;
    site.entra.forget_browsers();
    let root = administrator(&site).await;
    site.cli(&["tenant", "create", "github", "--name", "GitHub tools"]).await;
    open(&root, "/admin/groups", "Create a group").await;
    root.type_into("new-name", "MCP-Search").await;
    root.click("Create the group").await;
    arrive(&root, "It is created.").await;
    root.click("Link a provider group").await;
    let seen = arrive(&root, EXTRA).await;
    assert!(seen.contains('1'), "how many here have it: {seen}");
    picture(&root, "portal-group-link").await;
    root.click("Link").await;
    let group = arrive(&root, "Its people are in this group now.").await;
    assert!(group.contains("dora@example.com") && group.contains("Microsoft"), "{group}");
    root.reach_by_keyboard("Open a tenant to its members").await;
    root.type_into("tenant", "github").await;
    root.click("Open it").await;
    arrive(&root, "The group opens the tenant now.").await;
    picture(&root, "portal-group").await;
    root.click("GitHub tools").await;
    let tenant = arrive(&root, "Who may enter, and by what").await;
    assert!(tenant.contains("dora@example.com") && tenant.contains("The group MCP-Search"), "{tenant}");
    picture(&root, "portal-tenant").await;
    root.click("Who changed what").await;
    arrive(&root, "tenant.create").await;
    site.assert_quiet(&root).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_administrator_of_a_tenant_adds_somebody_by_the_keyboard_on_a_narrow_screen() {
    let site = Site::start(Pair::Embedded).await;
    site.entra.add(Person::named("carol"));
    let carol = site.signed_in("carol").await;
    site.entra.forget_browsers();
    site.cli(&["tenant", "create", "github", "--name", "GitHub tools"]).await;
    site.cli(&["tenant", "add-member", "github", "carol@example.com", "--role", "admin"]).await;
    carol.use_narrow().await;
    open(&carol, "/admin/tenants", "Search for tenants").await;
    carol.reach_by_keyboard("GitHub tools").await;
    arrive(&carol, "Who may enter, and by what").await;
    carol.reach_by_keyboard("Add somebody").await;
    carol.type_into("user", "guest@example.com").await;
    carol.reach_by_keyboard("Add to the tenant").await;
    let tenant = arrive(&carol, "The person is in it now.").await;
    assert!(tenant.contains("guest@example.com"), "{tenant}");
    assert!(!tenant.contains("Rename, suspend or delete"), "{tenant}");
    assert_fits(&carol, "a tenant").await;
    site.assert_quiet(&carol).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_deleted_by_typing_its_name_without_scripts() {
    let site = Site::start(Pair::Embedded).await;
    let root = administrator(&site).await;
    root.set_scripts(false).await;
    site.cli(&["group", "add", "MCP-Sreach", "alice@example.com"]).await;
    open(&root, "/admin/groups", "Create a group").await;
    root.click("MCP-Sreach").await;
    arrive(&root, "Rename or delete").await;
    root.click("Delete the group").await;
    arrive(&root, "It has 1 person, who are in it no longer.").await;
    root.type_into("typed", "MCP-Search").await;
    root.click("Delete the group").await;
    arrive(&root, "This is not the name of the group.").await;
    picture(&root, "portal-group-delete").await;
    root.evaluate("document.getElementById('typed').value = ''").await;
    root.type_into("typed", "MCP-Sreach").await;
    root.click("Delete the group").await;
    arrive(&root, "It is deleted.").await;
    site.assert_quiet(&root).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_place_is_accessible_before_there_is_anything() {
    let site = Site::start(Pair::Embedded).await;
    let root = administrator(&site).await;
    site.cli(&["group", "create", "Empty"]).await;
    site.cli(&["tenant", "create", "empty"]).await;
    let places = Places::find(&root, "Empty", "empty").await;
    places.tour(&root, "empty").await;
    site.assert_quiet(&root).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_place_is_accessible_with_much_on_it_and_when_something_is_wrong() {
    let site = Site::start(Pair::Embedded).await;
    site.entra.add(Person::named("dora").group(EXTRA, "MCP-Extra"));
    for who in ["alice", "dora"] {
        site.signed_in(who).await;
        site.entra.forget_browsers();
    }
    let root = administrator(&site).await;
    fill(&site, "MCP-Search", "github", "GitHub tools").await;
    let teams: Vec<String> = (0..8).map(|number| format!("Team-{number:02}")).collect();
    let add: Vec<[&str; 4]> = teams.iter().map(|team| ["group", "add", team, "alice@example.com"]).collect();
    site.cli_all(&add.iter().map(|command| &command[..]).collect::<Vec<_>>()).await;
    let places = Places::find(&root, "MCP-Search", "github").await;
    places.tour(&root, "full").await;
    for (state, command) in [
        ("suspended", ["suspend", "github", "--reason", "unpaid"].as_slice()),
        ("deleted", &["delete", "github"]),
    ] {
        site.cli(&[&["tenant"], command].concat()).await;
        open(&root, &places.tenant, &format!("This tenant is {state}")).await;
        assert_accessible(&root, &format!("tenant-{state}")).await;
    }
    site.cli_all(&[&["tenant", "restore", "github"], &["tenant", "resume", "github"]]).await;
    for form in places.wrong_forms() {
        send(&root, &form).await;
        arrive(&root, "Request").await;
        assert_accessible(&root, form.0).await;
    }
    site.assert_quiet(&root).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_place_is_accessible_with_the_longest_words() {
    let site = Site::start(Pair::Embedded).await;
    let root = administrator(&site).await;
    let name = "Konstantinopolitanischedudelsackpfeifenmacherin".repeat(5);
    let (group, tenant) = ("G".repeat(200), "t".repeat(64));
    fill(&site, &group, &tenant, &name).await;
    let places = Places::find(&root, &group, &tenant).await;
    places.tour(&root, "longest").await;
    site.assert_quiet(&root).await;
}

/// A group with members for good and until then, linked to a provider's group, that opens a tenant with members of its own.
async fn fill(site: &Site, group: &str, tenant: &str, name: &str) {
    let until = "2199-01-31T17:00:00Z";
    let (part, label) = ("w".repeat(60), "x".repeat(63));
    let long = format!("{part}@{label}.{label}.example");
    let link = format!("entra:{}", "0".repeat(36));
    site.cli_all(&[
        ["group", "add", group, "alice@example.com", "--until", until].as_slice(),
        &["group", "add", group, &long],
        &["group", "link", group, &link],
        &["tenant", "create", tenant, "--name", name],
        &["tenant", "map", group, tenant, "--role", "member"],
        &["tenant", "add-member", tenant, "alice@example.com", "--role", "admin", "--until", until],
        &["tenant", "add-member", tenant, &long, "--role", "viewer"],
        &["tenant", "host", "add", tenant, &format!("{label}.{label}.{label}.example")],
        &["tenant", "host", "add", tenant, "blog.acme.example"],
        &["tenant", "host", "approve", tenant, "blog.acme.example"],
        &["tenant", "host", "add", tenant, "old.acme.example"],
        &["tenant", "host", "refuse", tenant, "old.acme.example"],
        &[
            "tenant",
            "set",
            tenant,
            "--tier",
            "pro",
            "--limit",
            "members=1",
            "--limit",
            &format!("storage={label}"),
        ],
    ])
    .await;
}

/// What the pages show beside an application that does not notice.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_removed_from_a_group_loses_it_at_once() {
    let site = Site::start(Pair::Embedded).await;
    let bob = site.signed_in("bob").await;
    site.entra.forget_browsers();
    let root = administrator(&site).await;
    site.cli(&["group", "add", "MCP-GitHub", "bob@example.com"]).await;
    bob.open(&url("team.example.test", "/")).await;
    arrive(&bob, "You asked for GET /").await;
    let places = Places::find(&root, "MCP-GitHub", "none").await;
    open(&root, &places.group, "bob@example.com").await;
    root.click("Remove").await;
    arrive(&root, "The person was removed.").await;
    bob.open(&url("team.example.test", "/")).await;
    arrive(&bob, "MCP-GitHub").await;
    bob.open(&url(APP, "/")).await;
    arrive(&bob, "You asked for GET /").await;
    site.assert_quiet(&root).await;
}
