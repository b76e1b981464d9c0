//! Whose data a protected host's applications keep in a browser.
//!
//! `localStorage`, `IndexedDB` and service workers outlive a session, and applications keep tokens there: the next
//! person at the browser would read and act with them. So the answer that gives a browser the host's cookie also names
//! the person in a second cookie, which is sealed to the host and sent to `/.gatepost/enter` alone. The next such answer
//! clears the host's storage, unless all cookies agree that its own person was there last. The server keeps nothing.

use super::return_cookie::ENTER_PATH;
use gatepost_core::host::HostName;
use gatepost_core::ids::UserId;
use gatepost_runtime::site::Site;
use gatepost_store::session::cookie::{self, BrowserCookie};
use gatepost_store::session::sealed::KeyRing;
use gatepost_store::session::tokens::HostValue;

/// The person who last used a host's applications in this browser. `None`: the cookies do not say it, or disagree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StorageOwner(Option<UserId>);

impl StorageOwner {
    /// Reads the cookies that name the owner, and the host's session cookie: an older release sets only that one. Every
    /// one counts, because a sibling host can plant cookies beside the right one. `lines` are the `Cookie` lines.
    pub fn find(
        site: &Site,
        host: &HostName,
        held: Option<&BrowserCookie<HostValue>>,
        lines: &[&[u8]],
    ) -> Self {
        let values = cookie::values(lines.iter().copied(), site.cookies.storage_owner_name());
        Self::read(values, &site.ring, host, held)
    }

    fn read<'a>(
        values: impl Iterator<Item = &'a str>,
        ring: &KeyRing,
        host: &HostName,
        held: Option<&BrowserCookie<HostValue>>,
    ) -> Self {
        let named = cookie::read_storage_owners(values, ring, host);
        let held = held.and_then(|held| held.value.as_ref()).map(|value| Some(value.user));
        let mut all = named.chain(held);
        let first = all.next().flatten();
        Self(first.filter(|_| all.all(|other| other == first)))
    }

    /// Whether it is certain that this person was the last one.
    pub fn is(self, user: UserId) -> bool {
        self.0 == Some(user)
    }
}

/// The `Set-Cookie` that records this person as the owner.
pub(super) fn name(site: &Site, host: &HostName, user: UserId) -> String {
    site.cookies.for_storage_owner(ENTER_PATH, &cookie::seal_storage_owner(user, &site.ring, host))
}

#[cfg(test)]
mod tests {
    use super::*;
    use gatepost_core::auth_time::AuthTime;
    use gatepost_core::secret::Secret;
    use gatepost_store::session::sealed::Purpose;
    use gatepost_store::session::tokens::SessionId;

    /// Values of the cookie, the session cookie, and whose the storage is then.
    type Case<'a> = (&'a [&'a str], Option<&'a BrowserCookie<HostValue>>, Option<UserId>);

    fn held(user: UserId) -> BrowserCookie<HostValue> {
        let value = HostValue { session: SessionId::generate(), user, auth_time: AuthTime::UNKNOWN };
        BrowserCookie { text: "h".to_owned(), value: Some(value) }
    }

    #[test]
    fn only_cookies_that_all_name_one_person_are_sure() {
        let ring = KeyRing::new(&[Secret::from([7; 32])]);
        let host: HostName = "app.example.com".parse().expect("a host's name");
        let (alice, bob) = (UserId::generate(), UserId::generate());
        let seal = |user| cookie::seal_storage_owner(user, &ring, &host);
        let (alices, bobs) = (seal(alice), seal(bob));
        let other_host = cookie::seal_storage_owner(alice, &ring, &"b.example.com".parse().expect("a name"));
        let other_purpose = ring.seal(Purpose::HostCookie, host.as_str(), alice);
        let other_key = cookie::seal_storage_owner(alice, &KeyRing::new(&[Secret::from([8; 32])]), &host);
        let random = BrowserCookie { text: cookie::random(), value: None };
        let (held_alice, held_bob) = (held(alice), held(bob));
        let cases: [Case<'_>; 16] = [
            (&[], None, None),
            (&[], Some(&random), None),
            (&[], Some(&held_alice), Some(alice)),
            (&[&alices], None, Some(alice)),
            (&[&alices], Some(&random), Some(alice)),
            (&[&alices], Some(&held_alice), Some(alice)),
            (&[&alices], Some(&held_bob), None),
            (&[&alices, &seal(alice)], None, Some(alice)),
            (&[&alices, &bobs], None, None),
            (&[&bobs, &alices], Some(&held_alice), None),
            (&["garbage"], Some(&held_alice), None),
            (&[&alices, ""], None, None),
            (&[&other_host], None, None),
            (&[&other_purpose], None, None),
            (&[&other_key], Some(&held_alice), None),
            (&[&alices, &alices, &alices, &alices, &bobs], None, None),
        ];
        for (at, (values, held, owner)) in cases.into_iter().enumerate() {
            let read = StorageOwner::read(values.iter().copied(), &ring, &host, held);
            assert_eq!(read, StorageOwner(owner), "case {at}");
            assert_eq!(
                (read.is(alice), read.is(bob)),
                (owner == Some(alice), owner == Some(bob)),
                "case {at}"
            );
        }
    }

    #[test]
    fn the_cookie_is_short_and_does_not_reveal_whom_it_names() {
        let ring = KeyRing::new(&[Secret::from([7; 32])]);
        let host: HostName = "app.example.com".parse().expect("a host's name");
        let user = UserId::generate();
        let [once, again] = [(); 2].map(|()| cookie::seal_storage_owner(user, &ring, &host));
        assert!(once.len() < 100, "{once}");
        assert_ne!(once, again, "the same person is not recognised by it");
    }
}
