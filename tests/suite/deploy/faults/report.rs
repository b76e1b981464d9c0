//! What was seen from outside of each kind of fault, compared with the numbers that are promised.

use super::changes::Late;
use super::events::Event;
use super::load::{Lane, Outcome, Sample};
use super::schedule::Kind;
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::time::{Duration, Instant};

/// A run, as it was noted.
pub struct Run {
    pub started_at: Instant,
    /// In the order in which they happened.
    pub events: Vec<Event>,
    pub samples: Vec<Sample>,
    pub late: Vec<Late>,
    /// Who ask at the same time on the lane [`Lane::Warm`].
    pub warm_askers: usize,
}

/// One number that is promised, and what was seen.
#[derive(Clone, Debug)]
pub struct Verdict {
    must: String,
    seen: String,
    pub holds: bool,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.holds { "ok    " } else { "MISSED" };
        write!(f, "{mark}  {}: {}", self.must, self.seen)
    }
}

/// What a lane was answered while faults of a kind lasted.
#[derive(Debug, Default)]
struct Seen {
    asked: usize,
    /// By status; 0 is no answer.
    failed: BTreeMap<u16, usize>,
    wrong: usize,
    /// The longest time between two right answers to one asker.
    gap: Duration,
    /// The most failures in one fault.
    most_failed: usize,
    /// From the beginning of a fault, and from when it was repaired, to the first right answer after the last failure.
    again: Duration,
    again_after_repair: Duration,
}

impl Seen {
    fn failed(&self) -> usize {
        self.failed.values().sum()
    }

    fn text(&self) -> String {
        if self.asked == 0 {
            return "- | -".to_owned();
        }
        let by_status: Vec<String> =
            self.failed.iter().map(|(status, count)| format!("{count} x {status}")).collect();
        let failed = if by_status.is_empty() { "0".to_owned() } else { by_status.join(", ") };
        format!("{failed} of {} | {}", self.asked, seconds(self.gap))
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f32())
}

impl Run {
    /// The events of a kind; `None`: the time before the first.
    fn spans(&self, kind: Option<Kind>) -> Vec<(Instant, Instant, Instant)> {
        if let Some(kind) = kind {
            let of_kind = self.events.iter().filter(|event| event.kind == kind);
            return of_kind.map(|event| (event.started_at, event.repaired_at, event.ended_at)).collect();
        }
        let end = self.events.first().map_or(self.started_at, |event| event.started_at);
        vec![(self.started_at, self.started_at, end)]
    }

    fn seen(&self, kind: Option<Kind>, lane: Lane) -> Seen {
        let mut seen = Seen::default();
        let of_lane: Vec<&Sample> = self.samples.iter().filter(|sample| sample.lane == lane).collect();
        for (started_at, repaired_at, ended_at) in self.spans(kind) {
            let inside: Vec<&&Sample> =
                of_lane.iter().filter(|one| one.answered >= started_at && one.answered < ended_at).collect();
            seen.asked += inside.len();
            seen.wrong += inside.iter().filter(|one| one.outcome == Outcome::Wrong).count();
            let failed: Vec<_> = inside.iter().filter(|one| one.outcome == Outcome::Failed).collect();
            for one in &failed {
                *seen.failed.entry(one.status).or_default() += 1;
            }
            seen.most_failed = seen.most_failed.max(failed.len());
            if let Some(last) = failed.iter().map(|one| one.sent).max() {
                let right = inside.iter().filter(|one| one.outcome == Outcome::Right && one.sent > last);
                let again = right.map(|one| one.answered).min().unwrap_or(ended_at);
                seen.again = seen.again.max(again.saturating_duration_since(started_at));
                seen.again_after_repair =
                    seen.again_after_repair.max(again.saturating_duration_since(repaired_at));
            }
            seen.gap = seen.gap.max(longest_gap(&of_lane, started_at, ended_at));
        }
        seen
    }

    fn late_in(&self, kind: Option<Kind>) -> Vec<&Late> {
        let spans = self.spans(kind);
        let inside = |late: &&Late| {
            spans.iter().any(|(started_at, _, ended_at)| {
                late.answer.answered >= *started_at && late.answer.answered < *ended_at
            })
        };
        self.late.iter().filter(inside).collect()
    }

    /// Answers that let somebody in, or signed somebody out, who was not to be; one line for each.
    pub fn wrong(&self) -> Vec<String> {
        let at = |when: Instant| seconds(when.saturating_duration_since(self.started_at));
        let during = |when: Instant| {
            let event = self.events.iter().rev().find(|event| event.started_at <= when);
            event.map_or("no fault", |event| event.kind.name())
        };
        let wrong = self.samples.iter().filter(|one| one.outcome == Outcome::Wrong);
        let samples = wrong.map(|one| {
            let Sample { lane, asker, sent, status, answered, .. } = one;
            format!("{} ({}): {lane:?} {asker} was answered {status}", at(*sent), during(*answered))
        });
        let late = self.late.iter().map(|late| {
            let Late { what, answer, after } = late;
            let (sent, during) = (at(answer.sent), during(answer.answered));
            format!("{sent} ({during}): {what} was answered {} {after:?} after the change", answer.status)
        });
        samples.chain(late).collect()
    }

