//! Messages to one tool server, through the proxy: without a credential, and with an API key that is made for them.
//!
//! The key lives for minutes, and is revoked when its messages are done or the command is interrupted. What is sent with it is
//! refused everywhere, or names a tool that no server has.

use crate::console::Console;
use crate::error::CommandError;
use gatepost_check::mcp::{self, Answer, Seen, Server};
use gatepost_check::{Finding, Place};
use gatepost_core::api_key::{KeyExpiry, KeyLimits, KeyScope};
use gatepost_core::error_chain::Chain;
use gatepost_core::ids::GroupName;
use gatepost_core::mcp::{CURRENT_VERSION, MAX_BODY, Mode};
use gatepost_core::requirement::Requirement;
use gatepost_store::directory::changes::{CreateKey, RevokeKey, ShownKey};
use gatepost_store::directory::{Conditions, KeyHolder, ToolServer};
use reqwest::header::{ACCEPT, CONTENT_TYPE, WWW_AUTHENTICATE};
use reqwest::{Client, RequestBuilder};
use serde_json::json;
use std::net::IpAddr;
use std::time::Duration;

/// The life of the key, if the command cannot revoke it.
const LIFE: Duration = Duration::from_mins(5);
/// The longest answer that is read, in bytes.
const LONGEST_ANSWER: usize = 256 * 1024;
/// A tool that no server has.
const NO_TOOL: &str = "gatepost-check-no-such-tool";
/// Another one.
const NEITHER: &str = "gatepost-check-neither-this-tool";

/// A requirement of a router, with its place in Traefik's files.
pub(super) type Routed = (Requirement, Place);

/// One tool server, and how it is reached.
pub(super) struct Probe<'a> {
    console: &'a Console,
    server: &'a ToolServer,
    pub(super) known: Server<'a>,
    client: Client,
}

