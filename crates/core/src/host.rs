//! Hosts and origins: what Gatepost protects, and how the host of a request is matched against it.
//!
//! The text of `X-Forwarded-Host` only selects a configured host. It is never copied into an address.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// The scheme of an origin: `https`, or `http` for development on `localhost` and `*.localhost`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// HTTP over TLS, required outside development.
    Https,
    /// Plain HTTP, only for development.
    Http,
}

impl Scheme {
    /// The scheme as a URL writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
        }
    }

    const fn default_port(self) -> u16 {
        match self {
            Self::Https => 443,
            Self::Http => 80,
        }
    }
}

/// A host name in lower case, without port and trailing dot. It is the associated data of the values that are sealed
/// for that host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostName(String);

impl HostName {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn is_local(&self) -> bool {
        self.0 == "localhost" || self.0.ends_with(".localhost")
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for HostName {
    type Err = HostError;

    /// Reads the value of a `Host` header. Case, one trailing dot and a numeric port are ignored.
    fn from_str(text: &str) -> Result<Self, HostError> {
        let error = || HostError::Name(text.chars().take(260).collect());
        let name = match text.split_once(':') {
            Some((name, port)) => port.parse::<u16>().map(|_| name).map_err(|_| error())?,
            None => text,
        };
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        };
        if name.len() <= 253 && name.split('.').all(label) { Ok(Self(name)) } else { Err(error()) }
    }
}

/// Scheme, host and port (RFC 6454). `Display` writes it as browsers do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    scheme: Scheme,
    host: HostName,
    port: u16,
}

impl Origin {
    /// The host without the port.
    pub const fn host(&self) -> &HostName {
        &self.host
    }

    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The port, also if it is the scheme's default.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The origin of another host that browsers reach by the same scheme and port. `None`: the scheme is `http`, which is
    /// for `localhost` alone.
    pub fn of_neighbour(&self, host: HostName) -> Option<Self> {
        let Self { scheme, port, .. } = *self;
        (scheme == Scheme::Https || host.is_local()).then_some(Self { scheme, host, port })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.host)?;
        if self.port == self.scheme.default_port() { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

impl FromStr for Origin {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, HostError> {
        let error = || HostError::Pattern(text.chars().take(260).collect());
        let (scheme, rest) = split_scheme(text).ok_or_else(error)?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (name, port) = split_port(rest, scheme).ok_or_else(error)?;
        let host: HostName = name.parse().map_err(|_| error())?;
        if scheme == Scheme::Http && !host.is_local() {
            return Err(error());
        }
        Ok(Self { scheme, host, port })
    }
}

/// One entry of `GATEPOST_HOSTS`: a host, or `*.` and a suffix, which covers every host with one label before that
/// suffix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPattern {
    any_label: bool,
    origin: Origin,
}

impl HostPattern {
    /// The origin of `host`, if this entry covers it.
    pub fn origin_of(&self, host: &HostName) -> Option<Cow<'_, Origin>> {
        if !self.any_label {
            return (*host == self.origin.host).then_some(Cow::Borrowed(&self.origin));
        }
        let label = host.0.strip_suffix(self.origin.host.as_str())?.strip_suffix('.')?;
        let Origin { scheme, port, .. } = self.origin;
        let is_covered = !label.is_empty() && !label.contains('.');
        is_covered.then(|| Cow::Owned(Origin { scheme, host: host.clone(), port }))
    }

    /// The hosts that this entry covers, for people: a name, or `*.` and a suffix, without scheme and port.
    pub fn hosts(&self) -> String {
        format!("{}{}", if self.any_label { "*." } else { "" }, self.origin.host)
    }

    /// Whether some host is covered by both entries.
    pub fn overlaps(&self, other: &Self) -> bool {
        match (self.any_label, other.any_label) {
            (true, true) | (false, false) => self.origin.host == other.origin.host,
            (true, false) => self.origin_of(&other.origin.host).is_some(),
            (false, true) => other.origin_of(&self.origin.host).is_some(),
        }
    }

    /// The scheme of the hosts that this entry covers.
    pub const fn scheme(&self) -> Scheme {
        self.origin.scheme
    }
}

