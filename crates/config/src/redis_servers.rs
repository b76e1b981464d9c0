//! Which servers `REDIS_URL` names: one, Sentinels that know the primary, or nodes of a Cluster.
//!
//! `redis-cluster://[user:password@]host[:port],host[:port]`, `rediss-cluster` for TLS.
//!
//! `redis-sentinel://[user:password@]host[:port],host[:port]/MASTER[/db]?sentinel_user=&sentinel_password_file=`. User,
//! password and database are those of the primary. With `rediss-sentinel` Sentinels and servers speak TLS.

use super::store_url::{ESCAPES, Fault, OTHER_SERVER, Parameters, Parsed, fault, parse, redis, same_place};
use super::watched::{self, MALFORMED};
use secrecy::{ExposeSecret, SecretString};
use std::path::{Path, PathBuf};
use url::Url;

const PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;
const CLUSTER: &str = "redis-cluster://[user:password@]host[:port],host[:port], rediss-cluster:// for TLS";
const SENTINEL: &str =
    "redis-sentinel://[user:password@]host[:port],host[:port]/MASTER[/db], rediss-sentinel:// for TLS";

/// The servers of a URL.
#[derive(Clone, Debug)]
pub enum RedisServers {
    /// One server, or a name that leads to the primary: the URL as it stands.
    One(SecretString),
    /// Sentinels.
    Sentinels(SentinelServers),
    /// A URL for each node of a Cluster that is named. The others are found by asking.
    Cluster(Vec<SecretString>),
}

/// Sentinels, and how the primary that they name is reached.
#[derive(Clone, Debug)]
pub struct SentinelServers {
    /// Hosts without brackets, and ports.
    pub hosts: Vec<(String, u16)>,
    /// The name of the primary that the Sentinels watch.
    pub master: String,
    /// The URL of a server, with user, password, database and TLS. Its host is that of the first Sentinel.
    pub server: SecretString,
    /// The user at the Sentinels.
    pub user: Option<String>,
    password_file: Option<PathBuf>,
}

/// The URL is no address of Redis. Says nothing about it, because it may contain a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no address of Redis")]
pub struct NoRedisUrl;

impl RedisServers {
    /// Reads a URL.
    ///
    /// # Errors
    /// It is none of Redis.
    pub fn of_url(text: &str) -> Result<Self, NoRedisUrl> {
        read(text).map_err(|_| NoRedisUrl)
    }

    /// A URL for each server that the setting names, to find out where they are.
    pub fn urls(&self) -> Vec<Url> {
        match self {
            Self::One(url) => Url::parse(url.expose_secret()).into_iter().collect(),
            Self::Cluster(urls) => {
                urls.iter().filter_map(|url| Url::parse(url.expose_secret()).ok()).collect()
            }
            Self::Sentinels(servers) => {
                servers.hosts.iter().filter_map(|host| servers.url_of(host)).collect()
            }
        }
    }
}

impl SentinelServers {
    /// The password at the Sentinels, from its file.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn password(&self) -> std::io::Result<Option<SecretString>> {
        let read = |path: &PathBuf| watched::read(path).map(SecretString::from);
        self.password_file.as_ref().map(read).transpose()
    }

    fn url_of(&self, (host, port): &(String, u16)) -> Option<Url> {
        let mut url = Url::parse(self.server.expose_secret()).ok()?;
        url.set_host(Some(&bracketed(host))).ok()?;
        url.set_port(Some(*port)).ok()?;
        Some(url)
    }

    /// Whether both are the same servers, whatever user and password are at the primary.
    fn is_same_place(&self, other: &Self) -> bool {
        let anonymous = |servers: &Self| {
            let mut url = Url::parse(servers.server.expose_secret()).ok()?;
            let _ = (url.set_username(""), url.set_password(None));
            Some(url)
        };
        self.hosts == other.hosts
            && self.master == other.master
            && self.user == other.user
            && self.password_file == other.password_file
            && anonymous(self) == anonymous(other)
    }
}

fn read(text: &str) -> Parsed<RedisServers> {
    match scheme(text) {
        Some(Scheme { kind: Kind::Sentinel, server }) => {
            return sentinels(text, server).map(RedisServers::Sentinels);
        }
        Some(Scheme { kind: Kind::Cluster, server }) => {
            return cluster(text, server).map(RedisServers::Cluster);
        }
        None => {}
    }
    redis(text).map(|()| RedisServers::One(SecretString::from(text)))
}

/// What a scheme says: what is named, and the scheme of one server's URL.
struct Scheme {
    kind: Kind,
    server: &'static str,
}

enum Kind {
    Sentinel,
    Cluster,
}

fn scheme(text: &str) -> Option<Scheme> {
    let (scheme, _) = text.split_once("://")?;
    let (kind, server) = match scheme.to_ascii_lowercase().as_str() {
        "redis-sentinel" => (Kind::Sentinel, "redis"),
        "rediss-sentinel" => (Kind::Sentinel, "rediss"),
        "redis-cluster" => (Kind::Cluster, "redis"),
        "rediss-cluster" => (Kind::Cluster, "rediss"),
        _ => return None,
    };
    Some(Scheme { kind, server })
}

