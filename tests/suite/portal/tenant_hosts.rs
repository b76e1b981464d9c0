//! The hosts of a tenant in the portal: proposed and proved by its administrator, approved and refused by the system's.

use super::forms::{FilledForm, form, form_of};
use super::{page, start, start_of};
use crate::world::{APP, Plan, World, run_command};
use gatepost_kit::client::{Answer, Client};
use gatepost_kit::dns::DnsServer;

const HERE: &str = "/admin/tenants/a/hosts";
const HOST: &str = "blog.acme.example";

fn at(verb: &str) -> String {
    format!("{HERE}/{verb}")
}

fn has(page: &Answer, status: u16, parts: &[&str]) {
    assert_eq!(page.status, status, "{}", page.body);
    for part in parts {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
}

/// The tenants `a`, which bob administers, and `b`, which alice does.
async fn tenants(world: &World) -> (Client, Client) {
    world
        .cli_all(&[
            &["tenant", "create", "a", "--name", "Acme"],
            &["tenant", "create", "b"],
            &["tenant", "add-member", "a", "bob@example.com", "--role", "admin"],
            &["tenant", "add-member", "b", "alice@example.com", "--role", "admin"],
        ])
        .await;
    let bob = world.signed_in("bob").await;
    world.entra.forget_browsers();
    (bob, world.signed_in("alice").await)
}

async fn proposal(world: &World, browser: &Client, host: &str) -> FilledForm {
    form(world, browser, HERE, HERE).await.with("host", host)
}

both_pairs! {
    async fn a_host_is_proposed_and_counts_when_its_zone_has_the_line_that_the_page_shows(pair) {
        let dns = DnsServer::start().await;
        let plan = Plan::default().env("GATEPOST_TENANTS__RESOLVER", dns.address().to_string());
        let (world, root) = start_of(plan, pair).await;
        let (bob, _) = tenants(&world).await;
        assert!(page(&world, &bob, "/admin/tenants/a").await.body.contains(&format!("href=\"{HERE}\"")));
        for (host, says) in [
            ("", "Expected"),
            ("https://blog.acme.example/", "https://blog.acme.example/"),
            ("127.0.0.1", "cannot be the host of a tenant"),
            (APP, "belongs to the configuration"),
        ] {
            let answer = proposal(&world, &bob, host).await.send(&world, &bob).await;
            assert!(answer.status == 422 && answer.body.contains("aria-invalid") && answer.body.contains(&format!("value=\"{host}\"")), "{host}: {}", answer.body);
            assert!(says == "Expected" || answer.body.contains(says), "{says}: {}", answer.body);
        }
        let done = proposal(&world, &bob, "Blog.Acme.example").await.done(&world, &bob).await;
        let line = done.split("<input id=\"record-1\" class=\"whole\" type=\"text\" value=\"").nth(1).unwrap().split('"').next().unwrap();
        let (name, value) = line.split_once(". IN TXT &#34;").unwrap();
        let value = value.trim_end_matches("&#34;");
        assert_eq!(name, format!("_gatepost.{HOST}"));
        let again = proposal(&world, &bob, HOST).await.done(&world, &bob).await;
        assert!(again.contains("There was one of this name already"), "{again}");

        let confirm = form(&world, &bob, HERE, &at("confirm")).await;
        has(&confirm.send(&world, &bob).await, 422, &["role=\"alert\"", "No record TXT", line]);
        dns.set(name, &["v=spf1 -all", value]);
        dns.fail(true);
        has(&confirm.send(&world, &bob).await, 503, &["The DNS does not answer", "Try again later"]);
        has(&page(&world, &bob, HERE).await, 200, &["proposed</span>"]);
        dns.fail(false);
        assert_eq!(confirm.send_from(&world, &bob, "https://evil.example/").await.status, 403);
        let asked = dns.asked().len();
        has(&confirm.clone().without("version").send(&world, &bob).await, 400, &["does not say which version"]);
        assert_eq!(dns.asked().len(), asked, "a form of nobody asks nobody");
        let done = confirm.done(&world, &bob).await;
        assert!(done.contains("active</span>") && !done.contains(name) && !done.contains(&at("confirm")), "{done}");
        has(&page(&world, &root, "/admin/tenants/a/audit").await, 200, &["tenant.prove_host"]);
    }

    async fn a_system_administrator_approves_and_refuses_and_nobody_else_does(pair) {
        let (world, root) = start(pair).await;
        let (bob, alice) = tenants(&world).await;
        proposal(&world, &bob, HOST).await.done(&world, &bob).await;
        let own = page(&world, &bob, HERE).await;
        for verb in ["approve", "refuse"] {
            assert!(!own.body.contains(&at(verb)), "{verb}: {}", own.body);
            let decision = form(&world, &root, HERE, &at(verb)).await;
            has(&decision.send(&world, &bob).await, 403, &[]);
            has(&decision.send(&world, &alice).await, 403, &[]);
            has(&decision.send_from(&world, &root, "https://evil.example/").await, 403, &[]);
        }
        let done = form(&world, &root, HERE, &at("approve")).await.done(&world, &root).await;
        assert!(done.contains("active</span>"), "{done}");
        let done = form(&world, &root, HERE, &at("refuse")).await.done(&world, &root).await;
        assert!(done.contains("refused</span>"), "{done}");
        let shown = page(&world, &bob, HERE).await;
        has(&shown, 200, &["refused</span>", "No record changes that"]);
        assert!(!shown.body.contains(&at("confirm")), "{}", shown.body);
    }

    async fn where_people_sign_in_over_http_a_host_is_below_localhost(pair) {
        let world = Plan::default().start(pair).await;
        world.cli(&["tenant", "create", "a"]).await;
        let here = world.builder.clone();
        let here = here.env("GATEPOST_PUBLIC_URL", "http://auth.localhost:4180").env("GATEPOST_HOSTS", "http://wiki.localhost");
        let (code, _, stderr) = run_command(&here, &["tenant", "host", "add", "a", HOST]).await;
        assert!(code == Some(1) && stderr.contains("would be reached with http, as http://auth.localhost:4180 is"), "{stderr}");
        let (_, _, stderr) = run_command(&here, &["tenant", "host", "add", "a", "wiki.localhost"]).await;
        assert!(stderr.contains("belongs to the configuration"), "{stderr}");
        let (code, _, stderr) = run_command(&here, &["tenant", "host", "add", "a", "blog.localhost"]).await;
        assert_eq!((code, &*stderr), (Some(0), ""));
    }

    async fn the_pages_of_a_tenant_are_nothing_to_who_administers_another(pair) {
        let (world, root) = start(pair).await;
        let (bob, alice) = tenants(&world).await;
        let blank = proposal(&world, &bob, HOST).await;
        blank.done(&world, &bob).await;
        let question = format!("{HERE}/remove?host={HOST}");
        let (confirm, remove) = (form(&world, &bob, HERE, &at("confirm")).await, form(&world, &bob, &question, &at("remove")).await);
        for path in [HERE, &question] {
            has(&page(&world, &alice, path).await, 404, &[]);
            let stranger = page(&world, &world.browser(), path).await;
            assert_eq!((stranger.status, stranger.location().unwrap().path()), (303, "/login"));
        }
        for mine in [&blank.with("host", "mine.example"), &confirm, &remove] {
            has(&mine.send(&world, &alice).await, 404, &[]);
        }
        // Her own pages do not reach the host of the other tenant.
        let elsewhere = "/admin/tenants/b/hosts";
        let taken = form(&world, &alice, elsewhere, elsewhere).await.with("host", HOST).send(&world, &alice).await;
        has(&taken, 422, &["belongs to another tenant", "aria-invalid"]);
        has(&page(&world, &alice, &format!("{elsewhere}/remove?host={HOST}")).await, 404, &[]);
        world.cli(&["tenant", "remove-member", "a", "bob@example.com"]).await;
        has(&page(&world, &bob, HERE).await, 403, &[]);
        has(&confirm.send(&world, &bob).await, 403, &[]);
        has(&page(&world, &root, HERE).await, 200, &["proposed</span>"]);
    }

    async fn who_decides_about_a_host_that_somebody_decided_about_sees_both_states_and_chooses(pair) {
        let (world, root) = start(pair).await;
        let (bob, _) = tenants(&world).await;
        proposal(&world, &bob, HOST).await.done(&world, &bob).await;
        let question = format!("{HERE}/remove?host={HOST}");
        has(&page(&world, &bob, &question).await, 200, &["Remove blog.acme.example?", "proves nothing any more"]);
        let (confirm, approve) = (form(&world, &bob, HERE, &at("confirm")).await, form(&world, &root, HERE, &at("approve")).await);
        let remove = form(&world, &bob, &question, &at("remove")).await;
        world.cli(&["tenant", "host", "refuse", "a", HOST]).await;
        for (late, browser) in [(&confirm, &bob), (&approve, &root), (&remove, &bob)] {
            has(&late.send(&world, browser).await, 412, &["<dd>proposed</dd>", "<dd>refused</dd>", HOST]);
        }
        let again = approve.send(&world, &root).await;
        let done = form_of(&again, HERE, &at("approve")).done(&world, &root).await;
        assert!(done.contains("active</span>"), "{done}");
        has(&page(&world, &bob, &question).await, 200, &["Nobody may enter at blog.acme.example any more"]);
        let done = form(&world, &bob, &question, &at("remove")).await.done(&world, &bob).await;
        assert!(done.contains("There are none yet."), "{done}");
        has(&remove.send(&world, &bob).await, 404, &[]);
        world.cli(&["tenant", "suspend", "a", "--reason", "unpaid"]).await;
        has(&page(&world, &bob, HERE).await, 200, &[]);
        let refused = proposal(&world, &bob, HOST).await.send(&world, &bob).await;
        has(&refused, 422, &["is suspended"]);
    }

    async fn many_hosts_stand_on_several_pages_and_the_bounds_of_the_tier_are_said(pair) {
        let (world, root) = start(pair).await;
        let (bob, _) = tenants(&world).await;
        let hosts: Vec<String> = (0..9).map(|number| format!("{number}.acme.example")).collect();
        let add: Vec<[&str; 5]> = hosts.iter().map(|host| ["tenant", "host", "add", "a", host]).collect();
        world.cli_all(&add.iter().map(|command| &command[..]).collect::<Vec<_>>()).await;
        let shows = |page: &Answer, host: &str| page.body.contains(&format!("<b>{host}</b>"));
        let first = page(&world, &bob, HERE).await;
        assert!(shows(&first, &hosts[0]) && shows(&first, &hosts[7]) && !shows(&first, &hosts[8]), "{}", first.body);
        let second = page(&world, &bob, &format!("{HERE}?after={}", hosts[7])).await;
        assert!(shows(&second, &hosts[8]) && !shows(&second, &hosts[7]), "{}", second.body);
        let confirm = form_of(&second, HERE, &at("confirm"));
        world.cli(&["tenant", "host", "refuse", "a", &hosts[8]]).await;
        assert!(confirm.send(&world, &bob).await.body.contains(&hosts[8]));
        world.cli(&["tenant", "set", "a", "--tier", "free"]).await;
        has(&page(&world, &root, HERE).await, 200, &["lacks the feature custom_domains", "It may have 1,"]);
        let refused = proposal(&world, &bob, "ten.acme.example").await.send(&world, &bob).await;
        has(&refused, 422, &["may have at most 1 hosts", "ask an administrator of the system for more"]);
    }
}
