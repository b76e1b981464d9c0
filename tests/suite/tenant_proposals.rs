//! People propose tenants, and administrators of the system decide, on the pages and on the command line.

use crate::cli::sql;
use crate::world::{APP, PUBLIC, Pair, Plan, World, alice};
use gatepost_kit::client::{Answer, Client, Kind, Trip};
use gatepost_kit::entra::Person;
use gatepost_kit::process::until;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use std::time::Duration;

const FORM: &str = "/proposals/new";
const LIST: &str = "/admin/proposals";
const V1: (&str, &str) = ("version", "v1");
const SOON: Duration = Duration::from_secs(20);
const WARNING: &str = "Routers require this tenant already.";
const NO_PROPOSAL: &str = "00000000-0000-7000-8000-000000000001";

/// Alice and Bob are nobody in particular, Carol administers the tenant `github`, Root the system.
struct Desk {
    world: World,
    alice: Client,
    root: Client,
}

impl Desk {
    async fn open(pair: Pair) -> Self {
        Self::with(pair, true).await
    }

    async fn with(pair: Pair, self_service: bool) -> Self {
        let plan = Plan::default().env("GATEPOST_TENANTS__SELF_SERVICE", self_service.to_string());
        Self::of(plan, pair).await
    }

    async fn of(plan: Plan, pair: Pair) -> Self {
        let world = plan.start(pair).await;
        world.entra.add(alice());
        for name in ["bob", "carol", "root"] {
            world.entra.add(Person::named(name));
        }
        world
            .cli_all(&[
                &["admin", "grant", "root@example.com"],
                &["tenant", "create", "github"],
                &["tenant", "add-member", "github", "carol@example.com", "--role", "admin"],
            ])
            .await;
        let alice = world.signed_in("alice").await;
        world.entra.forget_browsers();
        let root = world.signed_in("root").await;
        Self { world, alice, root }
    }

    /// Somebody else at a browser of their own.
    async fn sign_in(&self, who: &str) -> Client {
        self.world.entra.forget_browsers();
        self.world.signed_in(who).await
    }

    fn url(&self, path: &str) -> String {
        self.world.url(PUBLIC, path)
    }

    async fn get(&self, browser: &Client, path: &str) -> Answer {
        browser.get(&self.url(path)).await
    }

    async fn propose(&self, browser: &Client, fields: &[(&str, &str)]) -> Trip {
        browser.submit(&self.url(FORM), &self.url(FORM), fields).await
    }

    /// Proposes a tenant; returns the id of the proposal.
    async fn proposed(&self, browser: &Client, tenant: &str) -> String {
        let trip = self
            .propose(browser, &[("id", tenant), ("name", "ACME <Corp>"), ("reason", "for <the> team")])
            .await;
        assert_eq!((trip.end().status, trip.end().url.path()), (200, "/"), "{}", trip.describe());
        let open = self.open_proposals().await;
        let found = open.iter().find(|proposal| proposal["tenant"] == tenant);
        found.unwrap_or_else(|| panic!("{open:?}"))["id"].as_str().unwrap().to_owned()
    }

    /// Sends a form of the page of a proposal.
    async fn decide(&self, browser: &Client, id: &str, verb: &str, fields: &[(&str, &str)]) -> Trip {
        let page = self.url(&format!("{LIST}/{id}"));
        browser.submit(&page, &format!("{page}/{verb}"), fields).await
    }

    /// What nobody has decided.
    async fn open_proposals(&self) -> Vec<Value> {
        serde_json::from_str(&self.world.cli(&["proposal", "list", "--json"]).await).unwrap()
    }

