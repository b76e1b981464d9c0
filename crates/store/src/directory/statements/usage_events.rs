//! Usage that others report. A batch is one transaction: all of its events are there, or none.

use super::usage::{REPORTED, ROWS, Row, add};
use super::{Connection, Db, Result, Store, json_texts, present};
use crate::directory::error::DirectoryError;
use crate::directory::usage::{CountedEvents, MOST_EVENTS, MOST_METERS};
use gatepost_core::clock::{Day, Timestamp};
use gatepost_core::ids::TenantId;
use gatepost_core::usage::{Month, OWN_METERS, UsageEvent};
use sqlx::QueryBuilder;
use std::collections::{BTreeMap, BTreeSet};

/// Which event it is: the tenant that reports it or, of the platform, nothing; its source and its id.
type Key<'a> = (&'a str, &'a str, &'a str);
/// Events, each once, in the order in which all batches take them, so that two do not wait for each other in a circle.
type Distinct<'a> = BTreeMap<Key<'a>, &'a UsageEvent>;

row! {
    struct KeyRow {
        reporter: String,
        source: String,
        id: String,
    }
}

impl Store {
    pub(in crate::directory) async fn find_reportable_tenants(
        &self,
        ids: &BTreeSet<TenantId>,
        is_platform: bool,
    ) -> Result<BTreeSet<TenantId>> {
        reading!(self, |connection| reportable(connection, ids, is_platform).await)
    }

    pub(in crate::directory) async fn add_usage_events(
        &self,
        is_platform: bool,
        events: &[UsageEvent],
        is_dry_run: bool,
    ) -> Result<CountedEvents> {
        let mut distinct = Distinct::new();
        for event in events {
            // One person may administer several tenants: each reports what is about itself.
            let reporter = if is_platform { "" } else { event.tenant.as_str() };
            distinct.entry((reporter, event.source.as_str(), event.id.as_str())).or_insert(event);
        }
        let tenants: BTreeSet<TenantId> = events.iter().map(|event| event.tenant.clone()).collect();
        transaction!(within super::WRITE_TIMEOUT, self, &[], !is_dry_run, |connection| {
            let known = reportable(&mut *connection, &tenants, is_platform).await?;
            if let Some(gone) = tenants.difference(&known).next() {
                return Err(DirectoryError::UnknownTenant(gone.clone()));
            }
            let now = present(&mut *connection).await?;
            let new = insert(&mut *connection, &distinct, now).await?;
            if is_platform {
                add(connection, new.iter().copied().map(Row::from).collect()).await?;
            } else {
                add_own(connection, &new, now.day()).await?;
            }
            let added = new.len() as u64;
            Ok(CountedEvents { added, repeated: events.len() as u64 - added })
        })
    }
}

impl<'a> From<&'a UsageEvent> for Row<'a> {
    fn from(UsageEvent { tenant, meter, day, value, .. }: &'a UsageEvent) -> Self {
        Self { tenant: tenant.as_str(), day: *day, meter: meter.as_str(), part: "", value: *value }
    }
}

/// A tenant that is suspended changes nothing by itself; what the platform has counted before is added.
async fn reportable(
    connection: &mut Connection,
    ids: &BTreeSet<TenantId>,
    is_platform: bool,
) -> Result<BTreeSet<TenantId>> {
    let sql = concat!(
        "SELECT id FROM tenants WHERE (state = 'active' OR (state = 'suspended' AND $2)) AND id IN (SELECT value FROM ",
        each!("$1"),
        ")"
    );
    let query = sqlx::query_scalar(sql).bind(json_texts(ids)).bind(is_platform);
    let found: Vec<String> = query.fetch_all(connection).await?;
    let read = |id: &String| TenantId::from_stored(id).map_err(DirectoryError::unreadable);
    found.iter().map(read).collect()
}

/// Notes that these events are counted, many in one statement. Returns those that were not before.
async fn insert<'a>(
    connection: &mut Connection,
    events: &Distinct<'a>,
    now: Timestamp,
) -> Result<Vec<&'a UsageEvent>> {
    let all: Vec<(&Key<'a>, &&'a UsageEvent)> = events.iter().collect();
    let mut new = Vec::new();
    for some in all.chunks(ROWS) {
        let mut query = QueryBuilder::<Db>::new(
            "INSERT INTO usage_events (reporter, source, id, tenant_id, received_at) ",
        );
        query.push_values(some.iter().copied(), |mut row, (&(reporter, source, id), event)| {
            row.push_bind(reporter).push_bind(source).push_bind(id);
            row.push_bind(event.tenant.as_str()).push_bind(now.unix());
        });
        query.push(" ON CONFLICT (reporter, source, id) DO NOTHING RETURNING reporter, source, id");
        // Each number of rows is a statement of its own: a connection must not keep them all.
        let inserted: Vec<KeyRow> =
            query.build_query_as().persistent(false).fetch_all(&mut *connection).await?;
        new.extend(inserted.iter().filter_map(|KeyRow { reporter, source, id }| {
            events.get(&(reporter.as_str(), source.as_str(), id.as_str())).copied()
        }));
    }
    Ok(new)
}

/// Adds what tenants report about themselves, within their limits. They are checked after the addition: until the end of the
/// transaction it holds the row of [`REPORTED`], so that two batches of a tenant do not exceed a limit together.
async fn add_own(connection: &mut Connection, new: &[&UsageEvent], today: Day) -> Result<()> {
    let months: BTreeSet<(&TenantId, Month)> =
        new.iter().map(|event| (&event.tenant, Month::of(event.day))).collect();
    let mut meters_before = Vec::new();
    for month in &months {
        meters_before.push(count_meters(connection, *month).await?);
    }
    let mut rows: Vec<Row<'_>> = new.iter().copied().map(Row::from).collect();
    rows.extend(new.iter().map(|event| Row { day: today, meter: REPORTED, value: 1, ..Row::from(*event) }));
    add(connection, rows).await?;
    for (month, before) in months.iter().zip(meters_before) {
        let meters = count_meters(connection, *month).await?;
        // The platform may have counted more of them, which the tenant may go on to report.
        if meters > MOST_METERS && meters > before {
            return Err(DirectoryError::TooManyMeters(month.0.clone()));
        }
    }
    let tenants: BTreeSet<&TenantId> = new.iter().map(|event| &event.tenant).collect();
    for tenant in tenants {
        let sql =
            "SELECT value FROM usage_days WHERE tenant_id = $1 AND day = $2 AND meter = $3 AND part = ''";
        let query = sqlx::query_scalar(sql).bind(tenant.as_str()).bind(i64::from(today.number()));
        let reported: i64 = query.bind(REPORTED).fetch_one(&mut *connection).await?;
        if reported > MOST_EVENTS {
            return Err(DirectoryError::TooManyEvents(tenant.clone()));
        }
    }
    Ok(())
}

/// Names of meters come from outside: how many a tenant has in a month, beside those of Gatepost.
async fn count_meters(connection: &mut Connection, (tenant, month): (&TenantId, Month)) -> Result<i64> {
    let sql = concat!(
        "SELECT count(DISTINCT meter) FROM usage_days WHERE tenant_id = $1 AND day BETWEEN $2 AND $3 \
         AND substr(meter, 1, 1) <> '_' AND meter NOT IN (SELECT value FROM ",
        each!("$4"),
        ")"
    );
    let query = sqlx::query_scalar(sql)
        .bind(tenant.as_str())
        .bind(i64::from(month.first_day().number()))
        .bind(i64::from(month.last_day().number()))
        .bind(json_texts(OWN_METERS));
    Ok(query.fetch_one(connection).await?)
}
