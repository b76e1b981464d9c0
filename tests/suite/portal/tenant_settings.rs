//! What a tenant may have, in the portal: read by its administrators, changed by the system's.

use super::forms::form;
use super::{page, start_of};
use crate::world::Plan;
use gatepost_kit::client::Answer;

const HERE: &str = "/admin/tenants/a/settings";

fn has(page: &Answer, status: u16, parts: &[&str]) {
    assert_eq!(page.status, status, "{}", page.body);
    for part in parts {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
}

fn plan() -> Plan {
    Plan::default().env("GATEPOST_SERVICES", "chat=http://127.0.0.1:9")
}

both_pairs! {
    async fn the_tier_and_what_is_over_it_are_changed_and_said(pair) {
        let (world, root) = start_of(plan(), pair).await;
        world.cli_all(&[
            &["tenant", "create", "a", "--name", "Acme"],
            &["tenant", "add-member", "a", "bob@example.com", "--role", "admin"],
            &["tenant", "add-member", "a", "alice@example.com"],
        ]).await;
        has(&page(&world, &root, HERE).await, 200, &["none: no tier limits it", "It has no limits."]);
        let blank = form(&world, &root, HERE, HERE).await;
        for (field, value, says) in [
            ("tier", "gold", "There is no tier gold"),
            ("tier", "a/b", "aria-invalid"),
            ("service", "none", "none"),
            ("limits", "keys", "Expected NAME=VALUE"),
            ("limits", "keys=-1", "keys must be a whole number from 0 on"),
            ("limits", "keys=1\nkeys=2", "keys is there twice"),
            ("limits", "keys=", "keys must be"),
            ("features", "sso_enabled=yes", "sso_enabled must be true or false"),
            ("features", "a b=1", "a b must be a name"),
        ] {
            let answer = blank.clone().with(field, value).with("tier", if field == "tier" { value } else { "pro" }).send(&world, &root).await;
            has(&answer, 422, &[says, "aria-invalid"]);
            assert!(answer.body.contains(&format!("value=\"{value}\"")) || answer.body.contains(&format!(">{value}</textarea>")), "{value}: {}", answer.body);
        }
        has(&page(&world, &root, HERE).await, 200, &["none: no tier limits it"]);
        let small = blank.clone().with("tier", "pro").with("limits", "members=1\nstorage=50Gi").with("features", "white_labeling=true").with("service", "chat");
        let done = small.done(&world, &root).await;
        for part in ["<dd>pro</dd>", "<dd>chat</dd>", "The tenant has 2 members, and may have 1", "storage=50Gi", "More than the limits allow"] {
            assert!(done.contains(part), "{part}: {done}");
        }
        let late = blank.with("tier", "enterprise").with("limits", "keys=7").send(&world, &root).await;
        has(&late, 412, &["Somebody else changed the tenant first", "<dd>pro</dd>", "value=\"enterprise\"", ">keys=7</textarea>"]);
        has(&page(&world, &root, HERE).await, 200, &["<dd>pro</dd>"]);
        let cleared = form(&world, &root, HERE, HERE).await.with("tier", "pro").with("limits", "").with("features", "");
        let done = cleared.done(&world, &root).await;
        assert!(done.contains("<dd>none: its hosts get no routers</dd>") || done.contains("<dd>chat</dd>"), "{done}");
        assert!(!done.contains("storage") && !done.contains("More than the limits allow"), "{done}");
    }

    async fn the_administrator_of_a_tenant_reads_its_settings_and_changes_none(pair) {
        let (world, root) = start_of(plan(), pair).await;
        world.cli_all(&[
            &["tenant", "create", "a"],
            &["tenant", "create", "b"],
            &["tenant", "set", "a", "--tier", "pro", "--limit", "keys=7"],
            &["tenant", "add-member", "a", "bob@example.com", "--role", "admin"],
            &["tenant", "add-member", "b", "alice@example.com", "--role", "admin"],
        ]).await;
        let bob = world.signed_in("bob").await;
        world.entra.forget_browsers();
        let alice = world.signed_in("alice").await;
        let own = page(&world, &bob, HERE).await;
        has(&own, 200, &["<dd>pro</dd>", "the tenant itself", "its tier", "Administrators of the system change this."]);
        assert!(!own.body.contains("name=\"tier\""), "{}", own.body);
        let more = form(&world, &root, HERE, HERE).await.with("tier", "enterprise");
        has(&more.send(&world, &bob).await, 403, &[]);
        has(&more.send(&world, &alice).await, 403, &[]);
        has(&more.send_from(&world, &root, "https://evil.example/").await, 403, &[]);
        has(&page(&world, &alice, HERE).await, 404, &[]);
        assert_eq!(page(&world, &world.browser(), HERE).await.status, 303);
        has(&page(&world, &root, HERE).await, 200, &["<dd>pro</dd>"]);
        has(&more.clone().without("version").send(&world, &root).await, 400, &["does not say which version"]);
        more.done(&world, &root).await;
        has(&page(&world, &root, "/admin/tenants/a/audit").await, 200, &["tenant.update"]);
    }
}
