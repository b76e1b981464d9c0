//! The site that Traefik serves, as Gatepost's configuration describes it.

use gatepost_config::SpeakerConfig;
use gatepost_core::host::{HostName, ProtectedHosts};

/// What Gatepost's configuration says about the site that Traefik serves.
#[derive(Debug)]
pub(super) struct Site<'a> {
    pub(super) public: &'a HostName,
    pub(super) hosts: ProtectedHosts,
    pub(super) internal_port: u16,
    pub(super) public_port: u16,
    /// Of the listener that filters lists, if there is one.
    pub(super) filter_port: Option<u16>,
    /// Whether the internal listener uses TLS.
    pub(super) has_tls: bool,
    pub(super) is_development: bool,
    pub(super) speakers: &'a [SpeakerConfig],
}
