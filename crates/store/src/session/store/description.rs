//! What the session store is, for operators.

/// The session store at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// `redis`, `redis-sentinel`, `redis-cluster` or `sqlite`.
    pub kind: &'static str,
    /// The servers, or the Sentinels, that the settings name.
    pub hosts: Vec<String>,
    /// The server that is used, or the primaries of a Cluster. `None`: it does not answer, or there is none.
    pub server: Option<String>,
    /// The version of the server. `None`: its access rules do not let Gatepost ask, or it does not answer.
    pub version: Option<String>,
}
