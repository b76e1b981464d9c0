//! `gatepost tenant usage` and `gatepost tenant bill`: what a tenant used, and what it owes.

use super::console::Console;
use super::error::CommandError;
use super::report::{Report, text_or_dash};
use clap::Args;
use gatepost_admin::views::{TenantBill, TenantUsage};
use gatepost_admin::{UsageSpan, UsageStep};
use gatepost_core::clock::{Day, Timestamp};
use gatepost_core::ids::TenantId;
use gatepost_core::usage::Month;

#[derive(Debug, Args)]
pub(super) struct UsageArgs {
    /// The tenant's id
    id: TenantId,
    /// The first day, in UTC; without it the first of the month, by month eleven months before the last one
    #[arg(long, value_name = "DAY")]
    from: Option<Day>,
    /// The last day; without it today
    #[arg(long, value_name = "DAY")]
    to: Option<Day>,
    /// day, or month for whole months
    #[arg(long, default_value_t)]
    by: UsageStep,
    /// Print CSV: one line for each period, meter and tool server
    #[arg(long)]
    csv: bool,
}

#[derive(Debug, Args)]
pub(super) struct BillArgs {
    /// The tenant's id
    id: TenantId,
    /// The month in UTC, as 2026-11
    #[arg(long, value_name = "MONTH")]
    month: Month,
    /// Print CSV: one line for the month, for each meter, and for the total
    #[arg(long)]
    csv: bool,
}

pub(super) async fn usage(console: &Console, args: UsageArgs) -> Result<Report, CommandError> {
    let UsageArgs { id, from, to, by, csv } = args;
    let span = UsageSpan::new(from, to, by, Timestamp::now().day()).map_err(CommandError::Span)?;
    let usage: TenantUsage = match console.api() {
        Some(api) => api.read_usage(&id, span).await?,
        None => console.here()?.admin.read_usage(&console.find_tenant_here(&id).await?, span).await?,
    };
    if csv {
        return Ok(Report::new(lines_of(&usage.to_csv()), &usage));
    }
    let mut rows = Vec::new();
    for period in &usage.periods {
        for (meter, value) in &period.meters {
            rows.push([period.period.clone(), meter.clone(), value.to_string()]);
            let is_calls = meter == gatepost_core::usage::TOOL_CALLS;
            for (server, calls) in period.tool_calls.iter().filter(|_| is_calls) {
                rows.push([period.period.clone(), format!("  {server}"), calls.to_string()]);
            }
        }
    }
    let none = format!("Tenant {id} used nothing from {} to {}.", usage.from, usage.to);
    Ok(Report::list(["Period", "Meter", "Used"], rows, &none, &usage))
}

pub(super) async fn bill(console: &Console, args: BillArgs) -> Result<Report, CommandError> {
    let BillArgs { id, month, csv } = args;
    let bill: TenantBill = match console.api() {
        Some(api) => api.read_bill(&id, month).await?,
        None => console.here()?.admin.read_bill(&console.find_tenant_here(&id).await?, month).await?,
    };
    if csv {
        return Ok(Report::new(lines_of(&bill.to_csv()), &bill));
    }
    let number = |number: Option<u64>| text_or_dash(number.map(|number| number.to_string()).as_ref());
    let mut rows = vec![part("the month", bill.base)];
    rows.extend(bill.meters.iter().map(|line| {
        let price = line.price.zip(line.per).map(|(price, per)| format!("{price} for {per}"));
        [
            line.meter.clone(),
            line.used.to_string(),
            number(line.included),
            line.over.to_string(),
            text_or_dash(price.as_ref()),
            line.amount.to_string(),
        ]
    }));
    rows.push(part("total", bill.total));
    let header = ["Meter", "Used", "Included", "Over", "Price", "Amount"];
    let said = match (&bill.tier, &bill.currency) {
        (_, Some(currency)) => format!("Amounts are in the smallest unit of {currency}."),
        (Some(tier), None) => format!("Tier {tier} has no prices."),
        (None, None) => format!("Tenant {id} has no tier, and so no prices."),
    };
    Ok(Report::list(header, rows, "", &bill).followed_by(&said))
}

/// A terminal gets no carriage returns.
fn lines_of(csv: &str) -> String {
    csv.replace("\r\n", "\n").trim_end().to_owned()
}

fn part(name: &str, amount: u64) -> [String; 6] {
    let dash = || "-".to_owned();
    [name.to_owned(), dash(), dash(), dash(), dash(), amount.to_string()]
}
