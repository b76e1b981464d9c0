//! Where calls to a provider that a tenant chose may go: the public Internet, and networks that the operator allows.
//!
//! Guarantee: no connection is made to another address. Names are resolved by [`Guard`] itself, which gives the connection
//! only addresses that it allows, so an answer of the DNS that is another one a moment later reaches nothing else. An address
//! that stands in the URL is not resolved, so it is checked before each call. No proxy of the environment is used: it would
//! resolve the name again.

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use url::{Host, Url};

type Found = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;
type LookUp = dyn Fn(String) -> Found + Send + Sync;

/// Which addresses may be called.
#[derive(Clone)]
pub(super) struct Guard {
    /// Networks that are allowed although they are not public.
    networks: Arc<[IpNet]>,
    look_up: Arc<LookUp>,
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guard").field("networks", &self.networks).finish_non_exhaustive()
    }
}

/// The name has no address that may be called.
#[derive(Debug, thiserror::Error)]
#[error("{0} has no address in the public Internet")]
struct NotPublic(String);

impl Guard {
    /// Asks the system's resolver.
    pub fn new(networks: &[IpNet]) -> Self {
        Self::with(networks, |name| {
            Box::pin(async move {
                let found = tokio::net::lookup_host((name, 0)).await?;
                Ok(found.map(|address| address.ip()).collect())
            })
        })
    }

    fn with(networks: &[IpNet], look_up: impl Fn(String) -> Found + Send + Sync + 'static) -> Self {
        Self { networks: networks.into(), look_up: Arc::new(look_up) }
    }

    fn allows(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        is_public(address) || self.networks.iter().any(|network| network.contains(&address))
    }

    /// Checks what the resolver does not see: the scheme, and an address that stands in the URL.
    ///
    /// # Errors
    /// What is wrong with the address.
    pub fn check(&self, url: &Url) -> Result<(), &'static str> {
        let literal = match url.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            Some(Host::Domain(_)) => None,
            None => return Err("it has no host"),
        };
        if literal.is_some_and(|address| !self.allows(address)) {
            return Err("it is not in the public Internet");
        }
        // Without TLS only on this machine, and only where the operator allows it.
        let is_allowed_loopback = literal.is_some_and(|address| address.is_loopback());
        match url.scheme() {
            "https" => Ok(()),
            "http" if is_allowed_loopback => Ok(()),
            _ => Err("it is not https"),
        }
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let name = name.as_str().to_owned();
            let found = (guard.look_up)(name.clone()).await?;
            let allowed: Vec<SocketAddr> =
                found.into_iter().filter(|ip| guard.allows(*ip)).map(|ip| SocketAddr::new(ip, 0)).collect();
            if allowed.is_empty() {
                return Err(NotPublic(name).into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

/// Whether an address is one of the public Internet (IANA's registries of special-purpose addresses).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = matches!(
        (a, b, c),
        (0 | 10 | 127 | 224.., _, _)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 168, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (198, 18 | 19, _)
            | (198, 51, 100)
            | (203, 0, 113)
    );
    !is_special
}

/// Of `2000::/3`, which alone is given out, without what stands for another address: Teredo, ORCHID, documentation, 6to4.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    let is_special = (a == 0x2001 && (b < 0x200 || b == 0xdb8)) || a == 0x2002 || (a == 0x3fff && b < 0x1000);
    a & 0xe000 == 0x2000 && !is_special
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::net::TcpListener;

    fn url(text: &str) -> Url {
        Url::parse(text).expect("an address")
    }

    #[test]
    fn addresses_that_are_not_public_are_refused() {
        let guard = Guard::new(&[]);
        for refused in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.0.1",
            "192.0.0.170",
            "192.0.2.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::a00:1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "2002:a00:1::",
            "3fff::1",
        ] {
            assert!(!guard.allows(refused.parse().expect("an address")), "{refused}");
        }
        for public in [
            "1.1.1.1",
            "100.63.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "20.190.128.1",
            "2606:4700::1111",
            "2001:4860::1",
        ] {
            assert!(guard.allows(public.parse().expect("an address")), "{public}");
        }
    }

    #[test]
    fn an_address_in_the_url_is_checked_however_it_is_written() {
        let guard = Guard::new(&[]);
        for refused in [
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://[::1]/",
            "https://[::ffff:7f00:1]/",
            "https://169.254.169.254/latest/meta-data",
            "http://example.com/",
            "ftp://example.com/",
        ] {
            assert!(guard.check(&url(refused)).is_err(), "{refused}");
        }
        assert!(guard.check(&url("https://example.com/")).is_ok());
    }

    #[test]
    fn networks_of_the_operator_are_allowed_and_http_only_on_loopback() {
        let guard = Guard::new(&[
            "10.20.0.0/16".parse().expect("a network"),
            "127.0.0.2/32".parse().expect("a network"),
        ]);
        assert!(guard.check(&url("https://10.20.3.4/")).is_ok());
        assert!(guard.check(&url("http://127.0.0.2:8080/")).is_ok());
        for refused in ["https://10.21.0.1/", "http://10.20.3.4/", "http://127.0.0.1/", "http://localhost/"] {
            assert!(guard.check(&url(refused)).is_err(), "{refused}");
        }
    }

    /// What rebinds: each second answer of the DNS is an address of this machine.
    #[tokio::test]
    async fn an_answer_of_the_dns_that_changes_reaches_no_private_address() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (connections, look_ups) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&connections);
        tokio::spawn(async move {
            while listener.accept().await.is_ok() {
                counted.fetch_add(1, Ordering::SeqCst);
            }
        });
        let asked = Arc::clone(&look_ups);
        let changing = move |_: String| -> Found {
            let is_first = asked.fetch_add(1, Ordering::SeqCst) % 2 == 0;
            // Nothing listens at the documentation's address, which stands for a public one.
            let answer = if is_first { [192, 0, 2, 1] } else { [127, 0, 0, 1] };
            Box::pin(async move { Ok(vec![IpAddr::from(answer)]) })
        };
        let documentation = "192.0.2.0/24".parse().expect("a network");
        let guard = Guard::with(&[documentation], changing);
        let client = super::super::transport::guarded_client(None, &guard).expect("a client");
        for _ in 0..4 {
            let call = client.get(format!("http://changing.example:{port}/"));
            assert!(call.timeout(std::time::Duration::from_millis(200)).send().await.is_err());
        }
        assert_eq!(connections.load(Ordering::SeqCst), 0, "this machine was not reached");
        assert_eq!(look_ups.load(Ordering::SeqCst), 4, "each connection uses the answer that was checked");
    }
}
