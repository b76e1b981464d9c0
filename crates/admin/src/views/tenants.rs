//! Tenants.

use super::{Branding, NewInvitation, text, time};
use gatepost_core::calendar::rfc3339;
use gatepost_core::tenant_host::{HostProof, HostState};
use gatepost_core::tier::JsonObject;
use gatepost_core::usage::{Price, Prices};
use gatepost_store::directory::changes::WrittenTenant;
use gatepost_store::directory::{TenantHostRecord, TenantMember as Record, TenantRecord, TierRecord};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A tenant.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Tenant {
    pub id: String,
    /// The name that people see.
    pub name: Option<String>,
    /// `active`, `suspended` or `deleted`.
    pub state: String,
    /// `null`: no tier limits it.
    pub tier: Option<String>,
    /// What it may use: what it has by itself, else what its tier has.
    #[schema(value_type = Object, example = json!({"sso_enabled": true}))]
    pub features: JsonObject,
    /// How much it may have, by the same rule. `none` and what is not there: as much as it likes.
    #[schema(value_type = Object, example = json!({"members": 500, "storage_size": "50Gi"}))]
    pub limits: JsonObject,
    /// What it has by itself.
    pub own: Own,
    /// The platform's, up to 16 KiB. Gatepost does not read it.
    #[schema(value_type = Object)]
    pub settings: JsonObject,
    /// How its pages look.
    pub branding: Branding,
    /// The upstream in `GATEPOST_SERVICES` to which its hosts lead. `null`: no routers are made for them.
    #[schema(example = "chat")]
    pub service: Option<String>,
    /// The provider that it brings. `null`: its people sign in at those of the configuration.
    pub provider: Option<OwnProvider>,
    pub hosts: Vec<TenantHost>,
    #[schema(format = DateTime)]
    pub suspended_at: Option<String>,
    /// Why it is suspended.
    pub suspended_reason: Option<String>,
    /// It is erased 30 days later.
    #[schema(format = DateTime)]
    pub deleted_at: Option<String>,
    #[schema(format = DateTime)]
    pub created_at: String,
    #[schema(format = DateTime)]
    pub updated_at: String,
    /// The groups whose members may enter it, each with the role.
    pub groups: BTreeMap<String, String>,
    /// Counts the changes of its own data.
    #[schema(example = "v7")]
    pub version: String,
}

impl From<&TenantRecord> for Tenant {
    fn from(tenant: &TenantRecord) -> Self {
        let groups = tenant.groups.iter().map(|(name, role)| (name.to_string(), role.to_string()));
        Self {
            id: tenant.id.to_string(),
            name: tenant.name.clone(),
            state: tenant.state.to_string(),
            suspended_at: time(tenant.suspended_at),
            suspended_reason: tenant.suspended_reason.clone(),
            deleted_at: time(tenant.deleted_at),
            tier: text(tenant.tier.as_ref()),
            features: tenant.allowances.features.clone(),
            limits: tenant.allowances.limits.clone(),
            own: Own { features: tenant.own.features.clone(), limits: tenant.own.limits.clone() },
            settings: tenant.settings.clone(),
            branding: (&tenant.branding).into(),
            service: text(tenant.service.as_ref()),
            provider: tenant
                .provider
                .as_ref()
                .map(|(kind, label)| OwnProvider { kind: kind.as_str().to_owned(), label: label.clone() }),
            hosts: tenant.hosts.iter().map(TenantHost::from).collect(),
            created_at: rfc3339(tenant.created_at),
            updated_at: rfc3339(tenant.updated_at),
            groups: groups.collect(),
            version: tenant.version.to_string(),
        }
    }
}

/// The provider that a tenant brings; `/tenants/{id}/provider` says all about it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct OwnProvider {
    /// `entra` or `oidc`.
    pub kind: String,
    /// The name that people see.
    pub label: String,
}

/// What a tenant has by itself, which overrides its tier's.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Own {
    #[schema(value_type = Object)]
    pub features: JsonObject,
    #[schema(value_type = Object)]
    pub limits: JsonObject,
}

/// A host of a tenant.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TenantHost {
    pub host: String,
    /// `proposed`, `active` or `refused`.
    pub state: String,
    /// The record that proves that the tenant runs the host's zone. `null`: nothing has to be proved.
    pub record: Option<ProofRecord>,
    #[schema(format = DateTime)]
    pub proved_at: Option<String>,
    #[schema(format = DateTime)]
    pub created_at: String,
    /// Counts the changes.
    #[schema(example = "v7")]
    pub version: String,
}

/// A record of the DNS.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ProofRecord {
    #[schema(example = "_gatepost.blog.acme.com")]
    pub name: String,
    #[schema(example = "TXT")]
    pub r#type: String,
    #[schema(example = "gatepost=0123456789abcdef0123456789abcdef")]
    pub value: String,
}

