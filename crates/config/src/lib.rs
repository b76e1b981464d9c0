//! Reads all settings of Gatepost into typed values.
//!
//! [`raw`] merges `gatepost.toml` with the environment, which takes precedence. One module per section reads typed
//! values from the result. All errors are reported at once, and none contains a secret. A setting that no module reads
//! is an error.

mod address;
mod credential;
mod domains;
pub mod duration;
mod error;
mod given;
mod groups;
mod identity_policy;
mod issuer;
pub mod keyring;
mod load;
mod log;
mod platform;
mod postgres_servers;
mod providers;
mod raw;
mod reader;
mod redis_servers;
mod remote;
mod requests;
mod retention;
mod services;
mod session;
mod speaker_config;
mod speakers;
mod store_url;
mod stores;
mod suggest;
mod tenants;
#[cfg(test)]
mod tests;
mod watched;
mod webhook;

pub use domains::{AllowedDomain, AllowedDomainError, AssertableDomains};
pub use error::{ConfigError, ConfigErrors, Problem};
pub use groups::RoleWithoutTenant;
pub use identity_policy::IdentityPolicy;
pub use issuer::secure_url;
pub use postgres_servers::PostgresServers;
pub use redis_servers::{NoRedisUrl, RedisServers, SentinelServers};
pub use services::upstream;
pub use speaker_config::{SpeakerConfig, SpeakerKey, SpeakerKind, UNSIGNED_HEADERS};
pub use watched::{DerivedSecret, RELOAD_INTERVAL, WatchedSecret};

use gatepost_core::clock::Timestamp;
use gatepost_core::host::{HostName, HostPattern, Origin};
use gatepost_core::identity::ExternalGroup;
use gatepost_core::ids::{GroupName, ProviderId, ServiceName, TenantId};
use gatepost_core::secret::{Hash, Secret};
use ipnet::IpNet;
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use url::Url;

/// The whole configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// `GATEPOST_PUBLIC_URL`: where browsers reach the public listener.
    pub public_url: Origin,
    /// `GATEPOST_INTERNAL_ADDR`.
    pub internal_addr: SocketAddr,
    /// `GATEPOST_PUBLIC_ADDR`.
    pub public_addr: SocketAddr,
    /// `GATEPOST_INTERNAL_TLS`: the folder of the internal listener's certificates; `None` for plain HTTP.
    pub internal_tls: Option<PathBuf>,
    /// `GATEPOST_HEALTH_ADDR`: a third, plain listener for health and metrics only.
    pub health_addr: Option<SocketAddr>,
    /// `GATEPOST_MCP__FILTER_ADDR`: a listener on which lists of tools are filtered.
    pub filter_addr: Option<SocketAddr>,
    /// `GATEPOST_SERVICES`: upstreams by their names.
    pub services: BTreeMap<ServiceName, Url>,
    /// `GATEPOST_HOSTS`.
    pub hosts: Vec<HostPattern>,
    /// `GATEPOST_ALLOWED_ORIGINS`.
    pub allowed_origins: Vec<Origin>,
    /// `GATEPOST_TRUSTED_PROXIES`.
    pub trusted_proxies: Vec<IpNet>,
    /// `GATEPOST_SECRET_KEYS`; empty in embedded mode until the key ring's file has been read or created.
    pub secret_keys: Vec<Secret>,
    /// `GATEPOST_CA_FILE`.
    pub ca_file: Option<PathBuf>,
    /// Where sessions and the directory are stored.
    pub stores: StoresConfig,
    /// `GATEPOST_PROVIDERS__*`, in the order of their ids; at least one.
    pub providers: Vec<ProviderConfig>,
    /// `GATEPOST_SPEAKERS__*`, in the order of their ids.
    pub speakers: Vec<SpeakerConfig>,
    /// `GATEPOST_GROUPS`: links made by configuration.
    pub group_links: Vec<(GroupName, ExternalGroup)>,
    /// `GATEPOST_ADMIN_GROUPS`.
    pub admin_groups: Vec<GroupName>,
    /// `GATEPOST_DEFAULT_TENANT`: the tenant that a request means if neither its router nor its host nor its caller names one.
    pub default_tenant: Option<TenantId>,
    /// `GATEPOST_ADMIN_ROLES`: app roles (`kind` is `Role`).
    pub admin_roles: Vec<ExternalGroup>,
    /// `GATEPOST_ADDRESS_CHANGES`.
    pub address_changes: AddressChanges,
    /// `GATEPOST_SESSION__*`.
    pub session: SessionConfig,
    /// `GATEPOST_VERIFY__*`.
    pub verify: VerifyConfig,
    /// `GATEPOST_REQUESTS__*`.
    pub requests: RequestsConfig,
    /// `GATEPOST_TENANTS__*`.
    pub tenants: TenantsConfig,
    /// `GATEPOST_WEBHOOK__*`; `None`: nobody is told.
    pub webhook: Option<WebhookConfig>,
    /// `GATEPOST_AUDIT__KEEP`, `GATEPOST_PEOPLE__FORGET_AFTER`.
    pub retention: RetentionConfig,
    /// `GATEPOST_LOG__FORMAT`, `GATEPOST_LOG__LEVEL`.
    pub log: LogConfig,
}

