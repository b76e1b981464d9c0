//! Limits what failing credentials cost, by the address that sends them: a look-up in the directory for an unknown API key, a
//! check of a signature at most for an access token that does not count. [`crate::key_look_up`] says which keys count here.

use crate::permits::holder_of;
use crate::rate::{Quota, Rate};
use gatepost_core::clock::BootTime;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

/// How many credentials of one address may fail: one a second, and 64 at once, because a program may send its first requests
/// together.
const QUOTA: Quota = Quota::new(Duration::from_secs(1), 64);

/// The credentials of one kind that failed lately.
#[derive(Debug, Default)]
pub struct FailingCredentials(Rate<IpAddr>);

/// One credential whose worth is not known yet. It counts as failed unless it is given back.
#[derive(Debug)]
pub struct Attempt<'a> {
    failing: &'a FailingCredentials,
    holder: IpAddr,
}

impl FailingCredentials {
    /// Counts an attempt before it costs anything.
    ///
    /// # Errors
    /// Too many failed. Holds the time to wait.
    pub fn begin(&self, address: Option<IpAddr>) -> Result<Attempt<'_>, Duration> {
        // Without an address the proxy is not Traefik, and all clients share one quota.
        let holder = holder_of(address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)));
        match self.0.count(holder, QUOTA, BootTime::now()).wait {
            None => Ok(Attempt { failing: self, holder }),
            Some(wait) => Err(wait),
        }
    }
}

impl Attempt<'_> {
    /// The credential did not fail, or that is not known.
    pub fn give_back(self) {
        self.failing.0.give_back(self.holder, QUOTA);
    }
}
