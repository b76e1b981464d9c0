//! Usage that others report. A batch is one transaction: all of its events are there, or none.

use super::usage::{Row, add};
use super::{Connection, Result, Store, json_texts};
use crate::directory::error::DirectoryError;
use crate::directory::usage::{CountedEvents, MOST_METERS};
use gatepost_core::ids::TenantId;
use gatepost_core::usage::{Month, UsageEvent};
use std::collections::BTreeSet;

const INSERT: &str = "INSERT INTO usage_events (reporter, source, id, tenant_id, received_at) VALUES ($1, $2, $3, $4, $5) \
    ON CONFLICT (reporter, source, id) DO NOTHING";

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
        reporter: Option<&TenantId>,
        events: &[UsageEvent],
        is_dry_run: bool,
    ) -> Result<CountedEvents> {
        // In one order, so that two batches do not wait for each other in a circle.
        let mut events: Vec<&UsageEvent> = events.iter().collect();
        events.sort_by_key(|event| (&event.source, &event.id));
        transaction!(within super::WRITE_TIMEOUT, self, &[], !is_dry_run, |connection| {
            let tenants: BTreeSet<TenantId> = events.iter().map(|event| event.tenant.clone()).collect();
            let known = reportable(&mut *connection, &tenants, reporter.is_none()).await?;
            if let Some(gone) = tenants.difference(&known).next() {
                return Err(DirectoryError::UnknownTenant(gone.clone()));
            }
            let now = super::present(&mut *connection).await?;
            let (mut rows, mut counted) = (Vec::new(), CountedEvents::default());
            for event in &events {
                let done = sqlx::query(INSERT)
                    .bind(reporter.map_or("", TenantId::as_str))
                    .bind(&event.source)
                    .bind(&event.id)
                    .bind(event.tenant.as_str())
                    .bind(now.unix())
                    .execute(&mut *connection)
                    .await?;
                if done.rows_affected() == 0 {
                    counted.repeated += 1;
                    continue;
                }
                counted.added += 1;
                let UsageEvent { tenant, meter, day, value, .. } = *event;
                let (tenant, meter) = (tenant.as_str(), meter.as_str());
                rows.push(Row { tenant, day: *day, meter, part: "", value: *value });
            }
            add(&mut *connection, rows).await?;
            demand_few_meters(connection, &events).await?;
            Ok(counted)
        })
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

/// Names of meters come from outside: a tenant may have so many in a month.
async fn demand_few_meters(connection: &mut Connection, events: &[&UsageEvent]) -> Result<()> {
    let months: BTreeSet<_> = events.iter().map(|event| (&event.tenant, Month::of(event.day))).collect();
    for (tenant, month) in months {
        let sql =
            "SELECT count(DISTINCT meter) FROM usage_days WHERE tenant_id = $1 AND day BETWEEN $2 AND $3";
        let meters: i64 = sqlx::query_scalar(sql)
            .bind(tenant.as_str())
            .bind(i64::from(month.first_day().number()))
            .bind(i64::from(month.last_day().number()))
            .fetch_one(&mut *connection)
            .await?;
        if meters > MOST_METERS {
            return Err(DirectoryError::TooManyMeters(tenant.clone()));
        }
    }
    Ok(())
}