/// Where the command line finds an installation that runs elsewhere.
#[derive(Clone, Debug)]
pub struct RemoteConfig {
    /// `GATEPOST_API`: the origin of its public listener.
    pub api: Origin,
    /// `GATEPOST_API_KEY`: the key with which the command line calls it.
    pub key: SecretString,
    /// `GATEPOST_CA_FILE`.
    pub ca_file: Option<PathBuf>,
}

/// Which of the two pairs of stores is used.
#[derive(Clone, Debug)]
pub enum StoresConfig {
    /// One process with one locked SQLite file, which holds sessions and directory.
    Embedded {
        /// The path of the file. The key ring is beside it.
        file: PathBuf,
    },
    /// Redis for sessions and Postgres for the directory, shared by any number of replicas.
    Shared {
        /// `REDIS_URL`.
        redis_url: WatchedSecret,
        /// `DATABASE_URL`.
        database_url: WatchedSecret,
    },
}

/// The settings of one OpenID provider.
#[derive(Clone, Debug)]
pub struct ProviderConfig {
    /// `<ID>` in `GATEPOST_PROVIDERS__<ID>__...`, lower case.
    pub id: ProviderId,
    /// The kind, with the settings that only that kind has.
    pub kind: ProviderKind,
    /// `..__LABEL`: the name that people see when they choose between several providers.
    pub label: String,
    /// `..__CLIENT_ID`.
    pub client_id: String,
    /// The credential with which Gatepost authenticates to the provider.
    pub credential: ClientCredential,
    /// `..__CLIENT_CERTIFICATE_KID`, `..__CLIENT_CERTIFICATE_ALG`.
    pub assertion: AssertionConfig,
    /// `..__CLIENT_SECRET_EXPIRES_AT`: when the client's secret ends, as the operator knows from the provider.
    pub secret_expires_at: Option<Timestamp>,
    /// `..__SCOPES`.
    pub scopes: Vec<String>,
    /// `..__ALLOWED_DOMAINS`: the domains whose addresses it may assert; `None` if not limited.
    pub allowed_domains: Option<Vec<AllowedDomain>>,
    /// `..__EMAIL_VERIFIED`.
    pub email_verified: EmailVerified,
    /// `..__GROUPS`.
    pub groups: GroupsSource,
    /// `..__GROUPS_CLAIM`: the path of the claim, split at `.`.
    pub groups_claim: Vec<String>,
    /// `..__GROUP_NAMES`.
    pub group_names: GroupNames,
    /// `..__RECHECK`.
    pub recheck: Recheck,
    /// `..__AUDIENCE`, `..__BEARER*`; `None`: access tokens of this provider are not accepted.
    pub bearer: Option<BearerConfig>,
    /// The state of the directory's row from which the provider of a tenant was made. `None`: it is the configuration's.
    pub revision: Option<Hash>,
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
            secret_expires_at: None,
            scopes: Vec::new(),
            allowed_domains: None,
            email_verified: if is_entra { EmailVerified::Assumed } else { EmailVerified::Required },
            groups: GroupsSource::Claim,
            groups_claim: vec!["groups".to_owned()],
            group_names: if is_entra { GroupNames::Link } else { GroupNames::Trust },
            recheck: Recheck::Provider,
            bearer: None,
            revision: None,
        }
    }
}

