//! Tool servers at the gate: which one a request is for, and what of it the person may use.
//!
//! [`servers`] holds the servers and their rules in memory. A [`ToolPassage`] is a person who may enter: what their message
//! asks for is still open. Only [`ToolPassage::decide`] makes identity headers of it. [`grants`] keeps what the answers to
//! many calls have in common. [`upstream`] reaches a server, for the list filter and for [`listing`].

mod grants;
pub mod listing;
mod server;
mod servers;
pub mod upstream;

pub use grants::Grant;
pub use server::GateServer;
pub use servers::{Addresses, ToolServers};

use crate::assertion::{self, Claims};
use crate::quotas::Charge;
use crate::site::Site;
use gatepost_core::access::Access;
use gatepost_core::api_key::{KeyId, KeyLimits, NamedKey};
use gatepost_core::decision::{KeyLack, Missing, Permit, TokenDenial};
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::UserId;
use gatepost_core::mcp::Mode;
use gatepost_core::mcp::message::{Ask, Call};
use gatepost_core::mcp::pattern::Kind;
use gatepost_core::mcp::rules::{Lack, User, Way};
use gatepost_core::requirement::Requirement;
use gatepost_oidc::AccessToken;
use grants::GrantQuery;
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
    /// The machine's key, if it is one.
    machine: Option<KeyId>,
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
    /// For whom the request counts, if the rules permit what it asks for.
    pub charge: Option<Charge>,
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
            machine: None,
            limits: None,
            says_for_nobody: false,
            token: None,
            via: None,
            user: permit.person.id,
            email: permit.email.clone(),
            charge: None,
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
        let (machine, says_for_nobody) = (Some(key.id), limits.acts_for_people());
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

    /// Whether a router means this server for them: for everybody, or for the key that tries whether the server compares
    /// headers and body, which nobody knows before such a message has reached it.
    pub fn reaches(&self, server: &GateServer, requirement: &Requirement, mode: Mode) -> bool {
        server.is_meant(requirement, mode) || (self.tries(server) && server.is_of(requirement))
    }

    /// Whether the request is one of a trial of this server.
    fn tries(&self, server: &GateServer) -> bool {
        let trial = self.limits.as_ref().and_then(|limits| limits.trial.as_ref());
        self.machine.is_some() && trial == Some(&server.id)
    }

    /// Whether the access token, if one was sent, is from the provider of this server, and was issued for it with all of its
    /// scopes. The refusal names the server's provider in its challenge, so a client gets the right token next.
    ///
    /// # Errors
    /// What the token lacks.
    pub fn require_grant(&self, server: &GateServer) -> Result<(), TokenDenial> {
        let Some(AccessToken { provider, grant, .. }) = self.token.as_deref() else { return Ok(()) };
        if server.provider.as_ref().is_some_and(|own| own != provider) {
            return Err(TokenDenial::Invalid(
                "the token is of another provider than this tool server's".into(),
            ));
        }
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

    /// Asks the rules of a server about this person or machine.
    fn asking<T>(&self, server: &GateServer, ask: impl FnOnce(&User<'_>) -> T) -> T {
        let key = self.machine.map(|key| key.to_string());
        ask(&User {
            access: &self.access,
            role: self.access.role_in(&server.tenant),
            key: key.as_deref(),
            tools: self.limits.as_ref().map_or(&[][..], |limits| &limits.tools),
            needs_rule: self.says_for_nobody,
        })
    }

    /// The patterns of what they may use of one kind.
    pub fn patterns(&self, server: &GateServer, kind: Kind) -> Vec<String> {
        self.asking(server, |user| server.rules.patterns(kind, user))
    }

    /// What they may use of a server, as answers say it, in at most `limit` bytes.
    pub fn grant(&self, server: &GateServer, limit: usize) -> Grant {
        let patterns = Kind::ALL.map(|kind| self.patterns(server, kind));
        let grant = Grant::new(&server.id, patterns, limit);
        if grant.is_cut() {
            tracing::warn!(
                tool_server = %server.id,
                user.email = %self.email,
                limit,
                "X-User-Tools or the claim mcp of X-User-Assertion was cut"
            );
        }
        grant
    }

    /// The same for one of these servers. What was written before is kept.
    pub fn kept_grant(&self, known: &Addresses, server: &Arc<GateServer>, limit: usize) -> Arc<Grant> {
        let (access, limits) = (&self.access, self.limits.as_ref());
        let query = GrantQuery { server, access, machine: self.machine, limits };
        known.grants().find(query, || self.grant(server, limit))
    }

    /// By which way they may use something.
    ///
    /// # Errors
    /// What they lack.
    pub fn find_way<'a>(&self, server: &'a GateServer, call: &Call) -> Result<Way<'a>, Missing> {
        let judged = self.asking(server, |user| server.rules.judge(call.kind, &call.name, user));
        let (groups, key) = match judged {
            Ok(way) => return Ok(way),
            // The tools of the key of a trial are tools that no server has.
            Err(Lack::Rule) if call.kind == Kind::Tool && self.tries(server) => return Ok(Way::Open),
            Err(Lack::Key) => (Vec::new(), Some(KeyLack::Tools)),
            Err(Lack::Rule) if self.says_for_nobody => (Vec::new(), Some(KeyLack::Person)),
            Err(Lack::Rule) => (server.rules.groups_for(call.kind, &call.name), None),
        };
        Err(Missing { groups, key, tool: Some(shown(call)), ..Missing::default() })
    }

    /// Decides about a message. `grant` says what they may use, `sign` makes the assertion if the router asks for one. What it
    /// permits takes the identity headers out of the passage.
    ///
    /// # Errors
    /// What they lack.
    pub fn decide(
        &mut self,
        server: &GateServer,
        ask: &Ask,
        grant: impl FnOnce(&Self) -> Arc<Grant>,
        sign: impl FnOnce(Claims) -> String,
    ) -> Result<HeaderMap, Missing> {
        match ask {
            Ask::Call(call) => drop(self.find_way(server, call)?),
            Ask::Other(_) | Ask::Stream if self.says_for_nobody => {
                let tool = Some(shown_ask(ask));
                return Err(Missing { tool, key: Some(KeyLack::Person), ..Missing::default() });
            }
            Ask::Look | Ask::Other(_) | Ask::Stream => {}
        }
        let grant = grant(self);
        let mut headers = std::mem::take(&mut self.headers);
        headers.insert(HEADER, grant.tools.clone());
        if let Some(claims) = self.claims.take() {
            let token = sign(Claims { mcp: Some(grant.claims.clone()), ..claims });
            if let Ok(value) = HeaderValue::from_str(&token) {
                headers.insert(assertion::HEADER, value);
            }
        }
        Ok(headers)
    }
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
    fn a_name_from_outside_is_short_and_on_one_line() {
        let call = Call { kind: Kind::Tool, name: format!("a\n{}", "b".repeat(200)) };
        assert_eq!(shown(&call).chars().count(), "tool ".len() + MAX_SHOWN);
        assert!(!shown(&call).contains('\n'));
    }
}
