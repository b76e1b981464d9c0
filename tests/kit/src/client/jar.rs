//! A browser's cookie jar, with the rules of RFC 6265bis that matter to Gatepost: host-only and domain cookies,
//! `Secure`, `Max-Age`, `Expires`, `Path`, `SameSite`, and the prefixes `__Host-` and `__Secure-`.

use std::time::{Duration, SystemTime};

use url::Url;

/// The attribute `SameSite` (RFC 6265bis section 5.6.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SameSite {
    /// Not sent with requests from another site.
    Strict,
    /// Sent with requests from another site only for top-level navigations with a safe method. This is the default.
    Lax,
    /// Sent with all requests.
    None,
}

/// Which page a request comes from, as far as cookies are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SiteContext {
    /// The address bar, or a page of the same site.
    SameSite,
    /// A page of another site, by a top-level navigation with a safe method.
    CrossSiteNavigation,
    /// A page of another site, by any other request.
    CrossSite,
}

/// A stored cookie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCookie {
    /// The name.
    pub name: String,
    /// The value, byte for byte.
    pub value: String,
    /// The host that set it, or the domain that it was set for.
    pub domain: String,
    /// It is only sent to that host, not to hosts below it.
    pub host_only: bool,
    /// The path below which it is sent.
    pub path: String,
    /// It is only sent over https, and to names of loopback.
    pub secure: bool,
    /// Scripts cannot read it.
    pub http_only: bool,
    /// For which pages' requests it is sent.
    pub same_site: SameSite,
    /// When it expires; `None` if it ends with the browser.
    pub expires_at: Option<SystemTime>,
}

/// The cookies of one browser.
#[derive(Debug, Clone, Default)]
pub struct Jar {
    cookies: Vec<StoredCookie>,
}

impl Jar {
    /// Stores the cookie of a `Set-Cookie` line from `url`; returns `false` if a browser refuses it.
    pub fn set(&mut self, url: &Url, line: &str) -> bool {
        let Some(cookie) = parse(url, line) else { return false };
        self.put(cookie);
        true
    }

    /// Stores a cookie without any checks, for an attacker who planted or stole it.
    pub fn put(&mut self, cookie: StoredCookie) {
        let expired = cookie.expires_at.is_some_and(|end| end <= SystemTime::now());
        let same = |own: &StoredCookie| {
            own.name == cookie.name && own.domain == cookie.domain && own.path == cookie.path
        };
        match self.cookies.iter().position(same) {
            Some(at) if expired => drop(self.cookies.remove(at)),
            Some(at) => self.cookies[at] = cookie,
            None if expired => {}
            None => self.cookies.push(cookie),
        }
    }

    /// The cookie with this name that is sent to `host`.
    pub fn find(&self, host: &str, name: &str) -> Option<&StoredCookie> {
        self.cookies.iter().find(|cookie| cookie.name == name && cookie.covers(host))
    }

    /// Deletes all cookies that are sent to `host`.
    pub fn delete_host(&mut self, host: &str) {
        self.cookies.retain(|cookie| !cookie.covers(host));
    }

    /// All stored cookies.
    pub fn list(&self) -> &[StoredCookie] {
        &self.cookies
    }

    /// The `Cookie` header for a request to `url`; `None` without cookies.
    pub fn header(&self, url: &Url, context: SiteContext) -> Option<String> {
        let now = SystemTime::now();
        let mut sent: Vec<&StoredCookie> = self
            .cookies
            .iter()
            .filter(|cookie| cookie.covers(url.host_str().unwrap_or_default()))
            .filter(|cookie| !cookie.secure || trustworthy(url))
            .filter(|cookie| path_matches(url.path(), &cookie.path))
            .filter(|cookie| cookie.expires_at.is_none_or(|end| end > now))
            .filter(|cookie| match context {
                SiteContext::SameSite => true,
                SiteContext::CrossSiteNavigation => cookie.same_site != SameSite::Strict,
                SiteContext::CrossSite => cookie.same_site == SameSite::None,
            })
            .collect();
        // Longer paths first; the sort is stable, so earlier cookies stay ahead of later ones.
        sent.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let pairs: Vec<String> =
            sent.iter().map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}

impl StoredCookie {
    fn covers(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        host == self.domain
            || (!self.host_only && host.strip_suffix(&self.domain).is_some_and(|rest| rest.ends_with('.')))
    }
}

/// Whether a browser treats the connection as secure: https, and loopback names over http.
fn trustworthy(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    url.scheme() == "https" || host == "localhost" || host.ends_with(".localhost") || host == "127.0.0.1"
}

fn path_matches(path: &str, cookie_path: &str) -> bool {
    path == cookie_path
        || path
            .strip_prefix(cookie_path)
            .is_some_and(|rest| cookie_path.ends_with('/') || rest.starts_with('/'))
}

fn parse(url: &Url, line: &str) -> Option<StoredCookie> {
    let host = url.host_str()?.to_ascii_lowercase();
    let mut parts = line.split(';');
    let (name, value) = parts.next()?.split_once('=')?;
    let default_path =
        url.path().rsplit_once('/').map_or("/", |(folder, _)| if folder.is_empty() { "/" } else { folder });
    let mut cookie = StoredCookie {
        name: name.trim().to_owned(),
        value: value.trim().to_owned(),
        domain: host.clone(),
        host_only: true,
        path: default_path.to_owned(),
        secure: false,
        http_only: false,
        same_site: SameSite::Lax,
        expires_at: None,
    };
    let mut max_age = None;
    for attribute in parts {
        let (key, value) = attribute.split_once('=').unwrap_or((attribute, ""));
        let value = value.trim();
        match key.trim().to_ascii_lowercase().as_str() {
            "secure" => cookie.secure = true,
            "httponly" => cookie.http_only = true,
            "path" if value.starts_with('/') => value.clone_into(&mut cookie.path),
            "max-age" => max_age = value.parse::<i64>().ok(),
            "expires" => cookie.expires_at = httpdate::parse_http_date(value).ok(),
            "samesite" => cookie.same_site = same_site(value),
            "domain" if !value.is_empty() => {
                cookie.domain = value.trim_start_matches('.').to_ascii_lowercase();
                cookie.host_only = false;
            }
            _ => {}
        }
    }
    if let Some(seconds) = max_age {
        let rest = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
        cookie.expires_at = Some(SystemTime::now() + rest);
    }
    (cookie.covers(&host) && allowed(&cookie, url)).then_some(cookie)
}

fn same_site(value: &str) -> SameSite {
    match value.to_ascii_lowercase().as_str() {
        "strict" => SameSite::Strict,
        "none" => SameSite::None,
        _ => SameSite::Lax,
    }
}

/// The rules of the prefixes, and of `Secure` (RFC 6265bis section 5.7).
fn allowed(cookie: &StoredCookie, url: &Url) -> bool {
    let name = cookie.name.to_ascii_lowercase();
    let host_prefix = cookie.secure && cookie.host_only && cookie.path == "/";
    (!cookie.secure || trustworthy(url))
        && (cookie.same_site != SameSite::None || cookie.secure)
        && (!name.starts_with("__host-") || host_prefix)
        && (!name.starts_with("__secure-") || cookie.secure)
        && (!cookie.domain.is_empty() && (cookie.host_only || cookie.domain.contains('.')))
}
