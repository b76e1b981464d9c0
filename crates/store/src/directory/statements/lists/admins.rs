//! Administrators of the system.

use super::people::People;
use super::set::Set;
use super::{Result, Store, limit_of};
use crate::directory::lists::{AdminRecord, Page, Place};
use crate::directory::records::AdminStanding;
use gatepost_core::administration::{Scope, Version};
use gatepost_core::clock::Timestamp;
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::UserId;

row! {
    struct AdminRow {
        id: UserId,
        email: Option<EmailAddress>,
        name: Option<String>,
        disabled_at: Option<Timestamp>,
        is_admin: Option<bool>,
        until: Option<Timestamp>,
        version: Option<Version>,
        reasons: Vec<String>,
    }
}

/// With its LIMIT, which nobody reaches, the inner SELECT is no part of the aggregate. Otherwise SQLite computes the whole
/// view for each person: it pushes no condition on a person into a compound below an aggregate.
const ADMINS: &str = concat!(
    "SELECT u.id, u.email, u.name, u.disabled_at, o.is_admin, o.until, o.version, (SELECT ",
    json_list!("r.reason"),
    " FROM (SELECT a.reason FROM admin_reasons a WHERE a.user_id = u.id LIMIT 100000) r) AS reasons \
     FROM users u LEFT JOIN current_admin_overrides o ON o.user_id = u.id",
);

impl Store {
    pub(in crate::directory) async fn list_admins(
        &self,
        scope: &Scope,
        after: Option<&Place>,
        limit: u32,
    ) -> Result<Page<AdminRecord>> {
        if limit_of(scope).is_some() {
            return Ok(Page::empty());
        }
        let rows: Vec<AdminRow> = reading!(self, |connection| {
            let sets = vec![Set::Admins { groups: Vec::new(), or_denied: true }];
            People { select: ADMINS, sets }.fetch(connection, after, limit).await
        })?;
        Ok(Page::of(rows, limit, |row| Place(row.id.to_string())).map(record))
    }
}

fn record(row: AdminRow) -> AdminRecord {
    let AdminRow { id, email, name, disabled_at, is_admin: explicit, until, version, mut reasons } = row;
    reasons.sort_unstable();
    reasons.dedup();
    let is_admin = explicit.unwrap_or(!reasons.is_empty());
    let standing = AdminStanding { is_admin, explicit, until, reasons, version };
    AdminRecord { id, email, name, disabled_at, standing }
}
