//! The providers that tenants bring. The tenant's administrators say which it is, and prove domains; system administrators
//! approve and refuse domains.

use super::caller::Caller;
use super::input::{Body, Ids, Json, PostEmpty, Write};
use super::list::Filtered;
use super::members::{Given, Members};
use super::problems::{ReadProblems, WriteProblems};
use super::refused::Refused;
use super::reply::Reply;
use crate::extract::Path;
use crate::problem_document::Flaw;
use actix_web::web::Data;
use gatepost_admin::Context;
use gatepost_admin::views::TenantProvider;
use gatepost_config::secure_url;
use gatepost_core::identity::is_guid;
use gatepost_core::ids::TenantId;
use gatepost_core::tenant_provider::{EmailDomain, TenantProviderKind};
use gatepost_store::directory::changes::{
    DecideTenantDomain, DomainVerdict, RemoveTenantProvider, TenantDomainName, TenantProviderSettings,
};
use gatepost_store::directory::{Conditions, DirectoryError, Done, TenantProviderRecord};
use secrecy::SecretString;
use serde_json::Value;
use std::str::FromStr;
use utoipa::ToSchema;

/// The most domains of one provider.
const MOST_DOMAINS: usize = 100;

/// The provider that a tenant brings.
#[utoipa::path(get, path = "/api/v1/tenants/{id}/provider", tag = "tenants", params(("id" = String, Path)),
    responses((status = 200, body = TenantProvider), ReadProblems))]
pub(super) async fn show(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<TenantId>,
    _: Filtered<()>,
) -> Result<Reply, Refused> {
    let found = admin.stores.directory.find_tenant_provider(&caller.scope, &id).await?;
    Ok(Reply::ok(admin.provider_view(&found)).version(found.provider.version))
}

/// The provider that a tenant is to have.
#[derive(ToSchema)]
pub(super) struct TenantProviderBody {
    #[schema(value_type = String, example = "oidc")]
    kind: TenantProviderKind,
    /// Of kind `oidc`: byte for byte as the provider writes it.
    #[schema(value_type = Option<String>, example = "https://id.acme.com")]
    issuer: Option<Issuer>,
    /// Of kind `entra`: the id of the tenant there.
    #[schema(value_type = Option<String>, format = "uuid")]
    tenant_id: Option<Tid>,
    #[schema(value_type = String, max_length = 256)]
    client_id: Plain,
    /// Needed when the provider is new, and whenever kind, issuer or client change. Otherwise the former one stays. No answer
    /// shows it.
    #[schema(value_type = Option<String>, max_length = 256)]
    client_secret: Option<Plain>,
    /// The name that people see. Absent: the id of the tenant.
    #[schema(value_type = Option<String>, max_length = 256)]
    label: Option<Plain>,
    /// Where a token lists groups, as `realm_access.roles`. Absent: groups are not read.
    #[schema(value_type = Option<String>, max_length = 256)]
    groups_claim: Option<Plain>,
    /// `required` (what is absent means) or `assumed`.
    #[schema(value_type = Option<String>)]
    email_verified: Option<Verified>,
    /// At hosts of the tenant no other provider is offered.
    #[schema(value_type = Option<bool>)]
    only: bool,
    /// The domains whose addresses it may assert, as soon as each is proved.
    #[schema(value_type = Option<Vec<String>>, max_items = 100)]
    allowed_domains: Vec<EmailDomain>,
}

/// Why what is said about a provider is not taken.
#[derive(Debug, thiserror::Error)]
pub enum ProviderFlaws {
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// What is wrong, all at once.
    #[error("{0}")]
    Members(String),
}

/// Reads what is said about a provider, as the body of a PUT has it: for the command line, which takes the same.
///
/// # Errors
/// [`ProviderFlaws`].
pub fn read_provider(
    body: Value,
    admin: &Context,
    tenant: &TenantId,
) -> Result<(TenantProviderSettings, Option<SecretString>), ProviderFlaws> {
    let mut flaws = Vec::new();
    let Some(read) = Members::read(body, "", &mut flaws, TenantProviderBody::read) else {
        let said = |flaw: &Flaw| {
            let name = flaw.pointer.as_deref().unwrap_or_default();
            format!("{}: {}", name.trim_start_matches('/'), flaw.detail)
        };
        return Err(ProviderFlaws::Members(flaws.iter().map(said).collect::<Vec<_>>().join("\n")));
    };
    Ok(read.settings(admin, tenant)?)
}

