//! Every name leads to this machine: host names of tests to the ports that their servers listen on.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Names and where they are; all others are 127.0.0.1 at the port of the URL.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    pub(super) hosts: HashMap<String, SocketAddr>,
    pub(super) otherwise: Option<SocketAddr>,
}

impl Names {
    /// Where a connection to `host` goes; port 0 stands for the URL's.
    pub(super) fn find(&self, host: &str) -> SocketAddr {
        let known = self.hosts.get(host).copied().or(self.otherwise);
        known.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
    }
}

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let addr = self.find(name.as_str());
        let addrs: Addrs = Box::new(std::iter::once(addr));
        Box::pin(std::future::ready(Ok(addrs)))
    }
}
