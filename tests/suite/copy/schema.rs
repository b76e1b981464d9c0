//! What the copy describes is what the migrations make, on both databases.

use crate::directory::Opened;
use gatepost_store::directory::copy::{Kind, NOT_COPIED, TABLES};
use std::collections::BTreeSet;

/// `table column type` of every column of every table. A smaller whole number is copied as a greater one.
const POSTGRES: &str = "SELECT c.table_name || ' ' || c.column_name || ' ' || replace(c.data_type, 'smallint', 'bigint') FROM information_schema.columns c \
    JOIN information_schema.tables t USING (table_schema, table_name) \
    WHERE c.table_schema = 'gatepost' AND t.table_type = 'BASE TABLE'";
const SQLITE: &str = "SELECT m.name || ' ' || c.name || ' ' || c.type FROM sqlite_master m, pragma_table_info(m.name) c \
    WHERE m.type = 'table'";
/// `table column,column` of every primary key.
const POSTGRES_KEYS: &str = "SELECT c.conrelid::regclass::text || ' ' || (SELECT string_agg(a.attname, ',' ORDER BY k.place) \
    FROM unnest(c.conkey) WITH ORDINALITY AS k(number, place) JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.number) \
    FROM pg_constraint c WHERE c.contype = 'p' AND c.connamespace = 'gatepost'::regnamespace";
const SQLITE_KEYS: &str = "SELECT name || ' ' || coalesce((SELECT group_concat(c.name, ',') FROM \
    (SELECT name FROM pragma_table_info(m.name) WHERE pk > 0 ORDER BY pk) c), '') FROM sqlite_master m WHERE type = 'table'";
/// `table table` of every reference.
const POSTGRES_REFERENCES: &str = "SELECT conrelid::regclass::text || ' ' || confrelid::regclass::text FROM pg_constraint \
    WHERE contype = 'f' AND connamespace = 'gatepost'::regnamespace";
/// Columns whose numbers the database gives.
const POSTGRES_NUMBERED: &str = "SELECT table_name || ' ' || column_name FROM information_schema.columns \
    WHERE table_schema = 'gatepost' AND is_identity = 'YES'";

fn is_copied(line: &str) -> bool {
    let table = line.split(' ').next().unwrap().trim_start_matches("gatepost.");
    NOT_COPIED.iter().all(|(name, _)| *name != table)
}

async fn found(store: &Opened, sql: &str) -> BTreeSet<String> {
    let lines = store.texts(sql).await.into_iter().map(|line| line.replace("gatepost.", "").replace('"', ""));
    lines.filter(|line| is_copied(line)).collect()
}

fn described(kind: impl Fn(Kind) -> &'static str) -> BTreeSet<String> {
    let columns = |table: &gatepost_store::directory::copy::Table| {
        let name = table.name;
        table
            .columns
            .iter()
            .map(|column| format!("{name} {} {}", column.name, kind(column.kind)))
            .collect::<Vec<_>>()
    };
    TABLES.iter().flat_map(columns).collect()
}

fn assert_same(made: &BTreeSet<String>, described: &BTreeSet<String>) {
    let missing: Vec<_> = made.difference(described).collect();
    let unknown: Vec<_> = described.difference(made).collect();
    assert!(
        missing.is_empty() && unknown.is_empty(),
        "not described: {missing:?}; described, but not there: {unknown:?}"
    );
}

fn described_keys() -> BTreeSet<String> {
    TABLES.iter().map(|table| format!("{} {}", table.name, table.key.join(","))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_table_and_column_of_postgres_is_described() {
    let store = Opened::postgres().await;
    let kind = |kind| match kind {
        Kind::Number => "bigint",
        Kind::Flag => "boolean",
        Kind::Text => "text",
        Kind::Bytes => "bytea",
    };
    assert_same(&found(&store, POSTGRES).await, &described(kind));
    assert_eq!(found(&store, POSTGRES_KEYS).await, described_keys());
    let numbered: BTreeSet<String> = TABLES
        .iter()
        .filter(|table| table.is_numbered)
        .map(|table| format!("{} {}", table.name, table.key[0]))
        .collect();
    assert_eq!(found(&store, POSTGRES_NUMBERED).await, numbered);
    let place = |name: &str| TABLES.iter().position(|table| table.name == name).unwrap();
    for reference in found(&store, POSTGRES_REFERENCES).await {
        let (table, other) = reference.split_once(' ').unwrap();
        assert!(place(other) < place(table), "{table} refers to {other}, which comes later");
    }
    for (table, trigger) in TABLES.iter().filter_map(|table| Some((table.name, table.muted?))) {
        let sql = format!(
            "SELECT tgname::text FROM pg_trigger WHERE tgrelid = 'gatepost.{table}'::regclass AND tgname = '{trigger}'"
        );
        assert_eq!(store.texts(&sql).await, [trigger]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_table_and_column_of_sqlite_is_described() {
    let store = Opened::sqlite().await;
    let kind = |kind| match kind {
        Kind::Number | Kind::Flag => "INTEGER",
        Kind::Text => "TEXT",
        Kind::Bytes => "BLOB",
    };
    assert_same(&found(&store, SQLITE).await, &described(kind));
    assert_eq!(found(&store, SQLITE_KEYS).await, described_keys());
    for (table, trigger) in TABLES.iter().filter_map(|table| Some((table.name, table.muted?))) {
        let sql = format!(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = '{table}' AND name = '{trigger}'"
        );
        assert_eq!(store.texts(&sql).await, [trigger]);
    }
}
