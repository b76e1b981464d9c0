//! Tenants: what the platform says about them, and their hosts.

use super::api::{Answer, Api, Call};
use super::changes::{Remote, done, silent};
use super::error::ApiError;
use gatepost_admin::views::{
    BrandingChange, TenantBill, TenantHost, TenantHostChange, TenantProvider, TenantProviderChange,
    TenantUsage, TenantWritten,
};
use gatepost_admin::{TenantCheck, UsageSpan};
use gatepost_core::host::HostName;
use gatepost_core::ids::TenantId;
use gatepost_core::tenant_provider::EmailDomain;
use gatepost_core::usage::Month;
use gatepost_store::directory::changes::{
    ApproveTenantHost, ObjectEdit, RefuseTenantHost, RemoveTenantHost, RemoveTenantProvider, TenantEdit,
    WriteMode, WriteTenant, WrittenTenant,
};
use gatepost_store::directory::{Conditions, DirectoryError, Done, TenantHostRecord};
use reqwest::Method;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

impl Remote for WriteTenant {
    /// Whether it made a difference stands beside it.
    type Told = TenantWritten;

    fn told(outcome: WrittenTenant) -> TenantWritten {
        TenantWritten::new(&outcome, true)
    }

    async fn send(&self, api: &Api, conditions: Conditions) -> Result<Done<TenantWritten>, ApiError> {
        let (id, mut body) = (self.id.as_str(), members(&self.edit));
        let path = ["tenants", id];
        let (method, path) = match self.mode {
            WriteMode::Create => (Method::POST, &path[..1]),
            WriteMode::Put => (Method::PUT, &path[..]),
            WriteMode::Patch => (Method::PATCH, &path[..]),
        };
        if self.mode == WriteMode::Create {
            body.insert("id".to_owned(), id.into());
        }
        let answer = api.change(&method, path, Some(&body.into()), conditions).await?;
        Ok(done(&answer, api.read(answer.body.clone())?))
    }
}

