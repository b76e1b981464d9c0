//! One command on the server and elsewhere: the same words, the same exit code, the same rows.

use super::{Elsewhere, Ran};
use crate::cli::sql;
use crate::world::{PUBLIC, Pair};
use gatepost_kit::client::Kind;
use reqwest::Method;
use serde_json::{Value, json};

/// Pairs of commands: the second makes undone what the first did.
const STEPS: [[&[&str]; 2]; 16] = [
    [
        &["tenant", "set", "a", "--tier", "pro", "--limit", "keys=1", "--feature", "custom_domains=true"],
        &["tenant", "set", "a", "--no-tier", "--limit", "keys=", "--feature", "custom_domains="],
    ],
    [&["tenant", "set", "a", "--service", "chat"], &["tenant", "set", "a", "--service", "none"]],
    [
        &["tenant", "host", "add", "a", "new.example.net"],
        &["tenant", "host", "remove", "a", "new.example.net"],
    ],
    [
        &["tenant", "host", "approve", "a", "a.example.net"],
        &["tenant", "host", "refuse", "a", "a.example.net"],
    ],
    [&["group", "create", "A/b?c#d%"], &["group", "delete", "A/b?c#d%"]],
    [
        &["group", "add", "Plain", "bob@example.com", "--until", "2036-01-01T00:00Z"],
        &["group", "remove", "Plain", "bob@example.com"],
    ],
    [&["group", "add", "New", "bob@example.com"], &["group", "delete", "New"]],
    [&["group", "rename", "Plain", "Plainer"], &["group", "rename", "Plainer", "Plain"]],
    [&["group", "link", "Plain", "entra:some"], &["group", "unlink", "entra:some"]],
    [&["tenant", "suspend", "a", "--reason", "unpaid"], &["tenant", "resume", "a"]],
    [&["tenant", "delete", "a"], &["tenant", "restore", "a"]],
    [&["tenant", "map", "Plain", "a", "--role", "viewer"], &["tenant", "unmap", "Plain", "a"]],
    [&["tenant", "add-member", "a", "bob@example.com"], &["tenant", "remove-member", "a", "bob@example.com"]],
    [&["admin", "grant", "bob@example.com"], &["admin", "reset", "bob@example.com"]],
    [&["user", "disable", "bob@example.com"], &["user", "enable", "bob@example.com"]],
    [
        &["tool-server", "create", "github", "--tenant", "a", "--url", "https://app.example.test/mcp"],
        &["tool-server", "delete", "github"],
    ],
];

/// What is only read.
const READS: [&[&str]; 16] = [
    &["user", "list"],
    &["user", "show", "bob@example.com"],
    &["group", "list"],
    &["group", "members", "Plain"],
    &["tenant", "list"],
    &["tenant", "show", "a"],
    &["tenant", "usage", "a", "--from", "2025-11-01", "--to", "2025-11-30"],
    &["tenant", "usage", "a", "--by", "month", "--to", "2025-12-31"],
    &["tenant", "usage", "a", "--from", "2025-11-01", "--to", "2025-11-30", "--csv"],
    &["tenant", "bill", "a", "--month", "2025-11"],
    &["admin", "list"],
    &["tool-server", "list"],
    &["session", "list", "bob@example.com"],
    &["key", "list", "--tenant", "a"],
    &["request", "list"],
    &["proposal", "list"],
];

/// What a change left in the audit, without what differs by the way it came and the time.
async fn rows(elsewhere: &Elsewhere, before: usize) -> Vec<Value> {
    let all = elsewhere.audit().await;
    let said = |state: &Value| {
        let mut state = state.clone();
        if state["disabled_at"].is_number() {
            state["disabled_at"] = json!("a second");
        }
        if state["proof"].is_string() {
            state["proof"] = json!("a proof");
        }
        state
    };
    let row = |entry: &Value| {
        json!([entry["action"], entry["target"], said(&entry["before"]), said(&entry["after"])])
    };
    all[..all.len() - before].iter().map(row).collect()
}

/// What a command did: tried, expecting another version, and for good.
#[derive(Debug, PartialEq)]
struct Done {
    command: String,
    tried: Ran,
    overtaken: Ran,
    last: Ran,
    rows: Vec<Value>,
}

/// Runs the commands on the server, or elsewhere with a key.
async fn carried_out(elsewhere: &Elsewhere, key: Option<&str>, step: [&[&str]; 2]) -> Vec<Done> {
    let mut all = Vec::new();
    for command in step {
        let run = async |more: &[&str]| {
            let arguments = [command, more].concat();
            match key {
                Some(key) => elsewhere.run(key, &arguments).await,
                None => elsewhere.run_here(&arguments).await,
            }
        };
        let before = elsewhere.audit().await.len();
        let tried = without_proof(run(&["--dry-run"]).await);
        let overtaken = at_any_version(run(&["--json", "--if-version", "99"]).await);
        let last = comparable(run(&["--json"]).await);
        let rows = rows(elsewhere, before).await;
        all.push(Done { command: command.join(" "), tried, overtaken, last, rows });
    }
    all
}