impl<'a> Probe<'a> {
    /// Of a server that is expected to have this mode. `proxy` is where the proxy is, if DNS does not say.
    ///
    /// # Errors
    /// `OnlyHere`, `Client`.
    pub(super) fn new(
        console: &'a Console,
        (server, mode): (&'a ToolServer, Mode),
        proxy: Option<IpAddr>,
    ) -> Result<Self, CommandError> {
        let (url, config) = (&server.settings.url, &console.here()?.site.config);
        let proxy = proxy.map(|proxy| (url.host().as_str(), proxy));
        let client = gatepost_oidc::client_to(config.ca_file.as_deref(), proxy)?;
        let known = Server { id: server.id.as_str(), url, mode };
        Ok(Self { console, server, known, client })
    }

    /// What is wrong with the server's document (RFC 9728).
    pub(super) async fn document(&self) -> Option<Finding> {
        mcp::metadata(&self.known, &see(self.client.get(self.known.url.metadata_url())).await)
    }

    /// What is wrong with the answer to a message without a credential. With a key, a message would reach the server if the
    /// gate were not between.
    pub(super) async fn stranger(&self) -> Option<Finding> {
        mcp::stranger(&self.known, &see(self.message(("ping", None), ("ping", ""))).await)
    }

    /// What is answered to messages whose headers and body differ: to one of another method, which no router of lists takes, and, where the gate reads headers
    /// alone, to one of another tool.
    pub(super) async fn differing(&self, key: &ShownKey) -> Vec<Seen> {
        let send = async |message: RequestBuilder| see(message.bearer_auth(key.secret.expose())).await;
        let mut seen = vec![send(self.message(("ping", None), ("tools/call", NO_TOOL))).await];
        if self.known.mode == Mode::Headers {
            seen.push(send(self.message(("tools/call", Some(NO_TOOL)), ("tools/call", NEITHER))).await);
        }
        seen
    }

    /// What is wrong with the answer to a message that is one byte longer than is taken.
    pub(super) async fn long(&self, key: &ShownKey) -> Option<Finding> {
        let long = format!("{{\"method\":\"ping\"{}}}", " ".repeat(MAX_BODY));
        let long =
            self.client.post(self.known.url.as_str()).header(CONTENT_TYPE, "application/json").body(long);
        mcp::long(&self.known, &see(long.bearer_auth(key.secret.expose())).await)
    }

    /// Sends messages with a key, which is revoked whatever comes of them.
    ///
    /// # Errors
    /// What `send` fails with; `Interrupted`; the key cannot be made.
    pub(super) async fn with_key<T>(
        &self,
        requirements: &[Routed],
        send: impl AsyncFnOnce(&ShownKey) -> Result<T, CommandError>,
    ) -> Result<T, CommandError> {
        let key = self.make_key(requirements).await?;
        let outcome = tokio::select! {
            outcome = send(&key) => outcome,
            _ = tokio::signal::ctrl_c() => Err(CommandError::Interrupted),
        };
        let revoke = RevokeKey { id: key.record.id, holder: key.record.holder() };
        self.carry_out(&revoke).await?;
        outcome
    }

    /// A key of the server's tenant, in the groups of which the routers of this tenant require one. Where the gate reads
    /// headers alone it tries the server: nobody else passes there before the server was tried.
    async fn make_key(&self, requirements: &[Routed]) -> Result<ShownKey, CommandError> {
        let server = self.server;
        let of_tools =
            requirements.iter().map(|(requirement, _)| requirement).filter(|own| own.mcp.is_some());
        let is_meant = |own: &&Requirement| own.tenants.is_empty() || own.tenants.contains(&server.tenant_id);
        let mut groups: Vec<GroupName> =
            of_tools.filter(is_meant).flat_map(|own| own.groups.clone()).collect();
        groups.sort_unstable();
        groups.dedup();
        let state = self.console.here()?;
        let directory = &state.stores.directory;
        let mut existing = Vec::new();
        for group in groups {
            if directory.group_exists(&group).await? {
                existing.push(group);
            }
        }
        let hosts = vec![server.settings.url.host().clone()];
        let faults = state.admin.faults_of_hosts(Some(&server.tenant_id), &hosts).await?;
        let no_tool = NO_TOOL.parse().unwrap_or_else(|_| unreachable!("it is a pattern"));
        let limits = KeyLimits {
            scopes: vec![KeyScope::Gate],
            hosts,
            tools: vec![no_tool],
            trial: (self.known.mode == Mode::Headers).then(|| server.id.clone()),
            ..KeyLimits::default()
        };
        let change = CreateKey {
            name: "gatepost check".parse().unwrap_or_else(|_| unreachable!("it is a name")),
            holder: KeyHolder { tenant: Some(server.tenant_id.clone()), owner: None },
            faults,
            limits,
            groups: existing,
            expiry: KeyExpiry::At(directory.clock().await?.plus(LIFE)),
        };
        self.carry_out(&change).await
    }

    /// Makes a change of a key. What the command line says about versions is about the server.
    async fn carry_out<C: gatepost_store::directory::Applicable>(
        &self,
        change: &C,
    ) -> Result<C::Outcome, CommandError> {
        let (admin, actor) = (&self.console.here()?.admin, &self.console.actor);
        Ok(admin.carry_out(change, Conditions::default(), actor).await?.outcome)
    }

    /// A message of the current revision. Its headers may name another method than its body, and another tool.
    fn message(&self, header: (&str, Option<&str>), (method, name): (&str, &str)) -> RequestBuilder {
        let meta = json!({ "io.modelcontextprotocol/protocolVersion": CURRENT_VERSION });
        let params = json!({ "name": name, "_meta": meta });
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let request = self
            .client
            .post(self.known.url.as_str())
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json, text/event-stream")
            .header("mcp-protocol-version", CURRENT_VERSION)
            .header("mcp-method", header.0)
            .body(body.to_string());
        match header.1 {
            Some(name) => request.header("mcp-name", name),
            None => request,
        }
    }
}

/// Sends a request and reads the answer.
pub(super) async fn see(request: RequestBuilder) -> Seen {
    let mut answer = request.send().await.map_err(|error| Chain(&error).to_string())?;
    let challenge = answer.headers().get(WWW_AUTHENTICATE).and_then(|value| value.to_str().ok());
    let challenge = challenge.map(str::to_owned);
    let status = answer.status().as_u16();
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > LONGEST_ANSWER {
            break;
        }
    }
    Ok(Answer { status, challenge, body: serde_json::from_slice(&body).ok() })
}
