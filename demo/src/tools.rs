//! A tool server with rules, a key for a program, and a chat that acts for people: what the demo sets up, and the commands
//! that show it.

use crate::{MCP, group};
use std::error::Error;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tokio::process::Command;

/// The file with the secret of the chat.
pub(crate) const SECRET: &str = "chat.secret";
/// The program that signs what the chat says about a person.
const SAY: &str = "say";

/// Signs a word (RFC 7519, HS256) about the person whose address is its argument.
const SAY_SCRIPT: &str = r#"#!/bin/sh
# Prints what the chat of the demo says about a person, signed for five minutes: say bob@example.com
set -eu
text() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }
now=$(date +%s)
said=$(printf '{"alg":"HS256","typ":"JWT"}' | text).$(printf \
  '{"iss":"https://chat.localhost","sub":"%s","email":"%s","iat":%d,"exp":%d}' "$1" "$1" "$now" "$((now + 300))" | text)
secret=$(cat "$(dirname "$0")/chat.secret")
printf '%s.%s' "$said" "$(printf '%s' "$said" | openssl dgst -sha256 -hmac "$secret" -binary | text)"
"#;

/// Writes the secret of the chat, and the program that signs with it.
pub(crate) fn write_speaker(folder: &Path) -> std::io::Result<()> {
    std::fs::write(folder.join(SECRET), group("the secret of the demo's chat"))?;
    std::fs::set_permissions(folder.join(SECRET), PermissionsExt::from_mode(0o600))?;
    std::fs::write(folder.join(SAY), SAY_SCRIPT)?;
    std::fs::set_permissions(folder.join(SAY), PermissionsExt::from_mode(0o700))
}

/// Registers the tool server, makes two keys, and returns what to try.
pub(crate) async fn set_up(binary: &Path, folder: &Path, port: u16) -> Result<String, Box<dyn Error>> {
    let address = format!("http://{MCP}:{port}/mcp");
    let run = async |arguments: &[&str]| run(binary, folder, arguments).await;
    run(&["tenant", "create", "tools", "--name", "Tools"]).await?;
    run(&["tenant", "map", "MCP-GitHub", "tools"]).await?;
    run(&["tool-server", "create", "demo", "--tenant", "tools", "--url", &address, "--name", "Demo tools"])
        .await?;
    run(&["tool-server", "allow", "demo", "--group", "MCP-GitHub", "--tool", "get_*"]).await?;
    run(&["tool-server", "allow", "demo", "--group", "MCP-Admin", "--tool", "delete_repo"]).await?;
    let key = run(&["key", "create", "ci", "--tenant", "tools", "--host", MCP]).await?;
    let listed = run(&["key", "list", "--tenant", "tools"]).await?;
    let id = listed.split_whitespace().find(|word| word.len() == 36).ok_or("the key is not in the list")?;
    run(&["tool-server", "allow", "demo", "--key", id, "--tool", "get_issue"]).await?;
    let chat = run(&["key", "create", "chat", "--scope", "act-as:chat", "--host", MCP]).await?;
    let say = folder.join(SAY).display().to_string();
    let call = |headers: &str, tool: &str| {
        format!(
            "curl -sS -w '\\n%{{http_code}}\\n' {headers} -H 'Content-Type: application/json' {address} -d \
             '{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{{\"name\":\"{tool}\"}}}}'"
        )
    };
    let own = format!("-H 'Authorization: Bearer {}'", key.trim());
    let acting = |who: &str| {
        format!(
            "-H 'X-Gatepost-Key: {}' -H \"X-OpenWebUI-User-Jwt: $({say} {who}@example.com)\"",
            chat.trim()
        )
    };
    Ok(format!(
        "  6. A tool server (MCP) is behind the gate. A program with a key may call get_issue (200), and no other tool (403):
     {}
     {}
  7. A chat calls tools for people who are signed in. Sign in as Alice and as Bob (in two browsers, or one after the
     other in private windows): Alice may call delete_repo (200), and Bob may not (403); both may call get_file:
     {}
     {}
     What each may is at http://auth.localhost:{port}/admin/tools/demo, and the keys at http://auth.localhost:{port}/admin/keys, for Alice.
",
        call(&own, "get_issue"),
        call(&own, "delete_repo"),
        call(&acting("alice"), "delete_repo"),
        call(&acting("bob"), "delete_repo"),
    ))
}

/// Runs a command of Gatepost, and returns what it prints.
pub(crate) async fn run(binary: &Path, folder: &Path, arguments: &[&str]) -> Result<String, Box<dyn Error>> {
    let config = folder.join("gatepost.toml");
    let output =
        Command::new(binary).env_clear().arg("--config").arg(config).args(arguments).output().await?;
    if output.status.success() {
        return Ok(String::from_utf8(output.stdout)?);
    }
    Err(format!("gatepost {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr)).into())
}
