//! What tenants use. A batch of a replica is one transaction: its number, its counts and its people are there, or none of them.

use super::{Connection, Result, Store, json_texts, present, tiers};
use crate::directory::records::ActivePerson;
use crate::directory::usage::{BATCHES_TTL, EVENTS_TTL, Usage, UsageBatch, UsageCount, UsageDay};
use gatepost_core::clock::{Day, Timestamp};
use gatepost_core::ids::{TenantId, TierId, UserId};
use gatepost_core::usage::{ACTIVE_USERS, MeterName, Month, OWN_METERS, Prices};
use sqlx::AssertSqlSafe;
use std::collections::BTreeMap;
use std::fmt::Write;

/// The meter of the people of whom a day is the first one of its month. No name of others' meters begins so.
pub(super) const FIRST_SEEN: &str = "_first_seen";
/// The meter of the new events that a tenant itself has reported on a day.
pub(super) const REPORTED: &str = "_events";
/// Rows in one statement: five parameters each, of which Postgres takes 65,535 and SQLite 32,766.
pub(super) const ROWS: usize = 1_000;

/// Of two batches with one number the second changes nothing.
const TAKE_NUMBER: &str = "INSERT INTO usage_batches (replica, number, written_at) VALUES ($1, $2, $3) \
    ON CONFLICT (replica) DO UPDATE SET number = excluded.number, written_at = excluded.written_at \
    WHERE usage_batches.number < excluded.number";

/// A person who is new in the month, and one who is new on the day.
const FIRST_OF_MONTH: &str = "INSERT INTO usage_people (tenant_id, month, user_id, days) SELECT $1, $2, $3, $4 \
    WHERE EXISTS (SELECT 1 FROM tenants WHERE id = $1) AND EXISTS (SELECT 1 FROM users WHERE id = $3) \
    ON CONFLICT (tenant_id, month, user_id) DO NOTHING";
const FIRST_OF_DAY: &str = "UPDATE usage_people SET days = days | $4 \
    WHERE tenant_id = $1 AND month = $2 AND user_id = $3 AND days & $4 = 0";

/// What is added to a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Row<'a> {
    pub(super) tenant: &'a str,
    pub(super) day: Day,
    pub(super) meter: &'a str,
    pub(super) part: &'a str,
    pub(super) value: u64,
}

impl<'a> From<&'a UsageCount> for Row<'a> {
    fn from(UsageCount { tenant, day, meter, part, value }: &'a UsageCount) -> Self {
        Self { tenant: tenant.as_str(), day: *day, meter, part, value: *value }
    }
}

row! {
    struct PersonRow {
        tenant_id: TenantId,
        month: i64,
        days: i64,
    }
}

row! {
    struct TenantRow {
        tenant_id: TenantId,
        meter: String,
        value: i64,
    }
}

row! {
    struct DayRow {
        day: i64,
        meter: String,
        part: String,
        value: i64,
    }
}

impl Store {
    pub(in crate::directory) async fn write_usage(&self, batch: &UsageBatch) -> Result<bool> {
        transaction!(self, |connection| {
            let now = present(connection).await?;
            let taken = sqlx::query(TAKE_NUMBER)
                .bind(batch.replica.as_str())
                .bind(batch.number)
                .bind(now.unix())
                .execute(&mut *connection)
                .await?;
            if taken.rows_affected() == 0 {
                return Ok(false);
            }
            let mut rows = note_people(connection, &batch.people).await?;
            rows.extend(batch.counts.iter().map(Row::from));
            add(connection, rows).await?;
            Ok(true)
        })
    }

    pub(in crate::directory) async fn read_usage(
        &self,
        tenant: &TenantId,
        days: (Day, Day),
    ) -> Result<Usage> {
        reading!(self, |connection| read(connection, tenant, days).await)
    }

    pub(in crate::directory) async fn read_usage_of_day(
        &self,
        day: Day,
    ) -> Result<Vec<(TenantId, &'static str, u64)>> {
        let rows: Vec<TenantRow> = reading!(self, |connection| {
            let sql = concat!(
                "SELECT tenant_id, meter, CAST(sum(value) AS BIGINT) AS value FROM usage_days \
                 WHERE day = $1 AND meter IN (SELECT value FROM ",
                each!("$2"),
                ") GROUP BY tenant_id, meter"
            );
            let query = sqlx::query_as(sql).bind(i64::from(day.number())).bind(json_texts(OWN_METERS));
            Ok(query.fetch_all(connection).await?)
        })?;
        let own = |TenantRow { tenant_id, meter, value }: TenantRow| {
            let meter = OWN_METERS.into_iter().find(|own| *own == meter)?;
            Some((tenant_id, meter, u64::try_from(value).unwrap_or(0)))
        };
        Ok(rows.into_iter().filter_map(own).collect())
    }

