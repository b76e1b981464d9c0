//! The forms of a person's page: what they change, who may send them, who was overtaken, what is wrong.

use super::forms::{form, form_of};
use super::{page, path_of, start, start_of};
use crate::cli::sql;
use crate::world::{APP, OTHER, PUBLIC, Plan, World};
use gatepost_core::clock::Timestamp;
use gatepost_kit::client::{Answer, Client};
use sqlx::AssertSqlSafe;

async fn audit(world: &World, action: &str) -> Vec<serde_json::Value> {
    let rows = world.cli(&["audit", "list", "--action", action, "--json"]).await;
    let rows: serde_json::Value = serde_json::from_str(&rows).unwrap();
    rows["entries"].as_array().unwrap().clone()
}

async fn join(world: &World, root: &Client, path: &str, group: &str, end: &str) -> String {
    let joining = form(world, root, path, &format!("{path}/join")).await;
    // Some of the groups are new.
    joining.with("group", group).with("end", end).with("create", group).done(world, root).await
}

both_pairs! {
    async fn a_leaver_is_disabled_by_one_button_and_has_no_session_then(pair) {
        let (world, root) = start(pair).await;
        let alice = world.signed_in("alice").await;
        let path = path_of(&world, &root, "alice").await;
        for name in ["one", "two", "revoked"] {
            world.cli(&["key", "create", name, "--host", APP, "--owner", "alice@example.com", "--json"]).await;
        }
        let keys: serde_json::Value = serde_json::from_str(&world.cli(&["key", "list", "--json"]).await).unwrap();
        let revoked = keys.as_array().unwrap().iter().find(|key| key["name"] == "revoked").unwrap();
        world.cli(&["key", "revoke", revoked["id"].as_str().unwrap()]).await;
        assert!(page(&world, &root, &path).await.body.contains("2 working keys"));
        let question = page(&world, &root, &format!("{path}/disable")).await;
        for part in ["This ends 2 sessions at once.", "2 keys stop."] {
            assert!(question.body.contains(part), "{part}: {}", question.body);
        }
        let disable = form_of(&question, &format!("{path}/disable"), &format!("{path}/disable"));
        let after = disable.done(&world, &root).await;
        for part in ["all sessions have ended", "disabled</span> since", "0 working keys", "0 sessions: the person is signed in nowhere"] {
            assert!(after.contains(part), "{part}: {after}");
        }
        assert_eq!(alice.fetch(&world.url(APP, "/")).await.status, 401);
        let row = &audit(&world, "user.disable").await[0];
        assert_eq!((row["actor_email"].as_str(), row["request_id"].is_string()), (Some("root@example.com"), true), "{row}");

        let enabled = form(&world, &root, &path, &format!("{path}/enable")).await.done(&world, &root).await;
        assert!(enabled.contains("may sign in again") && enabled.contains(">active</span>"), "{enabled}");
        assert_eq!(alice.fetch(&world.url(APP, "/")).await.status, 401, "ended sessions stay ended");
    }

    async fn the_page_of_a_person_says_what_they_can_open_and_why(pair) {
        let (world, root) = start(pair).await;
        let path = path_of(&world, &root, "bob").await;
        join(&world, &root, &path, "Wiki", "friday").await;
        let now = Timestamp::now().unix();
        for (host, query) in [(APP, "group=Wiki"), (OTHER, "group=Nobody")] {
            let row = format!("INSERT INTO requirements (host, query, seen_at) VALUES ('{host}', '{query}', {now})");
            sql(&world, AssertSqlSafe(row)).await;
        }
        let origin = |host: &str| world.url(host, "").trim_end_matches('/').to_owned();
        let body = page(&world, &root, &path).await.body;
        let row = body.split("</tr>").find(|row| row.contains("<code>group=Wiki</code>")).unwrap_or_else(|| panic!("{body}"));
        assert!(row.contains(&format!("<a href=\"{}/\">", origin(APP))), "{row}");
        assert!(row.contains("<li>group Wiki") && row.contains("until <time"), "{row}");
        assert!(!body.contains("group=Nobody"), "{body}");
        form(&world, &root, &format!("{path}/disable"), &format!("{path}/disable")).await.done(&world, &root).await;
        let body = page(&world, &root, &path).await.body;
        assert!(body.contains("Nothing: the person is disabled.") && !body.contains(&origin(APP)), "{body}");
    }

    async fn a_person_gets_a_group_until_friday_and_loses_it_by_a_button(pair) {
        let (world, root) = start(pair).await;
        let path = path_of(&world, &root, "bob").await;
        let after = join(&world, &root, &path, "MCP-Git/Hub & \"friends\"", "friday").await;
        assert!(after.contains("MCP-Git/Hub &#38; &#34;friends&#34;</a></th>") && after.contains(", 23:59 UTC</time>"), "{after}");
        let notice = "bob@example.com is in MCP-Git/Hub &#38; &#34;friends&#34; until Friday ";
        assert!(after.contains(notice), "{after}");
        // The end is changed in the form that the row leads to.
        let (_, number) = after.split_once("?group=").unwrap();
        let number = number.split('#').next().unwrap();
        let ending = form(&world, &root, &format!("{path}?group={number}"), &format!("{path}/join")).await;
        let later = ending.with("end", "other").with("at", "2199-01-31T17:00").done(&world, &root).await;
        assert!(later.contains("31 January 2199, 17:00 UTC"), "{later}");
        let left = form(&world, &root, &path, &format!("{path}/leave")).await.done(&world, &root).await;
        assert!(left.contains("In no group."), "{left}");
        assert_eq!(audit(&world, "membership.delete").await.len(), 1);
    }

    async fn a_group_that_does_not_exist_is_made_only_after_a_question(pair) {
        let (world, root) = start(pair).await;
        let path = path_of(&world, &root, "bob").await;
        for name in ["MCP-GitHub", "MCP-Search"] {
            world.cli(&["group", "create", name]).await;
        }
        let action = format!("{path}/join");
        let blank = form(&world, &root, &path, &action).await;
        assert!(page(&world, &root, &path).await.body.contains("<option value=\"MCP-GitHub\"></option>"));
        let slip = blank.with("group", "GitHub").with("end", "friday");
        // A word for another group answers no question.
        for sent in [slip.clone(), slip.clone().with("create", "MCP-GitHub"), slip.clone().with("create", "")] {
            let question = sent.send(&world, &root).await;
            assert_eq!(question.status, 200, "{}", question.body);
            for part in ["There is no group GitHub", "Did you mean", "Add to MCP-GitHub", "Create the new group GitHub"] {
                assert!(question.body.contains(part), "{part}: {}", question.body);
            }
            assert!(!question.body.contains("MCP-Search"), "{}", question.body);
        }
        let made = audit(&world, "membership.create").await;
        assert!(made.iter().all(|row| !row["actor_email"].is_string()), "{made:?}");
        let question = slip.send(&world, &root).await;
        let meant = form_of(&question, &path, &action).done(&world, &root).await;
        assert!(meant.contains("bob@example.com is in MCP-GitHub until Friday "), "{meant}");
        // The last form of the page makes the group.
        let (_, last) = question.body.rsplit_once("<form ").unwrap();
        let made = form_of(&Answer { body: format!("<form {last}"), ..question.clone() }, &path, &action);
        let made = made.done(&world, &root).await;
        assert!(made.contains(">GitHub</a></th>"), "{made}");
        // A link says nothing that is not so.
        let planted = page(&world, &root, &format!("{path}?done=joined&in=999999")).await;
        assert!(!planted.body.contains("is in MCP"), "{}", planted.body);
    }

    async fn sessions_end_one_by_one_and_all_at_once(pair) {
        let (world, root) = start(pair).await;
        let (one, other) = (world.signed_in("alice").await, world.signed_in("alice").await);
        let path = path_of(&world, &root, "alice").await;
        let after = form(&world, &root, &path, &format!("{path}/end-session")).await.done(&world, &root).await;
        assert_eq!(after.matches("/end-session\"").count(), 2, "of three: {after}");
        let after = form(&world, &root, &path, &format!("{path}/end-sessions")).await.done(&world, &root).await;
        assert!(after.contains("0 sessions"), "{after}");
        for browser in [one, other] {
            assert_eq!(browser.fetch(&world.url(APP, "/")).await.status, 401);
        }
    }

    async fn an_address_is_released_and_a_place_is_made_for_one(pair) {
        let (world, root) = start(pair).await;
        let path = path_of(&world, &root, "bob").await;
        let release = form(&world, &root, &format!("{path}/release-address"), &format!("{path}/release-address")).await;
        let after = release.done(&world, &root).await;
        assert!(after.contains("The address is free") && !after.contains("Release the address"), "{after}");
        let list = page(&world, &root, "/admin/users").await.body;
        let place = |part: &str| list.find(part).unwrap_or_else(|| panic!("{part}: {list}"));
        assert!(place("Add a person who has not signed in yet") < place("<table"), "{list}");
        let create = form(&world, &root, "/admin/users", "/admin/users").await;
        let made = create.with("email", " Bob@example.com ").done(&world, &root).await;
        assert!(made.contains("The person is added.") && made.contains("waiting</span>"), "{made}");
        let create = form(&world, &root, "/admin/users", "/admin/users").await;
        let known = create.with("email", "alice@example.com").done(&world, &root).await;
        assert!(known.contains("Somebody has this address already"), "{known}");
    }

    async fn a_person_is_erased_after_the_address_was_typed(pair) {
        let (world, root) = start(pair).await;
        let bob = world.signed_in("bob").await;
        let path = path_of(&world, &root, "bob").await;
        let erase = form(&world, &root, &format!("{path}/erase"), &format!("{path}/erase")).await;
        let asked = page(&world, &root, &format!("{path}/erase")).await;
        assert!(asked.body.contains("2 sessions end at once.") && asked.body.contains("0 keys stop"), "{}", asked.body);
        for wrong in ["", "alice@example.com", "bob"] {
            let refused = erase.clone().with("name", wrong).send(&world, &root).await;
            assert_eq!(refused.status, 422, "{wrong}: {}", refused.body);
            assert!(refused.body.contains("This is not the address of the person."), "{}", refused.body);
        }
        let stale = erase.clone().with("name", "bob@example.com").with("version", "v999").send(&world, &root).await;
        assert!(stale.status == 422 && stale.body.contains("Somebody has changed the person"), "{}", stale.body);
        let unversioned = erase.clone().with("name", "bob@example.com").with("version", "x").send(&world, &root).await;
        assert_eq!(unversioned.status, 400, "{}", unversioned.body);
        let after = form(&world, &root, &format!("{path}/erase"), &format!("{path}/erase")).await;
        let after = after.with("name", "bob@example.com").done(&world, &root).await;
        assert!(after.contains("The person is erased."), "{after}");
        world.has_heard().await;
        assert_eq!(bob.fetch(&world.url(APP, "/")).await.status, 401);
        assert_eq!(page(&world, &root, &path).await.status, 404);
        let rows = world.cli(&["audit", "list", "--json"]).await;
        assert!(rows.contains("user.erase") && !rows.contains("bob@example.com"), "{rows}");
    }

    async fn an_administrator_makes_another_one_and_cannot_be_the_last_to_go(pair) {
        let (world, root) = start(pair).await;
        let (alice_path, own) = (path_of(&world, &root, "alice").await, path_of(&world, &root, "root").await);
        let alice = world.signed_in("alice").await;
        let decide = form(&world, &root, &own, &format!("{own}/decide")).await;
        let last = decide.with("decision", "no").with("end", "never").send(&world, &root).await;
        assert_eq!(last.status, 409, "{}", last.body);
        assert!(last.body.contains("Make somebody else an administrator of the system first."), "{}", last.body);
        let decide = form(&world, &root, &alice_path, &format!("{alice_path}/decide")).await;
        let made = decide.with("decision", "yes").with("end", "8h").done(&world, &root).await;
        assert!(made.contains("An administrator decided so until") && made.contains("alice@example.com is an administrator of the system until "), "{made}");
        assert!(made.contains("Remove administrator</button>") && !made.contains("Make administrator</button>"), "{made}");
        assert_eq!(page(&world, &alice, &own).await.status, 200, "at once");
        let decide = form(&world, &alice, &alice_path, &format!("{alice_path}/decide")).await;
        let reset = decide.with("decision", "groups").send(&world, &alice).await;
        assert_eq!(reset.status, 303, "{}", reset.body);
        world.has_heard().await;
        assert_eq!(page(&world, &alice, &own).await.status, 403, "at once");
        // One button makes an administrator for good, and one takes it away.
        let button = form(&world, &root, &alice_path, &format!("{alice_path}/decide")).await;
        let made = button.done(&world, &root).await;
        assert!(made.contains("alice@example.com is an administrator of the system."), "{made}");
        let button = form(&world, &root, &alice_path, &format!("{alice_path}/decide")).await;
        let removed = button.done(&world, &root).await;
        assert!(removed.contains("alice@example.com is no administrator of the system."), "{removed}");
        assert!(removed.contains("No group and no role says so."), "no decision stays that nobody sees: {removed}");
        assert_eq!(page(&world, &alice, &own).await.status, 403, "at once");
    }

    async fn who_is_an_administrator_by_a_group_is_removed_by_a_decision_against_it(pair) {
        let bosses = "00000000-0000-4000-8000-00000000b055";
        let plan = Plan::default().env("GATEPOST_ADMIN_GROUPS", "Bosses").env("GATEPOST_GROUPS", format!("Bosses=entra:{bosses}"));
        let (world, root) = start_of(plan, pair).await;
        world.entra.update("alice", |alice| *alice = alice.clone().group(bosses, "Bosses"));
        let alice = world.signed_in("alice").await;
        let path = path_of(&world, &root, "alice").await;
        assert_eq!(page(&world, &alice, &path).await.status, 200);
        let button = form(&world, &root, &path, &format!("{path}/decide")).await;
        let removed = button.done(&world, &root).await;
        assert!(removed.contains("alice@example.com is no administrator of the system.") && removed.contains("An administrator decided so"), "{removed}");
        assert_eq!(page(&world, &alice, &path).await.status, 403, "the group says otherwise");
    }

    async fn who_was_overtaken_sees_both_values_and_chooses(pair) {
        let (world, root) = start(pair).await;
        let path = path_of(&world, &root, "bob").await;
        let stale = form(&world, &root, &format!("{path}/disable"), &format!("{path}/disable")).await;
        world.cli(&["user", "disable", "bob@example.com"]).await;
        world.cli(&["user", "enable", "bob@example.com"]).await;
        let overtaken = stale.send(&world, &root).await;
        assert_eq!(overtaken.status, 412, "{}", overtaken.body);
        for part in ["Your page showed</dt><dd>bob@example.com, active", "Now it is</dt><dd>bob@example.com, active", "<code>user.enable</code> by cli:"] {
            assert!(overtaken.body.contains(part), "{part}: {}", overtaken.body);
        }
        assert_eq!(audit(&world, "user.disable").await.len(), 1, "nothing was done");
        let again = form_of(&overtaken, &path, &format!("{path}/disable"));
        assert!(again.done(&world, &root).await.contains("disabled</span> since"));

        // The same for a membership.
        join(&world, &root, &path, "MCP-Search", "1d").await;
        let (stale, second) = (form(&world, &root, &path, &format!("{path}/leave")).await, form(&world, &root, &path, &format!("{path}/join")).await);
        world.cli(&["group", "add", "MCP-Search", "bob@example.com", "--until", "2199-01-31T17:00:00Z"]).await;
        let overtaken = stale.send(&world, &root).await;
        assert_eq!(overtaken.status, 412, "{}", overtaken.body);
        assert!(overtaken.body.contains("Now it is</dt><dd>a member until 31 January 2199, 17:00 UTC"), "{}", overtaken.body);
        let overtaken = second.with("group", "MCP-Search").with("end", "never").send(&world, &root).await;
        assert_eq!(overtaken.status, 412, "the form meant somebody who is no member: {}", overtaken.body);
        let again = form_of(&overtaken, &path, &format!("{path}/join"));
        let chosen = again.done(&world, &root).await;
        assert!(chosen.contains("bob@example.com is in MCP-Search for good.") && !chosen.contains("2199"), "{chosen}");

        // And for the decision about the administrator.
        let stale = form(&world, &root, &path, &format!("{path}/decide")).await;
        world.cli(&["admin", "revoke", "bob@example.com"]).await;
        let overtaken = stale.with("decision", "yes").send(&world, &root).await;
        assert_eq!(overtaken.status, 412, "{}", overtaken.body);
        assert!(overtaken.body.contains("Now it is</dt><dd>no administrator by a decision"), "{}", overtaken.body);
        assert!(form_of(&overtaken, &path, &format!("{path}/decide")).done(&world, &root).await.contains("An administrator decided so"));
    }

    async fn of_two_forms_that_are_sent_at_once_one_is_made(pair) {
        let (world, root) = start(pair).await;
        let path = path_of(&world, &root, "bob").await;
        join(&world, &root, &path, "MCP-Search", "never").await;
        let ending = form(&world, &root, &path, &format!("{path}/leave")).await;
        let twice = tokio::join!(ending.send(&world, &root), ending.send(&world, &root));
        let mut statuses = [twice.0.status, twice.1.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [303, 412], "{} {}", twice.0.body, twice.1.body);
        assert_eq!(audit(&world, "membership.delete").await.len(), 1);
    }

    async fn what_is_wrong_stands_beside_the_field_and_nothing_is_changed(pair) {
        let (world, root) = start(pair).await;
        let path = path_of(&world, &root, "bob").await;
        let joining = async || form(&world, &root, &path, &format!("{path}/join")).await;
        let long = "W".repeat(300);
        for (group, end, at, shown) in [
            ("", "never", "", "Enter the name of a group."),
            (&*long, "never", "", "aria-invalid"),
            ("MCP-Search", "other", "yesterday", "Enter a date and a time"),
            ("MCP-Search", "other", "2001-01-01T00:00", "This time has passed."),
            ("MCP-Search", "2d", "", "Choose how long."),
        ] {
            let answer = joining().await.with("group", group).with("end", end).with("at", at).send(&world, &root).await;
            assert_eq!(answer.status, 422, "{group} {end} {at}: {}", answer.body);
            assert!(answer.body.contains(shown) && answer.body.contains(&format!("value=\"{group}\"")), "{shown}: {}", answer.body);
        }
        let create = form(&world, &root, "/admin/users", "/admin/users").await.with("email", "no address").send(&world, &root).await;
        assert_eq!(create.status, 422, "{}", create.body);
        assert!(create.body.contains("value=\"no address\""), "{}", create.body);
        for version in ["7", "v", "", "v99999999999999999999"] {
            let answer = form(&world, &root, &format!("{path}/disable"), &format!("{path}/disable")).await.with("version", version).send(&world, &root).await;
            assert!([400, 412].contains(&answer.status), "{version}: {}", answer.status);
        }
        let decide = form(&world, &root, &path, &format!("{path}/decide")).await;
        assert_eq!(decide.with("decision", "yes").with("end", "other").with("at", "x").send(&world, &root).await.status, 422);
        let repeated = root.request(reqwest::Method::POST, &world.url(PUBLIC, &format!("{path}/join"))).from(&world.url(PUBLIC, &path));
        let repeated = repeated.form(&[("group", "a"), ("group", "b"), ("end", "never"), ("version", "")]).send().await;
        assert_eq!(repeated.status, 400);
        for action in ["membership.create", "user.create", "user.disable", "admin.grant"] {
            let rows = audit(&world, action).await;
            assert!(rows.iter().all(|row| !row["actor_email"].is_string()), "{action}: {rows:?}");
        }
    }

    async fn nobody_else_changes_people(pair) {
        let (world, root) = start(pair).await;
        world.cli_all(&[
            ["tenant", "create", "github"].as_slice(),
            &["group", "add", "Owners", "alice@example.com"],
            &["tenant", "map", "Owners", "github", "--role", "admin"],
            &["group", "add", "Members", "bob@example.com"],
            &["tenant", "map", "Members", "github", "--role", "member"],
        ]).await;
        let path = path_of(&world, &root, "bob").await;
        let (alice, bob) = (world.signed_in("alice").await, world.signed_in("bob").await);
        let seen = page(&world, &alice, &path).await;
        assert_eq!((seen.status, seen.body.contains("<form method=\"post\"")), (200, false), "{}", seen.body);
        let disable = form(&world, &root, &format!("{path}/disable"), &format!("{path}/disable")).await;
        let joining = form(&world, &root, &path, &format!("{path}/join")).await.with("group", "Owners").with("end", "never");
        let decide = form(&world, &root, &path, &format!("{path}/decide")).await.with("decision", "yes");
        let create = form(&world, &root, "/admin/users", "/admin/users").await.with("email", "eve@example.com");
        for sent in [&disable, &joining, &decide, &create] {
            for browser in [&alice, &bob] {
                let answer = sent.send(&world, browser).await;
                assert_eq!(answer.status, 403, "{}", answer.body);
            }
            let stranger = sent.send(&world, &world.browser()).await;
            assert_eq!((stranger.status, stranger.location().unwrap().path()), (303, "/login"));
            for from in [world.url(APP, "/"), "https://evil.example/".to_owned()] {
                assert_eq!(sent.send_from(&world, &root, &from).await.status, 403, "{from}");
            }
        }
        for verb in ["disable", "release-address", "erase"] {
            assert_eq!(page(&world, &alice, &format!("{path}/{verb}")).await.status, 403, "{verb}");
        }
        // An administrator who was removed a moment ago.
        world.cli(&["admin", "grant", "bob@example.com"]).await;
        world.cli(&["admin", "revoke", "root@example.com"]).await;
        for sent in [&disable, &joining, &decide, &create] {
            assert_eq!(sent.send(&world, &root).await.status, 403);
        }
        let rows = world.cli(&["audit", "list", "--json"]).await;
        assert!(!rows.contains("root@example.com\",\"action"), "{rows}");
    }
}
