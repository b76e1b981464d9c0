//! Validates the URLs of Redis and Postgres. A part that the driver would read otherwise than it is meant is an error.
//!
//! Guarantees that TLS is never weaker than the URL demands. No error shows more of a URL than the name of a parameter:
//! the rest may be a password.

use super::postgres_servers::{self, TARGET};
use super::watched::MALFORMED;
use std::borrow::Cow;
use url::Url;

pub(super) const DATABASE: &str = "postgres://user:password@host/database or sqlite://path";
pub(super) const REDIS: &str = "redis://[user:password@]host[:port][/db], rediss:// for TLS, unix:///path/of/the/socket, or \
     redis-sentinel://[user:password@]host[:port],host[:port]/MASTER[/db]";

pub(super) const ESCAPES: &str = "such characters in a user's name or password percent-encoded: # as %23, / as %2F, ? as %3F, \
     @ as %40, % as %25";
pub(super) const PASSWORD: &str = "the password of Postgres, as it is";
const SSL_MODES: &str = "sslmode=verify-full, verify-ca, require, prefer, allow or disable";

/// What is wrong with a URL. Contains no secrets.
#[derive(Debug)]
pub(super) struct Fault {
    pub found: Cow<'static, str>,
    pub expected: Cow<'static, str>,
}

pub(super) type Parsed<T> = Result<T, Fault>;

pub(super) fn fault<T>(
    found: impl Into<Cow<'static, str>>,
    expected: impl Into<Cow<'static, str>>,
) -> Parsed<T> {
    Err(Fault { found: found.into(), expected: expected.into() })
}

/// Checks a Postgres URL, and returns it in the form that [`super::PostgresServers`] reads.
pub(super) fn postgres(text: &str) -> Parsed<String> {
    let Some(urls) = postgres_servers::split(text) else { return one_postgres(text) };
    let urls = urls.iter().map(|url| one_postgres(url)).collect::<Parsed<Vec<_>>>()?;
    postgres_servers::join(&urls).map_or_else(|| fault("several hosts, of which one has a @", DATABASE), Ok)
}

/// Checks a URL with one host, and returns it in the form that the driver needs.
fn one_postgres(text: &str) -> Parsed<String> {
    let url = parse(text, &["postgres", "postgresql"], DATABASE)?;
    let parameters = Parameters::read(text, &url, postgres_parameter)?;
    if parameters.get("host").is_some_and(|host| host.contains(',')) {
        return several_hosts();
    }
    if !matches!(parameters.get(TARGET), None | Some("read-write" | "primary")) {
        return fault(
            "a target_session_attrs with which a standby would do",
            "target_session_attrs=read-write, or none: of several hosts Gatepost uses the primary",
        );
    }
    if parameters.get("sslcert").is_some() != parameters.get("sslkey").is_some() {
        return fault("one of sslcert and sslkey", "both, or neither");
    }
    match parameters.get("channel_binding") {
        None | Some("disable" | "prefer") => {}
        Some(_) => {
            return fault(
                "a demand for channel_binding, which this version cannot meet",
                "sslmode=verify-full in its place",
            );
        }
    }
    let mode = parameters.get("sslmode").map(str::to_ascii_lowercase);
    let needed = ssl_mode(mode.as_deref(), parameters.get("sslrootcert"))?;
    let is_system = parameters.get("sslrootcert") == Some("system");
    if needed == mode.as_deref() && !is_system && parameters.get("channel_binding").is_none() {
        return Ok(text.to_owned());
    }
    let dropped =
        |name: &str| name == "sslmode" || name == "channel_binding" || (is_system && name == "sslrootcert");
    let mut rewritten = url.clone();
    let kept = url.query_pairs().filter(|(key, _)| !postgres_parameter(key).is_some_and(dropped));
    rewritten.query_pairs_mut().clear().extend_pairs(kept).extend_pairs(needed.map(|mode| ("sslmode", mode)));
    Ok(rewritten.into())
}

/// The libpq name of a parameter that the driver reads, or of `channel_binding`; `None` for any other.
fn postgres_parameter(key: &str) -> Option<&'static str> {
    Some(match key {
        "sslmode" | "ssl-mode" => "sslmode",
        "sslrootcert" | "ssl-root-cert" | "ssl-ca" => "sslrootcert",
        "sslcert" | "ssl-cert" => "sslcert",
        "sslkey" | "ssl-key" => "sslkey",
        "statement-cache-capacity" => "statement-cache-capacity",
        "host" | "hostaddr" => "host",
        "port" => "port",
        "dbname" => "dbname",
        "user" => "user",
        "password" => "password",
        "application_name" => "application_name",
        "options" => "options",
        "channel_binding" => "channel_binding",
        TARGET => TARGET,
        _ => return None,
    })
}