    pub(in crate::directory) async fn find_prices(&self, tenant: &TenantId) -> Result<Option<Prices>> {
        reading!(self, |connection| prices_of(connection, tenant).await)
    }
}

/// What a tenant used from one day to another, both included.
pub(super) async fn read(
    connection: &mut Connection,
    tenant: &TenantId,
    (from, to): (Day, Day),
) -> Result<Usage> {
    let sql = "SELECT day, meter, part, value FROM usage_days \
        WHERE tenant_id = $1 AND day BETWEEN $2 AND $3 ORDER BY day, meter, part";
    let rows: Vec<DayRow> = sqlx::query_as(sql)
        .bind(tenant.as_str())
        .bind(i64::from(from.number()))
        .bind(i64::from(to.number()))
        .fetch_all(connection)
        .await?;
    let mut usage = Usage::default();
    for DayRow { day, meter, part, value } in rows {
        let day = Day::from_number(u32::try_from(day).unwrap_or(0));
        let value = u64::try_from(value).unwrap_or(0);
        if meter == FIRST_SEEN {
            usage.first_seen.push((day, value));
        } else if let Ok(meter) = meter.parse::<MeterName>() {
            usage.days.push(UsageDay { day, meter, part, value });
        }
    }
    Ok(usage)
}

/// The prices of the tier that a tenant has now.
pub(super) async fn prices_of(connection: &mut Connection, tenant: &TenantId) -> Result<Option<Prices>> {
    let tier: Option<Option<String>> = sqlx::query_scalar("SELECT tier FROM tenants WHERE id = $1")
        .bind(tenant.as_str())
        .fetch_optional(&mut *connection)
        .await?;
    let tier = tier.flatten().and_then(|tier| tier.parse::<TierId>().ok());
    let Some(tier) = tier else { return Ok(None) };
    Ok(tiers::list(connection).await?.remove(&tier).and_then(|tier| tier.terms.prices))
}

/// On which days which tenants let a person in.
pub(super) async fn list_days_of(connection: &mut Connection, user: UserId) -> Result<Vec<ActivePerson>> {
    let sql = "SELECT tenant_id, month, days FROM usage_people WHERE user_id = $1 ORDER BY month, tenant_id";
    let rows: Vec<PersonRow> = sqlx::query_as(sql).bind(user.to_string()).fetch_all(connection).await?;
    let mut found = Vec::new();
    for PersonRow { tenant_id: tenant, month, days } in rows {
        let Some(month) = Month::from_number(month) else { continue };
        let first = month.first_day().number();
        let days = (0..31).filter(|bit| days & (1 << bit) != 0).map(|bit| Day::from_number(first + bit));
        found.extend(days.map(|day| ActivePerson { tenant: tenant.clone(), day, user }));
    }
    Ok(found)
}

/// Notes who was let in. Returns how many are new on a day, and how many in its month. People are taken in the order of the rows that
/// are locked, so that replicas do not wait for each other in a circle.
async fn note_people<'a>(connection: &mut Connection, people: &'a [ActivePerson]) -> Result<Vec<Row<'a>>> {
    let mut people: Vec<&ActivePerson> = people.iter().collect();
    people.sort_unstable_by_key(|person| (&person.tenant, Month::of(person.day), person.user, person.day));
    let mut new: BTreeMap<(&TenantId, Day, &'static str), u64> = BTreeMap::new();
    for person in people {
        let ActivePerson { tenant, day, .. } = person;
        let month = Month::of(*day);
        let bit = 1_i64 << (day.number() - month.first_day().number());
        let is_first = run(&mut *connection, FIRST_OF_MONTH, person, (month, bit)).await?;
        if is_first {
            *new.entry((tenant, *day, FIRST_SEEN)).or_default() += 1;
        }
        if is_first || run(&mut *connection, FIRST_OF_DAY, person, (month, bit)).await? {
            *new.entry((tenant, *day, ACTIVE_USERS)).or_default() += 1;
        }
    }
    let row = |((tenant, day, meter), value): ((&'a TenantId, Day, &'static str), u64)| Row {
        tenant: tenant.as_str(),
        day,
        meter,
        part: "",
        value,
    };
    Ok(new.into_iter().map(row).collect())
}

