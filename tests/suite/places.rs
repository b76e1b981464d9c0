//! The pages of groups, tenants, the audit and the system: what their forms do, who may open and send which, and what is
//! said about wrong fields.

use crate::world::{MCP_GITHUB, PUBLIC, Pair, World};
use gatepost_kit::client::{Answer, Client};
use gatepost_kit::entra::Person;
use gatepost_web::{Callers, Route};
use reqwest::Method;

/// A path, the fields of a form, and the status of the answer.
type WrongForm<'a> = (&'a str, &'a [(&'a str, &'a str)], u16);

/// A world with a system administrator (root), nobody in particular (bob), and administrators of the tenants `a` (carol)
/// and `b` (dave).
struct House {
    world: World,
    root: Client,
}

impl House {
    async fn open(pair: Pair) -> Self {
        let world = World::start(pair).await;
        for name in ["bob", "carol", "dave", "root"] {
            world.entra.add(Person::named(name));
        }
        world.cli(&["admin", "grant", "root@example.com"]).await;
        for (tenant, admin) in [("a", "carol@example.com"), ("b", "dave@example.com")] {
            world.cli(&["tenant", "create", tenant]).await;
            world.cli(&["tenant", "add-member", tenant, admin, "--role", "admin"]).await;
        }
        world.cli(&["group", "create", "Team"]).await;
        let root = world.signed_in("root").await;
        world.entra.forget_browsers();
        Self { world, root }
    }

    async fn signed_in(&self, who: &str) -> Client {
        let browser = self.world.signed_in(who).await;
        self.world.entra.forget_browsers();
        browser
    }

    async fn get(&self, browser: &Client, path: &str) -> Answer {
        browser.get(&self.world.url(PUBLIC, path)).await
    }

    /// Sends a form as a page of ours does.
    async fn post(&self, browser: &Client, path: &str, fields: &[(&str, &str)]) -> Answer {
        let request = browser.request(Method::POST, &self.world.url(PUBLIC, path));
        let request = request.from(&self.world.url(PUBLIC, "/"));
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        request.header("content-type", "application/x-www-form-urlencoded").body(body).send().await
    }

    /// As root, who may; returns the page to which the form leads.
    async fn done(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let answer = self.post(&self.root, path, fields).await;
        assert_eq!(answer.status, 303, "{path} {fields:?}: {}", answer.body);
        let to = answer.location().unwrap();
        let path = match to.query() {
            Some(query) => format!("{}?{query}", to.path()),
            None => to.path().to_owned(),
        };
        let page = self.get(&self.root, &path).await;
        assert_eq!(page.status, 200, "{}", page.body);
        assert!(page.body.contains("role=\"status\""), "it says what was done: {}", page.body);
        page
    }

    /// The path of the page of a group.
    async fn group(&self, name: &str) -> String {
        let list = self.get(&self.root, &format!("/admin/groups?q={name}")).await;
        // A group that nobody linked is listed by the provider's name, with its own below.
        let row = list.body.split_once(&format!("\">{name}</a>"));
        let row = row.or_else(|| list.body.split_once(&format!("<small>{name}</small>")));
        let (before, _) = row.unwrap_or_else(|| panic!("{}", list.body));
        let (_, path) = before.rsplit_once("href=\"").unwrap();
        path.split('"').next().unwrap().to_owned()
    }

    /// The newest rows of the audit, without those of sign-ins.
    async fn audit(&self) -> Vec<serde_json::Value> {
        let text = self.world.cli(&["audit", "list", "--limit", "1000", "--json"]).await;
        let entries: serde_json::Value = serde_json::from_str(&text).unwrap();
        let is_change = |entry: &&serde_json::Value| {
            !["user.sign_in", "session.begin"].contains(&entry["action"].as_str().unwrap())
        };
        entries["entries"].as_array().unwrap().iter().filter(is_change).cloned().collect()
    }
}

