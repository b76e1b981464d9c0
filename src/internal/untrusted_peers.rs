//! Limits the connections of peers that are not trusted proxies. Probes and Prometheus need a few. More must not take
//! sockets from the proxy.

use gatepost_runtime::permits::{self, Permits};
use std::net::IpAddr;
use std::sync::Arc;

/// Connections of one address at a time.
const MAX_PER_ADDRESS: usize = 16;
/// Connections of all of them together.
const MAX_TOTAL: usize = 1024;

/// The connections of untrusted peers of one listener.
#[derive(Debug)]
pub(super) struct UntrustedPeers(Arc<Permits<IpAddr>>);

/// The permit of one connection.
pub(super) type Permit = permits::Permit<IpAddr>;

impl Default for UntrustedPeers {
    fn default() -> Self {
        Self(Arc::new(Permits::new(MAX_PER_ADDRESS, MAX_TOTAL)))
    }
}

impl UntrustedPeers {
    /// `None`: the peer, or all untrusted peers together, have reached their limit.
    pub(super) fn admit(&self, peer: IpAddr) -> Option<Permit> {
        self.0.try_acquire(permits::holder_of(peer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn one_address_has_so_many_and_leaves_room_for_others() {
        let untrusted_peers = UntrustedPeers::default();
        let places: Vec<_> = (0..20).filter_map(|_| untrusted_peers.admit(address("192.0.2.1"))).collect();
        assert_eq!(places.len(), MAX_PER_ADDRESS);
        assert!(untrusted_peers.admit(address("192.0.2.2")).is_some(), "another");
    }

    #[test]
    fn the_addresses_of_one_ipv6_network_are_one() {
        let untrusted_peers = UntrustedPeers::default();
        let of_one = |number: usize| untrusted_peers.admit(address(&format!("2001:db8::{number:x}")));
        let places: Vec<_> = (0..2 * MAX_PER_ADDRESS).filter_map(of_one).collect();
        assert_eq!(places.len(), MAX_PER_ADDRESS);
        assert!(untrusted_peers.admit(address("2001:db8:0:1::1")).is_some());
    }

    #[test]
    fn all_together_have_a_limit_too() {
        let untrusted_peers = UntrustedPeers::default();
        let peers = (0..=u8::MAX).flat_map(|a| (0..=u8::MAX).map(move |b| IpAddr::from([10, 0, a, b])));
        let places: Vec<_> = peers.filter_map(|peer| untrusted_peers.admit(peer)).collect();
        assert_eq!(places.len(), MAX_TOTAL);
    }
}
