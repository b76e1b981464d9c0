//! The pages on which administrators decide requests for access: who sees which, what the forms do, and what they refuse.

use super::{DEADLINE, FINANCE, TENANT, ask_for, world};
use crate::cli::sql;
use crate::world::{APP, PUBLIC, World};
use gatepost_kit::client::{Answer, Client, Kind, Trip};
use gatepost_kit::entra::Person;
use gatepost_kit::process::until;
use reqwest::Method;
use serde_json::Value;

const LIST: &str = "/admin/requests";
const V1: (&str, &str) = ("version", "v1");

/// Alice has asked for the group Finance and the tenant `github`. Root administers the system, Carol that tenant, Dave
/// another one.
struct Desk {
    world: World,
    alice: Client,
    root: Client,
    for_group: String,
    for_tenant: String,
}

impl Desk {
    async fn open(pair: crate::world::Pair) -> Self {
        let world = world(pair, false).await;
        for name in ["root", "carol", "dave"] {
            world.entra.add(Person::named(name));
        }
        world.cli(&["admin", "grant", "root@example.com"]).await;
        world.cli(&["tenant", "create", "other"]).await;
        for (who, tenant) in [("carol", "github"), ("dave", "other")] {
            world
                .cli(&["tenant", "add-member", tenant, &format!("{who}@example.com"), "--role", "admin"])
                .await;
        }
        let alice = world.signed_in("alice").await;
        ask_for(&world, &alice, FINANCE, &[("group", "Finance"), ("note", "for <the> audit")]).await;
        ask_for(&world, &alice, TENANT, &[("tenant", "github")]).await;
        let open: Vec<Value> =
            serde_json::from_str(&world.cli(&["request", "list", "--json"]).await).unwrap();
        let id = |at: usize| open[at]["id"].as_str().unwrap().to_owned();
        let (for_group, for_tenant) = (id(0), id(1));
        world.entra.forget_browsers();
        let root = world.signed_in("root").await;
        Self { world, alice, root, for_group, for_tenant }
    }

    /// Somebody else at a browser of their own.
    async fn sign_in(&self, who: &str) -> Client {
        self.world.entra.forget_browsers();
        self.world.signed_in(who).await
    }

    async fn get(&self, browser: &Client, path: &str) -> Answer {
        browser.get(&self.world.url(PUBLIC, path)).await
    }

    /// Sends a form of the page of a request.
    async fn decide(&self, browser: &Client, id: &str, verb: &str, fields: &[(&str, &str)]) -> Trip {
        let page = self.world.url(PUBLIC, &format!("{LIST}/{id}"));
        browser.submit(&page, &format!("{page}/{verb}"), fields).await
    }

    /// How many requests nobody has decided.
    async fn open_requests(&self) -> usize {
        super::open_requests(&self.world).await.len()
    }
}

/// The forms that a page sends: where to, and their markup.
fn forms(page: &str) -> Vec<(&str, &str)> {
    let after = page.split("<form method=\"post\" action=\"").skip(1);
    after.map(|form| form.split("</form>").next().unwrap().split_once('"').unwrap()).collect()
}

fn assert_shows(page: &str, parts: &[&str], not: &[&str]) {
    for part in parts {
        assert!(page.contains(part), "{part}: {page}");
    }
    for part in not {
        assert!(!page.contains(part), "{part}: {page}");
    }
}