/// The routes of the pages of groups, tenants, the audit and the system.
fn routes() -> Vec<Route> {
    let roots = ["/admin/groups", "/admin/tenants", "/admin/audit", "/admin/system"];
    let is_place = |route: &Route| roots.iter().any(|root| route.path.starts_with(root));
    gatepost_web::routes().into_iter().filter(is_place).collect()
}

/// The value of a hidden field in the form that is sent to this path.
fn hidden(page: &Answer, action: &str, name: &str) -> String {
    let (_, form) = page
        .body
        .split_once(&format!("action=\"{action}\""))
        .unwrap_or_else(|| panic!("no {action}: {}", page.body));
    let (form, _) = form.split_once("</form>").unwrap();
    let (_, value) =
        form.split_once(&format!("name=\"{name}\" value=\"")).unwrap_or_else(|| panic!("no {name}: {form}"));
    value.split('"').next().unwrap().to_owned()
}

fn has(page: &Answer, parts: &[&str]) {
    for part in parts {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
}

const NEVER: (&str, &str) = ("end", "never");
const NEW: (&str, &str) = ("version", "");

both_pairs! {
    async fn an_end_given_here_is_shown_beside_a_provider_that_says_for_good(pair) {
        let house = House::open(pair).await;
        house.world.cli(&["group", "link", "Octocats", &format!("entra:{MCP_GITHUB}")]).await;
        house.signed_in("alice").await;
        let group = house.group("Octocats").await;
        let page = house.done(&format!("{group}/members"), &[("user", "alice@example.com"), ("end", "1d"), NEW]).await;
        has(&page, &["for good<small>by an administrator until <time", "alice@example.com is in Octocats until "]);
    }

    async fn a_group_is_made_filled_linked_renamed_and_deleted(pair) {
        let house = House::open(pair).await;
        house.signed_in("alice").await;
        let page = house.done("/admin/groups", &[("name", " MCP-Search ")]).await;
        has(&page, &["<h1>MCP-Search</h1>", "Nobody is in this group."]);
        let group = house.group("MCP-Search").await;
        let page = house.done(&format!("{group}/members"), &[("user", "bob@example.com"), ("end", "1d"), NEW]).await;
        has(&page, &["bob@example.com", "added here", "data-label=\"Until\"><time", "bob@example.com is in MCP-Search until "]);
        for (text, says) in [("alic", "Did you mean alice@example.com?"), ("Zacharias", "Nobody here has such a name.")] {
            let unclear = house.post(&house.root, &format!("{group}/members"), &[("user", text), NEVER, NEW]).await;
            has(&unclear, &[says, &format!("value=\"{text}\"")]);
            assert_eq!(unclear.status, 422, "{text}");
        }
        let page = house.done(&format!("{group}/members"), &[("user", "new@example.com"), NEVER, NEW]).await;
        has(&page, &["new@example.com", "for good"]);
        // The button removes the person beside whom it stands.
        let remove = format!("{group}/members/remove");
        let (user, version) = (hidden(&page, &remove, "user"), hidden(&page, &remove, "version"));
        let is_there = |page: &Answer, who: &str| page.body.contains(&format!(">{who}@example.com</a>"));
        let is_bob = page.body.contains(&format!("/admin/users/{user}\">bob@example.com</a>"));
        let page = house.done(&remove, &[("user", &user), ("version", &version)]).await;
        assert_eq!((is_there(&page, "bob"), is_there(&page, "new")), (!is_bob, is_bob), "{}", page.body);

        let seen = house.get(&house.root, &format!("{group}/link")).await;
        has(&seen, &[MCP_GITHUB, "Link a provider"]);
        let link = hidden(&seen, &format!("{group}/links"), "link");
        let page = house.done(&format!("{group}/links"), &[("link", &link), ("version", &hidden(&seen, &format!("{group}/links"), "version"))]).await;
        has(&page, &["alice@example.com", "1 person here"]);
        let question = house.get(&house.root, &format!("{group}/unlink?link={link}")).await;
        has(&question, &["It has 1 person here", "What happens"]);
        has(&house.get(&house.root, &format!("{group}/delete")).await, &["Unlink first."]);
        let refused = house.post(&house.root, &format!("{group}/delete"), &[("name", "MCP-Search"), ("version", "1")]).await;
        assert_eq!(refused.status, 422, "it is linked: {}", refused.body);
        house.done(&format!("{group}/unlink"), &[("link", &link), ("version", &hidden(&question, &format!("{group}/unlink"), "version"))]).await;

        let page = house.done(&format!("{group}/tenants"), &[("tenant", "a"), ("role", "viewer"), NEW]).await;
        has(&page, &["/admin/tenants/a", "<span class=\"tag aside\">viewer</span>"]);
        let remove = format!("{group}/tenants/remove");
        let (tenant, version) = (hidden(&page, &remove, "tenant"), hidden(&page, &remove, "version"));
        let without = house.done(&remove, &[("tenant", &tenant), ("version", &version)]).await;
        assert!(!without.body.contains("/admin/tenants/a\""), "{}", without.body);

        let version = hidden(&page, &format!("{group}/rename"), "version");
        let page = house.done(&format!("{group}/rename"), &[("name", "Search"), ("version", &version)]).await;
        has(&page, &["<h1>Search</h1>"]);
        let question = house.get(&house.root, &format!("{group}/delete")).await;
        has(&question, &["It has 1 person", "Search"]);
        let version = hidden(&question, &format!("{group}/delete"), "version");
        let wrong = house.post(&house.root, &format!("{group}/delete"), &[("name", "search"), ("version", &version)]).await;
        assert_eq!(wrong.status, 422);
        has(&wrong, &["This is not the name of the group."]);
        house.done(&format!("{group}/delete"), &[("name", "Search"), ("version", &version)]).await;
        assert_eq!(house.get(&house.root, &group).await.status, 404);
        let actions: Vec<_> = house.audit().await.iter().filter(|row| row["via"] == "portal").map(|row| row["action"].clone()).collect();
        for action in ["group.create", "group.delete", "group.rename", "group.link", "group.unlink", "membership.create", "tenant.map", "tenant.unmap"] {
            assert!(actions.contains(&action.into()), "{action}: {actions:?}");
        }
    }

    async fn a_group_that_nobody_linked_gets_its_name_on_its_page(pair) {
        let house = House::open(pair).await;
        house.signed_in("alice").await;
        let list = house.get(&house.root, "/admin/groups?state=unlinked").await;
        has(&list, &["not linked", MCP_GITHUB]);
        let find = async |state: &str, q: &str| {
            let query = format!("groups?state={state}&q={q}");
            let page = house.get(&house.root, &format!("/admin/{query}")).await;
            let api = house.get(&house.root, &format!("/api/v1/{query}")).await;
            assert_eq!((page.status, api.status), (200, 200), "{query}: {}", api.body);
            // The page says what was searched for, too.
            let is_on_page = page.body.contains("<tbody");
            assert_eq!(is_on_page, !api.json()["items"].as_array().unwrap().is_empty(), "{query}");
            is_on_page
        };
        let part = &MCP_GITHUB[..8];
        for (state, q, is_found) in [("unlinked", part, true), ("unlinked", "zzz", false), ("linked", part, false), ("empty", part, false)] {
            assert_eq!(find(state, q).await, is_found, "{state} {q}");
        }
        let group = house.group(MCP_GITHUB).await;
        let page = house.get(&house.root, &group).await;
        has(&page, &["has no name here yet", MCP_GITHUB]);
        let link = hidden(&page, &format!("{group}/name"), "link");
        let version = hidden(&page, &format!("{group}/name"), "version");
        for wrong in ["", "\u{7}"] {
            let answer = house.post(&house.root, &format!("{group}/name"), &[("name", wrong), ("link", &link), ("version", &version)]).await;
            assert_eq!(answer.status, 422, "{wrong:?}");
        }
        let page = house.done(&format!("{group}/name"), &[("name", "GitHub"), ("link", &link), ("version", &version)]).await;
        has(&page, &["<h1>GitHub</h1>", "alice@example.com"]);
        for (state, q, is_found) in [("unlinked", "", false), ("unlinked", part, false), ("linked", "github", true), ("linked", "zzz", false)] {
            assert_eq!(find(state, q).await, is_found, "{state} {q}");
        }
    }

    async fn a_tenant_is_made_filled_renamed_and_deleted(pair) {
        let house = House::open(pair).await;
        let page = house.done("/admin/tenants", &[("id", "acme"), ("name", "ACME Corporation")]).await;
        has(&page, &["<h1>ACME Corporation</h1>", "Nobody may enter this tenant yet.", "What comes next"]);
        has(&page, &["<a href=\"/admin/tenants/acme/hosts\">propose the host</a>"]);
        let twice = house.post(&house.root, "/admin/tenants", &[("id", "acme"), ("name", "")]).await;
        assert_eq!(twice.status, 422);
        has(&twice, &["There is already a tenant acme."]);
        let here = "/admin/tenants/acme";
        let member = [("user", "bob@example.com"), ("role", "viewer"), ("end", "friday"), NEW];
        let page = house.done(&format!("{here}/members"), &member).await;
        has(&page, &["bob@example.com", "Directly", "data-label=\"Role\">viewer<", "<small>until <time"]);
        house.world.cli(&["group", "add", "Team", "new@example.com"]).await;
        let page = house.done(&format!("{here}/groups"), &[("group", "Team"), ("role", "member"), NEW]).await;
        has(&page, &["new@example.com", "The group Team", "1 person"]);
        let version = hidden(&page, &format!("{here}/groups/remove"), "version");
        let group = hidden(&page, &format!("{here}/groups/remove"), "group");
        house.done(&format!("{here}/groups/remove"), &[("group", &group), ("version", &version)]).await;
        let user = hidden(&page, &format!("{here}/members/remove"), "user");
        let version = hidden(&page, &format!("{here}/members/remove"), "version");
        house.done(&format!("{here}/members/remove"), &[("user", &user), ("version", &version)]).await;

        let version = hidden(&page, &format!("{here}/rename"), "version");
        let page = house.done(&format!("{here}/rename"), &[("name", ""), ("version", &version)]).await;
        has(&page, &["<h1>acme</h1>"]);
        let audit = house.get(&house.root, &format!("{here}/audit")).await;
        has(&audit, &["tenant.create", "tenant.add_member", "tenant.remove_member", "Changes of acme"]);
        assert!(!audit.body.contains("carol@example.com"), "a change in another tenant: {}", audit.body);
        let question = house.get(&house.root, &format!("{here}/delete")).await;
        has(&question, &["It has 0 people, who may enter it no more."]);
        let version = hidden(&question, &format!("{here}/delete"), "version");
        let wrong = house.post(&house.root, &format!("{here}/delete"), &[("id", "acm"), ("version", &version)]).await;
        assert_eq!(wrong.status, 422);
        house.done(&format!("{here}/delete"), &[("id", "acme"), ("version", &version)]).await;
        has(&house.get(&house.root, here).await, &["This tenant is deleted"]);
    }

    async fn who_was_overtaken_sees_both_values_and_chooses(pair) {
        let house = House::open(pair).await;
        let group = house.group("Team").await;
        let shown = house.get(&house.root, &group).await;
        let version = hidden(&shown, &format!("{group}/rename"), "version");
        house.world.cli(&["group", "rename", "Team", "Crew"]).await;
        let before = house.audit().await;
        let late = house.post(&house.root, &format!("{group}/rename"), &[("name", "Squad"), ("shown", "Team"), ("version", &version)]).await;
        assert_eq!(late.status, 412, "{}", late.body);
        has(&late, &["Crew", "Your page showed", "Team", "Rename it to Squad"]);
        assert_eq!(house.audit().await, before, "nothing was done");
        let version = hidden(&late, &format!("{group}/rename"), "version");
        has(&house.done(&format!("{group}/rename"), &[("name", "Squad"), ("version", &version)]).await, &["<h1>Squad</h1>"]);

        // Somebody who is in it already keeps the end that they have until the reader has seen it.
        house.done(&format!("{group}/members"), &[("user", "bob@example.com"), ("end", "1d"), NEW]).await;
        let again = house.post(&house.root, &format!("{group}/members"), &[("user", "bob@example.com"), NEVER, NEW]).await;
        assert_eq!(again.status, 412);
        has(&again, &["a member until", "Make it for good"]);
        let version = hidden(&again, &format!("{group}/members"), "version");
        let page = house.done(&format!("{group}/members"), &[("user", "bob@example.com"), NEVER, ("at", ""), ("version", &version)]).await;
        has(&page, &["for good"]);
        let late = house.post(&house.root, &format!("{group}/members/remove"), &[("user", &hidden(&page, &format!("{group}/members/remove"), "user")), ("version", &version)]).await;
        assert_eq!(late.status, 412);
    }

    async fn wrong_fields_are_named_and_change_nothing(pair) {
        let house = House::open(pair).await;
        let group = house.group("Team").await;
        let page = house.get(&house.root, &group).await;
        let version = hidden(&page, &format!("{group}/rename"), "version");
        let before = house.audit().await;
        let long = "x".repeat(300);
        let (members, rename, tenants) = (format!("{group}/members"), format!("{group}/rename"), format!("{group}/tenants"));
        let links = format!("{group}/links");
        let cases: [WrongForm<'_>; 30] = [
            ("/admin/groups", &[("name", "")], 422),
            ("/admin/groups", &[], 422),
            ("/admin/groups", &[("name", &long)], 422),
            ("/admin/groups", &[("name", "a"), ("name", "b")], 400),
            (&rename, &[("name", ""), ("version", &version)], 422),
            (&rename, &[("name", "New")], 400),
            (&rename, &[("name", "New"), ("version", "x")], 400),
            (&members, &[("user", ""), NEVER, NEW], 422),
            (&members, &[("user", "nobody"), NEVER, NEW], 422),
            (&members, &[("user", "00000000-0000-7000-8000-000000000000"), NEVER, NEW], 404),
            (&members, &[("user", "bob@example.com"), ("end", "other"), ("at", "yesterday"), NEW], 422),
            (&members, &[("user", "bob@example.com"), ("end", "other"), ("at", "2001-01-01T00:00"), NEW], 422),
            (&members, &[("user", "bob@example.com"), ("end", "soon"), NEW], 400),
            (&members, &[("user", "bob@example.com"), NEW], 400),
            (&members, &[("user", "bob@example.com"), NEVER], 400),
            (&tenants, &[("tenant", "none"), ("role", "member")], 422),
            (&tenants, &[("tenant", ""), ("role", "member")], 422),
            (&tenants, &[("tenant", "a"), ("role", "owner")], 400),
            (&tenants, &[("tenant", "a")], 400),
            (&links, &[("link", "")], 422),
            (&links, &[("link", "nobody:x"), ("version", &version)], 422),
            (&links, &[("link", "entra:\u{7}")], 422),
            ("/admin/tenants", &[("id", ""), ("name", "")], 422),
            ("/admin/tenants", &[("id", "a/b"), ("name", "")], 422),
            ("/admin/tenants", &[("id", "new"), ("name", &long)], 422),
            ("/admin/tenants/a/members", &[("user", "x"), ("role", "member"), NEVER, NEW], 422),
            ("/admin/tenants/a/members", &[("user", "bob@example.com"), ("role", "owner"), NEVER, NEW], 400),
            ("/admin/tenants/a/groups", &[("group", "None"), ("role", "member"), NEW], 422),
            ("/admin/tenants/a/rename", &[("name", &long), ("version", "1")], 422),
            ("/admin/tenants/a/delete", &[("id", "b"), ("version", "1")], 422),
        ];
        for (path, fields, status) in cases {
            let answer = house.post(&house.root, path, fields).await;
            assert_eq!(answer.status, status, "{path} {fields:?}: {}", answer.body);
            if status == 422 {
                has(&answer, &["aria-invalid=\"true\"", "class=\"error\""]);
            }
        }
        let big = house.post(&house.root, &members, &[("user", &"x".repeat(70_000))]).await;
        assert_eq!(big.status, 413);
        for path in ["/admin/groups?state=x", "/admin/groups/x", "/admin/groups/0", "/admin/audit?via=x", "/admin/audit?days=0", "/admin/audit?user=x", "/admin/audit?after=x", "/admin/tenants/none"] {
            assert_eq!(house.get(&house.root, path).await.status, 404, "{path}");
        }
        assert_eq!(house.audit().await, before);
    }

    async fn the_administrator_of_a_tenant_has_the_pages_of_that_tenant_alone(pair) {
        let house = House::open(pair).await;
        house.world.cli(&["group", "add", "Team", "new@example.com"]).await;
        house.world.cli(&["tenant", "map", "Team", "a", "--role", "member"]).await;
        let (carol, dave) = (house.signed_in("carol").await, house.signed_in("dave").await);
        let list = house.get(&carol, "/admin/tenants").await;
        has(&list, &["/admin/tenants/a\""]);
        assert!(!list.body.contains("/admin/tenants/b") && !list.body.contains("Create a tenant"), "{}", list.body);
        let page = house.get(&carol, "/admin/tenants/a").await;
        has(&page, &["carol@example.com", "new@example.com", "A group"]);
        for part in ["Team", "/admin/groups", "/admin/system", "Rename, suspend or delete"] {
            assert!(!page.body.contains(part), "{part}: {}", page.body);
        }
        let member = [("user", "guest@example.com"), ("role", "member"), NEVER, NEW];
        let answer = house.post(&carol, "/admin/tenants/a/members", &member).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        has(&house.get(&carol, "/admin/tenants/a/audit").await, &["tenant.add_member", "guest@example.com"]);
        has(&house.get(&carol, "/admin/audit").await, &["tenant.add_member"]);
        assert!(!house.get(&carol, "/admin/audit").await.body.contains("tenant.map"), "it names a group");

        // To dave neither the tenant exists nor its audit, and nobody who is not in his own tenant.
        for path in ["/admin/tenants/a", "/admin/tenants/a/audit"] {
            assert_eq!(house.get(&dave, path).await.status, 404, "{path}");
        }
        let before = house.audit().await;
        assert_eq!(house.post(&dave, "/admin/tenants/a/members", &member).await.status, 404);
        let id = hidden(&page, "/admin/tenants/a/members/remove", "user");
        let remove = [("user", id.as_str()), ("version", "1")];
        assert_eq!(house.post(&dave, "/admin/tenants/a/members/remove", &remove).await.status, 404);
        let stranger = house.post(&dave, "/admin/tenants/b/members", &[("user", &id), ("role", "member"), NEVER, NEW]).await;
        assert_eq!(stranger.status, 422, "an id says nothing to him: {}", stranger.body);
        for (path, fields) in [
            ("/admin/tenants", &[("id", "c"), ("name", "")][..]),
            ("/admin/tenants/a/rename", &[("name", "Mine"), ("version", "1")]),
            ("/admin/tenants/a/delete", &[("id", "a"), ("version", "1")]),
            ("/admin/tenants/a/groups", &[("group", "Team"), ("role", "admin"), NEW]),
            ("/admin/groups", &[("name", "Mine")]),
        ] {
            assert_eq!(house.post(&carol, path, fields).await.status, 403, "{path}");
        }
        assert_eq!(house.audit().await, before);
    }

    async fn each_route_answers_each_caller_as_its_rule_says(pair) {
        let house = House::open(pair).await;
        let mut people = Vec::new();
        for name in ["bob", "carol", "dave"] {
            people.push(house.signed_in(name).await);
        }
        let [bob, carol, dave] = people.try_into().unwrap();
        let (nobody, group) = (house.world.browser(), house.group("Team").await);
        let number = group.strip_prefix("/admin/groups/").unwrap();
        let before = house.audit().await;
        assert!(routes().len() > 20);
        for route in routes() {
            let id = if route.path.starts_with("/admin/groups") { number } else { "a" };
            let path = route.path.replace("{id}", id);
            let why = format!("{} {path}", route.method);
            let send = async |browser: &Client| match route.method {
                "GET" => house.get(browser, &path).await,
                _ => house.post(browser, &path, &[]).await,
            };
            let answer = send(&nobody).await;
            assert_eq!((answer.status, answer.location().unwrap().path()), (303, "/login"), "{why}");
            assert_eq!(send(&bob).await.status, 403, "{why}: nobody in particular");
            let (own, other) = (send(&carol).await, send(&dave).await);
            let system = send(&house.root).await;
            match (route.method, path.as_str()) {
                // Without the link in question.
                (_, path) if path.ends_with("/unlink") => assert_eq!(system.status, 404, "{why}"),
                // Without the host or the provider in question.
                ("GET", path) if path.ends_with("/hosts/remove") => assert_eq!(system.status, 404, "{why}"),
                (_, path) if path.ends_with("/sign-in/remove") => assert_eq!(system.status, 404, "{why}"),
                ("GET", _) => assert_eq!(system.status, 200, "{why}"),
                // Its form has no fields, and nothing to change.
                (_, path) if path.ends_with("/check") => assert_eq!(system.status, 200, "{why}"),
                _ => assert!([400, 422].contains(&system.status), "{why}: {}", system.status),
            }
            if route.callers == Callers::Admins {
                assert_eq!((own.status, other.status), (403, 403), "{why}: administrators of tenants");
            } else {
                assert_eq!(own.status, system.status, "{why}: the administrator of the tenant");
                let status = if route.path.contains("{id}") { 404 } else { system.status };
                assert_eq!(other.status, status, "{why}: the administrator of another tenant");
            }
        }
        assert_eq!(house.audit().await, before, "what was refused leaves no row");
    }

    async fn the_audit_is_filtered_by_links_and_shows_before_and_after(pair) {
        let house = House::open(pair).await;
        house.done("/admin/tenants/a/rename", &[("name", "Alpha"), ("version", "1")]).await;
        let page = house.get(&house.root, "/admin/audit?via=portal&days=1").await;
        has(&page, &["tenant.update", "<ins>Alpha</ins>", "root@example.com"]);
        assert!(!page.body.contains("tenant.create"), "{}", page.body);
        for (filter, shown, hidden) in [
            ("?via=cli", "tenant.create", "tenant.update"),
            ("?action=tenant.update", "Alpha", "tenant.create"),
            ("?tenant=a", "Alpha", "tenant b"),
        ] {
            let page = house.get(&house.root, &format!("/admin/audit{filter}")).await;
            assert!(page.body.contains(shown) && !page.body.contains(hidden), "{filter}: {}", page.body);
        }
    }

    async fn the_system_page_says_what_answers_and_draws_the_days(pair) {
        let house = House::open(pair).await;
        let page = house.get(&house.root, "/admin/system").await;
        has(&page, &["answers", "Entries of the audit", "audit_entries", "leads", "Schema", "Sign-ins of each day", "<rect", "The numbers of each day", env!("CARGO_PKG_VERSION")]);
    }
}