    async fn tenants(&self) -> Vec<String> {
        sql(&self.world, "SELECT id FROM tenants ORDER BY id").await
    }
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
    async fn who_proposes_administers_the_tenant_when_an_administrator_says_yes(pair) {
        let desk = Desk::open(pair).await;
        let account = desk.get(&desk.alice, "/").await.body;
        assert_shows(&account, &["Propose a tenant</a>", "href=\"/proposals/new\""], &["waiting"]);
        let form = desk.get(&desk.alice, FORM).await;
        assert_eq!(form.status, 200);
        assert_shows(&form.body, &["name=\"id\"", "name=\"name\"", "name=\"reason\"", "POST /api/v1/me/proposals"], &["/admin"]);
        let trip = desk.propose(&desk.alice, &[("id", " acme "), ("name", "ACME <Corp>"), ("reason", "for <the>\r\nteam")]).await;
        assert_eq!((trip.end().status, trip.end().url.path()), (200, "/"), "{}", trip.describe());
        assert_shows(&trip.end().body, &["You have proposed a tenant.", "acme", "ACME &#60;Corp&#62;", "waiting</span>"], &["Propose a tenant</a>"]);

        assert_shows(&desk.get(&desk.root, "/admin").await.body, &["1 proposed tenant", "href=\"/admin/proposals\""], &[]);
        let requests = desk.get(&desk.root, "/admin/requests").await.body;
        assert_shows(&requests, &["1 proposed tenant waits for an answer.", "href=\"/admin/proposals\""], &[]);
        let list = desk.get(&desk.root, LIST).await;
        assert_eq!(list.status, 200);
        assert_shows(&list.body, &["alice@example.com", "ACME &#60;Corp&#62;", "for &#60;the&#62; team", "GET /api/v1/proposals?state=open"], &[]);
        let open = desk.open_proposals().await;
        let id = open[0]["id"].as_str().unwrap();
        let path = format!("{LIST}/{id}");
        assert!(list.body.contains(&format!("href=\"{path}\"")), "{}", list.body);
        let page = desk.get(&desk.root, &path).await;
        assert_shows(&page.body, &["alice@example.com proposes the tenant acme", "waiting</span>", "value=\"v1\"", "Approve</button>", "Refuse</button>", "If-Match: \"v1\""], &[]);
        assert_eq!(desk.tenants().await, ["github"], "a proposal makes no tenant");

        let approved = desk.decide(&desk.root, id, "approve", &[V1]).await;
        assert_eq!((approved.end().status, approved.end().url.path()), (200, path.as_str()), "{}", approved.describe());
        assert_shows(&approved.end().body, &["The tenant is created.", "approved</span>", "by root@example.com", "href=\"/admin/tenants/acme\""], &["<form"]);
        desk.world.has_heard().await;
        let account = desk.get(&desk.alice, "/").await.body;
        assert_shows(&account, &["approved</span>", "href=\"/admin/tenants/acme\"", "Propose a tenant</a>", "Administration</a>"], &[]);
        let tenant = desk.get(&desk.alice, "/admin/tenants/acme").await;
        assert_eq!(tenant.status, 200);
        assert_shows(&tenant.body, &["ACME &#60;Corp&#62;", "alice@example.com"], &[]);
        assert_eq!(desk.get(&desk.alice, "/admin/tenants/acme/settings").await.status, 200);
        let shown: Value = serde_json::from_str(&desk.world.cli(&["tenant", "show", "acme", "--json"]).await).unwrap();
        assert_eq!((&shown["tier"], &shown["name"], &shown["state"]), (&"free".into(), &"ACME <Corp>".into(), &"active".into()));

        let twice = desk.decide(&desk.root, id, "approve", &[V1]).await;
        assert_eq!(twice.end().status, 412);
        assert_shows(&twice.end().body, &["You have decided this proposal already."], &["<form"]);
        assert_shows(&desk.get(&desk.root, LIST).await.body, &["Nobody waits for an answer."], &["alice@"]);
        assert_shows(&desk.get(&desk.root, &format!("{LIST}?state=approved")).await.body, &["acme", "by root@example.com"], &[]);
        assert_shows(&desk.get(&desk.root, "/admin").await.body, &[], &["proposed tenant"]);
        let audit = desk.get(&desk.root, "/admin/audit").await.body;
        assert_shows(&audit, &["approved the tenant acme that was proposed by", "proposed the tenant acme as"], &[]);
    }

