//! Servers that do not do what is asked: too many requests, outages, answers that break off. And where the key is not.

use super::{Elsewhere, Ran};
use crate::world::{Pair, run_command};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;

/// An empty page of a list.
const EMPTY: &str = r#"{"items":[],"next":null}"#;

/// A server that answers each request with the next of these texts, and then with the last one.
struct Script {
    address: String,
    asked: Arc<AtomicUsize>,
}

impl Script {
    async fn start(answers: Vec<String>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let mut stream = BufReader::new(stream);
                let (mut line, mut length) = (String::new(), 0);
                while stream.read_line(&mut line).await.is_ok_and(|read| read > 2) {
                    let value =
                        line.to_lowercase().strip_prefix("content-length:").map(str::trim).map(str::parse);
                    length = value.and_then(Result::ok).unwrap_or(length);
                    line.clear();
                }
                // What is not read would reset the connection.
                let mut body = vec![0; length];
                let _ = tokio::io::AsyncReadExt::read_exact(&mut stream, &mut body).await;
                let place = count.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1);
                let _ = stream.write_all(answers[place].as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        });
        Self { address, asked }
    }

    async fn run(&self, elsewhere: &Elsewhere, key: &str, arguments: &[&str]) -> Ran {
        let builder = elsewhere.command_line(key).env("GATEPOST_API", &*self.address);
        let (code, out, error) = run_command(&builder, arguments).await;
        assert!(!out.contains(key) && !error.contains(key), "{out}{error}");
        (code, out, error)
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn answer(status: &str, headers: &str, kind: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn problem(status: u16, headers: &str, detail: &str) -> String {
    let body = format!(
        r#"{{"type":"about:blank","title":"x","status":{status},"detail":"{detail}","instance":"x","errors":[]}}"#
    );
    answer(&format!("{status} X"), headers, "application/problem+json", &body)
}

fn too_early(after: &str) -> String {
    problem(429, &format!("Retry-After: {after}\r\n"), "You send too many requests.")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_came_too_early_is_sent_again_but_not_for_ever() {
    let elsewhere = Elsewhere::start(Pair::Embedded).await;
    let key = elsewhere.full_key().await;
    let done = answer("200 OK", "", "application/json", EMPTY);
    let script = Script::start(vec![too_early("1"), too_early("0"), done]).await;
    let (code, _, error) = script.run(&elsewhere, &key, &["user", "list"]).await;
    assert_eq!((code, error.as_str(), script.asked()), (Some(0), "", 3));
    let always = Script::start(vec![too_early("0")]).await;
    let (code, out, error) = always.run(&elsewhere, &key, &["user", "list"]).await;
    assert_eq!((code, out.as_str(), always.asked()), (Some(1), "", 11));
    assert!(error.contains("you send too many requests") && error.contains("a minute"), "{error}");
    for after in ["3600", "Sun, 29 Nov 2026 09:00:00 GMT", "-1"] {
        let late = Script::start(vec![too_early(after)]).await;
        let (code, _, error) = late.run(&elsewhere, &key, &["user", "list"]).await;
        assert_eq!((code, late.asked()), (Some(1), 1), "{after}: {error}");
        assert!(error.contains("you send too many requests"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_answer_is_named_and_the_command_fails() {
    let elsewhere = Elsewhere::start(Pair::Embedded).await;
    let key = elsewhere.full_key().await;
    let outage = "cannot do it at the moment (status 503 Service Unavailable): a store does not answer";
    for (text, part) in [
        (problem(503, "Retry-After: 1\r\n", "A store does not answer."), outage),
        (
            answer("502 Bad Gateway", "", "text/html", "<h1>Bad Gateway</h1>"),
            "(status 502 Bad Gateway): the answer is not Gatepost's",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{".to_owned(),
            "does not answer",
        ),
        (String::new(), "does not answer"),
    ] {
        let script = Script::start(vec![text]).await;
        for command in [["user", "list"].as_slice(), &["tenant", "set", "a", "--tier", "pro"]] {
            let (code, out, error) = script.run(&elsewhere, &key, command).await;
            assert_eq!((code, out.as_str()), (Some(1), ""), "{command:?}: {error}");
            let has_hint = error.contains("a change may have been made or not");
            assert!(
                error.contains(&script.address) && error.contains(part) && has_hint,
                "{command:?}: {error}"
            );
        }
    }
    let strange = "no answer of Gatepost's API";
    for (text, part) in [
        (answer("200 OK", "", "text/html", "<p>Hello</p>"), strange),
        (answer("200 OK", "", "application/json", "[1"), "something else than Gatepost's API"),
        (problem(404, "", "There is no such thing here."), "there is no such thing here"),
    ] {
        let script = Script::start(vec![text]).await;
        let (code, out, error) = script.run(&elsewhere, &key, &["audit", "list"]).await;
        assert_eq!((code, out.as_str()), (Some(1), ""), "{error}");
        assert!(error.contains(part), "{error}");
    }
    let script = Script::start(vec![
        answer("200 OK", "", "application/json", EMPTY),
        problem(503, "", "A store does not answer."),
    ])
    .await;
    for part in [strange, "a store does not answer"] {
        let (code, out, error) = script.run(&elsewhere, &key, &["audit", "export"]).await;
        assert!(code == Some(1) && out.is_empty() && error.contains(part), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_breaks_off_is_an_error() {
    let elsewhere = Elsewhere::start(Pair::Embedded).await;
    let key = elsewhere.full_key().await;
    let whole = elsewhere.run_here(&["audit", "export"]).await.1;
    let line = whole.lines().next().unwrap();
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/jsonl\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
    let chunk = format!("{:x}\r\n{line}\n\r\n", line.len() + 1);
    let script = Script::start(vec![format!("{head}{chunk}0\r\n\r\n"), format!("{head}{chunk}")]).await;
    let (code, out, error) = script.run(&elsewhere, &key, &["audit", "export"]).await;
    assert_eq!((code, out.trim_end(), error.as_str()), (Some(0), line, ""));
    let (code, out, error) = script.run(&elsewhere, &key, &["audit", "export"]).await;
    assert_eq!((code, out.trim_end()), (Some(1), line));
    assert!(error.contains("broke off") && error.contains("not everything"), "{error}");
    let odd = Script::start(vec![format!("{head}3\r\nno\n\r\n0\r\n\r\n")]).await;
    let (code, out, error) = odd.run(&elsewhere, &key, &["audit", "export"]).await;
    assert_eq!((code, out.as_str()), (Some(1), ""), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_stands_in_no_log() {
    let elsewhere = Elsewhere::start(Pair::Embedded).await;
    let key = elsewhere.full_key().await;
    for arguments in [["user", "list"].as_slice(), &["group", "create", "One"], &["tenant", "delete", "none"]]
    {
        elsewhere.run(&key, arguments).await;
    }
    let random = key.rsplit('_').next().unwrap();
    let log = elsewhere.world.gatepost.logs().join("\n");
    assert!(log.contains("a change was made") && !log.contains(random), "{log}");
}
