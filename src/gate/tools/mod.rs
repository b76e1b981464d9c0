//! Tool servers at the gate: which one a request is for, and what of it the person may use.
//!
//! [`servers`] holds the servers and their rules in memory. A [`ToolPassage`] is a person who may enter: what their message
//! asks for is still open. Only [`ToolPassage::decide`] makes identity headers of it.

mod servers;

pub use servers::{Addresses, GateServer, ToolServers};

use super::assertion::{self, Claims, McpClaims};
use super::identity_headers::encode;
use crate::site::Site;
use gatepost_core::access::{Access, Role};
use gatepost_core::api_key::{KeyLimits, NamedKey};
use gatepost_core::decision::{KeyLack, Missing, Permit, TokenDenial};
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::{TenantId, UserId};
use gatepost_core::mcp::message::{Ask, Call};
use gatepost_core::mcp::pattern::Kind;
use gatepost_core::mcp::rules::{Lack, User, Way};
use gatepost_oidc::AccessToken;
use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
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
    /// The id of the machine's key, if it is one.
    machine: Option<String>,
    /// What the key allows that was sent.
    limits: Option<Arc<KeyLimits>>,
    /// The machine's key sends requests for people, and says for nobody: it gets to know servers, and uses what rules give it.
    says_for_nobody: bool,
    /// The access token that was sent.
    token: Option<Arc<AccessToken>>,
    /// The key that was sent, by itself or for the person.
    pub via: Option<NamedKey>,
    /// The person, or the machine.
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
            machine: None,
            limits: None,
            says_for_nobody: false,
            token: None,
            via: None,
            user: permit.person.id,
            email: permit.email.clone(),
        }
    }

    /// The same for a machine, which asks for no access.
    #[must_use]
    pub fn of_program(self) -> Self {
        Self { may_request: false, ..self }
    }

    /// The same for the machine of this key.
    #[must_use]
    pub fn of_machine(self, key: NamedKey, limits: Arc<KeyLimits>) -> Self {
        let (machine, says_for_nobody) = (Some(key.id.to_string()), limits.acts_for_people());
        Self { machine, says_for_nobody, ..self.of_program().via_key(key, limits) }
    }

    /// The same by this key, within what it allows.
    #[must_use]
    pub fn via_key(self, key: NamedKey, limits: Arc<KeyLimits>) -> Self {
        Self { via: Some(key), limits: Some(limits), ..self }
    }

    /// The same by an access token.
    #[must_use]
    pub fn by_token(self, token: Arc<AccessToken>) -> Self {
        Self { token: Some(token), ..self }
    }

    /// Whether the access token, if one was sent, was issued for this server and with all of its scopes.
    ///
    /// # Errors
    /// What the token lacks.
    pub fn require_grant(&self, server: &GateServer) -> Result<(), TokenDenial> {
        let Some(AccessToken { grant, .. }) = self.token.as_deref() else { return Ok(()) };
        if !grant.is_for(server.audience.as_deref(), server.url.as_str()) {
            return Err(TokenDenial::Invalid(
                "the token is for another audience than this tool server".into(),
            ));
        }
        if server.scopes.iter().all(|scope| grant.has_scope(scope)) {
            Ok(())
        } else {
            Err(TokenDenial::MissingScope(server.scopes.clone()))
        }
    }

    /// The identity headers, without those about tools.
    pub const fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Who this is for the rules of a server.
    fn user(&self, server: &GateServer) -> User<'_> {
        User {
            access: &self.access,
            role: self.access.role_in(&server.tenant),
            key: self.machine.as_deref(),
            tools: self.limits.as_ref().map_or(&[][..], |limits| &limits.tools),
            needs_rule: self.says_for_nobody,
        }
    }

    /// The patterns of what they may use of one kind.
    pub fn patterns(&self, server: &GateServer, kind: Kind) -> Vec<String> {
        server.rules.patterns(kind, &self.user(server))
    }

    /// By which way they may use something.
    ///
    /// # Errors
    /// What they lack.
    pub fn find_way<'a>(&self, server: &'a GateServer, call: &Call) -> Result<Way<'a>, Missing> {
        let (groups, key) = match server.rules.judge(call.kind, &call.name, &self.user(server)) {
            Ok(way) => return Ok(way),
            Err(Lack::Key) => (Vec::new(), Some(KeyLack::Tools)),
            Err(Lack::Rule) if self.says_for_nobody => (Vec::new(), Some(KeyLack::Person)),
            Err(Lack::Rule) => (server.rules.groups_for(call.kind, &call.name), None),
        };
        Err(Missing { groups, key, tool: Some(shown(call)), ..Missing::default() })
    }

    /// Decides about a message. `sign` makes the assertion, if the router asks for one.
    ///
    /// # Errors
    /// What they lack.
    pub fn decide(
        &self,
        server: &GateServer,
        ask: &Ask,
        sign: impl FnOnce(Claims) -> String,
        limit: usize,
    ) -> Result<HeaderMap, Missing> {
        match ask {
            Ask::Call(call) => drop(self.find_way(server, call)?),
            Ask::Other(_) | Ask::Stream if self.says_for_nobody => {
                let tool = Some(shown_ask(ask));
                return Err(Missing { tool, key: Some(KeyLack::Person), ..Missing::default() });
            }
            Ask::Look | Ask::Other(_) | Ask::Stream => {}
        }
        let mut headers = self.headers.clone();
        let tools = self.patterns(server, Kind::Tool);
        if let Ok(value) = HeaderValue::from_str(&joined(&tools, limit)) {
            headers.insert(HEADER, value);
        }
        if let Some(claims) = self.claims.clone() {
            let (tenant, role) = self.tenant.clone().unzip();
            let mcp = McpClaims {
                server: server.id.to_string(),
                tools,
                prompts: self.patterns(server, Kind::Prompt),
                resources: self.patterns(server, Kind::Resource),
            };
            let token = sign(Claims { tenant, role, mcp: Some(mcp), ..claims });
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
    format!("{} {}", call.kind, bounded(&call.name))
}

/// The same for what is not about rules.
fn shown_ask(ask: &Ask) -> String {
    match ask {
        Ask::Call(call) => shown(call),
        Ask::Stream => "the stream of the server".to_owned(),
        Ask::Look | Ask::Other(None) => "an answer to the server".to_owned(),
        Ask::Other(Some(method)) => format!("method {}", bounded(method)),
    }
}

/// A name from outside, short and on one line.
pub fn bounded(name: &str) -> String {
    let plain = |char: char| if char.is_control() { '\u{fffd}' } else { char };
    name.chars().take(MAX_SHOWN).map(plain).collect()
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
