//! Interning: equal accesses, their headers, and the names in them are stored once for all people who have them.

use crate::identity_headers::{AccessHeaders, IdentityHeaders};
use gatepost_config::VerifyConfig;
use gatepost_core::access::{Access, Standing};
use gatepost_core::ids::{GroupName, TenantId};
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Bytes that an interned name takes besides its text: its reference counters and its place in the map.
const NAME_OVERHEAD: usize = 48;
/// Bytes that an interned access and its headers take besides their lists and texts.
const ACCESS_OVERHEAD: usize = size_of::<Access>() + size_of::<AccessHeaders>() + 112;
/// Below this number of entries unused ones are not removed.
const MIN_CLEANUP: usize = 256;

/// The interned accesses and names. Unused entries are removed when the number of entries has doubled.
#[derive(Debug, Default)]
pub(super) struct AccessInterner {
    accesses: Mutex<Interner<Arc<Access>, Arc<AccessHeaders>>>,
    groups: Mutex<Interner<GroupName>>,
    tenants: Mutex<Interner<TenantId>>,
}

impl AccessInterner {
    /// Replaces the access in a standing with the interned one. Also returns the person's headers, and how many bytes
    /// were interned for the first time.
    pub(super) fn intern(
        &self,
        standing: Standing,
        limits: &VerifyConfig,
    ) -> (Standing, IdentityHeaders, usize) {
        let interned = locked(&self.accesses).find(&standing.access);
        let (access, rendered, new) = match interned {
            Some((access, rendered)) => (access, rendered, 0),
            None => self.intern_new(standing.access, limits),
        };
        let headers = IdentityHeaders::with(&standing.person, rendered, limits);
        (Standing { access, ..standing }, headers, new)
    }

