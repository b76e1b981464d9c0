//! What was counted and is not in the directory yet.
//!
//! Guarantee: a batch never changes once it may have been sent. What is counted later goes into later batches. While the directory
//! is away, there is one row for each tenant, day, meter and tool server, however long that is.

use gatepost_core::clock::Day;
use gatepost_core::ids::{ReplicaId, TenantId};
use gatepost_store::directory::{ActivePerson, UsageBatch, UsageCount};
use std::collections::{BTreeMap, VecDeque};

/// Rows of one batch, which are a single statement.
const MOST: usize = 1_000;
/// People of one batch: each is two statements, and a batch that needs longer than a transaction may last would be sent for ever.
const MOST_PEOPLE: usize = 100;

#[derive(Debug)]
pub(super) struct Unsent {
    replica: ReplicaId,
    /// Of the last batch.
    number: i64,
    batches: VecDeque<UsageBatch>,
    counts: BTreeMap<(TenantId, Day, &'static str, String), u64>,
    people: Vec<ActivePerson>,
}

impl Unsent {
    pub(super) const fn new(replica: ReplicaId) -> Self {
        Self { replica, number: 0, batches: VecDeque::new(), counts: BTreeMap::new(), people: Vec::new() }
    }

    pub(super) fn add(&mut self, tenant: &TenantId, day: Day, meter: &'static str, part: &str, value: u64) {
        *self.counts.entry((tenant.clone(), day, meter, part.to_owned())).or_default() += value;
    }

    pub(super) fn add_people(&mut self, people: Vec<ActivePerson>) {
        self.people.extend(people);
    }

    /// The batch that is to be sent next. Until [`Self::sent`] it stays the same.
    pub(super) fn first(&mut self) -> Option<&UsageBatch> {
        if self.batches.is_empty() {
            self.pack();
        }
        self.batches.front()
    }

    /// The first batch is in the directory.
    pub(super) fn sent(&mut self) {
        self.batches.pop_front();
    }

    fn pack(&mut self) {
        let counts = std::mem::take(&mut self.counts).into_iter();
        let counts: Vec<UsageCount> = counts
            .map(|((tenant, day, meter, part), value)| UsageCount { tenant, day, meter, part, value })
            .collect();
        let people = std::mem::take(&mut self.people);
        let mut counts = counts.chunks(MOST).map(<[_]>::to_vec);
        let mut people = people.chunks(MOST_PEOPLE).map(<[_]>::to_vec);
        loop {
            let (counts, people) = (counts.next(), people.next());
            if counts.is_none() && people.is_none() {
                return;
            }
            self.number += 1;
            self.batches.push_back(UsageBatch {
                replica: self.replica.clone(),
                number: self.number,
                counts: counts.unwrap_or_default(),
                people: people.unwrap_or_default(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gatepost_core::ids::UserId;

    const TODAY: Day = Day::from_number(20_786);

    fn add(unsent: &mut Unsent, tenant: &str, value: u64) {
        unsent.add(&tenant.parse().expect("an id"), TODAY, "api_requests", "", value);
    }

    fn first(unsent: &mut Unsent) -> Option<(i64, Vec<u64>)> {
        let batch = unsent.first()?;
        Some((batch.number, batch.counts.iter().map(|count| count.value).collect()))
    }

    #[test]
    fn a_batch_that_may_have_been_sent_stays_as_it_is() {
        let mut unsent = Unsent::new(ReplicaId::generate("test"));
        assert_eq!(first(&mut unsent), None);
        add(&mut unsent, "acme", 3);
        assert_eq!(first(&mut unsent), Some((1, vec![3])));
        add(&mut unsent, "acme", 4);
        add(&mut unsent, "acme", 5);
        assert_eq!(first(&mut unsent), Some((1, vec![3])), "its answer may be lost");
        unsent.sent();
        assert_eq!(first(&mut unsent), Some((2, vec![9])), "what was counted since");
        unsent.sent();
        assert_eq!(first(&mut unsent), None);
    }

    #[test]
    fn many_rows_are_several_batches() {
        let mut unsent = Unsent::new(ReplicaId::generate("test"));
        for number in 0..=MOST {
            add(&mut unsent, &format!("t{number}"), 1);
        }
        assert_eq!(first(&mut unsent).map(|(number, values)| (number, values.len())), Some((1, MOST)));
        unsent.sent();
        assert_eq!(first(&mut unsent), Some((2, vec![1])));
    }

    #[test]
    fn a_batch_has_few_people() {
        let mut unsent = Unsent::new(ReplicaId::generate("test"));
        add(&mut unsent, "acme", 1);
        let person =
            || ActivePerson { tenant: "acme".parse().expect("an id"), day: TODAY, user: UserId::generate() };
        unsent.add_people((0..=MOST_PEOPLE).map(|_| person()).collect());
        let mut sizes = Vec::new();
        while let Some(batch) = unsent.first() {
            sizes.push((batch.number, batch.counts.len(), batch.people.len()));
            unsent.sent();
        }
        assert_eq!(sizes, [(1, 1, MOST_PEOPLE), (2, 0, 1)]);
    }
}
