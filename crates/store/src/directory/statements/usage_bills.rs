//! What stays of the usage of a tenant that is erased: the totals of its bills.

use super::usage::{prices_of, read};
use super::{Connection, Result, present};
use gatepost_core::clock::{Day, Timestamp};
use gatepost_core::ids::TenantId;
use gatepost_core::usage::{Bill, Month, Prices, TenantMonths};
use serde_json::{Value, json};
use std::collections::BTreeSet;

row! {
    struct LifeRow {
        created_at: Timestamp,
        deleted_at: Option<Timestamp>,
    }
}

/// Keeps what each month of the tenant cost, by the prices that its tier has now: those in which it used something and, if its tier has
/// a price for the month itself, all from its creation to its deletion. The days themselves go with the tenant.
pub(super) async fn keep(connection: &mut Connection, tenant: &TenantId) -> Result<()> {
    let days: Vec<i64> = sqlx::query_scalar("SELECT DISTINCT day FROM usage_days WHERE tenant_id = $1")
        .bind(tenant.as_str())
        .fetch_all(&mut *connection)
        .await?;
    let month = |day: &i64| Month::of(Day::from_number(u32::try_from(*day).unwrap_or(0)));
    let mut months: BTreeSet<Month> = days.iter().map(month).collect();
    let prices = prices_of(connection, tenant).await?;
    let free = prices.clone().map(Prices::without_base);
    let now = present(connection).await?;
    let life: LifeRow = sqlx::query_as("SELECT created_at, deleted_at FROM tenants WHERE id = $1")
        .bind(tenant.as_str())
        .fetch_one(&mut *connection)
        .await?;
    let own = TenantMonths::new(life.created_at, life.deleted_at, now);
    if prices.as_ref().is_some_and(|prices| prices.base > 0) {
        months.extend(own.months());
    }
    for month in months {
        let used = read(connection, tenant, (month.first_day(), month.last_day())).await?.of_month();
        let prices = if own.contains(month) { &prices } else { &free };
        let bill = Bill::new(&used, prices.as_ref());
        let lines = bill.lines.iter().map(|line| {
            json!({ "meter": line.meter, "used": line.used, "over": line.over, "amount": line.amount })
        });
        sqlx::query(
            "INSERT INTO usage_bills (tenant_id, month, currency, total, lines, erased_at) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (tenant_id, month, erased_at) DO NOTHING",
        )
        .bind(tenant.as_str())
        .bind(month.number())
        .bind(bill.currency.as_ref().map(ToString::to_string))
        .bind(i64::try_from(bill.total).unwrap_or(i64::MAX))
        .bind(lines.collect::<Value>().to_string())
        .bind(now.unix())
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}
