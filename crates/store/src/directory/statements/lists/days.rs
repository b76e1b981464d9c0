//! How much happened on each day.

use super::{Result, Store, limit_of};
use crate::directory::lists::DayCount;
use gatepost_core::administration::Scope;
use gatepost_core::clock::Timestamp;

const DAYS: &str = "SELECT day, CAST(sum(sign_ins) AS bigint) AS sign_ins, CAST(sum(refusals) AS bigint) AS refusals \
    FROM (SELECT at / 86400 * 86400 AS day, count(*) AS sign_ins, 0 AS refusals FROM audit_entries \
    WHERE action = 'user.sign_in' AND at >= $1 AND at < $2 GROUP BY at / 86400 \
    UNION ALL SELECT at / 86400 * 86400, 0, count(*) FROM audit_entries \
    WHERE action = 'user.refuse' AND at >= $1 AND at < $2 GROUP BY at / 86400 \
    UNION ALL SELECT at / 86400 * 86400, 0, count(*) FROM refusals WHERE at >= $1 AND at < $2 GROUP BY at / 86400) AS days \
    GROUP BY day ORDER BY day";

impl Store {
    pub(in crate::directory) async fn count_days(
        &self,
        scope: &Scope,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<DayCount>> {
        if limit_of(scope).is_some() {
            return Ok(Vec::new());
        }
        reading!(self, |connection| {
            let query = sqlx::query_as(DAYS).bind(since.unix()).bind(until.unix());
            Ok(query.fetch_all(connection).await?)
        })
    }
}
