//! The audit as a stream, and the heads of its hours.

use super::{Office, ROOT, problem};
use crate::cli::sql;
use crate::stalled::memory;
use crate::world::{COOKIE, PUBLIC, Pair, World};
use gatepost_kit::client::{Answer, Client, get_request};
use gatepost_kit::process::until;
use serde_json::Value;
use sqlx::AssertSqlSafe;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

const SOON: Duration = Duration::from_secs(20);

/// Entries of the action `test.fill`, one each second from `at` on; every third is of the tenant `a`.
pub(super) async fn fill(world: &World, number: u32) {
    sql(
        world,
        AssertSqlSafe(format!(
            "INSERT INTO audit_entries (at, actor, action, target, after, tenant_id) \
             WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {number}) \
             SELECT 1700000000 + n, 'cli:test', 'test.fill', 'group:' || n, '{{\"number\":' || n || '}}', \
             CASE WHEN n % 3 = 0 THEN 'a' END FROM s"
        )),
    )
    .await;
}

fn lines(answer: &Answer) -> Vec<Value> {
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some("application/jsonl")),
        "{}",
        answer.body
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    answer.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

async fn export(office: &Office, client: &Client, query: &str) -> Vec<Value> {
    lines(&office.send(client, "GET", &format!("/audit/export{query}"), None).await)
}

both_pairs! {
    async fn an_export_has_each_entry_once_and_nothing_of_other_tenants(pair) {
        let office = Office::open(pair).await;
        fill(&office.world, 1300).await;
        let (carol, dave) = (office.world.signed_in("carol").await, office.world.signed_in("dave").await);
        let filled = export(&office, &office.alice, "?action=test.fill").await;
        let numbers: Vec<_> = filled.iter().map(|entry| entry["after"]["number"].as_u64().unwrap()).collect();
        assert_eq!(numbers, (1..=1300).rev().collect::<Vec<_>>(), "newest first");
        let all = export(&office, &office.alice, "").await;
        let page = office.done("GET", "/audit?limit=200", None).await;
        assert!(all.len() > 1310 && all.starts_with(page["items"].as_array().unwrap()));
        let few = export(&office, &office.alice, "?action=test.fill&since=2023-11-14T22:13:30Z&until=2023-11-14T22:13:33Z").await;
        assert_eq!(few.len(), 3);
        assert_eq!(export(&office, &office.alice, "?action=test.fill&tenant=a").await.len(), 433);

        let own = export(&office, &carol, "").await;
        assert!(own.len() > 433 && own.iter().all(|entry| entry["tenant_id"] == "a"), "{own:?}");
        for other in [export(&office, &carol, "?tenant=b").await, export(&office, &dave, "?action=test.fill").await] {
            assert!(other.is_empty(), "{other:?}");
        }
        for (query, place, code) in [("?limit=5", "limit", "unknown"), ("?since=soon", "since", "malformed"), ("?via=x", "via", "malformed")] {
            let answer = office.send(&office.alice, "GET", &format!("/audit/export{query}"), None).await;
            assert_eq!(problem(&answer, 400, "invalid", query), [(place.to_owned(), code.to_owned())]);
        }
        let head = office.send(&office.alice, "HEAD", "/audit/export", None).await;
        assert_eq!((head.status, head.body.as_str()), (200, ""));
    }

    async fn the_audit_of_a_person_is_theirs_alone_and_each_reads_their_part(pair) {
        let office = Office::open(pair).await;
        let carol = office.world.signed_in("carol").await;
        let id = office.send(&carol, "GET", "/me", None).await.json()["id"].as_str().unwrap().to_owned();
        office.world.cli_all(&[&["group", "add", "Alpha", "carol@example.com"], &["group", "add", "Beta", "bob@example.com"],
            &["tenant", "add-member", "a", "carol@example.com"]]).await;
        let path = format!("/users/{id}/audit");
        let list = office.done("GET", &path, None).await;
        let rows = list["items"].as_array().unwrap();
        let (user, target) = (id.as_str(), format!("user:{id}"));
        assert!(rows.iter().all(|row| row["actor"] == user || row["target"] == target.as_str()), "{list}");
        assert!(rows.iter().any(|row| row["action"] == "membership.create"), "{list}");
        let own = office.send(&carol, "GET", &path, None).await.json();
        let rows = own["items"].as_array().unwrap();
        assert!(!rows.is_empty() && rows.iter().all(|row| row["tenant_id"] == "a"), "groups are not for her: {own}");
        let dave = office.world.signed_in("dave").await;
        problem(&office.send(&dave, "GET", &path, None).await, 404, "not-found", "she is not in his tenant");
        let first = office.done("GET", &format!("{path}?limit=1"), None).await;
        let next = first["next"].as_str().unwrap();
        let second = office.done("GET", &format!("{path}?limit=1&after={next}"), None).await;
        assert_ne!(first["items"], second["items"]);
    }

    async fn heads_are_listed_by_their_hours_for_the_system_alone(pair) {
        let office = Office::open(pair).await;
        for hour in [10, 11, 13] {
            sql(&office.world, AssertSqlSafe(format!(
                "INSERT INTO audit_heads (hour, form, first_id, last_id, count, sha256, previous) \
                 VALUES ({hour}, 1, {hour}, {hour}, 1, {digest}, {digest})", digest = digest(pair, hour)))).await;
        }
        let found = office.done("GET", "/audit/heads", None).await;
        let hours = |found: &Value| found["items"].as_array().unwrap().iter().map(|head| head["hour"].as_str().unwrap()[..13].to_owned()).collect::<Vec<_>>();
        assert_eq!(hours(&found), ["1970-01-01T10", "1970-01-01T11", "1970-01-01T13"]);
        assert_eq!(found["items"][0]["sha256"], "0a".repeat(32));
        let page = office.done("GET", "/audit/heads?limit=2&since=1970-01-01T10:59:59Z", None).await;
        assert_eq!(hours(&page), hours(&found)[..2]);
        let next = page["next"].as_str().unwrap();
        let rest = office.done("GET", &format!("/audit/heads?since=1970-01-01T10:59:59Z&after={next}"), None).await;
        assert_eq!((hours(&rest), &rest["next"]), (vec!["1970-01-01T13".to_owned()], &Value::Null));
        let carol = office.world.signed_in("carol").await;
        problem(&office.send(&carol, "GET", "/audit/heads", None).await, 403, "forbidden", "carol");
    }

    async fn a_stalled_export_takes_little_memory_and_breaks_off_when_its_caller_is_nobody(pair) {
        let office = Office::open(pair).await;
        fill(&office.world, 100_000).await;
        office.world.cli(&["admin", "grant", "bob@example.com"]).await;
        let pid = office.world.gatepost.running().pid();
        let before = memory(pid);
        let mut stalled = Vec::new();
        for _ in 0..10 {
            stalled.push(begin(&office).await);
        }
        let grown = memory(pid).saturating_sub(before);
        assert!(grown < 48 << 20, "{} MiB more", grown >> 20);
        let whole = to_the_end(&mut stalled.pop().unwrap()).await;
        assert!(whole.ends_with("\r\n0\r\n\r\n") && whole.matches("test.fill").count() > 90_000);
        office.world.cli(&["admin", "revoke", "alice@example.com"]).await;
        for mut stream in stalled {
            let rest = to_the_end(&mut stream).await;
            assert!(!rest.ends_with("\r\n0\r\n\r\n") && rest.matches("test.fill").count() < 90_000);
        }
    }
}

