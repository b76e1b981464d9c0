//! Redis: one server, the primary that Sentinels name, or a Cluster. Each operation is one command or one script, so that it
//! is one step for everybody else.

mod client;
mod cluster;
mod connection;
mod current;
mod draw;
mod entries;
mod names;
mod permissions;
mod scripts;
mod send;
mod sentinels;
mod server;
mod watch;

pub use permissions::{CLUSTER_RULES, USER_RULES, is_refusal};

use super::description::Description;
use super::{Indexed, Replacement, StoreError};
use connection::{COMMAND_TIMEOUT, Connection};
use current::{Current, Request};
use gatepost_config::WatchedSecret;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::RequestId;
use names::{PREFIX, key};
use permissions::RefusalLog;
use redis::{Cmd, ErrorKind, FromRedisValue, RedisError, Script, ScriptInvocation, ServerErrorKind};
use scripts::{ADD, COUNT, DELETE_OWN, DRAW, INDEX, REPLACE, UNINDEX_STALE};
use server::Server;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio::time::timeout;

/// A handle to the store. Clones share the connection.
#[derive(Clone)]
pub struct RedisStore(Arc<Shared>);

struct Shared {
    server: Server,
    runtime: Handle,
    current: Mutex<Current>,
    failovers: AtomicU64,
    replace: Script,
    delete_own: Script,
    index: Script,
    unindex_stale: Script,
    count: Script,
    add: Script,
    draw: Script,
    refusals: RefusalLog,
}

impl std::fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RedisStore")
    }
}

impl RedisStore {
    /// A store that connects at the first command. Must be called within a runtime. `ca`: PEM of certificate
    /// authorities to trust for TLS in addition to the system's.
    ///
    /// # Errors
    /// The address or a certificate cannot be parsed.
    pub fn open(url: &WatchedSecret, ca: Option<Vec<u8>>) -> Result<Self, RedisError> {
        let store = Self(Arc::new(Shared {
            server: Server::new(url, ca)?,
            runtime: Handle::current(),
            current: Mutex::default(),
            failovers: AtomicU64::new(0),
            replace: Script::new(REPLACE),
            delete_own: Script::new(DELETE_OWN),
            index: Script::new(INDEX),
            unindex_stale: Script::new(UNINDEX_STALE),
            count: Script::new(COUNT),
            add: Script::new(ADD),
            draw: Script::new(DRAW),
            refusals: RefusalLog::default(),
        }));
        store.0.runtime.spawn(watch::watch(Arc::downgrade(&store.0)));
        Ok(store)
    }

    /// How often the primary was another server than before, since this store was opened.
    pub(super) fn failovers(&self) -> u64 {
        self.0.failovers.load(Ordering::Relaxed)
    }