/// A text without control characters and spaces around it.
struct Plain(String);

impl FromStr for Plain {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_plain = (1..=256).contains(&text.chars().count())
            && !text.chars().any(char::is_control)
            && text.trim() == text;
        if is_plain {
            Ok(Self(text.to_owned()))
        } else {
            Err("expected 1 to 256 characters, none of them a control character, without spaces at the ends")
        }
    }
}

/// Whether addresses count without `email_verified`.
struct Verified {
    is_assumed: bool,
}

impl FromStr for Verified {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "required" => Ok(Self { is_assumed: false }),
            "assumed" => Ok(Self { is_assumed: true }),
            _ => Err("expected required or assumed"),
        }
    }
}

/// The issuer of an OpenID provider.
#[derive(PartialEq)]
struct Issuer(String);

impl FromStr for Issuer {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_address = text.len() <= 1024 && secure_url(text).is_some();
        if is_address {
            Ok(Self(text.to_owned()))
        } else {
            Err("expected an address as in https://id.example.com")
        }
    }
}

/// The id of a tenant at Entra.
#[derive(PartialEq)]
struct Tid(String);

impl FromStr for Tid {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if is_guid(text) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err("expected a GUID, as Entra shows it")
        }
    }
}

impl Body for TenantProviderBody {
    fn read(members: &mut Members<'_>) -> Option<Self> {
        let kind = members.required("kind");
        let issuer = members.text("issuer");
        let tenant_id = members.text("tenant_id");
        let places =
            [("issuer", issuer == Some(Given::Absent)), ("tenant_id", tenant_id == Some(Given::Absent))];
        for (name, is_absent) in places {
            let is_needed = kind.map(|kind| (kind == TenantProviderKind::Entra) == (name == "tenant_id"));
            match (is_needed, is_absent) {
                (Some(true), true) => members.flaw(name, "missing", "It must be there for this kind."),
                (Some(false), false) => members.flaw(name, "unknown", "A provider of this kind has none."),
                _ => {}
            }
        }
        let client_id = members.required("client_id");
        let client_secret = members.text("client_secret").map(Given::value);
        let label = members.text("label").map(Given::value);
        let groups_claim = members.text("groups_claim").map(Given::value);
        let email_verified = members.text("email_verified").map(Given::value);
        let only = members.flag("only").map(Given::value);
        let allowed_domains: Option<Vec<EmailDomain>> = members.texts("allowed_domains");
        if allowed_domains.as_ref().is_some_and(|domains| domains.len() > MOST_DOMAINS) {
            let detail = format!("It may have at most {MOST_DOMAINS} items.");
            members.flaw("allowed_domains", "too_many", detail);
        }
        Some(Self {
            kind: kind?,
            issuer: issuer?.value(),
            tenant_id: tenant_id?.value(),
            client_id: client_id?,
            client_secret: client_secret?,
            label: label?,
            groups_claim: groups_claim?,
            email_verified: email_verified?,
            only: only?.unwrap_or_default(),
            allowed_domains: allowed_domains?,
        })
    }
}

impl TenantProviderBody {
    fn settings(
        self,
        admin: &Context,
        tenant: &TenantId,
    ) -> Result<(TenantProviderSettings, Option<SecretString>), DirectoryError> {
        let config = &admin.site.config;
        let domains = self.allowed_domains.into_iter().map(|domain| TenantDomainName::new(domain, config));
        let settings = TenantProviderSettings {
            kind: self.kind,
            // Of the two the one that the kind has is there, and no other.
            place: self.issuer.map(|issuer| issuer.0).or(self.tenant_id.map(|id| id.0)).unwrap_or_default(),
            client_id: self.client_id.0,
            secret: None,
            label: self.label.map_or_else(|| tenant.to_string(), |label| label.0),
            groups_claim: self.groups_claim.map(|claim| claim.0),
            trusts_addresses: self.email_verified.is_some_and(|verified| verified.is_assumed),
            is_only: self.only,
            domains: domains.collect::<Result<_, _>>()?,
        };
        Ok((settings, self.client_secret.map(|secret| secret.0.into())))
    }
}

/// Says which provider a tenant brings. It is tried first: its documents are fetched, and it has to accept the client and the
/// secret. 422 says what is wrong.
#[utoipa::path(put, path = "/api/v1/tenants/{id}/provider", tag = "tenants", params(("id" = String, Path)), request_body = TenantProviderBody,
    responses((status = 201, body = TenantProvider), (status = 200, body = TenantProvider), WriteProblems))]
