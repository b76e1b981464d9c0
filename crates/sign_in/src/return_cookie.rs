//! Long return addresses are stored, sealed, in a cookie of the application's host, because providers refuse long
//! addresses.
//!
//! These cookies share one name, and each has the path of its slot. A request therefore carries one of them at most,
//! however many tabs wait, and a browser never holds more than [`SLOTS`] for one host. The server keeps nothing.

use super::{Context, browser_binding};
use gatepost_core::host::{HostName, Origin};
use gatepost_core::return_uri::is_return_uri;
use gatepost_core::secret;
use gatepost_runtime::site::Site;
use gatepost_store::session::cookie::{self, BrowserCookie};
use gatepost_store::session::sealed::Purpose;
use gatepost_store::session::tokens::{HostValue, LoginRequest, OneTimeId, ReturnUri, Target, WaitingUri};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

/// A return address is stored in a cookie if it and the name of its host together have more bytes than this. Every
/// `state` then stays below [`gatepost_oidc::MAX_STATE`], also for the longest name, 253 bytes.
pub(super) const MAX_INLINE_LENGTH: usize = 300;

/// The number of return addresses that one browser stores for one host. A new one replaces the oldest. Browsers keep
/// at least 150 cookies of one
/// site: a page that makes a browser open many long links of one host displaces none of the application's own cookies.
const SLOTS: u8 = 64;

/// Chooses slots in turn. The first is random, so that two replicas seldom give two tabs the same slot.
#[derive(Debug)]
pub struct Slots(AtomicU8);

impl Default for Slots {
    fn default() -> Self {
        let mut start = [0];
        secret::fill_random(&mut start);
        Self(AtomicU8::new(start[0]))
    }
}

impl Slots {
    fn next(&self) -> u8 {
        self.0.fetch_add(1, Ordering::Relaxed) % SLOTS
    }
}

/// A sign-in that was requested at a protected host.
#[derive(Debug)]
pub struct RequestedSignIn {
    /// The request for `/login`.
    pub request: LoginRequest,
    /// The `Set-Cookie` values of the redirect to `/login`.
    pub cookies: Vec<String>,
}

/// Requests a sign-in that returns to `uri` of this host.
pub fn request_sign_in(
    context: &Context,
    origin: &Origin,
    held: Option<&BrowserCookie<HostValue>>,
    uri: &str,
    max_age: Option<Duration>,
) -> RequestedSignIn {
    let (bind, new_cookie) = browser_binding(context.site.cookies, held);
    let (uri, waiting) = uri_and_cookie(&context.site, origin.host(), uri, || context.return_slots.next());
    let target = Target::Host { host: origin.host().to_string(), uri, bind };
    let request = LoginRequest { target, max_age: max_age.map(|age| age.as_secs()), restarts: 0 };
    RequestedSignIn { request, cookies: new_cookie.into_iter().chain(waiting).collect() }
}

/// Requests the same sign-in again, bound to the cookie that the browser has or gets now. `None`: it was restarted too
/// often.
pub(super) fn retry_sign_in(
    context: &Context,
    origin: &Origin,
    held: Option<&BrowserCookie<HostValue>>,
    request: &LoginRequest,
    return_address: &ReturnAddress,
) -> Option<RequestedSignIn> {
    let restarted = request.restarted()?;
    let (bind, new_cookie) = browser_binding(context.site.cookies, held);
    let slot = || return_address.waiting.map_or_else(|| context.return_slots.next(), |waiting| waiting.slot);
    let (uri, waiting) = uri_and_cookie(&context.site, origin.host(), &return_address.uri, slot);
    let target = Target::Host { host: origin.host().to_string(), uri, bind };
    let request = LoginRequest { target, ..restarted };
    Some(RequestedSignIn { request, cookies: new_cookie.into_iter().chain(waiting).collect() })
}

