//! A fake language model that repeats the question. It streams the answer word by word, as an `OpenAI` server does
//! (`/v1/chat/completions`).

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use axum::{Router, serve};
use futures_util::{Stream, StreamExt, stream};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

/// The name of the model.
pub const MODEL: &str = "echo";
/// A question with this word gets a slow answer with a hundred more words, one every 200 ms.
pub const SLOWLY: &str = "slowly";

/// A running server. It stops when this value is dropped.
#[derive(Debug)]
pub struct LanguageModel {
    addr: SocketAddr,
    task: AbortHandle,
}

impl LanguageModel {
    /// Starts the server on a free port.
    ///
    /// # Panics
    /// If no port is free.
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let addr = listener.local_addr().expect("a bound socket has an address");
        let router = Router::new()
            .route("/v1/models", get(async || Json(json!({ "object": "list", "data": [model()] }))))
            .route("/v1/chat/completions", post(complete));
        let task = tokio::spawn(async move { serve(listener, router).await }).abort_handle();
        Self { addr, task }
    }

    /// The base URL for clients.
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.addr)
    }
}

impl Drop for LanguageModel {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn model() -> Value {
    json!({ "id": MODEL, "object": "model", "created": 0, "owned_by": "gatepost-kit" })
}

async fn complete(Json(request): Json<Value>) -> Response {
    let question = last_question(&request);
    let mut answer = vec!["You".to_owned(), "said:".to_owned()];
    answer.extend(question.split_whitespace().map(str::to_owned));
    let is_slow = question.contains(SLOWLY);
    if is_slow {
        answer.extend((1..=100).map(|number| format!("word-{number}")));
    }
    if request["stream"] == true {
        let pause = Duration::from_millis(if is_slow { 200 } else { 20 });
        return Sse::new(chunks(answer, pause)).into_response();
    }
    let message = json!({ "role": "assistant", "content": answer.join(" ") });
    let choice = json!({ "index": 0, "message": message, "finish_reason": "stop" });
    Json(json!({ "id": "1", "object": "chat.completion", "created": 0, "model": MODEL, "choices": [choice] }))
        .into_response()
}

/// The text of a message. Of a message with several parts, the text of the first.
fn last_question(request: &Value) -> String {
    let messages = request["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let last = messages.iter().rev().find(|message| message["role"] == "user");
    let content = last.map_or(&Value::Null, |message| &message["content"]);
    content.as_str().or_else(|| content[0]["text"].as_str()).unwrap_or_default().to_owned()
}

fn chunks(words: Vec<String>, pause: Duration) -> impl Stream<Item = Result<Event, Infallible>> {
    let word = |word: String| chunk(&json!({ "content": word + " " }), None);
    let words = stream::iter(words).map(word).then(move |chunk| async move {
        tokio::time::sleep(pause).await;
        chunk
    });
    let end = [chunk(&json!({}), Some("stop")), "[DONE]".to_owned()];
    words.chain(stream::iter(end)).map(|data| Ok(Event::default().data(data)))
}

fn chunk(delta: &Value, finish_reason: Option<&str>) -> String {
    let choice = json!({ "index": 0, "delta": delta, "finish_reason": finish_reason });
    json!({ "id": "1", "object": "chat.completion.chunk", "created": 0, "model": MODEL, "choices": [choice] })
        .to_string()
}