/// The parts of a URL with several hosts.
struct Parts<'a> {
    /// With the `@` at their end, or empty.
    credentials: &'a str,
    hosts: Vec<(String, u16)>,
    path: &'a str,
    query: &'a str,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str, port: u16, expected: &'static str) -> Parsed<Self> {
        let (_, rest) = text.split_once("://").unwrap_or_default();
        let (authority, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        if tail.contains('@') {
            return fault("a #, / or ? that ends the hosts before an @", ESCAPES);
        }
        let (path, query) = tail.split_once('?').unwrap_or((tail, ""));
        let (credentials, list) = authority.split_at(authority.rfind('@').map_or(0, |at| at + 1));
        let hosts = list.split(',').map(|text| host(text, port, expected)).collect::<Parsed<Vec<_>>>()?;
        Ok(Self { credentials, hosts, path, query })
    }
}

/// Checks a URL of a Cluster. It has only one database.
fn cluster(text: &str, scheme: &str) -> Parsed<Vec<SecretString>> {
    let Parts { credentials, hosts, path, query } = Parts::of(text, PORT, CLUSTER)?;
    if !matches!(path, "" | "/" | "/0") || !query.is_empty() {
        return fault("something behind the hosts", CLUSTER);
    }
    let url = |(host, port): &(String, u16)| {
        let url = format!("{scheme}://{credentials}{}:{port}/0", bracketed(host));
        redis(&url).map(|()| SecretString::from(url))
    };
    hosts.iter().map(url).collect()
}

/// Checks a URL of Sentinels, and reads it.
fn sentinels(text: &str, scheme: &str) -> Parsed<SentinelServers> {
    let Parts { credentials, hosts, path, query } = Parts::of(text, SENTINEL_PORT, SENTINEL)?;
    if hosts.iter().enumerate().any(|(at, host)| hosts[..at].contains(host)) {
        return fault("a Sentinel twice", "each once: what a majority of them says counts");
    }
    let (master, db) = master_and_db(path)?;
    let first = &hosts[0];
    let server = format!("{scheme}://{credentials}{}:{}/{db}", bracketed(&first.0), first.1);
    redis(&server)?;
    let with_query = format!("{server}?{query}");
    let url = parse(&with_query, &[scheme], SENTINEL)?;
    let parameters = Parameters::read(&with_query, &url, sentinel_parameter)?;
    let password_file = parameters.get("sentinel_password_file").map(PathBuf::from);
    if password_file.as_deref().is_some_and(|file| !file.is_absolute()) {
        return fault("a sentinel_password_file without its folder", "an absolute path");
    }
    let user = parameters.get("sentinel_user").map(str::to_owned);
    if user.is_some() && password_file.is_none() {
        return fault("sentinel_user without sentinel_password_file", "both, or the file alone, or neither");
    }
    readable(password_file.as_deref())?;
    Ok(SentinelServers { hosts, master, server: SecretString::from(server), user, password_file })
}

fn readable(file: Option<&Path>) -> Parsed<()> {
    match file.map(watched::read).transpose() {
        Ok(_) => Ok(()),
        Err(error) => {
            fault(format!("a sentinel_password_file that cannot be read ({error})"), "a readable file")
        }
    }
}

fn sentinel_parameter(key: &str) -> Option<&'static str> {
    ["sentinel_user", "sentinel_password_file"].into_iter().find(|name| *name == key)
}

/// A host with its port.
fn host(text: &str, port: u16, expected: &'static str) -> Parsed<(String, u16)> {
    if !text.starts_with('[') && text.matches(':').count() > 1 {
        return fault("several colons in a host", "an IPv6 address in brackets, as in [::1]:26379");
    }
    let url = Url::parse(&format!("redis://{text}")).ok();
    let read = url.as_ref().and_then(|url| {
        let host = url.host_str().filter(|host| !host.is_empty() && url.path().is_empty())?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        Some((host.to_owned(), url.port().unwrap_or(port)))
    });
    read.map_or_else(|| fault("a server without a host", expected), Ok)
}

/// `/MASTER` or `/MASTER/DB`.
fn master_and_db(path: &str) -> Parsed<(String, u16)> {
    let mut parts = path.strip_prefix('/').unwrap_or_default().split('/');
    let master = parts.next().unwrap_or_default();
    let is_name = !master.is_empty()
        && master.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    if !is_name {
        return fault("no name of a primary", SENTINEL);
    }
    let db = match parts.next() {
        None | Some("") => Ok(0),
        Some(text) => text.parse(),
    };
    match (db, parts.next()) {
        (Ok(db), None) => Ok((master.to_owned(), db)),
        _ => fault("something else than the number of a database after the name of the primary", SENTINEL),
    }
}

fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

/// Checks a URL of Redis or of Sentinels.
pub(super) fn check(text: &str) -> Result<(), Fault> {
    read(text).map(drop)
}

/// Checks a URL that shall replace the one in use: it may differ in user and password.
pub(super) fn take(in_use: &str, text: &str) -> Result<String, &'static str> {
    let is_credential = |key: &str| matches!(key, "user" | "pass");
    let is_same = match (read(in_use), read(text).map_err(|_| MALFORMED)?) {
        (Ok(RedisServers::Cluster(one)), RedisServers::Cluster(other)) => {
            let mut pairs = one.iter().zip(&other);
            one.len() == other.len()
                && pairs
                    .all(|(one, other)| same_place(one.expose_secret(), other.expose_secret(), is_credential))
        }
        (Ok(RedisServers::Sentinels(one)), RedisServers::Sentinels(other)) => one.is_same_place(&other),
        _ => same_place(in_use, text, is_credential),
    };
    is_same.then(|| text.to_owned()).ok_or(OTHER_SERVER)
}