    async fn who_approves_sees_where_routers_require_the_tenant_already(pair) {
        let plan = Plan::default().env("GATEPOST_TENANTS__SELF_SERVICE", "true");
        let plan = plan.route("vault.example.test", "tenant=acme&tenant=other").route("plain.example.test", "tenant=other");
        let desk = Desk::of(plan, pair).await;
        for host in ["vault.example.test", "plain.example.test"] {
            let refused = desk.alice.navigate(&desk.world.url(host, "/")).await;
            assert_eq!(refused.end().status, 403, "{}", refused.describe());
        }
        let id = desk.proposed(&desk.alice, "acme").await;
        let path = format!("{LIST}/{id}");
        until("the requirement to be stored", SOON, async || {
            desk.get(&desk.root, &path).await.body.contains(WARNING).then_some(())
        })
        .await;
        let page = desk.get(&desk.root, &path).await.body;
        assert_shows(&page, &["<li>vault.example.test</li>"], &["plain.example.test"]);
        let asked = desk.root.fetch(&desk.url(&format!("/api/v1/proposals/{id}"))).await.json();
        assert_eq!(asked["required_at"], json!(["vault.example.test"]), "{asked:#}");
        let listed = desk.root.fetch(&desk.url("/api/v1/proposals")).await.json();
        assert_eq!(listed["items"][0].get("required_at"), None, "{listed:#}");
        desk.decide(&desk.root, &id, "refuse", &[V1]).await;
        assert_shows(&desk.get(&desk.root, &path).await.body, &[], &[WARNING]);
        let unused = desk.proposed(&desk.alice, "unused").await;
        assert_shows(&desk.get(&desk.root, &format!("{LIST}/{unused}")).await.body, &["Approve</button>"], &[WARNING]);
    }

    async fn a_proposal_is_refused_with_a_note_or_without(pair) {
        let desk = Desk::open(pair).await;
        let id = desk.proposed(&desk.alice, "acme").await;
        let long = "x".repeat(281);
        let again = desk.decide(&desk.root, &id, "refuse", &[V1, ("answer", &long)]).await;
        assert_eq!(again.end().status, 422);
        assert_shows(&again.end().body, &["Shorten it to 280 characters.", &long, "aria-invalid=\"true\""], &[]);
        let refused = desk.decide(&desk.root, &id, "refuse", &[V1, ("answer", "Ask <IT>\r\nfirst.")]).await;
        assert_shows(&refused.end().body, &["The proposal is refused.", "Ask &#60;IT&#62; first.", "refused</span>"], &["<form"]);
        let account = desk.get(&desk.alice, "/").await.body;
        assert_shows(&account, &["refused</span>", "Answer: Ask &#60;IT&#62; first.", "Propose a tenant</a>"], &["/admin"]);
        let second = desk.proposed(&desk.alice, "acme").await;
        let refused = desk.decide(&desk.root, &second, "refuse", &[V1, ("answer", " ")]).await;
        assert_shows(&refused.end().body, &["The proposal is refused."], &["Answer</dt>"]);
        // On the command line.
        let third = desk.proposed(&desk.alice, "acme").await;
        let said = desk.world.cli(&["proposal", "refuse", &third, "--answer", "No.", "--dry-run"]).await;
        assert!(said.contains("would be refused") && said.contains("alice@example.com"), "{said}");
        assert_eq!(desk.open_proposals().await.len(), 1);
        let said = desk.world.cli(&["proposal", "refuse", &third]).await;
        assert!(said.contains("The tenant acme that alice@example.com proposed is refused."), "{said}");
        let again = desk.world.cli_refuses(&["proposal", "approve", &third]).await;
        assert!(again.contains("is refused already"), "{again}");
        let unknown = desk.world.cli_refuses(&["proposal", "approve", NO_PROPOSAL]).await;
        assert!(unknown.contains("there is no proposal") && unknown.contains("gatepost proposal list"), "{unknown}");
        let fourth = desk.proposed(&desk.alice, "acme").await;
        let said = desk.world.cli(&["proposal", "approve", &fourth]).await;
        assert!(said.contains("Tenant acme is created with the tier free. alice@example.com administers it."), "{said}");
        assert_eq!(desk.tenants().await, ["acme", "github"]);
    }

