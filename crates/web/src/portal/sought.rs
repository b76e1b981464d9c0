//! What the text of a search names exactly, so that the search leads to its page.

use gatepost_admin::explain::RequestUrl;
use gatepost_core::host::{HostName, Origin};
use gatepost_core::ids::RequestId;
use gatepost_pages::paths;
use gatepost_runtime::authn::LoadError;

/// Hexadecimal digits of the number of a request.
const DIGITS: usize = 32;

/// What a text names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sought {
    /// A request, by its number.
    Request(RequestId),
    /// An address at a host.
    Address(String),
}

impl Sought {
    /// What the text names, if it names one thing. A host counts only if it is protected, so that `origin_of` knows its
    /// origin: any word may be one.
    ///
    /// # Errors
    /// That of `origin_of`.
    pub(super) async fn find(
        text: &str,
        origin_of: impl AsyncFn(&HostName) -> Result<Option<Origin>, LoadError>,
    ) -> Result<Option<Self>, LoadError> {
        if let Some(number) = request_number(text) {
            return Ok(Some(Self::Request(number)));
        }
        Ok(address(text.trim(), origin_of).await?.map(Self::Address))
    }

    /// The path of its page.
    pub(super) fn path(&self) -> String {
        match self {
            Self::Request(number) => paths::admin_refusal(*number),
            Self::Address(url) => paths::admin_access_of(url),
        }
    }
}

/// The number of a request, as pages show it: also with the word before it, or with spaces. With hyphens it is the id of
/// a person or of a key, unless the word says otherwise.
pub(super) fn request_number(text: &str) -> Option<RequestId> {
    let text = text.trim().to_ascii_lowercase();
    let after_word = text.strip_prefix("request").map(|rest| rest.trim_start_matches([':', '#', ' ']));
    let is_part = |letter: &char| !letter.is_whitespace() && (after_word.is_none() || *letter != '-');
    let digits: String = after_word.unwrap_or(&text).chars().filter(is_part).collect();
    let is_number = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_number.then(|| digits.parse().ok()).flatten()
}

async fn address(
    text: &str,
    origin_of: impl AsyncFn(&HostName) -> Result<Option<Origin>, LoadError>,
) -> Result<Option<String>, LoadError> {
    if let Ok(url) = text.parse::<RequestUrl>() {
        return Ok(url.host().is_ok().then(|| text.to_owned()));
    }
    let (host, path) = text.split_at(text.find('/').unwrap_or(text.len()));
    let Ok(host) = host.parse::<HostName>() else { return Ok(None) };
    let path = if path.is_empty() { "/" } else { path };
    Ok(origin_of(&host).await?.map(|origin| format!("{origin}{path}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use gatepost_core::host::ProtectedHosts;
    use std::borrow::Cow;

    async fn find(text: &str) -> Option<Sought> {
        let hosts =
            ["wiki.example.com", "http://*.localhost:8000"].map(|text| text.parse().expect("a pattern"));
        let public = "https://auth.example.com".parse().expect("an origin");
        let hosts = ProtectedHosts::new(hosts.into(), public);
        let found = Sought::find(text, async |host| Ok(hosts.find(host).map(Cow::into_owned)));
        found.await.expect("no store is asked")
    }

    #[tokio::test]
    async fn a_number_is_found_as_people_paste_it() {
        let number = "019ab8c5d2a37e6f9b0c1d2e3f405162";
        for text in [
            number,
            " 019AB8C5 D2A37E6F 9B0C1D2E 3F405162\n",
            "Request 019ab8c5d2a37e6f9b0c1d2e3f405162",
            "request: 019ab8c5-d2a3-7e6f-9b0c-1d2e3f405162",
            "Request019ab8c5d2a37e6f9b0c1d2e3f405162",
        ] {
            assert_eq!(find(text).await, Some(Sought::Request(number.parse().expect("a number"))), "{text}");
        }
        for text in ["019ab8c5-d2a3-7e6f-9b0c-1d2e3f405162", "request", &number[1..], "requests"] {
            assert_eq!(find(text).await, None, "{text}");
        }
    }

    #[tokio::test]
    async fn an_address_and_a_protected_host_lead_to_who_can_open_them() {
        for (text, address) in [
            ("https://wiki.example.com/page?x", "https://wiki.example.com/page?x"),
            ("https://elsewhere.example.com", "https://elsewhere.example.com"),
            (" WIKI.example.com ", "https://wiki.example.com/"),
            ("wiki.example.com/page", "https://wiki.example.com/page"),
            ("github.localhost:8000", "http://github.localhost:8000/"),
        ] {
            assert_eq!(find(text).await, Some(Sought::Address(address.to_owned())), "{text}");
        }
        for text in ["alice@wiki.example.com", "wiki", "elsewhere.example.com", "auth.example.com", "/", ""] {
            assert_eq!(find(text).await, None, "{text}");
        }
    }
}
