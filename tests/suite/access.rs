//! Who can open something and what somebody can open, while `serve` runs: what `/verify` notes about routers, and what the
//! command line, the API and the pages say.

use crate::answers::Asked;
use crate::cli::sql;
use crate::explain::{PEOPLE, world};
use crate::world::{APP, MCP_GITHUB, PUBLIC, World, run_command};
use gatepost_kit::client::{Answer, Client};
use gatepost_kit::process::until;
use reqwest::Method;
use serde_json::Value;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(20);

/// What was noted: `host query`.
async fn noted(world: &World) -> Vec<String> {
    sql(world, "SELECT host || ' ' || query FROM requirements ORDER BY 1").await
}

/// Waits until the requests so far are noted.
async fn wait_for(world: &World, wanted: &[&str]) {
    let is_there = async || {
        let found = noted(world).await;
        wanted.iter().all(|pair| found.iter().any(|own| own == pair)).then_some(())
    };
    until("requirements to be noted", SOON, is_there).await;
}

both_pairs! {
    async fn what_routers_require_is_noted_from_requests_with_a_session_alone(pair) {
        let world = world(pair).await;
        let browser = world.signed_in("bob").await;
        let ask = |requirement: &str| Asked::navigation("/x").requiring(requirement);
        // Nobody is signed in; the cookie is not one; the host is not protected; the requirement is none; Gatepost answers itself.
        assert_eq!(ask("group=Stranger").of(&world).await.status, 302, "nobody");
        assert_eq!(ask("group=Forged").with("Cookie", "__Host-gatepost=forged").of(&world).await.status, 302, "forged");
        assert_eq!(ask("group=Elsewhere").by(&browser).with("X-Forwarded-Host", "elsewhere.example.net").of(&world).await.status, 403, "unprotected");
        assert_eq!(ask("grup=Wrong").by(&browser).of(&world).await.status, 500, "misconfigured");
        assert_eq!(ask(&format!("group={}", "x".repeat(250)).repeat(10).replace("xgroup", "x&group")).by(&browser).of(&world).await.status, 403, "long");
        Asked::navigation("/.gatepost/").requiring("group=Own").by(&browser).of(&world).await;
        // Bob may not pass, and passes.
        assert_eq!(ask("group=Missing").by(&browser).of(&world).await.status, 403, "missing");
        assert_eq!(ask("max_age=86400").by(&browser).of(&world).await.status, 200);
        wait_for(&world, &["app.example.test ", "app.example.test group=Missing", "app.example.test max_age=86400"]).await;
        assert_eq!(noted(&world).await.len(), 3, "{:?}", noted(&world).await);
        let seen = sql(&world, "SELECT CAST(seen_at AS text) FROM requirements ORDER BY 1").await;
        assert!(seen.iter().all(|at| at.parse::<i64>().is_ok_and(|at| at > 1_700_000_000)), "{seen:?}");
    }
}

/// What the command prints as JSON.
async fn asked(world: &World, arguments: &[&str]) -> Value {
    let text = world.cli(&[&["access"], arguments, &["--json"]].concat()).await;
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {text}"))
}

/// `address: the first way`, sorted.
fn people(answer: &Value) -> Vec<String> {
    let items = answer["items"].as_array().unwrap().iter();
    let mut people: Vec<String> = items
        .map(|person| {
            format!("{}: {}", person["email"].as_str().unwrap(), person["ways"][0]["by"].as_str().unwrap())
        })
        .collect();
    people.sort();
    people
}

