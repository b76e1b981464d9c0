//! Who was let in on a day.
//!
//! Memory is bounded by the directory: only people who are in it are noted, each once a day and tenant.

use gatepost_core::clock::Day;
use gatepost_core::ids::{TenantId, UserId};
use gatepost_store::directory::ActivePerson;
use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};

/// For which tenant and day a cached credential was noted last: 48 bits of a hash of the tenant above 16 bits of the day. A person
/// who is let in for two tenants by turns, with one cookie on one host, is noted at each turn.
#[derive(Debug, Default)]
pub struct SeenDay(AtomicU64);

impl SeenDay {
    /// Returns whether this is new.
    #[inline]
    pub(super) fn note(&self, tenant: &TenantId, day: Day) -> bool {
        let word = word(tenant, day);
        self.0.load(Ordering::Relaxed) != word && self.0.swap(word, Ordering::Relaxed) != word
    }

    /// The same for an entry that takes the place of this one.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self(AtomicU64::new(self.0.load(Ordering::Relaxed)))
    }
}

/// FNV-1a: an id is short, and nobody gains by two tenants with one hash.
#[inline]
fn word(tenant: &TenantId, day: Day) -> u64 {
    let add = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = tenant.as_str().as_bytes().iter().fold(0xcbf2_9ce4_8422_2325, add);
    (hash << 16) | (u64::from(day.number()) & 0xffff)
}

/// The people who are not written yet.
#[derive(Debug, Default)]
pub(super) struct People {
    /// The day that `known` is about.
    day: Day,
    known: HashSet<(TenantId, UserId)>,
    waiting: Vec<ActivePerson>,
}

impl People {
    pub(super) fn note(&mut self, tenant: &TenantId, user: UserId, day: Day) {
        if self.day != day {
            self.day = day;
            self.known.clear();
        }
        if self.known.insert((tenant.clone(), user)) {
            self.waiting.push(ActivePerson { tenant: tenant.clone(), day, user });
        }
    }

    pub(super) fn take(&mut self) -> Vec<ActivePerson> {
        std::mem::take(&mut self.waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: Day = Day::from_number(20_786);
    const TOMORROW: Day = Day::from_number(20_787);

    fn tenant(id: &str) -> TenantId {
        id.parse().expect("an id")
    }

    #[test]
    fn a_credential_is_noted_once_a_day_and_tenant() {
        let (seen, acme, other) = (SeenDay::default(), tenant("acme"), tenant("other"));
        let noted = [(&acme, TODAY), (&acme, TODAY), (&other, TODAY), (&other, TODAY), (&other, TOMORROW)];
        assert_eq!(noted.map(|(tenant, day)| seen.note(tenant, day)), [true, false, true, false, true]);
        assert!(!seen.copy().note(&other, TOMORROW));
    }

    #[test]
    fn a_person_with_several_credentials_is_written_once_a_day() {
        let (mut people, user) = (People::default(), UserId::generate());
        for day in [TODAY, TODAY, TOMORROW] {
            people.note(&tenant("acme"), user, day);
        }
        people.note(&tenant("other"), user, TOMORROW);
        let taken = people.take();
        assert_eq!(taken.iter().map(|one| one.day).collect::<Vec<_>>(), [TODAY, TOMORROW, TOMORROW]);
        people.note(&tenant("acme"), user, TOMORROW);
        assert_eq!(people.take(), [], "also after it was written");
    }
}
