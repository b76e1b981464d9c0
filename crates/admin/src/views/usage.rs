//! What a tenant used and what it owes, as JSON, as CSV (RFC 4180) and as CloudEvents.

use super::csv::{line, push_line};
use crate::usage_span::{UsageSpan, UsageStep};
use gatepost_core::calendar::rfc3339;
use gatepost_core::clock::{Day, Timestamp};
use gatepost_core::ids::{TenantId, TierId};
use gatepost_core::usage::{ACTIVE_USERS, Bill, BillLine, FUTURE, Month, OWN_METERS, PAST, TOOL_CALLS};
use gatepost_store::directory::{Usage, UsageDay};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use utoipa::ToSchema;

/// What a tenant used.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TenantUsage {
    pub tenant: String,
    /// The first day, in UTC.
    #[schema(format = Date)]
    pub from: String,
    /// The last day.
    #[schema(format = Date)]
    pub to: String,
    /// `day` or `month`: of which time each period is.
    pub by: String,
    /// The periods in which something was used, by time.
    pub periods: Vec<UsagePeriod>,
}

/// What was used in a day or a month.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UsagePeriod {
    /// A day as `2026-11-29`, or a month as `2026-11`.
    pub period: String,
    /// By meter. `active_users` are the people of the period, each once.
    #[schema(example = json!({"api_requests": 1200, "sign_ins": 7, "active_users": 5}))]
    pub meters: BTreeMap<String, u64>,
    /// `tool_calls` by tool server.
    pub tool_calls: BTreeMap<String, u64>,
}

impl TenantUsage {
    pub fn new(tenant: &TenantId, span: UsageSpan, usage: &Usage) -> Self {
        let mut periods: BTreeMap<String, UsagePeriod> = BTreeMap::new();
        let of_day = |day: Day| match span.step {
            UsageStep::Day => day.iso(),
            UsageStep::Month => Month::of(day).to_string(),
        };
        let mut add = |day: Day, meter: &str, part: &str, value: u64| {
            let period = of_day(day);
            let found = periods.entry(period.clone()).or_default();
            found.period = period;
            let sum = found.meters.entry(meter.to_owned()).or_default();
            *sum = sum.saturating_add(value);
            if meter == TOOL_CALLS {
                *found.tool_calls.entry(part.to_owned()).or_default() += value;
            }
        };
        let is_by_month = span.step == UsageStep::Month;
        for UsageDay { day, meter, part, value } in &usage.days {
            // Who was there on two days of a month counts once.
            if !(is_by_month && meter.as_str() == ACTIVE_USERS) {
                add(*day, meter.as_str(), part, *value);
            }
        }
        for (day, people) in usage.first_seen.iter().filter(|_| is_by_month) {
            add(*day, ACTIVE_USERS, "", *people);
        }
        Self {
            tenant: tenant.to_string(),
            from: span.from.iso(),
            to: span.to.iso(),
            by: span.step.to_string(),
            periods: periods.into_values().collect(),
        }
    }

    /// One line for each period, meter and tool server.
    pub fn to_csv(&self) -> String {
        let mut lines = line(["tenant", "period", "meter", "tool_server", "value"]);
        self.each(|period, meter, server, value| {
            push_line(&mut lines, [&self.tenant, period, meter, server, &value.to_string()]);
        });
        lines
    }

    /// Days as events of CloudEvents 1.0, for what counts usage elsewhere. The id is the same whenever somebody reads it, so only what
    /// has its last value by `now` is told.
    pub fn to_cloud_events(&self, source: &str, now: Timestamp) -> Value {
        let mut events = Vec::new();
        self.each(|period, meter, server, value| {
            let Ok(day) = period.parse::<Day>() else { return };
            if final_at(day, meter) > now {
                return;
            }
            let part = if server.is_empty() { String::new() } else { format!("/{server}") };
            let mut data = json!({ "value": value, "day": period });
            if !server.is_empty() {
                data["tool_server"] = json!(server);
            }
            events.push(json!({
                "specversion": "1.0",
                "id": format!("{}/{period}/{meter}{part}", self.tenant),
                "source": source,
                "type": format!("gatepost.usage.{meter}"),
                "subject": self.tenant,
                "time": rfc3339(day.start()),
                "datacontenttype": "application/json",
                "data": data,
            }));
        });
        events.into()
    }

