//! What operations about API keys take.

use super::input::Body;
use super::list::{Filter, Parameters};
use super::members::{Given, Members};
use gatepost_admin::Context;
use gatepost_core::api_key::{ApiKey, KeyExpiry, KeyLimits, KeyName, KeyNetwork, KeyScope};
use gatepost_core::clock::Timestamp;
use gatepost_core::host::HostName;
use gatepost_core::ids::{GroupName, TenantId, UserId};
use gatepost_core::tool_pattern::ToolPattern;
use gatepost_store::directory::changes::{CreateKey, KeyUpdate};
use gatepost_store::directory::{DirectoryError, KeyHolder};
use utoipa::{IntoParams, ToSchema};

/// Which keys to list.
#[derive(Default)]
pub(super) struct HeldBy {
    pub(super) tenant: Option<TenantId>,
    pub(super) owner: Option<UserId>,
}

impl Filter for HeldBy {
    fn read(parameters: &mut Parameters<'_>) -> Self {
        Self { tenant: parameters.one("tenant"), owner: parameters.one("owner_id") }
    }
}

/// The parameters of [`HeldBy`], for the document.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the document is made of it; the filter reads it")]
pub(super) struct HeldByParameters {
    /// Keys of this tenant.
    pub(super) tenant: Option<String>,
    /// Keys of this person.
    owner_id: Option<String>,
}

/// A new key.
#[derive(ToSchema)]
pub(super) struct KeyPlan {
    #[schema(value_type = String, min_length = 1, max_length = 64)]
    pub(super) name: KeyName,
    /// The tenant that it opens. The path says it below `tenants/{id}`.
    #[schema(value_type = Option<String>)]
    pub(super) tenant: Option<TenantId>,
    /// The person with whom it ends. Only for `keys`.
    #[schema(value_type = Option<String>, format = "uuid")]
    pub(super) owner_id: Option<UserId>,
    /// `gate`, `api.read`, `api.write`, `usage.write`, `scim`, `act-as` or `act-as:SPEAKER`.
    #[schema(value_type = Vec<String>, required = false, example = json!(["gate"]))]
    scopes: Vec<KeyScope>,
    /// The protected hosts at which it counts.
    #[schema(value_type = Vec<String>, required = false)]
    hosts: Vec<HostName>,
    /// The networks from which it counts. Empty: from everywhere.
    #[schema(value_type = Vec<String>, required = false)]
    networks: Vec<KeyNetwork>,
    /// The tools that it may call. Empty: all.
    #[schema(value_type = Vec<String>, required = false)]
    tools: Vec<ToolPattern>,
    /// Groups that it is in, for system administrators.
    #[schema(value_type = Vec<String>, required = false)]
    groups: Vec<GroupName>,
    requests_per_minute: Option<u32>,
    /// Absent: after 90 days. `null`: never, with `endless_reason`.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Given<Timestamp>,
    /// Why it never expires.
    endless_reason: Option<String>,
}

impl Body for KeyPlan {
    fn read(members: &mut Members<'_>) -> Option<Self> {
        let (name, tenant, owner_id) =
            (members.required("name"), members.text("tenant"), members.text("owner_id"));
        let (scopes, hosts, groups) =
            (members.texts("scopes"), members.texts("hosts"), members.texts("groups"));
        let (networks, tools) = (members.texts("networks"), members.texts("tools"));
        let (rate, end) = (members.number("requests_per_minute"), read_end(members));
        let (expires_at, endless_reason) = end?;
        Some(Self {
            name: name?,
            tenant: tenant?.value(),
            owner_id: owner_id?.value(),
            scopes: scopes?,
            hosts: hosts?,
            networks: networks?,
            tools: tools?,
            groups: groups?,
            requests_per_minute: rate?.value(),
            expires_at,
            endless_reason,
        })
    }
}

/// The end of a key, and why it has none.
fn read_end(members: &mut Members<'_>) -> Option<(Given<Timestamp>, Option<String>)> {
    let (at, reason) = (members.text("expires_at"), members.text::<String>("endless_reason"));
    let (at, reason) = (at?, reason?.value());
    if reason.is_some() && at != Given::Null {
        members.flaw("endless_reason", "contradicts", "Only a key whose expires_at is null has a reason.");
        return None;
    }
    Some((at, reason))
}

