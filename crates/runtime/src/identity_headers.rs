//! Renders a permit as headers. docs/traefik.md lists names and encodings for applications.
//!
//! [`IdentityHeaders`] holds what depends on the person alone and is rendered once, when the person is looked up. The
//! rest is rendered for each request.

use crate::headers::Headers;
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
const VIA: HeaderName = HeaderName::from_static("x-user-via");
const TENANT_ID: HeaderName = HeaderName::from_static("x-tenant-id");

const TRUE: HeaderValue = HeaderValue::from_static("true");
const FALSE: HeaderValue = HeaderValue::from_static("false");

/// The headers that describe the person, independent of the request.
///
/// The values share one buffer, and each answer refers to slices of it: a cached session stays small, and answers copy
/// no values.
#[derive(Clone, Debug)]
pub struct IdentityHeaders {
    /// Address, id and encoded name, without separators.
    person: Bytes,
    /// Where each of the three ends in `person`.
    ends: [u32; 3],
    has_name: bool,
    access: Arc<AccessHeaders>,
}

/// The headers that describe access. People with the same access share one value.
#[derive(Debug)]
pub struct AccessHeaders {
    groups: HeaderValue,
    tenants: HeaderValue,
    is_cut: bool,
    is_admin: bool,
}

impl AccessHeaders {
    /// Renders an access.
    pub fn new(access: &Access, limits: &VerifyConfig) -> Self {
        let GroupsHeader { value: groups, is_cut, .. } = groups_header(&access.groups, limits);
        let tenants: Vec<&str> = access.tenants.ids().map(TenantId::as_str).collect();
        Self {
            groups: value(groups.into()),
            tenants: value(tenants.join(",").into()),
            is_cut,
            is_admin: access.is_admin,
        }
    }

    /// The size of the values in bytes.
    pub fn size(&self) -> usize {
        self.groups.len() + self.tenants.len()
    }
}

impl IdentityHeaders {
    /// Renders the headers of a person. If the person has no address, the value is empty. It is never sent, because
    /// such a person gets no permit.
    pub fn new(standing: &Standing, limits: &VerifyConfig) -> Self {
        Self::with(&standing.person, Arc::new(AccessHeaders::new(&standing.access, limits)), limits)
    }

    /// Does the same for a person whose access is rendered already.
    pub fn with(person: &Person, access: Arc<AccessHeaders>, limits: &VerifyConfig) -> Self {
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

    /// Inserts these headers.
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

    /// The size in bytes of the values that are not shared with others.
    pub fn size(&self) -> usize {
        self.person.len()
    }
}

/// Converts bytes to a value. All callers pass ASCII or bytes from another header, so this cannot fail; if it did, the
/// value would be empty.
fn value(bytes: Bytes) -> HeaderValue {
    HeaderValue::from_maybe_shared(bytes).unwrap_or(HeaderValue::from_static(""))
}

/// Inserts all headers of a 200 but `Authorization`. The client's cookies are sent back without Gatepost's own.
pub fn write(
    headers: &mut HeaderMap,
    permit: &Permit<'_>,
    rendered: &IdentityHeaders,
    sent: Headers<'_>,
    cookies: CookiePolicy,
) {
    rendered.write(headers);
    if let Some((tenant, role)) = permit.tenant {
        headers.insert(TENANT_ID, value(Bytes::copy_from_slice(tenant.as_str().as_bytes())));
        headers.insert(ROLE, role_value(role));
    }
    if let Some(cookies) = cookie::without(sent.all(COOKIE), cookies.names()) {
        headers.insert(COOKIE, value(cookies.into()));
    }
}

/// Inserts the name of the key by which a program sends a request for the person.
pub fn write_via(headers: &mut HeaderMap, key: &str) {
    headers.insert(VIA, value(encode(key).into()));
}

/// Sends the client's `Authorization` back unchanged. Not called where it was the credential: the application must not
/// get it, and the proxy removes what is not sent back.
pub fn pass_authorization(headers: &mut HeaderMap, sent: Headers<'_>) {
    if let Some(authorization) = sent.value(AUTHORIZATION) {
        headers.insert(AUTHORIZATION, authorization.clone());
    }
}

const fn role_value(role: Role) -> HeaderValue {
    HeaderValue::from_static(role.as_str())
}

/// `X-User-Groups` and the names in it.
pub(super) struct GroupsHeader<'a> {
    /// The names, sorted by bytes.
    pub names: Vec<&'a GroupName>,
    /// The same names, encoded and joined by commas.
    value: String,
    /// Whether names are missing because of the length limit.
    pub is_cut: bool,
}

/// Selects the groups that match the operator's filter, whole names up to the length limit.
pub(super) fn groups_header<'a>(names: &'a [GroupName], limits: &VerifyConfig) -> GroupsHeader<'a> {
    let filter = &limits.groups_header_filter;
    let mut header = GroupsHeader { names: Vec::new(), value: String::new(), is_cut: false };
    let is_wanted = |name: &&GroupName| {
        filter.is_empty() || filter.iter().any(|prefix| name.as_str().starts_with(prefix))
    };
    for name in names.iter().filter(is_wanted) {
        let encoded = encode(name.as_str());
        let separator = if header.value.is_empty() { "" } else { "," };
        if header.value.len() + separator.len() + encoded.len() > limits.groups_header_limit {
            header.is_cut = true;
            break;
        }
        header.value.push_str(separator);
        header.value.push_str(&encoded);
        header.names.push(name);
    }
    header
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
    fn rendered_groups(list: &[&str], filter: &[&str], limit: usize) -> (String, usize, bool) {
        let filter = filter.iter().map(|prefix| (*prefix).to_owned()).collect();
        let limits = VerifyConfig {
            groups_header_limit: limit,
            groups_header_filter: filter,
            ..VerifyConfig::default()
        };
        let names = names(list);
        let header = groups_header(&names, &limits);
        (header.value, header.names.len(), header.is_cut)
    }

    #[test]
    fn a_comma_in_a_name_makes_no_second_group() {
        assert_eq!(rendered_groups(&["a,admins", "b"], &[], 100), ("a%2Cadmins,b".to_owned(), 2, false));
    }

    #[test]
    fn a_long_list_is_cut_between_names_and_marked_as_cut() {
        assert_eq!(rendered_groups(&["aa", "bb", "cc"], &[], 5), ("aa,bb".to_owned(), 2, true));
        assert_eq!(rendered_groups(&["aa", "bb"], &[], 5), ("aa,bb".to_owned(), 2, false));
        assert_eq!(rendered_groups(&["aa", "bb", "MCP-x"], &["MCP-"], 5), ("MCP-x".to_owned(), 1, false));
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
