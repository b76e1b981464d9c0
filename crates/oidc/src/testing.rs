//! Helpers for the tests of this crate: signers with new keys in each run, and a server with scripted answers.

use super::calls::Calls;
use super::issuer::IssuerRule;
use super::keys::Key;
use super::metadata::Metadata;
use super::provider::{Provider, Providers};
use super::settings::Settings;
use super::transport::{self, Transport};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use gatepost_config::{ClientCredential, ProviderConfig, ProviderKind};
use openidconnect::{ClientId, IssuerUrl};
use rsa::pkcs1::{EncodeRsaPrivateKey, LineEnding};
use rsa::pkcs1v15::SigningKey;
use rsa::sha2::Sha256;
use rsa::signature::{SignatureEncoding, Signer as _};
use rsa::traits::PublicKeyParts;
use serde_json::{Map, Value, json};
use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::{Arc, LazyLock, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

static FIRST: LazyLock<Signer> = LazyLock::new(|| Signer::generate(2048));
static SECOND: LazyLock<Signer> = LazyLock::new(|| Signer::generate(2048));
static WEAK: LazyLock<Signer> = LazyLock::new(|| Signer::generate(1024));

/// A provider's private key.
pub(super) struct Signer {
    key: rsa::RsaPrivateKey,
}

impl Signer {
    pub fn first() -> &'static Self {
        &FIRST
    }

    pub fn second() -> &'static Self {
        &SECOND
    }

    pub fn weak() -> &'static Self {
        &WEAK
    }

    fn generate(bits: usize) -> Self {
        Self { key: rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, bits).expect("a key") }
    }

    pub fn pem(&self) -> String {
        self.key.to_pkcs1_pem(LineEnding::LF).expect("PEM").to_string()
    }

    pub fn der(&self) -> Vec<u8> {
        self.key.to_pkcs1_der().expect("DER").as_bytes().to_vec()
    }

    pub fn jwk(&self, kid: &str) -> Value {
        let encode = |number: &rsa::BigUint| BASE64_URL_SAFE_NO_PAD.encode(number.to_bytes_be());
        json!({"kty": "RSA", "kid": kid, "n": encode(self.key.n()), "e": encode(self.key.e())})
    }

    pub fn key(&self, kid: &str) -> Key {
        Key::try_from(self.jwk(kid)).expect("a key")
    }

    pub fn sign(&self, kid: &str, claims: &Value) -> String {
        self.sign_with(&json!({"alg": "RS256", "kid": kid}), claims)
    }

    pub fn sign_with(&self, header: &Value, claims: &Value) -> String {
        self.sign_text(header, &claims.to_string())
    }

    pub fn sign_text(&self, header: &Value, claims: &str) -> String {
        let encode = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
        let signed = format!("{}.{}", encode(&header.to_string()), encode(claims));
        let signature = SigningKey::<Sha256>::new(self.key.clone()).sign(signed.as_bytes()).to_vec();
        format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }
}

pub(super) fn object(value: &Value) -> Map<String, Value> {
    value.as_object().expect("an object").clone()
}

pub(super) fn metadata_document(issuer: &str) -> Value {
    json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize?own=1&client_id=theirs"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"),
        "userinfo_endpoint": format!("{issuer}/userinfo"),
        "end_session_endpoint": format!("{issuer}/logout"),
        "response_types_supported": ["code"],
        "id_token_signing_alg_values_supported": ["RS256"],
    })
}

pub(super) fn exactly(issuer: &str) -> IssuerRule {
    IssuerRule::Exactly(IssuerUrl::new(issuer.to_owned()).expect("an address"))
}

pub(super) fn metadata() -> Metadata {
    metadata_of("https://op.example")
}

pub(super) fn metadata_of(issuer: &str) -> Metadata {
    parsed(&metadata_document(issuer), "us")
}

pub(super) fn parsed(document: &Value, client_id: &str) -> Metadata {
    let rule = exactly(document["issuer"].as_str().expect("a text"));
    let source = rule.discovery_url().expect("an address");
    let client_id = ClientId::new(client_id.to_owned());
    Metadata::parse(&object(document), &rule, &source, &client_id).expect("metadata")
}

/// A provider that is the only one configured, with the defaults and what `change` sets.
pub(super) fn provider(kind: ProviderKind, change: impl FnOnce(&mut ProviderConfig)) -> Arc<Provider> {
    let id = "op".parse().expect("an id");
    let mut provider = ProviderConfig::new(id, kind, "us".into(), ClientCredential::Secret("secret".into()));
    change(&mut provider);
    let public_host = "auth.example.com".parse().expect("a host");
    let settings = Settings { ca_file: None, public_host, providers: vec![provider], speakers: Vec::new() };
    let providers = Providers::new(&settings, &Calls::new(|_| {})).expect("providers");
    Arc::clone(providers.iter().next().expect("a provider"))
}

/// One scripted answer.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    status: u16,
    headers: String,
    body: String,
}

impl Reply {
    pub fn text(status: u16, body: &str) -> Self {
        Self { status, headers: String::new(), body: body.to_owned() }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        write!(self.headers, "{name}: {value}\r\n").expect("a text");
        self
    }
}

pub(super) fn json_reply(status: u16, body: &Value) -> Reply {
    Reply::text(status, &body.to_string())
}

/// A server on loopback that gives the scripted answers in order, and records the requests.
pub(super) struct Scripted {
    port: u16,
    script: Arc<Mutex<VecDeque<Reply>>>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Scripted {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (script, requests) =
            (Arc::<Mutex<VecDeque<Reply>>>::default(), Arc::<Mutex<Vec<String>>>::default());
        let (replies, received) = (Arc::clone(&script), Arc::clone(&requests));
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                answer(connection, &replies, &received).await;
            }
        });
        Self { port, script, requests }
    }

    pub fn url(&self, path: &str) -> Url {
        Url::parse(&format!("http://127.0.0.1:{}{path}", self.port)).expect("an address")
    }

    pub fn reply(&self, reply: Reply) {
        self.script.lock().expect("a lock").push_back(reply);
    }

    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("a lock").clone()
    }
}

pub(super) fn transport() -> Transport {
    let client = transport::client(None).expect("a client");
    Transport::new(client, "op".parse().expect("an id"), Calls::new(|_| {}))
}

/// Answers one request. Closes the connection if no answer is left.
async fn answer(mut connection: TcpStream, script: &Mutex<VecDeque<Reply>>, requests: &Mutex<Vec<String>>) {
    let mut request = Vec::new();
    while !is_complete(&request) {
        if !matches!(connection.read_buf(&mut request).await, Ok(1..)) {
            return;
        }
    }
    requests.lock().expect("a lock").push(String::from_utf8_lossy(&request).into_owned());
    let reply = script.lock().expect("a lock").pop_front();
    if let Some(Reply { status, headers, body }) = reply {
        let head = format!(
            "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n",
            body.len()
        );
        let _ = connection.write_all(format!("{head}{body}").as_bytes()).await;
    }
}

fn is_complete(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).into_owned();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:").map(str::to_owned));
    body.len() >= length.and_then(|length| length.trim().parse().ok()).unwrap_or(0)
}
