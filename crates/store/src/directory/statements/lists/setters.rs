//! Who decided what still counts about people, by the audit.

use super::people::push_each;
use super::{Db, Result, Store, limit_audit};
use crate::directory::access::{SetWhat, Setter};
use gatepost_core::administration::Scope;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::UserId;
use serde_json::Value;
use sqlx::QueryBuilder;

row! {
    struct SetterRow {
        id: i64,
        at: Timestamp,
        actor: String,
        actor_email: Option<String>,
        target: String,
        action: String,
        after: Option<String>,
    }
}

/// The `||` keeps the databases from reading every row of these actions.
const SETTERS: &str = "SELECT e.id, e.at, e.actor, (SELECT u.email FROM users u WHERE u.id = e.actor) AS actor_email, \
    e.target, e.action, e.after FROM audit_entries e WHERE e.action || '' IN \
    ('membership.create', 'membership.update', 'tenant.add_member', 'admin.grant') AND e.target IN (SELECT value FROM ";

impl Store {
    /// The last decision of each kind, oldest first.
    pub(in crate::directory) async fn list_setters(
        &self,
        scope: &Scope,
        users: &[UserId],
    ) -> Result<Vec<Setter>> {
        let mut rows: Vec<SetterRow> = reading!(self, |connection| {
            let mut query = QueryBuilder::<Db>::new(SETTERS);
            push_each(&mut query, users.iter().map(|user| format!("user:{user}")));
            query.push(")");
            limit_audit(&mut query, scope);
            Ok(query.build_query_as().fetch_all(connection).await?)
        })?;
        rows.sort_unstable_by_key(|row| row.id);
        Ok(rows.into_iter().filter_map(read).collect())
    }
}

fn read(row: SetterRow) -> Option<Setter> {
    let user = row.target.strip_prefix("user:")?.parse().ok()?;
    let after: Value =
        row.after.as_deref().and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
    let text = |member: &str| after[member].as_str().map(ToOwned::to_owned);
    let what = match row.action.as_str() {
        "admin.grant" => SetWhat::Admin,
        "tenant.add_member" => SetWhat::Tenant(text("tenant")?),
        _ => SetWhat::Group(text("group")?),
    };
    Some(Setter { user, what, actor: row.actor, actor_email: row.actor_email, at: row.at })
}