/// The return address for the request, and the cookie in which it is stored if it is long.
fn uri_and_cookie(
    site: &Site,
    host: &HostName,
    uri: &str,
    slot: impl FnOnce() -> u8,
) -> (ReturnUri, Option<String>) {
    let return_uri = return_uri(uri, host, slot);
    let cookie = match &return_uri {
        ReturnUri::Here(_) => None,
        ReturnUri::Waiting(waiting) => {
            let sealed = cookie::seal_waiting(uri, &site.ring, host, &waiting.id);
            let rest = Purpose::WaitingUri.lifetime().unwrap_or_default();
            Some(site.cookies.for_waiting(&path(*waiting), Some((&sealed, rest))))
        }
    };
    (return_uri, cookie)
}

fn return_uri(uri: &str, host: &HostName, slot: impl FnOnce() -> u8) -> ReturnUri {
    if uri.len() + host.as_str().len() <= MAX_INLINE_LENGTH {
        ReturnUri::Here(uri.to_owned())
    } else {
        ReturnUri::Waiting(WaitingUri { id: OneTimeId::generate(), slot: slot() })
    }
}

/// The return address of a sign-in, or `/` if the browser no longer has it.
#[derive(Debug)]
pub(super) struct ReturnAddress {
    /// Path and query.
    pub uri: String,
    /// The cookie in which it was stored.
    pub waiting: Option<WaitingUri>,
}

impl ReturnAddress {
    /// Reads it from the sign-in's request, or from the cookie in which it is stored.
    pub fn find<'a>(
        site: &Site,
        host: &HostName,
        uri: &ReturnUri,
        cookies: impl Iterator<Item = &'a str>,
    ) -> Self {
        let (found, waiting) = match uri {
            ReturnUri::Here(uri) => (Some(uri.clone()), None),
            ReturnUri::Waiting(waiting) => {
                let found = cookie::read_waiting(cookies, &site.ring, host, &waiting.id);
                (found, Some(*waiting))
            }
        };
        if found.is_none() {
            tracing::info!(%host, "a sign-in ends at /: the browser has not kept the long address that it was for");
        }
        // A cookie that cannot be opened may belong to another tab, so it is not removed.
        let waiting = waiting.filter(|_| found.is_some());
        // Checked when it was sealed; checked again because another release may have sealed it.
        let uri = found.filter(|uri| is_return_uri(uri)).unwrap_or_else(|| "/".to_owned());
        Self { uri, waiting }
    }

    /// The `Set-Cookie` that removes the cookie in which the address is stored.
    pub fn removal_cookie(&self, site: &Site) -> Option<String> {
        self.waiting.map(|waiting| site.cookies.for_waiting(&path(waiting), None))
    }
}

/// The path at which tickets are consumed.
pub(super) const ENTER_PATH: &str = "/.gatepost/enter";

/// The path to which a sign-in returns. The browser sends the cookie of the return address there.
pub(super) fn enter_path(uri: &ReturnUri) -> String {
    match uri {
        ReturnUri::Here(_) => ENTER_PATH.to_owned(),
        ReturnUri::Waiting(waiting) => path(*waiting),
    }
}

/// The address at the host from which an expired sign-in starts again.
pub(super) fn return_address(origin: &Origin, uri: &ReturnUri) -> String {
    match uri {
        ReturnUri::Here(uri) if is_return_uri(uri) => format!("{origin}{uri}"),
        ReturnUri::Here(_) => format!("{origin}/"),
        ReturnUri::Waiting(waiting) => format!("{origin}{}?id={}", path(*waiting), waiting.id),
    }
}

fn path(waiting: WaitingUri) -> String {
    path_of(Some(waiting.slot))
}

/// Where tickets are taken, with a slot or without one.
pub fn path_of(slot: Option<u8>) -> String {
    slot.map_or_else(|| ENTER_PATH.to_owned(), |slot| format!("{ENTER_PATH}/{slot}"))
}

