//! Gatepost's one cookie per host, read as bytes and written by the `cookie` crate. Beside it on a protected host: the
//! few in which long return addresses wait while a sign-in is under way, and one that names whose the host's storage is.
//!
//! Reading follows RFC 6265bis to the letter and nothing more: no unquoting, no decoding, exact name. Lenient readers
//! let a prefixed name be forged (`$Version`, U+2000).

use super::sealed::{KeyRing, Purpose};
use super::values::{Bind, HostValue, OneTimeId, PublicValue};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cookie::time::Duration as CookieDuration;
use cookie::{Cookie, SameSite};
use gatepost_core::host::HostName;
use gatepost_core::ids::UserId;
use gatepost_core::secret::Secret;
use std::time::Duration;

/// The names of all cookies of Gatepost.
pub type OwnNames = [&'static str; 3];

/// Browsers keep no cookie longer (RFC 6265bis section 5.5).
const LONGEST: CookieDuration = CookieDuration::days(400);

/// Name and attributes: `__Host-gatepost` and `Secure`, or plain names for development over HTTP.
#[derive(Clone, Copy, Debug)]
pub struct CookiePolicy {
    /// Over HTTPS, as always but in development.
    pub is_secure: bool,
    /// Cookies outlive the browser.
    pub is_persistent: bool,
}

impl CookiePolicy {
    /// The cookie's name on every host.
    pub const fn name(self) -> &'static str {
        if self.is_secure { "__Host-gatepost" } else { "gatepost" }
    }

    /// The name of the cookies in which return addresses wait. Each has a path of its own, which `__Host-` forbids.
    pub const fn waiting_name(self) -> &'static str {
        if self.is_secure { "__Secure-gatepost-return" } else { "gatepost-return" }
    }

    /// The name of the cookie that says whose data the host's applications keep in this browser. It is sent to one path,
    /// which `__Host-` forbids.
    pub const fn storage_owner_name(self) -> &'static str {
        if self.is_secure { "__Secure-gatepost-storage" } else { "gatepost-storage" }
    }

    /// Every name: no application sees a cookie that is called so.
    pub const fn names(self) -> OwnNames {
        [self.name(), self.waiting_name(), self.storage_owner_name()]
    }

    /// `Set-Cookie` for a value before sign-in: ends with the browser.
    pub fn for_now(self, value: &str) -> String {
        self.base(value).to_string()
    }

    /// `Set-Cookie` for a session that lives `rest` longer.
    pub fn for_session(self, value: &str, rest: Duration) -> String {
        let mut cookie = self.base(value);
        if self.is_persistent {
            cookie.set_max_age(CookieDuration::seconds(i64::try_from(rest.as_secs()).unwrap_or(0)));
        }
        cookie.to_string()
    }

    /// `Set-Cookie` that deletes.
    pub fn deleted(self) -> String {
        let mut cookie = self.base("");
        cookie.set_max_age(CookieDuration::ZERO);
        cookie.to_string()
    }

    /// `Set-Cookie` for a return address that waits until it is asked for at `path`; none in its place deletes it.
    pub fn for_waiting(self, path: &str, waiting: Option<(&str, Duration)>) -> String {
        let (value, rest) = waiting.unwrap_or_default();
        let mut cookie = self.at(self.waiting_name(), value, path);
        cookie.set_max_age(CookieDuration::seconds(i64::try_from(rest.as_secs()).unwrap_or(0)));
        cookie.to_string()
    }

    /// `Set-Cookie` for the name of the storage's owner, sent to `path` alone. It outlives the session, as the storage does.
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

/// The values of the cookies called `name`, in the order sent; those that are not ASCII are nobody's.
pub fn values<'a>(headers: impl Iterator<Item = &'a [u8]>, name: &str) -> impl Iterator<Item = &'a str> {
    headers.flat_map(pairs).filter_map(move |pair| value_of(pair, name))
}

