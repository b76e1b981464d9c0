//! The settings of a speaker (`GATEPOST_SPEAKERS__*`).

use super::watched::WatchedSecret;
use gatepost_core::host::{HostName, HostPattern};
use gatepost_core::ids::SpeakerId;
use std::time::Duration;
use url::Url;

/// The settings of one speaker.
#[derive(Clone, Debug)]
pub struct SpeakerConfig {
    /// `<ID>` in `GATEPOST_SPEAKERS__<ID>__...`, lower case.
    pub id: SpeakerId,
    /// `..__KIND`.
    pub kind: SpeakerKind,
    /// `..__SECRET` or `..__JWKS_URL`: what its words are verified with.
    pub key: SpeakerKey,
    /// `..__ISSUER`: the words' `iss`.
    pub issuer: String,
    /// `..__AUDIENCE`: the words' `aud`; `None` if it is not checked.
    pub audience: Option<String>,
    /// `..__HEADER`, in lower case.
    pub header: String,
    /// `..__HOSTS`: the hosts where its words count.
    pub hosts: Vec<HostPattern>,
    /// `..__REQUIRE_SESSION`: a person must be signed in.
    pub require_session: bool,
    /// `..__MAX_AGE`: a word lives this long at most.
    pub max_age: Duration,
}

impl SpeakerConfig {
    /// The headers, in lower case, that tell a person and that no application may get: the word, and what `Open WebUI`
    /// sends in its place.
    pub fn hidden_headers(&self) -> impl Iterator<Item = &str> {
        let unsigned: &[&str] = match self.kind {
            SpeakerKind::OpenWebUi => &UNSIGNED_HEADERS,
            SpeakerKind::Jwt => &[],
        };
        std::iter::once(self.header.as_str()).chain(unsigned.iter().copied())
    }

    /// Whether its words count on this host.
    pub fn is_heard_on(&self, host: &HostName) -> bool {
        self.hosts.iter().any(|pattern| pattern.origin_of(host).is_some())
    }
}

/// What `Open WebUI` sends in place of a word if it does not sign, in lower case.
pub const UNSIGNED_HEADERS: [&str; 4] =
    ["x-openwebui-user-email", "x-openwebui-user-id", "x-openwebui-user-name", "x-openwebui-user-role"];

/// The kind of a speaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpeakerKind {
    /// `Open WebUI`. Without its signature it sends the same as plain headers.
    OpenWebUi,
    /// Any other program that signs a JWT.
    Jwt,
}

/// What the words of a speaker are verified with. It decides about the algorithm.
#[derive(Clone, Debug)]
pub enum SpeakerKey {
    /// HS256 with this secret.
    Secret(WatchedSecret),
    /// The public keys at this address, with an algorithm that fits them.
    Jwks(Url),
}
