//! Clients with an API key, at each server.

use crate::house::{EVERYTHING, House, OAUTH, Server, url_of};
use crate::programs::{mcp_proxy, node, package, python, run_for_json, sdk};
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
