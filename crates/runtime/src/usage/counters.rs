//! The counters of one tenant.

use arc_swap::ArcSwap;
use gatepost_core::clock::Day;
use gatepost_core::ids::ToolServerId;
use gatepost_core::usage::{API_REQUESTS, SIGN_INS, TOOL_CALLS};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many tool servers of a tenant have a counter. The calls of more are counted together.
const MOST_SERVERS: usize = 1_000;
/// The tool server for which those are told.
const OTHER: &str = "other";

/// Counts of three days, by the remainder of their numbers. They are taken long before the next such day.
#[derive(Debug, Default)]
pub struct DayCounter([AtomicU64; 3]);

impl DayCounter {
    /// Counts one more on a day.
    pub fn add(&self, day: Day) {
        self.slot(day).fetch_add(1, Ordering::Relaxed);
    }

    fn slot(&self, day: Day) -> &AtomicU64 {
        let [first, second, third] = &self.0;
        match day.number() % 3 {
            0 => first,
            1 => second,
            _ => third,
        }
    }

    /// Takes what was counted yesterday and today, and tomorrow: a request may come in at midnight, after `today` was read.
    fn take(&self, today: Day, mut each: impl FnMut(Day, u64)) {
        let today = today.number();
        for day in [today + 1, today, today.saturating_sub(1)].map(Day::from_number) {
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
    /// By tool server, at most [`MOST_SERVERS`]. An entry stays as long as the process.
    calls: ArcSwap<HashMap<ToolServerId, Arc<DayCounter>>>,
    /// Of tool servers that are not among them.
    other_calls: Arc<DayCounter>,
}

impl TenantUsage {
    /// Counts a request that passed.
    pub fn count_request(&self, day: Day) {
        self.requests.add(day);
    }

    pub(super) fn count_sign_in(&self, day: Day) {
        self.sign_ins.add(day);
    }

    /// The counter of the calls of a tool server.
    pub(super) fn calls_of(&self, server: &ToolServerId) -> Arc<DayCounter> {
        let known = self.calls.load();
        if let Some(known) = known.get(server) {
            return Arc::clone(known);
        }
        if known.len() < MOST_SERVERS {
            self.calls.rcu(|known| {
                let mut known = HashMap::clone(known);
                if known.len() < MOST_SERVERS {
                    known.entry(server.clone()).or_default();
                }
                known
            });
        }
        Arc::clone(self.calls.load().get(server).unwrap_or(&self.other_calls))
    }

    /// Takes what was counted: day, meter, part and value.
    pub(super) fn take(&self, today: Day, mut each: impl FnMut(Day, &'static str, &str, u64)) {
        self.requests.take(today, |day, value| each(day, API_REQUESTS, "", value));
        self.sign_ins.take(today, |day, value| each(day, SIGN_INS, "", value));
        for (server, calls) in self.calls.load().iter() {
            calls.take(today, |day, value| each(day, TOOL_CALLS, server.as_str(), value));
        }
        self.other_calls.take(today, |day, value| each(day, TOOL_CALLS, OTHER, value));
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
        usage.calls_of(&"github".parse().expect("an id")).add(TODAY);
        let want = [
            (20_787, API_REQUESTS, String::new(), 2),
            (20_786, API_REQUESTS, String::new(), 1),
            (20_786, TOOL_CALLS, "github".to_owned(), 1),
        ];
        assert_eq!(taken(&usage, tomorrow), want);
        assert_eq!(taken(&usage, tomorrow), []);
    }

    #[test]
    fn what_is_counted_after_midnight_belongs_to_the_new_day_also_if_it_is_taken_as_of_before() {
        let (usage, tomorrow) = (TenantUsage::default(), Day::from_number(TODAY.number() + 1));
        usage.count_request(tomorrow);
        assert_eq!(taken(&usage, TODAY), [(20_787, API_REQUESTS, String::new(), 1)]);
    }

    #[test]
    fn the_calls_of_ever_more_tool_servers_are_counted_together() {
        let usage = TenantUsage::default();
        let servers = 0..MOST_SERVERS + 2;
        for server in servers.map(|number| format!("s{number}").parse().expect("an id")) {
            usage.calls_of(&server).add(TODAY);
            usage.calls_of(&server).add(TODAY);
        }
        let taken = taken(&usage, TODAY);
        assert_eq!(taken.len(), MOST_SERVERS + 1);
        assert_eq!(taken.last(), Some(&(20_786, TOOL_CALLS, OTHER.to_owned(), 4)));
        assert!(taken[..MOST_SERVERS].iter().all(|(.., value)| *value == 2));
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
                    usage.calls_of(server).add(TODAY);
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
