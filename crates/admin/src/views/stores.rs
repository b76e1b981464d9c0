use super::time;
use gatepost_store::directory::{self, ServerAddress};
use gatepost_store::session;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// Both stores.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StoresView {
    pub directory: DirectoryStore,
    pub sessions: SessionStore,
}

/// The database of the directory.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DirectoryStore {
    /// `postgres` or `sqlite`.
    pub kind: String,
    /// Without the password.
    pub address: String,
    /// Each with its port.
    pub hosts: Vec<String>,
    /// The name of the database, or the path of the file.
    pub name: String,
    pub version: String,
    /// The number of the newest migration that was applied.
    pub schema: String,
    /// Whether a pooler may stand in between: one in session mode, or none. Behind any other Gatepost does not work.
    pub pooler: String,
    /// Standbys that follow now.
    pub standbys: Option<u64>,
    /// When a dump was last restored in a drill.
    pub last_drill: Option<String>,
    /// When that dump was taken: the last backup that can be restored, as far as Gatepost knows.
    pub last_backup: Option<String>,
    /// The rows of each table, counted up to 1,000.
    pub rows: BTreeMap<String, u64>,
}

/// The session store.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SessionStore {
    /// `redis`, `redis-sentinel`, `redis-cluster` or `sqlite`.
    pub kind: String,
    /// The servers, Sentinels or nodes that the settings name.
    pub hosts: Vec<String>,
    /// The server that is used now, or the primaries of a Cluster.
    pub server: Option<String>,
    /// `null`: the user may not ask for it.
    pub version: Option<String>,
}

impl DirectoryStore {
    /// `file`: the embedded file, if there are no servers.
    pub fn new(found: directory::Description, servers: &[ServerAddress], file: Option<&Path>) -> Self {
        let hosts: Vec<String> = servers.iter().map(host).collect();
        let (kind, address, name) = match (servers.first(), file) {
            (Some(first), _) => {
                let ServerAddress { user, database, .. } = first;
                let address = format!("postgres://{user}:***@{}/{database}", hosts.join(","));
                ("postgres", address, database.clone())
            }
            (None, file) => {
                let file = file.map(|file| file.display().to_string()).unwrap_or_default();
                ("sqlite", format!("sqlite://{file}"), file)
            }
        };
        Self {
            kind: kind.to_owned(),
            address,
            pooler: if hosts.is_empty() { "none" } else { "none, or one in session mode" }.to_owned(),
            hosts,
            name,
            version: found.version,
            schema: found.schema.to_string(),
            standbys: found.standbys.and_then(|count| u64::try_from(count).ok()),
            last_drill: time(found.last_drill.as_ref().map(|drill| drill.drilled_at)),
            last_backup: time(found.last_drill.as_ref().and_then(directory::Drill::dumped_at)),
            rows: found.rows.into_iter().map(|(table, count)| (table.to_owned(), count.number)).collect(),
        }
    }
}

impl From<session::store::Description> for SessionStore {
    fn from(found: session::store::Description) -> Self {
        let session::store::Description { kind, hosts, server, version } = found;
        Self { kind: kind.to_owned(), hosts, server, version }
    }
}

fn host(ServerAddress { host, port, .. }: &ServerAddress) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}
