//! One JSON-RPC message, as far as it decides who may send it.

use super::pattern::Kind;
use super::strict_json::{self, Listener, Seen};
use super::{Fault, MAX_BODY};
use std::borrow::Cow;
use std::fmt;

/// Members of a message that decide what it is.
const MEMBERS: [&str; 6] = ["jsonrpc", "id", "method", "params", "result", "error"];
/// Members of `params` that decide what is asked for.
const PARAMS: [&str; 4] = ["name", "uri", "taskId", "_meta"];
/// The member of `params._meta` in which a message states its revision.
const META_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
/// The methods by which a client gets to know a server: discovers, initialises, pings and lists it.
const LOOKING: [&str; 8] = [
    "server/discover",
    "initialize",
    "notifications/initialized",
    "ping",
    "tools/list",
    "prompts/list",
    "resources/list",
    "resources/templates/list",
];
/// The longest id that an answer repeats, in bytes.
const MAX_ID: usize = 256;

/// A message of a client, borrowed from its body where that has no escapes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// The id of the request, for the answer.
    pub id: MessageId,
    /// The method. `None`: the answer to a question of the server, as revisions before 2026-07-28 have them.
    pub method: Option<Cow<'a, str>>,
    /// The tool, prompt or resource that it asks for.
    pub call: Option<Call>,
    /// The revision that it states about itself.
    pub version: Option<Cow<'a, str>>,
    /// Whether an answer is expected.
    pub is_request: bool,
    /// What `Mcp-Name` may repeat where `call` is `None`.
    pub(super) named: [Option<Cow<'a, str>>; 3],
}

/// The use of one thing that rules are about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Call {
    /// Whether it is a tool, a prompt or a resource.
    pub kind: Kind,
    /// Its name, or its URI.
    pub name: String,
}

/// What a request does, as far as it decides who may send it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Uses what rules are about.
    Call(Call),
    /// Gets to know the server, which needs entry rights alone.
    Look,
    /// Does something else. Holds its method; none is an answer to the server.
    Other(Option<String>),
    /// Opens a stream of what the server sends, as revisions before 2026-07-28 have them. It may repeat what others asked
    /// for in the same session.
    Stream,
}

impl Ask {
    /// What a message with this method does.
    pub(super) fn of(method: Option<Cow<'_, str>>, call: Option<Call>) -> Self {
        match (call, method) {
            (Some(call), _) => Self::Call(call),
            (None, Some(method)) if LOOKING.contains(&&*method) => Self::Look,
            (None, method) => Self::Other(method.map(Cow::into_owned)),
        }
    }
}

/// The `id` of a message, which its answer repeats. `Display` writes it as JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageId(serde_json::Value);

impl MessageId {
    /// The id as a JSON value: a string, a number or `null`.
    pub const fn as_json(&self) -> &serde_json::Value {
        &self.0
    }
}

