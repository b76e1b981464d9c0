//! Rules of tool servers as files declare them.

use gatepost_core::ids::ToolServerId;
use gatepost_core::mcp::pattern::Kind;
use gatepost_core::mcp::rules::Holder;
use gatepost_core::tool_pattern::ToolPattern;
use std::fmt;

/// A rule: whoever it is for may use what it names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeclaredRule {
    pub server: ToolServerId,
    pub kind: Kind,
    /// Never [`Holder::Nobody`] in a file.
    pub holder: Holder,
    pub pattern: ToolPattern,
}

impl fmt::Display for DeclaredRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { server, kind, holder, pattern } = self;
        write!(f, "tool server {server}: {kind} {pattern} for ")?;
        match holder {
            Holder::Everyone => f.write_str("everyone"),
            Holder::Group(name) => write!(f, "group {name}"),
            Holder::Role(role) => write!(f, "role {role}"),
            Holder::Key(id) => write!(f, "key {id}"),
            Holder::Nobody => f.write_str("a group that was deleted"),
        }
    }
}
