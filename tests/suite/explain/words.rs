//! What a person at the terminal reads.

use super::{told, world};
use crate::world::APP;

both_pairs! {
    async fn the_text_shows_the_failed_step_and_how_to_fix_it(pair) {
        let world = world(pair).await;
        world.signed_in("bob").await;
        let url = world.url(APP, "/x?token=hush");
        let text = told(&world, &["--user", "bob@example.com", "--url", &url, "--group", "MCP-GitHub", "--group", "Law"]).await;
        for line in [
            "ok  host           app.example.test is protected, by the entry *.example.test",
            "ok  requirement    in any of the groups MCP-GitHub, Law",
            "ok  person         bob@example.com is known and may sign in",
            "NO  groups         in none of the required groups",
            "Law: there is no such group here. To create it: gatepost group link Law PROVIDER:ID",
            "MCP-GitHub: not in it; it is linked to entra:",
            "NO  decision       refused: not in any of the groups MCP-GitHub, Law",
            "/verify answers 403",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        assert!(!text.contains('\u{1b}') && !text.contains("hush"), "{text}");
        let passes = told(&world, &["--user", "bob@example.com", "--url", &url]).await;
        assert!(passes.contains("/verify answers 200 with\n  x-user-admin"), "{passes}");
    }

    async fn an_unknown_address_is_an_error_that_suggests_similar_ones(pair) {
        let world = world(pair).await;
        world.signed_in("alice").await;
        let url = world.url(APP, "/");
        let refused = world.cli_refuses(&["explain", "--user", "allice@example.com", "--url", &url]).await;
        assert_eq!(refused, "gatepost: there is no user allice@example.com\nhint: did you mean alice@example.com?\n");
        let refused = world.cli_refuses(&["explain", "--user", "zacharias@corp.invalid", "--url", &url]).await;
        assert!(refused.contains("`gatepost user list` shows all people"), "{refused}");
    }
}
