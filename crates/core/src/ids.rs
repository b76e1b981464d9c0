//! One type for each kind of id, so that the compiler finds an id of the wrong kind.

use super::clock::Timestamp;
use super::secret::{Hash, fill_random};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use uuid::Uuid;

/// The id of a person in the directory (`X-User-Id`). It never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserId(Uuid);

impl UserId {
    /// Makes a new id, a UUID version 7 (RFC 9562), which sorts by time.
    #[expect(clippy::disallowed_methods, reason = "all ids are made here")]
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }

    /// The id of an application that a provider names by a text. It is a UUID version 8 (RFC 9562), so it is no person's.
    pub fn of_application(provider: &str, client: &str) -> Self {
        let hash = Hash::of(&[b"application", provider.as_bytes(), client.as_bytes()]);
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash.as_bytes()[..16]);
        Self(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }

    /// Whether the id is that of an application.
    pub fn is_application(&self) -> bool {
        self.0.get_version_num() == 8
    }

    /// The 16 bytes of the UUID, which sealed values hold.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// The last 8 bytes of the UUID, which are random but for the two variant bits.
    pub const fn random_bits(&self) -> u64 {
        self.0.as_u64_pair().1
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl FromStr for UserId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        Uuid::try_parse(text).map(Self).map_err(|_| IdError::User(text.to_owned()))
    }
}

/// The id of a request. The answer, its log line and its audit rows show the same id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
pub struct RequestId(Uuid);

impl RequestId {
    /// Makes a new id. An id that the client sends is never used.
    #[expect(clippy::disallowed_methods, reason = "all ids are made here")]
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }

    /// When the id was made, which a UUID version 7 holds (RFC 9562 section 5.7); `None` for other versions.
    pub fn created_at(&self) -> Option<Timestamp> {
        let (seconds, _) = self.0.get_timestamp()?.to_unix();
        i64::try_from(seconds).ok().map(Timestamp::from_unix)
    }
}

impl FromStr for RequestId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        Uuid::try_parse(text).map(Self).map_err(|_| IdError::Request(text.to_owned()))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.simple().fmt(f)
    }
}

/// The id of a person's request for access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct AccessRequestId(Uuid);

impl AccessRequestId {
    /// Makes a new id, a UUID version 7 (RFC 9562), which sorts by time.
    #[expect(clippy::disallowed_methods, reason = "all ids are made here")]
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }
}

impl fmt::Display for AccessRequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl FromStr for AccessRequestId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        Uuid::try_parse(text).map(Self).map_err(|_| IdError::AccessRequest(text.to_owned()))
    }
}

/// The id of a proposal of a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ProposalId(Uuid);

impl ProposalId {
    /// Makes a new id, a UUID version 7 (RFC 9562), which sorts by time.
    #[expect(clippy::disallowed_methods, reason = "all ids are made here")]
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }
}

impl fmt::Display for ProposalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl FromStr for ProposalId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        Uuid::try_parse(text).map(Self).map_err(|_| IdError::Proposal(text.to_owned()))
    }
}

/// The id of an invitation to a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct InvitationId(Uuid);

impl InvitationId {
    /// Makes a new id, a UUID version 7 (RFC 9562), which sorts by time.
    #[expect(clippy::disallowed_methods, reason = "all ids are made here")]
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }
}

impl fmt::Display for InvitationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl FromStr for InvitationId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        Uuid::try_parse(text).map(Self).map_err(|_| IdError::Invitation(text.to_owned()))
    }
}

/// The id of a rule about the tools of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ToolRuleId(Uuid);

impl ToolRuleId {
    /// Makes a new id, a UUID version 7 (RFC 9562), which sorts by time.
    #[expect(clippy::disallowed_methods, reason = "all ids are made here")]
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }
}

impl fmt::Display for ToolRuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl FromStr for ToolRuleId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        Uuid::try_parse(text).map(Self).map_err(|_| IdError::ToolRule(text.to_owned()))
    }
}

/// The id of one process that serves: the name of its host, and 8 random hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ReplicaId(String);

impl ReplicaId {
    /// The greatest length of the host's name in an id.
    const MAX_HOST: usize = 63;

