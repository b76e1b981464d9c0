//! The connection in use, and what is sent on it.

use super::connection::Connection;
use redis::{Cmd, ConnectionAddr, FromRedisValue, Pipeline, RedisError, ScriptInvocation};
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Clone)]
pub(super) struct Numbered {
    pub number: u64,
    pub connection: Connection,
}

impl Numbered {
    pub fn new(connection: Connection) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        Self { number: NUMBER.fetch_add(1, Ordering::Relaxed), connection }
    }
}

#[derive(Default)]
pub(super) struct Current {
    pub connection: Option<Numbered>,
    /// The server of the last connection. `None`: there was none yet, or it leads to several.
    pub server: Option<ConnectionAddr>,
}

#[derive(Clone, Copy)]
pub(super) enum Request<'a> {
    Command(&'a Cmd),
    Script(&'a ScriptInvocation<'a>),
    Pipeline(&'a Pipeline),
}

impl Request<'_> {
    pub async fn send_on<T: FromRedisValue>(self, mut connection: Connection) -> Result<T, RedisError> {
        match self {
            Self::Command(command) => command.query_async(&mut connection).await,
            Self::Script(call) => call.invoke_async(&mut connection).await,
            Self::Pipeline(pipeline) => pipeline.query_async(&mut connection).await,
        }
    }
}