/// The members of a body that make an edit. What the edit leaves as it is is absent.
fn members(edit: &TenantEdit) -> Map<String, Value> {
    let TenantEdit { name, tier, features, limits, settings, service, hosts, admin } = edit;
    let object = |edit: &Option<ObjectEdit>| {
        edit.as_ref().map(|edit| match edit {
            ObjectEdit::Replace(object) | ObjectEdit::Merge(object) => json!(object),
        })
    };
    let hosts = hosts.as_ref().map(|hosts| hosts.iter().map(|host| host.host.as_str()).collect::<Vec<_>>());
    let given = [
        ("name", name.as_ref().map(|name| json!(name))),
        ("tier", tier.as_ref().map(|tier| json!(tier.as_ref().map(ToString::to_string)))),
        ("features", object(features)),
        ("limits", object(limits)),
        ("settings", object(settings)),
        ("service", service.as_ref().map(|service| json!(service.as_ref().map(ToString::to_string)))),
        ("hosts", hosts.map(|hosts| json!(hosts))),
        ("admin_email", admin.as_ref().map(|email| json!(email.to_string()))),
    ];
    given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// Decisions of administrators about a host.
macro_rules! decisions {
    ($($name:ident = $verb:literal;)*) => {$(
        impl Remote for $name {
            type Told = TenantHost;

            fn told(outcome: TenantHostRecord) -> TenantHost {
                (&outcome).into()
            }

            async fn send(&self, api: &Api, conditions: Conditions) -> Result<Done<TenantHost>, ApiError> {
                let TenantHostChange { host, changed } =
                    api.decide_on_host((&self.tenant, &self.host), $verb, conditions).await?;
                Ok(Done { changed, version: host.version.parse().ok(), outcome: host })
            }
        }
    )*};
}

decisions! {
    ApproveTenantHost = "approve";
    RefuseTenantHost = "refuse";
}

silent! {
    RemoveTenantProvider = |change, api, conditions| {
        api.remove(&["tenants", change.tenant.as_str(), "provider"], &[], conditions).await?
    };
    RemoveTenantHost = |change, api, conditions| {
        api.remove(&["tenants", change.tenant.as_str(), "hosts", change.host.as_str()], &[], conditions).await?
    };
}

impl Api {
    /// The provider that a tenant brings.
    pub(crate) async fn find_tenant_provider(&self, tenant: &TenantId) -> Result<TenantProvider, ApiError> {
        let found = self.find(&["tenants", tenant.as_str(), "provider"]).await?;
        found.ok_or_else(|| DirectoryError::NoTenantProvider(tenant.clone()).into())
    }

    /// Has a tenant bring a provider, with PUT as a whole, or changes what PATCH names. It is tried there.
    pub(crate) async fn set_tenant_provider(
        &self,
        method: &Method,
        tenant: &TenantId,
        body: &Value,
        conditions: Conditions,
    ) -> Result<TenantProviderChange, ApiError> {
        let before = match self.find_tenant_provider(tenant).await {
            Ok(before) => Some(before.version),
            Err(ApiError::Directory(DirectoryError::NoTenantProvider(_))) => None,
            Err(error) => return Err(error),
        };
        let path = ["tenants", tenant.as_str(), "provider"];
        let answer = self.change(method, &path, Some(body), conditions).await?;
        self.provider_after(before.as_deref(), answer)
    }

    /// The answer has the provider alone. Its version says whether anything is different.
    fn provider_after(&self, before: Option<&str>, answer: Answer) -> Result<TenantProviderChange, ApiError> {
        let provider: TenantProvider = self.read(answer.body)?;
        Ok(TenantProviderChange { changed: before != Some(&*provider.version), provider })
    }

    /// Checks a tenant. The DNS and its provider are asked there.
    pub(crate) async fn check_tenant(&self, tenant: &TenantId) -> Result<TenantCheck, ApiError> {
        let found = self.find(&["tenants", tenant.as_str(), "check"]).await?;
        found.ok_or_else(|| DirectoryError::UnknownTenant(tenant.clone()).into())
    }

    /// What a tenant used.
    pub(crate) async fn read_usage(
        &self,
        tenant: &TenantId,
        span: UsageSpan,
    ) -> Result<TenantUsage, ApiError> {
        let (from, to, by) = (span.from.iso(), span.to.iso(), span.step.to_string());
        let path = ["tenants", tenant.as_str(), "usage"];
        let query = [("from", &*from), ("to", &*to), ("by", &*by)];
        self.of_tenant(tenant, Call { query: &query, ..Call::new(&Method::GET, &path) }).await
    }

    /// What a tenant owes for a month.
    pub(crate) async fn read_bill(&self, tenant: &TenantId, month: Month) -> Result<TenantBill, ApiError> {
        let (month, path) = (month.to_string(), ["tenants", tenant.as_str(), "bill"]);
        let query = [("month", &*month)];
        self.of_tenant(tenant, Call { query: &query, ..Call::new(&Method::GET, &path) }).await
    }

    async fn of_tenant<T: DeserializeOwned>(&self, tenant: &TenantId, call: Call<'_>) -> Result<T, ApiError> {
        match self.send(call).await {
            Ok(answer) => self.read(answer.body),
            Err(error) if error.is_missing() => Err(DirectoryError::UnknownTenant(tenant.clone()).into()),
            Err(error) => Err(error),
        }
    }

    /// Changes how the pages of a tenant look. Which names the configuration keeps is known there.
    pub(crate) async fn brand_tenant(
        &self,
        tenant: &TenantId,
        body: &Value,
        conditions: Conditions,
    ) -> Result<BrandingChange, ApiError> {
        let path = ["tenants", tenant.as_str(), "branding"];
        let answer = self.change(&Method::PATCH, &path, Some(body), conditions).await?;
        self.read(answer.body)
    }

    /// Decides about a domain of a provider: `confirm`, `approve` or `refuse`. The DNS is asked there.
    pub(crate) async fn decide_on_domain(
        &self,
        (tenant, domain): (&TenantId, &EmailDomain),
        verb: &str,
        conditions: Conditions,
    ) -> Result<TenantProviderChange, ApiError> {
        let before = self.find_tenant_provider(tenant).await?.version;
        let path = ["tenants", tenant.as_str(), "provider", "domains", domain.as_str(), verb];
        let answer = self.change(&Method::POST, &path, None, conditions).await?;
        self.provider_after(Some(&before), answer)
    }

    /// Proposes a host of a tenant. Which hosts the configuration leaves to tenants is known there.
    pub(crate) async fn add_tenant_host(
        &self,
        tenant: &TenantId,
        host: &HostName,
        conditions: Conditions,
    ) -> Result<TenantHostChange, ApiError> {
        let (path, body) = (["tenants", tenant.as_str(), "hosts"], json!({ "host": host.as_str() }));
        let answer = self.change(&Method::POST, &path, Some(&body), conditions).await?;
        self.read(answer.body)
    }

    /// Has a host count whose zone has the record. The DNS is asked there.
    pub(crate) async fn confirm_tenant_host(
        &self,
        tenant: &TenantId,
        host: &HostName,
        conditions: Conditions,
    ) -> Result<TenantHostChange, ApiError> {
        self.decide_on_host((tenant, host), "confirm", conditions).await
    }

    async fn decide_on_host(
        &self,
        (tenant, host): (&TenantId, &HostName),
        verb: &str,
        conditions: Conditions,
    ) -> Result<TenantHostChange, ApiError> {
        let path = ["tenants", tenant.as_str(), "hosts", host.as_str(), verb];
        let answer = self.change(&Method::POST, &path, None, conditions).await?;
        self.read(answer.body)
    }
}
