//! The headers in which a message is repeated (2026-07-28, Streamable HTTP, Request Metadata).

use super::message::{Ask, Call, Message, guarded};
use super::{CURRENT_VERSION, Fault};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::borrow::Cow;

/// A value of `Mcp-Name` that is encoded.
const ENCODED: (&str, &str) = ("=?base64?", "?=");

/// The values of the three headers of one request, in the order in which they were sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repeated<'a> {
    /// `MCP-Protocol-Version`.
    pub version: Sent<'a>,
    /// `Mcp-Method`.
    pub method: Sent<'a>,
    /// `Mcp-Name`.
    pub name: Sent<'a>,
}

/// How often a header was sent, and what it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sent<'a> {
    /// Not at all.
    #[default]
    Missing,
    /// Once, with this value.
    Once(&'a str),
    /// More than once, or not in visible ASCII, spaces and tabs.
    Unusable,
}

impl<'a> Sent<'a> {
    /// From the values of all headers of one name.
    pub fn of(mut values: impl Iterator<Item = &'a [u8]>) -> Self {
        match (values.next(), values.next()) {
            (None, _) => Self::Missing,
            (Some(value), None) => match std::str::from_utf8(value) {
                Ok(text) if text.bytes().all(|byte| matches!(byte, b'\t' | 0x20..=0x7E)) => Self::Once(text),
                _ => Self::Unusable,
            },
            (Some(_), Some(_)) => Self::Unusable,
        }
    }

    const fn value(self, unusable: &'static str) -> Result<Option<&'a str>, Fault> {
        match self {
            Self::Missing => Ok(None),
            Self::Once(value) => Ok(Some(value)),
            Self::Unusable => Err(Fault::HeaderMismatch(unusable)),
        }
    }
}

impl Repeated<'_> {
    /// Compares the headers with the body. Messages of [`CURRENT_VERSION`] and later must repeat themselves, older ones
    /// must not contradict themselves.
    ///
    /// # Errors
    /// `HeaderMismatch`; `VersionMissing`.
    pub fn agree_with(&self, message: &Message<'_>) -> Result<(), Fault> {
        let stated = self.version.value("MCP-Protocol-Version is repeated or unreadable")?;
        let method = self.method.value("Mcp-Method is repeated or unreadable")?;
        let name = self.name.value("Mcp-Name is repeated or unreadable")?.map(decoded).transpose()?;
        let differ = |why| Err(Fault::HeaderMismatch(why));
        match (stated, message.version.as_deref()) {
            (Some(header), Some(body)) if header != body => {
                return differ("MCP-Protocol-Version does not say what the body says");
            }
            _ => {}
        }
        let must_repeat =
            message.is_request && [stated, message.version.as_deref()].into_iter().flatten().any(is_current);
        if must_repeat && stated.is_none() {
            return differ("MCP-Protocol-Version is missing");
        }
        if must_repeat && message.version.is_none() {
            return Err(Fault::VersionMissing);
        }
        match method {
            Some(method) if message.method.as_deref() != Some(method) => {
                return differ("Mcp-Method does not say what the body says");
            }
            None if must_repeat => return differ("Mcp-Method is missing"),
            _ => {}
        }
        match (name, &message.call) {
            (Some(name), Some(call)) if *name != call.name => {
                differ("Mcp-Name does not say what the body says")
            }
            (Some(name), None) if !message.named.iter().flatten().any(|named| *named == name) => {
                differ("Mcp-Name does not say what the body says")
            }
            (None, Some(_)) if must_repeat => differ("Mcp-Name is missing"),
            _ => Ok(()),
        }
    }

    /// What a message does by its headers alone. The server must compare them with the body.
    ///
    /// # Errors
    /// `UnsupportedVersion`: revisions before [`CURRENT_VERSION`] do not demand that. `HeaderMismatch`: a header is
    /// missing or unreadable.
    pub fn ask(&self) -> Result<Ask, Fault> {
        let stated = self.version.value("MCP-Protocol-Version is repeated or unreadable")?;
        if stated != Some(CURRENT_VERSION) {
            let stated = stated.unwrap_or_default().chars().take(64).collect();
            return Err(Fault::UnsupportedVersion(stated));
        }
        let method = self.method.value("Mcp-Method is repeated or unreadable")?;
        let method = method.ok_or(Fault::HeaderMismatch("Mcp-Method is missing"))?;
        let name = self.name.value("Mcp-Name is repeated or unreadable")?.map(decoded).transpose()?;
        match guarded(method) {
            Some((kind, _)) => {
                let name = name.ok_or(Fault::HeaderMismatch("Mcp-Name is missing"))?;
                Ok(Ask::Call(Call { kind, name: name.into_owned() }))
            }
            None if guarded(&method.trim().to_ascii_lowercase()).is_some() => {
                Err(Fault::HeaderMismatch("Mcp-Method is spelled in another way"))
            }
            None => Ok(Ask::of(Some(method.into()), None)),
        }
    }
}