    /// Makes a new id. Of the host's name only ASCII letters, digits, `-` and `.` are taken: the id stands in logs and tables.
    pub fn generate(host: &str) -> Self {
        let is_plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
        let host: String = host.chars().filter(is_plain).take(Self::MAX_HOST).collect();
        let mut random = [0; 4];
        fill_random(&mut random);
        let host = if host.is_empty() { "replica" } else { &host };
        Self(format!("{host}-{:08x}", u32::from_be_bytes(random)))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ReplicaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The number of a group in the directory. It never changes, whatever the group is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(i64);

impl GroupId {
    /// From the number in the database.
    pub const fn from_number(number: i64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn number(self) -> i64 {
        self.0
    }
}

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for GroupId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = is_number.then(|| text.parse().ok()).flatten();
        number.map(Self).ok_or_else(|| IdError::GroupNumber(text.to_owned()))
    }
}

/// The `<ID>` of `GATEPOST_PROVIDERS__<ID>__...`: lower-case letters, digits and `-`, at most 32. Or [`ProviderId::of_tenant`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProviderId(Arc<str>);

/// The ids of tenants' providers begin so. No configured provider may have an id that does.
const OF_TENANT: &str = "t-";

/// The `<ID>` of `GATEPOST_SPEAKERS__<ID>__...`: lower-case letters, digits and `-`, at most 32.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpeakerId(Arc<str>);

/// The id of a tenant of the platform, not Entra's *tid*: letters, digits, `.`, `-` and `_`, at most 64; not `.` or `..`,
/// which browsers take for a place in a path and remove from addresses (RFC 3986, 5.2.4).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantId(Arc<str>);

/// The id of a tier of tenants: letters, digits, `.`, `-` and `_`, at most 64.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TierId(Arc<str>);

/// The id of a tool server, unique in the directory: letters, digits, `.`, `-` and `_`, at most 64; not `.` or `..`, as of a
/// tenant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ToolServerId(Arc<str>);

/// The name of an upstream in `GATEPOST_SERVICES`: lower-case letters, digits and `-`, at most 32.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceName(Arc<str>);

/// A group's name, unique in the directory: 1 to 256 characters, no control characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupName(Arc<str>);

impl ProviderId {
    /// The id of the provider that a tenant brings: `t-<tenant>`.
    pub fn of_tenant(tenant: &TenantId) -> Self {
        Self(format!("{OF_TENANT}{tenant}").into())
    }

    /// The tenant whose provider it is. `None`: it is a configured one.
    pub fn tenant(&self) -> Option<TenantId> {
        TenantId::from_stored(self.0.strip_prefix(OF_TENANT)?).ok()
    }
}

impl SpeakerId {
    /// The same id as that of a provider: calls to a speaker are counted as calls to providers are.
    pub fn to_provider_id(&self) -> ProviderId {
        ProviderId(Arc::clone(&self.0))
    }
}

/// A text that is not an id of the expected kind.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum IdError {
    /// Not a [`UserId`].
    #[error("{0:?} is not a user id: expected a UUID")]
    User(String),
    /// Not a [`RequestId`].
    #[error("{0:?} is not a request id: expected 32 hexadecimal digits, as pages and log lines show them")]
    Request(String),
    /// Not an [`AccessRequestId`].
    #[error(
        "{0:?} is not the id of a request for access: expected a UUID, as `gatepost request list` shows it"
    )]
    AccessRequest(String),
    /// Not a [`ProposalId`].
    #[error("{0:?} is not the id of a proposal: expected a UUID, as `gatepost proposal list` shows it")]
    Proposal(String),
    /// Not an [`InvitationId`].
    #[error(
        "{0:?} is not the id of an invitation: expected a UUID, as `gatepost tenant invitations` shows it"
    )]
    Invitation(String),
    /// Not the id of an API key.
    #[error("{0:?} is not the id of a key: expected a UUID, as `gatepost key list` shows it")]
    Key(String),
    /// Not a [`ProviderId`].
    #[error("{0:?} is not a provider id: expected 1 to 32 of a-z, 0-9 and -")]
    Provider(String),
    /// Not a [`SpeakerId`].
    #[error("{0:?} is not a speaker id: expected 1 to 32 of a-z, 0-9 and -")]
    Speaker(String),
    /// Not a [`ServiceName`].
    #[error("{0:?} is not the name of a service: expected 1 to 32 of a-z, 0-9 and -")]
    Service(String),
    /// Not a [`TenantId`].
    #[error(
        "{0:?} is not a tenant id: expected 1 to 64 letters (A-Z, a-z), digits, dots, dashes and underscores; . and .. alone are not allowed"
    )]
    Tenant(String),
    /// Not a [`TierId`].
    #[error(
        "{0:?} is not the id of a tier: expected 1 to 64 letters (A-Z, a-z), digits, dots, dashes and underscores; . and .. alone are not allowed"
    )]
    Tier(String),
    /// Not a [`ToolServerId`].
    #[error(
        "{0:?} is not the id of a tool server: expected 1 to 64 letters (A-Z, a-z), digits, dots, dashes and underscores; . and .. alone are not allowed"
    )]
    ToolServer(String),
    /// Not a [`ToolRuleId`].
    #[error("{0:?} is not the id of a rule: expected a UUID, as `gatepost tool-server show` shows it")]
    ToolRule(String),
    /// Not a [`GroupId`].
    #[error("{0:?} is not the number of a group: expected digits")]
    GroupNumber(String),
    /// Not a [`GroupName`].
    #[error("{0:?} is not a group name: expected 1 to 256 characters, none of them a control character")]
    Group(String),
}