/// The `sslmode` with which the driver does what libpq would do. In libpq, `sslrootcert` makes `require` verify the
/// certificate, and `sslrootcert=system` requires `verify-full`. The driver only uses `sslrootcert` with a mode that
/// verifies.
fn ssl_mode<'a>(mode: Option<&'a str>, root: Option<&str>) -> Parsed<Option<&'a str>> {
    match (mode, root) {
        (Some(other), _) if !is_ssl_mode(other) => fault("an unknown sslmode", SSL_MODES),
        (None | Some("verify-full"), Some("system")) => Ok(Some("verify-full")),
        (Some(_), Some("system")) => fault("sslrootcert=system with a weaker sslmode", "sslmode=verify-full"),
        (Some("require"), Some(_)) => Ok(Some("verify-ca")),
        (None | Some("disable" | "allow" | "prefer"), Some(_)) => {
            fault("sslrootcert without a mode that uses it", "sslmode=verify-full beside it")
        }
        (mode, _) => Ok(mode),
    }
}

fn is_ssl_mode(mode: &str) -> bool {
    matches!(mode, "disable" | "allow" | "prefer" | "require" | "verify-ca" | "verify-full")
}

/// Checks a Redis URL.
pub(super) fn redis(text: &str) -> Parsed<()> {
    let is_socket = ["unix:", "redis+unix:", "valkey+unix:"].iter().any(|scheme| text.starts_with(scheme));
    if is_socket {
        let url = Url::parse(text).ok().filter(|url| url.to_file_path().is_ok() && url.fragment().is_none());
        let Some(url) = url else { return fault("an address of a socket without a path", REDIS) };
        return Parameters::read(text, &url, redis_socket_parameter).map(drop);
    }
    let url = parse(text, &["redis", "rediss", "valkey", "valkeys"], REDIS)?;
    if url.host_str().is_none_or(str::is_empty) {
        return fault("no host", REDIS);
    }
    Parameters::read(text, &url, redis_parameter).map(drop)
}

fn redis_parameter(key: &str) -> Option<&'static str> {
    (key == "protocol").then_some("protocol")
}

fn redis_socket_parameter(key: &str) -> Option<&'static str> {
    ["db", "user", "pass", "protocol"].into_iter().find(|name| *name == key)
}

/// While Gatepost runs, a file may only change user and password: open connections, and what was learnt about the
/// server, would still belong to the old one.
pub(super) const OTHER_SERVER: &str = "a secret's file holds a URL that differs in more than user and password: the last one stays in use until a restart";

/// Checks a Postgres URL that shall replace the one in use, and returns it in the form that the driver needs.
pub(super) fn take_postgres(in_use: &str, text: &str) -> Result<String, &'static str> {
    let next = postgres(text).map_err(|_| MALFORMED)?;
    let is_credential = |key: &str| matches!(postgres_parameter(key), Some("user" | "password"));
    let urls = |text: &str| postgres_servers::split(text).unwrap_or_else(|| vec![text.to_owned()]);
    let (one, other) = (urls(in_use), urls(&next));
    let is_same = one.len() == other.len()
        && one.iter().zip(&other).all(|(one, other)| same_place(one, other, is_credential));
    is_same.then_some(next).ok_or(OTHER_SERVER)
}

/// A Postgres URL that was checked, with this password, in which nothing is percent-encoded.
///
/// # Errors
/// Why the URL cannot have it. Does not show the password.
pub(super) fn with_password(text: &str, password: &str) -> Result<String, &'static str> {
    let urls = postgres_servers::split(text).unwrap_or_else(|| vec![text.to_owned()]);
    let has_one = |text: &String| {
        Url::parse(text).is_ok_and(|url| {
            let mut parameters = url.query_pairs();
            url.password().is_some()
                || parameters.any(|(key, _)| postgres_parameter(&key) == Some("password"))
        })
    };
    if urls.iter().any(has_one) {
        return Err("has a password too: give only one of them");
    }
    set_password(&urls, password).ok_or("has no host: write the password into it")
}

/// The URL in use with the password that a file holds now.
pub(super) fn take_password(in_use: &str, password: &str) -> Result<String, &'static str> {
    let urls = postgres_servers::split(in_use).unwrap_or_else(|| vec![in_use.to_owned()]);
    let next = if password.trim().is_empty() { None } else { set_password(&urls, password) };
    next.ok_or(MALFORMED)
}