    fn intern_new(
        &self,
        mut shared: Arc<Access>,
        limits: &VerifyConfig,
    ) -> (Arc<Access>, Arc<AccessHeaders>, usize) {
        let access = Arc::make_mut(&mut shared);
        let lists = access.size_of_lists();
        let groups = locked(&self.groups).intern(&mut access.groups, GroupName::is_shared, GroupName::as_str);
        let tenants = access.tenants.ids_mut().chain(access.suspended.ids_mut());
        let tenants = tenants.chain(&mut access.own_tenants).chain(&mut access.every_tenant);
        let tenants = locked(&self.tenants).intern(tenants, TenantId::is_shared, TenantId::as_str);
        let rendered = AccessHeaders::new(access, limits);
        let new = ACCESS_OVERHEAD + lists + groups + tenants + rendered.size();
        let is_shared = |access: &Arc<Access>| Arc::strong_count(access) > 1;
        let (access, rendered, _) = locked(&self.accesses).keep(shared, Arc::new(rendered), is_shared);
        (access, rendered, new)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A set of interned keys, each with a value.
#[derive(Debug)]
struct Interner<K, V = ()> {
    entries: HashMap<K, V>,
    /// The number of entries after the last removal of unused ones.
    cleaned_up_at: usize,
}

impl<K, V> Default for Interner<K, V> {
    fn default() -> Self {
        Self { entries: HashMap::new(), cleaned_up_at: 0 }
    }
}

impl<K: Clone + Eq + Hash, V: Clone> Interner<K, V> {
    fn find(&self, key: &K) -> Option<(K, V)> {
        self.entries.get_key_value(key).map(|(key, value)| (key.clone(), value.clone()))
    }

    /// Returns the interned entry, after adding this one if there is none; and whether it was added.
    fn keep(&mut self, key: K, value: V, is_shared: impl Fn(&K) -> bool) -> (K, V, bool) {
        if let Some((key, value)) = self.find(&key) {
            return (key, value, false);
        }
        if self.entries.len() >= MIN_CLEANUP.max(2 * self.cleaned_up_at) {
            self.entries.retain(|key, _| is_shared(key));
            self.cleaned_up_at = self.entries.len();
        }
        self.entries.insert(key.clone(), value.clone());
        (key, value, true)
    }
}

impl<T: Clone + Eq + Hash> Interner<T> {
    /// Replaces names with the interned ones. Returns how many bytes were added.
    fn intern<'a>(
        &mut self,
        names: impl IntoIterator<Item = &'a mut T>,
        is_shared: fn(&T) -> bool,
        text: fn(&T) -> &str,
    ) -> usize
    where
        T: 'a,
    {
        let mut new = 0;
        for name in names {
            let (interned, (), is_new) = self.keep(name.clone(), (), is_shared);
            *name = interned;
            if is_new {
                new += text(name).len() + NAME_OVERHEAD;
            }
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gatepost_core::access::{Person, Role};
    use gatepost_core::clock::BootTime;
    use gatepost_core::ids::UserId;

    fn standing(groups: &[usize], is_admin: bool) -> Standing {
        let access = Access {
            groups: groups.iter().map(|number| name(*number)).collect(),
            tenants: [("github".parse().expect("an id"), Role::Member)].into(),
            is_admin,
            ..Access::default()
        };
        Standing {
            person: Person { id: UserId::generate(), email: "a@example.com".parse().ok(), name: None },
            is_disabled: false,
            sessions_not_before: None,
            is_session_ended: false,
            counts_until: BootTime::MAX,
            access: access.into(),
        }
    }

    #[test]
    fn people_with_the_same_access_share_it_and_others_do_not() {
        let shared = AccessInterner::default();
        let limits = VerifyConfig::default();
        let share = |standing: &Standing| shared.intern(standing.clone(), &limits);
        let (one, other) = (standing(&[1, 2], false), standing(&[1, 2], false));
        let (first, _, added) = share(&one);
        let (second, headers, nothing) = share(&other);
        assert!(Arc::ptr_eq(&first.access, &second.access));
        assert_eq!((first, second), (one, other), "each is who they were");
        assert!(added > 0, "the first brings it");
        assert_eq!(nothing, 0);
        assert_eq!(headers.size(), "a@example.com".len() + 36, "of their own the address and the id");
        for different in [standing(&[1], false), standing(&[1, 2], true)] {
            let (kept, _, added) = share(&different);
            assert_eq!(kept, different);
            assert!(added >= ACCESS_OVERHEAD);
        }
    }

    #[test]
    fn an_unused_access_is_removed() {
        let (shared, limits) = (AccessInterner::default(), VerifyConfig::default());
        let (kept, ..) = shared.intern(standing(&[0], false), &limits);
        for number in 1..10 * MIN_CLEANUP {
            shared.intern(standing(&[number], false), &limits);
        }
        let known = locked(&shared.accesses);
        assert!(known.entries.len() <= MIN_CLEANUP, "{}", known.entries.len());
        assert!(known.entries.contains_key(&kept.access), "who still has it keeps it");
    }

    fn name(number: usize) -> GroupName {
        format!("group {number}").parse().expect("a name")
    }

    fn share(known: &mut Interner<GroupName>, names: &mut [GroupName]) -> usize {
        known.intern(names, GroupName::is_shared, GroupName::as_str)
    }

    #[test]
    fn a_name_is_stored_once_and_removed_when_unused() {
        let mut known = Interner::default();
        let mut two = [name(0), name(0)];
        assert_eq!(share(&mut known, &mut two), two[0].as_str().len() + NAME_OVERHEAD, "the first brings it");
        assert!(std::ptr::eq(two[0].as_str(), two[1].as_str()));
        for number in 1..10 * MIN_CLEANUP {
            share(&mut known, &mut [name(number)]);
        }
        assert!(known.entries.len() <= MIN_CLEANUP, "{}", known.entries.len());
        let mut third = [name(0)];
        assert_eq!(share(&mut known, &mut third), 0);
        assert!(
            std::ptr::eq(two[0].as_str(), third[0].as_str()),
            "a name that is still in use is not stored again"
        );
    }
}
