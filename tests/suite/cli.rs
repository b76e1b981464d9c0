//! The command line of administration while `serve` runs on the same stores: each command's word, and its effect on
//! the next request.

pub(crate) mod audit;
mod changes;
mod keys;
mod store;

use crate::world::{APP, MCP_GITHUB, Pair, Plan, Stores, World, alice, run_command};
use gatepost_kit::client::Client;
use gatepost_kit::entra::Person;
use gatepost_kit::process::{Postgres, until};
use serde_json::Value;
use sqlx::{Connection, Executor, Row, SqlSafeStr};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

const ALICE: &str = "alice@example.com";
const OTHER_GROUP: &str = "00000000-0000-4000-8000-00000000a002";

/// A command that ends sessions says which connections and tokens remain.
const GOES_ON: &str = "\
    New requests are refused within a second.\n\
    Open streams and WebSockets stay open until the application or the proxy closes them.\n\
    Open WebUI's own token expires after its JWT_EXPIRES_IN: 12h if it is set as in docs/open-webui.md, else four weeks.\n";

/// A command that takes access away says the same, but that the person may have access by another group or role.
const APPLIES: &str = "\
    The change applies to new requests within a second.\n\
    Open streams and WebSockets stay open until the application or the proxy closes them.\n\
    Open WebUI's own token expires after its JWT_EXPIRES_IN: 12h if it is set as in docs/open-webui.md, else four weeks.\n";

async fn header(world: &World, browser: &Client, name: &str) -> Option<String> {
    browser.get(&world.url(APP, "/")).await.echoed().header(name).map(str::to_owned)
}

async fn json(world: &World, arguments: &[&str]) -> Value {
    let text = world.cli(&[arguments, &["--json"]].concat()).await;
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {text}"))
}

/// Runs a statement past Gatepost and returns the first column of its rows.
pub(crate) async fn sql(world: &World, statement: impl SqlSafeStr) -> Vec<String> {
    match &world.stores {
        Stores::Embedded(folder) => {
            let file = folder.path().join("gatepost.db");
            let mut connection =
                sqlx::SqliteConnection::connect(&format!("sqlite://{}", file.display())).await.unwrap();
            sqlx::query(statement)
                .fetch_all(&mut connection)
                .await
                .unwrap()
                .iter()
                .map(|row| row.get(0))
                .collect()
        }
        Stores::Shared { database, .. } => {
            let mut connection = sqlx::PgConnection::connect(database).await.unwrap();
            connection.execute("SET search_path TO gatepost").await.unwrap();
            sqlx::query(statement)
                .fetch_all(&mut connection)
                .await
                .unwrap()
                .iter()
                .map(|row| row.get(0))
                .collect()
        }
    }
}

