//! Tool servers at the gate: which one a request is for, and what of it the person may use.
//!
//! [`servers`] holds the servers and their rules in memory. A [`ToolPassage`] is a person who may enter: what their message
//! asks for is still open. Only [`ToolPassage::decide`] makes identity headers of it.

mod servers;

pub use servers::{GateServer, Snapshot, ToolServers};

use super::assertion::{self, AssertionKeys, Claims, McpClaims};
use super::identity_headers::encode;
use crate::site::Site;
use gatepost_core::access::{Access, Role};
use gatepost_core::api_key::{KeyId, KeyLimits};
use gatepost_core::decision::{Missing, Permit};
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::{TenantId, UserId};
use gatepost_core::mcp::message::Call;
use gatepost_core::mcp::pattern::Kind;
use gatepost_core::mcp::rules::User;
use gatepost_core::tool_pattern::ToolPattern;
use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The patterns of the tools that the person may use.
pub const HEADER: HeaderName = HeaderName::from_static("x-user-tools");
/// What a person lacks where no tool server is. Rules are about something that is there.
pub const NO_SERVER: &str = "no tool server at this address";
/// How much of a name is shown and logged.
const MAX_SHOWN: usize = 128;

/// A person or a machine that may enter.
#[derive(Debug)]
pub struct ToolPassage {
    headers: HeaderMap,
    access: Arc<Access>,
    claims: Option<Claims>,
    tenant: Option<(TenantId, Role)>,
    /// The machine, if it is one.
    machine: Option<KeyId>,
    /// What the key allows that was sent.
    limits: Option<Arc<KeyLimits>>,
    /// The name of the key by which somebody else acts for the person.
    via: Option<Box<str>>,
    /// The person; none for a machine.
    pub user: Option<UserId>,
    pub email: EmailAddress,
    /// They may ask for access that they lack.
    pub may_request: bool,
}

