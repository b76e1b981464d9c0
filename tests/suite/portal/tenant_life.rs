//! The life of a tenant on its page: suspended and resumed, deleted and restored, and who may do so.

use super::forms::{form, form_of};
use super::{page, start};
use gatepost_kit::client::Answer;

const HERE: &str = "/admin/tenants/a";

fn has(page: &Answer, status: u16, parts: &[&str]) {
    assert_eq!(page.status, status, "{}", page.body);
    for part in parts {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
}

both_pairs! {
    async fn a_tenant_is_suspended_with_a_reason_after_a_page_that_says_what_happens(pair) {
        let (world, root) = start(pair).await;
        world.cli_all(&[&["tenant", "create", "a", "--name", "Acme"], &["tenant", "add-member", "a", "alice@example.com"], &["tenant", "create", "b"]]).await;
        let (question, suspend) = (format!("{HERE}/suspend"), format!("{HERE}/suspend"));
        has(&page(&world, &root, &question).await, 200, &["It has 1 person, who may not enter it", "Its 0 keys are refused"]);
        let asked = form(&world, &root, &question, &suspend).await;
        for reason in ["", " ", &"x".repeat(281)] {
            has(&asked.clone().with("reason", reason).send(&world, &root).await, 422, &["A reason has 1 to 280 characters", "aria-invalid"]);
        }
        has(&asked.clone().with("reason", "unpaid").without("version").send(&world, &root).await, 400, &["does not say which version"]);
        let done = asked.with("reason", "unpaid since October").done(&world, &root).await;
        assert!(done.contains("This tenant is suspended") && done.contains("unpaid since October"), "{done}");
        for (filter, shown) in [("", ["a", "b"].as_slice()), ("?state=active", &["b"]), ("?state=suspended", &["a"]), ("?state=deleted", &[])] {
            let list = page(&world, &root, &format!("/admin/tenants{filter}")).await;
            for id in ["a", "b"] {
                let link = format!("href=\"/admin/tenants/{id}\"");
                assert_eq!(list.body.contains(&link), shown.contains(&id), "{filter} {id}: {}", list.body);
            }
        }
        let done = form(&world, &root, HERE, &format!("{HERE}/resume")).await.done(&world, &root).await;
        assert!(!done.contains("This tenant is suspended"), "{done}");
    }

    async fn a_deleted_tenant_has_one_page_and_comes_back_with_one_button(pair) {
        let (world, root) = start(pair).await;
        world.cli_all(&[&["tenant", "create", "a", "--name", "Acme"], &["tenant", "add-member", "a", "alice@example.com"]]).await;
        let delete = format!("{HERE}/delete");
        let question = page(&world, &root, &delete).await;
        has(&question, 200, &["Until then an administrator of the system can restore it."]);
        assert!(!question.body.contains("Nothing brings it back"), "{}", question.body);
        let done = form_of(&question, &delete, &delete).with("id", "a").done(&world, &root).await;
        assert!(done.contains("This tenant is deleted") && done.contains("1 person may enter it again"), "{done}");
        for gone in ["/delete", "/suspend"] {
            has(&page(&world, &root, &format!("{HERE}{gone}")).await, 404, &[]);
        }
        has(&page(&world, &root, &format!("{HERE}/audit")).await, 200, &["deleted the", "tenant.delete"]);
        has(&page(&world, &root, "/admin/tenants?state=deleted").await, 200, &["href=\"/admin/tenants/a\"", "deleted</span>"]);
        assert!(!page(&world, &root, "/admin/tenants").await.body.contains("href=\"/admin/tenants/a\""));
        let done = form(&world, &root, HERE, &format!("{HERE}/restore")).await.done(&world, &root).await;
        assert!(done.contains("It is restored") && done.contains("alice@example.com"), "{done}");
    }

    async fn who_decides_about_a_tenant_that_somebody_else_changed_sees_what_it_is_now(pair) {
        let (world, root) = start(pair).await;
        world.cli(&["tenant", "create", "a", "--name", "Acme"]).await;
        let action = |verb: &str| format!("{HERE}/{verb}");
        let suspend = form(&world, &root, &action("suspend"), &action("suspend")).await.with("reason", "unpaid");
        let delete = form(&world, &root, &action("delete"), &action("delete")).await.with("id", "a");
        world.cli(&["tenant", "rename", "a", "Apex"]).await;
        for late in [&suspend, &delete] {
            has(&late.send(&world, &root).await, 412, &["Apex, active"]);
        }
        let again = suspend.send(&world, &root).await;
        let done = form_of(&again, &action("suspend"), &action("suspend")).done(&world, &root).await;
        assert!(done.contains("This tenant is suspended"), "{done}");
        let resume = form(&world, &root, HERE, &action("resume")).await;
        world.cli(&["tenant", "suspend", "a", "--reason", "a flood"]).await;
        has(&resume.send(&world, &root).await, 412, &["Apex, suspended"]);
        has(&page(&world, &root, HERE).await, 200, &["a flood"]);
        world.cli(&["tenant", "delete", "a"]).await;
        let restore = form(&world, &root, HERE, &action("restore")).await;
        world.cli_all(&[&["tenant", "restore", "a"], &["tenant", "delete", "a"]]).await;
        has(&restore.send(&world, &root).await, 412, &["Apex, deleted"]);
    }

    async fn the_administrator_of_a_suspended_tenant_reads_why_and_changes_nothing(pair) {
        let (world, root) = start(pair).await;
        world.cli_all(&[&["tenant", "create", "a"], &["tenant", "add-member", "a", "bob@example.com", "--role", "admin"]]).await;
        let version = form(&world, &root, &format!("{HERE}/suspend"), &format!("{HERE}/suspend")).await;
        let bob = world.signed_in("bob").await;
        has(&version.clone().with("reason", "mine").send(&world, &bob).await, 403, &[]);
        version.with("reason", "unpaid").done(&world, &root).await;
        let shown = page(&world, &bob, HERE).await;
        has(&shown, 200, &["This tenant is suspended", "unpaid"]);
        assert!(!shown.body.contains("Resume the tenant") && !shown.body.contains(&format!("{HERE}/suspend")), "{}", shown.body);
        let resume = form(&world, &root, HERE, &format!("{HERE}/resume")).await;
        has(&resume.send(&world, &bob).await, 403, &[]);
        has(&resume.send_from(&world, &root, "https://evil.example/").await, 403, &[]);
        has(&page(&world, &root, HERE).await, 200, &["This tenant is suspended"]);
        let list = page(&world, &bob, "/admin/tenants").await;
        has(&list, 200, &["suspended</span>"]);
        assert!(!list.body.contains("state=deleted"), "{}", list.body);
        world.cli(&["tenant", "delete", "a"]).await;
        world.has_heard().await;
        has(&page(&world, &bob, HERE).await, 403, &[]);
    }
}
