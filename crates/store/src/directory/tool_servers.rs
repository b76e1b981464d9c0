//! Tool servers and their rules, as they are listed and as the gate reads them.

use super::columns::{Columns, Field};
use gatepost_core::administration::Version;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{GroupName, ProviderId, ServiceName, TenantId, ToolRuleId, ToolServerId};
use gatepost_core::mcp::Mode;
use gatepost_core::mcp::endpoint::Endpoint;
use gatepost_core::mcp::pattern::{Kind, Subject};
use gatepost_core::mcp::rules::{Holder, Rule};
use gatepost_core::tool_pattern::ToolPattern;

row! {
    /// What administrators say about a tool server.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct ToolServerSettings {
        /// Where clients reach it.
        pub url: Endpoint,
        /// The name that people see.
        pub name: Option<String>,
        /// The provider whose tokens it takes.
        pub provider: Option<ProviderId>,
        /// What tokens for it name as their audience. `None`: its address; at Entra, any of the provider's.
        pub audience: Option<String>,
        /// The scopes that a client asks for.
        pub scopes: Vec<String>,
        pub mode: Mode,
        /// A page for people about it.
        pub documentation: Option<String>,
        /// It is what the host has at the bare well-known path.
        pub is_default: bool,
        /// The upstream at which its lists are filtered. Only system administrators name one.
        pub service: Option<ServiceName>,
    }
}

row! {
    /// A tool server.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct ToolServer {
        pub id: ToolServerId,
        pub tenant_id: TenantId,
        pub settings: ToolServerSettings,
        pub created_at: Timestamp,
        /// Counts the changes of its settings.
        pub version: Version,
    }
}

row! {
    /// A rule: whoever it is for may use what it names.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct ToolRule {
        pub id: ToolRuleId,
        pub tool_server_id: ToolServerId,
        pub subject: Subject,
        /// The name of the group that it is for.
        pub group_name: Option<GroupName>,
        pub kind: Kind,
        pub pattern: ToolPattern,
        pub created_at: Timestamp,
    }
}

impl ToolRule {
    /// The rule as the gate decides by it.
    pub fn decisive(&self) -> Rule {
        let holder = holder(&self.subject, self.group_name.as_ref());
        Rule { holder, kind: self.kind, pattern: self.pattern.clone() }
    }
}

/// For whom a rule is, by the name of its group.
pub(super) fn holder(subject: &Subject, group: Option<&GroupName>) -> Holder {
    match (subject, group) {
        (Subject::Everyone, _) => Holder::Everyone,
        (Subject::Role(role), _) => Holder::Role(*role),
        (Subject::Key(id), _) => Holder::Key(id.clone()),
        (Subject::Group(_), Some(name)) => Holder::Group(name.clone()),
        (Subject::Group(_) | Subject::DeletedGroup, _) => Holder::Nobody,
    }
}

/// Read from `subject` and `group_id`.
impl Field for Subject {
    fn read<R: Columns>(row: &R, _column: &str) -> sqlx::Result<Self> {
        let subject = String::read(row, "subject")?;
        if subject == GROUP {
            let group: Option<_> = Field::read(row, "group_id")?;
            return Ok(group.map_or(Self::DeletedGroup, Self::Group));
        }
        subject.parse().map_err(|error: gatepost_core::mcp::pattern::RuleError| sqlx::Error::ColumnDecode {
            index: "subject".to_owned(),
            source: error.into(),
        })
    }
}

/// What `subject` holds where `group_id` says which group.
pub(super) const GROUP: &str = "group";