fn digest(pair: Pair, byte: u8) -> String {
    let digits = format!("{byte:02x}").repeat(32);
    if pair == Pair::Shared { format!("'\\x{digits}'") } else { format!("x'{digits}'") }
}

/// Begins an export as alice, of which the status is read.
async fn begin(office: &Office) -> TcpStream {
    let cookie = format!("{COOKIE}={}", office.alice.find_cookie(PUBLIC, COOKIE).unwrap());
    let host = office.world.url(PUBLIC, "").replace("https://", "");
    let headers: [(&str, &[u8]); 2] = [("Host", host.as_bytes()), ("Cookie", cookie.as_bytes())];
    let request = get_request(&format!("{ROOT}/audit/export"), &headers);
    until("an export to begin", SOON, async || {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(16 * 1024).unwrap();
        let mut stream = socket.connect(office.world.gatepost.public()).await.unwrap();
        stream.write_all(&request).await.unwrap();
        let mut status = [0; 12];
        stream.read_exact(&mut status).await.unwrap();
        // On a busy machine a store may miss its deadline.
        (&status == b"HTTP/1.1 200").then_some(stream)
    })
    .await
}

async fn to_the_end(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset is an end too.
    let _ = stream.read_to_end(&mut bytes).await;
    String::from_utf8_lossy(&bytes).into_owned()
}
