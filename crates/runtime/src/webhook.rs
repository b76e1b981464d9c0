//! Tells a chat about requests for access: signed POSTs as the specification "Standard Webhooks" writes them.
//!
//! Nothing waits for it. What cannot be delivered in [`TRIES`] tries, or does not fit into the queue, or waits when the
//! process ends, is lost, and all but the last is logged: the requests themselves are in the directory.

#[cfg(test)]
mod tests;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gatepost_config::WebhookConfig;
use gatepost_core::access_request::RequestState;
use gatepost_core::clock::Timestamp;
use gatepost_core::error_chain::Chain;
use gatepost_core::host::Origin;
use gatepost_core::ids::{AccessRequestId, RequestId};
use gatepost_pages::paths;
use gatepost_store::directory::AccessRequest;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Client, StatusCode};
use ring::hmac;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::task::TaskTracker;

/// How often an event is sent until it is given up.
const TRIES: u32 = 8;
/// The pause after the first try. Each further pause is four times as long: the last try comes after an hour and a half.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The most events that wait at a time.
const MAX_WAITING: usize = 100;

/// Sends events to the configured address, if there is one.
#[derive(Debug)]
pub struct Webhook {
    sender: Option<Arc<Sender>>,
    /// The main runtime, which outlives the threads of the listeners.
    runtime: Handle,
    tracker: TaskTracker,
    waiting: Arc<Semaphore>,
}

#[derive(Debug)]
struct Sender {
    config: WebhookConfig,
    /// Where the page of a request is.
    public_url: Origin,
    client: Client,
    first_pause: Duration,
}

impl Webhook {
    /// Sends with this client, which follows no redirects and waits 5 s at most. Must be called within a runtime.
    pub fn new(config: Option<WebhookConfig>, public_url: &Origin, client: &Client) -> Self {
        let sender = config.map(|config| Sender {
            config,
            public_url: public_url.clone(),
            client: client.clone(),
            first_pause: FIRST_PAUSE,
        });
        Self {
            sender: sender.map(Arc::new),
            runtime: Handle::current(),
            tracker: TaskTracker::new(),
            waiting: Arc::new(Semaphore::new(MAX_WAITING)),
        }
    }

    /// Whether there is an address.
    pub const fn is_configured(&self) -> bool {
        self.sender.is_some()
    }

    /// Tells that a person asks for access.
    pub fn requested(&self, request: &AccessRequest) {
        let text = format!("{} asks for access to {}", asks(request), plain(&request.wanted.to_string()));
        let data = data(request, RequestState::Open);
        self.send("access_request.created", &text, request.id, data);
    }

    /// Tells that an administrator has granted a request, until a time, or declined it.
    pub fn decided(&self, request: &AccessRequest) {
        let wanted = plain(&request.wanted.to_string());
        let mut data = data(request, request.state);
        data["decided_by"] = json!(request.decided_by.as_ref().map(ToString::to_string));
        if let Some(until) = request.until {
            data["until"] = json!(until);
            let text = format!("{} has access to {wanted} until {}", asks(request), rfc3339(until));
            self.send("access_request.granted", &text, request.id, data);
        } else {
            let text = format!("The request of {} for {wanted} is declined", asks(request));
            self.send("access_request.declined", &text, request.id, data);
        }
    }

    /// Waits until everything is delivered or given up, at most for `limit`. For a process that ends.
    pub async fn finish(&self, limit: Duration) {
        self.tracker.close();
        if timeout(limit, self.tracker.wait()).await.is_err() {
            tracing::warn!(events = self.tracker.len(), "the webhook was not told in time");
        }
    }

    /// Sends an event with the address of the page of its request, where an administrator decides.
    fn send(&self, kind: &'static str, text: &str, request: AccessRequestId, mut data: Value) {
        let Some(sender) = &self.sender else { return };
        let id = format!("msg_{}", RequestId::generate());
        let Ok(permit) = Arc::clone(&self.waiting).try_acquire_owned() else {
            tracing::warn!(webhook.id = id, kind, "an event for the webhook was dropped: too many wait");
            return;
        };
        let page = format!("{}{}", sender.public_url, paths::admin_request(request));
        let text = format!("{text}: {page}");
        data["url"] = json!(page);
        let body =
            json!({ "type": kind, "timestamp": Timestamp::now(), "text": text, "data": data }).to_string();
        let sender = Arc::clone(sender);
        let delivery = async move {
            sender.deliver(&id, kind, &body).await;
            drop(permit);
        };
        self.tracker.spawn_on(delivery, &self.runtime);
    }
}

impl Sender {
    async fn deliver(&self, id: &str, kind: &str, body: &str) {
        let mut pause = self.first_pause;
        for attempt in 1..=TRIES {
            let cause = match self.post(id, body).await {
                Ok(status) if status.is_success() => return,
                Ok(status) => format!("the answer has status {}", status.as_u16()),
                // The address holds what lets its holder write to the chat.
                Err(error) => Chain(&error.without_url()).to_string(),
            };
            if attempt == TRIES {
                tracing::warn!(webhook.id = id, kind, error = cause, "the webhook was not told: given up");
                return;
            }
            tracing::debug!(webhook.id = id, kind, error = cause, attempt, "the webhook was not told yet");
            sleep(pause).await;
            pause *= 4;
        }
    }

    /// One try. Address and secret are those of this moment: their files may have been replaced.
    async fn post(&self, id: &str, body: &str) -> reqwest::Result<StatusCode> {
        let timestamp = Timestamp::now().unix();
        let (url, key) = (self.config.current_url(), self.config.current_key());
        let request = self
            .client
            .post(url)
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signature(&key, id, timestamp, body))
            .body(body.to_owned());
        Ok(request.send().await?.status())
    }
}

/// The signature, with its version.
fn signature(key: &[u8], id: &str, timestamp: i64, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let tag = hmac::sign(&key, format!("{id}.{timestamp}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(tag))
}

/// What a program needs. What people wrote is for administrators alone, and is not in it.
fn data(request: &AccessRequest, state: RequestState) -> Value {
    let mut data = json!({
        "id": request.id,
        "state": state.as_str(),
        "user_id": request.user_id,
        "email": request.email,
    });
    data[request.wanted.kind()] = json!(request.wanted.name());
    data
}

fn asks(request: &AccessRequest) -> String {
    plain(&request.email.as_ref().map_or_else(|| request.user_id.to_string(), ToString::to_string))
}

/// A name from outside in a chat's message: as code, so that it is no mention, link or format there.
fn plain(text: &str) -> String {
    let text = text.replace('`', "'").replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!("`{text}`")
}

fn rfc3339(at: Timestamp) -> String {
    gatepost_core::calendar::rfc3339(at)
}
