//! Small charts as SVG in the page: one bar for each day. The numbers are in a table below them too.
//!
//! Guarantee: colours come from the style sheet alone, and no element has a `style`, which the policy would ignore.

use super::words::{Day, grouped};
use askama::Template;
use gatepost_core::clock::Timestamp;
use std::time::Duration;

/// How many days are shown.
pub const DAYS: u32 = 30;

const DAY: Duration = Duration::from_hours(24);
/// A bar and the gap behind it, in units of the picture.
pub(super) const STEP: u64 = 10;
pub(super) const BAR: u64 = 7;
/// The height of the highest bar.
pub(super) const HEIGHT: u64 = 60;
/// A day with anything at all has a bar that is seen.
const LEAST: u64 = 2;

/// What happened on the last [`DAYS`] days.
#[derive(Clone, Copy, Debug)]
pub struct Activity<'a> {
    /// In any order. A day that is missing had none.
    pub days: &'a [DayNumbers],
    /// A second of the last day.
    pub now: Timestamp,
}

/// What happened on one day (UTC).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayNumbers {
    /// A second of the day.
    pub day: Timestamp,
    pub sign_ins: u64,
    pub refusals: u64,
}

/// The charts of an [`Activity`], with their table.
#[derive(Debug, Template)]
#[template(path = "chart.html")]
pub(super) struct Charts {
    pictures: [Chart; 2],
    rows: Vec<Row>,
    first: Day,
    last: Day,
}

/// A row of bars.
#[derive(Debug)]
pub(super) struct Chart {
    /// Unique on the page.
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    /// The class of the bars.
    class: &'static str,
    pub(super) total: String,
    /// What somebody sees in it, as sentences.
    pub(super) description: String,
    pub(super) bars: Vec<Bar>,
}

#[derive(Debug)]
pub(super) struct Bar {
    pub(super) x: u64,
    pub(super) y: u64,
    pub(super) height: u64,
    /// What it stands for.
    pub(super) text: String,
}

#[derive(Debug)]
struct Row {
    day: Day,
    sign_ins: String,
    refusals: String,
}

impl Activity<'_> {
    /// The first second of the oldest day that is shown.
    pub fn begins_at(now: Timestamp) -> Timestamp {
        Day::of(now).start().minus(DAY * (DAYS - 1))
    }

    pub(super) fn charts(&self) -> Charts {
        let first = Self::begins_at(self.now);
        let numbers: Vec<DayNumbers> =
            (0..DAYS).map(|number| self.numbers(first.plus(DAY * number))).collect();
        let series = |of: fn(&DayNumbers) -> u64| -> Vec<(Day, u64)> {
            numbers.iter().map(|day| (Day::of(day.day), of(day))).collect()
        };
        let row = |day: &DayNumbers| Row {
            day: Day::of(day.day),
            sign_ins: grouped(day.sign_ins),
            refusals: grouped(day.refusals),
        };
        Charts {
            pictures: [
                Chart::new("sign-ins", "Sign-ins", "", &series(|day| day.sign_ins)),
                Chart::new("refusals", "Refusals", "refused", &series(|day| day.refusals)),
            ],
            rows: numbers.iter().rev().map(row).collect(),
            first: Day::of(first),
            last: Day::of(self.now),
        }
    }

    fn numbers(&self, day: Timestamp) -> DayNumbers {
        let known = self.days.iter().find(|one| Day::of(one.day) == Day::of(day));
        known.copied().unwrap_or(DayNumbers { day, sign_ins: 0, refusals: 0 })
    }
}

impl Chart {
    pub(super) fn new(
        id: &'static str,
        title: &'static str,
        class: &'static str,
        days: &[(Day, u64)],
    ) -> Self {
        let most = days.iter().map(|(_, number)| *number).max().unwrap_or_default();
        let total: u64 = days.iter().map(|(_, number)| number).sum();
        let bar = |(index, (day, number)): (u64, &(Day, u64))| {
            let height = height(*number, most);
            Bar { x: index * STEP, y: HEIGHT - height, height, text: format!("{day}: {}", grouped(*number)) }
        };
        let bars = (0..).zip(days).filter(|(_, (_, number))| *number > 0).map(bar).collect();
        Self { id, title, class, total: grouped(total), description: description(days, most), bars }
    }
}

fn height(number: u64, most: u64) -> u64 {
    // In 128 bits the product does not overflow.
    let scaled = u128::from(number) * u128::from(HEIGHT) / u128::from(most.max(1));
    u64::try_from(scaled).unwrap_or(HEIGHT).clamp(LEAST, HEIGHT)
}

/// What a chart shows, in words.
fn description(days: &[(Day, u64)], most: u64) -> String {
    let Some((day, _)) = days.iter().find(|(_, number)| *number == most && most > 0) else {
        return "None on any of these days.".to_owned();
    };
    let today = days.last().map_or(0, |(_, number)| *number);
    format!("The most on one day: {}, on {day}. Today: {}.", grouped(most), grouped(today))
}

impl Charts {
    /// The width of the pictures.
    const fn width() -> u64 {
        DAYS as u64 * STEP - (STEP - BAR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_795_563_300);

    fn day(ago: u32, sign_ins: u64, refusals: u64) -> DayNumbers {
        DayNumbers { day: NOW.minus(DAY * ago), sign_ins, refusals }
    }

    #[test]
    fn each_day_has_its_place_and_the_highest_bar_fills_the_picture() {
        let days = [day(0, 5, 0), day(1, 10, 0), day(29, 1, 0), day(30, 1_000, 9), day(2, 0, 3)];
        let charts = Activity { days: &days, now: NOW }.charts();
        let [sign_ins, refusals] = &charts.pictures;
        let places: Vec<_> = sign_ins.bars.iter().map(|bar| (bar.x, bar.y, bar.height)).collect();
        assert_eq!(
            places,
            [(0, 54, 6), (280, 0, 60), (290, 30, 30)],
            "the day before the first is not shown"
        );
        assert_eq!(refusals.bars.iter().map(|bar| bar.x).collect::<Vec<_>>(), [270]);
        assert_eq!((sign_ins.total.as_str(), refusals.total.as_str()), ("16", "3"));
        assert_eq!(charts.rows.len(), 30);
        assert_eq!(charts.rows[0].sign_ins, "5", "the newest first");
        assert_eq!(sign_ins.description, "The most on one day: 10, on 23 November. Today: 5.");
    }

    #[test]
    fn a_small_number_is_seen_beside_a_large_one_and_none_is_no_bar() {
        let charts = Activity { days: &[day(0, 1, 0), day(1, u64::MAX / 2, 0)], now: NOW }.charts();
        let [sign_ins, refusals] = &charts.pictures;
        assert_eq!(sign_ins.bars.iter().map(|bar| bar.height).collect::<Vec<_>>(), [HEIGHT, LEAST]);
        assert!(refusals.bars.is_empty());
        assert_eq!(refusals.description, "None on any of these days.");
    }
}
