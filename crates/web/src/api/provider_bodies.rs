//! What operations take that say which provider a tenant brings: all of it, or parts.

use super::input::Body;
use super::members::{Given, Members};
use super::refused::Refused;
use crate::problem_document::{Flaw, Problem};
use gatepost_admin::{Context, TrialError};
use gatepost_config::secure_url;
use gatepost_core::administration::Scope;
use gatepost_core::identity::is_guid;
use gatepost_core::ids::TenantId;
use gatepost_core::tenant_provider::{EmailDomain, TenantProviderKind};
use gatepost_core::tier::JsonObject;
use gatepost_store::directory::changes::{TenantDomainName, TenantProviderSettings};
use gatepost_store::directory::{Actor, Conditions, DirectoryError, Done, TenantProviderRecord};
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use std::str::FromStr;
use utoipa::ToSchema;

/// The most domains of one provider.
const MOST_DOMAINS: usize = 100;

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
    /// What is wrong, all at once.
    #[error("{}", lines(.0))]
    Members(Vec<Flaw>),
    /// It is refused, or cannot be tried.
    #[error(transparent)]
    Trial(#[from] TrialError),
}

fn lines(flaws: &[Flaw]) -> String {
    let said = |flaw: &Flaw| {
        let name = flaw.pointer.as_deref().unwrap_or_default();
        format!("{}: {}", name.trim_start_matches('/'), flaw.detail)
    };
    flaws.iter().map(said).collect::<Vec<_>>().join("\n")
}

impl From<DirectoryError> for ProviderFlaws {
    fn from(error: DirectoryError) -> Self {
        Self::Trial(error.into())
    }
}

impl From<ProviderFlaws> for Refused {
    fn from(error: ProviderFlaws) -> Self {
        match error {
            ProviderFlaws::Members(flaws) => Problem::invalid(flaws).into(),
            ProviderFlaws::Trial(error) => error.into(),
        }
    }
}

/// What is said about a provider, and its secret, if one is given.
type Read = (TenantProviderSettings, Option<SecretString>);

/// Reads what is said about a provider, as the body of a PUT has it: for the command line and the portal, which take the same.
///
/// # Errors
/// [`ProviderFlaws`].
pub fn read_provider(body: Value, admin: &Context, tenant: &TenantId) -> Result<Read, ProviderFlaws> {
    let mut flaws = Vec::new();
    let read = Members::read(body, "", &mut flaws, TenantProviderBody::read);
    Ok(read.ok_or(ProviderFlaws::Members(flaws))?.settings(admin, tenant)?)
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
    pub(super) fn settings(self, admin: &Context, tenant: &TenantId) -> Result<Read, DirectoryError> {
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

/// A change of the provider (RFC 7396): what is absent stays. A new `client_secret` may come alone.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the document is made of it; `ProviderPatch` takes the members")]
pub(super) struct TenantProviderPatch {
    /// With another kind the `issuer` or `tenant_id` of the former one goes.
    #[schema(example = "oidc")]
    kind: Option<String>,
    issuer: Option<String>,
    #[schema(format = "uuid")]
    tenant_id: Option<String>,
    #[schema(max_length = 256)]
    client_id: Option<String>,
    /// Never `null`. Needed whenever kind, issuer or client change.
    #[schema(max_length = 256)]
    client_secret: Option<String>,
    /// `null`: the id of the tenant.
    #[schema(max_length = 256)]
    label: Option<String>,
    /// `null`: groups are not read.
    #[schema(max_length = 256)]
    groups_claim: Option<String>,
    /// `required` (what `null` means) or `assumed`.
    email_verified: Option<String>,
    only: Option<bool>,
    /// All of them: others are removed.
    #[schema(max_items = 100)]
    allowed_domains: Option<Vec<String>>,
}

/// The members of a provider.
const MEMBERS: [&str; 10] = [
    "kind",
    "issuer",
    "tenant_id",
    "client_id",
    "client_secret",
    "label",
    "groups_claim",
    "email_verified",
    "only",
    "allowed_domains",
];

/// What changes the parts of a provider that it names.
#[derive(Debug)]
pub struct ProviderPatch(JsonObject);

impl Body for ProviderPatch {
    fn read(members: &mut Members<'_>) -> Option<Self> {
        let patch = members.take(&MEMBERS);
        if patch.get("client_secret").is_some_and(Value::is_null) {
            let detail = "A provider cannot be without one. If the member is absent, the secret stays.";
            members.flaw("client_secret", "missing", detail);
        }
        Some(Self(patch.into()))
    }
}

impl ProviderPatch {
    /// Reads it, as the body of a PATCH has it: for the command line, which takes the same.
    ///
    /// # Errors
    /// [`ProviderFlaws::Members`].
    pub fn parse(body: Value) -> Result<Self, ProviderFlaws> {
        let mut flaws = Vec::new();
        let read = Members::read(body, "", &mut flaws, <Self as Body>::read);
        read.ok_or(ProviderFlaws::Members(flaws))
    }

    /// Changes the provider of a tenant. It is tried as it is to be, and kept only if nobody changed it meanwhile.
    ///
    /// # Errors
    /// [`ProviderFlaws`].
    pub async fn carry_out(
        &self,
        admin: &Context,
        (scope, actor): (&Scope, &Actor),
        tenant: &TenantId,
        conditions: Conditions,
    ) -> Result<Done<TenantProviderRecord>, ProviderFlaws> {
        let merged = |before: &TenantProviderRecord| read_provider(self.merged(before), admin, tenant);
        admin.patch_provider((scope, actor), tenant, conditions, merged).await
    }

    /// What is there with the patch in it, as the body of a PUT.
    fn merged(&self, TenantProviderRecord { provider, domains }: &TenantProviderRecord) -> Value {
        let domains: Vec<&str> = domains.iter().map(|one| one.domain.as_str()).collect();
        let verified = if provider.trusts_addresses { "assumed" } else { "required" };
        let place = match provider.kind {
            TenantProviderKind::Oidc => "issuer",
            TenantProviderKind::Entra => "tenant_id",
        };
        let said = [
            ("kind", json!(provider.kind.as_str())),
            (place, json!(provider.place)),
            ("client_id", json!(provider.client_id)),
            ("label", json!(provider.label)),
            ("groups_claim", json!(provider.groups_claim)),
            ("email_verified", json!(verified)),
            ("only", json!(provider.is_only)),
            ("allowed_domains", json!(domains)),
        ];
        let is_other_kind = |kind: &Value| kind != provider.kind.as_str();
        let is_moved = self.0.members().get("kind").is_some_and(is_other_kind);
        let stays = |name: &str| !is_moved || name != place;
        let said = said.into_iter().filter(|(name, _)| stays(name));
        let said: Map<String, Value> = said.map(|(name, value)| (name.to_owned(), value)).collect();
        JsonObject::from(said).merged(&self.0).members().clone().into()
    }
}