impl From<&TenantHostRecord> for TenantHost {
    fn from(host: &TenantHostRecord) -> Self {
        let record = || ProofRecord {
            name: HostProof::record_name(&host.host),
            r#type: "TXT".to_owned(),
            value: host.proof.record_text(),
        };
        Self {
            host: host.host.to_string(),
            state: host.state.to_string(),
            record: (host.state == HostState::Proposed).then(record),
            proved_at: time(host.proved_at),
            created_at: rfc3339(host.created_at),
            version: host.version.to_string(),
        }
    }
}

/// A host of a tenant after a change.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TenantHostChange {
    #[serde(flatten)]
    pub host: TenantHost,
    pub changed: bool,
}

impl TenantHostChange {
    pub fn new(host: &TenantHostRecord, changed: bool) -> Self {
        Self { host: host.into(), changed }
    }
}

/// A tenant after a change.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TenantWritten {
    #[serde(flatten)]
    pub tenant: Tenant,
    pub changed: bool,
    /// What there is more of than the limits allow. Nothing is deleted, and nothing may be added.
    pub warnings: Vec<String>,
    /// Of the administrator whom `admin_email` names, if they were invited by this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invitation: Option<NewInvitation>,
}

impl TenantWritten {
    /// Without the invitation, whose link is shown once.
    pub fn new(written: &WrittenTenant, changed: bool) -> Self {
        let warnings = written.excess.iter().map(ToString::to_string).collect();
        Self { tenant: Tenant::from(&written.tenant), changed, warnings, invitation: None }
    }
}

/// What a tier costs, in the minor unit of its currency.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TierPrices {
    /// By its code of ISO 4217.
    #[schema(example = "EUR", pattern = "^[A-Z]{3}$")]
    pub currency: String,
    /// For a month, whatever is used.
    #[schema(minimum = 0, maximum = 1_000_000_000_000_u64)]
    pub base: u64,
    /// By meter. What is not here costs nothing.
    pub meters: BTreeMap<String, MeterPrice>,
}

/// The price of a meter.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct MeterPrice {
    /// So much of a month costs nothing.
    #[schema(minimum = 0, maximum = 1_000_000_000_000_u64)]
    pub included: u64,
    /// The price is for so many; begun ones count whole.
    #[schema(minimum = 1, maximum = 1_000_000_000_000_u64)]
    pub per: u64,
    /// In the minor unit.
    #[schema(minimum = 0, maximum = 1_000_000_000_000_u64)]
    pub price: u64,
}

impl From<&Prices> for TierPrices {
    fn from(prices: &Prices) -> Self {
        let price = |Price { included, per, price }: Price| MeterPrice { included, per, price };
        let meters = prices.meters.iter().map(|(meter, one)| (meter.to_string(), price(*one))).collect();
        Self { currency: prices.currency.to_string(), base: prices.base, meters }
    }
}

/// A tier of tenants.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Tier {
    pub id: String,
    #[schema(value_type = Object)]
    pub features: JsonObject,
    #[schema(value_type = Object)]
    pub limits: JsonObject,
    /// What it costs. `null`: nothing has a price.
    pub prices: Option<TierPrices>,
    /// It comes with Gatepost.
    pub is_built_in: bool,
    /// Counts the changes. `null`: it is as it comes with Gatepost.
    #[schema(example = "v7")]
    pub version: Option<String>,
}

impl From<&TierRecord> for Tier {
    fn from(tier: &TierRecord) -> Self {
        Self {
            id: tier.id.to_string(),
            features: tier.terms.allowances.features.clone(),
            limits: tier.terms.allowances.limits.clone(),
            prices: tier.terms.prices.as_ref().map(TierPrices::from),
            is_built_in: tier.is_built_in,
            version: text(tier.version.as_ref()),
        }
    }
}

/// A member that a tenant has by itself.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TenantMember {
    #[schema(format = "uuid")]
    pub id: String,
    pub email: Option<String>,
    pub name: Option<String>,
    /// `admin`, `member` or `viewer`.
    pub role: String,
    /// `manual`, `invitation` or `scim`.
    pub source: String,
    /// When it ends. `null`: never.
    #[schema(format = DateTime)]
    pub until: Option<String>,
    #[schema(format = DateTime)]
    pub created_at: String,
    /// Counts the changes of the membership.
    #[schema(example = "v7")]
    pub version: String,
}

impl From<&Record> for TenantMember {
    fn from(member: &Record) -> Self {
        Self {
            id: member.id.to_string(),
            email: text(member.email.as_ref()),
            name: member.name.clone(),
            role: member.role.to_string(),
            source: member.source.clone(),
            until: time(member.until),
            created_at: rfc3339(member.created_at),
            version: member.version.to_string(),
        }
    }
}
