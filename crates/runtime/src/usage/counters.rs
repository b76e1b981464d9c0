//! The counters of one tenant.

use arc_swap::ArcSwap;
use gatepost_core::clock::Day;
use gatepost_core::ids::ToolServerId;
use gatepost_core::usage::{API_REQUESTS, SIGN_INS, TOOL_CALLS};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts of two days, one with an even number and one with an odd one. They are taken long before the next such day.
#[derive(Debug, Default)]
struct DayCounter([AtomicU64; 2]);

impl DayCounter {
    fn add(&self, day: Day) {
        self.slot(day).fetch_add(1, Ordering::Relaxed);
    }

    fn slot(&self, day: Day) -> &AtomicU64 {
        let [even, odd] = &self.0;
        if day.number().is_multiple_of(2) { even } else { odd }
    }

    /// Takes what was counted today and yesterday.
    fn take(&self, today: Day, mut each: impl FnMut(Day, u64)) {
        for day in [today, Day::from_number(today.number().saturating_sub(1))] {
            let slot = self.slot(day);
            // Most counters stand still: they are only read.
            if slot.load(Ordering::Relaxed) > 0 {
                each(day, slot.swap(0, Ordering::Relaxed));
            }
        }
    }
}

/// What one tenant used on this replica since it was taken last.
#[derive(Debug, Default)]
pub struct TenantUsage {
    requests: DayCounter,
    sign_ins: DayCounter,
    /// By tool server. An entry stays as long as the process.
    calls: ArcSwap<HashMap<ToolServerId, Arc<DayCounter>>>,
}

impl TenantUsage {
    /// Counts a request that passed.
    pub fn count_request(&self, day: Day) {
        self.requests.add(day);
    }

    pub(super) fn count_sign_in(&self, day: Day) {
        self.sign_ins.add(day);
    }

    pub(super) fn count_call(&self, server: &ToolServerId, day: Day) {
        if let Some(known) = self.calls.load().get(server) {
            return known.add(day);
        }
        self.calls.rcu(|known| {
            let mut known = HashMap::clone(known);
            known.entry(server.clone()).or_default();
            known
        });
        if let Some(known) = self.calls.load().get(server) {
            known.add(day);
        }
    }

    /// Takes what was counted: day, meter, part and value.
    pub(super) fn take(&self, today: Day, mut each: impl FnMut(Day, &'static str, &str, u64)) {
        self.requests.take(today, |day, value| each(day, API_REQUESTS, "", value));
        self.sign_ins.take(today, |day, value| each(day, SIGN_INS, "", value));
        for (server, calls) in self.calls.load().iter() {
            calls.take(today, |day, value| each(day, TOOL_CALLS, server.as_str(), value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: Day = Day::from_number(20_786);

    fn taken(usage: &TenantUsage, today: Day) -> Vec<(u32, &'static str, String, u64)> {
        let mut taken = Vec::new();
        usage
            .take(today, |day, meter, part, value| taken.push((day.number(), meter, part.to_owned(), value)));
        taken
    }

    #[test]
    fn what_is_counted_around_midnight_belongs_to_its_own_day() {
        let (usage, tomorrow) = (TenantUsage::default(), Day::from_number(TODAY.number() + 1));
        usage.count_request(TODAY);
        usage.count_request(tomorrow);
        usage.count_request(tomorrow);
        usage.count_call(&"github".parse().expect("an id"), TODAY);
        let want = [
            (20_787, API_REQUESTS, String::new(), 2),
            (20_786, API_REQUESTS, String::new(), 1),
            (20_786, TOOL_CALLS, "github".to_owned(), 1),
        ];
        assert_eq!(taken(&usage, tomorrow), want);
        assert_eq!(taken(&usage, tomorrow), []);
    }

    #[test]
    fn threads_that_count_while_it_is_taken_lose_nothing() {
        const EACH: u64 = 20_000;
        let usage = TenantUsage::default();
        let servers: Vec<ToolServerId> =
            ["a", "b", "c"].iter().map(|id| id.parse().expect("an id")).collect();
        let mut sums: HashMap<(&'static str, String), u64> = HashMap::new();
        let mut note = |usage: &TenantUsage| {
            usage.take(TODAY, |_, meter, part, value| {
                *sums.entry((meter, part.to_owned())).or_default() += value;
            });
        };
        std::thread::scope(|scope| {
            let count = |server: &ToolServerId| {
                for _ in 0..EACH {
                    usage.count_request(TODAY);
                    usage.count_call(server, TODAY);
                }
            };
            let threads: Vec<_> = servers.iter().map(|server| scope.spawn(move || count(server))).collect();
            while threads.iter().any(|thread| !thread.is_finished()) {
                note(&usage);
            }
        });
        note(&usage);
        assert_eq!(sums.remove(&(API_REQUESTS, String::new())), Some(3 * EACH));
        assert!(sums.values().all(|sum| *sum == EACH) && sums.len() == 3, "{sums:?}");
    }
}
