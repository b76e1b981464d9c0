//! Gatepost's session cookie, one per host. Cookies are read as bytes and written by the `cookie` crate. A protected
//! host also has cookies that hold long return addresses during a sign-in, and one that names the person whose data the
//! host's applications store in the browser.
//!
//! Cookies are read strictly by RFC 6265bis: no unquoting, no decoding, exact names. Lenient parsers allow a prefixed
//! name to be forged (`$Version`, U+2000).

use super::sealed::{KeyRing, Purpose};
use super::tokens::{BrowserBinding, HostValue, OneTimeId, PublicValue};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cookie::time::Duration as CookieDuration;
use cookie::{Cookie, SameSite};
use gatepost_core::host::HostName;
use gatepost_core::ids::UserId;
use gatepost_core::secret::Secret;
use std::time::Duration;

/// The names of all cookies that Gatepost sets.
pub type OwnNames = [&'static str; 3];

/// The longest lifetime that browsers accept (RFC 6265bis section 5.5).
const LONGEST: CookieDuration = CookieDuration::days(400);

/// Names and attributes of cookies: `__Host-gatepost` and `Secure`, or plain names for development over HTTP.
#[derive(Clone, Copy, Debug)]
pub struct CookiePolicy {
    /// Gatepost is reached over HTTPS. Only false in development.
    pub is_secure: bool,
    /// Cookies are kept when the browser is closed.
    pub is_persistent: bool,
}

impl CookiePolicy {
    /// The cookie's name on every host.
    pub const fn name(self) -> &'static str {
        if self.is_secure { "__Host-gatepost" } else { "gatepost" }
    }

    /// The name of the cookies that hold return addresses. Each has a path of its own, which `__Host-` forbids.
    pub const fn waiting_name(self) -> &'static str {
        if self.is_secure { "__Secure-gatepost-return" } else { "gatepost-return" }
    }

    /// The name of the cookie that names the person whose data the host's applications store in this browser. It is
    /// sent to one path only, which `__Host-` forbids.
    pub const fn storage_owner_name(self) -> &'static str {
        if self.is_secure { "__Secure-gatepost-storage" } else { "gatepost-storage" }
    }

    /// All names. Applications never see cookies with these names.
    pub const fn names(self) -> OwnNames {
        [self.name(), self.waiting_name(), self.storage_owner_name()]
    }

    /// `Set-Cookie` for a value before sign-in. The cookie is deleted when the browser is closed.
    pub fn for_now(self, value: &str) -> String {
        self.base(value).to_string()
    }

    /// `Set-Cookie` for a session that ends after `rest`.
    pub fn for_session(self, value: &str, rest: Duration) -> String {
        let mut cookie = self.base(value);
        if self.is_persistent {
            cookie.set_max_age(CookieDuration::seconds(i64::try_from(rest.as_secs()).unwrap_or(0)));
        }
        cookie.to_string()
    }

    /// `Set-Cookie` that deletes the session cookie.
    pub fn deleted(self) -> String {
        let mut cookie = self.base("");
        cookie.set_max_age(CookieDuration::ZERO);
        cookie.to_string()
    }

    /// `Set-Cookie` for a return address that is sent to `path` only. `None` deletes it.
    pub fn for_waiting(self, path: &str, waiting: Option<(&str, Duration)>) -> String {
        let (value, rest) = waiting.unwrap_or_default();
        let mut cookie = self.at(self.waiting_name(), value, path);
        cookie.set_max_age(CookieDuration::seconds(i64::try_from(rest.as_secs()).unwrap_or(0)));
        cookie.to_string()
    }

    /// `Set-Cookie` for the owner of the storage, sent to `path` only. Like the storage, it outlives the session.
    pub fn for_storage_owner(self, path: &str, value: &str) -> String {
        let mut cookie = self.at(self.storage_owner_name(), value, path);
        if self.is_persistent {
            cookie.set_max_age(LONGEST);
        }
        cookie.to_string()
    }

    fn base(self, value: &str) -> Cookie<'static> {
        self.at(self.name(), value, "/")
    }

    fn at(self, name: &'static str, value: &str, path: &str) -> Cookie<'static> {
        Cookie::build((name, value.to_owned()))
            .path(path.to_owned())
            .secure(self.is_secure)
            .http_only(true)
            .same_site(SameSite::Lax)
            .build()
    }
}

/// The values of the cookies called `name`, in the order of the request. Values that are not UTF-8 are skipped.
pub fn values<'a>(headers: impl Iterator<Item = &'a [u8]>, name: &str) -> impl Iterator<Item = &'a str> {
    headers.flat_map(pairs).filter_map(move |pair| value_of(pair, name))
}

