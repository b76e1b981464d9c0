//! Names of groups and tenants, each once in memory, however many people bear it.

use crate::domain::access::Standing;
use crate::domain::ids::{GroupName, TenantId};
use std::collections::HashSet;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Tidied when it has doubled, from here on.
const TIDY_FROM: usize = 256;

/// The names in use. Those that nobody bears any more go when their number has doubled.
#[derive(Debug, Default)]
pub(super) struct Names {
    groups: Mutex<Known<GroupName>>,
    tenants: Mutex<Known<TenantId>>,
}

impl Names {
    /// The same standing, with names that others have too where there are any.
    pub(super) fn share(&self, mut standing: Standing) -> Standing {
        let access = &mut standing.access;
        locked(&self.groups).share(&mut access.groups, GroupName::is_shared);
        let tenants = access.tenants.ids_mut().chain(&mut access.every_tenant);
        locked(&self.tenants).share(tenants, TenantId::is_shared);
        standing
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
    fn share<'a>(&mut self, names: impl IntoIterator<Item = &'a mut T>, is_shared: fn(&T) -> bool)
    where
        T: 'a,
    {
        for name in names {
            if let Some(known) = self.names.get(name) {
                *name = known.clone();
                continue;
            }
            if self.names.len() >= TIDY_FROM.max(2 * self.tidied) {
                self.names.retain(is_shared);
                self.tidied = self.names.len();
            }
            self.names.insert(name.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(number: usize) -> GroupName {
        format!("group {number}").parse().expect("a name")
    }

    #[test]
    fn a_name_is_in_memory_once_and_goes_with_the_last_who_bears_it() {
        let mut known = Known::default();
        let (mut first, mut second) = (name(0), name(0));
        known.share([&mut first, &mut second], GroupName::is_shared);
        assert!(std::ptr::eq(first.as_str(), second.as_str()));
        for number in 1..10 * TIDY_FROM {
            known.share([&mut name(number)], GroupName::is_shared);
        }
        assert!(known.names.len() <= TIDY_FROM, "{}", known.names.len());
        let mut third = name(0);
        known.share([&mut third], GroupName::is_shared);
        assert!(std::ptr::eq(first.as_str(), third.as_str()), "who still bears it keeps it");
    }
}