/// Which access tokens of a provider are accepted at protected hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BearerConfig {
    /// `..__AUDIENCE`: `aud` of a token must have one of these. Never empty.
    pub audience: Vec<String>,
    /// `..__BEARER`.
    pub people: BearerPeople,
    /// `..__BEARER_SCOPES`: a token must have all of these.
    pub scopes: Vec<String>,
    /// `..__BEARER_CLIENTS`: the clients whose tokens are accepted. `None`: any client's, but only those of people.
    pub clients: Option<Vec<String>>,
}

/// Which people an access token lets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BearerPeople {
    /// `known`: only people who have signed in with this provider.
    Known,
    /// `admit`: a token is taken like a sign-in, so it must have an address and groups.
    Admit,
}

/// The kind of a provider.
#[derive(Clone, Debug)]
pub enum ProviderKind {
    /// Microsoft Entra ID, with the v2.0 endpoints.
    Entra {
        /// `..__AUTHORITY`, default `https://login.microsoftonline.com`.
        authority: Url,
        /// `..__TENANT_ID`.
        tenant: EntraTenant,
    },
    /// Google.
    Google,
    /// Any other OpenID provider.
    Oidc {
        /// `..__ISSUER`, byte for byte as the provider writes it.
        issuer: String,
    },
}

/// The Entra tenants whose people may sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntraTenant {
    /// One tenant, by its GUID in lower case. The claim `tid` must be equal to it.
    Pinned(String),
    /// `organizations` or `common` with `..__ALLOWED_TENANTS` (GUIDs in lower case, never empty).
    Several {
        /// The value of `..__TENANT_ID`, which is a path segment of the authority.
        segment: String,
        /// The GUIDs of the tenants whose people may sign in.
        allowed: Vec<String>,
    },
}

/// How Gatepost authenticates at the token endpoint.
#[derive(Clone, Debug)]
pub enum ClientCredential {
    /// `client_secret_basic` or `client_secret_post`, whichever the provider supports.
    Secret(WatchedSecret),
    /// `private_key_jwt`: a PEM text with certificate and private key.
    Certificate(WatchedSecret),
    /// Workload identity: a file with a JWT, which is read again for every use.
    AssertionFile(PathBuf),
}

/// How client assertions are made. The kind of the provider decides about what is `None`.
#[derive(Clone, Debug, Default)]
pub struct AssertionConfig {
    /// The `kid` of the header.
    pub kid: Option<String>,
    /// The `alg` of the header.
    pub algorithm: Option<AssertionAlgorithm>,
}

/// The algorithm with which an RSA key signs client assertions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssertionAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PSS with SHA-256.
    Ps256,
}

/// Whether an address must be confirmed by `email_verified`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmailVerified {
    /// An address only counts if `email_verified` is true.
    Required,
    /// Every address counts: the operator knows that the provider verifies addresses.
    Assumed,
}

/// Where a person's groups are read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupsSource {
    /// From the claim. A missing claim means no groups. If Entra says that there are too many for a token, from Graph.
    Claim,
    /// Always from Graph.
    Graph,
    /// Groups are not read.
    Off,
}

