//! Deliveries to a server on this machine, which checks signatures by an own computation.

use super::*;
use gatepost_config::Config;
use gatepost_core::access_request::Wanted;
use gatepost_core::ids::{AccessRequestId, UserId};
use gatepost_store::directory::Who;
use sha2::{Digest, Sha256};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// RFC 2104, by hand: another computation than the one under test.
fn hmac_sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    assert!(key.len() <= 64);
    let pad = |byte: u8| (0..64).map(|at| key.get(at).copied().unwrap_or(0) ^ byte).collect::<Vec<u8>>();
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().to_vec()
}

/// What a server received.
#[derive(Clone, Debug)]
struct Received {
    head: String,
    body: String,
}

impl Received {
    fn header(&self, name: &str) -> &str {
        let line = self.head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.unwrap_or_else(|| panic!("no {name} in {}", self.head))
    }

    fn assert_signed(&self) {
        let key = STANDARD.decode(SECRET.trim_start_matches("whsec_")).expect("a key");
        let timestamp: i64 = self.header("webhook-timestamp").parse().expect("seconds");
        assert!(timestamp.abs_diff(Timestamp::now().unix()) < 60);
        let message = format!("{}.{timestamp}.{}", self.header("webhook-id"), self.body);
        let expected = format!("v1,{}", STANDARD.encode(hmac_sha256(&key, message.as_bytes())));
        assert_eq!(self.header("webhook-signature"), expected);
    }
}

/// Answers with these statuses in their order, then with 200. 0: never answers.
async fn server(statuses: &[u16]) -> (SocketAddr, Arc<Mutex<Vec<Received>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let received = Arc::new(Mutex::new(Vec::new()));
    let (seen, mut statuses) = (Arc::clone(&received), VecDeque::from(statuses.to_vec()));
    tokio::spawn(async move {
        let mut held = Vec::new();
        loop {
            let (mut socket, _) = listener.accept().await.expect("a connection");
            let mut bytes = Vec::new();
            let request = loop {
                socket.read_buf(&mut bytes).await.expect("a request");
                let text = String::from_utf8(bytes.clone()).expect("text");
                if let Some((head, body)) = text.split_once("\r\n\r\n") {
                    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                    if body.len() == length.expect("a length").parse::<usize>().expect("a number") {
                        break Received { head: head.to_owned(), body: body.to_owned() };
                    }
                }
            };
            seen.lock().expect("a list").push(request);
            match statuses.pop_front().unwrap_or(200) {
                0 => held.push(socket),
                status => {
                    let answer = format!(
                        "HTTP/1.1 {status} X\r\nlocation: http://{address}/elsewhere\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                    );
                    socket.write_all(answer.as_bytes()).await.expect("an answer");
                }
            }
        }
    });
    (address, received)
}

fn config(address: SocketAddr) -> WebhookConfig {
    let variables = [
        ("GATEPOST_PUBLIC_URL", "https://auth.example.com".to_owned()),
        ("GATEPOST_HOSTS", "app.example.com".to_owned()),
        ("MICROSOFT_CLIENT_ID", "5b1fbe4e-1f0c-4f4b-9c8e-0a6f1b7d2c11".to_owned()),
        ("MICROSOFT_CLIENT_SECRET", "not one".to_owned()),
        ("MICROSOFT_CLIENT_TENANT_ID", "6c2e1f40-93f0-4a39-8b54-2b9d1c7e5a10".to_owned()),
        ("GATEPOST_WEBHOOK__URL", format!("http://{address}/hook")),
        ("GATEPOST_WEBHOOK__SECRET", SECRET.to_owned()),
    ];
    let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value));
    Config::parse("", variables).expect("a configuration").webhook.expect("a webhook")
}

/// A webhook whose pauses are short, and whose answers are waited for shortly.
fn webhook(address: SocketAddr) -> Webhook {
    let client = gatepost_oidc::outgoing_client(None).expect("a client");
    let public_url: Origin = "https://auth.example.com".parse().expect("an origin");
    let webhook = Webhook::new(None, &public_url, &client);
    let sender =
        Sender { config: config(address), public_url, client, first_pause: Duration::from_micros(10) };
    Webhook { sender: Some(Arc::new(sender)), ..webhook }
}

