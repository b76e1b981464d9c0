//! Which servers `DATABASE_URL` names: one, or several of which one is the primary.
//!
//! Several hosts are written as libpq reads them: `postgres://user:password@host:port,host:port/database`.

use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// The parameter with which libpq chooses among several hosts.
pub(super) const TARGET: &str = "target_session_attrs";

/// The servers of a URL that was checked.
#[derive(Clone, Debug)]
pub struct PostgresServers {
    /// One URL for each, in their order.
    pub urls: Vec<SecretString>,
    /// Only a server that is no standby may be used. Otherwise the one server is used, whatever it is.
    pub must_be_primary: bool,
}

impl PostgresServers {
    /// Reads a URL that the settings have accepted.
    pub fn of_url(text: &str) -> Self {
        let urls = split(text).unwrap_or_else(|| vec![text.to_owned()]);
        let read: Vec<_> = urls.iter().map(|url| without_target(url)).collect();
        let must_be_primary = read.len() > 1 || read.iter().any(|(_, demands)| *demands);
        Self { urls: read.into_iter().map(|(url, _)| SecretString::from(url)).collect(), must_be_primary }
    }

    /// Each address, to find out where the servers are.
    pub fn parsed(&self) -> Vec<Url> {
        self.urls.iter().filter_map(|url| Url::parse(url.expose_secret()).ok()).collect()
    }
}

/// The URL without the parameter, and whether it was there.
fn without_target(text: &str) -> (String, bool) {
    let Ok(url) = Url::parse(text) else { return (text.to_owned(), false) };
    if !url.query_pairs().any(|(key, _)| key == TARGET) {
        return (text.to_owned(), false);
    }
    let kept: Vec<(String, String)> = url
        .query_pairs()
        .filter(|(key, _)| key != TARGET)
        .map(|(key, value)| (key.into(), value.into()))
        .collect();
    let mut rest = url.clone();
    rest.set_query(None);
    if !kept.is_empty() {
        rest.query_pairs_mut().extend_pairs(kept);
    }
    (rest.into(), true)
}

/// One URL for each of several hosts. `None`: it has one, or an `@` stands where the hosts have ended.
pub(super) fn split(text: &str) -> Option<Vec<String>> {
    let (before, hosts, tail) = parts(text)?;
    hosts.contains(',').then(|| hosts.split(',').map(|host| format!("{before}{host}{tail}")).collect())
}

/// The inverse of [`split`].
pub(super) fn join(urls: &[String]) -> Option<String> {
    let hosts = urls.iter().map(|url| Some(parts(url)?.1)).collect::<Option<Vec<_>>>()?;
    let (before, _, tail) = parts(urls.first()?)?;
    Some(format!("{before}{}{tail}", hosts.join(",")))
}

/// What stands before the hosts, the hosts, and what stands behind them.
fn parts(text: &str) -> Option<(&str, &str, &str)> {
    let from = text.find("://")? + 3;
    let until = text[from..].find(['/', '?', '#']).map_or(text.len(), |end| from + end);
    if text[until..].contains('@') {
        return None;
    }
    let from = text[from..until].rfind('@').map_or(from, |at| from + at + 1);
    Some((&text[..from], &text[from..until], &text[until..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_hosts_are_one_url_each_and_only_a_primary_is_used() {
        for (text, urls, must_be_primary) in [
            ("postgres://u:p@a/x", vec!["postgres://u:p@a/x"], false),
            ("postgres://u:p,q@a/x?sslmode=require", vec!["postgres://u:p,q@a/x?sslmode=require"], false),
            ("postgres://u:p@a:1,b/x", vec!["postgres://u:p@a:1/x", "postgres://u:p@b/x"], true),
            ("postgres://[::1]:1,[::2]/x", vec!["postgres://[::1]:1/x", "postgres://[::2]/x"], true),
            ("postgres://u@a/x?target_session_attrs=read-write", vec!["postgres://u@a/x"], true),
            (
                "postgres://u@a,b/x?target_session_attrs=primary&sslmode=require",
                vec!["postgres://u@a/x?sslmode=require", "postgres://u@b/x?sslmode=require"],
                true,
            ),
        ] {
            let servers = PostgresServers::of_url(text);
            let found: Vec<&str> = servers.urls.iter().map(ExposeSecret::expose_secret).collect();
            assert_eq!((found, servers.must_be_primary), (urls, must_be_primary), "{text}");
            assert!(split(text).is_none_or(|urls| join(&urls).as_deref() == Some(text)), "{text}");
        }
    }
}