impl From<usize> for MessageId {
    fn from(number: usize) -> Self {
        Self(number.into())
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'a> Message<'a> {
    /// What it does.
    pub fn into_ask(self) -> Ask {
        Ask::of(self.method, self.call)
    }

    /// Reads the body of one request.
    ///
    /// # Errors
    /// `TooLarge`, `Unreadable`.
    pub fn read(body: &'a [u8]) -> Result<Self, Fault> {
        if body.len() > MAX_BODY {
            return Err(Fault::TooLarge);
        }
        let mut found = Found::default();
        match strict_json::read(body, &mut found).map_err(Fault::Unreadable)? {
            Seen::Object => found.into_message().map_err(|why| Fault::Unreadable(why.to_owned())),
            Seen::Array => Err(Fault::Unreadable("it is a batch, which no current revision has".to_owned())),
            _ => Err(Fault::Unreadable("it is no object".to_owned())),
        }
    }
}

/// What kind of thing a method asks for, and in which member of `params` it is named.
pub(super) fn guarded(method: &str) -> Option<(Kind, &'static str)> {
    match method {
        "tools/call" => Some((Kind::Tool, "name")),
        "prompts/get" => Some((Kind::Prompt, "name")),
        "resources/read" => Some((Kind::Resource, "uri")),
        _ => None,
    }
}

/// What was found so far.
#[derive(Default)]
struct Found<'de> {
    id: Option<Seen<'de>>,
    method: Option<Seen<'de>>,
    is_answer: bool,
    name: Option<Seen<'de>>,
    uri: Option<Seen<'de>>,
    task: Option<Seen<'de>>,
    version: Option<Seen<'de>>,
}

impl<'de> Listener<'de> for Found<'de> {
    fn wants(&self, path: &[Cow<'de, str>]) -> bool {
        matches!(path, [params] if params == "params")
            || matches!(path, [params, meta] if params == "params" && meta == "_meta")
    }

    fn member(&mut self, path: &[Cow<'de, str>], value: Seen<'de>) -> Result<(), &'static str> {
        match path {
            [name] => {
                refuse_likeness(name, &MEMBERS)?;
                match name.as_ref() {
                    "id" => self.id = Some(value),
                    "method" => self.method = Some(value),
                    "result" | "error" => self.is_answer = true,
                    _ => {}
                }
            }
            [_, name] => {
                refuse_likeness(name, &PARAMS)?;
                match name.as_ref() {
                    "name" => self.name = Some(value),
                    "uri" => self.uri = Some(value),
                    "taskId" => self.task = Some(value),
                    _ => {}
                }
            }
            [_, _, name] if name == META_VERSION => self.version = Some(value),
            _ => {}
        }
        Ok(())
    }
}

impl<'de> Found<'de> {
    fn into_message(self) -> Result<Message<'de>, &'static str> {
        let Self { id, method, is_answer, name, uri, task, version } = self;
        let is_request = id.is_some();
        let id = id.map_or(Ok(MessageId::default()), message_id)?;
        let version =
            version.map(|seen| text(seen).ok_or("its protocol version is no string")).transpose()?;
        let method = match method {
            None if is_answer => None,
            None => return Err("it has no method"),
            Some(seen) => Some(text(seen).ok_or("its method is no string")?),
        };
        method.as_deref().map_or(Ok(()), require_plain)?;
        let [name, uri, task] = [name, uri, task].map(|seen| seen.and_then(text));
        let call = match method.as_deref().and_then(guarded) {
            None => None,
            Some((kind, "uri")) => Some((kind, uri.as_deref().ok_or("params.uri is no string")?)),
            Some((kind, _)) => Some((kind, name.as_deref().ok_or("params.name is no string")?)),
        };
        let call = call.map(|(kind, name)| Call { kind, name: name.to_owned() });
        Ok(Message { id, method, call, version, is_request, named: [name, uri, task] })
    }
}

fn text(seen: Seen<'_>) -> Option<Cow<'_, str>> {
    match seen {
        Seen::Text(text) => Some(text),
        _ => None,
    }
}

fn message_id(seen: Seen<'_>) -> Result<MessageId, &'static str> {
    match seen {
        Seen::Text(text) if text.len() <= MAX_ID => Ok(MessageId(text.into_owned().into())),
        Seen::Number(number) => Ok(MessageId(number.into())),
        // Too long to be repeated.
        Seen::Text(_) | Seen::Null => Ok(MessageId::default()),
        Seen::Bool | Seen::Array | Seen::Object => Err("its id is neither a string nor a number"),
    }
}

/// Refuses the name of a member that some readers take for another one: those of Go and of Newtonsoft ignore case, and
/// where JavaScript copies objects, `__proto__` gives members to an object that lacks them.
pub(super) fn refuse_likeness(name: &str, deciding: &[&str]) -> Result<(), &'static str> {
    // Characters that fold to other ones need another comparison. Without them only a name of the same length is alike.
    let is_like = |other: &&str| {
        if name.is_ascii() { other.eq_ignore_ascii_case(name) } else { fold(other).eq(fold(name)) }
    };
    let resembles = !deciding.contains(&name) && deciding.iter().any(is_like);
    if name == "__proto__" || resembles {
        return Err("a member is spelled like one that decides");
    }
    Ok(())
}

/// The characters without their case. Go also takes the long s and the sign for kelvin for letters.
fn fold(text: &str) -> impl Iterator<Item = char> {
    text.chars().map(|char| match char {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    })
}

/// Refuses a method that a careless server could take for one that rules are about.
fn require_plain(method: &str) -> Result<(), &'static str> {
    if method.is_empty() || !method.bytes().all(|byte| matches!(byte, 0x21..=0x7E)) {
        return Err("its method has other characters than visible ASCII");
    }
    if guarded(method).is_none() && guarded(&method.to_ascii_lowercase()).is_some() {
        return Err("its method is spelled in another case");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Message<'_>, Fault> {
        Message::read(body.as_bytes())
    }

    fn call(body: &str) -> Option<(Kind, String)> {
        read(body).expect("a message").call.map(|call| (call.kind, call.name))
    }

    #[test]
    fn the_three_methods_name_what_they_ask_for() {
        let tool = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"name":"b"}}}"#;
        assert_eq!(call(tool), Some((Kind::Tool, "a".to_owned())));
        let escaped = r#"{"id":"x","\u006dethod":"tools\/call","params":{"n\u0061me":"\u0061"}}"#;
        assert_eq!(call(escaped), Some((Kind::Tool, "a".to_owned())));
        let prompt = r#"{"params":{"name":"p"},"method":"prompts/get","id":1}"#;
        assert_eq!(call(prompt), Some((Kind::Prompt, "p".to_owned())));
        let resource = r#"{"id":1,"method":"resources/read","params":{"uri":"file:///a","name":"b"}}"#;
        assert_eq!(call(resource), Some((Kind::Resource, "file:///a".to_owned())));
    }

    #[test]
    fn only_what_gets_to_know_the_server_is_looking() {
        let ask = |body: &str| read(body).expect("a message").into_ask();
        for method in LOOKING {
            assert_eq!(ask(&format!(r#"{{"id":1,"method":"{method}"}}"#)), Ask::Look, "{method}");
        }
        for method in ["tasks/result", "completion/complete", "resources/subscribe", "Ping", "tools/lists"] {
            assert_eq!(
                ask(&format!(r#"{{"id":1,"method":"{method}"}}"#)),
                Ask::Other(Some(method.to_owned()))
            );
        }
        assert_eq!(ask(r#"{"id":1,"result":{}}"#), Ask::Other(None), "an answer to the server");
        let call = ask(r#"{"id":1,"method":"prompts/get","params":{"name":"ping"}}"#);
        assert_eq!(call, Ask::Call(Call { kind: Kind::Prompt, name: "ping".to_owned() }));
    }

    #[test]
    fn other_methods_and_answers_ask_for_nothing_that_has_rules() {
        for body in [
            r#"{"id":1,"method":"tools/list"}"#,
            r#"{"method":"notifications/initialized"}"#,
            r#"{"id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}"#,
            r#"{"id":1,"method":"x","params":[{"name":"a"}]}"#,
            r#"{"id":1,"result":{"method":"tools/call","params":{"name":"a"}}}"#,
            r#"{"id":null,"error":{"code":1,"message":"x"}}"#,
        ] {
            assert_eq!(call(body), None, "{body}");
        }
    }

    #[test]
    fn a_message_that_readers_could_understand_differently_is_refused() {
        let deep = |levels: usize| {
            format!(r#"{{"method":"x","params":{}{}}}"#, "[".repeat(levels), "]".repeat(levels))
        };
        assert!(read(&deep(63)).is_ok());
        for body in [
            &deep(64),
            &deep(100_000),
            "",
            "null",
            "\"tools/call\"",
            "[]",
            r#"[{"id":1,"method":"tools/call","params":{"name":"a"}}]"#,
            "\u{feff}{\"method\":\"x\"}",
            r#"{"method":"x"}{"method":"tools/call"}"#,
            r#"{"method":"x",}"#,
            r#"{"method":"x","params":NaN}"#,
            r#"{"method":"x","params":1e999}"#,
            r#"{"method":"x" /* */}"#,
            "{'method':'x'}",
            r#"{"method":"x\ud800"}"#,
            r#"{"method":"x","params":{"a":["\ud800"]}}"#,
            r#"{"method":"x","params":{"\udc00":1}}"#,
            r#"{"method":1}"#,
            r#"{"method":null,"result":1}"#,
            "{}",
            r#"{"id":1}"#,
            r#"{"id":{},"method":"x"}"#,
            r#"{"id":true,"method":"x"}"#,
            r#"{"method":""}"#,
            r#"{"method":"tools/call\u0000","params":{"name":"a"}}"#,
            r#"{"method":" tools/call","params":{"name":"a"}}"#,
            r#"{"method":"Tools/Call","params":{"name":"a"}}"#,
        ] {
            assert!(matches!(read(body), Err(Fault::Unreadable(_))), "{body:.80}");
        }
        assert!(matches!(Message::read(b"{\"method\":\"\xff\"}"), Err(Fault::Unreadable(_))), "not UTF-8");
        assert!(matches!(Message::read(b"{\0\"\0m\0"), Err(Fault::Unreadable(_))), "UTF-16");
    }

    #[test]
    fn a_member_that_occurs_twice_or_resembles_one_that_decides_is_refused() {
        for body in [
            r#"{"method":"x","method":"tools/call","params":{"name":"a"}}"#,
            r#"{"method":"tools/call","params":{"name":"a","name":"b"}}"#,
            r#"{"method":"tools/call","params":{"name":"a","na\u006de":"b"}}"#,
            r#"{"method":"tools/call","params":{"name":"a"},"params":{"name":"b"}}"#,
            r#"{"method":"tools/call","params":{"name":"a","arguments":{"x":[{"y":1,"y":2}]}}}"#,
            r#"{"method":"tools/call","params":{"name":"a","Name":"b"}}"#,
            r#"{"method":"tools/call","params":{"name":"a"},"PARAMS":{"name":"b"}}"#,
            "{\"method\":\"tools/call\",\"params\":{\"name\":\"a\"},\"param\u{17f}\":{\"name\":\"b\"}}",
            r#"{"method":"x","Method":"tools/call","params":{"name":"a"}}"#,
            r#"{"method":"x","__proto__":{"method":"tools/call"}}"#,
            r#"{"method":"tools/call","params":{"__proto__":{"name":"b"},"name":"a"}}"#,
            r#"{"method":"resources/read","params":{"uri":"a","URI":"b"}}"#,
        ] {
            assert!(matches!(read(body), Err(Fault::Unreadable(_))), "{body}");
        }
        let arguments =
            r#"{"method":"tools/call","params":{"name":"a","arguments":{"Name":"b","name":"c"}}}"#;
        assert_eq!(call(arguments), Some((Kind::Tool, "a".to_owned())));
    }

    #[test]
    fn a_call_without_a_name_is_refused() {
        for (method, params) in [
            ("tools/call", ""),
            ("tools/call", r#","params":{}"#),
            ("tools/call", r#","params":{"name":null}"#),
            ("tools/call", r#","params":{"name":1}"#),
            ("tools/call", r#","params":{"name":["a"]}"#),
            ("tools/call", r#","params":["a"]"#),
            ("tools/call", r#","params":{"uri":"a"}"#),
            ("prompts/get", r#","params":{}"#),
            ("resources/read", r#","params":{"name":"a"}"#),
        ] {
            let body = format!(r#"{{"method":"{method}"{params}}}"#);
            assert!(matches!(read(&body), Err(Fault::Unreadable(_))), "{body}");
        }
    }

    #[test]
    fn an_answer_repeats_the_id_unless_it_is_long() {
        let long = "x".repeat(MAX_ID + 1);
        for (id, repeated) in [
            ("1", "1"),
            ("-7", "-7"),
            ("18446744073709551615", "18446744073709551615"),
            (r#""a\"b""#, r#""a\"b""#),
            ("null", "null"),
            (&format!("{long:?}"), "null"),
        ] {
            let body = format!(r#"{{"id":{id},"method":"x"}}"#);
            let message = read(&body).expect("a message");
            assert_eq!(message.id.to_string(), repeated);
        }
    }

    #[test]
    fn a_body_of_more_than_a_mebibyte_is_not_read() {
        let start = r#"{"method":"x"}"#;
        let body = |length: usize| format!("{start}{}", " ".repeat(length - start.len()));
        assert!(read(&body(MAX_BODY)).is_ok());
        assert_eq!(read(&body(MAX_BODY + 1)), Err(Fault::TooLarge));
    }
}
