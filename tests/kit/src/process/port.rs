//! Finds free TCP ports on loopback. They are below the kernel's ephemeral range. Otherwise an outgoing connection of
//! another test could use the port of a store while a test restarts that store.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

const FIRST: u16 = 10_000;
const LAST: u16 = 32_000;

static NEXT: LazyLock<AtomicU32> = LazyLock::new(|| AtomicU32::new(rand::random()));

/// Returns a port of 127.0.0.1 on which nothing listens. A process gets each port only once.
///
/// # Panics
/// If no port of the range is free.
pub fn free_port() -> u16 {
    for _ in FIRST..LAST {
        let offset = NEXT.fetch_add(1, Ordering::Relaxed) % u32::from(LAST - FIRST);
        let port = FIRST + u16::try_from(offset).expect("below the range's length");
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    panic!("no free TCP port between {FIRST} and {LAST}");
}

/// [`free_port`] with its address.
pub fn free_addr() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, free_port()).into()
}