/// The first way has counted the versions up.
fn at_any_version((code, out, error): Ran) -> Ran {
    const BEFORE: &str = "its version is v";
    let number = error.split(BEFORE).nth(1).and_then(|rest| rest.split(' ').next());
    let error =
        number.map_or_else(|| error.clone(), |number| error.replace(&format!("{BEFORE}{number}"), BEFORE));
    (code, out, error)
}

/// Each proposal of a host has its own proof.
fn without_proof((code, out, error): Ran) -> Ran {
    let mut parts = out.split("gatepost=");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str("gatepost=");
        text.push_str(part.trim_start_matches(|c: char| c.is_ascii_hexdigit()));
    }
    (code, text, error)
}

/// The change is made twice, in other seconds and as other versions.
fn comparable((code, out, error): Ran) -> Ran {
    let json = serde_json::from_str::<Value>(&out).ok().map(|mut said| {
        if let Some(said) = said.as_object_mut() {
            for name in ["disabled_at", "created_at", "updated_at", "proved_at", "version", "record", "hosts"]
            {
                said.remove(name);
            }
        }
        said.to_string()
    });
    (code, json.unwrap_or(out), error)
}

both_pairs! {
    async fn proposals_are_decided_from_elsewhere_as_on_the_server(pair) {
        let elsewhere = Elsewhere::start(pair).await;
        let bob = elsewhere.world.signed_in("bob").await;
        let (account, form) = (elsewhere.world.url(PUBLIC, "/"), elsewhere.world.url(PUBLIC, "/proposals/new"));
        let key = elsewhere.full_key().await;
        let propose = async |tenant: &str| {
            let sent = bob.submit(&account, &form, &[("id", tenant), ("name", "New")]).await;
            assert_eq!(sent.end().status, 200, "{}", sent.describe());
            let listed = elsewhere.world.cli(&["proposal", "list", "--json"]).await;
            let listed: Value = serde_json::from_str(&listed).unwrap();
            listed[0]["id"].as_str().unwrap().to_owned()
        };
        let alike = |(code, out, error): Ran, id: &str, tenant: &str| {
            (code, out.replace(id, "ID").replace(tenant, "TENANT"), error.replace(id, "ID"))
        };
        for more in [&["refuse"][..], &["refuse", "--answer", "Not now."], &["approve"]] {
            let mut said = Vec::new();
            for (key, tenant) in [(None, "here"), (Some(&key), "there")] {
                let tenant = format!("{tenant}-{}", more.len());
                let id = propose(&tenant).await;
                let before = elsewhere.audit().await.len();
                let arguments = [&["proposal", more[0], id.as_str()][..], &more[1..]].concat();
                let mut runs = Vec::new();
                for last in [&["--dry-run"][..], &["--if-version", "99"], &[], &[]] {
                    let arguments = [&arguments[..], last].concat();
                    let ran = match key {
                        Some(key) => elsewhere.run(key, &arguments).await,
                        None => elsewhere.run_here(&arguments).await,
                    };
                    runs.push(alike(ran, &id, &tenant));
                }
                assert_eq!(runs.iter().map(|run| run.0).collect::<Vec<_>>(), [Some(0), Some(1), Some(0), Some(1)], "{runs:#?}");
                let rows = serde_json::json!(rows(&elsewhere, before).await).to_string();
                said.push((runs, rows.replace(&id, "ID").replace(&tenant, "TENANT")));
            }
            assert_eq!(said[0], said[1], "{more:?}");
        }
        let listed = elsewhere.world.cli(&["tenant", "list"]).await;
        assert!(listed.contains("here-1") && listed.contains("there-1") && !listed.contains("here-3"), "{listed}");
    }

    async fn a_command_says_and_leaves_the_same_on_the_server_and_elsewhere(pair) {
        let elsewhere = Elsewhere::start(pair).await;
        elsewhere.world.signed_in("bob").await;
        for command in [["group", "add", "Plain", "eve@example.com"].as_slice(), &["tenant", "create", "a"], &["tenant", "host", "add", "a", "a.example.net"], &["tenant", "host", "refuse", "a", "a.example.net"], &["key", "create", "Of-a", "--tenant", "a", "--scope", "api.read", "--json"], &["key", "create", "Other-of-a", "--tenant", "a", "--scope", "api.read", "--json"], &["admin", "grant", "eve@example.com"]] {
            elsewhere.world.cli(command).await;
        }
        let key = elsewhere.full_key().await;
        // From now on the provider's group is known.
        elsewhere.world.cli(&["group", "link", "Plain", "entra:some"]).await;
        elsewhere.world.cli(&["group", "unlink", "entra:some"]).await;
        for step in STEPS {
            let here = carried_out(&elsewhere, None, step).await;
            let there = carried_out(&elsewhere, Some(&key), step).await;
            assert!(here.iter().all(|done| done.last.0 == Some(0) && !done.rows.is_empty()), "{here:#?}");
            assert_eq!(here, there, "{step:?}");
        }
    }

    async fn a_list_says_the_same_on_the_server_and_elsewhere(pair) {
        let elsewhere = Elsewhere::start(pair).await;
        elsewhere.world.signed_in("bob").await;
        for command in [
            ["group", "add", "Plain", "bob@example.com", "--until", "2036-01-01T00:00Z"].as_slice(),
            &["group", "link", "Plain", "entra:some"],
            &["tenant", "create", "a"],
            &["tenant", "map", "Plain", "a", "--role", "viewer"],
            &["tenant", "add-member", "a", "bob@example.com", "--until", "2036-01-01T00:00Z"],
            &["admin", "grant", "eve@example.com"],
            &["tool-server", "create", "github", "--tenant", "a", "--url", "https://app.example.test/mcp"],
            &["key", "create", "Script", "--tenant", "a", "--json", "--scope", "api.read"],
        ] {
            elsewhere.world.cli(command).await;
        }
        let key = elsewhere.full_key().await;
        sql(&elsewhere.world, "INSERT INTO usage_days VALUES ('a', 20400, 'tool_calls', 'github', 7)").await;
        for command in READS {
            for arguments in [command.to_vec(), [command, &["--json"]].concat()] {
                let (here, there) = (elsewhere.run_here(&arguments).await, elsewhere.run(&key, &arguments).await);
                assert_eq!((here.0, here.2.as_str()), (Some(0), ""), "{arguments:?}");
                assert_eq!(here, there, "{arguments:?}");
            }
        }
        for (arguments, part) in [
            (["user", "show", "nobody@example.com"].as_slice(), "there is no user nobody@example.com"),
            (&["group", "delete", "Other"], "there is no group Other"),
            (&["tenant", "set", "a", "--tier", "unheard"], "unheard"),
            (&["tenant", "set", "a", "--limit", "keys=many"], "keys: expected"),
            (&["tenant", "host", "add", "a", "app.example.test"], "app.example.test"),
            (&["tenant", "host", "remove", "a", "none.example.net"], "none.example.net"),
            (&["access", "--url", "https://elsewhere.example.net/"], "is not a protected host"),
            (&["access", "--requirement", "grup=a"], "requirement"),
            (&["access", "--user", "nobody@example.com"], "there is no user nobody@example.com"),
            (&["explain", "--user", "nobody@example.com", "--url", "https://app.example.test/"], "there is no user nobody@example.com"),
            (&["explain", "--request", "019ab8c5d2a37e6f9b0c1d2e3f405162"], "nothing is stored about request"),
            (&["group", "remove", "Plain", "eve@example.com"], "is not in group Plain"),
            (&["group", "delete", "Plain"], "group Plain stands for groups of a provider"),
            (&["admin", "grant", "bob@example.com", "--until", "2020-01-01T00:00Z"], "the end must be in the future"),
        ] {
            let (code, out, error) = elsewhere.run(&key, arguments).await;
            assert_eq!((code, out.as_str()), (Some(1), ""), "{arguments:?}");
            assert!(error.contains(part), "{arguments:?}: {error}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_pages_of_a_list_are_read() {
    let elsewhere = Elsewhere::start(Pair::Embedded).await;
    let key = elsewhere.full_key().await;
    elsewhere.world.cli(&["admin", "grant", "eve@example.com"]).await;
    let made = elsewhere.run(&key, &["group", "create", "Many"]).await;
    assert_eq!(made.0, Some(0), "{made:?}");
    let groups = format!("{}/groups", elsewhere.world.url(PUBLIC, "/api/v1"));
    let (client, bearer) = (elsewhere.world.browser(), format!("Bearer {key}"));
    let send = |method: Method, path: &str| {
        let request = client.request(method, &format!("{groups}{path}")).kind(Kind::Program);
        request.header("authorization", &bearer)
    };
    let id = send(Method::GET, "?q=Many").send().await.json()["items"][0]["id"].as_str().unwrap().to_owned();
    let people: Vec<Value> =
        (0..450).map(|number| json!({ "user": format!("person-{number:03}@example.com") })).collect();
    let batch =
        send(Method::POST, &format!("/{id}/members:batch")).header("content-type", "application/json");
    assert_eq!(batch.body(json!({ "add": people }).to_string()).send().await.status, 200);
    for (list, number) in
        [(["group", "members", "Many", "--json"].as_slice(), 450), (&["user", "list", "--json"], 451)]
    {
        let (code, out, error) = elsewhere.run(&key, list).await;
        assert_eq!((code, error.as_str()), (Some(0), ""), "{list:?}");
        let found: Vec<Value> = serde_json::from_str(&out).unwrap();
        assert_eq!(found.len(), number, "{list:?}");
    }
    for list in [
        ["audit", "export"].as_slice(),
        &["audit", "list", "--limit", "10000", "--json"],
        &["audit", "list", "--limit", "450", "--json"],
        &["access", "--requirement", "", "--json"],
        &["access", "--requirement", "", "--csv"],
    ] {
        let (here, there) = (elsewhere.run_here(list).await, elsewhere.run(&key, list).await);
        assert_eq!((here.0, here.2.as_str()), (Some(0), ""), "{list:?}");
        assert!(
            here == there && here.1.lines().count() > 440,
            "{list:?}: {} {}",
            here.1.len(),
            there.1.len()
        );
    }
}
