//! A call of a tool as an MCP client of the current revision sends it, for the rows and for counting instructions.

use crate::load::Requests;
use gatepost_core::mcp::{CURRENT_VERSION, Mode};

/// The tool that is called.
pub const TOOL: &str = "get_file_contents";
/// The bytes of a call.
const CALL: usize = 2 * 1024;

/// A call of a tool at `path`, sent to Gatepost's `verify`. Judged by its body, it has one of 2 KiB.
pub fn requests(mode: Mode, host: &str, verify: &str, path: &str) -> Requests {
    let requests = Requests::pages(verify, host)
        .by_script()
        .with("Accept", "application/json, text/event-stream")
        .with("X-Forwarded-Method", "POST")
        .with("X-Forwarded-Uri", path)
        .with("Mcp-Protocol-Version", CURRENT_VERSION)
        .with("Mcp-Method", "tools/call")
        .with("Mcp-Name", TOOL);
    match mode {
        Mode::Body => requests.with_json(body()),
        Mode::Headers => requests,
    }
}

/// A message of [`CALL`] bytes.
fn body() -> String {
    let of = |text: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{{"name":"{TOOL}","arguments":{{"owner":"octo","path":"README.md","query":"{text}"}},"_meta":{{"io.modelcontextprotocol/protocolVersion":"{CURRENT_VERSION}"}}}}}}"#
        )
    };
    let room = CALL - of("").len();
    of(&"where is it? ".repeat(room)[..room])
}

#[cfg(test)]
mod tests {
    use super::*;
    use gatepost_core::mcp::message::Message;
    use gatepost_core::mcp::pattern::Kind;

    #[test]
    fn a_call_has_its_size_and_is_one_message() {
        let body = body();
        assert_eq!(body.len(), CALL);
        let call = Message::read(body.as_bytes()).expect("a message").call.expect("a call");
        assert_eq!((call.kind, &*call.name), (Kind::Tool, TOOL));
    }
}
