//! A permit as headers. Names and encodings: DESIGN.md section 4.

use super::forwarded::Forwarded;
use crate::domain::decision::Permit;
use crate::domain::ids::GroupName;
use crate::session::cookie;
use crate::state::State;
use actix_web::http::header::{HeaderName, HeaderValue};
use std::fmt::Write;

/// The headers of a 200.
#[derive(Debug)]
pub struct IdentityHeaders(pub Vec<(HeaderName, HeaderValue)>);

/// Renders a permit. What a client sent is echoed without Gatepost's own credentials, or not at all.
pub fn render(permit: &Permit<'_>, forwarded: &Forwarded<'_>, state: &State) -> IdentityHeaders {
    let access = permit.access;
    let limits = &state.config.verify;
    let (groups, is_cut) = groups(&access.groups, &limits.groups_header_filter, limits.groups_header_limit);
    if is_cut {
        state.metrics.groups_truncated();
        tracing::warn!(user.id = %permit.person.id, limit = limits.groups_header_limit, "X-User-Groups was cut");
    }
    let tenants: Vec<&str> = access.tenants.keys().map(crate::domain::ids::TenantId::as_str).collect();
    let mut headers = Headers(Vec::with_capacity(12));
    headers.text("x-user-email", permit.email.as_str());
    headers.text("x-user-groups", &groups);
    headers.text("x-user-admin", if access.is_admin { "true" } else { "false" });
    headers.text("x-user-id", &permit.person.id.to_string());
    headers.text("x-user-tenants", &tenants.join(","));
    if is_cut {
        headers.text("x-user-groups-truncated", "true");
    }
    if let Some(name) = &permit.person.name {
        headers.text("x-user-name", &encode(name));
    }
    if let Some((tenant, role)) = permit.tenant {
        headers.text("x-tenant-id", tenant.as_str());
        headers.text("x-user-role", role.as_str());
    }
    if let Some(cookies) = cookie::without(forwarded.cookies(), state.cookies.name()) {
        headers.bytes("cookie", &cookies);
    }
    if let Some(authorization) = forwarded.authorization() {
        headers.0.push((HeaderName::from_static("authorization"), authorization.clone()));
    }
    IdentityHeaders(headers.0)
}

struct Headers(Vec<(HeaderName, HeaderValue)>);

impl Headers {
    fn text(&mut self, name: &'static str, value: &str) {
        self.bytes(name, value.as_bytes());
    }

    /// Values are ASCII by their types or by [`encode`], or came in a header: a refused one cannot occur.
    fn bytes(&mut self, name: &'static str, value: &[u8]) {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            self.0.push((HeaderName::from_static(name), value));
        }
    }
}

/// `X-User-Groups`: encoded names, sorted by bytes, joined by commas, whole names up to `limit` bytes; and whether
/// any is missing for its length.
fn groups(names: &[GroupName], filter: &[String], limit: usize) -> (String, bool) {
    let mut value = String::new();
    let is_wanted =
        |name: &GroupName| filter.is_empty() || filter.iter().any(|prefix| name.as_str().starts_with(prefix));
    for name in names.iter().filter(|name| is_wanted(name)) {
        let encoded = encode(name.as_str());
        let separator = usize::from(!value.is_empty());
        if value.len() + separator + encoded.len() > limit {
            return (value, true);
        }
        if separator == 1 {
            value.push(',');
        }
        value.push_str(&encoded);
    }
    (value, false)
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

    #[test]
    fn a_comma_in_a_name_makes_no_second_group() {
        assert_eq!(groups(&names(&["a,admins", "b"]), &[], 100), ("a%2Cadmins,b".to_owned(), false));
    }

    #[test]
    fn a_long_list_is_cut_between_names_and_says_so() {
        assert_eq!(groups(&names(&["aa", "bb", "cc"]), &[], 5), ("aa,bb".to_owned(), true));
        assert_eq!(groups(&names(&["aa", "bb"]), &[], 5), ("aa,bb".to_owned(), false));
        assert_eq!(
            groups(&names(&["aa", "bb", "MCP-x"]), &["MCP-".to_owned()], 5),
            ("MCP-x".to_owned(), false)
        );
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