both_pairs! {
    async fn the_command_says_who_can_open_something_and_why(pair) {
        let world = world(pair).await;
        for who in PEOPLE {
            world.signed_in(who).await;
        }
        world.cli(&["group", "add", "MCP-GitHub", "bob@example.com", "--until", "2100-01-01T00:00Z"]).await;
        let text = world.cli(&["access", "--requirement", "group=MCP-GitHub&group=Misspelt"]).await;
        let linked = format!("group MCP-GitHub, through entra:{MCP_GITHUB}, linked by an administrator");
        for part in ["alice@example.com", &linked, "group MCP-GitHub, added by an administrator (cli:", "UTC) until 2100-01-01 00:00 UTC", "There is no group Misspelt: nobody is in it."] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        assert!(!text.contains("carol"), "{text}");
        let answer = asked(&world, &["--tenant", "github"]).await;
        assert_eq!(people(&answer), ["alice@example.com: group", "bob@example.com: group", "carol@example.com: admin", "dave@example.com: admin", "erin@example.com: admin"]);
        let of = |who: &str| answer["items"].as_array().unwrap().iter().find(|person| person["email"] == format!("{who}@example.com")).unwrap()["ways"][0].clone();
        assert_eq!((&of("alice")["link"]["external_id"], &of("alice")["tenants"]["github"]), (&MCP_GITHUB.into(), &"viewer".into()));
        assert_eq!((&of("bob")["source"], &of("bob")["until"]), (&"manual".into(), &"2100-01-01T00:00:00Z".into()));
        assert!(of("bob")["set_by"].as_str().unwrap().starts_with("cli:"), "{answer:#}");
        assert_eq!((&of("dave")["reason"], &of("erin")["reason"]), (&"role entra:Boss".into(), &Value::Null));
        assert_eq!(people(&asked(&world, &["--requirement", ""]).await).len(), 5);

        let csv = world.cli(&["access", "--tenant", "github", "--csv"]).await;
        let mut rows: Vec<&str> = csv.split("\r\n").filter(|row| !row.is_empty()).collect();
        assert_eq!(rows.remove(0), "id,email,name,last_sign_in_at,way,until,set_by,set_at,requirements,kind,last_used_at");
        assert_eq!(rows.len(), 5);
        assert!(rows.iter().any(|row| row.contains("bob@example.com") && row.contains(",2100-01-01T00:00:00Z,cli:")), "{csv}");

        world.cli(&["user", "disable", "alice@example.com"]).await;
        assert_eq!(people(&asked(&world, &["--requirement", "group=MCP-GitHub"]).await), ["bob@example.com: group"]);
        let refused = world.cli_refuses(&["access", "--requirement", "grup=A"]).await;
        assert!(refused.contains("the requirement is not valid") && refused.contains("unknown requirement \"grup\"") && refused.contains("/verify?"), "{refused}");
        let refused = world.cli_refuses(&["access", "--tenant", "none"]).await;
        assert!(refused.contains("there is no tenant none"), "{refused}");
    }

    async fn the_command_knows_what_the_routers_of_a_host_require(pair) {
        let world = world(pair).await;
        let alice = world.signed_in("alice").await;
        world.signed_in("bob").await;
        let url = world.url(APP, "/x?secret=1");
        wait_for(&world, &["app.example.test "]).await;
        assert_eq!(people(&asked(&world, &["--url", &url]).await), ["alice@example.com: sign_in", "bob@example.com: sign_in", "erin@example.com: sign_in"]);
        Asked::navigation("/x").requiring("group=MCP-GitHub").by(&alice).of(&world).await;
        wait_for(&world, &["app.example.test group=MCP-GitHub"]).await;
        let text = world.cli(&["access", "--url", &url]).await;
        for part in ["signing in is enough", "meets a session alone, group=MCP-GitHub", "The routers of app.example.test require: a session alone, group=MCP-GitHub"] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        assert!(!text.contains("secret"), "{text}");
        let answer = asked(&world, &["--url", &url]).await;
        assert_eq!(answer["requirements"][1]["query"], "group=MCP-GitHub");
        let other = world.cli(&["access", "--url", &world.url("unseen.example.test", "/")]).await;
        assert!(other.contains("Nobody can open it.") && other.contains("it is not known what its routers require"), "{other}");
        let refused = world.cli_refuses(&["access", "--url", "https://elsewhere.example.net/"]).await;
        assert!(refused.contains("elsewhere.example.net is not a protected host") && refused.contains("GATEPOST_HOSTS"), "{refused}");

        let text = world.cli(&["access", "--user", "alice@example.com"]).await;
        let origin = world.url(APP, "");
        for part in [origin.trim_end_matches('/'), "a session alone", "group MCP-GitHub, through entra:", "github", "viewer", "It is not known what *.example.org"] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        let bob = asked(&world, &["--user", "bob@example.com"]).await;
        assert_eq!((&bob["hosts"][0]["unmet"], &bob["is_admin"], &bob["tenants"]), (&1.into(), &false.into(), &serde_json::json!([])));
        world.cli(&["user", "disable", "bob@example.com"]).await;
        let text = world.cli(&["access", "--user", "bob@example.com"]).await;
        assert!(text.starts_with("bob@example.com can open nothing: an administrator disabled the person."), "{text}");
    }
}