impl FromStr for HostPattern {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, HostError> {
        let (scheme, rest) = split_scheme(text).unwrap_or((Scheme::Https, text));
        let (any_label, rest) = match rest.strip_prefix("*.") {
            Some(suffix) => (true, suffix),
            None => (false, rest),
        };
        let origin = format!("{}://{rest}", scheme.as_str())
            .parse()
            .map_err(|_| HostError::Pattern(text.to_owned()))?;
        Ok(Self { any_label, origin })
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let any = if self.any_label { "*." } else { "" };
        let text = self.origin.to_string();
        let (scheme, rest) = text.split_once("://").unwrap_or(("https", &text));
        if scheme == "https" { write!(f, "{any}{rest}") } else { write!(f, "{scheme}://{any}{rest}") }
    }
}

/// The protected hosts that the configuration names. The public host is never one of them, even if a `*` entry covers it.
#[derive(Clone, Debug)]
pub struct ProtectedHosts {
    patterns: Vec<HostPattern>,
    public: Origin,
}

impl ProtectedHosts {
    /// The hosts that the entries of `GATEPOST_HOSTS` cover, without the public host.
    pub const fn new(patterns: Vec<HostPattern>, public: Origin) -> Self {
        Self { patterns, public }
    }

    /// The entry of `GATEPOST_HOSTS` that covers the host, for explanations; `None` where [`Self::find`] returns
    /// `None`.
    pub fn pattern_of(&self, host: &HostName) -> Option<&HostPattern> {
        let pattern = self.patterns.iter().find(|pattern| pattern.origin_of(host).is_some());
        pattern.filter(|_| *host != self.public.host)
    }

    /// The origin of the protected host that a request names.
    pub fn find(&self, host: &HostName) -> Option<Cow<'_, Origin>> {
        if *host == self.public.host {
            return None;
        }
        self.patterns.iter().find_map(|pattern| pattern.origin_of(host))
    }

    /// The origin of a host that a tenant has. `None`: the configuration names it itself, or browsers cannot reach it as they
    /// reach the public host. What the configuration says wins, so that no tenant takes a host of the platform.
    pub fn origin_of_tenant(&self, host: HostName) -> Option<Origin> {
        if self.is_configured(&host) { None } else { self.public.of_neighbour(host) }
    }

    /// Whether the configuration names this host: it is the public one or a protected one.
    pub fn is_configured(&self, host: &HostName) -> bool {
        *host == self.public.host || self.find(host).is_some()
    }
}

fn split_scheme(text: &str) -> Option<(Scheme, &str)> {
    let strip = |prefix: &str| {
        text.get(..prefix.len()).filter(|p| p.eq_ignore_ascii_case(prefix)).map(|p| &text[p.len()..])
    };
    strip("https://")
        .map(|rest| (Scheme::Https, rest))
        .or_else(|| strip("http://").map(|rest| (Scheme::Http, rest)))
}

fn split_port(text: &str, scheme: Scheme) -> Option<(&str, u16)> {
    match text.rsplit_once(':') {
        Some((name, port)) => Some((name, port.parse().ok().filter(|port| *port != 0)?)),
        None => Some((text, scheme.default_port())),
    }
}