    /// Each period, meter, tool server and value. Calls of tools are told by tool server alone.
    fn each(&self, mut tell: impl FnMut(&str, &str, &str, u64)) {
        for UsagePeriod { period, meters, tool_calls } in &self.periods {
            for (meter, value) in meters.iter().filter(|(meter, _)| *meter != TOOL_CALLS) {
                tell(period, meter, "", *value);
            }
            for (server, value) in tool_calls {
                tell(period, TOOL_CALLS, server, *value);
            }
        }
    }
}

/// How long after the end of a day replicas may write what they counted on it: they do every 10 seconds while they reach the directory.
const WRITTEN_WITHIN: Duration = Duration::from_hours(1);

/// From when on the value of a meter on a day stays as it is.
fn final_at(day: Day, meter: &str) -> Timestamp {
    day.end().plus(if OWN_METERS.contains(&meter) { WRITTEN_WITHIN } else { PAST + FUTURE })
}

/// What a tenant owes for a month, by the prices that its tier has now. Amounts are in the minor unit of the currency.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TenantBill {
    pub tenant: String,
    #[schema(example = "2026-11")]
    pub month: String,
    /// The month is over. What was used may still come in: replicas write within seconds, others report within 35 days.
    pub is_over: bool,
    /// `null`: it has none.
    pub tier: Option<String>,
    /// By its code of ISO 4217. `null`: nothing has a price.
    #[schema(example = "EUR")]
    pub currency: Option<String>,
    /// For the month itself. 0 before the tenant was created, after it was deleted, and in the future.
    pub base: u64,
    /// The meters that were used or have a price.
    pub meters: Vec<BilledMeter>,
    pub total: u64,
}

/// One meter of a bill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BilledMeter {
    pub meter: String,
    pub used: u64,
    /// So much costs nothing. `null`: the meter has no price.
    pub included: Option<u64>,
    /// What was used beyond that.
    pub over: u64,
    /// The price is for so many; begun ones count whole.
    pub per: Option<u64>,
    pub price: Option<u64>,
    pub amount: u64,
}

impl From<&BillLine> for BilledMeter {
    fn from(line: &BillLine) -> Self {
        Self {
            meter: line.meter.to_string(),
            used: line.used,
            included: line.price.map(|price| price.included),
            over: line.over,
            per: line.price.map(|price| price.per),
            price: line.price.map(|price| price.price),
            amount: line.amount,
        }
    }
}

impl TenantBill {
    pub fn new((tenant, tier): (&TenantId, Option<&TierId>), month: Month, bill: &Bill, today: Day) -> Self {
        Self {
            tenant: tenant.to_string(),
            month: month.to_string(),
            is_over: month.last_day() < today,
            tier: tier.map(ToString::to_string),
            currency: bill.currency.as_ref().map(ToString::to_string),
            base: bill.base,
            meters: bill.lines.iter().map(BilledMeter::from).collect(),
            total: bill.total,
        }
    }

    /// One line for the month itself, for each meter, and for the total.
    pub fn to_csv(&self) -> String {
        let header =
            ["tenant", "month", "meter", "used", "included", "over", "per", "price", "amount", "currency"];
        let mut lines = line(header);
        let currency = self.currency.as_deref().unwrap_or_default();
        let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
        let mut push = |meter: &str, [used, included, over, per, price]: [Option<u64>; 5], amount: u64| {
            let [used, included, over, per, price] = [used, included, over, per, price].map(number);
            let amount = amount.to_string();
            let cells = [
                &*self.tenant,
                &*self.month,
                meter,
                &*used,
                &*included,
                &*over,
                &*per,
                &*price,
                &*amount,
                currency,
            ];
            push_line(&mut lines, cells);
        };
        push("base", [None; 5], self.base);
        for BilledMeter { meter, used, included, over, per, price, amount } in &self.meters {
            push(meter, [Some(*used), *included, Some(*over), *per, *price], *amount);
        }
        push("total", [None; 5], self.total);
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        text.parse().expect("a day")
    }