/// Whether a message of this revision must be repeated in headers. Revisions are dates.
fn is_current(version: &str) -> bool {
    let is_date = version.len() == CURRENT_VERSION.len()
        && version.bytes().zip(CURRENT_VERSION.bytes()).all(|(byte, like)| match like {
            b'-' => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    is_date && version >= CURRENT_VERSION
}

/// The value of `Mcp-Name`, which may be encoded.
fn decoded(value: &str) -> Result<Cow<'_, str>, Fault> {
    let (start, end) = ENCODED;
    let Some(encoded) = value.strip_prefix(start).and_then(|rest| rest.strip_suffix(end)) else {
        return Ok(Cow::Borrowed(value));
    };
    let text = STANDARD.decode(encoded).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    text.map(Cow::Owned).ok_or(Fault::HeaderMismatch("Mcp-Name cannot be decoded"))
}

#[cfg(test)]
mod tests {
    use super::super::pattern::Kind;
    use super::*;

    fn repeated<'a>(list: &[(&str, &'a str)]) -> Repeated<'a> {
        let sent = |wanted: &str| {
            Sent::of(list.iter().filter(|(name, _)| *name == wanted).map(|(_, value)| value.as_bytes()))
        };
        Repeated { version: sent("v"), method: sent("m"), name: sent("n") }
    }

    fn agree(headers: &[(&str, &str)], body: &str) -> bool {
        let message = Message::read(body.as_bytes()).expect("a message");
        match repeated(headers).agree_with(&message) {
            Ok(()) => true,
            Err(Fault::HeaderMismatch(_)) => false,
            Err(other) => panic!("{other:?}"),
        }
    }

    const OLD: &str = r#"{"id":1,"method":"tools/call","params":{"name":"a"}}"#;
    const NEW: &str = r#"{"id":1,"method":"tools/call","params":{"name":"a","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#;

    #[test]
    fn an_older_message_needs_no_headers_but_must_not_contradict_those_that_it_has() {
        for headers in [
            &[][..],
            &[("v", "2025-11-25")],
            &[("v", "draft")],
            &[("v", "2025-06-18"), ("m", "tools/call"), ("n", "a")],
            &[("n", "=?base64?YQ==?=")],
        ] {
            assert!(agree(headers, OLD), "{headers:?}");
        }
        for headers in [
            &[("m", "tools/list")][..],
            &[("m", "tools/call "), ("n", "a")],
            &[("n", "b")],
            &[("n", "=?base64?Yg==?=")],
            &[("n", "=?base64?YQ?=")],
            &[("n", "=?base64?/w==?=")],
            &[("n", "=?BASE64?YQ==?=")],
            &[("n", "a"), ("n", "a")],
            &[("m", "tools/call"), ("m", "tools/call")],
            &[("v", "2025-11-25"), ("v", "2025-11-25")],
            &[("n", "\u{e9}")],
        ] {
            assert!(!agree(headers, OLD), "{headers:?}");
        }
    }

    #[test]
    fn a_current_message_repeats_itself_completely() {
        let whole = [("v", "2026-07-28"), ("m", "tools/call"), ("n", "a")];
        assert!(agree(&whole, NEW));
        for left_out in 0..whole.len() {
            let mut headers = whole.to_vec();
            headers.remove(left_out);
            assert!(!agree(&headers, NEW), "{headers:?}");
        }
        assert!(!agree(&[("v", "2025-11-25"), ("m", "tools/call"), ("n", "a")], NEW));
        let without = Message::read(OLD.as_bytes()).expect("a message");
        for headers in [&whole[..], &[("v", "2027-01-01")]] {
            let fault = repeated(headers).agree_with(&without).expect_err("no revision");
            assert_eq!(fault, Fault::VersionMissing, "a later one is a current one");
            assert_eq!((fault.status(), fault.code()), (400, -32602));
        }
    }

    #[test]
    fn a_name_beside_another_method_is_one_that_the_body_has() {
        let task = r#"{"id":1,"method":"tasks/get","params":{"taskId":"t"}}"#;
        assert!(agree(&[("n", "t")], task));
        assert!(!agree(&[("n", "u")], task));
        assert!(!agree(&[("n", "a")], r#"{"id":1,"method":"tools/list"}"#));
        assert!(!agree(&[("m", "tools/call")], r#"{"id":1,"result":{}}"#));
    }

    #[test]
    fn headers_alone_count_in_the_current_revision() {
        let ask = |headers: &[(&str, &str)]| repeated(headers).ask();
        let current = ("v", "2026-07-28");
        let tool = Ask::Call(Call { kind: Kind::Tool, name: "a".to_owned() });
        assert_eq!(ask(&[current, ("m", "tools/call"), ("n", "a")]), Ok(tool.clone()));
        assert_eq!(ask(&[current, ("m", "tools/call"), ("n", "=?base64?YQ==?=")]), Ok(tool));
        assert_eq!(ask(&[current, ("m", "tools/list")]), Ok(Ask::Look));
        assert_eq!(ask(&[current, ("m", "tasks/get")]), Ok(Ask::Other(Some("tasks/get".to_owned()))));
        for headers in [
            &[("m", "tools/call"), ("n", "a")][..],
            &[("v", "2025-11-25"), ("m", "tools/call"), ("n", "a")],
            &[("v", "2026-07-29"), ("m", "tools/call"), ("n", "a")],
        ] {
            assert!(matches!(ask(headers), Err(Fault::UnsupportedVersion(_))), "{headers:?}");
        }
        for headers in [
            &[current][..],
            &[current, ("m", "tools/call")],
            &[current, ("m", "tools/list"), ("m", "tools/call"), ("n", "a")],
            &[current, ("m", "tools/call"), ("n", "a"), ("n", "b")],
            &[current, ("m", "tools/call"), ("n", "=?base64?!?=")],
            &[current, ("m", "Tools/Call"), ("n", "a")],
            &[current, current, ("m", "tools/list")],
        ] {
            assert!(matches!(ask(headers), Err(Fault::HeaderMismatch(_))), "{headers:?}");
        }
    }
}
