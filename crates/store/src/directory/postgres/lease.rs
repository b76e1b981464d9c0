//! The lease of the leader: a row of `leases`. It needs no state of a session, so it works through any pooler.

use super::{Connection, Store};
use crate::directory::error::DirectoryError;
use crate::directory::lease::{LeaderLease, Term};
use std::time::Duration;

/// A lease that is not renewed in time is lost, so nothing waits for a server that does not answer.
const ASK_TIMEOUT: Duration = Duration::from_secs(2);

row! {
    struct LeaseRow {
        holder: String,
        epoch: i64,
        age: i64,
        left: i64,
    }
}

/// The columns of [`LeaseRow`]; times in milliseconds.
macro_rules! lease_columns {
    () => {
        "holder, epoch, floor(extract(epoch FROM clock_timestamp() - renewed_at) * 1000)::bigint AS age, \
         floor(extract(epoch FROM expires_at - clock_timestamp()) * 1000)::bigint AS \"left\""
    };
}
/// What both statements that give a lease set. The interval is [`crate::directory::lease::LEASE`].
macro_rules! renewed {
    () => {
        "renewed_at = clock_timestamp(), expires_at = clock_timestamp() + interval '4 s'"
    };
}

/// It changes no column of a key, so it does not wait for transactions of the work.
const RENEW: &str = concat!(
    "UPDATE leases SET ",
    renewed!(),
    " WHERE name = 'leader' AND epoch = $1 RETURNING ",
    lease_columns!()
);
/// Nobody waits here for a replica that stopped in the middle of its work: the next attempt comes soon. The step is random,
/// because a promoted standby may not know that the lease was taken: two replicas shall not have the same epoch then. A lease
/// of more than its length was given before the clock was set back.
const TAKE: &str = concat!(
    "UPDATE leases SET holder = $1, epoch = epoch + 1 + floor(random() * 1000000)::bigint, ",
    renewed!(),
    " WHERE name IN (SELECT name FROM leases WHERE name = 'leader' AND (expires_at <= clock_timestamp() \
     OR expires_at > clock_timestamp() + interval '4 s') FOR UPDATE SKIP LOCKED) RETURNING ",
    lease_columns!()
);
const READ: &str = concat!("SELECT ", lease_columns!(), " FROM leases WHERE name = 'leader'");
const GIVE_BACK: &str =
    "UPDATE leases SET expires_at = clock_timestamp() WHERE name = 'leader' AND epoch = $1";
/// The server ends a transaction whose replica has stopped, so that another one can take the lease in time.
const LEAD: &str = "SELECT set_config('idle_in_transaction_session_timeout', '2s', true) FROM leases \
    WHERE name = 'leader' AND epoch = $1 FOR KEY SHARE";

impl Store {
    pub(in crate::directory) async fn hold_leader_lease(
        &self,
        replica: &str,
        term: Option<Term>,
    ) -> Result<LeaderLease, DirectoryError> {
        let (row, leads) = read_within!(ASK_TIMEOUT, self.writer().acquire(), |connection| {
            if let Some(Term(epoch)) = term
                && let Some(row) = sqlx::query_as(RENEW).bind(epoch).fetch_optional(&mut *connection).await?
            {
                return Ok((row, true));
            }
            if let Some(row) = sqlx::query_as(TAKE).bind(replica).fetch_optional(&mut *connection).await? {
                return Ok((row, true));
            }
            Ok((sqlx::query_as(READ).fetch_one(connection).await?, false))
        })?;
        let LeaseRow { holder, epoch, age, left } = row;
        let millis = |value: i64| Duration::from_millis(u64::try_from(value).unwrap_or(0));
        let (term, age, left) = (leads.then_some(Term(epoch)), millis(age), millis(left));
        Ok(LeaderLease { term, epoch, holder, age, left })
    }

    pub(in crate::directory) async fn give_leader_lease_back(
        &self,
        Term(epoch): Term,
    ) -> Result<(), DirectoryError> {
        read_within!(ASK_TIMEOUT, self.writer().acquire(), |connection| {
            Ok(sqlx::query(GIVE_BACK).bind(epoch).execute(connection).await.map(drop)?)
        })
    }
}

/// At the start of each transaction of the leader's work: this term has not ended, and does not end before the transaction.
pub(super) async fn lead(connection: &mut Connection, Term(epoch): Term) -> Result<(), DirectoryError> {
    let found: Option<String> = sqlx::query_scalar(LEAD).bind(epoch).fetch_optional(connection).await?;
    found.map(drop).ok_or(DirectoryError::NotLeader)
}