/// The `Cookie` header without Gatepost's own: the client's bytes, joined by `; `. `None` if nothing is left.
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
    // Browsers match prefixes without regard to case, so an application must not see such a spelling either.
    names.iter().any(|name| found.eq_ignore_ascii_case(name.as_bytes()))
}

fn value_of<'a>(pair: &'a [u8], name: &str) -> Option<&'a str> {
    let at = pair.iter().position(|byte| *byte == b'=')?;
    let (found, value) = (trim(&pair[..at]), trim(&pair[at + 1..]));
    if found == name.as_bytes() { std::str::from_utf8(value).ok() } else { None }
}

/// What a browser holds on one host. `text` is what a bind is made of.
#[derive(Clone)]
pub struct Held<T> {
    /// The cookie's value.
    pub text: String,
    /// What it opens as; `None`: the random value from before sign-in.
    pub value: Option<T>,
}

/// Whoever has the value has the session.
impl<T> std::fmt::Debug for Held<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Held").field("is_random", &self.value.is_none()).finish_non_exhaustive()
    }
}

impl<T> Held<T> {
    /// The bind to this cookie.
    pub fn bind(&self) -> Bind {
        Bind::to(&self.text)
    }
}

/// Reads the public host's cookie: the first that opens, else the first random one.
pub fn read_public<'a>(values: impl Iterator<Item = &'a str>, ring: &KeyRing) -> Option<Held<PublicValue>> {
    read(values, |text| ring.open(Purpose::PublicCookie, "", text).ok())
}

/// Reads a protected host's cookie: the first that opens for this host, else the first random one.
pub fn read_host<'a>(
    values: impl Iterator<Item = &'a str>,
    ring: &KeyRing,
    host: &HostName,
) -> Option<Held<HostValue>> {
    read(values, |text| open_host(text, ring, host))
}

/// Opens one value of a protected host's cookie.
pub fn open_host(text: &str, ring: &KeyRing, host: &HostName) -> Option<HostValue> {
    ring.open(Purpose::HostCookie, host.as_str(), text).ok()
}

/// The return address that waits for one sign-in, of the cookies that the browser sent with the request for it.
pub fn read_waiting<'a>(
    values: impl Iterator<Item = &'a str>,
    ring: &KeyRing,
    host: &HostName,
    id: &OneTimeId,
) -> Option<String> {
    let context = waiting_context(host, id);
    values.take(MAX_TRIED).find_map(|text| ring.open(Purpose::WaitingUri, &context, text).ok())
}

/// The value of the cookie in which a return address waits for one sign-in.
pub fn seal_waiting(uri: &str, ring: &KeyRing, host: &HostName, id: &OneTimeId) -> String {
    ring.seal(Purpose::WaitingUri, &waiting_context(host, id), uri)
}

fn waiting_context(host: &HostName, id: &OneTimeId) -> String {
    format!("{host}\0{id}")
}

/// Whom each of these cookies names as the owner of the host's storage; `None`: it does not open for this host.
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

/// At most this many of one name are tried: each costs a decryption.
const MAX_TRIED: usize = 4;

fn read<'a, T>(values: impl Iterator<Item = &'a str>, open: impl Fn(&str) -> Option<T>) -> Option<Held<T>> {
    let mut random = None;
    for text in values.take(MAX_TRIED) {
        if is_random(text) {
            random.get_or_insert_with(|| Held { text: text.to_owned(), value: None });
        } else if let Some(value) = open(text) {
            return Some(Held { text: text.to_owned(), value: Some(value) });
        }
    }
    random
}

/// A new value for a browser that holds none.
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
    fn what_a_browser_holds_is_not_shown() {
        let held = Held { text: "v4lue".to_owned(), value: Some("0pened") };
        assert_eq!(format!("{held:?}"), "Held { is_random: false, .. }");
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
        fn what_is_left_never_holds_our_value(header: Vec<u8>) {
            if let Some(left) = without(std::iter::once(&header[..]), NAMES) {
                prop_assert!(NAMES.iter().all(|name| values(std::iter::once(&left[..]), name).next().is_none()));
            }
        }
    }
}