    async fn the_form_says_why_nothing_was_proposed_and_keeps_what_was_entered(pair) {
        let desk = Desk::open(pair).await;
        let (long, longer) = ("y".repeat(257), "x".repeat(281));
        let good = [("id", "acme"), ("name", "ACME"), ("reason", "why")];
        for (at, value, shown) in [
            (0, "", "is not a tenant id"),
            (0, "a b", "is not a tenant id"),
            (0, "a/b", "is not a tenant id"),
            (0, ".", "is not a tenant id"),
            (0, "..", "is not a tenant id"),
            (1, " ", "1 to 256 characters"),
            (1, &long, "1 to 256 characters"),
            (1, "a\u{202e}b", "1 to 256 characters"),
            (2, &longer, "Shorten it to 280 characters."),
        ] {
            let mut fields = good;
            fields[at].1 = value;
            let again = desk.propose(&desk.alice, &fields).await;
            assert_eq!(again.end().status, 422, "{fields:?}: {}", again.describe());
            assert_shows(&again.end().body, &[shown, "aria-invalid=\"true\""], &[]);
            for (place, (_, kept)) in good.iter().enumerate().filter(|(place, _)| *place != at) {
                let kept = if place == 2 { format!(">{kept}</textarea>") } else { format!("value=\"{kept}\"") };
                assert_shows(&again.end().body, &[&kept], &[]);
            }
        }
        let empty = desk.propose(&desk.alice, &[]).await;
        assert_eq!(empty.end().status, 422);
        assert_eq!(desk.open_proposals().await.len(), 0);

        let bob = desk.sign_in("bob").await;
        desk.proposed(&bob, "bobs").await;
        desk.world.cli(&["tenant", "create", "gone"]).await;
        desk.world.cli(&["tenant", "delete", "gone"]).await;
        let mut pages = Vec::new();
        for taken in ["github", "gone", "bobs"] {
            let refused = desk.propose(&desk.alice, &[("id", taken), ("name", "ACME"), ("reason", "why")]).await;
            assert_eq!(refused.end().status, 409, "{taken}: {}", refused.describe());
            assert_shows(&refused.end().body, &["This id is not available. Choose another one.", ">why</textarea>"], &[]);
            let number = refused.end().body.split("Request <code>").nth(1).unwrap().split('<').next().unwrap();
            pages.push(refused.end().body.replace(number, "NUMBER").replace(taken, "ID"));
        }
        pages.dedup();
        assert_eq!(pages.len(), 1, "the page does not tell which it is");
        desk.proposed(&desk.alice, "acme").await;
        let second = desk.propose(&desk.alice, &[("id", "other"), ("name", "Other")]).await;
        assert_eq!(second.end().status, 409);
        assert_shows(&second.end().body, &["You have proposed a tenant already.", "value=\"other\""], &[]);
        assert_eq!(desk.open_proposals().await.len(), 2);
    }

    async fn of_more_proposals_than_a_hundred_nothing_is_kept(pair) {
        let desk = Desk::open(pair).await;
        let later = gatepost_core::clock::Timestamp::now().unix() + 3600;
        for number in 0..100 {
            let user = format!("00000000-0000-7000-8000-{number:012}");
            sql(&desk.world, AssertSqlSafe(format!("INSERT INTO users (id, created_at) VALUES ('{user}', 1) RETURNING id"))).await;
            let row = format!("('00000000-0000-7000-9000-{number:012}', '{user}', 'crowd-{number}', 'x', 1, {later})");
            sql(&desk.world, AssertSqlSafe(format!("INSERT INTO tenant_proposals (id, user_id, tenant_id, name, created_at, expires_at) VALUES {row} RETURNING id"))).await;
        }
        let refused = desk.propose(&desk.alice, &[("id", "acme"), ("name", "ACME")]).await;
        assert_eq!(refused.end().status, 409);
        assert_shows(&refused.end().body, &["Too many proposals wait for an answer."], &[]);
        assert_eq!(desk.open_proposals().await.len(), 100);
        let list = desk.get(&desk.root, LIST).await;
        assert!(list.status == 200 && list.body.len() <= 60 * 1024 && list.body.contains("rel=\"next\""), "{}", list.body);
        desk.world.cli(&["proposal", "refuse", "00000000-0000-7000-9000-000000000000"]).await;
        desk.proposed(&desk.alice, "acme").await;
    }

