//! What many people have in common is in memory once: what they may, what is said of it, and the names in it.

use crate::gate::identity_headers::{Rendered, RenderedAccess};
use gatepost_config::VerifyConfig;
use gatepost_core::access::{Access, Role, Standing};
use gatepost_core::ids::{GroupName, TenantId};
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Bytes of a name besides its text: its counters and its place among the others.
const OF_A_NAME: usize = 48;
/// The same of an access and of what is said of it.
const OF_AN_ACCESS: usize = size_of::<Access>() + size_of::<RenderedAccess>() + 112;
/// Tidied when it has doubled, from here on.
const TIDY_FROM: usize = 256;

/// What somebody has. What nobody has any more goes when its number has doubled.
#[derive(Debug, Default)]
pub(super) struct Shared {
    accesses: Mutex<Known<Arc<Access>, Arc<RenderedAccess>>>,
    groups: Mutex<Known<GroupName>>,
    tenants: Mutex<Known<TenantId>>,
}

impl Shared {
    /// The same standing, with the access of others who may the same where there are any; its headers; and the bytes
    /// of what is new.
    pub(super) fn share(&self, standing: Standing, limits: &VerifyConfig) -> (Standing, Rendered, usize) {
        let known = locked(&self.accesses).find(&standing.access);
        let (access, rendered, new) = match known {
            Some((access, rendered)) => (access, rendered, 0),
            None => self.introduce(standing.access, limits),
        };
        let headers = Rendered::with(&standing.person, rendered, limits);
        (Standing { access, ..standing }, headers, new)
    }

    fn introduce(
        &self,
        mut shared: Arc<Access>,
        limits: &VerifyConfig,
    ) -> (Arc<Access>, Arc<RenderedAccess>, usize) {
        let access = Arc::make_mut(&mut shared);
        let lists = (access.groups.len() + access.every_tenant.len()) * size_of::<GroupName>()
            + access.tenants.ids().count() * size_of::<(TenantId, Role)>();
        let groups = locked(&self.groups).share(&mut access.groups, GroupName::is_shared, GroupName::as_str);
        let tenants = access.tenants.ids_mut().chain(&mut access.every_tenant);
        let tenants = locked(&self.tenants).share(tenants, TenantId::is_shared, TenantId::as_str);
        let rendered = RenderedAccess::new(access, limits);
        let new = OF_AN_ACCESS + lists + groups + tenants + rendered.size();
        let is_shared = |access: &Arc<Access>| Arc::strong_count(access) > 1;
        let (access, rendered, _) = locked(&self.accesses).keep(shared, Arc::new(rendered), is_shared);
        (access, rendered, new)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug)]
struct Known<K, V = ()> {
    entries: HashMap<K, V>,
    tidied: usize,
}

impl<K, V> Default for Known<K, V> {
    fn default() -> Self {
        Self { entries: HashMap::new(), tidied: 0 }
    }
}

impl<K: Clone + Eq + Hash, V: Clone> Known<K, V> {
    fn find(&self, key: &K) -> Option<(K, V)> {
        self.entries.get_key_value(key).map(|(key, value)| (key.clone(), value.clone()))
    }

    /// What is known already, or else this; and whether it is new.
    fn keep(&mut self, key: K, value: V, is_shared: impl Fn(&K) -> bool) -> (K, V, bool) {
        if let Some((key, value)) = self.find(&key) {
            return (key, value, false);
        }
        if self.entries.len() >= TIDY_FROM.max(2 * self.tidied) {
            self.entries.retain(|key, _| is_shared(key));
            self.tidied = self.entries.len();
        }
        self.entries.insert(key.clone(), value.clone());
        (key, value, true)
    }
}

impl<T: Clone + Eq + Hash> Known<T> {
    fn share<'a>(
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
            let (known, (), is_new) = self.keep(name.clone(), (), is_shared);
            *name = known;
            if is_new {
                new += text(name).len() + OF_A_NAME;
            }
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gatepost_core::access::Person;
    use gatepost_core::ids::UserId;

    fn standing(groups: &[usize], is_admin: bool) -> Standing {
        let access = Access {
            groups: groups.iter().map(|number| name(*number)).collect(),
            tenants: [("github".parse().expect("an id"), Role::Member)].into(),
            is_admin,
            every_tenant: Vec::new(),
        };
        Standing {
            person: Person { id: UserId::generate(), email: "a@example.com".parse().ok(), name: None },
            is_disabled: false,
            sessions_not_before: None,
            is_session_ended: false,
            access: access.into(),
        }
    }

    #[test]
    fn who_may_the_same_shares_it_and_nobody_else_does() {
        let shared = Shared::default();
        let limits = VerifyConfig::default();
        let share = |standing: &Standing| shared.share(standing.clone(), &limits);
        let (one, other) = (standing(&[1, 2], false), standing(&[1, 2], false));
        let (first, _, brought) = share(&one);
        let (second, headers, nothing) = share(&other);
        assert!(Arc::ptr_eq(&first.access, &second.access));
        assert_eq!((first, second), (one, other), "each is who they were");
        assert!(brought > 0, "the first brings it");
        assert_eq!(nothing, 0);
        assert_eq!(headers.size(), "a@example.com".len() + 36, "of their own the address and the id");
        for different in [standing(&[1], false), standing(&[1, 2], true)] {
            let (kept, _, brought) = share(&different);
            assert_eq!(kept, different);
            assert!(brought >= OF_AN_ACCESS);
        }
    }

    #[test]
    fn an_access_goes_when_nobody_has_it_any_more() {
        let (shared, limits) = (Shared::default(), VerifyConfig::default());
        let (kept, ..) = shared.share(standing(&[0], false), &limits);
        for number in 1..10 * TIDY_FROM {
            shared.share(standing(&[number], false), &limits);
        }
        let known = locked(&shared.accesses);
        assert!(known.entries.len() <= TIDY_FROM, "{}", known.entries.len());
        assert!(known.entries.contains_key(&kept.access), "who still has it keeps it");
    }

    fn name(number: usize) -> GroupName {
        format!("group {number}").parse().expect("a name")
    }

    fn share(known: &mut Known<GroupName>, names: &mut [GroupName]) -> usize {
        known.share(names, GroupName::is_shared, GroupName::as_str)
    }

    #[test]
    fn a_name_is_in_memory_once_and_goes_with_the_last_who_bears_it() {
        let mut known = Known::default();
        let mut two = [name(0), name(0)];
        assert_eq!(share(&mut known, &mut two), two[0].as_str().len() + OF_A_NAME, "the first brings it");
        assert!(std::ptr::eq(two[0].as_str(), two[1].as_str()));
        for number in 1..10 * TIDY_FROM {
            share(&mut known, &mut [name(number)]);
        }
        assert!(known.entries.len() <= TIDY_FROM, "{}", known.entries.len());
        let mut third = [name(0)];
        assert_eq!(share(&mut known, &mut third), 0);
        assert!(std::ptr::eq(two[0].as_str(), third[0].as_str()), "who still bears it keeps it");
    }
}