/// The `Cookie` header without Gatepost's cookies: the client's bytes, joined by `; `. `None` if nothing is left.
pub fn without<'a>(headers: impl Iterator<Item = &'a [u8]>, names: OwnNames) -> Option<Vec<u8>> {
    let mut kept = Vec::new();
    for header in headers {
        for pair in pairs(header).filter(|pair| !pair.is_empty() && !is_named(pair, names)) {
            if kept.is_empty() {
                kept.reserve(header.len());
            } else {
                kept.extend_from_slice(b"; ");
            }
            kept.extend_from_slice(pair);
        }
    }
    (!kept.is_empty()).then_some(kept)
}

fn pairs(header: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(header);
    std::iter::from_fn(move || {
        let text = rest?;
        let end = memchr::memchr(b';', text);
        rest = end.map(|end| &text[end + 1..]);
        Some(trim(&text[..end.unwrap_or(text.len())]))
    })
}

fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

fn is_named(pair: &[u8], names: OwnNames) -> bool {
    let found = trim(pair.split(|byte| *byte == b'=').next().unwrap_or_default());
    // Browsers compare prefixes case-insensitively, so applications must not see other spellings either.
    names.iter().any(|name| found.eq_ignore_ascii_case(name.as_bytes()))
}

fn value_of<'a>(pair: &'a [u8], name: &str) -> Option<&'a str> {
    let at = pair.iter().position(|byte| *byte == b'=')?;
    let (found, value) = (trim(&pair[..at]), trim(&pair[at + 1..]));
    if found == name.as_bytes() { std::str::from_utf8(value).ok() } else { None }
}

/// The cookie that a browser has on one host.
#[derive(Clone)]
pub struct BrowserCookie<T> {
    /// The cookie's value.
    pub text: String,
    /// The opened value. `None`: it is the random value from before sign-in.
    pub value: Option<T>,
}

/// Does not show the value, because it grants access to the session.
impl<T> std::fmt::Debug for BrowserCookie<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BrowserCookie").field("is_random", &self.value.is_none()).finish_non_exhaustive()
    }
}

impl<T> BrowserCookie<T> {
    /// The hash of this cookie, to which values are bound.
    pub fn binding(&self) -> BrowserBinding {
        BrowserBinding::to(&self.text)
    }
}

/// Reads the public host's cookie: the first value that opens, or else the first random one.
pub fn read_public<'a>(
    values: impl Iterator<Item = &'a str>,
    ring: &KeyRing,
) -> Option<BrowserCookie<PublicValue>> {
    read(values, |text| ring.open(Purpose::PublicCookie, "", text).ok())
}

/// Reads a protected host's cookie: the first value that opens for this host, or else the first random one.
pub fn read_host<'a>(
    values: impl Iterator<Item = &'a str>,
    ring: &KeyRing,
    host: &HostName,
) -> Option<BrowserCookie<HostValue>> {
    read(values, |text| open_host(text, ring, host))
}

/// Opens one value of a protected host's cookie.
pub fn open_host(text: &str, ring: &KeyRing, host: &HostName) -> Option<HostValue> {
    ring.open(Purpose::HostCookie, host.as_str(), text).ok()
}

/// The return address of one sign-in, from the cookies of the request.
pub fn read_waiting<'a>(
    values: impl Iterator<Item = &'a str>,
    ring: &KeyRing,
    host: &HostName,
    id: &OneTimeId,
) -> Option<String> {
    let context = waiting_context(host, id);
    values.take(MAX_TRIED).find_map(|text| ring.open(Purpose::WaitingUri, &context, text).ok())
}

/// The value of the cookie that holds the return address of one sign-in.
pub fn seal_waiting(uri: &str, ring: &KeyRing, host: &HostName, id: &OneTimeId) -> String {
    ring.seal(Purpose::WaitingUri, &waiting_context(host, id), uri)
}

fn waiting_context(host: &HostName, id: &OneTimeId) -> String {
    format!("{host}\0{id}")
}

/// The owner of the host's storage by each of these cookies. `None`: the value does not open for this host.
pub fn read_storage_owners<'a>(
    values: impl Iterator<Item = &'a str>,
    ring: &KeyRing,
    host: &HostName,
) -> impl Iterator<Item = Option<UserId>> {
    let open = |text| ring.open(Purpose::StorageOwner, host.as_str(), text).ok();
    values.enumerate().map(move |(at, text)| if at < MAX_TRIED { open(text) } else { None })
}

/// The value of the cookie that names the owner of the host's storage.
pub fn seal_storage_owner(user: UserId, ring: &KeyRing, host: &HostName) -> String {
    ring.seal(Purpose::StorageOwner, host.as_str(), user)
}

/// At most this many values of one name are tried, because each costs a decryption.
const MAX_TRIED: usize = 4;