fn set_password(urls: &[String], password: &str) -> Option<String> {
    // What is encoded already is left as it is, but here a % is a %.
    let password = password.replace('%', "%25");
    let with_it = |text: &String| {
        let mut url = Url::parse(text).ok()?;
        url.set_password(Some(&password)).ok()?;
        Some(url.into())
    };
    postgres_servers::join(&urls.iter().map(with_it).collect::<Option<Vec<String>>>()?)
}

/// Whether two URLs differ only in user and password.
pub(super) fn same_place(one: &str, other: &str, is_credential: impl Fn(&str) -> bool) -> bool {
    let place = |text: &str| {
        let mut url = Url::parse(text).ok()?;
        let mut rest: Vec<(String, String)> = url
            .query_pairs()
            .filter(|(key, _)| !is_credential(key))
            .map(|(k, v)| (k.into(), v.into()))
            .collect();
        rest.sort_unstable();
        url.set_query(None);
        // These fail for a URL without a host, which cannot have a user either.
        let _ = (url.set_username(""), url.set_password(None));
        Some((url, rest))
    };
    place(one).is_some_and(|place_of_one| Some(place_of_one) == place(other))
}

/// Parses a URL with one of the schemes. Refuses a URL in which an unescaped `#`, `/` or `?` of the password cuts it.
pub(super) fn parse(text: &str, schemes: &[&str], expected: &'static str) -> Parsed<Url> {
    let hidden = || fault(super::error::hidden(text), expected);
    let Some((scheme, rest)) = text.split_once("://") else { return hidden() };
    if !schemes.iter().any(|name| scheme.eq_ignore_ascii_case(name)) {
        return hidden();
    }
    let (authority, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let path_end = tail.find('?').unwrap_or(tail.len());
    let is_cut = tail[..path_end].contains('@') || (tail.contains('#') && tail.contains('@'));
    if is_cut {
        return fault("a # or / that ends the host before an @", ESCAPES);
    }
    let host = authority.rsplit('@').next().unwrap_or_default();
    if host.contains(',') {
        return several_hosts();
    }
    if !host.starts_with('[') && host.matches(':').count() > 1 {
        return fault("several colons in the host", "an IPv6 address in brackets, as in [::1]:5432");
    }
    match Url::parse(text) {
        Ok(url) if url.fragment() == Some("insecure") => fault(
            "#insecure, which asks not to verify the server's certificate",
            "the authority of that certificate in GATEPOST_CA_FILE, and no #insecure",
        ),
        Ok(url) if url.fragment().is_some() => fault("a # that begins a fragment", ESCAPES),
        Ok(url) => Ok(url),
        Err(_) if tail.contains('@') => fault("a ? that ends the host before an @", ESCAPES),
        Err(_) => hidden(),
    }
}

fn several_hosts<T>() -> Parsed<T> {
    fault(
        "several hosts",
        "one host: the primary, or a name or proxy that always leads to it; for Postgres also host:port,host:port; for Redis redis-sentinel://",
    )
}

/// The parameters of a URL, each by its canonical name.
pub(super) struct Parameters(Vec<(&'static str, String)>);

impl Parameters {
    /// Reads the parameters. Each must have a canonical name, and may occur only once: of two, the weaker could take
    /// effect.
    pub(super) fn read(
        text: &str,
        url: &Url,
        canonical: impl Fn(&str) -> Option<&'static str>,
    ) -> Parsed<Self> {
        let mut read = Self(Vec::new());
        for (key, value) in url.query_pairs() {
            if key.starts_with("options[") && key.ends_with(']') && canonical("options").is_some() {
                continue;
            }
            let Some(name) = canonical(&key) else { return unknown(text, &key) };
            if read.get(name).is_some() {
                return fault(format!("the parameter {name} twice"), "it once");
            }
            read.0.push((name, value.into_owned()));
        }
        Ok(read)
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str())
    }
}

/// Refuses an unknown parameter. The error does not show the name if an `@` follows: then it may be the rest of a
/// password that contains a `?`.
fn unknown<T>(text: &str, key: &str) -> Parsed<T> {
    let is_name =
        key.len() <= 40 && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    let query = text.split_once('?').map_or("", |(_, query)| query);
    if !is_name || query.contains('@') {
        return fault("an unknown parameter, or a ? that ends the host before an @", ESCAPES);
    }
    let expected = match key.to_ascii_lowercase().as_str() {
        "ssl" | "tls" | "sslmode" | "usessl" | "ssl_mode" => {
            "sslmode=verify-full for Postgres, rediss:// for Redis, written so"
        }
        _ => "only parameters that are listed in docs/configuration.md",
    };
    fault(format!("the unknown parameter {key}"), expected)
}
