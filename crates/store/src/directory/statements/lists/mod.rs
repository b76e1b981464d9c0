//! What administrators list. Each read begins with the scope of its reader.

mod access;
mod admins;
mod days;
mod group_links;
mod groups;
mod keys;
mod members;
mod memberships;
mod overview;
mod people;
mod requests;
mod set;
mod setters;
mod tenant_groups;
mod tenant_people;
mod tenant_proposals;
mod tenants;
mod users;

use super::{
    Connection, Db, Result, Store, admin_overrides, group_changes, json_texts, naming, tenant_hosts,
    tenants as tenant_rows, tiers, users as rows,
};
use gatepost_core::administration::Scope;
use gatepost_core::ids::TenantId;
use sqlx::QueryBuilder;
use std::collections::BTreeSet;
pub(super) use tenants::read_tenant;

/// The tenants to which a reader is limited. `None`: the reader is not limited.
const fn limit_of(scope: &Scope) -> Option<&BTreeSet<TenantId>> {
    match scope {
        Scope::System => None,
        Scope::Tenants(tenants) => Some(tenants),
    }
}

/// Adds the condition that a row of the audit exists for the reader.
pub(super) fn limit_audit(query: &mut QueryBuilder<Db>, scope: &Scope) {
    if let Some(tenants) = limit_of(scope) {
        push_tenants(query.push(" AND "), "e.tenant_id", tenants);
    }
}

/// Adds `column IN (...)`. Of an empty list, nothing is in it.
fn push_tenants<'a>(
    query: &mut QueryBuilder<Db>,
    column: &str,
    tenants: impl IntoIterator<Item = &'a TenantId, IntoIter: ExactSizeIterator>,
) {
    let mut tenants = tenants.into_iter();
    if tenants.len() == 1
        && let Some(only) = tenants.next()
    {
        // Rows of one value come out of an index in its order.
        query.push(column).push(" = ").push_bind(only.as_str().to_owned());
        return;
    }
    query.push(column).push(" IN (");
    let mut list = query.separated(", ");
    // SQL has no empty list, and no tenant has this id.
    list.push("''");
    for tenant in tenants {
        list.push_bind(tenant.as_str().to_owned());
    }
    query.push(")");
}

/// The pattern of `LIKE ... ESCAPE '\'` for texts that contain `part`, in lower case.
fn containing(part: &str) -> String {
    let mut pattern = String::with_capacity(part.len() + 2);
    pattern.push('%');
    for letter in part.to_lowercase().chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

/// What somebody typed into a search. `None`: nothing. Postgres takes no NUL in a text.
fn typed(q: Option<&str>) -> Option<String> {
    let text = q?.trim().replace('\0', "\u{fffd}");
    (!text.is_empty()).then_some(text)
}

/// The number of memberships that are counted for a number of people, for `LIMIT`.
fn row_limit(counted: u32) -> i64 {
    if counted == crate::directory::count::Count::ALL { i64::MAX } else { i64::from(counted) }
}

/// The number of different people in rows with a `user_id`, of which not more are read than a limit. It is negative if
/// there were more rows, so that more people may be in them.
macro_rules! counted {
    ($rows:literal, $limit:literal) => {
        concat!(
            "(SELECT CASE WHEN count(*) < ",
            $limit,
            " THEN count(DISTINCT counted.user_id) ELSE -count(DISTINCT counted.user_id) END FROM (",
            $rows,
            " LIMIT ",
            $limit,
            ") AS counted)"
        )
    };
}
use counted;