both_pairs! {
    async fn an_explanation_says_which_command_lets_the_person_in(pair) {
        let world = world(pair).await;
        let bob = world.signed_in("bob").await;
        let url = world.url(APP, "/x");
        let explain = async |requirement: &str| {
            let text = world.cli(&["explain", "--user", "bob@example.com", "--url", &url, "--require", requirement, "--json"]).await;
            serde_json::from_str::<Value>(&text).unwrap()["remedy"].clone()
        };
        let commands = |remedy: &Value| -> Vec<Vec<String>> {
            let command = |grant: &Value| grant["command"].as_str().unwrap().to_owned();
            remedy["steps"].as_array().unwrap().iter().map(|step| step.as_array().unwrap().iter().map(command).collect()).collect()
        };
        assert_eq!(explain("").await, Value::Null);
        let add = "gatepost group add MCP-GitHub bob@example.com";
        let remedy = explain("group=New+one&group=MCP-GitHub&tenant=github").await;
        assert_eq!(commands(&remedy), [[add, "gatepost group add 'New one' bob@example.com"]], "the group opens the tenant too");
        assert_eq!((&remedy["steps"][0][0]["is_new"], &remedy["steps"][0][1]["is_new"]), (&false.into(), &true.into()));
        assert_eq!(commands(&explain("tenant=github").await), [["gatepost tenant add-member github bob@example.com"]]);
        assert_eq!(commands(&explain("admin=true&tenant=github").await), [["gatepost admin grant bob@example.com"]]);
        let remedy = explain("tenant=none").await;
        assert_eq!((commands(&remedy).len(), remedy["obstacles"][0].as_str().unwrap().contains("gatepost tenant create none")), (0, true));

        let refused = Asked::fetch("/x").with("Accept", "application/json").requiring("group=MCP-GitHub").by(&bob).of(&world).await;
        let number = refused.json()["request_id"].as_str().unwrap().to_owned();
        let is_stored = async || {
            let (code, text, _) = run_command(&world.builder, &["explain", "--request", &number]).await;
            (code == Some(0)).then_some(text)
        };
        let text = until("the refusal to be stored", SOON, is_stored).await;
        let told = format!("To let the person in (with --for 8h or --until TIME it ends by itself):\n  {add}\n");
        assert!(text.contains(&told), "{text}");
        world.cli(&["group", "add", "MCP-GitHub", "bob@example.com", "--for", "8h"]).await;
        assert_eq!(Asked::navigation("/x").requiring("group=MCP-GitHub").by(&bob).of(&world).await.status, 200);
        assert_eq!(explain("group=MCP-GitHub").await, Value::Null);
        assert!(!world.cli(&["explain", "--request", &number]).await.contains("To let the person in"));
    }
}

/// A page of the public host.
async fn page(world: &World, browser: &Client, path: &str) -> Answer {
    browser.get(&world.url(PUBLIC, path)).await
}

/// The number of a refusal of Bob, when it is stored.
async fn refused_bob(world: &World, bob: &Client, requirement: &str) -> String {
    let asked = Asked::fetch("/secret").with("Accept", "application/json").requiring(requirement);
    let number = asked.by(bob).of(world).await.json()["request_id"].as_str().unwrap().to_owned();
    let is_stored = async || {
        (run_command(&world.builder, &["explain", "--request", &number]).await.0 == Some(0)).then_some(())
    };
    until("the refusal to be stored", SOON, is_stored).await;
    number
}

