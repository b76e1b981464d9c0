//! Every setting, parsed once into the types of the field.
//!
//! `gatepost.toml` and the environment are laid over each other in [`raw`]; the sections read typed values from there.
//! All errors are reported at once, none with a secret's value; a key that nothing reads is an error.

mod address;
mod credential;
mod domains;
pub mod duration;
mod error;
mod groups;
mod issuer;
pub mod keyring;
mod load;
mod log;
mod people;
mod platform;
mod providers;
mod raw;
mod reader;
mod session;
mod store_url;
mod stores;
mod suggest;
#[cfg(test)]
mod tests;
mod watched;

pub use domains::{AllowedDomain, AllowedDomainError};
pub use error::{ConfigError, ConfigErrors, Problem};
pub use groups::RoleWithoutTenant;
pub use people::{AssertableDomains, Terms};
pub use watched::{LOOK_AGAIN, MadeOf, WatchedSecret};

use gatepost_core::host::{HostPattern, Origin};
use gatepost_core::identity::ExternalGroup;
use gatepost_core::ids::{GroupName, ProviderId};
use gatepost_core::secret::Secret;
use ipnet::IpNet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use url::Url;

/// All of it.
#[derive(Clone, Debug)]
pub struct Config {
    /// `GATEPOST_PUBLIC_URL`: where browsers reach the public listener.
    pub public_url: Origin,
    /// `GATEPOST_INTERNAL_ADDR`.
    pub internal_addr: SocketAddr,
    /// `GATEPOST_PUBLIC_ADDR`.
    pub public_addr: SocketAddr,
    /// `GATEPOST_INTERNAL_TLS`: folder of the internal listener's certificates; `None`: plain HTTP.
    pub internal_tls: Option<PathBuf>,
    /// `GATEPOST_HEALTH_ADDR`: a third, plain listener for health and metrics only.
    pub health_addr: Option<SocketAddr>,
    /// `GATEPOST_HOSTS`.
    pub hosts: Vec<HostPattern>,
    /// `GATEPOST_ALLOWED_ORIGINS`.
    pub allowed_origins: Vec<Origin>,
    /// `GATEPOST_TRUSTED_PROXIES`.
    pub trusted_proxies: Vec<IpNet>,
    /// `GATEPOST_SECRET_KEYS`; empty in embedded mode until the key ring's file was read or made.
    pub secret_keys: Vec<Secret>,
    /// `GATEPOST_CA_FILE`.
    pub ca_file: Option<PathBuf>,
    /// Where state lives.
    pub stores: StoresConfig,
    /// `GATEPOST_PROVIDERS__*`, in the order of their ids; at least one.
    pub providers: Vec<ProviderConfig>,
    /// `GATEPOST_GROUPS`: links made by configuration.
    pub group_links: Vec<(GroupName, ExternalGroup)>,
    /// `GATEPOST_ADMIN_GROUPS`.
    pub admin_groups: Vec<GroupName>,
    /// `GATEPOST_ADMIN_ROLES`: app roles (`kind` is `Role`).
    pub admin_roles: Vec<ExternalGroup>,
    /// `GATEPOST_ADDRESS_CHANGES`.
    pub address_changes: AddressChanges,
    /// `GATEPOST_SESSION__*`.
    pub session: SessionConfig,
    /// `GATEPOST_VERIFY__*`.
    pub verify: VerifyConfig,
    /// `GATEPOST_LOG__FORMAT`, `GATEPOST_LOG__LEVEL`.
    pub log: LogConfig,
}

/// The two store pairs.
#[derive(Clone, Debug)]
pub enum StoresConfig {
    /// One process, one locked SQLite file with sessions and directory.
    Embedded {
        /// The file; the key ring lies beside it.
        file: PathBuf,
    },
    /// Any number of replicas.
    Shared {
        /// `REDIS_URL`.
        redis_url: WatchedSecret,
        /// `DATABASE_URL`.
        database_url: WatchedSecret,
    },
}

/// One OpenID provider.
#[derive(Clone, Debug)]
pub struct ProviderConfig {
    /// `<ID>` in `GATEPOST_PROVIDERS__<ID>__...`, lower case.
    pub id: ProviderId,
    /// What kind, with what only that kind has.
    pub kind: ProviderKind,
    /// Name on the page where one of several providers is chosen.
    pub label: String,
    /// `..__CLIENT_ID`.
    pub client_id: String,
    /// How Gatepost proves who it is.
    pub credential: ClientCredential,
    /// `..__CLIENT_CERTIFICATE_KID`, `..__CLIENT_CERTIFICATE_ALG`.
    pub assertion: AssertionConfig,
    /// `..__SCOPES`.
    pub scopes: Vec<String>,
    /// `..__ALLOWED_DOMAINS`: whose addresses it may assert; `None`: not limited.
    pub allowed_domains: Option<Vec<AllowedDomain>>,
    /// `..__EMAIL_VERIFIED`.
    pub email_verified: EmailVerified,
    /// `..__GROUPS`.
    pub groups: GroupsSource,
    /// `..__GROUPS_CLAIM`: path of the claim, split at `.`.
    pub groups_claim: Vec<String>,
    /// `..__GROUP_NAMES`.
    pub group_names: GroupNames,
    /// `..__RECHECK`.
    pub recheck: Recheck,
}

