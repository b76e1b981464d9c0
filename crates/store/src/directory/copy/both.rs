//! What a copy does in the same way with both databases. Compiled for each of them, as the directory's statements are.

use super::super::state::Mark;
use super::super::tables::Column;
use super::super::value::{Kind, Value};
use super::{Db, HAS_MIGRATIONS, HAS_TABLE, MIGRATIONS, Side};
use crate::directory::schema::{self, SchemaState};
use sqlx::{AssertSqlSafe, Connection, Database, Executor, Row as _};

impl Side {
    pub(in crate::directory::copy) async fn count(&mut self, table: &str) -> sqlx::Result<i64> {
        let sql = format!("SELECT count(*) FROM \"{table}\"");
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut self.connection).await
    }

    /// A schema that is not whole may lack the table.
    pub(in crate::directory::copy) async fn has_rows(&mut self, table: &str) -> sqlx::Result<bool> {
        let is_there: bool =
            sqlx::query_scalar(HAS_TABLE).bind(table).fetch_one(&mut self.connection).await?;
        if !is_there {
            return Ok(false);
        }
        let sql = format!("SELECT EXISTS (SELECT 1 FROM \"{table}\")");
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut self.connection).await
    }

    pub(in crate::directory::copy) async fn schema(&mut self) -> sqlx::Result<Option<SchemaState>> {
        let is_there: bool = sqlx::query_scalar(HAS_MIGRATIONS).fetch_one(&mut self.connection).await?;
        if !is_there {
            return Ok(None);
        }
        let applied: Vec<i64> =
            sqlx::query_scalar("SELECT version FROM migrations").fetch_all(&mut self.connection).await?;
        Ok(Some(schema::compare(MIGRATIONS, &applied)))
    }

    pub(in crate::directory::copy) async fn mark(&mut self) -> sqlx::Result<Option<Mark>> {
        sqlx::query_as(Mark::READ).fetch_optional(&mut self.connection).await
    }

    pub(in crate::directory::copy) async fn set_mark(&mut self, mark: Option<&Mark>) -> sqlx::Result<()> {
        let Some(mark) = mark else { return self.connection.execute(Mark::REMOVE).await.map(drop) };
        let digest = mark.digest.as_ref().map(|digest| digest.as_bytes().to_vec());
        sqlx::query(Mark::WRITE)
            .bind(mark.state())
            .bind(&mark.peer)
            .bind(digest)
            .bind(mark.last_audit_id)
            .bind(mark.at.unix())
            .execute(&mut self.connection)
            .await
            .map(drop)
    }

    pub(in crate::directory::copy) async fn count_audit_after(&mut self, id: i64) -> sqlx::Result<i64> {
        let sql = "SELECT count(*) FROM audit_entries WHERE id > $1";
        sqlx::query_scalar(sql).bind(id).fetch_one(&mut self.connection).await
    }

    pub(in crate::directory::copy) async fn last_audit_id(&mut self) -> sqlx::Result<Option<i64>> {
        sqlx::query_scalar("SELECT max(id) FROM audit_entries").fetch_one(&mut self.connection).await
    }

    pub(in crate::directory::copy) async fn close(self) -> sqlx::Result<()> {
        self.connection.close().await
    }
}

type Query<'a> = sqlx::query::Query<'a, Db, <Db as Database>::Arguments>;

pub(super) fn bind<'a>(query: Query<'a>, value: &'a Value) -> Query<'a> {
    match value {
        Value::Null => query.bind(None::<i64>),
        Value::Number(number) => query.bind(number),
        Value::Flag(flag) => query.bind(flag),
        Value::Text(text) => query.bind(text.as_str()),
        Value::Bytes(bytes) => query.bind(bytes.as_slice()),
    }
}

pub(super) fn read_value(column: &Column, row: &<Db as Database>::Row, at: usize) -> sqlx::Result<Value> {
    Ok(match column.kind {
        Kind::Number => row.try_get::<Option<i64>, _>(at)?.map(Value::Number),
        Kind::Flag => row.try_get::<Option<bool>, _>(at)?.map(Value::Flag),
        Kind::Text => row.try_get::<Option<String>, _>(at)?.map(Value::Text),
        Kind::Bytes => row.try_get::<Option<Vec<u8>>, _>(at)?.map(Value::Bytes),
    }
    .unwrap_or(Value::Null))
}