both_pairs! {
    async fn the_page_shows_who_can_open_something_and_why(pair) {
        let world = world(pair).await;
        let alice = world.signed_in("alice").await;
        world.signed_in("bob").await;
        world.cli(&["group", "add", "MCP-GitHub", "bob@example.com", "--until", "2100-01-01T00:00Z"]).await;
        let carol = world.signed_in("carol").await;
        let empty = page(&world, &carol, "/admin/access").await;
        assert!(empty.status == 200 && empty.body.contains("<h1>Access: who can open what</h1>") && !empty.body.contains("alice@"), "{}", empty.body);
        let shown = page(&world, &carol, "/admin/access?by=requirement&of=group%3DMCP-GitHub%26group%3DMisspelt").await;
        for part in ["alice@example.com</a>", "through entra:", "bob@example.com</a>", "added by an administrator (cli:", "1 January 2100", "There is no group Misspelt", "GET /api/v1/access?requirement=group%3DMCP-GitHub"] {
            assert!(shown.body.contains(part), "{part}\n{}", shown.body);
        }
        assert!(!shown.body.contains("carol@example.com</a>"), "{}", shown.body);
        let csv = page(&world, &carol, "/admin/access.csv?by=requirement&of=group%3DMCP-GitHub").await;
        assert_eq!((csv.status, csv.header("content-type")), (200, Some("text/csv; charset=utf-8")));
        assert_eq!((csv.header("content-disposition"), csv.header("cache-control")), (Some("attachment; filename=\"access.csv\""), Some("no-store")));
        assert_eq!(csv.body, world.cli(&["access", "--requirement", "group=MCP-GitHub", "--csv"]).await);
        wait_for(&world, &["app.example.test "]).await;
        let host = page(&world, &carol, &format!("/admin/access?by=url&of={}", world.url(APP, "/x").replace(':', "%3A"))).await;
        assert!(host.body.contains("signing in is enough") && host.body.contains("a session alone, seen"), "{}", host.body);
        for (query, status, part) in [
            ("by=url&of=app.example.test", 400, "This is not a web address"),
            ("by=url&of=MCP-GitHub", 400, "enter group= before its name"),
            ("by=url&of=https%3A%2F%2Felsewhere.example.net", 404, "is not a protected host"),
            ("by=requirement&of=grup%3DA", 400, "Unknown requirement"),
            ("by=tenant&of=a%2Fb", 400, "Enter the id of a tenant"),
            ("by=tenant&of=none", 404, "There is no such tenant"),
            ("by=else&of=x", 404, ""),
            ("by=tenant&of=github&after=%00", 404, ""),
        ] {
            let answer = page(&world, &carol, &format!("/admin/access?{query}")).await;
            assert!(answer.status == status && answer.body.contains(part), "{query}: {} {}", answer.status, answer.body);
        }
        // Somebody who administers nothing, and somebody who administers a tenant.
        for path in ["/admin/access", "/admin/access.csv?by=tenant&of=github", "/admin/refusals", "/admin/refusals?number=019ab8c5d2a37e6f9b0c1d2e3f405162"] {
            assert_eq!(page(&world, &alice, path).await.status, 403, "{path}");
        }
        world.cli(&["tenant", "add-member", "github", "alice@example.com", "--role", "admin"]).await;
        let own = page(&world, &alice, "/admin/access?by=tenant&of=github").await;
        assert!(own.status == 200 && own.body.contains("alice@example.com</a>") && !own.body.contains("group MCP-GitHub"), "{}", own.body);
        assert!(!own.body.contains("Somebody was refused?"), "refusals are for administrators of the system: {}", own.body);
        assert!(page(&world, &carol, "/admin/access").await.body.contains("Somebody was refused?"));
        let own = page(&world, &alice, "/admin/requests").await;
        assert!(own.status == 200 && !own.body.contains("Somebody was refused?"), "{}", own.body);
        assert!(page(&world, &carol, "/admin/requests").await.body.contains("href=\"/admin/refusals\""));
        // What is found for administrators of the system leads others nowhere.
        for search in ["019ab8c5d2a37e6f9b0c1d2e3f405162", "app.example.test"] {
            assert_eq!(page(&world, &alice, &format!("/admin?q={search}")).await.status, 200, "{search}");
        }
        let csv = page(&world, &alice, "/admin/access.csv?by=tenant&of=github").await;
        assert!(csv.body.contains("alice@example.com") && !csv.body.contains("MCP-GitHub"), "{}", csv.body);
        let refused = page(&world, &alice, "/admin/access?by=requirement&of=group%3DMCP-GitHub").await;
        assert!(refused.status == 403 && !refused.body.contains("bob@"), "{}", refused.body);
        assert_eq!(page(&world, &alice, "/admin/access.csv?by=requirement&of=group%3DMCP-GitHub").await.status, 404);
    }

    async fn the_page_of_a_refusal_grants_exactly_what_is_missing(pair) {
        let world = world(pair).await;
        let (alice, bob) = (world.signed_in("alice").await, world.signed_in("bob").await);
        let carol = world.signed_in("carol").await;
        let number = refused_bob(&world, &bob, "group=MCP-GitHub").await;
        let found = page(&world, &carol, &format!("/admin/refusals?number={number}")).await;
        let path = format!("/admin/refusals/{number}");
        assert_eq!((found.status, found.location().unwrap().path()), (303, path.as_str()));
        let spaced = format!("Request+{}+{}", &number[..8], &number[8..]);
        for search in [format!("/admin?q={number}"), format!("/admin?q={spaced}"), format!("/admin/refusals?number={spaced}")] {
            let found = page(&world, &carol, &search).await;
            assert_eq!((found.status, found.location().map(|to| to.path().to_owned())), (303, Some(path.clone())), "{search}: {}", found.body);
        }
        for of in ["app.example.test", "app.example.test/secret", "https://app.example.test/"] {
            let found = page(&world, &carol, &format!("/admin?q={}", of.replace('/', "%2F"))).await;
            assert_eq!((found.status, found.location().map(|to| to.path().to_owned())), (303, Some("/admin/access".to_owned())), "{of}: {}", found.body);
            let answer = carol.get(found.location().unwrap().as_str()).await;
            assert!(answer.status == 200 && answer.body.contains("app.example.test"), "{of}: {}", answer.body);
        }
        assert_eq!(page(&world, &carol, "/admin?q=carol%40example.com").await.status, 200);
        let unknown = page(&world, &carol, "/admin/refusals/019ab8c5d2a37e6f9b0c1d2e3f405162").await;
        for part in ["No refusal has this number", "more than 7 days ago", "019ab8c5d2a37e6f9b0c1d2e3f405162", "href=\"/admin/users\""] {
            assert!(unknown.status == 404 && unknown.body.contains(part), "{part}: {}", unknown.body);
        }
        for query in ["", "?hours=24&host=app.example.test&reason=group_missing", "?number=+"] {
            let list = page(&world, &carol, &format!("/admin/refusals{query}")).await;
            assert_eq!(list.status, 200, "{query}: {}", list.body);
            for part in [">bob@example.com</a>", "lacks ", "MCP-GitHub", &format!("href=\"{path}\""), "host=app.example.test", "reason=group_missing"] {
                assert!(list.body.contains(part), "{query} {part}: {}", list.body);
            }
        }
        let hers = format!("?user={}", world.cli(&["user", "show", "carol@example.com", "--json"]).await.split("\"id\":").nth(1).unwrap().split('"').nth(1).unwrap());
        for query in [hers.as_str(), "?host=other.example.test", "?reason=admin_missing", "?user=00000000-0000-4000-8000-000000000000", "?after=x"] {
            let list = page(&world, &carol, &format!("/admin/refusals{query}")).await;
            assert!(list.status == 200 && list.body.contains("Nobody was refused."), "{query}: {}", list.body);
        }
        for query in ["?hours=0", "?hours=169", "?hours=x", "?user=bob", "?host=a%00", "?reason=%00", "?after=%00"] {
            assert_eq!(page(&world, &carol, &format!("/admin/refusals{query}")).await.status, 404, "{query}");
        }
        let wrong = page(&world, &carol, "/admin/refusals?number=%3Cimg%3E").await;
        assert!(wrong.status == 422 && wrong.body.contains("not the number of a request") && !wrong.body.contains("<img"), "{}", wrong.body);
        let bobs = page(&world, &carol, &format!("/admin/users/{}", world.cli(&["user", "show", "bob@example.com", "--json"]).await.split("\"id\":").nth(1).unwrap().split('"').nth(1).unwrap())).await;
        assert!(bobs.body.contains(&format!("href=\"{path}\" aria-label=\"Why")), "{}", bobs.body);
        let shown = page(&world, &carol, &path).await;
        for part in ["Let bob@example.com in", "It still does not pass.", "Add to the group MCP-GitHub", "value=\"group:MCP-GitHub\"", "group=MCP-GitHub", "/secret", "/api/v1/explain"] {
            assert!(shown.body.contains(part), "{part}\n{}", shown.body);
        }
        let post = async |browser: &Client, fields: &[(&str, &str)]| {
            let request = browser.request(Method::POST, &world.url(PUBLIC, &format!("{path}/grant")));
            request.from(&world.url(PUBLIC, &path)).form(fields).send().await
        };
        let groups = async || world.cli(&["group", "members", "MCP-GitHub"]).await;
        // Nothing but what is missing, nobody but an administrator, and no end that has passed.
        for (fields, status) in [
            (&[("step0", "group:MCP-Admin"), ("end", "1d"), ("at", "")][..], 409),
            (&[("step0", "admin"), ("end", "1d"), ("at", "")], 409),
            (&[("step0", "group:MCP-GitHub"), ("step1", "admin"), ("end", "1d"), ("at", "")], 409),
            (&[("end", "1d"), ("at", "")], 409),
            (&[("step0", "group:MCP-GitHub"), ("end", "other"), ("at", "2020-01-01T00:00")], 400),
            (&[("step0", "group:MCP-GitHub"), ("end", "for ever")], 404),
        ] {
            let answer = post(&carol, fields).await;
            assert_eq!(answer.status, status, "{fields:?}: {}", answer.body);
        }
        let good = [("step0", "group:MCP-GitHub"), ("end", "1d"), ("at", "")];
        assert_eq!(post(&alice, &good).await.status, 403);
        world.cli(&["tenant", "add-member", "github", "alice@example.com", "--role", "admin"]).await;
        assert_eq!(post(&alice, &good).await.status, 403, "an administrator of a tenant");
        assert_eq!(page(&world, &alice, &path).await.status, 403);
        assert!(!groups().await.contains("bob@"), "{}", groups().await);

        let granted = post(&carol, &good).await;
        assert_eq!((granted.status, granted.location().unwrap().query()), (303, Some("done=granted")));
        assert!(groups().await.contains("bob@example.com"));
        world.has_heard().await;
        assert_eq!(Asked::navigation("/secret").requiring("group=MCP-GitHub").by(&bob).of(&world).await.status, 200);
        let fixed = page(&world, &carol, &format!("{path}?done=granted")).await;
        assert!(fixed.body.contains("It would pass.") && fixed.body.contains("It was granted, and counts") && !fixed.body.contains("Let bob@"), "{}", fixed.body);
        let answer = asked(&world, &["--requirement", "group=MCP-GitHub"]).await;
        let way = answer["items"].as_array().unwrap().iter().find(|person| person["email"] == "bob@example.com").unwrap()["ways"][0].clone();
        assert!(way["set_by"] == "carol@example.com" && way["until"].is_string(), "{way}");
        assert_eq!(post(&carol, &good).await.status, 409, "nothing is missing any more");

        // A tenant, an administrator, and what cannot be given.
        let number = refused_bob(&world, &bob, "tenant=none").await;
        let shown = page(&world, &carol, &format!("/admin/refusals/{number}")).await;
        assert!(shown.body.contains("There is no tenant none here") && !shown.body.contains("Grant it"), "{}", shown.body);
        let number = refused_bob(&world, &bob, "admin=true&tenant=github").await;
        let url = world.url(PUBLIC, &format!("/admin/refusals/{number}/grant"));
        let request = carol.request(Method::POST, &url).from(&world.url(PUBLIC, "/")).form(&[("step0", "admin"), ("end", "8h"), ("at", "")]);
        assert_eq!(request.send().await.status, 303);
        world.has_heard().await;
        assert_eq!(Asked::navigation("/x").requiring("admin=true&tenant=github").by(&bob).of(&world).await.status, 200);
    }
}
