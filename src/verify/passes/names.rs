//! Names of groups and tenants, each once in memory, however many people bear it.

use crate::domain::access::Standing;
use crate::domain::ids::{GroupName, TenantId};
use std::collections::HashSet;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Bytes of a name besides its text: its counters and its place among the others.
const OF_A_NAME: usize = 48;
/// Tidied when it has doubled, from here on.
const TIDY_FROM: usize = 256;

/// The names in use. Those that nobody bears any more go when their number has doubled.
#[derive(Debug, Default)]
pub(super) struct Names {
    groups: Mutex<Known<GroupName>>,
    tenants: Mutex<Known<TenantId>>,
}

impl Names {
    /// The same standing, with names that others have too where there are any; and the bytes of those that are new.
    pub(super) fn share(&self, mut standing: Standing) -> (Standing, usize) {
        let access = &mut standing.access;
        let groups = locked(&self.groups).share(&mut access.groups, GroupName::is_shared, GroupName::as_str);
        let tenants = access.tenants.ids_mut().chain(&mut access.every_tenant);
        let tenants = locked(&self.tenants).share(tenants, TenantId::is_shared, TenantId::as_str);
        (standing, groups + tenants)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug)]
struct Known<T> {
    names: HashSet<T>,
    tidied: usize,
}

impl<T> Default for Known<T> {
    fn default() -> Self {
        Self { names: HashSet::new(), tidied: 0 }
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
            if let Some(known) = self.names.get(name) {
                *name = known.clone();
                continue;
            }
            if self.names.len() >= TIDY_FROM.max(2 * self.tidied) {
                self.names.retain(is_shared);
                self.tidied = self.names.len();
            }
            new += text(name).len() + OF_A_NAME;
            self.names.insert(name.clone());
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert!(known.names.len() <= TIDY_FROM, "{}", known.names.len());
        let mut third = [name(0)];
        assert_eq!(share(&mut known, &mut third), 0);
        assert!(std::ptr::eq(two[0].as_str(), third[0].as_str()), "who still bears it keeps it");
    }
}