macro_rules! text_id {
    ($name:ident, $error:path, $accept:expr) => {
        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Whether a clone that shares this text exists.
            pub fn is_shared(&self) -> bool {
                Arc::strong_count(&self.0) > 1
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                let accept: fn(&str) -> bool = $accept;
                if accept(text) { Ok(Self(text.into())) } else { Err($error(text.to_owned())) }
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            /// Does not validate: only values that were parsed before are written.
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer).map(|text| Self(text.into()))
            }
        }
    };
}

macro_rules! stored_id {
    ($name:ident, $error:path) => {
        impl $name {
            /// An id that the directory may hold: earlier versions made `.` and `..` too. It can be read and deleted.
            ///
            /// # Errors
            /// No version has made such an id.
            pub fn from_stored(text: &str) -> Result<Self, IdError> {
                if is_plain_id(text) { Ok(Self(text.into())) } else { Err($error(text.to_owned())) }
            }
        }
    };
}

text_id!(ProviderId, IdError::Provider, |text| match text.strip_prefix(OF_TENANT) {
    Some(tenant) => is_plain_id(tenant) && !is_dots(tenant),
    None => is_configured_id(text),
});
text_id!(SpeakerId, IdError::Speaker, is_configured_id);
text_id!(ServiceName, IdError::Service, is_configured_id);
text_id!(TenantId, IdError::Tenant, |text| is_plain_id(text) && !is_dots(text));
text_id!(TierId, IdError::Tier, |text| is_plain_id(text) && !is_dots(text));
text_id!(ToolServerId, IdError::ToolServer, |text| is_plain_id(text) && !is_dots(text));
stored_id!(TenantId, IdError::Tenant);
stored_id!(ToolServerId, IdError::ToolServer);
text_id!(GroupName, IdError::Group, |text| {
    (1..=256).contains(&text.chars().count()) && !text.chars().any(char::is_control) && text.trim() == text
});

fn is_configured_id(text: &str) -> bool {
    (1..=32).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn is_plain_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// The segments of a path that mean a place in it.
fn is_dots(text: &str) -> bool {
    matches!(text, "." | "..")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "in a test an error is a failure")]
mod tests {
    use super::{ProviderId, TenantId, ToolServerId};

    #[test]
    fn the_provider_of_a_tenant_has_an_id_that_names_the_tenant() {
        for tenant in ["acme", "Acme.Corp_2", "a"] {
            let tenant: TenantId = tenant.parse().unwrap();
            let id = ProviderId::of_tenant(&tenant);
            assert_eq!(id.tenant(), Some(tenant));
            assert_eq!(id.as_str().parse::<ProviderId>().unwrap(), id);
        }
        for configured in ["entra", "t", "x-acme", "tt-acme"] {
            assert_eq!(configured.parse::<ProviderId>().unwrap().tenant(), None, "{configured}");
        }
        for wrong in ["t-", "t-..", "t-a/b", "Entra", "t-\u{e4}"] {
            assert!(wrong.parse::<ProviderId>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn dots_alone_are_no_id_but_one_that_is_stored_can_be_read() {
        for dots in [".", ".."] {
            let refused = dots.parse::<TenantId>().unwrap_err().to_string();
            assert!(refused.contains(". and .. alone are not allowed"), "{refused}");
            assert!(dots.parse::<ToolServerId>().is_err());
            assert_eq!(TenantId::from_stored(dots).unwrap().as_str(), dots);
            assert_eq!(ToolServerId::from_stored(dots).unwrap().as_str(), dots);
        }
        for id in ["...", "a.b", ".a", "a..", "-", "_"] {
            assert_eq!(id.parse::<TenantId>().unwrap().as_str(), id);
        }
        for wrong in ["", "a/b", "a b", "\u{e9}", &"a".repeat(65)] {
            assert!(wrong.parse::<TenantId>().is_err(), "{wrong}");
            assert!(TenantId::from_stored(wrong).is_err(), "{wrong}");
        }
    }
}