pub(super) async fn put(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<TenantId>,
    Write(conditions): Write,
    Json(body): Json<TenantProviderBody>,
) -> Result<Reply, Refused> {
    let path = format!("/tenants/{id}/provider");
    let (settings, secret) = body.settings(&admin, &id)?;
    // Before anything is called.
    let before = match admin.stores.directory.find_tenant_provider(&caller.scope, &id).await {
        Err(DirectoryError::NoTenantProvider(_)) => None,
        found => Some(found?.provider.version),
    };
    conditions.demand(before)?;
    let change = admin.try_provider(&caller.scope, id, settings, secret).await?;
    let done = admin.carry_out(&change, conditions, &caller.actor()).await?;
    Ok(Reply::changed(&done, conditions, admin.provider_view(&done.outcome), Some(path)))
}

/// Takes the provider from a tenant. Sessions of its people end.
#[utoipa::path(delete, path = "/api/v1/tenants/{id}/provider", tag = "tenants", params(("id" = String, Path)),
    responses((status = 204, description = "It is gone."), (status = 200, body = TenantProvider, description = "A dry run."), WriteProblems))]
pub(super) async fn remove(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<TenantId>,
    Write(conditions): Write,
) -> Result<Reply, Refused> {
    let found = admin.stores.directory.find_tenant_provider(&caller.scope, &id).await?;
    admin.carry_out(&RemoveTenantProvider { tenant: id }, conditions, &caller.actor()).await?;
    Ok(Reply::removed(conditions, admin.provider_view(&found)))
}

async fn decide(
    caller: &Caller,
    admin: &Context,
    terms: super::repeats::Terms,
    change: &DecideTenantDomain,
) -> Result<Reply, Refused> {
    let answer = |done: &Done<TenantProviderRecord>, conditions: Conditions| {
        Reply::changed(done, conditions, admin.provider_view(&done.outcome), None)
    };
    terms.carry_out((admin, caller), change, answer).await
}

/// Has a domain count, because its zone has the record that the tenant was given. The DNS is asked now.
#[utoipa::path(post, path = "/api/v1/tenants/{id}/provider/domains/{domain}/confirm", tag = "tenants",
    params(("id" = String, Path), ("domain" = String, Path)),
    responses((status = 200, body = TenantProvider), WriteProblems))]
pub(super) async fn confirm(
    caller: Caller,
    admin: Data<Context>,
    Ids(tenant, domain): Ids<TenantId, EmailDomain>,
    PostEmpty(terms): PostEmpty,
) -> Result<Reply, Refused> {
    let domain = TenantDomainName::new(domain, &admin.site.config)?;
    let change = admin.find_domain_proof(&caller.scope, tenant, domain).await?;
    decide(&caller, &admin, terms, &change).await
}

/// Has a domain count, because a system administrator says that it is the tenant's.
#[utoipa::path(post, path = "/api/v1/tenants/{id}/provider/domains/{domain}/approve", tag = "tenants",
    params(("id" = String, Path), ("domain" = String, Path)),
    responses((status = 200, body = TenantProvider), WriteProblems))]
pub(super) async fn approve(
    caller: Caller,
    admin: Data<Context>,
    Ids(tenant, domain): Ids<TenantId, EmailDomain>,
    PostEmpty(terms): PostEmpty,
) -> Result<Reply, Refused> {
    let domain = TenantDomainName::new(domain, &admin.site.config)?;
    let change = DecideTenantDomain { tenant, domain, verdict: DomainVerdict::Approved };
    decide(&caller, &admin, terms, &change).await
}

/// Says no to a domain. The provider's addresses of it sign nobody in.
#[utoipa::path(post, path = "/api/v1/tenants/{id}/provider/domains/{domain}/refuse", tag = "tenants",
    params(("id" = String, Path), ("domain" = String, Path)),
    responses((status = 200, body = TenantProvider), WriteProblems))]
pub(super) async fn refuse(
    caller: Caller,
    admin: Data<Context>,
    Ids(tenant, domain): Ids<TenantId, EmailDomain>,
    PostEmpty(terms): PostEmpty,
) -> Result<Reply, Refused> {
    let domain = TenantDomainName::new(domain, &admin.site.config)?;
    let change = DecideTenantDomain { tenant, domain, verdict: DomainVerdict::Refused };
    decide(&caller, &admin, terms, &change).await
}
