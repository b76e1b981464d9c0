//! The entries of Redis. Only this needs `SCAN`, and only the way back to one file does it.

use super::super::StoreError;
use super::super::entries::{Entry, EntryKind, EntryPage, Place};
use super::scripts::INDEX;
use super::{PREFIX, RedisStore, Request, is_unloaded, key, millis};
use std::time::Duration;

/// How many keys the server looks at in one step, within the time limit of a command.
const STEP: u32 = 200;
/// How many entries are written in one step.
const BATCH: usize = 200;

impl RedisStore {
    pub(in crate::session::store) async fn list_entries(
        &self,
        kind: EntryKind,
        from: Place,
    ) -> Result<EntryPage, StoreError> {
        if self.0.server.is_cluster() {
            let why = "its keys cannot be listed from one place: copy back from a single server";
            return Err(StoreError::Redis(
                (redis::ErrorKind::InvalidClientConfig, "this is a Redis Cluster", why.to_owned()).into(),
            ));
        }
        let mut scan = redis::cmd("SCAN");
        scan.arg(from.cursor).arg("MATCH").arg([PREFIX, b"*"].concat()).arg("COUNT").arg(STEP);
        let (cursor, found): (u64, Vec<Vec<u8>>) = self.command(&scan).await?;
        let names = found.iter().filter_map(|found| found.strip_prefix(PREFIX));
        let names: Vec<&[u8]> = names.filter(|name| EntryKind::of(name) == Some(kind)).collect();
        let entries = if kind == EntryKind::Member {
            self.members(&names).await?
        } else {
            self.values(&names, kind).await?
        };
        Ok(EntryPage { entries, next: (cursor != 0).then_some(Place { after: None, cursor }) })
    }

    async fn values(&self, names: &[&[u8]], kind: EntryKind) -> Result<Vec<Entry>, StoreError> {
        let mut pipeline = redis::pipe();
        for name in names {
            pipeline.cmd("GET").arg(key(name)).cmd("PTTL").arg(key(name));
        }
        let answers: Vec<(Option<Vec<u8>>, i64)> = pairs(self.pipeline(&pipeline, names.len()).await?)?;
        let entry = |(name, (value, rest)): (&&[u8], (Option<Vec<u8>>, i64))| {
            Some(Entry {
                key: name.to_vec(),
                member: None,
                value: value?,
                is_counter: kind == EntryKind::Counter,
                rest: life(rest)?,
            })
        };
        Ok(names.iter().zip(answers).filter_map(entry).collect())
    }

    async fn members(&self, names: &[&[u8]]) -> Result<Vec<Entry>, StoreError> {
        let mut pipeline = redis::pipe();
        for name in names {
            pipeline.cmd("SMEMBERS").arg(key(name)).cmd("PTTL").arg(key(name));
        }
        let answers: Vec<(Vec<Vec<u8>>, i64)> = pairs(self.pipeline(&pipeline, names.len()).await?)?;
        let of_set = |(name, (members, rest)): (&&[u8], (Vec<Vec<u8>>, i64))| {
            let (name, rest) = (name.to_vec(), life(rest));
            let entry = move |member| {
                Some(Entry {
                    key: name.clone(),
                    member: Some(member),
                    value: Vec::new(),
                    is_counter: false,
                    rest: rest?,
                })
            };
            members.into_iter().filter_map(entry).collect::<Vec<_>>()
        };
        Ok(names.iter().zip(answers).flat_map(of_set).collect())
    }

    async fn pipeline(
        &self,
        pipeline: &redis::Pipeline,
        count: usize,
    ) -> Result<Vec<redis::Value>, StoreError> {
        if count == 0 { Ok(Vec::new()) } else { self.send(Request::Pipeline(pipeline)).await }
    }

    pub(in crate::session::store) async fn put_entries(&self, entries: &[Entry]) -> Result<(), StoreError> {
        for batch in entries.chunks(BATCH) {
            match self.put(batch).await {
                Err(StoreError::Redis(error)) if is_unloaded(&error) => {
                    self.command::<redis::Value>(redis::cmd("SCRIPT").arg("LOAD").arg(INDEX)).await?;
                    self.put(batch).await?;
                }
                done => done?,
            }
        }
        Ok(())
    }

    async fn put_one(&self, entry: &Entry) -> Result<(), StoreError> {
        if let Some(member) = &entry.member {
            return self.index(&entry.key, member, entry.rest).await.map(drop);
        }
        let mut set = redis::cmd("SET");
        self.command(set.arg(key(&entry.key)).arg(&entry.value).arg("PX").arg(millis(entry.rest))).await
    }

    async fn put(&self, entries: &[Entry]) -> Result<(), StoreError> {
        if self.0.server.is_cluster() {
            for entry in entries {
                self.put_one(entry).await?;
            }
            return Ok(());
        }
        let mut pipeline = redis::pipe();
        for entry in entries {
            let (name, rest) = (key(&entry.key), millis(entry.rest));
            match &entry.member {
                Some(member) => {
                    let call = pipeline.cmd("EVALSHA").arg(self.0.index.get_hash()).arg(1).arg(name);
                    call.arg(member).arg(rest).ignore();
                }
                None => {
                    pipeline.cmd("SET").arg(name).arg(&entry.value).arg("PX").arg(rest).ignore();
                }
            }
        }
        self.send(Request::Pipeline(&pipeline)).await
    }
}

/// A key that is gone, or that never expires, has no rest of its life.
fn life(rest: i64) -> Option<Duration> {
    u64::try_from(rest).ok().filter(|rest| *rest > 0).map(Duration::from_millis)
}

/// The answers of two commands for each key.
fn pairs<A: redis::FromRedisValue>(answers: Vec<redis::Value>) -> Result<Vec<(A, i64)>, StoreError> {
    let mut pairs = Vec::with_capacity(answers.len() / 2);
    let mut answers = answers.into_iter();
    while let (Some(first), Some(rest)) = (answers.next(), answers.next()) {
        let first = redis::from_redis_value(first).map_err(|error| StoreError::Redis(error.into()))?;
        let rest = redis::from_redis_value(rest).map_err(|error| StoreError::Redis(error.into()))?;
        pairs.push((first, rest));
    }
    Ok(pairs)
}
