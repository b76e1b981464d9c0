//! What a tenant has used this month, on its page.

use crate::chart::{BAR, Chart, HEIGHT, STEP};
use crate::words::{Day, grouped};
use askama::Template;
use gatepost_core::clock::Timestamp;
use gatepost_core::usage::{ACTIVE_USERS, API_REQUESTS, SIGN_INS, TOOL_CALLS};

/// What a tenant has used in a month so far.
#[derive(Clone, Copy, Debug)]
pub struct MonthOfTenant<'a> {
    /// The month, as `2026-11`.
    pub month: &'a str,
    pub meters: &'a [MonthMeter<'a>],
    /// The requests of programs on each day from the first of the month until today: a second of the day, and how many.
    pub requests: &'a [(Timestamp, u64)],
}

/// How much of one meter.
#[derive(Clone, Copy, Debug)]
pub struct MonthMeter<'a> {
    pub name: &'a str,
    pub used: u64,
    /// So much costs nothing. `None`: the meter has no price.
    pub included: Option<u64>,
}

/// The chart and the table.
#[derive(Debug, Template)]
#[template(path = "admin/usage.html")]
pub(super) struct UsageView {
    month: String,
    chart: Chart,
    first: Option<Day>,
    last: Option<Day>,
    width: u64,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    name: String,
    used: String,
    included: String,
    is_over: bool,
}

impl MonthOfTenant<'_> {
    pub(super) fn view(&self) -> UsageView {
        let days: Vec<(Day, u64)> =
            self.requests.iter().map(|(at, number)| (Day::of(*at), *number)).collect();
        let places = u64::try_from(days.len().max(1)).unwrap_or(1);
        let row = |meter: &MonthMeter<'_>| Row {
            name: words(meter.name),
            used: grouped(meter.used),
            included: meter.included.map_or_else(|| "-".to_owned(), grouped),
            is_over: meter.included.is_some_and(|included| meter.used > included),
        };
        UsageView {
            month: self.month.to_owned(),
            first: days.first().map(|(day, _)| *day),
            last: days.last().map(|(day, _)| *day),
            width: places * STEP - (STEP - BAR),
            chart: Chart::new("requests", "Requests of programs", "", &days),
            rows: self.meters.iter().map(row).collect(),
        }
    }
}

/// A meter of Gatepost in words; another one by its name.
fn words(meter: &str) -> String {
    match meter {
        API_REQUESTS => "Requests of programs".to_owned(),
        TOOL_CALLS => "Calls of tools".to_owned(),
        SIGN_INS => "Sign-ins".to_owned(),
        ACTIVE_USERS => "People who were let in".to_owned(),
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn each_day_has_its_bar_and_what_is_over_is_marked() {
        let first = Timestamp::from_unix(1_793_491_200);
        let days: Vec<_> = (0..3_u32)
            .map(|day| (first.plus(Duration::from_hours(24) * day), u64::from(day) * 1_000))
            .collect();
        let meters = [
            MonthMeter { name: "api_requests", used: 3_000, included: Some(2_999) },
            MonthMeter { name: "workflow_runs", used: 7, included: None },
        ];
        let shown = MonthOfTenant { month: "2026-11", meters: &meters, requests: &days }.view();
        let html = shown.render().expect("a page");
        assert_eq!(html.matches("<rect").count(), 2, "a day without requests has no bar: {html}");
        assert!(html.contains("3,000") && html.contains("2,999") && html.contains("workflow_runs"), "{html}");
        assert_eq!(shown.rows.iter().map(|row| row.is_over).collect::<Vec<_>>(), [true, false]);
        let none =
            MonthOfTenant { month: "2026-11", meters: &[], requests: &[] }.view().render().expect("a page");
        assert!(none.contains("used nothing") && !none.contains("<svg"), "{none}");
    }
}