    /// Runs each command and each script of the store on scratch keys, and returns those that Redis' access rules
    /// refuse to this user; `keys gatepost:*` if they refuse the names of the keys. For `check`.
    ///
    /// # Errors
    /// All errors except refusals.
    pub async fn find_refused(&self) -> Result<Vec<&'static str>, StoreError> {
        let Shared { replace, delete_own, index, unindex_stale, count, add, draw, .. } = &*self.0;
        let scripts = [
            (replace, REPLACE),
            (delete_own, DELETE_OWN),
            (index, INDEX),
            (unindex_stale, UNINDEX_STALE),
            (count, COUNT),
            (add, ADD),
            (draw, DRAW),
        ];
        // The braces keep all of them in one slot of a Cluster, as a script demands.
        let scratch = format!("check:{{{}}}:", RequestId::generate());
        let mut refused = Vec::new();
        let mut trials = permissions::trials(&key(scratch.as_bytes()), &scripts);
        if self.0.server.is_cluster() {
            trials.extend(permissions::cluster_trials());
        }
        for (name, command) in trials {
            let name = match self.command::<redis::Value>(&command).await {
                Ok(_) => continue,
                Err(StoreError::Redis(error)) if is_unloaded(&error) => continue,
                Err(StoreError::Redis(error)) if permissions::is_about_key(&error) => "keys gatepost:*",
                Err(StoreError::Redis(error)) if is_refusal(&error) => name,
                Err(error) => return Err(error),
            };
            if !refused.contains(&name) {
                refused.push(name);
            }
        }
        Ok(refused)
    }

    /// Connects if there is no connection. For `check`.
    ///
    /// # Errors
    /// `NOPERM` if the access rules forbid what is asked of a new connection, and errors of the connection.
    pub async fn connect(&self) -> Result<(), StoreError> {
        self.connection().await.map(drop)
    }

    /// The server's `INFO`, lines of `name:value`. For `check`.
    ///
    /// # Errors
    /// `NOPERM` if the access rules forbid it, and errors of the connection.
    pub async fn report(&self) -> Result<String, StoreError> {
        match self.connection().await?.connection {
            Connection::One(_) => self.command(&redis::cmd("INFO")).await,
            // Of one node: all together would be one answer for each.
            Connection::Cluster(nodes) => {
                let asked = cluster::ask_one(nodes, redis::cmd("INFO"));
                let answer = timeout(COMMAND_TIMEOUT, asked).await;
                answer.map_err(|_| StoreError::Timeout(COMMAND_TIMEOUT))?.map_err(StoreError::Redis)
            }
        }
    }

    /// Whether the server saves to disk by itself. `None`: it does not allow the query. For `check`.
    pub async fn saves(&self) -> Option<bool> {
        let answer: Vec<String> = self.command(redis::cmd("CONFIG").arg("GET").arg("save")).await.ok()?;
        answer.get(1).map(|points| !points.trim().is_empty())
    }

    /// What the settings name, and which server is used.
    pub(super) async fn describe(&self) -> Description {
        let (kind, hosts) = self.0.server.named();
        let report = self.report().await.ok();
        let version = report.as_ref().and_then(|report| {
            report.lines().find_map(|line| line.trim().strip_prefix("redis_version:")).map(str::to_owned)
        });
        // One that does not let Gatepost ask for its version is used all the same.
        let current = self.0.current.lock().await;
        let server = current.server.as_ref().map(ToString::to_string);
        let connection = current.connection.as_ref().map(|it| it.connection.clone());
        drop(current);
        let server = match connection {
            Some(Connection::Cluster(nodes)) => {
                cluster::find_primaries(&nodes).await.map(|found| Vec::from_iter(found).join(", "))
            }
            _ => server,
        };
        Description { kind, hosts, server, version }
    }

    /// The current time by the server's clock.
    pub async fn clock(&self) -> Result<Timestamp, StoreError> {
        let (seconds, _): (i64, i64) = self.command(&redis::cmd("TIME")).await?;
        Ok(Timestamp::from_unix(seconds))
    }

    /// Checks that the server answers and takes writes.
    ///
    /// # Errors
    /// It does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        // A write, because a replica and a full Redis answer PING too.
        self.command::<()>(redis::cmd("SET").arg(key(b"ping")).arg(1).arg("PX").arg(1000)).await
    }

    pub(super) async fn find(&self, name: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.command(redis::cmd("GET").arg(key(name))).await
    }

    pub(super) async fn create(
        &self,
        name: &[u8],
        value: &[u8],
        ttl: Duration,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        // `NX` with `GET` needs Redis 7.0, but Gatepost supports 6.2. So the caller that finds a value reads it in a
        // second command. The value may have expired in between; then it tries again.
        for _ in 0..3 {
            let mut set = redis::cmd("SET");
            set.arg(key(name)).arg(value).arg("NX").arg("PX").arg(millis(ttl));
            if self.command::<Option<String>>(&set).await?.is_some() {
                return Ok(None);
            }
            if let Some(existing) = self.find(name).await? {
                // If it is our own value, the answer to the first attempt was lost.
                return Ok((existing != value).then_some(existing));
            }
        }
        Err(StoreError::Timeout(COMMAND_TIMEOUT))
    }

    pub(super) async fn replace(
        &self,
        name: &[u8],
        old: &[u8],
        new: &[u8],
        ttl: Duration,
    ) -> Result<bool, StoreError> {
        let mut call = self.0.replace.key(key(name));
        call.arg(old).arg(new).arg(millis(ttl));
        self.script(&call).await
    }

    pub(in crate::session) async fn find_many(
        &self,
        names: &[Vec<u8>],
    ) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let keys: Vec<_> = names.iter().map(|name| key(name)).collect();
        self.command(redis::cmd("MGET").arg(keys)).await
    }

    pub(super) async fn replace_many(&self, replacements: &[Replacement]) -> Result<(), StoreError> {
        if replacements.is_empty() {
            return Ok(());
        }
        if self.0.server.is_cluster() {
            for Replacement { key: name, old, new, ttl } in replacements {
                self.replace(name, old, new, *ttl).await?;
            }
            return Ok(());
        }
        let mut pipeline = redis::pipe();
        for Replacement { key: name, old, new, ttl } in replacements {
            pipeline
                .cmd("EVALSHA")
                .arg(self.0.replace.get_hash())
                .arg(1)
                .arg(key(name))
                .arg(old)
                .arg(new)
                .arg(millis(*ttl))
                .ignore();
        }
        match self.send(Request::Pipeline(&pipeline)).await {
            // A replacement that was already made is not made again, because the old value is gone.
            Err(StoreError::Redis(error)) if is_unloaded(&error) => {
                self.command::<redis::Value>(redis::cmd("SCRIPT").arg("LOAD").arg(REPLACE)).await?;
                self.send(Request::Pipeline(&pipeline)).await
            }
            answer => answer,
        }
    }

    pub(super) async fn delete(&self, name: &[u8]) -> Result<(), StoreError> {
        self.command(redis::cmd("DEL").arg(key(name))).await
    }

    pub(super) async fn delete_own(&self, name: &[u8], own: &[u8]) -> Result<(), StoreError> {
        let mut call = self.0.delete_own.key(key(name));
        call.arg(own);
        self.script(&call).await
    }

    pub(super) async fn index(&self, name: &[u8], member: &[u8], ttl: Duration) -> Result<u64, StoreError> {
        let mut call = self.0.index.key(key(name));
        call.arg(member).arg(millis(ttl));
        self.script(&call).await
    }

    pub(super) async fn list(&self, name: &[u8]) -> Result<Vec<Vec<u8>>, StoreError> {
        self.command(redis::cmd("SMEMBERS").arg(key(name))).await
    }

    pub(super) async fn unindex(&self, name: &[u8], member: &[u8]) -> Result<(), StoreError> {
        self.command(redis::cmd("SREM").arg(key(name)).arg(member)).await
    }

    pub(super) async fn unindex_stale(&self, name: &[u8], members: &[Indexed]) -> Result<(), StoreError> {
        if members.is_empty() {
            return Ok(());
        }
        if self.0.server.is_cluster() {
            return self.unindex_one_by_one(name, members).await;
        }
        let mut call = self.0.unindex_stale.key(key(name));
        for Indexed { member, key: value } in members {
            call.key(key(value)).arg(member);
        }
        self.script(&call).await
    }

    /// The values lie on other nodes than the set. A value is written before its member, so a member without a value stays
    /// without one.
    async fn unindex_one_by_one(&self, name: &[u8], members: &[Indexed]) -> Result<(), StoreError> {
        let names: Vec<_> = members.iter().map(|indexed| indexed.key.clone()).collect();
        let values = self.find_many(&names).await?;
        for (Indexed { member, .. }, _) in members.iter().zip(values).filter(|(_, value)| value.is_none()) {
            self.unindex(name, member).await?;
        }
        Ok(())
    }

    pub(super) async fn count(&self, name: &[u8], ttl: Duration) -> Result<u64, StoreError> {
        let mut call = self.0.count.key(key(name));
        call.arg(millis(ttl));
        self.script(&call).await
    }

    /// Adds to these counters, whose names have one hash tag.
    pub(in crate::session) async fn add(
        &self,
        changes: &[(Vec<u8>, i64)],
        ttl: Duration,
    ) -> Result<(), StoreError> {
        if changes.is_empty() {
            return Ok(());
        }
        let mut call = self.0.add.prepare_invoke();
        call.arg(millis(ttl));
        for (name, change) in changes {
            call.key(key(name)).arg(*change);
        }
        self.script(&call).await
    }

    async fn command<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreError> {
        self.send(Request::Command(command)).await
    }

    async fn script<T: FromRedisValue>(&self, call: &ScriptInvocation<'_>) -> Result<T, StoreError> {
        self.send(Request::Script(call)).await
    }
}

/// Whether Redis does not have the script.
fn is_unloaded(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}

fn millis(ttl: Duration) -> u64 {
    u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).max(1)
}
