//! A way in words, the same for a terminal, a page and a table. `gatepost explain` uses the same words for the sources of
//! memberships.

use super::ways::{By, SetBy, Way};
use gatepost_core::access::Role;
use gatepost_core::calendar::minute;
use gatepost_core::ids::TenantId;
use gatepost_pages::explanation::SourceFacts;
use gatepost_store::directory::MembershipSource;
use std::fmt;

impl Way {
    /// What lets the person in, and who decided that; without its end.
    pub fn text(&self) -> String {
        let set_by = self.set_by.as_ref().map(|SetBy { actor, at }| set_by(actor, minute(*at)));
        self.by_text() + set_by.unwrap_or_default().as_str()
    }

    /// What lets the person in.
    pub fn by_text(&self) -> String {
        match &self.by {
            By::SignIn => "signing in is enough".to_owned(),
            By::Group { group, source, opens, has_tool } => {
                let group = match (group, source) {
                    (Some(group), Some(source)) => format!("group {group}, {}", source_of(source).text()),
                    _ => "a group".to_owned(),
                };
                let tool = if *has_tool { ", to which a rule gives the tool" } else { "" };
                format!("{group}{}{tool}", opened(opens))
            }
            By::Tenant { tenant, role, source } => {
                format!("member of {tenant} as {role}, {}", source_in_words(source))
            }
            By::Decision => "an admin, set explicitly (gatepost admin grant)".to_owned(),
            By::Reason(reason) => format!("an admin, through {reason}"),
        }
    }
}

/// Who decided it, at the end of a way's text.
pub fn set_by(actor: &str, minute: impl fmt::Display) -> String {
    format!(" ({actor}, {minute} UTC)")
}

/// Who says that somebody is in a group.
pub fn source_of(source: &MembershipSource) -> SourceFacts {
    match source {
        MembershipSource::Manual => SourceFacts::Manual,
        MembershipSource::Scim => SourceFacts::Scim,
        MembershipSource::Provider(link) => SourceFacts::Provider {
            external: link.external.to_string(),
            display_name: link.display_name.clone(),
            link: link.source.as_str().into(),
        },
    }
}

fn opened(opens: &[(TenantId, Role)]) -> String {
    let opens: Vec<String> = opens.iter().map(|(tenant, role)| format!("{tenant} as {role}")).collect();
    if opens.is_empty() { String::new() } else { format!(", which gives access to {}", opens.join(", ")) }
}

fn source_in_words(source: &str) -> &str {
    match source {
        "invitation" => "by an invitation",
        "scim" => "by SCIM",
        _ => "added by an administrator",
    }
}