fn request() -> AccessRequest {
    AccessRequest {
        id: AccessRequestId::generate(),
        user_id: UserId::generate(),
        email: Some("alice@example.com".parse().expect("an address")),
        name: Some("Alice".to_owned()),
        wanted: Wanted::Group("<!channel> `x`".parse().expect("a name")),
        group_id: None,
        note: Some("private words".to_owned()),
        state: RequestState::Open,
        created_at: Timestamp::now(),
        decided_at: None,
        decided_by: None,
        decided_by_email: None,
        answer: None,
        until: None,
    }
}

/// As an administrator of the command line decided it.
fn decided(until: Option<Timestamp>) -> AccessRequest {
    let state = if until.is_some() { RequestState::Granted } else { RequestState::Declined };
    let by = Some(Who::CommandLine("ops".to_owned()));
    AccessRequest { state, until, decided_by: by, decided_at: Some(Timestamp::now()), ..request() }
}

#[test]
fn a_signature_is_that_of_the_specifications_example() {
    let key = STANDARD.decode(SECRET.trim_start_matches("whsec_")).expect("a key");
    let signed = signature(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, "{\"test\": 2432232314}");
    assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

#[tokio::test]
async fn an_event_is_sent_again_under_its_id_until_it_is_taken() {
    let (address, received) = server(&[500, 302, 429]).await;
    let webhook = webhook(address);
    let asked = request();
    webhook.requested(&asked);
    webhook.finish(Duration::from_secs(20)).await;
    let received = received.lock().expect("a list").clone();
    assert_eq!(received.len(), 4, "{received:?}");
    for request in &received {
        request.assert_signed();
        assert!(request.head.starts_with("POST /hook "), "a redirect was followed: {}", request.head);
        assert_eq!(request.header("webhook-id"), received[0].header("webhook-id"));
        assert_eq!(request.header("content-type"), "application/json");
    }
    let body: Value = serde_json::from_str(&received[3].body).expect("JSON");
    assert_eq!((&body["type"], &body["data"]["state"]), (&json!("access_request.created"), &json!("open")));
    let page = format!("https://auth.example.com/admin/requests/{}", asked.id);
    let text = format!("`alice@example.com` asks for access to `group &lt;!channel&gt; 'x'`: {page}");
    assert_eq!((&body["text"], &body["data"]["url"]), (&json!(text), &json!(page)));
    assert!(!received[3].body.contains("private words"));
}

#[tokio::test]
async fn an_event_that_is_never_taken_is_given_up_after_eight_tries() {
    let (address, received) = server(&[500; 20]).await;
    let webhook = webhook(address);
    webhook.decided(&decided(None));
    webhook.finish(Duration::from_secs(20)).await;
    assert_eq!(received.lock().expect("a list").len(), 8);
}

#[tokio::test]
async fn a_server_that_never_answers_is_asked_again_after_five_seconds() {
    let (address, received) = server(&[0]).await;
    let webhook = webhook(address);
    webhook.decided(&decided(Some(Timestamp::now())));
    webhook.finish(Duration::from_secs(30)).await;
    let received = received.lock().expect("a list").clone();
    assert_eq!(received.len(), 2);
    let body: Value = serde_json::from_str(&received[1].body).expect("JSON");
    assert_eq!(
        (&body["type"], &body["data"]["decided_by"]),
        (&json!("access_request.granted"), &json!("cli:ops"))
    );
}

#[tokio::test]
async fn more_events_than_the_queue_holds_are_dropped() {
    let (address, received) = server(&[0]).await;
    let webhook = webhook(address);
    for _ in 0..MAX_WAITING + 20 {
        webhook.requested(&request());
    }
    assert_eq!(webhook.tracker.len(), MAX_WAITING);
    drop(received);
}
