//! Commands that create, rename and delete, that set an end, that only say what they would do, or that demand a version.

use super::{ALICE, APPLIES, GOES_ON, json, sql};
use crate::world::{APP, Pair, World, run_command};
use gatepost_core::calendar::{minute, rfc3339};
use gatepost_core::clock::Timestamp;
use serde_json::json;
use std::time::Duration;

/// What a dry run ends with.
const DRY: &str = "This was a dry run: nothing has been changed.\n";

/// Everything that changes may write.
async fn rows(world: &World) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for statement in [
        "SELECT id FROM users ORDER BY id",
        "SELECT name FROM groups ORDER BY name",
        "SELECT id || coalesce(name, '') FROM tenants ORDER BY id",
        "SELECT user_id || source || coalesce(CAST(until AS text), '') FROM manual_memberships ORDER BY 1",
        "SELECT user_id || tenant_id || role FROM tenant_members ORDER BY 1",
        "SELECT user_id FROM admin_overrides ORDER BY 1",
        "SELECT CAST(count(*) AS text) FROM audit_entries",
    ] {
        rows.push(sql(world, statement).await);
    }
    rows
}

both_pairs! {
    async fn a_group_is_created_renamed_and_deleted_and_the_command_says_what_depends_on_it(pair) {
        let world = World::start(pair).await;
        let browser = world.signed_in("alice").await;
        assert_eq!(world.cli(&["group", "create", "Watched"]).await, "Group Watched was created. It gives no access yet.\n");
        assert_eq!(world.cli(&["group", "create", "Watched"]).await, "Group Watched already exists.\n");
        world.cli(&["group", "add", "Watched", ALICE]).await;
        world.cli(&["tenant", "create", "t"]).await;
        world.cli(&["tenant", "map", "Watched", "t"]).await;
        let text = world.cli(&["group", "rename", "Watched", "Seen"]).await;
        assert_eq!(text, format!("Group Watched is now called Seen. Members, links and tenants stay.\nRouters that require Watched refuse everybody until they require Seen.\n{APPLIES}"));
        assert!(browser.get(&world.url(APP, "/")).await.echoed().header("x-user-groups").unwrap().contains("Seen"));
        world.cli(&["group", "create", "Other"]).await;
        let refused = world.cli_refuses(&["group", "rename", "Seen", "Other"]).await;
        assert!(refused.contains("there is already a group Other"), "{refused}");

        world.cli(&["group", "link", "Seen", "entra:g-9"]).await;
        let refused = world.cli_refuses(&["group", "delete", "Seen"]).await;
        assert!(refused.contains("group Seen stands for groups of a provider") && refused.contains("group unlink"), "{refused}");
        world.cli(&["group", "unlink", "entra:g-9"]).await;
        let text = world.cli(&["group", "delete", "Seen", "--dry-run"]).await;
        assert_eq!(text, format!("Group Seen would be deleted. 1 person is in it, and it gives access to t.\nRouters that require it refuse everybody.\n{DRY}"));
        let deleted = json(&world, &["group", "delete", "Seen"]).await;
        assert_eq!(deleted, json!({ "group": "Seen", "members": 1, "tenants": ["t"], "changed": true }));
        assert!(!browser.get(&world.url(APP, "/")).await.echoed().header("x-user-groups").unwrap().contains("Seen"));
        let refused = world.cli_refuses(&["group", "delete", "Seen"]).await;
        assert!(refused.contains("there is no group Seen"), "{refused}");
    }

    async fn a_tenant_called_by_dots_is_not_made_and_one_of_an_earlier_version_is_read_and_deleted(pair) {
        let world = World::start(pair).await;
        let browser = world.signed_in("alice").await;
        let (code, out, error) = run_command(&world.builder, &["tenant", "create", ".."]).await;
        assert_eq!((code, out.as_str()), (Some(2), ""), "{error}");
        assert!(error.contains(". and .. alone are not allowed"), "{error}");
        sql(&world, "INSERT INTO tenants (id, created_at) VALUES ('..', 1) RETURNING id").await;
        sql(&world, "INSERT INTO tenant_members (user_id, tenant_id, role, created_at) SELECT id, '..', 'member', 1 FROM users RETURNING tenant_id").await;
        world.has_heard().await;
        let page = browser.get(&world.url(APP, "/")).await;
        assert_eq!(page.status, 200, "{}", page.body);
        world.cli(&["admin", "grant", ALICE]).await;
        let page = browser.get(&world.url(APP, "/")).await;
        assert_eq!(page.status, 200, "an administrator, who may enter every tenant: {}", page.body);
        assert!(json(&world, &["tenant", "list"]).await.to_string().contains("\"..\""));
        let deleted = world.cli(&["tenant", "delete", ".."]).await;
        assert!(deleted.starts_with("Tenant .. was deleted"), "{deleted}");
        assert_eq!(json(&world, &["tenant", "list"]).await, json!([]));
    }

    async fn a_tenant_has_members_of_its_own_and_is_renamed_and_deleted(pair) {
        let world = World::start(pair).await;
        let browser = world.signed_in("alice").await;
        world.cli(&["tenant", "create", "t", "--name", "One"]).await;
        assert_eq!(world.cli(&["tenant", "add-member", "t", ALICE, "--role", "viewer"]).await, "alice@example.com is now viewer of tenant t.\n");
        assert_eq!(world.cli(&["tenant", "add-member", "t", ALICE, "--role", "viewer"]).await, "alice@example.com is already viewer of tenant t.\n");
        let header = async || browser.get(&world.url(APP, "/")).await.echoed().header("x-user-tenants").map(str::to_owned);
        assert_eq!(header().await.as_deref(), Some("t"));
        let text = world.cli(&["tenant", "remove-member", "t", ALICE]).await;
        assert_eq!(text, format!("alice@example.com is no longer viewer of tenant t, unless a group gives this role.\n{APPLIES}"));
        assert_ne!(header().await.as_deref(), Some("t"));
        let refused = world.cli_refuses(&["tenant", "remove-member", "t", ALICE]).await;
        assert!(refused.contains("is not a member of tenant t by itself"), "{refused}");
        let refused = world.cli_refuses(&["tenant", "add-member", "u", ALICE]).await;
        assert!(refused.contains("there is no tenant u"), "{refused}");

        assert_eq!(world.cli(&["tenant", "rename", "t", "Two"]).await, "Tenant t is now called Two.\n");
        assert_eq!(world.cli(&["tenant", "rename", "t", "Two"]).await, "Tenant t already has this name.\n");
        let text = world.cli(&["tenant", "delete", "t"]).await;
        assert_eq!(text, format!(
            "Tenant t was deleted. No group gave access to it.\nRouters that require it refuse everybody, and its keys are dead.\n\
             Everything of it is erased in 30 days. Until then: gatepost tenant restore t\n{APPLIES}"
        ));
        assert_eq!(json(&world, &["tenant", "list"]).await, json!([]));
    }

    async fn a_person_is_created_before_the_first_sign_in(pair) {
        let world = World::start(pair).await;
        let created = json(&world, &["user", "create", ALICE]).await;
        assert_eq!(created["changed"], true);
        assert_eq!(world.cli(&["user", "create", ALICE]).await, "alice@example.com already exists.\n");
        world.signed_in("alice").await;
        assert_eq!(json(&world, &["user", "show", ALICE]).await["email"], ALICE);
    }

    async fn an_end_is_set_and_shown_and_one_in_the_past_is_refused(pair) {
        let world = World::start(pair).await;
        world.signed_in("alice").await;
        let end = Timestamp::now().plus(Duration::from_hours(48));
        let (shown, written) = (minute(end), rfc3339(end));
        world.cli(&["tenant", "create", "t"]).await;
        let text = world.cli(&["group", "add", "Watched", ALICE, "--until", &written]).await;
        assert_eq!(text, format!("Group Watched was created. It gives no access yet.\nalice@example.com is now in Watched until {shown} UTC.\n"));
        let text = world.cli(&["group", "add", "Watched", ALICE, "--until", &written]).await;
        assert_eq!(text, format!("An administrator has already added alice@example.com to Watched until {shown} UTC.\n"));
        let text = world.cli(&["admin", "grant", ALICE, "--until", &written]).await;
        assert_eq!(text, format!("alice@example.com is now an administrator until {shown} UTC.\n"));
        let text = world.cli(&["tenant", "add-member", "t", ALICE, "--until", &written]).await;
        assert_eq!(text, format!("alice@example.com is now member of tenant t until {shown} UTC.\n"));

        let show = world.cli(&["user", "show", ALICE]).await;
        for part in ["Watched (manual) until", "t (member) until", "set explicitly until"] {
            assert!(show.contains(&format!("{part} {shown} UTC")), "{show}");
        }
        let user = json(&world, &["user", "show", ALICE]).await;
        assert_eq!((&user["group_ends"], &user["tenant_ends"]), (&json!({ "Watched": written }), &json!({ "t": written })));
        assert_eq!(user["admin"]["until"], json!(written));
        assert_eq!(json(&world, &["admin", "list"]).await[0]["until"], json!(written));
        assert_eq!(json(&world, &["group", "members", "Watched"]).await[0]["until"], json!(written));
        for list in [["group", "members", "Watched"].as_slice(), &["admin", "list"]] {
            assert!(world.cli(list).await.contains(&shown));
        }

        // A duration begins now, by the database's clock.
        let added = json(&world, &["group", "add", "Watched", ALICE, "--for", "8h"]).await;
        let until: Timestamp = added["until"].as_str().unwrap().parse().unwrap();
        assert!(until.unix().abs_diff(Timestamp::now().plus(Duration::from_hours(8)).unix()) < 60, "{added}");
        assert!(world.cli(&["group", "add", "Watched", ALICE]).await.contains("is now in Watched.\n"), "for good");
        assert_eq!(json(&world, &["user", "show", ALICE]).await["group_ends"], json!({}));

        let past = "2026-01-01T00:00Z";
        for command in [["group", "add", "Watched", ALICE].as_slice(), &["admin", "grant", ALICE], &["tenant", "add-member", "t", ALICE]] {
            let refused = world.cli_refuses(&[command, &["--until", past]].concat()).await;
            assert!(refused.contains("the end must be in the future"), "{refused}");
            for malformed in [["--for", "0s"], ["--for", "soon"], ["--for", "99999999999999d"], ["--until", "17:00"]] {
                let (code, out, error) = run_command(&world.builder, &[command, &malformed].concat()).await;
                assert_eq!((code, out.as_str()), (Some(2), ""), "{malformed:?}: {error}");
            }
        }
    }

    async fn a_dry_run_says_what_would_be_and_keeps_nothing(pair) {
        let world = World::start(pair).await;
        world.signed_in("alice").await;
        let browser = world.signed_in("alice").await;
        world.cli_all(&[["tenant", "create", "t"].as_slice(), &["group", "add", "Kept", ALICE], &["tenant", "map", "Kept", "t"], &["group", "link", "Linked", "entra:g-9"], &["tenant", "add-member", "t", ALICE]]).await;
        let hash = json(&world, &["session", "list", ALICE]).await[0]["hash"].as_str().unwrap().to_owned();
        let before = rows(&world).await;
        for command in [
            ["group", "create", "New"].as_slice(),
            &["group", "rename", "Kept", "New"],
            &["group", "delete", "Kept"],
            &["group", "add", "New", ALICE, "--for", "8h"],
            &["group", "add", "New", "nobody@example.com"],
            &["group", "remove", "Kept", ALICE],
            &["group", "link", "Kept", "entra:g-8"],
            &["group", "unlink", "entra:g-9"],
            &["tenant", "create", "u"],
            &["tenant", "rename", "t", "New"],
            &["tenant", "delete", "t"],
            &["tenant", "map", "Kept", "t", "--role", "admin"],
            &["tenant", "unmap", "Kept", "t"],
            &["tenant", "add-member", "t", "nobody@example.com"],
            &["tenant", "remove-member", "t", ALICE],
            &["admin", "grant", ALICE],
            &["admin", "grant", "nobody@example.com"],
            &["admin", "revoke", ALICE],
            &["user", "create", "nobody@example.com"],
            &["user", "disable", ALICE],
            &["user", "disable", "nobody@example.com"],
            &["user", "release", ALICE],
            &["session", "end", &hash],
            &["session", "end", "--user", ALICE],
        ] {
            let text = world.cli(&[command, &["--dry-run"]].concat()).await;
            assert!(text.contains("would") && text.ends_with(DRY), "{command:?}: {text}");
            for said in [" is now", " now has", " was created", " was deleted", "have ended", "has ended", " is disabled", " is released", " will "] {
                assert!(!text.contains(said), "{command:?}: {text}");
            }
            let json = json(&world, &[command, &["--dry-run"]].concat()).await;
            assert_eq!((&json["changed"], &json["dry_run"]), (&true.into(), &true.into()), "{command:?}: {json}");
        }
        assert_eq!(rows(&world).await, before);
        assert_eq!(browser.fetch(&world.url(APP, "/")).await.status, 200);
        let done = json(&world, &["group", "add", "New", ALICE]).await;
        assert_eq!(done.get("dry_run"), None);
    }

    async fn a_change_of_something_else_than_was_read_names_both_versions(pair) {
        let world = World::start(pair).await;
        world.signed_in("alice").await;
        world.cli(&["tenant", "create", "t"]).await;
        let version = async || json(&world, &["tenant", "list"]).await[0]["version"].as_str().unwrap().to_owned();
        assert_eq!(version().await, "v1");
        world.cli(&["tenant", "rename", "t", "Two", "--if-version", "1"]).await;
        for wanted in ["1", "v1"] {
            let refused = world.cli_refuses(&["tenant", "rename", "t", "Three", "--if-version", wanted]).await;
            assert!(refused.contains("its version is v2 now, not v1") && refused.contains("--json"), "{refused}");
        }
        let refused = world.cli_refuses(&["group", "add", "New", ALICE, "--if-version", "3"]).await;
        assert!(refused.contains("no version exists, and v3 was expected"), "{refused}");
        let refused = world.cli_refuses(&["session", "end", "--user", ALICE, "--if-version", "99"]).await;
        assert!(refused.contains(", not v99"), "{refused}");
        world.cli(&["tenant", "rename", "t", "Three", "--if-version", &version().await]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_of_a_disable_says_nothing_of_streams() {
    let world = World::start(Pair::Embedded).await;
    world.signed_in("alice").await;
    let text = world.cli(&["user", "disable", ALICE, "--dry-run"]).await;
    assert_eq!(
        text,
        format!(
            "alice@example.com would be disabled: all sessions would end, and sign-ins would be refused.\n{DRY}"
        )
    );
    assert!(world.cli(&["user", "disable", ALICE]).await.ends_with(GOES_ON));
}
