//! `Open WebUI` as a speaker, its key, and what it sends.

use crate::world::{APP, Plan, Stores, World};
use gatepost_core::api_key::{ApiKey, KeyId};
use gatepost_core::clock::Timestamp;
use gatepost_kit::client::{Answer, Client, Kind};
use gatepost_kit::tool_calls::{self, ToolRequest};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const SECRET: &str = "of-the-speaker-and-nobody-else-0123456789";
pub const SOON: Duration = Duration::from_secs(20);

/// `Open WebUI` speaks at `APP`.
pub fn plan() -> Plan {
    let set = |plan: Plan, (name, value): (&str, &str)| {
        plan.env(&format!("GATEPOST_SPEAKERS__OPEN_WEBUI__{name}"), value)
    };
    [("KIND", "open-webui"), ("SECRET", SECRET), ("HOSTS", APP)].into_iter().fold(Plan::default(), set)
}

/// Words of `PyJWT` about a person: `good` and `forged`, as `tests/pyjwt/words.py` describes them.
pub fn words(email: &str) -> Value {
    words_by(SECRET, email)
}

/// The same, signed with another secret.
pub fn words_by(secret: &str, email: &str) -> Value {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = |command: &mut Command| {
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let python = output(&mut Command::new(repository.join("script/pyjwt")));
    let now = Timestamp::now().unix().to_string();
    let script = repository.join("tests/pyjwt/words.py");
    let words = output(Command::new(python.trim()).arg(script).args([secret, &now, email]));
    serde_json::from_str(&words).unwrap()
}

pub fn word_about(email: &str) -> String {
    words(email)["good"]["as Open WebUI signs it"].as_str().unwrap().to_owned()
}

/// A key, as the directory holds it.
pub struct Key<'a> {
    pub scopes: &'a [&'a str],
    pub hosts: &'a [&'a str],
    pub tenant: Option<&'a str>,
    pub networks: &'a [&'a str],
}

pub const OF_CHAT: Key<'static> = Key { scopes: &["act-as"], hosts: &[APP], tenant: None, networks: &[] };

/// The statement that adds a key, for either store.
const INSERT: &str = "INSERT INTO keys (id, hash, hint, name, machine_name, tenant_id, created_by, scopes, hosts, \
    networks, expires_at, created_at) VALUES ($1, $2, $3, 'The chat', $4, $5, 'test', $6, $7, $8, $9, $10)";

/// Adds a key to a pool's database. Returns its text.
macro_rules! insert {
    ($pool:expr, $table:literal, $key:expr) => {{
        let (text, id, now) =
            (ApiKey::generate(None), KeyId::generate().to_string(), Timestamp::now().unix());
        sqlx::query(sqlx::AssertSqlSafe(INSERT.replace("INTO keys", concat!("INTO ", $table))))
            .bind(&id)
            .bind(&text.digest().as_bytes()[..])
            .bind(text.hint())
            .bind(format!("chat-{id}"))
            .bind($key.tenant)
            .bind(json!($key.scopes).to_string())
            .bind(json!($key.hosts).to_string())
            .bind(json!($key.networks).to_string())
            .bind(now + 3600)
            .bind(now)
            .execute(&$pool)
            .await
            .unwrap();
        text.expose().to_owned()
    }};
}

pub async fn add_key(world: &World, key: &Key<'_>) -> String {
    match &world.stores {
        Stores::Embedded(folder) => {
            let url = format!("sqlite://{}", folder.path().join("gatepost.db").display());
            insert!(sqlx::SqlitePool::connect(&url).await.unwrap(), "keys", key)
        }
        Stores::Shared { database, .. } => add_key_to_postgres(database, key).await,
    }
}

pub async fn add_key_to_postgres(database: &str, key: &Key<'_>) -> String {
    insert!(sqlx::PgPool::connect(database).await.unwrap(), "gatepost.keys", key)
}

pub async fn revoke_keys(world: &World) {
    match &world.stores {
        Stores::Embedded(folder) => {
            let url = format!("sqlite://{}", folder.path().join("gatepost.db").display());
            let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
            sqlx::query("UPDATE keys SET revoked_at = 1").execute(&pool).await.unwrap();
        }
        Stores::Shared { database, .. } => {
            let pool = sqlx::PgPool::connect(database).await.unwrap();
            sqlx::query("UPDATE gatepost.keys SET revoked_at = 1").execute(&pool).await.unwrap();
        }
    }
    world.has_heard().await;
}

/// `Open WebUI`'s server: no cookies, nothing of a browser's.
pub async fn send(world: &World, host: &str, request: &ToolRequest) -> Answer {
    let client: Client = world.browser();
    let method = request.method.parse().unwrap();
    let sent = client.request(method, &world.url(host, "/servers/github/mcp")).kind(Kind::Program);
    let sent = request.headers.iter().fold(sent, |sent, (name, value)| sent.header(name, value));
    sent.body(request.body.clone()).send().await
}

/// The call of a tool.
pub fn call(key: &str, said: &str) -> ToolRequest {
    tool_calls::modern(key, said).pop().unwrap()
}

pub async fn calls(world: &World, key: &str, said: &str) -> Answer {
    send(world, APP, &call(key, said)).await
}

#[track_caller]
pub fn assert_nobody(answer: &Answer) {
    assert_eq!(answer.status, 403, "{}", answer.body);
    let body = answer.json();
    assert_eq!(
        (&body["jsonrpc"], &body["id"], &body["error"]["code"]),
        (&json!("2.0"), &Value::Null, &json!(403))
    );
    let message = body["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("Sign in at https://auth.example.test") && message.contains("once"),
        "{message}"
    );
    assert_eq!(answer.header("www-authenticate"), None, "other scopes would not help");
}
