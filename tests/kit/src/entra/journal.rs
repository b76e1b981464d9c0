//! Records the requests to the provider, and can hold requests back, so that tests can create races.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

/// An endpoint by its role. The paths differ between styles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    Discovery,
    Keys,
    Authorize,
    /// The account picker's own form.
    SignIn,
    Token,
    Userinfo,
    Graph,
    Logout,
    Revocation,
    /// The attacker's endpoint, to which lies point. A call to it is always a bug.
    Attacker,
    Other,
}

impl Endpoint {
    pub(crate) fn of_path(path: &str) -> Self {
        let ends = |tails: &[&str]| tails.iter().any(|tail| path.ends_with(tail));
        if path.starts_with("/attacker/") {
            Self::Attacker
        } else if path.starts_with("/v1.0/") {
            Self::Graph
        } else if ends(&["/.well-known/openid-configuration"]) {
            Self::Discovery
        } else if ends(&["/discovery/v2.0/keys", "/openid-connect/certs"]) {
            Self::Keys
        } else if ends(&["/oauth2/v2.0/authorize", "/openid-connect/auth"]) {
            Self::Authorize
        } else if ends(&["/sign-in"]) {
            Self::SignIn
        } else if ends(&["/oauth2/v2.0/token", "/openid-connect/token"]) {
            Self::Token
        } else if ends(&["/oidc/userinfo", "/openid-connect/userinfo"]) {
            Self::Userinfo
        } else if ends(&["/oauth2/v2.0/logout", "/openid-connect/logout"]) {
            Self::Logout
        } else if ends(&["/openid-connect/revoke"]) {
            Self::Revocation
        } else {
            Self::Other
        }
    }
}

/// One request, recorded before it is handled.
#[derive(Clone, Debug)]
pub struct Call {
    pub at: Instant,
    pub endpoint: Endpoint,
    pub method: String,
    pub path: String,
    pub query: Vec<(String, String)>,
    /// The fields of a form body, in order.
    pub form: Vec<(String, String)>,
    pub authorization: Option<String>,
}

impl Call {
    /// The first form field with this name.
    pub fn form_field(&self, name: &str) -> Option<&str> {
        self.form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The first query parameter with this name.
    pub fn query_field(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// The recorded requests, and the delays of endpoints.
#[derive(Debug)]
pub(crate) struct Journal {
    calls: watch::Sender<Vec<Call>>,
    held: watch::Sender<BTreeSet<Endpoint>>,
    delays: Mutex<BTreeMap<Endpoint, Duration>>,
}

impl Journal {
    pub(crate) fn new() -> Self {
        Self {
            calls: watch::Sender::new(Vec::new()),
            held: watch::Sender::new(BTreeSet::new()),
            delays: Mutex::new(BTreeMap::new()),
        }
    }

    pub(crate) fn record(&self, call: Call) {
        self.calls.send_modify(|calls| calls.push(call));
    }

    pub(crate) fn list(&self) -> Vec<Call> {
        self.calls.borrow().clone()
    }

    pub(crate) fn forget(&self) {
        self.calls.send_modify(Vec::clear);
    }

    pub(crate) fn count(&self, endpoint: Endpoint) -> usize {
        self.calls.borrow().iter().filter(|call| call.endpoint == endpoint).count()
    }

    pub(crate) async fn until_count(&self, endpoint: Endpoint, count: usize) {
        let reached =
            |calls: &Vec<Call>| calls.iter().filter(|call| call.endpoint == endpoint).count() >= count;
        // Waiting cannot fail, because the sender is in `self`.
        let _ = self.calls.subscribe().wait_for(reached).await;
    }

    pub(crate) fn hold(&self, endpoint: Endpoint, is_held: bool) {
        self.held.send_modify(|held| {
            if is_held {
                held.insert(endpoint);
            } else {
                held.remove(&endpoint);
            }
        });
    }

    pub(crate) fn delay(&self, endpoint: Endpoint, delay: Duration) {
        self.delays.lock().unwrap_or_else(PoisonError::into_inner).insert(endpoint, delay);
    }

    /// Waits until the endpoint's delay has passed and its requests are not held back.
    pub(crate) async fn pass(&self, endpoint: Endpoint) {
        let delay = self.delays.lock().unwrap_or_else(PoisonError::into_inner).get(&endpoint).copied();
        if let Some(delay) = delay {
            tokio::time::sleep(delay).await;
        }
        let _ = self.held.subscribe().wait_for(|held| !held.contains(&endpoint)).await;
    }
}
