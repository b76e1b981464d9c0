//! Pages about tool servers and their rules.

mod details;
mod edit;
mod facts;
mod list;
mod listed;
mod removal;

pub use details::{RuleEntered, ToolRuleEntry, ToolServerDetails};
pub use edit::{ToolServerEdit, ToolServerEntered};
pub use facts::ToolServerFacts;
pub use list::ToolServers;
pub use listed::{ListedEntry, ToolsAnswer, ToolsListed};
pub use removal::{RuleQuestion, ToolServerDeletion};