    fn used(day_of: &str, meter: &str, part: &str, value: u64) -> UsageDay {
        UsageDay { day: day(day_of), meter: meter.parse().expect("a meter"), part: part.to_owned(), value }
    }

    fn usage(step: UsageStep) -> TenantUsage {
        let days = vec![
            used("2026-11-30", "active_users", "", 2),
            used("2026-11-30", "tool_calls", "a", 3),
            used("2026-11-30", "tool_calls", "b", 4),
            used("2026-12-01", "active_users", "", 2),
            used("2026-12-02", "active_users", "", 2),
            used("2026-12-02", "api_requests", "", 5),
        ];
        let first_seen = vec![(day("2026-11-30"), 2), (day("2026-12-01"), 2), (day("2026-12-02"), 1)];
        let span = UsageSpan { from: day("2026-11-01"), to: day("2026-12-31"), step };
        TenantUsage::new(&"acme".parse().expect("an id"), span, &Usage { days, first_seen })
    }

    #[test]
    fn a_person_counts_once_a_day_and_once_a_month() {
        let people = |step| -> Vec<(String, Option<u64>)> {
            let periods = usage(step).periods.into_iter();
            periods.map(|one| (one.period, one.meters.get("active_users").copied())).collect()
        };
        let days = [("2026-11-30", 2), ("2026-12-01", 2), ("2026-12-02", 2)];
        assert_eq!(people(UsageStep::Day), days.map(|(day, people)| (day.to_owned(), Some(people))));
        let months = [("2026-11", 2), ("2026-12", 3)];
        assert_eq!(people(UsageStep::Month), months.map(|(month, people)| (month.to_owned(), Some(people))));
    }

    #[test]
    fn csv_tells_calls_by_tool_server() {
        let want = "tenant,period,meter,tool_server,value\r\n\
            acme,2026-11,active_users,,2\r\nacme,2026-11,tool_calls,a,3\r\nacme,2026-11,tool_calls,b,4\r\n\
            acme,2026-12,active_users,,3\r\nacme,2026-12,api_requests,,5\r\n";
        assert_eq!(usage(UsageStep::Month).to_csv(), want);
    }

    #[test]
    fn a_cell_of_a_tenant_whose_id_begins_as_a_formula_is_none() {
        let mut usage = usage(UsageStep::Month);
        usage.tenant = "-1+cmd".to_owned();
        let csv = usage.to_csv();
        assert!(csv.lines().skip(1).all(|line| line.starts_with("'-1+cmd,")), "{csv}");
    }

    #[test]
    fn only_days_whose_values_are_final_are_events() {
        let told = |usage: &TenantUsage, now: &str| -> Vec<String> {
            let events =
                usage.to_cloud_events("https://gate.example", now.parse::<Timestamp>().expect("a time"));
            let ids = events.as_array().expect("a list").iter().filter_map(|one| one["id"].as_str());
            ids.map(ToOwned::to_owned).collect()
        };
        let mut usage_of_days = usage(UsageStep::Day);
        usage_of_days.periods[0].meters.insert("runs".to_owned(), 7);
        let want = [
            "acme/2026-11-30/active_users",
            "acme/2026-11-30/tool_calls/a",
            "acme/2026-11-30/tool_calls/b",
            "acme/2026-12-01/active_users",
        ];
        assert_eq!(
            told(&usage_of_days, "2026-12-02T00:59:59Z"),
            want[..3],
            "a replica may still write the day before"
        );
        assert_eq!(told(&usage_of_days, "2026-12-02T01:00:00Z"), want);
        // The day ended 35 days and an hour ago, so nobody may report for it.
        let runs = "acme/2026-11-30/runs".to_owned();
        assert!(!told(&usage_of_days, "2027-01-05T00:59:59Z").contains(&runs));
        assert!(told(&usage_of_days, "2027-01-05T01:00:00Z").contains(&runs));
        assert!(told(&usage(UsageStep::Month), "2027-02-01T00:00:00Z").is_empty(), "days alone are events");
    }
}