impl ProviderConfig {
    /// A provider of which only what has no default is set.
    pub fn new(id: ProviderId, kind: ProviderKind, client_id: String, credential: ClientCredential) -> Self {
        let is_entra = matches!(kind, ProviderKind::Entra { .. });
        Self {
            label: id.to_string(),
            id,
            kind,
            client_id,
            credential,
            assertion: AssertionConfig::default(),
            scopes: Vec::new(),
            allowed_domains: None,
            email_verified: if is_entra { EmailVerified::Assumed } else { EmailVerified::Required },
            groups: GroupsSource::Claim,
            groups_claim: vec!["groups".to_owned()],
            group_names: if is_entra { GroupNames::Link } else { GroupNames::Trust },
            recheck: Recheck::Provider,
        }
    }
}

/// What differs between the kinds.
#[derive(Clone, Debug)]
pub enum ProviderKind {
    /// Microsoft Entra ID, v2.0 endpoints.
    Entra {
        /// `..__AUTHORITY`, default `https://login.microsoftonline.com`.
        authority: Url,
        /// `..__TENANT_ID`.
        tenant: EntraTenant,
    },
    /// Google.
    Google,
    /// Any other.
    Oidc {
        /// `..__ISSUER`, exactly as the provider writes it.
        issuer: String,
    },
}

/// Which tenants of Entra may sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntraTenant {
    /// One pinned tenant, by its GUID in lower case: `tid` must be it.
    Pinned(String),
    /// `organizations` or `common` with `..__ALLOWED_TENANTS` (GUIDs in lower case, never empty).
    Several {
        /// The path segment of the authority.
        segment: String,
        /// Tenants that may sign in.
        allowed: Vec<String>,
    },
}

/// Client authentication at the token endpoint.
#[derive(Clone, Debug)]
pub enum ClientCredential {
    /// `client_secret_basic` or `client_secret_post`, as the provider supports.
    Secret(WatchedSecret),
    /// `private_key_jwt`: PEM with certificate and private key.
    Certificate(WatchedSecret),
    /// Workload identity: a file with a JWT, read anew at every use.
    AssertionFile(PathBuf),
}

/// How the client assertions that a certificate's key signs are made; what is not set is for the kind to say.
#[derive(Clone, Debug, Default)]
pub struct AssertionConfig {
    /// `kid` of their header.
    pub kid: Option<String>,
    /// `alg` of their header.
    pub algorithm: Option<AssertionAlgorithm>,
}

/// What an RSA key signs with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssertionAlgorithm {
    /// PKCS #1 v1.5.
    Rs256,
    /// PSS.
    Ps256,
}

/// Whether an address counts without `email_verified`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmailVerified {
    /// Only with `email_verified` true.
    Required,
    /// The provider's operator vouches for it.
    Assumed,
}

/// Where groups are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupsSource {
    /// From the claim: absent means none; overage asks Graph.
    Claim,
    /// From Graph, always.
    Graph,
    /// Not at all.
    Off,
}

/// What a provider's groups are called here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupNames {
    /// `link` at a provider that makes the ids itself (Entra): the id if it is a GUID, else `provider:id`, until linked.
    Link,
    /// `link` at any other provider, where whoever makes a group may choose its id: `provider:id`, until linked.
    LinkQualified,
    /// The provider's name.
    Trust,
}

/// What becomes of a session for which the provider gave no refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recheck {
    /// After a refresh interval a navigation goes through the provider.
    Provider,
    /// The provider is not asked again.
    Off,
}

/// What becomes of a person's address when their provider changes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressChanges {
    /// Applications get the new one.
    Follow,
    /// Applications get the one that they know, until an administrator changes it.
    Keep,
}

/// Lifetimes.
#[derive(Clone, Copy, Debug)]
pub struct SessionConfig {
    /// `IDLE_TIMEOUT`.
    pub idle_timeout: Duration,
    /// `ABSOLUTE_TIMEOUT`.
    pub absolute_timeout: Duration,
    /// `REFRESH_INTERVAL`.
    pub refresh_interval: Duration,
    /// `PERSISTENT`: cookies outlive the browser.
    pub persistent: bool,
    /// `MAX_PER_PERSON`: one more ends the one that was unused for longest.
    pub max_per_person: usize,
}

/// The hot path.
#[derive(Clone, Debug)]
pub struct VerifyConfig {
    /// `CACHE_MEMORY`, bytes; 0: every request asks the stores.
    pub cache_memory: u64,
    /// `STALE_IF_ERROR`.
    pub stale_if_error: Duration,
    /// `GROUPS_HEADER_LIMIT`, bytes.
    pub groups_header_limit: usize,
    /// `GROUPS_HEADER_FILTER`: only groups that begin with one of these; empty: all.
    pub groups_header_filter: Vec<String>,
}

impl Default for VerifyConfig {
    fn default() -> Self {
        Self {
            cache_memory: 128 << 20,
            stale_if_error: Duration::from_mins(1),
            groups_header_limit: 4096,
            groups_header_filter: Vec::new(),
        }
    }
}

/// Log output.
#[derive(Clone, Debug)]
pub struct LogConfig {
    /// JSON lines instead of text.
    pub json: bool,
    /// A `tracing` filter, default `info`.
    pub level: String,
}

impl Config {
    /// Whether this is development over plain HTTP on `*.localhost`.
    pub fn is_development(&self) -> bool {
        self.public_url.scheme() == gatepost_core::host::Scheme::Http
    }

    /// What the groups of this provider are called; of one that is not configured (any more): [`GroupNames::Link`].
    pub fn group_names_of(&self, provider: &ProviderId) -> GroupNames {
        let found = self.providers.iter().find(|one| one.id == *provider);
        found.map_or(GroupNames::Link, |one| one.group_names)
    }
}