both_pairs! {
    async fn an_administrator_grants_and_declines_on_the_page_and_the_person_reads_it(pair) {
        let desk = Desk::open(pair).await;
        assert_shows(&desk.get(&desk.root, "/admin").await.body, &["2 requests for access", "href=\"/admin/requests\""], &[]);
        let list = desk.get(&desk.root, LIST).await;
        assert_eq!(list.status, 200);
        assert_shows(&list.body, &["alice@example.com", "group Finance", "tenant github", "for &#60;the&#62; audit", "GET /api/v1/requests?state=open"], &[]);
        let path = format!("{LIST}/{}", desk.for_group);
        assert!(list.body.contains(&format!("href=\"{path}\"")), "{}", list.body);
        let page = desk.get(&desk.root, &path).await;
        assert_shows(
            &page.body,
            &["alice@example.com asks for group Finance", "for &#60;the&#62; audit", "waiting", "For 30 days", "Nobody but you.", "value=\"v1\"", "/grant</code>", "If-Match: \"v1\""],
            &["For good"],
        );

        for (verb, field, button) in [("grant", "name=\"end\"", "Grant</button>"), ("decline", "name=\"answer\"", "Decline</button>")] {
            let (_, form) = forms(&page.body).into_iter().find(|(action, _)| *action == format!("{path}/{verb}")).unwrap();
            assert_shows(form, &[field, button, "name=\"version\" value=\"v1\""], &[]);
        }

        let granted = desk.decide(&desk.root, &desk.for_group, "grant", &[V1, ("end", "8h")]).await;
        assert_eq!((granted.end().status, granted.end().url.path()), (200, path.as_str()), "{}", granted.describe());
        assert_shows(&granted.end().body, &["The access is granted.", "granted</span>", "by root@example.com"], &["<form"]);
        desk.world.has_heard().await;
        assert_eq!(desk.alice.navigate(&desk.world.url(FINANCE, "/")).await.end().status, 200);
        let until = sql(&desk.world, "SELECT CAST(until AS text) FROM manual_memberships WHERE until IS NOT NULL").await;
        let left = until[0].parse::<i64>().unwrap() - gatepost_core::clock::Timestamp::now().unix();
        assert!((7 * 3600..=8 * 3600).contains(&left), "8 hours, not {left} seconds");

        let twice = desk.decide(&desk.root, &desk.for_group, "grant", &[V1, ("end", "8h")]).await;
        assert_eq!(twice.end().status, 412);
        assert_shows(&twice.end().body, &["You have decided this request already."], &["<form"]);

        let declined = desk.decide(&desk.root, &desk.for_tenant, "decline", &[V1, ("answer", "Ask <Legal>\r\nfirst.")]).await;
        assert_shows(&declined.end().body, &["The request is declined.", "Ask &#60;Legal&#62; first."], &["<form"]);
        let account = desk.get(&desk.alice, "/").await.body;
        assert_shows(&account, &["Granted until", "Answer: Ask &#60;Legal&#62; first."], &["Withdraw"]);
        assert_shows(&desk.get(&desk.root, "/admin").await.body, &[], &["for access"]);
        assert_shows(&desk.get(&desk.root, LIST).await.body, &["Nobody waits for an answer."], &["alice@"]);
        for (state, shown) in [("granted", "group Finance"), ("declined", "tenant github")] {
            let list = desk.get(&desk.root, &format!("{LIST}?state={state}")).await.body;
            assert_shows(&list, &[shown, "by root@example.com"], &[]);
        }
        for path in ["/admin/requests?state=x", "/admin/requests/x", "/admin/requests/00000000-0000-7000-8000-000000000000"] {
            assert_eq!(desk.get(&desk.root, path).await.status, 404, "{path}");
        }
    }

    async fn nobody_outside_the_scope_sees_or_decides_a_request(pair) {
        let desk = Desk::open(pair).await;
        let (carol, dave, bob) = (desk.sign_in("carol").await, desk.sign_in("dave").await, desk.sign_in("bob").await);
        let (group, tenant) = (format!("{LIST}/{}", desk.for_group), format!("{LIST}/{}", desk.for_tenant));
        for path in [LIST, &group, &tenant] {
            let stranger = desk.get(&desk.world.browser(), path).await;
            assert_eq!((stranger.status, stranger.location().unwrap().path()), (303, "/login"), "{path}");
            for nobody in [&bob, &desk.alice] {
                let refused = desk.get(nobody, path).await;
                assert_eq!(refused.status, 403, "{path}");
                assert_shows(&refused.body, &[], &["Finance", "for &#60;the&#62; audit"]);
            }
        }
        assert_shows(&desk.get(&carol, LIST).await.body, &["tenant github"], &["Finance"]);
        assert_shows(&desk.get(&carol, "/admin").await.body, &["1 request for access"], &[]);
        assert_shows(&desk.get(&dave, "/admin").await.body, &[], &["for access"]);
        assert_shows(&desk.get(&dave, LIST).await.body, &["Nobody waits for an answer."], &["alice@"]);
        for (browser, id) in [(&carol, &desk.for_group), (&dave, &desk.for_group), (&dave, &desk.for_tenant)] {
            assert_eq!(desk.get(browser, &format!("{LIST}/{id}")).await.status, 404);
            for (verb, fields) in [("grant", [V1, ("end", "8h")]), ("decline", [V1, ("answer", "No.")])] {
                assert_eq!(desk.decide(browser, id, verb, &fields).await.end().status, 404, "{verb}");
            }
        }
        for nobody in [&bob, &desk.alice] {
            let own = desk.decide(nobody, &desk.for_tenant, "grant", &[V1, ("end", "8h")]).await;
            assert_eq!(own.end().status, 403);
        }
        // Another site's page makes the administrator's browser send the whole form.
        let url = desk.world.url(PUBLIC, &format!("{group}/grant"));
        let forged = desk.root.request(Method::POST, &url).kind(Kind::Navigation).from(&desk.world.url(APP, "/")).form(&[V1, ("end", "8h")]).send().await;
        assert_eq!(forged.status, 403);
        assert_eq!(desk.open_requests().await, 2, "nothing was decided");

        let page = desk.get(&carol, &tenant).await.body;
        assert_shows(&page, &["alice@example.com", "The administrators of the system may decide too."], &["root@example.com", "/admin/users/"]);
        let seen = desk.get(&desk.root, &tenant).await.body;
        assert_shows(&seen, &["Administrators of the tenant", "carol@example.com", "/admin/users/"], &["dave@example.com"]);
        let granted = desk.decide(&carol, &desk.for_tenant, "grant", &[V1, ("end", "1d")]).await;
        assert_shows(&granted.end().body, &["The access is granted."], &[]);
        desk.world.has_heard().await;
        assert_eq!(desk.alice.navigate(&desk.world.url(TENANT, "/")).await.end().status, 200);
        // Who lost the role a moment ago decides nothing more.
        desk.world.cli(&["tenant", "remove-member", "github", "carol@example.com"]).await;
        assert_eq!(desk.get(&carol, &tenant).await.status, 403);
    }

    async fn a_form_says_what_is_wrong_and_a_decided_request_stays_as_it_is(pair) {
        let desk = Desk::open(pair).await;
        let long = "x".repeat(281);
        let past = [V1, ("end", "other"), ("at", "2020-01-01T00:00")];
        for (verb, fields, shown) in [
            ("grant", vec![V1], "Choose how long."),
            ("grant", vec![V1, ("end", "never")], "Choose how long."),
            ("grant", vec![V1, ("end", "other"), ("at", "x")], "Enter a date and a time"),
            ("grant", past.to_vec(), "This time has passed."),
            ("decline", vec![V1], "Tell the person why."),
            ("decline", vec![V1, ("answer", " \r\n")], "Tell the person why."),
            ("decline", vec![V1, ("answer", &long)], "Shorten it to 280 characters."),
        ] {
            let again = desk.decide(&desk.root, &desk.for_group, verb, &fields).await;
            assert_eq!(again.end().status, 422, "{verb} {fields:?}: {}", again.describe());
            assert_shows(&again.end().body, &[shown, "aria-invalid=\"true\""], &[]);
        }
        let kept = desk.decide(&desk.root, &desk.for_group, "decline", &[V1, ("answer", &long)]).await;
        assert!(kept.end().body.contains(&long), "what was typed stays");
        for version in [&[("end", "8h")][..], &[("version", "x"), ("end", "8h")]] {
            assert_eq!(desk.decide(&desk.root, &desk.for_group, "grant", version).await.end().status, 400);
        }
        for version in [&[("answer", "No.")][..], &[("version", "x"), ("answer", "No.")]] {
            assert_eq!(desk.decide(&desk.root, &desk.for_group, "decline", version).await.end().status, 400);
        }
        for (verb, field) in [("grant", ("end", "8h")), ("decline", ("answer", "No."))] {
            let newer = desk.decide(&desk.root, &desk.for_group, verb, &[("version", "v2"), field]).await;
            assert_eq!(newer.end().status, 412, "{verb}");
            assert_shows(&newer.end().body, &["another version of this request", "waiting</span>"], &[]);
        }
        assert_eq!(desk.open_requests().await, 2);

        desk.world.cli(&["request", "decline", &desk.for_group, "--answer", "No."]).await;
        for version in ["v1", "v2"] {
            let late = desk.decide(&desk.root, &desk.for_group, "grant", &[("version", version), ("end", "8h")]).await;
            assert_eq!(late.end().status, 412, "{}", late.describe());
            assert_shows(&late.end().body, &["Somebody else decided this request first.", "declined</span>", "No.", "by cli:"], &["<form"]);
        }
        let refused = desk.alice.navigate(&desk.world.url(FINANCE, "/")).await;
        assert_eq!(refused.end().status, 403, "what was declined stays declined");
        let withdrawn = desk.alice.submit(&desk.world.url(PUBLIC, "/"), &desk.world.url(PUBLIC, "/requests/withdraw"), &[("request", &desk.for_tenant)]).await;
        assert_eq!(withdrawn.end().status, 200);
        let late = desk.decide(&desk.root, &desk.for_tenant, "grant", &[V1, ("end", "8h")]).await;
        assert_eq!(late.end().status, 412);
        assert_shows(&late.end().body, &["The person withdrew this request", "withdrawn</span>"], &["<form"]);
        // A request goes with its group.
        let again = desk.world.cli(&["request", "list", "--json"]).await;
        assert_eq!(serde_json::from_str::<Vec<Value>>(&again).unwrap(), Vec::<Value>::new());
        desk.world.cli(&["group", "delete", "Finance"]).await;
        until("the request to go", DEADLINE, async || {
            let page = desk.get(&desk.root, &format!("{LIST}/{}", desk.for_group)).await;
            (page.status == 404).then_some(())
        })
        .await;
    }
}