/// Which name a provider's group gets in the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupNames {
    /// `link` at Entra, which generates the ids: until it is linked, a group's name is its id if that is a GUID, else
    /// `provider:id`.
    Link,
    /// `link` at any other provider, where the creator of a group may choose its id: until it is linked, a group's name
    /// is `provider:id`.
    LinkQualified,
    /// `trust`: a group has the name that the provider gives it.
    Trust,
}

/// What happens to a session for which the provider gave no refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recheck {
    /// After a refresh interval, a navigation is redirected to the provider.
    Provider,
    /// The provider is not asked about the session again.
    Off,
}

/// What happens when the provider changes a person's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressChanges {
    /// Applications get the new address.
    Follow,
    /// Applications get the old address until an administrator changes it.
    Keep,
}

/// `GATEPOST_SESSION__*`: the lifetimes of sessions.
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
    /// `MAX_PER_PERSON`: one more sign-in ends the session that was not used for the longest time.
    pub max_per_person: usize,
}

/// How long data is kept that has no end of its own.
#[derive(Clone, Copy, Debug)]
pub struct RetentionConfig {
    /// `GATEPOST_AUDIT__KEEP`: how long entries of the audit are kept.
    pub audit_keep: Duration,
    /// `GATEPOST_PEOPLE__FORGET_AFTER`: after how long people who do not sign in are deleted. `None`: never.
    pub forget_after: Option<Duration>,
}

/// `GATEPOST_VERIFY__*`: how `/verify` answers.
#[derive(Clone, Debug)]
pub struct VerifyConfig {
    /// `CACHE_MEMORY` in bytes; with 0 every request asks the stores.
    pub cache_memory: u64,
    /// `STALE_IF_ERROR`: how long cached sessions count while Postgres is unreachable.
    pub stale_if_error: Duration,
    /// `GROUPS_HEADER_LIMIT` in bytes.
    pub groups_header_limit: usize,
    /// `GROUPS_HEADER_FILTER`: the header only lists groups that begin with one of these; empty for all groups.
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

/// `GATEPOST_TENANTS__*`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TenantsConfig {
    /// `..__DOMAIN`: tenants without the feature `custom_domains` have hosts below this domain alone.
    pub domain: Option<HostName>,
    /// `..__RESOLVER`: the server that is asked for records of the DNS. `None`: those of the system.
    pub resolver: Option<SocketAddr>,
    /// `..__PROVIDER_NETWORKS`: private networks in which tenants' own providers may be. None: the public Internet alone.
    pub provider_networks: Vec<IpNet>,
    /// `..__SELF_SERVICE`: whoever is signed in may propose a tenant.
    pub self_service: bool,
}

/// `GATEPOST_REQUESTS__*`: how people ask for access.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestsConfig {
    /// `ANYBODY`: also people who are in no group may ask.
    pub anybody: bool,
}

/// `GATEPOST_WEBHOOK__*`: who is told about requests for access.
#[derive(Clone, Debug)]
pub struct WebhookConfig {
    /// `URL`. It may hold what lets its holder write to the chat.
    url: WatchedSecret,
    /// `SECRET`, as "Standard Webhooks" writes it.
    secret: WatchedSecret,
}

/// `GATEPOST_LOG__*`: the form and level of the log.
#[derive(Clone, Debug)]
pub struct LogConfig {
    /// Whether log lines are JSON instead of text.
    pub json: bool,
    /// A filter of `tracing`, by default `info`.
    pub level: String,
}

impl Config {
    /// Whether Gatepost runs in development, over plain HTTP on `*.localhost`.
    pub fn is_development(&self) -> bool {
        self.public_url.scheme() == gatepost_core::host::Scheme::Http
    }

    /// How the groups of this provider are named; [`GroupNames::Link`] for a provider that is no longer configured.
    pub fn group_names_of(&self, provider: &ProviderId) -> GroupNames {
        let found = self.providers.iter().find(|one| one.id == *provider);
        found.map_or(GroupNames::Link, |one| one.group_names)
    }
}
