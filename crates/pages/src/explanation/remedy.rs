//! What would let the person in.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// What would let the person in: one choice of each step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemedyFacts {
    /// The best choice comes first.
    pub steps: Vec<Vec<GrantFacts>>,
    /// What keeps the person out whatever is granted, as sentences.
    pub obstacles: Vec<String>,
}

/// A change that gives the person something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantFacts {
    /// `group`, `tenant` or `admin`.
    pub kind: Cow<'static, str>,
    /// The group's name or the tenant's id.
    pub name: Option<String>,
    /// The group does not exist, and would be created.
    pub is_new: bool,
    /// It makes the person an administrator of the system.
    pub makes_admin: bool,
    /// The command that makes the change.
    pub command: String,
}

impl RemedyFacts {
    /// For a terminal.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = self.obstacles.clone();
        if !self.steps.is_empty() {
            lines.push("To let the person in (with --for 8h or --until TIME it ends by itself):".to_owned());
        }
        for choices in &self.steps {
            for (place, grant) in choices.iter().enumerate() {
                let or = if place == 0 { "" } else { "or " };
                lines.push(format!("  {or}{}{}", grant.command, grant.remark()));
            }
        }
        lines
    }
}

impl GrantFacts {
    /// The value of a form field for it.
    pub fn key(&self) -> String {
        self.name.as_ref().map_or_else(|| self.kind.to_string(), |name| format!("{}:{name}", self.kind))
    }

    /// What else it does, as a comment of a shell.
    const fn remark(&self) -> &'static str {
        match (self.is_new, self.makes_admin, self.name.is_some()) {
            (true, false, _) => "   # the group does not exist, and is created",
            (true, true, _) => "   # creates the group, whose members are administrators of the system",
            (false, true, true) => "   # its members are administrators of the system",
            _ => "",
        }
    }
}
