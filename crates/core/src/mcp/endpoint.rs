//! The address of a tool server, and which server a request is for.

use crate::host::{HostName, Origin};
use std::fmt;
use std::str::FromStr;
use url::Url;

/// The longest address, in bytes.
const MAX_ADDRESS: usize = 512;

/// The address at which clients reach a tool server. It is compared letter by letter, by providers too: Entra takes only
/// the `resource` that is spelled as its Application ID URI.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    text: Box<str>,
    host: HostName,
    /// Where the path begins.
    path_at: usize,
}

impl Endpoint {
    /// The whole address.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The host without its port.
    pub const fn host(&self) -> &HostName {
        &self.host
    }

    /// The path, with its leading `/`.
    pub fn path(&self) -> &str {
        &self.text[self.path_at..]
    }

    /// Where the document of RFC 9728 about this server stands.
    pub fn metadata_url(&self) -> String {
        let (origin, path) = self.text.split_at(self.path_at);
        format!("{origin}/.well-known/oauth-protected-resource{path}")
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        if text.len() > MAX_ADDRESS {
            return Err(EndpointError::TooLong);
        }
        let url = Url::parse(text).map_err(|_| EndpointError::NoAddress)?;
        let origin: Origin =
            url.origin().ascii_serialization().parse().map_err(|_| EndpointError::NotHttps)?;
        if text.contains('?') {
            return Err(EndpointError::Query);
        }
        if text.contains('#') {
            return Err(EndpointError::Fragment);
        }
        if url.path() == "/" {
            return Err(EndpointError::NoPath);
        }
        if text.ends_with('/') {
            return Err(EndpointError::TrailingSlash);
        }
        let path_at = origin.to_string().len();
        let is_canonical =
            text.get(..path_at) == Some(origin.to_string().as_str()) && text[path_at..] == *url.path();
        if !is_canonical || !is_plain(url.path()) {
            return Err(EndpointError::NotCanonical);
        }
        Ok(Self { text: text.into(), host: origin.host().clone(), path_at })
    }
}

/// Whether every program reads the same segments from a path: there are no dots, no encoded characters, and nothing
/// between two slashes is missing. A slash at the end is allowed.
pub fn is_plain(path: &str) -> bool {
    let Some(rest) = path.strip_prefix('/') else { return false };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let is_plain_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()+,=:@".contains(&byte);
    path == "/"
        || rest.split('/').all(|segment| {
            !segment.is_empty() && segment != "." && segment != ".." && segment.bytes().all(is_plain_byte)
        })
}

/// Of the paths of servers, the longest that a request's path begins with, at the end of a segment.
pub fn longest_prefix<'a, T>(servers: impl IntoIterator<Item = (&'a str, T)>, path: &str) -> Option<T> {
    let begins =
        |server: &str| path.strip_prefix(server).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let fitting = servers.into_iter().filter(|(server, _)| begins(server));
    fitting.max_by_key(|(server, _)| server.len()).map(|(_, server)| server)
}

/// Why a text is not the address of a tool server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    #[error("it is longer than {MAX_ADDRESS} bytes")]
    TooLong,
    #[error("it is not an address: expected one as in https://mcp.example.com/servers/github/mcp")]
    NoAddress,
    #[error("it does not begin with https:// and a host (http:// only on localhost)")]
    NotHttps,
    #[error("it has no path: Entra takes no address of a tool server without one")]
    NoPath,
    #[error("it ends with a slash, which clients and Entra compare letter by letter")]
    TrailingSlash,
    #[error("it has a query")]
    Query,
    #[error("it has a fragment")]
    Fragment,
    #[error(
        "it is not written in the one form that all programs compare: a host in lower case, no user, no default port, no encoded characters or dots as a segment"
    )]
    NotCanonical,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_in_one_form_alone() {
        let endpoint: Endpoint =
            "https://mcp.example.com:8443/servers/github/mcp".parse().expect("an address");
        assert_eq!(endpoint.path(), "/servers/github/mcp");
        assert_eq!(endpoint.host().as_str(), "mcp.example.com");
        assert_eq!(
            endpoint.metadata_url(),
            "https://mcp.example.com:8443/.well-known/oauth-protected-resource/servers/github/mcp"
        );
        for (text, why) in [
            ("mcp.example.com/mcp", EndpointError::NoAddress),
            ("http://mcp.example.com/mcp", EndpointError::NotHttps),
            ("ftp://mcp.example.com/mcp", EndpointError::NotHttps),
            ("https://mcp.example.com", EndpointError::NoPath),
            ("https://mcp.example.com/", EndpointError::NoPath),
            ("https://mcp.example.com/mcp/", EndpointError::TrailingSlash),
            ("https://mcp.example.com/mcp?a=b", EndpointError::Query),
            ("https://mcp.example.com/mcp?", EndpointError::Query),
            ("https://mcp.example.com/mcp#a", EndpointError::Fragment),
            ("https://MCP.example.com/mcp", EndpointError::NotCanonical),
            ("HTTPS://mcp.example.com/mcp", EndpointError::NotCanonical),
            ("https://mcp.example.com:443/mcp", EndpointError::NotCanonical),
            ("https://u@mcp.example.com/mcp", EndpointError::NotCanonical),
            ("https://mcp.example.com/a/../mcp", EndpointError::NotCanonical),
            ("https://mcp.example.com/%6dcp", EndpointError::NotCanonical),
            ("https://mcp.example.com//mcp", EndpointError::NotCanonical),
            ("https://mcp.example.com/mcp ", EndpointError::NotCanonical),
        ] {
            assert_eq!(text.parse::<Endpoint>(), Err(why), "{text}");
        }
        assert_eq!(
            format!("https://a.example.com/{}", "a".repeat(MAX_ADDRESS)).parse::<Endpoint>(),
            Err(EndpointError::TooLong)
        );
    }

    #[test]
    fn the_longest_path_wins_at_the_end_of_a_segment() {
        let servers = [("/a", 1), ("/a/b", 2), ("/c", 3)];
        for (path, server) in [
            ("/a", Some(1)),
            ("/a/", Some(1)),
            ("/a/x", Some(1)),
            ("/a/b", Some(2)),
            ("/a/b/c", Some(2)),
            ("/a/bc", Some(1)),
            ("/ab", None),
            ("/", None),
            ("/A", None),
        ] {
            assert_eq!(longest_prefix(servers, path), server, "{path}");
        }
    }

    #[test]
    fn a_path_that_programs_could_read_differently_is_not_plain() {
        for path in ["/", "/a", "/a/", "/a/b.c/~d"] {
            assert!(is_plain(path), "{path}");
        }
        for path in [
            "",
            "a",
            "*",
            "//",
            "/a//b",
            "/a/./b",
            "/a/../b",
            "/..",
            "/a/%2e%2e/b",
            "/%61",
            "/a\\b",
            "/a;x=1",
            "/a b",
            "/a\u{e9}",
        ] {
            assert!(!is_plain(path), "{path}");
        }
    }
}
