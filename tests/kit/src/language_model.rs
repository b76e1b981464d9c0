//! A fake language model that repeats the question, or calls the tool that the question names, if it is offered that
//! tool. It streams the answer word by word, as an `OpenAI` server does (`/v1/chat/completions`).

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
/// A question with this word gets a slow answer with a hundred more words, one every 200 ms; with a tool's call, thirty.
pub const SLOWLY: &str = "slowly";
/// A question with this word, a tool's name and one word as its argument has that tool called: `call shout hello`.
pub const CALL: &str = "call";

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
    let Answer { words, call, pause } = answer(&request);
    if request["stream"] == true {
        return Sse::new(chunks(words, call, pause)).into_response();
    }
    let finish_reason = finish_reason(call.as_ref());
    let mut message = json!({ "role": "assistant", "content": words.join(" ") });
    if let Some(call) = call {
        message["tool_calls"] = json!([call]);
    }
    let choice = json!({ "index": 0, "message": message, "finish_reason": finish_reason });
    Json(json!({ "id": "1", "object": "chat.completion", "created": 0, "model": MODEL, "choices": [choice] }))
        .into_response()
}

struct Answer {
    words: Vec<String>,
    /// The call of a tool after the words.
    call: Option<Value>,
    /// Between two words.
    pause: Duration,
}

fn answer(request: &Value) -> Answer {
    let question = last_question(request);
    let is_slow = question.contains(SLOWLY);
    let pause = Duration::from_millis(if is_slow { 200 } else { 20 });
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let numbered = |count: usize| (1..=count).map(|number| format!("word-{number}"));
    let mut asked = question.split_whitespace().skip_while(|word| *word != CALL).skip(1);
    let Some(name) = asked.next() else {
        let mut words = words(&format!("You said: {question}"));
        words.extend(numbered(if is_slow { 100 } else { 0 }));
        return Answer { words, call: None, pause };
    };
    let last = request["messages"].as_array().and_then(|messages| messages.last()).unwrap_or(&Value::Null);
    if last["role"] == "tool" {
        let said = last["content"].as_str().unwrap_or_default();
        return Answer { words: words(&format!("The tool says: {said}")), call: None, pause };
    }
    let call = find_call(request, name, asked.next().unwrap_or_default());
    let mut words = if call.is_some() { Vec::new() } else { words(&format!("I have no tool {name}.")) };
    words.extend(numbered(if is_slow { 30 } else { 0 }));
    Answer { words, call, pause }
}

/// The call of an offered tool of this name. `Open WebUI` writes the server's name and `_` before a tool's.
fn find_call(request: &Value, name: &str, argument: &str) -> Option<Value> {
    let mut offered = request["tools"].as_array()?.iter().map(|tool| &tool["function"]);
    let tool = offered.find(|tool| {
        let rest = tool["name"].as_str().and_then(|offered| offered.strip_suffix(name));
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('_'))
    })?;
    let parameter = tool["parameters"]["properties"].as_object()?.keys().next()?;
    let arguments = json!({ parameter: argument }).to_string();
    let function = json!({ "name": tool["name"], "arguments": arguments });
    Some(json!({ "index": 0, "id": "call_1", "type": "function", "function": function }))
}

fn finish_reason(call: Option<&Value>) -> &'static str {
    if call.is_some() { "tool_calls" } else { "stop" }
}

/// The text of a message. Of a message with several parts, the text of the first.
fn last_question(request: &Value) -> String {
    let messages = request["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let last = messages.iter().rev().find(|message| message["role"] == "user");
    let content = last.map_or(&Value::Null, |message| &message["content"]);
    content.as_str().or_else(|| content[0]["text"].as_str()).unwrap_or_default().to_owned()
}

fn chunks(
    words: Vec<String>,
    call: Option<Value>,
    pause: Duration,
) -> impl Stream<Item = Result<Event, Infallible>> {
    let word = |word: String| chunk(&json!({ "content": word + " " }), None);
    let words = stream::iter(words).map(word).then(move |chunk| async move {
        tokio::time::sleep(pause).await;
        chunk
    });
    let finish_reason = finish_reason(call.as_ref());
    let call = call.map(|call| chunk(&json!({ "tool_calls": [call] }), None));
    let end = [chunk(&json!({}), Some(finish_reason)), "[DONE]".to_owned()];
    words.chain(stream::iter(call)).chain(stream::iter(end)).map(|data| Ok(Event::default().data(data)))
}

fn chunk(delta: &Value, finish_reason: Option<&str>) -> String {
    let choice = json!({ "index": 0, "delta": delta, "finish_reason": finish_reason });
    json!({ "id": "1", "object": "chat.completion.chunk", "created": 0, "model": MODEL, "choices": [choice] })
        .to_string()
}