    /// The table, in Markdown.
    pub fn table(&self) -> String {
        let mut table = String::from(
            "| fault | times | warm: failed | longest gap | cold: failed | longest gap | sign-ins: failed | longest gap | wrong |\n\
             |---|---|---|---|---|---|---|---|---|\n",
        );
        for kind in std::iter::once(None).chain(Kind::ALL.map(Some)) {
            let times = self.spans(kind).len();
            if times == 0 {
                continue;
            }
            let lanes = Lane::ALL.map(|lane| self.seen(kind, lane));
            let wrong = lanes.iter().map(|seen| seen.wrong).sum::<usize>() + self.late_in(kind).len();
            let [warm, cold, sign_ins] = lanes.map(|seen| seen.text());
            let (name, times) = (
                kind.map_or("none, before the first", Kind::name),
                kind.map_or_else(|| "-".to_owned(), |_| times.to_string()),
            );
            writeln!(table, "| {name} | {times} | {warm} | {cold} | {sign_ins} | {wrong} |").unwrap();
        }
        table
    }

    /// Whether no answer was wrong and no number missed.
    pub fn holds(&self) -> bool {
        self.wrong().is_empty() && self.verdicts().iter().all(|verdict| verdict.holds)
    }

    /// The promised numbers, of the kinds that happened.
    pub fn verdicts(&self) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        let mut add = |must: &str, seen: String, holds: bool| {
            verdicts.push(Verdict { must: must.to_owned(), seen, holds });
        };
        for kind in Kind::ALL.into_iter().filter(|kind| !self.spans(Some(*kind)).is_empty()) {
            let [warm, cold, sign_ins] = Lane::ALL.map(|lane| self.seen(Some(kind), lane));
            match kind {
                Kind::RollingRestart => {
                    let failed = warm.failed() + cold.failed() + sign_ins.failed();
                    let asked = warm.asked + cold.asked + sign_ins.asked;
                    add("rolling restart: 0 failed", format!("{failed} of {asked}"), failed == 0);
                }
                Kind::ReplicaKilled => {
                    let most = self.warm_askers;
                    add(
                        &format!("replica killed: at most the {most} warm requests in flight fail"),
                        format!("at most {}", warm.most_failed),
                        warm.most_failed <= most,
                    );
                    let again = warm.again.max(cold.again).max(sign_ins.again);
                    add("replica killed: all well in 2 s", seconds(again), again <= Duration::from_secs(2));
                }
                Kind::RedisKilled => {
                    add(
                        "Redis primary killed: no warm request fails",
                        format!("{} of {}", warm.failed(), warm.asked),
                        warm.failed() == 0,
                    );
                    let again = sign_ins.again;
                    add(
                        "Redis primary killed: sign-in again in 5 s",
                        seconds(again),
                        again <= Duration::from_secs(5),
                    );
                }
                Kind::PostgresLost => {
                    add(
                        "Postgres primary lost: no warm request fails",
                        format!("{} of {}", warm.failed(), warm.asked),
                        warm.failed() == 0,
                    );
                    let again = cold.again_after_repair.max(sign_ins.again_after_repair);
                    add(
                        "Postgres primary lost: all well 10 s after the promotion",
                        seconds(again),
                        again <= Duration::from_secs(10),
                    );
                }
                Kind::LeaderStill | Kind::RedisPaused | Kind::Partition => {}
            }
            let late = self.late_in(Some(kind)).len() + warm.wrong + cold.wrong + sign_ins.wrong;
            add(&format!("{}: no wrong answer", kind.name()), late.to_string(), late == 0);
        }
        for (cause, must) in [("killed", 4.6), ("SIGTERM", 0.6), ("stands still", 4.6)] {
            let times = self.events.iter().flat_map(|event| &event.leaders);
            let longest = times.filter(|(own, _)| *own == cause).map(|(_, took)| *took).max();
            if let Some(longest) = longest {
                add(
                    &format!("leader ({cause}): another one in {must} s"),
                    seconds(longest),
                    longest.as_secs_f64() <= must,
                );
            }
        }
        verdicts
    }

    /// The faults, one a line.
    pub fn events(&self) -> String {
        let mut lines = String::new();
        for Event { kind, started_at, repaired_at, ended_at, leaders, detail } in &self.events {
            let [start, repair, end] =
                [*started_at - self.started_at, *repaired_at - *started_at, *ended_at - *started_at]
                    .map(seconds);
            let name = kind.name();
            writeln!(
                lines,
                "{start}: {name} ({detail}), repaired after {repair}, well after {end} {leaders:?}"
            )
            .unwrap();
        }
        lines
    }

    /// Every request that failed or was answered wrongly, as comma-separated values.
    pub fn failures(&self) -> String {
        let mut lines = String::from("sent,took_ms,lane,asker,status,outcome\n");
        for one in self.samples.iter().filter(|one| one.outcome != Outcome::Right) {
            let sent = one.sent.saturating_duration_since(self.started_at).as_secs_f64();
            let took = one.answered.saturating_duration_since(one.sent).as_millis();
            let Sample { lane, asker, status, outcome, .. } = one;
            writeln!(lines, "{sent:.3},{took},{lane:?},{asker},{status},{outcome:?}").unwrap();
        }
        lines
    }
}

/// The longest time between two right answers to one asker of which the later one is in this span.
fn longest_gap(samples: &[&Sample], started_at: Instant, ended_at: Instant) -> Duration {
    let mut last: BTreeMap<usize, Instant> = BTreeMap::new();
    let mut longest = Duration::ZERO;
    let right = samples.iter().filter(|one| one.outcome == Outcome::Right && one.asker != usize::MAX);
    for one in right {
        if let Some(before) = last.insert(one.asker, one.answered)
            && one.answered >= started_at
            && one.answered < ended_at
        {
            longest = longest.max(one.answered.saturating_duration_since(before));
        }
    }
    longest
}