/// `None`: nothing is said.
fn expiry(at: &Given<Timestamp>, reason: Option<String>) -> Option<KeyExpiry> {
    match at {
        Given::Absent => None,
        Given::Null => Some(KeyExpiry::Never(reason.unwrap_or_default())),
        Given::Value(at) => Some(KeyExpiry::At(*at)),
    }
}

impl KeyPlan {
    pub(super) async fn into_change(
        self,
        holder: KeyHolder,
        admin: &Context,
    ) -> Result<CreateKey, DirectoryError> {
        let Self { name, scopes, hosts, networks, tools, groups, requests_per_minute, .. } = self;
        let expiry = expiry(&self.expires_at, self.endless_reason).unwrap_or_default();
        let faults = admin.faults_of_hosts(holder.tenant.as_ref(), &hosts).await?;
        let limits =
            KeyLimits { scopes, hosts, networks, tools, requests_per_minute, ..KeyLimits::default() };
        Ok(CreateKey { name, holder, limits, groups, expiry, faults })
    }
}

/// A change of a key (RFC 7396): what is absent stays.
#[derive(ToSchema)]
pub(super) struct KeyPatch {
    #[schema(value_type = Option<String>, min_length = 1, max_length = 64)]
    name: Option<KeyName>,
    #[schema(value_type = Option<Vec<String>>)]
    hosts: Option<Vec<HostName>>,
    #[schema(value_type = Option<Vec<String>>)]
    networks: Option<Vec<KeyNetwork>>,
    #[schema(value_type = Option<Vec<String>>)]
    tools: Option<Vec<ToolPattern>>,
    #[schema(value_type = Option<u32>)]
    requests_per_minute: Given<u32>,
    /// `null`: never, with `endless_reason`.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Given<Timestamp>,
    /// Why it never expires.
    endless_reason: Option<String>,
}

impl Body for KeyPatch {
    fn read(members: &mut Members<'_>) -> Option<Self> {
        let name = members.text("name");
        let (hosts, networks, tools) =
            (members.given_texts("hosts"), members.given_texts("networks"), members.given_texts("tools"));
        let (rate, end) = (members.number("requests_per_minute"), read_end(members));
        let (expires_at, endless_reason) = end?;
        Some(Self {
            name: name?.value(),
            hosts: hosts?.value(),
            networks: networks?.value(),
            tools: tools?.value(),
            requests_per_minute: rate?,
            expires_at,
            endless_reason,
        })
    }
}

impl KeyPatch {
    pub(super) async fn into_update(
        self,
        tenant: Option<&TenantId>,
        admin: &Context,
    ) -> Result<KeyUpdate, DirectoryError> {
        let Self { name, hosts, networks, tools, requests_per_minute, expires_at, endless_reason } = self;
        let expiry = expiry(&expires_at, endless_reason);
        let faults = admin.faults_of_hosts(tenant, hosts.as_deref().unwrap_or_default()).await?;
        let requests_per_minute = match requests_per_minute {
            Given::Absent => None,
            rate => Some(rate.value()),
        };
        Ok(KeyUpdate { name, hosts, networks, tools, requests_per_minute, expiry, faults })
    }
}

/// How long the old secret counts too.
#[derive(ToSchema)]
pub(super) struct Overlap {
    /// At most 30 days. Absent: a day.
    #[schema(value_type = Option<u32>, example = 86400)]
    pub(super) overlap_seconds: u32,
}

impl Body for Overlap {
    fn read(members: &mut Members<'_>) -> Option<Self> {
        Some(Self { overlap_seconds: members.number("overlap_seconds")?.value().unwrap_or(86_400) })
    }
}

/// A key that was found somewhere.
#[derive(ToSchema)]
pub(super) struct FoundSecret {
    /// The whole key.
    #[schema(example = "gp_github_...")]
    pub(super) key: String,
}

impl Body for FoundSecret {
    fn read(members: &mut Members<'_>) -> Option<Self> {
        let key: String = members.required("key")?;
        if let Err(error) = ApiKey::parse(&key) {
            members.flaw("key", "not_a_key", format!("{error}."));
            return None;
        }
        Some(Self { key })
    }
}
