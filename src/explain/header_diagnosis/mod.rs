//! What arrived at an application of what `/verify` sent: every header of a request that came through the gate, held
//! against what the directory says of the person. No I/O.
//!
//! Guarantees: only values that are known to be harmless are shown ([`shown`]), and each fault says what to change.

mod fault;
mod forwarded;
mod shown;

pub use fault::{Fault, Weight};
pub use shown::{Part, blanked};

use crate::gate::identity_headers::Rendered;
use gatepost_core::access::Access;
use gatepost_core::header_names::{FORWARDED_HEADERS, IDENTITY_HEADERS, alias_of, canonical};
use gatepost_core::host::Origin;
use gatepost_core::ids::TenantId;
use gatepost_store::session::cookie::{self, OwnNames};
use hyper::HeaderMap;

/// Identity headers that do not depend on the person alone.
const OF_THE_REQUEST: [&str; 5] =
    ["x-tenant-id", "x-user-role", "x-user-assertion", "cookie", "authorization"];

/// A request that came through the gate.
#[derive(Debug)]
pub struct Arrival<'a> {
    /// Every header; names in lower case, values of one name in their order.
    pub headers: &'a [(String, Vec<u8>)],
    /// The protected host.
    pub origin: &'a Origin,
    /// What `/verify` sends for this person.
    pub rendered: &'a Rendered,
    /// What the person may.
    pub access: &'a Access,
    /// The names of Gatepost's cookies.
    pub own_cookies: OwnNames,
}

/// What is to be seen of it.
#[derive(Debug)]
pub struct Report {
    /// Every header, as the proxy orders them: `Host`, then by name.
    pub headers: Vec<Header>,
    /// What is wrong.
    pub faults: Vec<Fault>,
}

/// One header.
#[derive(Debug)]
pub struct Header {
    /// The name as Go writes it.
    pub name: String,
    /// Who answers for it.
    pub source: Source,
    /// What may be shown of the value.
    pub parts: Vec<Part>,
    /// A fault names it.
    pub is_faulty: bool,
}

/// Who answers for a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// `/verify`.
    Gatepost,
    /// The proxy.
    Proxy,
    /// Whoever sent the request, or a middleware.
    Client,
}

impl Arrival<'_> {
    /// Holds what arrived against what was sent.
    pub fn report(&self) -> Report {
        let faults: Vec<Fault> = [self.aliases(), self.identity(), self.tenant(), self.cookie()]
            .into_iter()
            .flatten()
            .chain(forwarded::faults(self))
            .collect();
        let mut headers: Vec<Header> = self
            .headers
            .iter()
            .map(|(name, value)| Header {
                name: canonical(name),
                source: source(name),
                parts: shown::parts(name, value),
                is_faulty: faults.iter().any(|fault| fault.header() == name),
            })
            .collect();
        // Stable, so that values of one name stay in their order.
        headers.sort_by_key(|header| (header.name != "Host", header.name.clone()));
        Report { headers, faults }
    }

    fn values(&self, name: &str) -> Vec<&[u8]> {
        let own = self.headers.iter().filter(|(own, _)| own == name);
        own.map(|(_, value)| value.as_slice()).collect()
    }

    fn aliases(&self) -> Vec<Fault> {
        let alias = |name: &String| Some(Fault::Alias { name: name.clone(), of: alias_of(name)? });
        self.headers.iter().filter_map(|(name, _)| alias(name)).collect()
    }

    /// The headers that depend on the person alone: none may be missing, changed, repeated or more.
    fn identity(&self) -> Vec<Fault> {
        let mut sent = HeaderMap::new();
        self.rendered.write(&mut sent);
        let fault = |name: &'static str| match (sent.get(name), self.values(name).as_slice()) {
            (Some(_), []) => Some(Fault::Missing(name)),
            (None, [_, ..]) => Some(Fault::NotSent(name)),
            (_, [_, _, ..]) => Some(Fault::Repeated(name)),
            (Some(sent), [value]) if sent.as_bytes() != *value => {
                Some(Fault::Differs { name, sent: String::from_utf8_lossy(sent.as_bytes()).into_owned() })
            }
            _ => None,
        };
        IDENTITY_HEADERS.into_iter().filter(|name| !OF_THE_REQUEST.contains(name)).filter_map(fault).collect()
    }

    /// What the requirement names cannot be told from here, but whether the pair can be Gatepost's.
    fn tenant(&self) -> Vec<Fault> {
        let [tenant, role, ..] = OF_THE_REQUEST;
        match (self.values(tenant).as_slice(), self.values(role).as_slice()) {
            ([], []) => Vec::new(),
            ([], _) => vec![Fault::Missing(tenant)],
            (_, []) => vec![Fault::Missing(role)],
            ([id], [named]) => {
                let id: Option<TenantId> = std::str::from_utf8(id).ok().and_then(|id| id.parse().ok());
                let held = id.and_then(|id| self.access.role_in(&id));
                match held {
                    None => vec![Fault::NotSent(tenant)],
                    Some(held) if held.as_str().as_bytes() == *named => Vec::new(),
                    Some(held) => vec![Fault::Differs { name: role, sent: held.to_string() }],
                }
            }
            ([_], _) => vec![Fault::Repeated(role)],
            _ => vec![Fault::Repeated(tenant)],
        }
    }

    fn cookie(&self) -> Vec<Fault> {
        let arrived = |name: &&str| cookie::values(self.values("cookie").into_iter(), name).next().is_some();
        self.own_cookies.iter().find(|name| arrived(name)).map(|_| Fault::OwnCookie).into_iter().collect()
    }
}

fn source(name: &str) -> Source {
    let is_clients = matches!(name, "cookie" | "authorization");
    if IDENTITY_HEADERS.contains(&name) && !is_clients {
        Source::Gatepost
    } else if FORWARDED_HEADERS.contains(&name) || name.starts_with("x-forwarded-") || name == "x-real-ip" {
        Source::Proxy
    } else {
        Source::Client
    }
}

#[cfg(test)]
mod tests;
