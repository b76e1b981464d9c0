//! A permit as headers. Names and encodings: DESIGN.md section 4.
//!
//! What depends on the person alone is [`Rendered`] once, when the person is looked up; the rest at each request.

use super::forwarded::Forwarded;
use gatepost_config::VerifyConfig;
use gatepost_core::access::{Access, Person, Role, Standing};
use gatepost_core::decision::Permit;
use gatepost_core::ids::{GroupName, TenantId};
use gatepost_store::session::cookie::{self, CookiePolicy};
use hyper::HeaderMap;
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, COOKIE, HeaderName, HeaderValue};
use std::fmt::Write;
use std::sync::Arc;

const EMAIL: HeaderName = HeaderName::from_static("x-user-email");
const GROUPS: HeaderName = HeaderName::from_static("x-user-groups");
const GROUPS_TRUNCATED: HeaderName = HeaderName::from_static("x-user-groups-truncated");
const ADMIN: HeaderName = HeaderName::from_static("x-user-admin");
const ID: HeaderName = HeaderName::from_static("x-user-id");
const NAME: HeaderName = HeaderName::from_static("x-user-name");
const TENANTS: HeaderName = HeaderName::from_static("x-user-tenants");
const ROLE: HeaderName = HeaderName::from_static("x-user-role");
const TENANT_ID: HeaderName = HeaderName::from_static("x-tenant-id");

const TRUE: HeaderValue = HeaderValue::from_static("true");
const FALSE: HeaderValue = HeaderValue::from_static("false");

/// The headers that say who it is, whatever is asked.
///
/// In one piece of memory, of which every answer shows parts: a pass is small, and what is said of it is not copied.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// Email, id, name, one after another.
    person: Bytes,
    ends: [u32; 3],
    has_name: bool,
    access: Arc<RenderedAccess>,
}

/// Those that say what somebody may: the same for all who may the same.
#[derive(Debug)]
pub struct RenderedAccess {
    groups: HeaderValue,
    tenants: HeaderValue,
    is_cut: bool,
    is_admin: bool,
}

impl RenderedAccess {
    /// Renders an access.
    pub fn new(access: &Access, limits: &VerifyConfig) -> Self {
        let Told { header: groups, is_cut, .. } = told_groups(&access.groups, limits);
        let tenants: Vec<&str> = access.tenants.ids().map(TenantId::as_str).collect();
        Self {
            groups: value(groups.into()),
            tenants: value(tenants.join(",").into()),
            is_cut,
            is_admin: access.is_admin,
        }
    }

    /// Bytes of all values.
    pub fn size(&self) -> usize {
        self.groups.len() + self.tenants.len()
    }
}

impl Rendered {
    /// Renders a person. One without an address gets no permit, so that the empty one is never sent.
    pub fn new(standing: &Standing, limits: &VerifyConfig) -> Self {
        Self::with(&standing.person, Arc::new(RenderedAccess::new(&standing.access, limits)), limits)
    }

    /// The same, of somebody whose access is rendered already.
    pub fn with(person: &Person, access: Arc<RenderedAccess>, limits: &VerifyConfig) -> Self {
        if access.is_cut {
            tracing::warn!(user.id = %person.id, limit = limits.groups_header_limit, "X-User-Groups was cut");
        }
        let name = person.name.as_deref().map(encode);
        let email = person.email.as_ref().map_or("", |email| email.as_str());
        let mut text = String::new();
        let mut ends = [0; 3];
        for (end, part) in ends.iter_mut().zip([email, &person.id.to_string(), name.as_deref().unwrap_or("")])
        {
            text.push_str(part);
            *end = u32::try_from(text.len()).unwrap_or(u32::MAX);
        }
        let person = Bytes::from(text.into_boxed_str().into_boxed_bytes());
        Self { person, ends, has_name: name.is_some(), access }
    }

    fn part(&self, at: usize) -> HeaderValue {
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        value(self.person.slice(start as usize..self.ends[at] as usize))
    }

    /// The headers that depend on the person alone.
    pub fn write(&self, headers: &mut HeaderMap) {
        headers.insert(EMAIL, self.part(0));
        headers.insert(GROUPS, self.access.groups.clone());
        headers.insert(ADMIN, if self.access.is_admin { TRUE } else { FALSE });
        headers.insert(ID, self.part(1));
        headers.insert(TENANTS, self.access.tenants.clone());
        if self.access.is_cut {
            headers.insert(GROUPS_TRUNCATED, TRUE);
        }
        if self.has_name {
            headers.insert(NAME, self.part(2));
        }
    }

    /// Whether `X-User-Groups` lacks a group.
    pub fn is_cut(&self) -> bool {
        self.access.is_cut
    }