both_pairs! {
    async fn a_disabled_person_is_out_at_once_and_comes_back_by_signing_in(pair) {
        let world = World::start(pair).await;
        let browser = world.signed_in("alice").await;
        let done = world.cli(&["user", "disable", ALICE]).await;
        assert_eq!(done, format!("alice@example.com is disabled: all sessions have ended, and sign-ins are refused.\n{GOES_ON}"));
        assert_eq!(browser.fetch(&world.url(APP, "/")).await.status, 401);
        let trip = browser.navigate(&world.url(APP, "/")).await;
        assert_eq!(trip.end().status, 403, "{}\n{}", trip.describe(), trip.end().body);
        assert_eq!(world.cli(&["user", "disable", ALICE]).await, "alice@example.com is already disabled.\n");
        assert!(world.cli(&["user", "list"]).await.contains(ALICE));

        assert!(world.cli(&["user", "enable", ALICE]).await.contains("may sign in again"));
        assert_eq!(browser.fetch(&world.url(APP, "/")).await.status, 401, "what was ended stays so");
        // Disabling ends what begins in its own second too.
        until("a sign-in of a later second", Duration::from_secs(10), async || {
            (browser.navigate(&world.url(APP, "/")).await.end().status == 200).then_some(())
        })
        .await;
        assert_eq!(world.cli(&["user", "enable", ALICE]).await, "alice@example.com is not disabled.\n");
    }

    async fn programs_read_what_was_ended_and_no_sentences(pair) {
        let world = World::start(pair).await;
        world.signed_in("alice").await;
        world.signed_in("alice").await;
        let sessions = json(&world, &["session", "list", ALICE]).await;
        let hash = sessions[0]["hash"].as_str().unwrap();
        let id = json(&world, &["user", "show", ALICE]).await["id"].clone();
        let ended = json(&world, &["session", "end", hash]).await;
        assert_eq!(ended, serde_json::json!({ "hash": hash, "user_id": id, "changed": true }));
        let ended = json(&world, &["session", "end", "--user", ALICE]).await;
        assert_eq!(ended, serde_json::json!({ "user_id": id, "sessions": 1, "changed": true }));
        let disabled = json(&world, &["user", "disable", ALICE]).await;
        let at = disabled["disabled_at"].clone();
        assert_eq!(disabled, serde_json::json!({ "user_id": id, "email": ALICE, "disabled_at": at, "changed": true }));
        assert!(at.is_string(), "{at}");
    }

    async fn an_address_that_nobody_has_can_be_disabled_before_its_holder_comes(pair) {
        let world = World::start(pair).await;
        world.entra.add(Person::named("mallory"));
        let text = world.cli(&["user", "disable", "mallory@example.com"]).await;
        assert_eq!(text, "Nobody has signed in as mallory@example.com yet. The first person who signs in with this address will be refused.\n");
        world.entra.at_the_browser(Some("mallory"));
        let trip = world.browser().navigate(&world.url(APP, "/")).await;
        assert_eq!(trip.end().status, 403, "{}\n{}", trip.describe(), trip.end().body);
    }

    async fn an_explicit_admin_setting_overrides_groups(pair) {
        let world = World::start(pair).await;
        let browser = world.signed_in("alice").await;
        assert!(world.cli(&["admin", "list"]).await.starts_with("Nobody is an administrator."));
        assert_eq!(world.cli(&["admin", "grant", ALICE]).await, "alice@example.com is now an administrator.\n");
        assert_eq!(header(&world, &browser, "x-user-admin").await.as_deref(), Some("true"));
        assert_eq!(world.cli(&["admin", "grant", ALICE]).await, "alice@example.com is already an administrator.\n");
        let text = world.cli(&["admin", "reset", ALICE]).await;
        assert_eq!(text, format!("Groups and roles decide again: alice@example.com is not an administrator.\n{APPLIES}"));
        assert_eq!(header(&world, &browser, "x-user-admin").await.as_deref(), Some("false"));

        world.cli(&["group", "link", "MCP-Admin", &format!("entra:{MCP_GITHUB}")]).await;
        assert_eq!(header(&world, &browser, "x-user-admin").await.as_deref(), Some("true"));
        let text = world.cli(&["admin", "revoke", ALICE]).await;
        assert!(text.contains("overrides: group MCP-Admin.") && text.contains("group MCP-Admin") && text.contains("gatepost admin reset"), "{text}");
        assert!(text.ends_with(APPLIES), "{text}");
        assert_eq!(header(&world, &browser, "x-user-admin").await.as_deref(), Some("false"));
        let text = world.cli(&["admin", "revoke", ALICE]).await;
        assert!(text.contains("already") && !text.contains("Open streams"), "{text}");
        let list = json(&world, &["admin", "list"]).await;
        let user_id = &list[0]["user_id"];
        assert!(user_id.is_string(), "{list}");
        assert_eq!(list, serde_json::json!([{ "user": ALICE, "user_id": user_id, "is_admin": false, "explicit": false, "until": null, "reasons": ["group MCP-Admin"] }]));
        let text = world.cli(&["admin", "reset", ALICE]).await;
        assert_eq!(text, "Groups and roles decide again: alice@example.com is an administrator through group MCP-Admin.\n");
        assert_eq!(header(&world, &browser, "x-user-admin").await.as_deref(), Some("true"));
    }

    async fn a_linked_group_has_its_name_until_it_is_unlinked(pair) {
        let world = World::start(pair).await;
        let browser = world.signed_in("alice").await;
        let external = format!("entra:{MCP_GITHUB}");
        assert_eq!(world.cli(&["group", "link", "MCP-GitHub", &external]).await, format!("MCP-GitHub is now linked to {external}.\n"));
        assert_eq!(header(&world, &browser, "x-user-groups").await.as_deref(), Some("MCP-GitHub"));
        assert!(world.cli(&["group", "link", "MCP-GitHub", &external]).await.contains("already"));
        let groups = json(&world, &["group", "list"]).await;
        let group = groups.as_array().unwrap().iter().find(|group| group["name"] == "MCP-GitHub").unwrap();
        assert_eq!((&group["members"], &group["links"][0]["external_id"], &group["links"][0]["source"]), (&1.into(), &MCP_GITHUB.into(), &"manual".into()));
        assert!(world.cli(&["group", "list"]).await.contains(&external));

        let text = world.cli(&["group", "unlink", &external]).await;
        assert_eq!(text, format!("{external} is no longer linked to a name.\n{APPLIES}"));
        assert_eq!(header(&world, &browser, "x-user-groups").await.as_deref(), Some(MCP_GITHUB));
        let refused = world.cli_refuses(&["group", "unlink", &external]).await;
        assert!(refused.starts_with(&format!("gatepost: {external} is not linked to a name\nhint: ")), "{refused}");
        let refused = world.cli_refuses(&["group", "link", "MCP-GitHub", "entar:x"]).await;
        assert!(refused.contains("entar is not a configured provider: expected one of entra"), "{refused}");
        let (tid, partner) = (world.entra.tid(), MCP_GITHUB);
        let of_several = world
            .builder
            .clone()
            .env("GATEPOST_PROVIDERS__ENTRA__TENANT_ID", "organizations")
            .env("GATEPOST_PROVIDERS__ENTRA__ALLOWED_TENANTS", format!("{tid},{partner}"));
        let (code, _, refused) = run_command(&of_several, &["group", "link", "Ops", "entra:role:Ops"]).await;
        assert!(code == Some(1) && refused.contains("expected TENANT-ID/ROLE as role"), "{refused}");
        let (code, ..) = run_command(&of_several, &["group", "link", "Ops", &format!("entra:role:{tid}/Ops")]).await;
        assert_eq!(code, Some(0));
    }

    async fn a_person_whom_an_administrator_added_is_in_the_group_until_removed(pair) {
        let world = Plan::default().route("team.example.test", "group=Team").start(pair).await;
        world.entra.add(alice());
        let browser = world.signed_in("alice").await;
        let team = world.url("team.example.test", "/");
        assert_eq!(browser.navigate(&team).await.end().status, 403);
        assert_eq!(world.cli(&["group", "add", "Team", ALICE]).await, "Group Team was created. It gives no access yet.\nalice@example.com is now in Team.\n");
        let received = browser.navigate(&team).await.end().echoed();
        assert_eq!(received.header("x-user-groups").map(str::to_owned), Some(format!("{MCP_GITHUB},Team")));
        assert!(world.cli(&["group", "add", "Team", ALICE]).await.contains("already"));
        let members = json(&world, &["group", "members", "Team"]).await;
        assert_eq!((&members[0]["email"], &members[0]["sources"]), (&ALICE.into(), &serde_json::json!(["manual"])));

        let text = world.cli(&["group", "remove", "Team", ALICE]).await;
        assert_eq!(text, format!("alice@example.com is no longer in Team.\n{APPLIES}"));
        assert_eq!(browser.fetch(&team).await.status, 403);
        assert!(world.cli(&["group", "members", "Team"]).await.starts_with("Nobody is in Team."));
        let text = world.cli(&["group", "remove", MCP_GITHUB, ALICE]).await;
        assert!(text.contains("comes back") && text.contains("because entra asserts it."), "{text}");
        assert!(text.ends_with(APPLIES), "{text}");
        assert_eq!(header(&world, &browser, "x-user-groups").await.as_deref(), Some(""));

        let refused = world.cli_refuses(&["group", "remove", "Team", ALICE]).await;
        assert_eq!(refused, "gatepost: alice@example.com is not in group Team\nhint: `gatepost group members 'Team'` shows the members and the source of each membership\n");
        let refused = world.cli_refuses(&["group", "members", "Taem"]).await;
        assert!(refused.starts_with("gatepost: there is no group Taem\nhint: "), "{refused}");
    }

    async fn a_person_added_to_a_group_of_admins_is_one_and_the_command_reports_it(pair) {
        let world = World::start(pair).await;
        let browser = world.signed_in("alice").await;
        let text = world.cli(&["group", "add", "MCP-Admin", ALICE]).await;
        assert!(text.contains("alice@example.com is now in MCP-Admin.\nMembers of this group are administrators"), "{text}");
        assert_eq!(header(&world, &browser, "x-user-admin").await.as_deref(), Some("true"));
        world.cli(&["group", "remove", "MCP-Admin", ALICE]).await;
        assert_eq!(header(&world, &browser, "x-user-admin").await.as_deref(), Some("false"));
    }

    async fn a_person_who_signs_in_with_an_awaited_address_is_in_its_group(pair) {
        let world = Plan::default().route("team.example.test", "group=Team").start(pair).await;
        world.entra.add(alice());
        let text = world.cli(&["group", "add", "Team", ALICE]).await;
        assert!(text.ends_with("Nobody has signed in as alice@example.com yet. The first person who signs in with this address will be in Team.\n"), "{text}");
        let browser = world.signed_in("alice").await;
        assert_eq!(browser.navigate(&world.url("team.example.test", "/")).await.end().status, 200);
    }

    async fn a_link_of_the_configuration_is_changed_there_alone(pair) {
        let external = format!("entra:{OTHER_GROUP}");
        let world = Plan::default().env("GATEPOST_GROUPS", format!("Team={external}")).start(pair).await;
        for arguments in [&["group", "unlink", &external][..], &["group", "link", "Other", &external]] {
            let refused = world.cli_refuses(arguments).await;
            assert!(refused.contains("is linked by GATEPOST_GROUPS: change it there"), "{refused}");
        }
        assert!(world.cli(&["group", "list"]).await.contains("by GATEPOST_GROUPS"));
    }

    async fn a_group_opens_a_tenant_until_it_is_unmapped(pair) {
        let world = Plan::default().route("github.example.test", "tenant=github").start(pair).await;
        world.entra.add(alice());
        let browser = world.signed_in("alice").await;
        let tool = world.url("github.example.test", "/");
        assert!(world.cli(&["tenant", "list"]).await.starts_with("There is no tenant."));
        assert_eq!(world.cli(&["tenant", "create", "github", "--name", "GitHub tools"]).await, "Tenant github was created.\n");
        assert_eq!(world.cli(&["tenant", "create", "github"]).await, "Tenant github already exists.\n");
        assert_eq!(browser.navigate(&tool).await.end().status, 403);
        assert!(world.cli(&["tenant", "map", MCP_GITHUB, "github"]).await.contains("now has access to tenant github as member"));
        assert!(world.cli(&["tenant", "map", MCP_GITHUB, "github"]).await.contains("already"));
        let text = world.cli(&["tenant", "map", MCP_GITHUB, "github", "--role", "viewer"]).await;
        assert!(text.contains("no longer as member") && text.ends_with(APPLIES), "{text}");
        let received = browser.navigate(&tool).await.end().echoed();
        assert_eq!((received.header("x-user-tenants"), received.header("x-user-role")), (Some("github"), Some("viewer")));
        let tenants = json(&world, &["tenant", "list"]).await;
        for (name, expected) in [
            ("id", serde_json::json!("github")),
            ("name", serde_json::json!("GitHub tools")),
            ("state", serde_json::json!("active")),
            ("groups", serde_json::json!({ MCP_GITHUB: "viewer" })),
            ("version", serde_json::json!("v1")),
            ("own_members", serde_json::json!([])),
        ] {
            assert_eq!(tenants[0][name], expected, "{tenants}");
        }
        assert_eq!(tenants.as_array().map(Vec::len), Some(1));
        let text = world.cli(&["tenant", "unmap", MCP_GITHUB, "github"]).await;
        assert_eq!(text, format!("Group {MCP_GITHUB} no longer has access to tenant github.\n{APPLIES}"));
        assert_eq!(browser.fetch(&tool).await.status, 403);

        let refused = world.cli_refuses(&["tenant", "unmap", MCP_GITHUB, "github"]).await;
        assert!(refused.contains("does not open tenant github"), "{refused}");
        let refused = world.cli_refuses(&["tenant", "map", "Nobody", "github"]).await;
        assert!(refused.contains("there is no group Nobody\nhint: "), "{refused}");
        let refused = world.cli_refuses(&["tenant", "map", MCP_GITHUB, "gitlab"]).await;
        assert!(refused.contains("there is no tenant gitlab\nhint: `gatepost tenant create gitlab`"), "{refused}");
    }

    async fn one_session_or_all_of_a_person_can_be_ended(pair) {
        let world = World::start(pair).await;
        let (first, second) = (world.signed_in("alice").await, world.signed_in("alice").await);
        let sessions = json(&world, &["session", "list", ALICE]).await;
        assert_eq!(sessions.as_array().unwrap().len(), 2);
        let hash = sessions[0]["hash"].as_str().unwrap();
        assert!(world.cli(&["session", "list", ALICE]).await.contains(hash));
        assert_eq!(world.cli(&["session", "end", hash]).await, format!("The session of alice@example.com has ended.\n{GOES_ON}"));
        let mut statuses = [first.fetch(&world.url(APP, "/")).await.status, second.fetch(&world.url(APP, "/")).await.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 401]);
        let refused = world.cli_refuses(&["session", "end", hash]).await;
        assert!(refused.contains("there is no session"), "{refused}");

        let done = world.cli(&["session", "end", "--user", ALICE]).await;
        assert_eq!(done, format!("All sessions of alice@example.com have ended (1 found).\n{GOES_ON}"));
        for browser in [first, second] {
            assert_eq!(browser.fetch(&world.url(APP, "/")).await.status, 401);
        }
        assert_eq!(world.cli(&["session", "list", ALICE]).await, "alice@example.com has no session.\n");
        world.signed_in("alice").await;
    }

    async fn a_person_is_shown_with_everything_and_can_give_up_the_address(pair) {
        let world = Plan::default().env("USER", "ops").start(pair).await;
        world.entra.add(alice());
        let browser = world.signed_in("alice").await;
        let id = header(&world, &browser, "x-user-id").await.unwrap();
        let user = json(&world, &["user", "show", ALICE]).await;
        assert_eq!((&user["id"], &user["groups"][MCP_GITHUB], &user["admin"]["is_admin"]), (&id.as_str().into(), &serde_json::json!(["entra"]), &false.into()));
        let at = user["last_sign_in_at"].as_str().unwrap();
        assert!(at.len() == 20 && at.ends_with('Z'), "{at}");
        let text = world.cli(&["user", "show", &id]).await;
        assert!(text.contains(ALICE) && text.contains(MCP_GITHUB) && text.contains("entra: "), "{text}");
        let text = world.cli(&["user", "release", ALICE]).await;
        assert!(text.starts_with("alice@example.com is released") && text.ends_with(GOES_ON), "{text}");
        assert_eq!(world.cli(&["user", "release", &id]).await, format!("User {id} has no address.\n"));
        assert_ne!(browser.fetch(&world.url(APP, "/")).await.status, 200);
        let refused = world.cli_refuses(&["user", "show", ALICE]).await;
        assert!(refused.starts_with("gatepost: there is no user alice@example.com\nhint: "), "{refused}");
        for arguments in [["user", "enable", ALICE], ["user", "release", ALICE], ["session", "list", ALICE], ["admin", "reset", ALICE]] {
            world.cli_refuses(&arguments).await;
        }
        let actors = sql(&world, "SELECT actor FROM audit_entries WHERE action = 'user.release_address'").await;
        assert_eq!(actors, ["cli:ops"]);
    }

    async fn the_audit_lists_who_did_what_page_by_page(pair) {
        let world = Plan::default().env("USER", "ops").start(pair).await;
        world.entra.add(alice());
        let browser = world.signed_in("alice").await;
        let id = header(&world, &browser, "x-user-id").await.unwrap();
        for command in ["grant", "revoke", "reset"] {
            world.cli(&["admin", command, ALICE]).await;
        }
        let of_admins = ["audit", "list", "--user", ALICE, "--actor", "cli:ops", "--since", "1h"];
        let text = world.cli(&of_admins).await;
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("At ") && lines[1].contains("admin.reset") && lines[1].contains("is_admin: false -> null"), "{text}");
        assert!(lines[3].contains("cli:ops") && lines[3].contains("admin.grant") && lines[3].contains(ALICE), "{text}");
        assert_eq!(lines.len(), 4, "{text}");
        assert_eq!(world.cli(&["audit", "list", "--until", "1h"]).await, "There are no matching entries.\n");

        let page = json(&world, &[&of_admins[..], &["--limit", "2"]].concat()).await;
        let entry = &page["entries"][1];
        assert_eq!((&entry["action"], &entry["before"], &entry["after"]), (&"admin.revoke".into(), &serde_json::json!({ "is_admin": true }), &serde_json::json!({ "is_admin": false })));
        assert_eq!((&entry["target"], &entry["target_email"]), (&format!("user:{id}").into(), &ALICE.into()));
        let next = page["next"].as_str().unwrap();
        assert!(world.cli(&[&of_admins[..], &["--limit", "2"]].concat()).await.ends_with(&format!("\n\nOlder entries: the same command with --before {next}\n")));
        let rest = json(&world, &[&of_admins[..], &["--limit", "2", "--before", next]].concat()).await;
        assert_eq!((rest["entries"].as_array().unwrap().len(), &rest["entries"][0]["action"], &rest["next"]), (1, &"admin.grant".into(), &Value::Null));

        let signed_in = json(&world, &["audit", "list", "--action", "user.sign_in"]).await;
        let request = signed_in["entries"][0]["request_id"].as_str().unwrap();
        let found = json(&world, &["audit", "list", "--request", request, "--action", "user.sign_in", "--actor", "sign-in"]).await;
        assert_eq!(found["entries"], signed_in["entries"]);
        let refused = world.cli_refuses(&["audit", "list", "--user", "nobody@example.com"]).await;
        assert!(refused.starts_with("gatepost: there is no user nobody@example.com\nhint: "), "{refused}");
    }

    async fn a_schema_that_is_not_exactly_known_is_left_alone(pair) {
        let world = World::start(pair).await;
        let other = match pair {
            Pair::Embedded => {
                let empty = world.stores.folder().join("empty.db");
                std::fs::write(&empty, "").unwrap();
                std::fs::set_permissions(empty, Permissions::from_mode(0o600)).unwrap();
                "sqlite://empty.db".to_owned()
            }
            Pair::Shared => Postgres::shared().await.database().await,
        };
        let (code, _, stderr) = run_command(&world.builder.clone().env("DATABASE_URL", other), &["user", "list"]).await;
        assert_eq!(code, Some(1));
        assert!(stderr.contains("older than this Gatepost\nhint: run `gatepost migrate`"), "{stderr}");
        let copy = "INSERT INTO migrations (version, description, success, checksum, execution_time) \
                    SELECT 99991231000000, description, success, checksum, execution_time FROM migrations LIMIT 1";
        sql(&world, copy).await;
        let refused = world.cli_refuses(&["user", "disable", ALICE]).await;
        assert!(refused.contains("newer than this Gatepost"), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_in_the_wrong_folder_makes_no_file() {
    let world = World::start(Pair::Embedded).await;
    let elsewhere = tempfile::TempDir::new().unwrap();
    let (code, _, stderr) =
        run_command(&world.builder.clone().folder(elsewhere.path()), &["user", "list"]).await;
    assert_eq!(code, Some(1));
    assert!(
        stderr.starts_with("gatepost: there is no file ") && stderr.contains("gatepost.db\nhint: "),
        "{stderr}"
    );
    assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}