impl ToolPassage {
    /// From a permit, with its identity headers. `claims` are those of the assertion, if the router asks for one.
    pub fn new(
        headers: HeaderMap,
        (permit, access): (&Permit<'_>, Arc<Access>),
        claims: Option<Claims>,
        site: &Site,
    ) -> Self {
        Self {
            headers,
            may_request: site.may_request_access(&access),
            access,
            claims,
            tenant: permit.tenant.map(|(id, role)| (id.clone(), role)),
            machine: None,
            limits: None,
            via: None,
            user: Some(permit.person.id),
            email: permit.email.clone(),
        }
    }

    /// The same for somebody who is no person. A refusal is not kept for them, and they ask for no access.
    #[must_use]
    pub fn of_nobody(self) -> Self {
        Self { user: None, may_request: false, ..self }
    }

    /// The same for the machine of this key.
    #[must_use]
    pub fn of_machine(self, key: KeyId, limits: Arc<KeyLimits>) -> Self {
        Self { machine: Some(key), ..self.of_nobody().within(limits) }
    }

    /// The same within what a key allows.
    fn within(self, limits: Arc<KeyLimits>) -> Self {
        Self { limits: Some(limits), ..self }
    }

    /// The same for somebody for whom a key with this name acts.
    #[must_use]
    pub fn via_key(self, name: Box<str>, limits: Arc<KeyLimits>) -> Self {
        Self { via: Some(name), ..self.within(limits) }
    }

    /// The name of the key by which somebody else acts for the person.
    pub fn via(&self) -> Option<&str> {
        self.via.as_deref()
    }

    /// Whether the key, if there is one, is for this call.
    fn is_within_key(&self, call: &Call) -> bool {
        let tools = self.limits.as_ref().map_or(&[][..], |limits| &limits.tools);
        call.kind != Kind::Tool || tools.is_empty() || tools.iter().any(|tool| tool.matches(&call.name))
    }

    /// The identity headers, without those about tools.
    pub const fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Decides about a message. `None`: it asks for nothing that has rules.
    ///
    /// # Errors
    /// What the person lacks.
    pub fn decide(
        &self,
        server: &GateServer,
        call: Option<&Call>,
        (keys, limit): (&AssertionKeys, usize),
    ) -> Result<HeaderMap, Missing> {
        let key = self.machine.map(|key| key.to_string());
        let role = self.access.role_in(&server.tenant);
        let user = User { access: &self.access, role, key: key.as_deref() };
        if let Some(call) = call {
            let is_allowed = server.rules.allows(call, &user);
            if !is_allowed || !self.is_within_key(call) {
                let groups = if is_allowed { Vec::new() } else { server.rules.groups_for(call) };
                return Err(Missing { groups, tool: Some(shown(call)), ..Missing::default() });
            }
        }
        let mut headers = self.headers.clone();
        let mut tools = server.rules.patterns(Kind::Tool, &user);
        if let Some(limits) = self.limits.as_ref().filter(|limits| !limits.tools.is_empty()) {
            tools = within(&tools, &limits.tools);
        }
        if let Ok(value) = HeaderValue::from_str(&joined(&tools, limit)) {
            headers.insert(HEADER, value);
        }
        if let Some(claims) = self.claims.clone() {
            let (tenant, role) = self.tenant.clone().unzip();
            let mcp = McpClaims {
                server: server.id.to_string(),
                tools,
                prompts: server.rules.patterns(Kind::Prompt, &user),
                resources: server.rules.patterns(Kind::Resource, &user),
            };
            let token = Claims { tenant, role, mcp: Some(mcp), ..claims }.sign(keys);
            if let Ok(value) = HeaderValue::from_str(&token) {
                headers.insert(assertion::HEADER, value);
            }
        }
        Ok(headers)
    }
}

/// What both lists of patterns match, of each pair the narrower one.
fn within(patterns: &[String], tools: &[ToolPattern]) -> Vec<String> {
    let narrower = |one: &str, other: &str| match (one.strip_suffix('*'), other.strip_suffix('*')) {
        (_, Some(beginning)) if one.starts_with(beginning) => Some(one.to_owned()),
        (Some(beginning), _) if other.starts_with(beginning) => Some(other.to_owned()),
        _ => (one == other).then(|| one.to_owned()),
    };
    let pairs = patterns.iter().flat_map(|one| tools.iter().map(move |other| narrower(one, other.as_str())));
    let both: BTreeSet<String> = pairs.flatten().collect();
    both.into_iter().collect()
}

/// Patterns as a header value: whole ones up to a length.
fn joined(patterns: &[String], limit: usize) -> String {
    let mut value = String::new();
    for pattern in patterns {
        let encoded = encode(pattern);
        let separator = if value.is_empty() { "" } else { "," };
        if value.len() + separator.len() + encoded.len() > limit {
            break;
        }
        value.push_str(separator);
        value.push_str(&encoded);
    }
    value
}

/// What a message asks for, for people and the log. The name comes from outside.
fn shown(call: &Call) -> String {
    let plain = |char: char| if char.is_control() { '\u{fffd}' } else { char };
    let name: String = call.name.chars().take(MAX_SHOWN).map(plain).collect();
    format!("{} {name}", call.kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_encoded_and_cut_between_two() {
        let patterns = ["a,b", "get_*", "\u{e9}"].map(str::to_owned);
        assert_eq!(joined(&patterns, 100), "a%2Cb,get_*,%C3%A9");
        assert_eq!(joined(&patterns, 12), "a%2Cb,get_*");
        assert_eq!(joined(&patterns, 10), "a%2Cb");
        assert_eq!(joined(&[], 10), "");
    }

    #[test]
    fn a_key_narrows_what_rules_give() {
        let keys =
            |list: &[&str]| list.iter().map(|text| text.parse().expect("a pattern")).collect::<Vec<_>>();
        let rules = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        for (given, key, both) in [
            (&["*"][..], &["get_*"][..], &["get_*"][..]),
            (&["get_*"], &["*"], &["get_*"]),
            (&["get_*", "put"], &["get_file", "put"], &["get_file", "put"]),
            (&["get_a*"], &["get_*"], &["get_a*"]),
            (&["get_file"], &["get_*"], &["get_file"]),
            (&["get_*"], &["put_*", "get"], &[]),
        ] {
            assert_eq!(within(&rules(given), &keys(key)), both, "{given:?} {key:?}");
        }
    }

    #[test]
    fn a_name_from_outside_is_short_and_on_one_line() {
        let call = Call { kind: Kind::Tool, name: format!("a\n{}", "b".repeat(200)) };
        assert_eq!(shown(&call).chars().count(), "tool ".len() + MAX_SHOWN);
        assert!(!shown(&call).contains('\n'));
    }
}
