//! What the relying party needs to know from the configuration.

use gatepost_config::{Config, ProviderConfig, SpeakerConfig};
use gatepost_core::host::HostName;
use std::path::PathBuf;

/// The settings of the relying party.
#[derive(Clone, Debug)]
pub struct Settings {
    /// A PEM file with certificate authorities that are trusted beside those of the system.
    pub ca_file: Option<PathBuf>,
    /// The host of the public listener. Addresses below `machine.<public host>` belong to machines.
    pub public_host: HostName,
    /// The providers, in the order in which they are offered.
    pub providers: Vec<ProviderConfig>,
    /// The speakers, in the order of their ids.
    pub speakers: Vec<SpeakerConfig>,
}

impl Settings {
    /// The part of the configuration that concerns the relying party.
    pub fn of(config: &Config) -> Self {
        Self {
            ca_file: config.ca_file.clone(),
            public_host: config.public_url.host().clone(),
            providers: config.providers.clone(),
            speakers: config.speakers.clone(),
        }
    }
}
