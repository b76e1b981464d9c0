//! The list of a tool server.

use serde_json::{Value, json};

/// The number of tools in it.
pub const LISTED: usize = 200;

/// The answer to `tools/list` with the id 7. Each tool has a description and a schema, about 600 bytes.
pub fn tool_list() -> String {
    let tool = |number: usize| -> Value {
        let about = "Reads what the repository has under this path, with the history of each file. ";
        let text = json!({ "type": "string", "description": "As the repository has it", "maxLength": 255 });
        json!({
            "name": format!("{}_{number}", if number.is_multiple_of(2) { "get" } else { "put" }),
            "description": about.repeat(3),
            "inputSchema": { "type": "object", "required": ["path"], "properties": { "path": text.clone(), "branch": text } },
        })
    };
    let tools: Vec<Value> = (0..LISTED).map(tool).collect();
    json!({ "jsonrpc": "2.0", "id": 7, "result": { "tools": tools, "ttlMs": 60_000, "cacheScope": "public" } }).to_string()
}
