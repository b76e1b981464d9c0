//! Resolves every name to this machine, and the host names of a test to the ports of its servers.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// The addresses of names. Any other name is 127.0.0.1 with the port of the URL.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    pub(super) hosts: HashMap<String, SocketAddr>,
    pub(super) otherwise: Option<SocketAddr>,
}

impl Names {
    /// The address for a connection to `host`. Port 0 stands for the port of the URL.
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