fn read<'a, T>(
    values: impl Iterator<Item = &'a str>,
    open: impl Fn(&str) -> Option<T>,
) -> Option<BrowserCookie<T>> {
    let mut random = None;
    for text in values.take(MAX_TRIED) {
        if is_random(text) {
            random.get_or_insert_with(|| BrowserCookie { text: text.to_owned(), value: None });
        } else if let Some(value) = open(text) {
            return Some(BrowserCookie { text: text.to_owned(), value: Some(value) });
        }
    }
    random
}

/// A new random value for a browser that has no cookie.
pub fn random() -> String {
    URL_SAFE_NO_PAD.encode(Secret::generate().expose())
}

fn is_random(text: &str) -> bool {
    text.len() == 43 && URL_SAFE_NO_PAD.decode(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NAME: &str = "__Host-gatepost";
    const NAMES: OwnNames = [NAME, "__Secure-gatepost-return", "__Secure-gatepost-storage"];

    fn found(headers: &[&str]) -> Vec<String> {
        values(headers.iter().map(|h| h.as_bytes()), NAME).map(str::to_owned).collect()
    }

    fn left(headers: &[&str]) -> Option<String> {
        without(headers.iter().map(|h| h.as_bytes()), NAMES).map(|b| String::from_utf8(b).expect("text"))
    }

    #[test]
    fn only_the_exact_name_is_read() {
        assert_eq!(found(&["a=1; __Host-gatepost=x", "__Host-gatepost=y=z ;b"]), ["x", "y=z"]);
        for forged in [
            "__host-gatepost=x",
            "\u{2000}__Host-gatepost=x",
            "$Version=1, __Host-gatepost=x",
            "__Host-gatepost",
            "=__Host-gatepost=x",
        ] {
            assert!(found(&[forged]).is_empty(), "{forged}");
        }
    }

    #[test]
    fn an_application_sees_every_cookie_but_ours() {
        assert_eq!(left(&["a=1; __Host-gatepost=x; b=\"2; \"", " c "]).as_deref(), Some("a=1; b=\"2; \"; c"));
        assert_eq!(left(&["__Host-gatepost=x;__HOST-gatepost=y"]), None);
        assert_eq!(
            left(&["__Secure-gatepost-return=x; __SECURE-gatepost-return=y", "a=1"]).as_deref(),
            Some("a=1")
        );
        assert_eq!(
            left(&["__Secure-gatepost-storage=x; __secure-Gatepost-Storage=y; b"]).as_deref(),
            Some("b")
        );
        assert_eq!(left(&[";; "]), None);
    }

    #[test]
    fn debug_does_not_show_the_cookie() {
        let held = BrowserCookie { text: "v4lue".to_owned(), value: Some("0pened") };
        assert_eq!(format!("{held:?}"), "BrowserCookie { is_random: false, .. }");
    }

    #[test]
    fn attributes_are_those_of_a_host_cookie() {
        let policy = CookiePolicy { is_secure: true, is_persistent: true };
        assert_eq!(
            policy.for_session("v", Duration::from_mins(1)),
            "__Host-gatepost=v; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=60"
        );
        assert_eq!(policy.for_now("v"), "__Host-gatepost=v; HttpOnly; SameSite=Lax; Secure; Path=/");
        assert!(policy.deleted().contains("Max-Age=0"));
        let path = "/.gatepost/enter/7";
        assert_eq!(
            policy.for_waiting(path, Some(("v", Duration::from_mins(1)))),
            "__Secure-gatepost-return=v; HttpOnly; SameSite=Lax; Secure; Path=/.gatepost/enter/7; Max-Age=60"
        );
        assert!(policy.for_waiting(path, None).ends_with("Path=/.gatepost/enter/7; Max-Age=0"));
        assert_eq!(
            policy.for_storage_owner("/.gatepost/enter", "v"),
            "__Secure-gatepost-storage=v; HttpOnly; SameSite=Lax; Secure; Path=/.gatepost/enter; Max-Age=34560000"
        );
        assert_eq!(
            CookiePolicy { is_secure: false, ..policy }.names(),
            ["gatepost", "gatepost-return", "gatepost-storage"]
        );
        let policy = CookiePolicy { is_persistent: false, ..policy };
        assert!(!policy.for_session("v", Duration::from_mins(1)).contains("Max-Age"));
        assert!(!policy.for_storage_owner("/.gatepost/enter", "v").contains("Max-Age"));
    }

    proptest! {
        #[test]
        fn applications_never_get_our_values(header: Vec<u8>) {
            if let Some(left) = without(std::iter::once(&header[..]), NAMES) {
                prop_assert!(NAMES.iter().all(|name| values(std::iter::once(&left[..]), name).next().is_none()));
            }
        }
    }
}
