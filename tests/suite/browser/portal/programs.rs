//! Keys and tool servers: a key for a script by clicks, without scripts, and every page in four states.

use super::accessible::{WrongForm, assert_accessible, send};
use super::{administrator, arrive, assert_fits, open};
use crate::browser::picture;
use crate::browser::site::{Site, url};
use crate::world::{APP, Pair};
use gatepost_kit::browser::Browser;

/// The pages, each by the name of its pictures and its path. `keys` are the path of an administrator's key and of one's own.
fn pages(keys: &[(&'static str, String)]) -> Vec<(String, String)> {
    let fixed = [
        ("keys", "/admin/keys"),
        ("keys-nothing-found", "/admin/keys?q=zzz"),
        ("key-new", "/admin/keys/new"),
        ("key-lookup", "/admin/keys/lookup"),
        ("tools", "/admin/tools"),
        ("tool-unknown", "/admin/access?by=tool&of=none:x"),
        ("own-keys", "/keys"),
        ("own-key-new", "/keys/new"),
    ];
    let fixed = fixed.map(|(name, path)| (name.to_owned(), path.to_owned()));
    let verbs = ["", "/edit", "/rotate", "/revoke"];
    let of_key = |(name, path): &(&str, String)| {
        verbs.map(|verb| (format!("{name}{}", verb.replace('/', "-")), format!("{path}{verb}")))
    };
    fixed.into_iter().chain(keys.iter().flat_map(of_key)).collect()
}

/// The path of the key of this name, found by its link.
async fn path_of_key(browser: &Browser, root: &str, name: &str) -> String {
    open(browser, &format!("{root}?q={name}"), "Search for keys").await;
    browser.evaluate("document.querySelector('tbody a').id = 'it'").await;
    browser.click_id("it").await;
    arrive(browser, "What it may").await;
    browser.url().await.path().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_for_a_script_is_shown_once_and_copied_by_selecting() {
    let site = Site::start(Pair::Embedded).await;
    let alice = site.signed_in("alice").await;
    alice.set_scripts(false).await;
    open(&alice, "/", "Your API keys").await;
    alice.click("Your API keys").await;
    arrive(&alice, "There is no key yet").await;
    alice.click("Make a key").await;
    arrive(&alice, "What may the key do?").await;
    alice.type_into("name", "nightly backup").await;
    alice.type_into("hosts", APP).await;
    alice.click("Make the key").await;
    arrive(&alice, "Copy it now").await;
    picture(&alice, "portal-key-made").await;
    alice.set_scripts(true).await;
    assert_accessible(&alice, "key-made").await;
    alice.set_scripts(false).await;
    alice.click("I have it").await;
    let details = arrive(&alice, "What it may").await;
    assert!(details.contains("nightly backup") && details.contains("valid"), "{details}");
    site.assert_quiet(&alice).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keyboard_alone_makes_rotates_and_revokes_a_key_on_a_narrow_screen() {
    let site = Site::start(Pair::Embedded).await;
    let root = administrator(&site).await;
    root.use_narrow().await;
    open(&root, "/admin", "What needs attention").await;
    root.reach_by_keyboard("Menu").await;
    root.reach_by_keyboard("API keys").await;
    arrive(&root, "Search for keys").await;
    root.reach_by_keyboard("Make a key").await;
    arrive(&root, "What may the key do?").await;
    root.fill_by_keyboard("name", "nightly backup").await;
    root.fill_by_keyboard("hosts", APP).await;
    root.reach_by_keyboard("Make the key").await;
    arrive(&root, "Copy it now").await;
    assert_fits(&root, "a new key").await;
    // What is typed changes nothing, and leaves the whole key selected.
    root.fill_by_keyboard("to-copy", "x").await;
    let selected = "(field => field.value.startsWith('gp_') && field.selectionStart === 0 && field.selectionEnd === field.value.length)(document.activeElement)";
    assert_eq!(root.evaluate(selected).await.as_bool(), Some(true));
    root.reach_by_keyboard("I have it").await;
    arrive(&root, "What it may").await;
    assert_fits(&root, "a key").await;
    root.reach_by_keyboard("Get another secret").await;
    arrive(&root, "How long does the present secret count too?").await;
    root.reach_by_keyboard("Get another secret").await;
    arrive(&root, "Copy it now").await;
    root.reach_by_keyboard("I have it").await;
    arrive(&root, "What it may").await;
    root.reach_by_keyboard("Revoke").await;
    arrive(&root, "Nothing brings it back").await;
    root.fill_by_keyboard("typed", "nightly backup").await;
    root.reach_by_keyboard("Revoke the key").await;
    arrive(&root, "This key does not count").await;
    site.assert_quiet(&root).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keyboard_alone_allows_a_tool_and_asks_who_may_call_it_on_a_narrow_screen() {
    let site = Site::start(Pair::Embedded).await;
    let root = administrator(&site).await;
    let address = url(APP, "/servers/github/mcp");
    site.cli_all(&[
        ["tenant", "create", "github"].as_slice(),
        &["tenant", "add-member", "github", "carol@example.com"],
        &["tool-server", "create", "demo", "--tenant", "github", "--url", &address, "--name", "Demo tools"],
    ])
    .await;
    root.use_narrow().await;
    open(&root, "/admin", "What needs attention").await;
    root.reach_by_keyboard("Menu").await;
    root.reach_by_keyboard("Tool servers").await;
    arrive(&root, "Demo tools").await;
    root.reach_by_keyboard("Demo tools").await;
    arrive(&root, "Allow something").await;
    // The form is open as long as there is no rule.
    root.fill_by_keyboard("pattern", "get_file").await;
    root.reach_by_keyboard("Allow it").await;
    arrive(&root, "Only what a rule allows is allowed").await;
    assert_fits(&root, "a tool server").await;
    root.fill_by_keyboard("of", "demo:get_file").await;
    root.reach_by_keyboard("Show who").await;
    let shown = arrive(&root, "Who may call it, and why").await;
    assert!(shown.contains("carol@example.com"), "{shown}");
    assert_fits(&root, "who may call a tool").await;
    site.assert_quiet(&root).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_of_keys_and_tool_servers_is_accessible() {
    let site = Site::start(Pair::Embedded).await;
    let root = administrator(&site).await;
    for (name, path) in pages(&[]) {
        open(&root, &path, "The same through the API").await;
        assert_accessible(&root, &format!("empty-{name}")).await;
    }
    let long = "W".repeat(64);
    let address = url(APP, "/servers/github/mcp");
    site.cli_all(&[
        ["tenant", "create", "github"].as_slice(),
        &["group", "create", &"G".repeat(200)],
        &[
            "key",
            "create",
            &long,
            "--host",
            APP,
            "--tenant",
            "github",
            "--tool",
            &"t".repeat(512),
            "--expires",
            "10d",
        ],
        &["key", "create", "nightly backup", "--host", APP, "--owner", "root@example.com"],
        &["tool-server", "create", "demo", "--tenant", "github", "--url", &address, "--name", &long],
        &["tool-server", "allow", "demo", "--group", &"G".repeat(200), "--tool", &"t".repeat(512)],
    ])
    .await;
    let (key, own) =
        (path_of_key(&root, "/admin/keys", &long).await, path_of_key(&root, "/keys", "nightly").await);
    let server = ["", "/edit", "/delete"]
        .map(|verb| (format!("tool-server{}", verb.replace('/', "-")), format!("/admin/tools/demo{verb}")));
    let who = ("tool-callers".to_owned(), format!("/admin/access?by=tool&of=demo:{}", "t".repeat(512)));
    let app: String = url::form_urlencoded::byte_serialize(url(APP, "/").as_bytes()).collect();
    let opens = ("openers".to_owned(), format!("/admin/access?by=url&of={app}"));
    let ends = ("ends-with-keys".to_owned(), "/admin/ends?days=14".to_owned());
    for (name, path) in pages(&[("key", key.clone()), ("own-key", own.clone())])
        .into_iter()
        .chain(server)
        .chain([ends, who, opens])
    {
        open(&root, &path, "The same through the API").await;
        assert_accessible(&root, &format!("full-{name}")).await;
    }
    let wrong: [WrongForm; 6] = [
        (
            "key-wrong",
            "/admin/keys/new".to_owned(),
            "/admin/keys".to_owned(),
            &[("name", ""), ("hosts", "none"), ("networks", "x"), ("owner_id", "nobody")],
        ),
        ("key-edit-overtaken", format!("{key}/edit"), format!("{key}/edit"), &[("version", "v999")]),
        ("key-revoke-wrong", format!("{key}/revoke"), format!("{key}/revoke"), &[("name", "another")]),
        (
            "key-lookup-wrong",
            "/admin/keys/lookup".to_owned(),
            "/admin/keys/lookup".to_owned(),
            &[("key", "gp_x")],
        ),
        (
            "tools-wrong",
            "/admin/tools".to_owned(),
            "/admin/tools".to_owned(),
            &[("id", "a b"), ("url", "x"), ("provider", "none")],
        ),
        (
            "tool-server-wrong",
            "/admin/tools/demo".to_owned(),
            "/admin/tools/demo/rules".to_owned(),
            &[("subject", "group"), ("group", "none"), ("pattern", "a*b")],
        ),
    ];
    for form in wrong {
        send(&root, &form).await;
        arrive(&root, "Request").await;
        assert_accessible(&root, form.0).await;
    }
    site.assert_quiet(&root).await;
}
