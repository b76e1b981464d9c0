//! The check of a tenant in the portal: made by a form of ours alone, and read by those who administer the tenant.

use super::forms::{FilledForm, form};
use super::{page, start_of};
use crate::cli::sql;
use crate::world::{APP, PUBLIC, Plan};
use gatepost_kit::client::Answer;
use gatepost_kit::dns::DnsServer;
use reqwest::Method;

const HERE: &str = "/admin/tenants/a/check";
const HOST: &str = "blog.acme.example";

fn has(page: &Answer, status: u16, parts: &[&str]) {
    assert_eq!(page.status, status, "{}", page.body);
    for part in parts {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
}

both_pairs! {
    async fn a_check_says_what_to_do_until_the_tenant_is_as_it_should_be(pair) {
        let dns = DnsServer::start().await;
        let plan = Plan::default().env("GATEPOST_TENANTS__RESOLVER", dns.address().to_string());
        let (world, root) = start_of(plan.env("GATEPOST_SERVICES", "chat=http://chat:8080"), pair).await;
        world.cli_all(&[
            &["tenant", "create", "a", "--name", "Acme"],
            &["tenant", "create", "b"],
            &["tenant", "add-member", "a", "bob@example.com", "--role", "admin"],
            &["tenant", "add-member", "b", "alice@example.com", "--role", "admin"],
            &["tenant", "host", "add", "a", HOST],
        ])
        .await;
        let bob = world.signed_in("bob").await;
        world.entra.forget_browsers();
        let alice = world.signed_in("alice").await;
        has(&page(&world, &bob, "/admin/tenants/a").await, 200, &["href=\"/admin/tenants/a/check\""]);

        // A page of anybody can make a browser open the address, and only a form of ours makes a check.
        let before = dns.asked().len();
        has(&page(&world, &bob, HERE).await, 200, &["What is checked", "Check it now"]);
        let blank: FilledForm = form(&world, &bob, HERE, HERE).await;
        for from in [world.url(APP, "/"), "https://evil.example/".to_owned()] {
            has(&blank.send_from(&world, &bob, &from).await, 403, &["came from another site"]);
        }
        let prefetch = bob.request(Method::POST, &world.url(PUBLIC, HERE)).from(&world.url(PUBLIC, HERE));
        assert_eq!(prefetch.header("sec-purpose", "prefetch").form(&[]).send().await.status, 403);
        has(&blank.send(&world, &alice).await, 404, &[]);
        has(&page(&world, &alice, HERE).await, 404, &[]);
        let stranger = blank.send(&world, &world.browser()).await;
        assert_eq!((stranger.status, stranger.location().unwrap().path()), (303, "/login"));
        assert_eq!(dns.asked().len(), before, "whoever may not makes nobody ask");

        let check = async || blank.send(&world, &bob).await;
        let unproved = ["1 warning</h2>", "Checked on <time", HOST, "host-unproved", "Put the record into the zone, then have Gatepost look for it.", "href=\"/admin/tenants/a/hosts\"", "Check again"];
        let first = check().await;
        has(&first, 200, &unproved);
        assert!(!first.body.contains("gatepost tenant host"), "a page names no command: {}", first.body);
        assert!(dns.asked().len() > before);
        world.cli(&["tenant", "host", "remove", "a", HOST]).await;
        sql(&world, "INSERT INTO tenant_hosts (host, tenant_id, state, proof, created_at) VALUES ('acme.example.net', 'a', 'active', '0123456789abcdef0123456789abcdef', 1)").await;
        let unresolved = check().await;
        has(&unresolved, 200, &["1 error, 1 hint</h2>", "<section class=\"panel stop\">", "Add an A or AAAA record", "Only administrators of the system can do that"]);
        let (error, hint) = (unresolved.body.find("host-unresolved").unwrap(), unresolved.body.find("host-unrouted").unwrap());
        assert!(error < hint, "the worst first");
        assert!(!unresolved.body.contains("href=\"/admin/tenants/a/settings\""), "{}", unresolved.body);
        has(&blank.send(&world, &root).await, 200, &["href=\"/admin/tenants/a/settings\""]);
        world.cli(&["tenant", "set", "a", "--service", "chat"]).await;
        dns.add_host("acme.example.net");
        has(&check().await, 200, &["Nothing is wrong or missing</h2>", "Check again"]);
        world.cli(&["tenant", "suspend", "a", "--reason", "unpaid"]).await;
        has(&check().await, 200, &["tenant-suspended", "Only administrators of the system can do that"]);
        world.cli(&["tenant", "delete", "a"]).await;
        has(&blank.send(&world, &root).await, 404, &[]);
        let audit = page(&world, &root, "/admin/audit?q=check").await;
        assert!(!audit.body.contains("tenant.check"), "a check changes nothing: {}", audit.body);
    }
}
