//! The audit as sentences, a search for a person in it, and sign-ins that were refused.

use super::forms::form;
use super::{page, path_of, start};
use crate::world::APP;

both_pairs! {
    async fn a_change_is_a_sentence_with_links_to_what_was_changed(pair) {
        let (world, root) = start(pair).await;
        world.cli_all(&[&["group", "add", "MCP-Search", "alice@example.com"], &["tenant", "create", "a"], &["tenant", "suspend", "a", "--reason", "unpaid"]]).await;
        let path = path_of(&world, &root, "alice").await;
        let audit = page(&world, &root, "/admin/audit").await.body;
        for part in [
            format!("added <a href=\"{path}\">alice@example.com</a> to the group MCP-Search"),
            "suspended the <a href=\"/admin/tenants/a\">tenant a</a>: unpaid".to_owned(),
            "made <a href=".to_owned(),
            "</a> an administrator of the system".to_owned(),
            ">membership.create</a>".to_owned(),
        ] {
            assert!(audit.contains(&part), "{part}: {audit}");
        }
    }

    async fn the_audit_of_a_person_is_found_by_their_address(pair) {
        let (world, root) = start(pair).await;
        world.cli_all(&[&["group", "add", "Alpha", "alice@example.com"], &["group", "add", "Beta", "bob@example.com"]]).await;
        let id = path_of(&world, &root, "alice").await.rsplit('/').next().unwrap().to_owned();
        for q in ["alice%40example.com", "+Alice%40Example.com+", id.as_str()] {
            let found = page(&world, &root, &format!("/admin/audit?q={q}&action=membership.create")).await.body;
            assert!(found.contains("to the group Alpha") && !found.contains("to the group Beta"), "{q}: {found}");
            assert!(found.contains("about alice@example.com") && found.contains(&format!("user={id}")), "{q}: {found}");
        }
        for q in ["nobody%40example.com", "alice", "%00"] {
            let found = page(&world, &root, &format!("/admin/audit?q={q}")).await;
            assert_eq!(found.status, 200, "{q}");
            assert!(found.body.contains("There is nobody of this address here."), "{q}: {}", found.body);
        }
        world.cli_all(&[&["tenant", "create", "a"], &["tenant", "add-member", "a", "bob@example.com", "--role", "admin"]]).await;
        let bob = world.signed_in("bob").await;
        let found = page(&world, &bob, "/admin/audit?q=alice%40example.com").await.body;
        assert!(found.contains("There is nobody of this address here."), "she is in another tenant: {found}");
    }

    async fn refused_sign_ins_are_shown_under_the_person(pair) {
        let (world, root) = start(pair).await;
        let (alice, bob) = (path_of(&world, &root, "alice").await, path_of(&world, &root, "bob").await);
        assert!(!page(&world, &root, &bob).await.body.contains("Last refused sign-ins"));
        form(&world, &root, &format!("{bob}/disable"), &format!("{bob}/disable")).await.done(&world, &root).await;
        world.entra.forget_browsers();
        world.entra.at_the_browser(Some("bob"));
        let trip = world.browser().navigate(&world.url(APP, "/")).await;
        assert_eq!(trip.end().status, 403, "{}", trip.describe());
        let shown = page(&world, &root, &bob).await.body;
        for part in ["Last refused sign-ins", "The person is disabled.", "Microsoft"] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        assert!(!page(&world, &root, &alice).await.body.contains("Last refused sign-ins"));
    }
}
