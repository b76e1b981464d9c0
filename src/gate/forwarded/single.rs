//! The headers that may occur only once, found in one pass over all headers.

use super::malformed::Malformed;
use gatepost_core::header_names::alias_of;
use gatepost_runtime::headers::Headers;

#[derive(Default)]
pub(super) struct SingleHeaders<'a> {
    pub(super) authorization: SingleHeader<'a>,
    pub(super) key: SingleHeader<'a>,
    pub(super) method: SingleHeader<'a>,
    pub(super) proto: SingleHeader<'a>,
    pub(super) host: SingleHeader<'a>,
    pub(super) uri: SingleHeader<'a>,
    pub(super) url: SingleHeader<'a>,
    pub(super) original_method: SingleHeader<'a>,
    pub(super) client: SingleHeader<'a>,
}

impl<'a> SingleHeaders<'a> {
    pub(super) fn find(headers: Headers<'a>) -> Result<Self, Malformed> {
        let mut found = Self::default();
        for (name, value) in headers.lines() {
            if let Some(header) = alias_of(name) {
                return Err(Malformed::Alias(header));
            }
            match name {
                "authorization" => found.authorization.put(value),
                "x-gatepost-key" => found.key.put(value),
                "x-forwarded-method" => found.method.put(value),
                "x-forwarded-proto" => found.proto.put(value),
                "x-forwarded-host" => found.host.put(value),
                "x-forwarded-uri" => found.uri.put(value),
                "x-original-url" => found.url.put(value),
                "x-original-method" => found.original_method.put(value),
                "x-original-for" => found.client.put(value),
                _ => {}
            }
        }
        Ok(found)
    }
}

/// A header that may occur only once.
#[derive(Default)]
pub(super) struct SingleHeader<'a> {
    pub(super) value: Option<&'a [u8]>,
    pub(super) is_repeated: bool,
}

impl<'a> SingleHeader<'a> {
    fn put(&mut self, value: &'a [u8]) {
        self.is_repeated = self.value.replace(value).is_some();
    }

    pub(super) fn once(&self, name: &'static str) -> Result<&'a [u8], Malformed> {
        if self.is_repeated {
            return Err(Malformed::Repeated(name));
        }
        self.value.ok_or(Malformed::Missing(name))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Malformed;
    use super::super::testing::error;
    use gatepost_core::header_names::{FORWARDED_HEADERS, IDENTITY_HEADERS};

    #[test]
    fn every_alias_of_an_identity_or_forwarded_header_is_refused_and_the_exact_name_passes() {
        for header in IDENTITY_HEADERS.iter().chain(&FORWARDED_HEADERS).filter(|name| name.contains('-')) {
            if !header.starts_with("x-forwarded") {
                assert_eq!(error(&[(header, "v")]), None, "{header}");
            }
            for byte in "!#$%&'*+.^_`|~".chars() {
                let all = header.replace('-', &byte.to_string());
                let first = header.replacen('-', &byte.to_string(), 1);
                for alias in [all.to_ascii_uppercase(), all, first] {
                    assert_eq!(error(&[(alias.as_str(), "v")]), Some(Malformed::Alias(header)), "{alias}");
                }
            }
        }
        for harmless in ["x_user_emails", "x-user-email-x", "xuseremail", "x_user", "x_request_id"] {
            assert_eq!(error(&[(harmless, "v")]), None, "{harmless}");
        }
    }
}