    async fn nobody_but_administrators_of_the_system_sees_or_decides_a_proposal(pair) {
        let desk = Desk::open(pair).await;
        let id = desk.proposed(&desk.alice, "acme").await;
        let (carol, bob, stranger) = (desk.sign_in("carol").await, desk.sign_in("bob").await, desk.world.browser());
        let path = format!("{LIST}/{id}");
        for page in [LIST, &path] {
            let sent_away = desk.get(&stranger, page).await;
            assert_eq!((sent_away.status, sent_away.location().unwrap().path()), (303, "/login"), "{page}");
            for other in [&carol, &bob, &desk.alice] {
                let refused = desk.get(other, page).await;
                assert_eq!(refused.status, 403, "{page}");
                assert_shows(&refused.body, &[], &["acme", "for &#60;the&#62; team"]);
            }
        }
        for other in [&carol, &bob, &desk.alice] {
            for (verb, fields) in [("approve", &[V1][..]), ("refuse", &[V1, ("answer", "No.")])] {
                assert_eq!(desk.decide(other, &id, verb, fields).await.end().status, 403, "{verb}");
            }
        }
        for page in ["/admin", "/admin/requests"] {
            assert_shows(&desk.get(&carol, page).await.body, &[], &["/admin/proposals", "proposed tenant"]);
        }
        // Another site's page makes the administrator's browser send the whole form, and the person's.
        for (browser, path, fields) in [
            (&desk.root, format!("{path}/approve"), &[V1][..]),
            (&desk.root, format!("{path}/refuse"), &[V1]),
            (&bob, FORM.to_owned(), &[("id", "bobs"), ("name", "Bob's")]),
        ] {
            for from in [desk.world.url(APP, "/"), "https://evil.example/".to_owned()] {
                let forged = browser.request(Method::POST, &desk.url(&path)).kind(Kind::Navigation).from(&from).form(fields).send().await;
                assert_eq!(forged.status, 403, "{path} from {from}");
            }
        }
        let signed_out = stranger.request(Method::POST, &desk.url(FORM)).from(&desk.url("/")).form(&[("id", "x"), ("name", "X")]).send().await;
        assert_eq!((signed_out.status, signed_out.location().unwrap().path()), (303, "/login"));
        assert_eq!(desk.open_proposals().await.len(), 1, "nothing was proposed and nothing decided");
        assert_eq!(desk.tenants().await, ["github"]);
        // Who was an administrator a moment ago decides nothing more.
        desk.world.cli(&["admin", "grant", "bob@example.com"]).await;
        assert_eq!(desk.get(&bob, &path).await.status, 200);
        desk.world.cli(&["admin", "revoke", "bob@example.com"]).await;
        assert_eq!(desk.decide(&bob, &id, "approve", &[V1]).await.end().status, 403);
        assert_eq!(desk.tenants().await, ["github"]);
    }

