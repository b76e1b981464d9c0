//! The pages for administrators: who sees what.

mod applications;
mod audit;
pub(crate) mod forms;
mod keys;
mod overtaken;
mod person;
mod tenant_branding;
mod tenant_check;
mod tenant_hosts;
mod tenant_life;
mod tenant_settings;
mod tenant_sign_in;
mod tenant_usage;
mod tools;

use crate::world::{APP, PUBLIC, Pair, Plan, World, alice};
use gatepost_kit::client::{Answer, Client};
use gatepost_kit::entra::Person;
use gatepost_kit::process::until;
use std::time::Duration;

/// Longer than sessions live that nobody uses.
const TIMEOUT: Duration = Duration::from_secs(90);

/// The administrator of the system. Alice is in one group, and Bob is in none.
pub(crate) async fn start(pair: Pair) -> (World, Client) {
    start_of(Plan::default(), pair).await
}

/// The same with other settings.
pub(crate) async fn start_of(plan: Plan, pair: Pair) -> (World, Client) {
    let world = plan.start(pair).await;
    world.entra.add(alice());
    world.entra.add(Person::named("bob"));
    world.entra.add(Person::named("root"));
    for who in ["alice", "bob", "root"] {
        world.entra.forget_browsers();
        world.signed_in(who).await;
    }
    world.cli(&["admin", "grant", "root@example.com"]).await;
    world.entra.forget_browsers();
    let root = world.signed_in("root").await;
    world.entra.forget_browsers();
    (world, root)
}

pub(crate) async fn page(world: &World, browser: &Client, path: &str) -> Answer {
    browser.get(&world.url(PUBLIC, path)).await
}

/// The path of the page of a person, as the list of people links to it.
async fn path_of(world: &World, root: &Client, who: &str) -> String {
    let list = page(world, root, &format!("/admin/users?q={who}%40example.com")).await;
    let (_, rest) = list.body.split_once("href=\"/admin/users/").unwrap_or_else(|| panic!("{}", list.body));
    format!("/admin/users/{}", &rest[..36])
}

/// The number of sessions on the first page.
async fn sessions_now(world: &World, root: &Client) -> u64 {
    let overview = page(world, root, "/admin").await.body;
    let found =
        overview.split_once("<dt>Sessions now, about</dt><dd>").and_then(|(_, rest)| rest.split('<').next());
    found.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{overview}"))
}

