//! Clients with an API key, at each server.

use crate::house::{EVERYTHING, House, OAUTH, Server, url_of};
use crate::programs::{mcp_proxy, node, package, python, run_for_json, sdk};
use crate::stage::CHAT;
use gatepost_core::clock::Timestamp;
use gatepost_kit::client::Client;
use serde_json::{Value, json};
use std::process::Command;

/// Of the packages `@modelcontextprotocol/client` (as it is, and asking for the newest revision) and
/// `@modelcontextprotocol/sdk`.
const ERAS: [&str; 3] = ["modern", "negotiating", "legacy"];

/// What is called at a server, with arguments that its tools take.
fn calls(server: &Server) -> String {
    let given = json!({ "path": "a", "message": "a", "a": 1, "b": 2 });
    let takes = |name: &str| match name {
        "echo" => json!({ "message": given["message"] }),
        "get-sum" => json!({ "a": 1, "b": 2 }),
        _ => json!({ "path": given["path"] }),
    };
    json!(server.tools.map(|name| json!([name, takes(name)]))).to_string()
}

/// The client of `mcp` 1 drops an answer with the status 403, and waits for its own deadline (of 5 s in `client.mjs`).
const SHOWS_NOTHING: &str = "mcp-proxy";

#[track_caller]
fn assert_holds(got: &Value, server: &Server, who: &str) {
    let [allowed, refused] = server.tools;
    let of = format!("{who} at {}: {got}", server.id);
    let tools = got["tools"].as_array().unwrap_or_else(|| panic!("{of}"));
    assert!([allowed, refused].iter().all(|name| tools.contains(&json!(name))), "{of}");
    assert!(got["calls"][allowed].is_string(), "{of}");
    let shown = got["calls"][refused].to_string();
    let words = match who {
        SHOWS_NOTHING => "Request timed out".to_owned(),
        _ => format!("You may not use {refused}. Missing: a rule that allows it to you."),
    };
    assert!(shown.contains(&words), "{of}");
    println!("        {who} at {}: {allowed} answers, {refused} is refused", server.id);
}

fn servers(house: &House) -> impl Iterator<Item = &Server> {
    house.servers.iter().filter(|server| ![EVERYTHING, OAUTH].contains(&server.id))
}

pub async fn by_key(house: &House) {
    let key = house.make_key("clients").await;
    let headers = json!({ "Authorization": format!("Bearer {key}") }).to_string();
    for server in servers(house) {
        let url = url_of(server.id);
        for era in ERAS {
            let mut command = node("tests/mcp-sdk/client.mjs");
            command.arg(sdk()).args([era, &url, &headers, &calls(server)]);
            house.place(&mut command);
            assert_holds(&run_for_json(command).await, server, era);
        }
        let mut command = python("tests/mcp/client.py");
        command.args([&url, &headers, &calls(server)]);
        house.place_by_proxy(&mut command);
        assert_holds(&run_for_json(command).await, server, "mcp of PyPI");
    }
}

/// A word about somebody, as Open WebUI signs it.
async fn word_about(house: &House, who: &str) -> String {
    let mut command = python("tests/pyjwt/words.py");
    let now = Timestamp::now().unix().to_string();
    command.args([&house.stage.folder.secret("open_webui_speaker"), &now, &format!("{who}@example.com")]);
    run_for_json(command).await["good"]["as Open WebUI signs it"].as_str().unwrap().to_owned()
}

/// A browser in which this person has signed in by the first of the two providers, and seen `url`.
async fn signed_in(house: &House, who: &str, url: &str) -> Client {
    house.stage.entra.at_the_browser(Some(who));
    let browser = house.stage.browser();
    let choice = browser.navigate(url).await.end().url.to_string();
    let trip = browser.navigate(&format!("{choice}&provider=entra")).await;
    assert_eq!(trip.end().url.as_str(), url, "{}", trip.describe());
    browser
}

