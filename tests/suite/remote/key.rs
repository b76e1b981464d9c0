//! What the key may not do, and where it does not go.

use super::Elsewhere;
use crate::world::{PUBLIC, Pair, run_command};
use gatepost_kit::process::free_addr;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

#[tokio::test(flavor = "multi_thread")]
async fn a_key_does_elsewhere_only_what_it_may() {
    let elsewhere = Elsewhere::start(Pair::Embedded).await;
    for tenant in ["a", "b"] {
        elsewhere.world.cli(&["tenant", "create", tenant]).await;
    }
    elsewhere.world.cli(&["user", "create", "bob@example.com"]).await;
    let secret = |made: &serde_json::Value| made["key"].as_str().unwrap().to_owned();
    let reader = secret(&elsewhere.make_key(&["--scope", "api.read"]).await);
    let writer = secret(&elsewhere.make_key(&["--scope", "api.write"]).await);
    let revoked = elsewhere.make_key(&["--scope", "api.read", "--scope", "api.write"]).await;
    elsewhere.world.cli(&["key", "revoke", revoked["id"].as_str().unwrap()]).await;
    let of_a = elsewhere.make_key(&["--tenant", "a", "--scope", "api.read", "--scope", "api.write"]).await;
    let (revoked, of_a) = (secret(&revoked), secret(&of_a));
    let member = |tenant| ["tenant", "add-member", tenant, "bob@example.com"];
    for (key, arguments, part) in [
        (&reader, ["user", "disable", "bob@example.com"].as_slice(), "scope api.write"),
        (&reader, &["tenant", "set", "a", "--limit", "keys=1"], "scope api.write"),
        (&reader, &["tenant", "host", "add", "a", "a.example.net"], "scope api.write"),
        (&writer, &["audit", "list"], "scope api.read"),
        (&writer, &["audit", "export"], "scope api.read"),
        (&of_a, &["audit", "heads"], "system administrator"),
        (&of_a, &["access", "--tenant", "b"], "there is no"),
        (&of_a, &["access", "--requirement", "group=Plain"], "system administrator"),
        (&of_a, &["tenant", "host", "approve", "a", "a.example.net"], "system administrator"),
        (&revoked, &["user", "list"], "revoked"),
        (&of_a, &member("b"), "there is no such thing"),
        (&of_a, &["tenant", "delete", "a"], "system administrator"),
        (&of_a, &["group", "list"], "system administrator"),
    ] {
        let (code, out, error) = elsewhere.run(key, arguments).await;
        assert_eq!((code, out.as_str()), (Some(1), ""), "{arguments:?}: {error}");
        assert!(error.contains(part) && !error.contains(key.as_str()), "{arguments:?}: {error}");
    }
    for arguments in [
        ["user", "list"].as_slice(),
        &["audit", "export"],
        &["access", "--tenant", "a"],
        &["explain", "--user", "bob@example.com", "--url", "https://app.example.test/"],
    ] {
        let (code, _, error) = elsewhere.run(&reader, arguments).await;
        assert_eq!((code, error.as_str()), (Some(0), ""), "{arguments:?}");
    }
    let shown = elsewhere.world.cli(&["user", "show", "bob@example.com", "--json"]).await;
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(
        (&shown["disabled_at"], &shown["tenants"]),
        (&serde_json::Value::Null, &serde_json::json!({}))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_of_dots_names_nothing_else() {
    let elsewhere = Elsewhere::start(Pair::Embedded).await;
    elsewhere.world.cli(&["tenant", "create", "a"]).await;
    let key = elsewhere.full_key().await;
    for id in [".", ".."] {
        let (code, _, error) = elsewhere.run(&key, &["tool-server", "delete", id]).await;
        assert!(code == Some(1) && error.contains("is no part of an address"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_server_elsewhere_is_tried_there() {
    let elsewhere = Elsewhere::start(Pair::Embedded).await;
    let key = elsewhere.full_key().await;
    let create =
        ["tool-server", "create", "server", "--tenant", "a", "--url", "https://app.example.test/mcp"];
    elsewhere.world.cli_all(&[["tenant", "create", "a"].as_slice(), &create]).await;
    let (code, out, error) =
        elsewhere.run(&key, &["tool-server", "update", "server", "--mode", "headers"]).await;
    assert_eq!((code, out.as_str()), (Some(1), ""), "{error}");
    assert!(
        error.contains("with a key that is made for it") && error.contains("without GATEPOST_API"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_names_an_installation_elsewhere_opens_no_store() {
    const ID: &str = "0199d1f0-5b7c-7d2e-8a3f-0123456789ab";
    let elsewhere = Elsewhere::start(Pair::Embedded).await;
    let key = elsewhere.full_key().await;
    // With all settings of the server beside it.
    let builder = elsewhere.world.builder.clone();
    let builder = builder.env("GATEPOST_API", elsewhere.world.url(PUBLIC, "").trim_end_matches('/'));
    let builder = builder.env("GATEPOST_API_KEY", &*key);
    for arguments in
        [["serve"].as_slice(), &["migrate"], &["check"], &["healthcheck"], &["certs", "--dir", "made"]]
    {
        let (code, out, error) = run_command(&builder, arguments).await;
        assert_eq!((code, out.as_str()), (Some(1), ""), "{arguments:?}: {error}");
        assert!(
            error
                .contains("GATEPOST_API names an installation elsewhere, and this works on one that is here"),
            "{arguments:?}: {error}"
        );
    }
    let (keys, there) = ("no key makes or changes a key", "without GATEPOST_API");
    for (arguments, why, hint) in [
        (["apply", "-f", "files"].as_slice(), "in one transaction", there),
        (&["export", "-o", "made"], "which groups files manage", there),
        (&["audit", "verify"], "reads the audit's rows itself", "`gatepost audit heads` works from here"),
        (&["key", "create", "Other"], keys, "use the portal"),
        (&["key", "update", ID, "--name", "Other"], keys, "use the portal"),
        (&["key", "rotate", ID], keys, "`gatepost key revoke` works from here"),
        (
            &["user", "address", "bob@example.com", "--to", "eve@example.com"],
            "does not change which address",
            there,
        ),
    ] {
        let (code, out, error) = run_command(&builder, arguments).await;
        assert_eq!((code, out.as_str()), (Some(1), ""), "{arguments:?}: {error}");
        assert!(error.contains(why) && error.contains(hint), "{arguments:?}: {error}");
    }
    assert!(!std::path::Path::new("made").exists(), "nothing was written");
    let alone = elsewhere.world.builder.clone().env("GATEPOST_API_KEY", &*key);
    let (code, _, error) = run_command(&alone, &["user", "list"]).await;
    assert!(code == Some(1) && error.contains("GATEPOST_API") && !error.contains(&*key), "{error}");
    let unknown = elsewhere.command_line(&key).env("GATEPOST_API_TIMEOUT", "3");
    let (code, _, error) = run_command(&unknown, &["user", "list"]).await;
    assert!(code == Some(1) && error.contains("GATEPOST_API_TIMEOUT"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_goes_over_tls_or_stays_here() {
    let elsewhere = Elsewhere::start(Pair::Embedded).await;
    let key = elsewhere.full_key().await;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    for address in [
        format!("http://127.0.0.1.example.com:{port}"),
        format!("http://auth.example.com:{port}"),
        format!("http://10.0.0.1:{port}"),
    ] {
        let builder = elsewhere
            .command_line(&key)
            .env("GATEPOST_API", &*address)
            .env("HTTP_PROXY", format!("http://127.0.0.1:{port}"));
        let (code, _, error) = run_command(&builder, &["user", "list"]).await;
        assert!(
            code == Some(1) && error.contains("http only for localhost") && !error.contains(&*key),
            "{error}"
        );
    }
    // An authority that nobody vouches for.
    let builder = elsewhere.command_line(&key).without("GATEPOST_CA_FILE");
    let (code, _, error) = run_command(&builder, &["user", "list"]).await;
    assert!(code == Some(1) && error.contains("does not answer") && !error.contains(&*key), "{error}");
    // Nobody listens.
    let builder =
        elsewhere.command_line(&key).env("GATEPOST_API", format!("http://localhost:{}", free_addr().port()));
    let (code, _, error) = run_command(&builder, &["user", "list"]).await;
    assert!(code == Some(1) && error.contains("does not answer"), "{error}");
    let connected = tokio::time::timeout(std::time::Duration::ZERO, listener.accept()).await;
    assert!(connected.is_err(), "nothing was sent in the clear");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_does_not_take_the_key_elsewhere() {
    let elsewhere = Elsewhere::start(Pair::Embedded).await;
    let key = elsewhere.full_key().await;
    let target = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let to = target.local_addr().unwrap();
    let first = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = format!("http://localhost:{}", first.local_addr().unwrap().port());
    let asked = tokio::spawn(async move {
        let (stream, _) = first.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        let mut head = String::new();
        while stream.read_line(&mut head).await.unwrap() > 2 {}
        let answer = format!(
            "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://{to}/api/v1/users\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(answer.as_bytes()).await.unwrap();
        head
    });
    let (code, _, error) =
        run_command(&elsewhere.command_line(&key).env("GATEPOST_API", address), &["user", "list"]).await;
    assert!(code == Some(1) && error.contains("status 307"), "{error}");
    assert!(asked.await.unwrap().to_lowercase().contains("authorization: bearer gp_"));
    let followed = tokio::time::timeout(std::time::Duration::ZERO, target.accept()).await;
    assert!(followed.is_err(), "nobody came");
}

/// Something that answers like an API whose lists never end, but for that of people who can open something; and how many
/// requests it got.
async fn start_endless_api() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let (addr, count) = (listener.local_addr().unwrap(), Arc::<AtomicUsize>::default());
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer_without_end(stream, Arc::clone(&counted)));
        }
    });
    (addr, count)
}

async fn answer_without_end(stream: TcpStream, count: Arc<AtomicUsize>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut stream, mut line) = (BufReader::new(stream), String::new());
    while stream.read_line(&mut line).await? > 0 {
        let next = if line.starts_with("GET /api/v1/access?") { "null" } else { "\"again\"" };
        while stream.read_line(&mut line).await? > 2 {}
        line.clear();
        let page = format!(
            r#"{{"items":[],"next":{next},"requirements":[],"unknown_groups":[],"unknown_tenants":[]}}"#
        );
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length";
        stream.write_all(format!("{head}: {}\r\n\r\n{page}", page.len()).as_bytes()).await?;
        count.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_does_not_end_is_refused() {
    let elsewhere = Elsewhere::start(Pair::Embedded).await;
    let key = elsewhere.full_key().await;
    for arguments in [["user", "list"].as_slice(), &["audit", "list"], &["access", "--tenant", "a"]] {
        let (addr, count) = start_endless_api().await;
        let builder =
            elsewhere.command_line(&key).env("GATEPOST_API", format!("http://localhost:{}", addr.port()));
        let (code, out, error) = run_command(&builder, arguments).await;
        assert_eq!((code, out.as_str()), (Some(1), ""), "{arguments:?}: {error}");
        assert!(error.contains("is too long"), "{arguments:?}: {error}");
        let count = count.load(Ordering::Relaxed);
        assert!((10_000..=10_001).contains(&count), "{arguments:?}: {count}");
    }
}
