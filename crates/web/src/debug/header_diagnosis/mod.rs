//! Compares the headers that an application receives with those that `/verify` sent, and reports differences. Does no
//! I/O.
//!
//! [`gatepost_pages::header_report`] has the result, and removes secrets from it.

mod forwarded;

use gatepost_core::access::Access;
use gatepost_core::header_names::{IDENTITY_HEADERS, alias_of};
use gatepost_core::host::Origin;
use gatepost_core::ids::TenantId;
use gatepost_pages::header_report::{Header, HeaderProblem, Report};
use gatepost_runtime::identity_headers::IdentityHeaders;
use gatepost_store::session::cookie::{self, OwnNames};
use hyper::HeaderMap;

/// Identity headers that do not depend on the person alone. `x-user-via` is none of them: only people see this report, and they
/// send no key.
const DEPEND_ON_REQUEST: [&str; 6] =
    ["x-tenant-id", "x-user-role", "x-user-assertion", "x-user-tools", "cookie", "authorization"];

/// A request that arrived at an application through the proxy.
#[derive(Debug)]
pub struct ReceivedRequest<'a> {
    /// All headers. Names are in lower case, and values of one name keep their order.
    pub headers: &'a [(String, Vec<u8>)],
    /// The protected host.
    pub origin: &'a Origin,
    /// The identity headers that `/verify` sends for this person.
    pub rendered: &'a IdentityHeaders,
    /// The person's access.
    pub access: &'a Access,
    /// The names of Gatepost's cookies.
    pub own_cookies: OwnNames,
}

impl ReceivedRequest<'_> {
    /// Compares the headers and returns the result.
    pub fn diagnose(&self) -> Report {
        let problems: Vec<HeaderProblem> = [self.aliases(), self.identity(), self.tenant(), self.cookie()]
            .into_iter()
            .flatten()
            .chain(forwarded::problems(self))
            .collect();
        let mut headers: Vec<Header> = self
            .headers
            .iter()
            .map(|(name, value)| {
                let has_problem = problems.iter().any(|problem| problem.header() == name);
                Header::new(name, value, has_problem)
            })
            .collect();
        // Stable, so that values of one name stay in their order.
        headers.sort_by_key(|header| (header.name != "Host", header.name.clone()));
        Report { headers, problems }
    }

    fn values(&self, name: &str) -> Vec<&[u8]> {
        let own = self.headers.iter().filter(|(own, _)| own == name);
        own.map(|(_, value)| value.as_slice()).collect()
    }

    fn aliases(&self) -> Vec<HeaderProblem> {
        let alias = |name: &String| Some(HeaderProblem::Alias { name: name.clone(), of: alias_of(name)? });
        self.headers.iter().filter_map(|(name, _)| alias(name)).collect()
    }

    /// Checks the headers that depend on the person alone: each must arrive once and unchanged, and no other may
    /// arrive.
    fn identity(&self) -> Vec<HeaderProblem> {
        let mut sent = HeaderMap::new();
        self.rendered.write(&mut sent);
        let problem = |name: &'static str| match (sent.get(name), self.values(name).as_slice()) {
            (Some(_), []) => Some(HeaderProblem::Missing(name)),
            (None, [_, ..]) => Some(HeaderProblem::NotSent(name)),
            (_, [_, _, ..]) => Some(HeaderProblem::Repeated(name)),
            (Some(sent), [value]) if sent.as_bytes() != *value => Some(HeaderProblem::Differs {
                name,
                sent: String::from_utf8_lossy(sent.as_bytes()).into_owned(),
            }),
            _ => None,
        };
        IDENTITY_HEADERS
            .into_iter()
            .filter(|name| !DEPEND_ON_REQUEST.contains(name))
            .filter_map(problem)
            .collect()
    }

    /// Checks the pair of tenant and role. The requirement is not known here, but the pair must match the person's
    /// access.
    fn tenant(&self) -> Vec<HeaderProblem> {
        let [tenant, role, ..] = DEPEND_ON_REQUEST;
        match (self.values(tenant).as_slice(), self.values(role).as_slice()) {
            ([], []) => Vec::new(),
            ([], _) => vec![HeaderProblem::Missing(tenant)],
            (_, []) => vec![HeaderProblem::Missing(role)],
            ([id], [named]) => {
                let id: Option<TenantId> = std::str::from_utf8(id).ok().and_then(|id| id.parse().ok());
                let held = id.and_then(|id| self.access.role_in(&id));
                match held {
                    None => vec![HeaderProblem::NotSent(tenant)],
                    Some(held) if held.as_str().as_bytes() == *named => Vec::new(),
                    Some(held) => vec![HeaderProblem::Differs { name: role, sent: held.to_string() }],
                }
            }
            ([_], _) => vec![HeaderProblem::Repeated(role)],
            _ => vec![HeaderProblem::Repeated(tenant)],
        }
    }

    fn cookie(&self) -> Vec<HeaderProblem> {
        let arrived = |name: &&str| cookie::values(self.values("cookie").into_iter(), name).next().is_some();
        self.own_cookies
            .iter()
            .find(|name| arrived(name))
            .map(|_| HeaderProblem::OwnCookie)
            .into_iter()
            .collect()
    }
}

#[cfg(test)]
mod tests;