/// Alice may use the tool, Bob may not enter, and Carol has not signed in.
pub async fn for_people(house: &House) {
    for who in ["alice", "bob"] {
        signed_in(house, who, &format!("{CHAT}/")).await;
    }
    let create = ["key", "create", "acts", "--host", "mcp.example.com", "--scope", "act-as:open-webui"];
    let authorization = format!("Bearer {}", house.stage.cli(&create).await.trim());
    let headers = async |who: &str| {
        let word = word_about(house, who).await;
        json!({ "Authorization": authorization, "X-OpenWebUI-User-Jwt": word })
    };
    let by = async |era: &str, server: &Server, headers: &Value| {
        let mut command = node("tests/mcp-sdk/client.mjs");
        command.arg(sdk()).args([era, &url_of(server.id), &headers.to_string(), &calls(server)]);
        house.place(&mut command);
        run_for_json(command).await
    };
    let (alice, bob, carol) = (headers("alice").await, headers("bob").await, headers("carol").await);
    for server in servers(house) {
        let url = url_of(server.id);
        for era in ERAS {
            let got = by(era, server, &alice).await;
            assert_holds(&got, server, era);
            if server.id == "sdk" {
                assert_eq!(got["calls"]["get_file"], "get_file a for alice@example.com", "{era}");
            }
            for (who, headers, words) in [
                ("bob", &bob, "You may not use this tool server. Missing: tenant github."),
                ("carol", &carol, "Sign in at https://auth.example.com/ once"),
            ] {
                let got = by(era, server, headers).await;
                assert!(got["failed"].to_string().contains(words), "{who} by {era} at {}: {got}", server.id);
            }
        }
        let mut command = python("tests/mcp/client.py");
        command.args([&url, &alice.to_string(), &calls(server)]);
        house.place_by_proxy(&mut command);
        assert_holds(&run_for_json(command).await, server, "mcp of PyPI");

        let header = |name: &str| format!("{name}: {}", alice[name].as_str().unwrap());
        let remote = json!([
            package("mcp-remote/dist/proxy.js").display().to_string(),
            url,
            "--header",
            header("Authorization"),
            "--header",
            header("X-OpenWebUI-User-Jwt"),
            "--enable-proxy",
            "--transport",
            "http-only"
        ]);
        let mut command = node("tests/mcp-sdk/client.mjs");
        command.arg(sdk()).args(["bridge", "node", &remote.to_string(), &calls(server)]);
        house.place_by_proxy(&mut command);
        assert_holds(&run_for_json(command).await, server, "mcp-remote");
    }
}

/// The portal asks servers of both eras itself what they have.
pub async fn listed(house: &House) {
    house.stage.cli(&["admin", "grant", "carol@example.com"]).await;
    let carol = signed_in(house, "carol", &format!("{CHAT}/")).await;
    for server in servers(house) {
        // Its own path is another one: the proxy changes it, and Gatepost does not.
        if server.id == "reference" {
            continue;
        }
        house.stage.cli(&["tool-server", "update", server.id, "--service", server.id]).await;
        let address = format!("https://auth.example.com/admin/tools/{}/listed", server.id);
        let page = carol.submit(&address, &address, &[("kind", "tool")]).await;
        let shown = &page.end().body;
        for tool in server.tools {
            assert!(shown.contains(&format!("<code>{tool}</code>")), "{} at {}: {shown}", tool, server.id);
        }
        println!("        {} lists {} and {}", server.id, server.tools[0], server.tools[1]);
    }
}

pub async fn by_bridge(house: &House) {
    let key = house.make_key("bridges").await;
    let authorization = format!("Authorization: Bearer {key}");
    for server in servers(house) {
        let url = url_of(server.id);
        let remote = package("mcp-remote/dist/proxy.js").display().to_string();
        let remote =
            json!([remote, url, "--header", authorization, "--enable-proxy", "--transport", "http-only"]);
        let proxy = json!([
            url,
            "--transport",
            "streamablehttp",
            "--headers",
            "Authorization",
            format!("Bearer {key}")
        ]);
        let bridges = [
            ("mcp-remote", "node".to_owned(), remote),
            (SHOWS_NOTHING, mcp_proxy().display().to_string(), proxy),
        ];
        for (name, program, arguments) in bridges {
            let mut command: Command = node("tests/mcp-sdk/client.mjs");
            command.arg(sdk()).args(["bridge", &program, &arguments.to_string(), &calls(server)]);
            house.place_by_proxy(&mut command);
            assert_holds(&run_for_json(command).await, server, name);
        }
    }
}