/// The slot of a path below `/.gatepost/enter/`.
pub fn slot_of(text: &str) -> Option<u8> {
    text.parse().ok().filter(|slot: &u8| *slot < SLOTS && slot.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gatepost_core::clock::Timestamp;
    use gatepost_core::secret::Secret;
    use gatepost_oidc::MAX_STATE;
    use gatepost_store::session::sealed::KeyRing;
    use gatepost_store::session::tokens::{BrowserBinding, LoginState};
    use proptest::prelude::*;

    fn ring() -> KeyRing {
        KeyRing::new(&[Secret::from([7; 32])])
    }

    fn host(length: usize) -> HostName {
        let byte = |at| if at % 2 == 1 && at + 1 < length { '.' } else { 'a' };
        (0..length).map(byte).collect::<String>().parse().expect("a host's name")
    }

    /// The `state` of a sign-in of which everything else is as long as it can be.
    fn state(uri: ReturnUri, host: &HostName) -> String {
        let bind = BrowserBinding::to("p");
        let target = Target::Host { host: host.to_string(), uri, bind };
        let login = LoginState {
            id: OneTimeId::generate(),
            request: LoginRequest { target, max_age: Some(u64::MAX), restarts: 2 },
            provider: "p".repeat(32).parse().expect("an id"),
            nonce: Secret::generate(),
            code_verifier: Secret::generate(),
            bind,
            auth_after: Some(Timestamp::from_unix(i64::MAX)),
        };
        ring().seal(Purpose::State, "", &login)
    }

    proptest! {
        #[test]
        fn a_state_is_short_whatever_the_return_address_and_the_host(uri in 1_usize..=2_000, name in 1_usize..=253) {
            let (uri, name) = ("/".repeat(uri), host(name));
            let return_uri = return_uri(&uri, &name, || SLOTS - 1);
            prop_assert!(state(return_uri.clone(), &name).len() <= MAX_STATE);
            if let ReturnUri::Waiting(waiting) = return_uri {
                let sealed = cookie::seal_waiting(&uri, &ring(), &name, &waiting.id);
                prop_assert!(sealed.len() < 2_800, "browsers keep 4,096 bytes of a cookie");
                prop_assert_eq!(cookie::read_waiting([sealed.as_str()].into_iter(), &ring(), &name, &waiting.id), Some(uri));
            }
        }
    }

    #[test]
    fn the_longest_that_travels_along_still_leaves_the_state_short() {
        for length in [1, 20, 253] {
            let name = host(length);
            let longest = "/".repeat(MAX_INLINE_LENGTH - name.as_str().len());
            for uri in [longest.clone(), longest + "/"] {
                assert!(state(return_uri(&uri, &name, || SLOTS - 1), &name).len() <= MAX_STATE, "{length}");
            }
        }
    }

    #[test]
    fn an_address_opens_for_its_own_host_and_sign_in_alone() {
        let (ring, name, id) = (ring(), host(20), OneTimeId::generate());
        let sealed = cookie::seal_waiting("/deep", &ring, &name, &id);
        let read = |texts: &[&str], name: &HostName, id: &OneTimeId| {
            cookie::read_waiting(texts.iter().copied(), &ring, name, id)
        };
        assert_eq!(read(&["garbage", &sealed], &name, &id).as_deref(), Some("/deep"));
        assert_eq!(read(&[&sealed], &host(21), &id), None);
        assert_eq!(read(&[&sealed], &name, &OneTimeId::generate()), None);
        let other_purpose = ring.seal(Purpose::LoginRequest, &format!("{name}\0{id}"), "/deep");
        assert_eq!(read(&[&other_purpose], &name, &id), None);
        let many: Vec<&str> = ["garbage"; 4].into_iter().chain([sealed.as_str()]).collect();
        assert_eq!(read(&many, &name, &id), None, "each that is tried costs a decryption");
    }

    #[test]
    fn tabs_of_one_replica_meet_in_no_slot_until_all_are_taken() {
        let slots = Slots::default();
        let chosen: std::collections::BTreeSet<u8> = (0..SLOTS).map(|_| slots.next()).collect();
        assert_eq!(chosen.len(), usize::from(SLOTS));
        assert!(chosen.iter().all(|slot| slot_of(&slot.to_string()) == Some(*slot)));
        for text in ["", "64", "255", "256", "-1", "+1", "01", "1/", "1 ", "x"] {
            assert_eq!(slot_of(text), None, "{text}");
        }
    }
}