both_pairs! {
    async fn an_administrator_finds_people_and_sees_who_says_what_about_them(pair) {
        let (world, root) = start(pair).await;
        world.cli(&["user", "disable", "bob@example.com"]).await;
        world.cli(&["group", "add", "MCP-Search", "alice@example.com"]).await;
        world.cli(&["group", "add", "MCP-Search", "carol@example.com"]).await;
        for (filter, shown) in [
            ("", ["alice", "bob", "carol", "root"].as_slice()),
            ("?state=active", &["alice", "root"]),
            ("?state=disabled", &["bob"]),
            ("?state=awaited", &["carol"]),
            ("?state=admin", &["root"]),
            ("?q=ali", &["alice"]),
            ("?q=ali&state=disabled", &[]),
        ] {
            let list = page(&world, &root, &format!("/admin/users{filter}")).await;
            assert_eq!(list.status, 200, "{}", list.body);
            for who in ["alice", "bob", "carol", "root"] {
                let is_shown = list.body.contains(&format!(">{who}@example.com</a>"));
                assert_eq!(is_shown, shown.contains(&who), "{filter} {who}: {}", list.body);
            }
        }
        for path in ["/admin/users?state=other", "/admin/users/x"] {
            assert_eq!(page(&world, &root, path).await.status, 404, "{path}");
        }
        let path = path_of(&world, &root, "alice").await;
        let planted = page(&world, &root, &format!("{path}?done=Call+0123&group=x")).await;
        assert!(!planted.body.contains("role=\"status\"") && !planted.body.contains("0123"), "{}", planted.body);
        let alice = page(&world, &root, &path).await;
        assert_eq!(alice.status, 200, "{}", alice.body);
        for part in ["alice@example.com", "MCP-Search</a></th>", "An administrator</td>", "at the provider</td>", "membership.create", "GET /api/v1/users/"] {
            assert!(alice.body.contains(part), "{part}: {}", alice.body);
        }
    }

    async fn no_text_of_an_address_looks_like_an_outage(pair) {
        let (world, root) = start(pair).await;
        world.cli(&["tenant", "create", "a"]).await;
        let user = path_of(&world, &root, "alice").await;
        let names = ["q", "state", "user", "actor", "action", "tenant", "via", "days", "after", "group", "link", "host", "query", "requirement", "path", "url", "number", "done", "note"];
        let mut tried = 0;
        for route in gatepost_web::routes().into_iter().filter(|route| route.method == "GET" && route.path.starts_with("/admin")) {
            let id = if route.path.contains("/users/") { user.rsplit('/').next().unwrap() } else if route.path.contains("/tenants/") { "a" } else { "1" };
            let path = route.path.replace("{id}", id).replace("{user}", user.rsplit('/').next().unwrap()).replace("{tenant}", "a");
            for name in names {
                let path = format!("{path}?{name}=a%00b");
                let answer = page(&world, &root, &path).await;
                assert!(answer.status < 500, "{path}: {} {}", answer.status, answer.body);
                tried += 1;
            }
        }
        assert!(tried > 200, "{tried}");
    }

    async fn what_ends_soon_is_one_line_that_leads_to_a_list(pair) {
        let (world, root) = start(pair).await;
        let home = page(&world, &root, "/admin").await;
        assert!(!home.body.contains("/admin/ends"), "{}", home.body);
        world.cli(&["group", "add", "Soon", "alice@example.com", "--for", "8h"]).await;
        let home = page(&world, &root, "/admin").await;
        for part in ["1 membership or decision ends within 7 days", "alice@example.com, the group Soon", "href=\"/admin/ends\""] {
            assert!(home.body.contains(part), "{part}: {}", home.body);
        }
        world.cli(&["tenant", "create", "github"]).await;
        world.cli(&["tenant", "add-member", "github", "alice@example.com", "--for", "48h"]).await;
        world.cli(&["group", "add", "Later", "bob@example.com", "--for", "480h"]).await;
        assert!(page(&world, &root, "/admin").await.body.contains("2 memberships and decisions end within 7 days"));
        let path = path_of(&world, &root, "alice").await;
        for (query, shown) in [("", ["Soon", "github"].as_slice()), ("?days=1", &["Soon"]), ("?days=30", &["Soon", "github", "Later"])] {
            let list = page(&world, &root, &format!("/admin/ends{query}")).await;
            assert_eq!(list.status, 200, "{query}");
            for name in ["Soon", "github", "Later"] {
                assert_eq!(list.body.contains(&format!(">{name}</a>")), shown.contains(&name), "{query} {name}: {}", list.body);
            }
            let (_, change) = list.body.split_once(&format!("href=\"{path}?group=")).unwrap();
            let number = change.split('#').next().unwrap();
            let form = page(&world, &root, &format!("{path}?group={number}")).await;
            assert!(form.body.contains("Change the end in Soon"), "{}", form.body);
        }
        for query in ["?days=2", "?days=x", "?after=%00"] {
            assert_eq!(page(&world, &root, &format!("/admin/ends{query}")).await.status, 404, "{query}");
        }
    }

    async fn the_overview_counts_the_sessions_that_can_be_used(pair) {
        let (world, root) = start(pair).await;
        // Alice, Bob, and Root with two browsers.
        assert_eq!(sessions_now(&world, &root).await, 4);
        world.cli(&["session", "end", "--user", "bob@example.com"]).await;
        assert_eq!(sessions_now(&world, &root).await, 3);
    }

    async fn sessions_that_nobody_uses_leave_the_number(pair) {
        let (world, root) = start_of(Plan::default().env("GATEPOST_SESSION__IDLE_TIMEOUT", "30s"), pair).await;
        until("all sessions but one to be over", TIMEOUT, async || {
            assert_eq!(root.fetch(&world.url(APP, "/")).await.status, 200, "a use");
            (sessions_now(&world, &root).await == 1).then_some(())
        })
        .await;
    }

    async fn nobody_else_sees_the_pages(pair) {
        let (world, root) = start(pair).await;
        let path = path_of(&world, &root, "alice").await;
        let alice = world.signed_in("alice").await;
        for path in ["/admin/users", &path] {
            let stranger = page(&world, &world.browser(), path).await;
            assert_eq!((stranger.status, stranger.location().unwrap().path()), (303, "/login"));
            let person = page(&world, &alice, path).await;
            assert_eq!(person.status, 403, "{}", person.body);
            assert!(!person.body.contains("bob@example.com"));
        }
        world.cli(&["admin", "grant", "alice@example.com"]).await;
        assert_eq!(page(&world, &alice, &path).await.status, 200);
        world.cli(&["user", "disable", "root@example.com"]).await;
        assert_eq!(page(&world, &root, &path).await.status, 303);
    }

    async fn the_administrator_of_a_tenant_sees_the_people_of_the_tenant_alone(pair) {
        let (world, root) = start(pair).await;
        world.cli_all(&[
            ["tenant", "create", "github"].as_slice(),
            &["group", "add", "Owners", "alice@example.com"],
            &["tenant", "map", "Owners", "github", "--role", "admin"],
        ]).await;
        let (own, other) = (path_of(&world, &root, "alice").await, path_of(&world, &root, "bob").await);
        let alice = world.signed_in("alice").await;
        let list = page(&world, &alice, "/admin/users").await;
        assert_eq!(list.status, 200, "{}", list.body);
        assert!(list.body.contains("alice@example.com") && !list.body.contains("bob@"), "{}", list.body);
        assert!(!list.body.contains("state=admin"), "nor who administers the system: {}", list.body);
        assert_eq!(page(&world, &alice, "/admin/users?state=admin").await.status, 404);
        let details = page(&world, &alice, &own).await;
        assert_eq!(details.status, 200);
        for part in ["Owners", "System administrator", "MCP-GitHub"] {
            assert!(!details.body.contains(part), "{part}: {}", details.body);
        }
        assert_eq!(page(&world, &alice, &other).await.status, 404, "Bob does not exist for her");
        assert_eq!(page(&world, &root, &other).await.status, 200, "but he does");
        assert_eq!(alice.fetch(&world.url(APP, "/")).await.status, 200);
    }
}
