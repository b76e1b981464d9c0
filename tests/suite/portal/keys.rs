//! The pages of keys: what a form makes, who may send it, and that a secret is shown once.

use super::forms::{FilledForm, form, form_of};
use super::{page, path_of, start};
use crate::cli::sql;
use crate::world::{APP, World};
use gatepost_core::api_key::ApiKey;
use gatepost_kit::client::{Answer, Client};
use reqwest::Method;

/// The secret that a page shows.
fn secret(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let (_, rest) = answer.body.split_once(" value=\"gp_").unwrap_or_else(|| panic!("{}", answer.body));
    let secret = format!("gp_{}", rest.split('"').next().unwrap());
    assert!(ApiKey::parse(&secret).is_ok(), "{secret}");
    secret
}

/// The path of the page of the key that a page with a secret leads to.
fn path_of_key(answer: &Answer, root: &str) -> String {
    let (_, rest) = answer
        .body
        .split_once(&format!("class=\"go\" href=\"{root}/"))
        .unwrap_or_else(|| panic!("{}", answer.body));
    format!("{root}/{}", &rest[..36])
}

async fn new_key(world: &World, browser: &Client, root: &str, name: &str) -> FilledForm {
    form(world, browser, &format!("{root}/new"), root).await.with("name", name).with("hosts", APP)
}

async fn passes(world: &World, key: &str) -> u16 {
    let bearer = format!("Bearer {key}");
    let program = world.browser();
    let request = program.request(Method::GET, &world.url(APP, "/")).header("authorization", &bearer);
    request.header("accept", "application/json").send().await.status
}

/// How many keys the directory has.
async fn count(world: &World) -> usize {
    let keys: serde_json::Value = serde_json::from_str(&world.cli(&["key", "list", "--json"]).await).unwrap();
    keys.as_array().unwrap_or_else(|| panic!("{keys}")).len()
}

/// Alice administers the tenant `github`, and Bob the tenant `wiki`.
async fn tenants(world: &World) {
    world
        .cli_all(&[
            ["tenant", "create", "github"].as_slice(),
            &["tenant", "create", "wiki"],
            &["tenant", "add-member", "github", "alice@example.com", "--role", "admin"],
            &["tenant", "add-member", "wiki", "bob@example.com", "--role", "admin"],
        ])
        .await;
}