async fn run(
    connection: &mut Connection,
    sql: &'static str,
    person: &ActivePerson,
    (month, bit): (Month, i64),
) -> Result<bool> {
    let done = sqlx::query(sql)
        .bind(person.tenant.as_str())
        .bind(month.number())
        .bind(person.user.to_string())
        .bind(bit)
        .execute(connection)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Adds counts, many rows in one statement, in the order in which everybody locks them. Those of a tenant that is gone are left
/// out.
pub(super) async fn add(connection: &mut Connection, mut rows: Vec<Row<'_>>) -> Result<()> {
    rows.sort_unstable();
    rows.dedup_by(|next, kept| {
        let is_same =
            (next.tenant, next.day, next.meter, next.part) == (kept.tenant, kept.day, kept.meter, kept.part);
        if is_same {
            kept.value = kept.value.saturating_add(next.value);
        }
        is_same
    });
    for rows in rows.chunks(ROWS) {
        // Each number of rows is a statement of its own: a connection must not keep them all.
        let mut query = sqlx::query(AssertSqlSafe(adding(rows.len()))).persistent(false);
        for Row { tenant, day, meter, part, value } in rows {
            query = query
                .bind(*tenant)
                .bind(i64::from(day.number()))
                .bind(*meter)
                .bind(*part)
                .bind(i64::try_from(*value).unwrap_or(i64::MAX));
        }
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

/// The statement that adds so many rows. Only its parameters come from outside.
fn adding(rows: usize) -> String {
    let mut sql = "WITH counted (place, tenant_id, day, meter, part, value) AS (VALUES ".to_owned();
    for row in 0..rows {
        let comma = if row == 0 { "" } else { ", " };
        let [tenant, day, meter, part, value] = [1, 2, 3, 4, 5].map(|column| row * 5 + column);
        // Writing to a text cannot fail.
        let _ = write!(sql, "{comma}({row}, ${tenant}, ${day}, ${meter}, ${part}, ${value})");
    }
    sql.push_str(
        ") INSERT INTO usage_days (tenant_id, day, meter, part, value) \
         SELECT tenant_id, day, meter, part, value FROM counted \
         WHERE EXISTS (SELECT 1 FROM tenants t WHERE t.id = counted.tenant_id) ORDER BY place \
         ON CONFLICT (tenant_id, day, meter, part) DO UPDATE SET value = \
         CASE WHEN usage_days.value > 9223372036854775807 - excluded.value THEN 9223372036854775807 \
         ELSE usage_days.value + excluded.value END",
    );
    sql
}

/// Deletes what is needed no more to count things once: batches and events of long ago, and who was let in in months that are
/// over for as long.
pub(super) async fn delete_old(connection: &mut Connection, now: Timestamp, most: i64) -> Result<u64> {
    let month = Month::of(now.minus(EVENTS_TTL).day());
    let mut deleted = 0;
    for (sql, before) in [
        (delete_some!("usage_batches" ["replica"] where "written_at < $1"), now.minus(BATCHES_TTL).unix()),
        (
            delete_some!("usage_events" ["reporter, source, id"] where "received_at < $1"),
            now.minus(EVENTS_TTL).unix(),
        ),
        (delete_some!("usage_people" ["tenant_id, month, user_id"] where "month < $1"), month.number()),
    ] {
        let query = sqlx::query(sql).bind(before).bind(most);
        deleted += query.execute(&mut *connection).await?.rows_affected();
    }
    Ok(deleted)
}

/// Deletes some of what is needed to count things once for a tenant, at most `most` rows of each kind. Returns how many there were.
pub(super) async fn delete_some_of(connection: &mut Connection, tenant: &TenantId, most: u32) -> Result<u64> {
    let mut deleted = 0;
    for sql in [
        delete_some!("usage_events" ["reporter, source, id"] where "tenant_id = $1"),
        delete_some!("usage_people" ["tenant_id, month, user_id"] where "tenant_id = $1"),
    ] {
        let query = sqlx::query(sql).bind(tenant.as_str()).bind(i64::from(most));
        deleted += query.execute(&mut *connection).await?.rows_affected();
    }
    Ok(deleted)
}