    /// Bytes of the values that are this person's own.
    pub fn size(&self) -> usize {
        self.person.len()
    }
}

/// Values are ASCII by their types or by [`encode`], or came in a header: a refused one cannot occur, and would be empty.
fn value(bytes: Bytes) -> HeaderValue {
    HeaderValue::from_maybe_shared(bytes).unwrap_or(HeaderValue::from_static(""))
}

/// The headers of a 200. What a client sent is echoed without Gatepost's own credentials, or not at all.
pub fn write(
    headers: &mut HeaderMap,
    permit: &Permit<'_>,
    rendered: &Rendered,
    forwarded: &Forwarded<'_>,
    cookies: CookiePolicy,
) {
    rendered.write(headers);
    if let Some((tenant, role)) = permit.tenant {
        headers.insert(TENANT_ID, value(Bytes::copy_from_slice(tenant.as_str().as_bytes())));
        headers.insert(ROLE, role_value(role));
    }
    if let Some(cookies) = cookie::without(forwarded.cookies(), cookies.names()) {
        headers.insert(COOKIE, value(cookies.into()));
    }
    if let Some(authorization) = forwarded.authorization() {
        headers.insert(AUTHORIZATION, authorization.clone());
    }
}

const fn role_value(role: Role) -> HeaderValue {
    HeaderValue::from_static(role.as_str())
}

/// What applications are told of a person's groups.
pub(super) struct Told<'a> {
    /// The names, sorted by bytes.
    pub names: Vec<&'a GroupName>,
    /// `X-User-Groups`: the same names, encoded, joined by commas.
    header: String,
    /// A name is missing for its length.
    pub is_cut: bool,
}

/// Those that the operator wants told, whole names up to the header's limit.
pub(super) fn told_groups<'a>(names: &'a [GroupName], limits: &VerifyConfig) -> Told<'a> {
    let filter = &limits.groups_header_filter;
    let mut told = Told { names: Vec::new(), header: String::new(), is_cut: false };
    let is_wanted = |name: &&GroupName| {
        filter.is_empty() || filter.iter().any(|prefix| name.as_str().starts_with(prefix))
    };
    for name in names.iter().filter(is_wanted) {
        let encoded = encode(name.as_str());
        let separator = if told.header.is_empty() { "" } else { "," };
        if told.header.len() + separator.len() + encoded.len() > limits.groups_header_limit {
            told.is_cut = true;
            break;
        }
        told.header.push_str(separator);
        told.header.push_str(&encoded);
        told.names.push(name);
    }
    told
}

/// Percent-encodes `%`, comma and everything outside 0x21-0x7E, as UTF-8.
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if matches!(byte, 0x21..=0x7E) && byte != b'%' && byte != b',' {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").unwrap_or_default();
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names(list: &[&str]) -> Vec<GroupName> {
        list.iter().map(|name| name.parse().expect("a name")).collect()
    }

    /// The header, how many names are in it, and whether it was cut.
    fn told(list: &[&str], filter: &[&str], limit: usize) -> (String, usize, bool) {
        let filter = filter.iter().map(|prefix| (*prefix).to_owned()).collect();
        let limits = VerifyConfig {
            groups_header_limit: limit,
            groups_header_filter: filter,
            ..VerifyConfig::default()
        };
        let names = names(list);
        let told = told_groups(&names, &limits);
        (told.header, told.names.len(), told.is_cut)
    }

    #[test]
    fn a_comma_in_a_name_makes_no_second_group() {
        assert_eq!(told(&["a,admins", "b"], &[], 100), ("a%2Cadmins,b".to_owned(), 2, false));
    }

    #[test]
    fn a_long_list_is_cut_between_names_and_says_so() {
        assert_eq!(told(&["aa", "bb", "cc"], &[], 5), ("aa,bb".to_owned(), 2, true));
        assert_eq!(told(&["aa", "bb"], &[], 5), ("aa,bb".to_owned(), 2, false));
        assert_eq!(told(&["aa", "bb", "MCP-x"], &["MCP-"], 5), ("MCP-x".to_owned(), 1, false));
    }

    proptest! {
        #[test]
        fn an_encoded_name_is_visible_ascii_and_comes_back(text in ".*") {
            let encoded = encode(&text);
            prop_assert!(encoded.bytes().all(|b| matches!(b, 0x21..=0x7E) && b != b','));
            let decoded = percent_decode(&encoded);
            prop_assert_eq!(decoded, text);
        }
    }

    fn percent_decode(text: &str) -> String {
        let query = format!("v={}", text.replace('+', "%2B").replace('&', "%26"));
        url::form_urlencoded::parse(query.as_bytes()).next().map(|(_, v)| v.into_owned()).unwrap_or_default()
    }
}