both_pairs! {
    async fn a_key_is_made_shown_once_and_never_made_again_by_a_reload(pair) {
        let (world, root) = start(pair).await;
        let new = new_key(&world, &root, "/admin/keys", "nightly backup").await;
        let made = new.send(&world, &root).await;
        let (key, path) = (secret(&made), path_of_key(&made, "/admin/keys"));
        world.has_heard().await;
        assert_eq!(passes(&world, &key).await, 200);
        let details = page(&world, &root, &path).await;
        for part in ["nightly backup", APP, "valid</span>", "gp_", "does not lend it theirs", "names the groups of a key when they make it"] {
            assert!(details.body.contains(part), "{part}: {}", details.body);
        }
        let form_page = page(&world, &root, "/admin/keys/new").await.body;
        assert!(form_page.contains("Name the groups that it is to have below"), "{form_page}");
        // The browser sends the form again, as it was or with another name.
        for again in [new.clone(), new.clone().with("name", "another")] {
            let again = again.send(&world, &root).await;
            assert_eq!((again.status, again.location().unwrap().path()), (303, path.as_str()), "{}", again.body);
        }
        assert_eq!(count(&world).await, 1);
        for path in [path.clone(), format!("{path}?done=key-shown"), "/admin/keys".to_owned(), "/admin/audit".to_owned()] {
            let body = page(&world, &root, &path).await.body;
            assert!(!body.contains(&key) && !body.contains(&key[key.len() - 40..]), "{path}: {body}");
        }
        let foreign = new.with("once", "x").send(&world, &root).await;
        assert_eq!(foreign.status, 400, "{}", foreign.body);
    }

    async fn a_host_may_be_entered_as_an_address_and_the_example_is_one_that_works(pair) {
        let (world, root) = start(pair).await;
        let blank = page(&world, &root, "/admin/keys/new").await;
        let (_, hint) = blank.body.split_once("Protected here: ").unwrap_or_else(|| panic!("{}", blank.body));
        let hint = hint.split("</small>").next().unwrap();
        assert_eq!(hint, "*.example.test, *.example.org.");
        let several = new_key(&world, &root, "/admin/keys", "x").await.with("hosts", "*.example.test").send(&world, &root).await;
        assert!(several.status == 422 && several.body.contains("Enter each host in full"), "{}", several.body);
        let none = new_key(&world, &root, "/admin/keys", "x").await.with("hosts", "").send(&world, &root).await;
        assert!(none.status == 422 && none.body.contains("Enter at least one host: as a credential the key counts only at these."), "{}", none.body);
        let address = world.url(APP, "/some/page?x");
        let made = new_key(&world, &root, "/admin/keys", "script").await.with("hosts", &address).send(&world, &root).await;
        let key = secret(&made);
        world.has_heard().await;
        assert_eq!(passes(&world, &key).await, 200);
        let example = format!("Bearer $KEY&#34; {}</code>", world.url(APP, "/"));
        assert!(made.body.contains(&example), "{example}: {}", made.body);
        // A person learns before what their key lacks.
        let alice = world.signed_in("alice").await;
        let own = page(&world, &alice, "/keys/new").await;
        assert!(own.body.contains("It does not get your groups"), "{}", own.body);
        // Administrators find the way back from their own keys.
        let link = "<a href=\"/admin\">Administration</a>";
        assert!(!own.body.contains(link), "{}", own.body);
        assert!(page(&world, &root, "/keys").await.body.contains(link));
    }

    async fn everything_that_is_wrong_is_said_at_once_and_nothing_typed_is_lost(pair) {
        let (world, root) = start(pair).await;
        let new = form(&world, &root, "/admin/keys/new", "/admin/keys").await;
        let wrong = new.with("name", "").with("hosts", "elsewhere.example.com, no host!").with("networks", "nonsense")
            .with("tools", "a*b").with("requests_per_minute", "many").with("tenant", "nowhere").with("owner_id", "nobody@example.com")
            .with("end", "never").with("groups", "Nobody's group").send(&world, &root).await;
        assert_eq!(wrong.status, 422, "{}", wrong.body);
        for part in [
            "Say what the key is for.", "elsewhere.example.com is not a protected host", "nonsense", "is no network", "Enter a whole number",
            "There is nobody nobody@example.com", "value=\"many\"", "no host!</textarea>", "a*b</textarea>", "value=\"nowhere\"", "Nobody&#39;s group</textarea>",
        ] {
            assert!(wrong.body.contains(part), "{part}: {}", wrong.body);
        }
        assert_eq!(count(&world).await, 0);
        let hosts = form(&world, &root, "/admin/keys/new", "/admin/keys").await.with("name", "x").with("hosts", "elsewhere.example.com").with("end", "never");
        let hosts = hosts.send(&world, &root).await;
        for part in ["elsewhere.example.com is not a protected host", "A key that never expires needs a reason"] {
            assert!(hosts.status == 422 && hosts.body.contains(part), "{part}: {}", hosts.body);
        }
        assert_eq!(count(&world).await, 0);
    }

    async fn a_person_makes_changes_rotates_and_revokes_a_key_of_their_own(pair) {
        let (world, root) = start(pair).await;
        let alice = world.signed_in("alice").await;
        let account = page(&world, &alice, "/").await;
        assert!(account.body.contains("href=\"/keys\""), "{}", account.body);
        let made = new_key(&world, &alice, "/keys", "my script").await.send(&world, &alice).await;
        let (first, path) = (secret(&made), path_of_key(&made, "/keys"));
        let edit = form(&world, &alice, &format!("{path}/edit"), &format!("{path}/edit")).await;
        let changed = edit.with("name", "my other script").with("hosts", APP).done(&world, &alice).await;
        assert!(changed.contains("my other script"), "{changed}");
        // The form was shown before the change.
        let stale = edit_of_nothing(&world, &alice, &path).await;
        assert_eq!(stale.status, 412, "{}", stale.body);
        assert!(stale.body.contains("what I typed") && stale.body.contains("my other script"), "{}", stale.body);
        let rotation = form(&world, &alice, &format!("{path}/rotate"), &format!("{path}/rotate")).await;
        let rotated = rotation.send(&world, &alice).await;
        let second = secret(&rotated);
        world.has_heard().await;
        assert_ne!(first, second);
        assert_eq!((passes(&world, &first).await, passes(&world, &second).await), (200, 200), "for a day both count");
        let again = rotation.send(&world, &alice).await;
        assert_eq!((again.status, again.location().unwrap().path()), (303, path.as_str()));
        assert_eq!(passes(&world, &second).await, 200, "a reload makes no third secret");
        let at_once = form(&world, &alice, &format!("{path}/rotate"), &format!("{path}/rotate")).await.with("overlap", "0");
        let third = secret(&at_once.send(&world, &alice).await);
        world.has_heard().await;
        assert_eq!((passes(&world, &second).await, passes(&world, &third).await), (401, 200));
        let revocation = form(&world, &alice, &format!("{path}/revoke"), &format!("{path}/revoke")).await;
        let mistyped = revocation.clone().with("name", "another").send(&world, &alice).await;
        assert_eq!(mistyped.status, 422, "{}", mistyped.body);
        assert_eq!(passes(&world, &third).await, 200);
        let revoked = revocation.with("name", "my other script").done(&world, &alice).await;
        assert!(revoked.contains("It was revoked, which is for good") && !revoked.contains("/rotate\""), "{revoked}");
        assert_eq!(passes(&world, &third).await, 401);
        assert_eq!(page(&world, &alice, &format!("{path}/edit")).await.status, 404);
        // The administrator sees it among those of Alice, by whose pages it is reached.
        let person = page(&world, &root, &path_of(&world, &root, "alice").await).await;
        let (_, link) = person.body.split_once("href=\"/admin/keys?owner=").unwrap();
        let list = page(&world, &root, &format!("/admin/keys?owner={}", &link[..36])).await;
        assert!(list.body.contains("my other script") && list.body.contains("alice@example.com"), "{}", list.body);
    }

    async fn a_person_gives_no_key_more_than_they_may(pair) {
        let (world, _root) = start(pair).await;
        tenants(&world).await;
        let alice = world.signed_in("alice").await;
        let refused = [
            (["scim", "on"].as_slice(), "only a system administrator may handle a key with the scope scim"),
            (&["act_as", "on"], "only a system administrator may handle a key with the scope act-as"),
            (&["end", "never"], "only a system administrator may handle a key that never expires"),
            (&["groups", "MCP-GitHub"], "only a system administrator may handle a key with groups"),
            (&["tenant", "wiki"], "the owner of the key may not enter tenant wiki"),
        ];
        for (field, why) in refused {
            world.cli(&["group", "create", "MCP-GitHub"]).await;
            let new = new_key(&world, &alice, "/keys", "x").await.with("endless_reason", "y").with(field[0], field[1]);
            let answer = new.send(&world, &alice).await;
            let said = answer.body.to_lowercase().contains(&why.to_lowercase());
            assert!(answer.status == 422 && said, "{field:?}: {}", answer.body);
        }
        // Whose key it is to be is not theirs to say.
        let made = new_key(&world, &alice, "/keys", "mine").await.with("owner_id", "bob@example.com").send(&world, &alice).await;
        let details = page(&world, &alice, &path_of_key(&made, "/keys")).await;
        assert!(details.status == 200 && details.body.contains("<dd>you"), "{}", details.body);
        // The tenant's own keys she may make, and for no other tenant.
        let tenant = new_key(&world, &alice, "/admin/keys", "of the tenant").await;
        secret(&tenant.send(&world, &alice).await);
        for other in ["wiki", "", "nowhere"] {
            let new = new_key(&world, &alice, "/admin/keys", "x").await.with("tenant", other);
            let answer = new.send(&world, &alice).await;
            assert!(answer.status == 422 && answer.body.contains("a tenant that you administer"), "{other}: {}", answer.body);
        }
        assert_eq!(count(&world).await, 2);
    }

    async fn nobody_sees_or_changes_the_keys_of_others(pair) {
        let (world, root) = start(pair).await;
        tenants(&world).await;
        let (alice, bob) = (world.signed_in("alice").await, {
            world.entra.forget_browsers();
            world.signed_in("bob").await
        });
        let own = path_of_key(&new_key(&world, &alice, "/keys", "alices").await.with("tenant", "github").send(&world, &alice).await, "/keys");
        let tenant = path_of_key(&new_key(&world, &alice, "/admin/keys", "githubs").await.send(&world, &alice).await, "/admin/keys");
        let id = own.rsplit('/').next().unwrap();
        let forms = ["", "/edit", "/rotate", "/revoke"];
        for path in [own.clone(), format!("/admin/keys/{id}"), tenant.clone()] {
            for verb in forms {
                let answer = page(&world, &bob, &format!("{path}{verb}")).await;
                assert_eq!(answer.status, 404, "{path}{verb}: {}", answer.body);
            }
        }
        for verb in ["edit", "rotate", "revoke"] {
            let theirs = form_of_key(&world, &root, &tenant, verb).await;
            let answer = theirs.with("name", "githubs").send(&world, &bob).await;
            assert_eq!(answer.status, 404, "{verb}: {}", answer.body);
        }
        for query in ["?tenant=github", "?q=githubs", "?state=valid", ""] {
            let list = page(&world, &bob, &format!("/admin/keys{query}")).await;
            assert!(!list.body.contains(">githubs<") && !list.body.contains(">alices<"), "{query}: {}", list.body);
        }
        assert_eq!(page(&world, &bob, "/admin/keys?tenant=github").await.status, 404);
        assert!(page(&world, &bob, "/keys").await.body.contains("There is no key yet"));
        // The administrator of the tenant sees the key that a person has in it: it may be revoked, and nothing else.
        let seen = page(&world, &alice, &format!("/admin/keys/{id}")).await;
        assert_eq!(seen.status, 200);
        world.cli(&["tenant", "add-member", "github", "bob@example.com", "--role", "admin"]).await;
        let seen = page(&world, &bob, &format!("/admin/keys/{id}")).await;
        assert!(seen.status == 200 && !seen.body.contains("/rotate\"") && seen.body.contains("/revoke\""), "{}", seen.body);
        for verb in ["edit", "rotate"] {
            assert_eq!(page(&world, &bob, &format!("/admin/keys/{id}/{verb}")).await.status, 404, "{verb}");
            let theirs = form_of_key(&world, &root, &format!("/admin/keys/{id}"), verb).await;
            let answer = theirs.send(&world, &bob).await;
            assert_eq!(answer.status, 404, "{verb}: {}", answer.body);
        }
        let revocation = form_of_key(&world, &bob, &format!("/admin/keys/{id}"), "revoke").await;
        revocation.with("name", "alices").done(&world, &bob).await;
        // A form of another site changes nothing.
        let from_elsewhere = form_of_key(&world, &alice, &tenant, "revoke").await.with("name", "githubs");
        assert_eq!(from_elsewhere.send_from(&world, &alice, "https://evil.example/").await.status, 403);
    }

    async fn a_found_key_is_looked_up_by_its_text_which_stands_in_no_address(pair) {
        let (world, root) = start(pair).await;
        tenants(&world).await;
        let made = new_key(&world, &root, "/admin/keys", "leaked").await.with("tenant", "github").send(&world, &root).await;
        let (key, path) = (secret(&made), path_of_key(&made, "/admin/keys"));
        let lookup = form(&world, &root, "/admin/keys/lookup", "/admin/keys/lookup").await.with("key", &format!(" {key}\n"));
        let found = lookup.send(&world, &root).await;
        assert_eq!((found.status, found.location().unwrap().path()), (303, path.as_str()));
        assert!(!found.location().unwrap().as_str().contains(&key));
        for (who, text, says) in [
            (&root, "gp_nonsense".to_owned(), "Not a key"),
            (&root, ApiKey::generate(None).expose().to_owned(), "No key that you administer"),
            (&world.signed_in("bob").await, key.clone(), "No key that you administer"),
        ] {
            let answer = form(&world, who, "/admin/keys/lookup", "/admin/keys/lookup").await.with("key", &text).send(&world, who).await;
            assert!(answer.status == 422 && answer.body.contains(says) && !answer.body.contains(&text), "{}", answer.body);
        }
    }

    async fn the_list_is_filtered_and_says_what_ends_soon_and_why_a_key_does_not_count(pair) {
        let (world, root) = start(pair).await;
        for (name, end) in [("long lived", "300d"), ("ends soon", "10d"), ("ends first", "2d")] {
            world.cli(&["key", "create", name, "--host", APP, "--expires", end, "--json"]).await;
        }
        let made = new_key(&world, &root, "/admin/keys", "of alice").await.with("owner_id", "alice@example.com").send(&world, &root).await;
        let path = path_of_key(&made, "/admin/keys");
        for (query, shown) in [
            ("", ["long lived", "ends soon", "ends first", "of alice"].as_slice()),
            ("?state=soon", &["ends soon", "ends first"]),
            ("?state=valid", &["long lived", "ends soon", "ends first", "of alice"]),
            ("?state=revoked", &[]),
            ("?state=ended", &[]),
            ("?state=unused", &[]),
            ("?q=ENDS", &["ends soon", "ends first"]),
            ("?q=of-alice-", &["of alice"]),
            ("?q=%25", &[]),
            ("?q=first&state=soon", &["ends first"]),
        ] {
            let list = page(&world, &root, &format!("/admin/keys{query}")).await;
            assert_eq!(list.status, 200, "{}", list.body);
            for name in ["long lived", "ends soon", "ends first", "of alice"] {
                assert_eq!(list.body.contains(&format!(">{name}</a>")), shown.contains(&name), "{query} {name}: {}", list.body);
            }
        }
        assert_eq!(page(&world, &root, "/admin/keys?state=other").await.status, 404);
        // What nobody used for long stands first.
        let unused = "<caption>Not used for 90 days</caption>";
        assert!(!page(&world, &root, "/admin/keys").await.body.contains(unused));
        sql(&world, "UPDATE keys SET created_at = created_at - 91 * 86400 WHERE name = 'long lived'").await;
        let list = page(&world, &root, "/admin/keys").await;
        let (_, rest) = list.body.split_once(unused).unwrap_or_else(|| panic!("{}", list.body));
        let (first, others) = rest.split_once("</table>").unwrap();
        assert!(first.contains(">long lived</a>") && !first.contains(">ends soon</a>") && others.contains(">ends soon</a>"), "{}", list.body);
        assert!(!page(&world, &root, "/admin/keys?state=valid").await.body.contains(unused));
        let home = page(&world, &root, "/admin").await;
        for part in ["2 API keys end within 14 days", "The next is ends first"] {
            assert!(home.body.contains(part), "{part}: {}", home.body);
        }
        for (days, shown) in [(3, ["ends first"].as_slice()), (14, &["ends first", "ends soon"])] {
            let ends = page(&world, &root, &format!("/admin/ends?days={days}")).await;
            for name in ["ends first", "ends soon", "long lived"] {
                assert_eq!(ends.body.contains(&format!(">{name}</a>")), shown.contains(&name), "{days} {name}: {}", ends.body);
            }
        }
        world.cli(&["user", "disable", "alice@example.com"]).await;
        let details = page(&world, &root, &path).await;
        assert!(details.body.contains("This key does not count") && details.body.contains("Its owner is disabled"), "{}", details.body);
        // Every page says of it what the gate says.
        let key = secret(&made);
        world.has_heard().await;
        assert_eq!(passes(&world, &key).await, 401);
        let tag = "stopped: its owner is disabled</span>";
        for (query, is_shown) in [("", true), ("?state=stopped", true), ("?state=valid", false), ("?state=soon", false)] {
            let list = page(&world, &root, &format!("/admin/keys{query}")).await;
            assert_eq!((list.body.contains(">of alice</a>"), list.body.contains(tag)), (is_shown, is_shown), "{query}: {}", list.body);
        }
        assert!(details.body.contains(tag) && !details.body.contains(">valid</span>"), "{}", details.body);
        world.cli(&["user", "enable", "alice@example.com"]).await;
        world.has_heard().await;
        assert_eq!(passes(&world, &key).await, 200);
        let details = page(&world, &root, &path).await;
        assert!(details.body.contains(">valid</span>") && !details.body.contains(tag), "{}", details.body);
    }
}

/// A form of a key's page.
async fn form_of_key(world: &World, browser: &Client, path: &str, verb: &str) -> FilledForm {
    let action = format!("{path}/{verb}");
    let answer = page(world, browser, &action).await;
    form_of(&answer, &action, &action)
}

/// The form of a key, as it was shown before the key was changed.
async fn edit_of_nothing(world: &World, browser: &Client, path: &str) -> Answer {
    let edit = form_of_key(world, browser, path, "edit").await;
    edit.with("version", "v1").with("name", "what I typed").with("hosts", APP).send(world, browser).await
}
