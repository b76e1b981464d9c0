//! A database of its own for one test.

use super::Postgres;
use std::fmt;
use std::ops::Deref;

/// A database of a server. It is used no more when this is dropped.
#[derive(Debug)]
pub struct Database {
    url: String,
    name: String,
    server: &'static Postgres,
}

impl Database {
    pub(super) const fn new(url: String, name: String, server: &'static Postgres) -> Self {
        Self { url, name, server }
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
