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
use gatepost_core::decision::{Missing, Permit};
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::{TenantId, UserId};
use gatepost_core::mcp::message::Call;
use gatepost_core::mcp::pattern::Kind;
use gatepost_core::mcp::rules::User;
use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use std::sync::Arc;

/// The patterns of the tools that the person may use.
pub const HEADER: HeaderName = HeaderName::from_static("x-user-tools");
/// What a person lacks where no tool server is. Rules are about something that is there.
pub const NO_SERVER: &str = "no tool server at this address";
/// How much of a name is shown and logged.
const MAX_SHOWN: usize = 128;

/// A person who may enter.
#[derive(Debug)]
pub struct ToolPassage {
    headers: HeaderMap,
    access: Arc<Access>,
    claims: Option<Claims>,
    tenant: Option<(TenantId, Role)>,
    /// The id of the key that they use.
    key: Option<String>,
    /// The person.
    pub user: UserId,
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
            key: None,
            user: permit.person.id,
            email: permit.email.clone(),
        }
    }

    /// The identity headers, without those about tools.
    pub const fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    fn user(&self, server: &GateServer) -> User<'_> {
        let role = self.access.role_in(&server.tenant);
        User { access: &self.access, role, key: self.key.as_deref() }
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
        let user = self.user(server);
        if let Some(call) = call.filter(|call| !server.rules.allows(call, &user)) {
            return Err(Missing {
                groups: server.rules.groups_for(call),
                tool: Some(shown(call)),
                ..Missing::default()
            });
        }
        let mut headers = self.headers.clone();
        let tools = server.rules.patterns(Kind::Tool, &user);
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
    fn a_name_from_outside_is_short_and_on_one_line() {
        let call = Call { kind: Kind::Tool, name: format!("a\n{}", "b".repeat(200)) };
        assert_eq!(shown(&call).chars().count(), "tool ".len() + MAX_SHOWN);
        assert!(!shown(&call).contains('\n'));
    }
}