/// A text that is not a host, an origin or a host pattern.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum HostError {
    /// Not a [`HostName`].
    #[error(
        "{0:?} is not the name of a host: expected one as in app.example.com, without https:// and without a path"
    )]
    Name(String),
    /// Not an [`Origin`] or a [`HostPattern`].
    #[error(
        "{0:?} is not a host: expected app.example.com or *.example.com, with :port if not 443 (http:// only on localhost)"
    )]
    Pattern(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(list: &[&str]) -> ProtectedHosts {
        let patterns = list.iter().map(|text| text.parse().expect("a pattern")).collect();
        ProtectedHosts::new(patterns, "https://auth.example.com:8443".parse().expect("an origin"))
    }

    fn find(hosts: &ProtectedHosts, host: &str) -> Option<String> {
        hosts.find(&host.parse().ok()?).map(|origin| origin.to_string())
    }

    #[test]
    fn case_port_and_one_trailing_dot_do_not_matter() {
        let hosts = hosts(&["app.example.com"]);
        for host in ["app.example.com", "APP.example.com.", "app.example.com:8443"] {
            assert_eq!(find(&hosts, host).as_deref(), Some("https://app.example.com"), "{host}");
        }
        for host in [
            "app.example.com..",
            "xapp.example.com",
            "app.example.com.evil.org",
            "app.example.com:x",
            "a@app.example.com",
            "",
        ] {
            assert_eq!(find(&hosts, host), None, "{host}");
        }
    }

    #[test]
    fn a_star_stands_for_one_label_and_never_for_the_public_host() {
        let hosts = hosts(&["*.example.com:8443"]);
        assert_eq!(find(&hosts, "a.example.com").as_deref(), Some("https://a.example.com:8443"));
        for host in ["example.com", "a.b.example.com", ".example.com", "aexample.com", "auth.example.com"] {
            assert_eq!(find(&hosts, host), None, "{host}");
        }
    }

    #[test]
    fn a_tenant_gets_no_host_that_the_configuration_names() {
        let hosts = hosts(&["app.example.com", "*.example.org"]);
        let origin = |host: &str| hosts.origin_of_tenant(host.parse().expect("a host"));
        let own = origin("acme.example.com").map(|origin| origin.to_string());
        assert_eq!(own.as_deref(), Some("https://acme.example.com:8443"), "as the public host is reached");
        for host in ["app.example.com", "a.example.org", "auth.example.com"] {
            assert_eq!(origin(host), None, "{host}");
        }
        let local: Origin = "http://auth.localhost:8000".parse().expect("an origin");
        let development = ProtectedHosts::new(Vec::new(), local);
        let origin = |host: &str| development.origin_of_tenant(host.parse().expect("a host"));
        let own = origin("acme.localhost").map(|origin| origin.to_string());
        assert_eq!(own.as_deref(), Some("http://acme.localhost:8000"));
        assert_eq!(origin("acme.example.com"), None, "plain http is for localhost alone");
    }

    #[test]
    fn two_entries_overlap_where_both_cover_a_host() {
        for (one, other, overlaps) in [
            ("a.example.com", "a.example.com:8443", true),
            ("a.example.com", "b.example.com", false),
            ("*.example.com", "a.example.com", true),
            ("*.example.com", "a.b.example.com", false),
            ("*.example.com", "example.com", false),
            ("*.example.com", "*.example.com", true),
            ("*.example.com", "*.b.example.com", false),
        ] {
            let pattern = |text: &str| text.parse::<HostPattern>().expect("a pattern");
            assert_eq!(pattern(one).overlaps(&pattern(other)), overlaps, "{one} {other}");
            assert_eq!(pattern(other).overlaps(&pattern(one)), overlaps, "{other} {one}");
        }
    }

    #[test]
    fn an_error_says_what_is_accepted_there() {
        let name = "https://a.example.com/".parse::<HostName>().expect_err("it is an address").to_string();
        assert!(name.contains("without https://") && !name.contains("*."), "{name}");
        let pattern = "*".parse::<HostPattern>().expect_err("it has no suffix").to_string();
        assert!(pattern.contains("*.example.com"), "{pattern}");
    }

    #[test]
    fn plain_http_is_for_localhost_alone() {
        assert!("http://app.localhost:8000".parse::<HostPattern>().is_ok());
        let any = "http://*.localhost:8000".parse::<HostPattern>().expect("a pattern");
        assert_eq!(any.hosts(), "*.localhost");
        assert!("http://app.example.com".parse::<HostPattern>().is_err());
        assert!("http://app.example.com".parse::<Origin>().is_err());
    }

    #[test]
    fn an_origin_is_written_as_browsers_write_it() {
        for (text, written) in [
            ("https://a.example.com:443/", "https://a.example.com"),
            ("HTTPS://A.example.com:8443", "https://a.example.com:8443"),
            ("http://auth.localhost:80", "http://auth.localhost"),
        ] {
            assert_eq!(text.parse::<Origin>().map(|o| o.to_string()), Ok(written.to_owned()));
        }
        for text in [
            "a.example.com",
            "https://a.example.com/x",
            "https://u@a.example.com",
            "https://a:0",
            "ftp://a.b",
        ] {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
    }
}
