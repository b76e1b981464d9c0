//! A database of its own for one test.

use super::Postgres;
use std::fmt;
use std::ops::Deref;
use std::sync::PoisonError;

/// A database of a server. It is used no more when this is dropped.
#[derive(Debug)]
pub struct Database {
    url: String,
    name: String,
    server: &'static Postgres,
}

impl Postgres {
    /// Creates a copy of the database that `fill` filled. `fill` is called once for this server, with the URL of an empty
    /// database, and must have closed its connections when it returns. Copies that ended are deleted before: a thousand of
    /// them would take 10 GB.
    pub async fn copy_of(&'static self, fill: impl AsyncFnOnce(String)) -> Database {
        let template = self.template.get_or_init(|| async {
            let name = self.create("").await;
            fill(self.url(&name)).await;
            name
        });
        // The default strategy writes each page to the log, which takes three times as long.
        let how = format!("TEMPLATE {} STRATEGY file_copy", template.await);
        self.drop_ended().await;
        let name = self.create(&how).await;
        Database { url: self.url(&name), name, server: self }
    }

    /// Notes that a database is used no more.
    fn end(&self, database: String) {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).push(database);
    }

    /// Drops the databases that are used no more. One that cannot be dropped on a busy machine waits for the next time.
    async fn drop_ended(&self) {
        let ended = std::mem::take(&mut *self.ended.lock().unwrap_or_else(PoisonError::into_inner));
        for name in ended {
            let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
            if self.try_sql("postgres", &drop).await.is_err() {
                self.end(name);
            }
        }
    }
}

/// The `postgres://` URL with a superuser.
impl Deref for Database {
    type Target = str;

    fn deref(&self) -> &str {
        &self.url
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.server.end(std::mem::take(&mut self.name));
    }
}