    async fn what_is_outdated_unknown_or_cannot_be_any_more_creates_nothing(pair) {
        let desk = Desk::open(pair).await;
        let id = desk.proposed(&desk.alice, "acme").await;
        for fields in [&[][..], &[("version", "x")]] {
            assert_eq!(desk.decide(&desk.root, &id, "approve", fields).await.end().status, 400);
            assert_eq!(desk.decide(&desk.root, &id, "refuse", fields).await.end().status, 400);
        }
        for verb in ["approve", "refuse"] {
            let stale = desk.decide(&desk.root, &id, verb, &[("version", "v2")]).await;
            assert_eq!(stale.end().status, 412, "{verb}");
            assert_shows(&stale.end().body, &["another version of this proposal", "waiting</span>"], &[]);
            assert_eq!(desk.decide(&desk.root, NO_PROPOSAL, verb, &[V1]).await.end().status, 404);
        }
        for path in ["/admin/proposals?state=x", "/admin/proposals/x", &format!("{LIST}/{NO_PROPOSAL}")] {
            assert_eq!(desk.get(&desk.root, path).await.status, 404, "{path}");
        }
        desk.world.cli(&["user", "disable", "alice@example.com"]).await;
        let disabled = desk.decide(&desk.root, &id, "approve", &[V1]).await;
        assert_eq!(disabled.end().status, 409);
        assert_shows(&disabled.end().body, &["is disabled", "Enable the person first, or refuse the proposal."], &[]);
        let said = desk.world.cli_refuses(&["proposal", "approve", &id]).await;
        assert!(said.contains("is disabled") && said.contains("gatepost proposal refuse"), "{said}");
        desk.world.cli(&["user", "enable", "alice@example.com"]).await;
        desk.world.cli(&["tenant", "create", "acme"]).await;
        let taken = desk.decide(&desk.root, &id, "approve", &[V1]).await;
        assert_eq!(taken.end().status, 409, "{}", taken.describe());
        assert_shows(&taken.end().body, &["Refuse the proposal: then the person can propose another id."], &[]);
        let members = sql(&desk.world, "SELECT tenant_id FROM tenant_members WHERE tenant_id = 'acme'").await;
        assert_eq!((members.len(), desk.open_proposals().await.len()), (0, 1));
        desk.world.cli(&["user", "erase", "alice@example.com", "--confirm", "alice@example.com"]).await;
        assert_eq!(desk.decide(&desk.root, &id, "approve", &[V1]).await.end().status, 404);
        assert_eq!(desk.open_proposals().await.len(), 0);
    }

    async fn while_it_is_off_nothing_of_it_exists(pair) {
        let desk = Desk::with(pair, false).await;
        let mut tried = 0;
        for route in gatepost_web::routes().into_iter().filter(|route| route.path.contains("proposals")) {
            let path = route.path.replace("{id}", NO_PROPOSAL);
            let is_api = path.starts_with("/api/");
            for (browser, who) in [(&desk.world.browser(), "nobody"), (&desk.alice, "alice"), (&desk.root, "root")] {
                for method in ["GET", "HEAD", "POST", "PUT", "DELETE"] {
                    let ask = async |path: &str| {
                        let request = browser.request(method.parse().unwrap(), &desk.url(path)).from(&desk.url("/"));
                        let answer = request.header("content-type", "application/json").body("{}").send().await;
                        let allow = answer.header("allow").map(str::to_owned);
                        (answer.status, allow, answer.header("content-type").map(str::to_owned))
                    };
                    let beside = if is_api { "/api/v1/nothing" } else { "/nothing" };
                    let answer = ask(&path).await;
                    assert_eq!((answer.0, &answer), (404, &ask(beside).await), "{method} {path} {who}");
                    tried += 1;
                }
            }
        }
        assert!(tried >= 150, "{tried}");
        for (browser, page) in [(&desk.alice, "/"), (&desk.root, "/"), (&desk.root, "/admin"), (&desk.root, "/admin/requests")] {
            let shown = desk.get(browser, page).await;
            assert_eq!(shown.status, 200);
            assert_shows(&shown.body, &[], &["proposals", "Propose", "ropose a tenant"]);
        }
        for command in [&["proposal", "list"][..], &["proposal", "approve", NO_PROPOSAL], &["proposal", "refuse", NO_PROPOSAL]] {
            let said = desk.world.cli_refuses(command).await;
            assert!(said.contains("people may not propose tenants here") && said.contains("GATEPOST_TENANTS__SELF_SERVICE=true"), "{said}");
        }
    }
}
