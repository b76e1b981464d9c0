//! The form that says which provider a tenant brings: as it is sent, entered and read. A secret that was entered comes back sealed, so
//! that no page holds it and nobody enters it twice.

use crate::callers::Administrator;
use crate::extract::Fields;
use gatepost_admin::{Context, TrialError};
use gatepost_core::ids::TenantId;
use gatepost_core::tenant_provider::TenantProviderKind;
use gatepost_pages::admin::{FormErrors, ProviderEntered};
use gatepost_store::directory::{DirectoryError, TenantProviderRecord};
use gatepost_store::session::sealed::Purpose;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The fields of the form.
#[derive(Deserialize)]
pub(crate) struct Sent {
    pub(super) version: Option<String>,
    kind: Option<String>,
    issuer: Option<String>,
    tenant_id: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    /// The secret that was entered before, sealed.
    sealed: Option<String>,
    label: Option<String>,
    groups_claim: Option<String>,
    allowed_domains: Option<String>,
    only: Option<String>,
    assumed: Option<String>,
}

impl Fields for Sent {
    const LIMIT: usize = 64 * 1024;
}

impl Sent {
    /// The secret: what was entered now, else what was entered before.
    pub(super) fn secret(
        &self,
        context: &Context,
        administrator: &Administrator,
        id: &TenantId,
    ) -> Option<SecretString> {
        let text = self.client_secret.as_deref().map(str::trim).filter(|text| !text.is_empty());
        if let Some(text) = text {
            return Some(text.into());
        }
        let place = place(administrator, id);
        let opened =
            context.site.ring.open::<String>(Purpose::EnteredSecret, &place, self.sealed.as_deref()?);
        opened.ok().map(SecretString::from)
    }

    /// What was entered, with the secret sealed.
    pub(super) fn entered(
        &self,
        context: &Context,
        administrator: &Administrator,
        (id, secret): (&TenantId, Option<&SecretString>),
    ) -> ProviderEntered {
        let text = |field: &Option<String>| field.as_deref().unwrap_or_default().trim().to_owned();
        let place = place(administrator, id);
        let seal = |secret: &SecretString| {
            context.site.ring.seal(Purpose::EnteredSecret, &place, secret.expose_secret())
        };
        ProviderEntered {
            kind: text(&self.kind),
            issuer: text(&self.issuer),
            tenant_id: text(&self.tenant_id),
            client_id: text(&self.client_id),
            label: text(&self.label),
            groups_claim: text(&self.groups_claim),
            domains: text(&self.allowed_domains),
            is_assumed: self.assumed.is_some(),
            is_only: self.only.is_some(),
            sealed_secret: secret.map(seal).unwrap_or_default(),
        }
    }
}

/// Where a sealed secret opens: in forms of this person about this tenant.
fn place(administrator: &Administrator, id: &TenantId) -> String {
    format!("{id} {}", administrator.person.principal.standing.person.id)
}

/// What the form shows of a provider.
pub(super) fn known(found: Option<&TenantProviderRecord>) -> ProviderEntered {
    let Some(TenantProviderRecord { provider, domains }) = found else {
        return ProviderEntered {
            kind: TenantProviderKind::Oidc.as_str().to_owned(),
            ..ProviderEntered::default()
        };
    };
    let place = |kind| if provider.kind == kind { provider.place.clone() } else { String::new() };
    let domains: Vec<&str> = domains.iter().map(|one| one.domain.as_str()).collect();
    ProviderEntered {
        kind: provider.kind.as_str().to_owned(),
        issuer: place(TenantProviderKind::Oidc),
        tenant_id: place(TenantProviderKind::Entra),
        client_id: provider.client_id.clone(),
        label: provider.label.clone(),
        groups_claim: provider.groups_claim.clone().unwrap_or_default(),
        domains: domains.join("\n"),
        is_assumed: provider.trusts_addresses,
        is_only: provider.is_only,
        sealed_secret: String::new(),
    }
}

/// What was entered, as the body of the API's PUT has it. Of the two places the one that the kind does not have is left out.
pub(super) fn body(entered: &ProviderEntered, secret: Option<&SecretString>) -> Value {
    let is_entra = entered.kind == TenantProviderKind::Entra.as_str();
    let place = if is_entra { ("tenant_id", &entered.tenant_id) } else { ("issuer", &entered.issuer) };
    let texts = [
        ("kind", entered.kind.as_str()),
        (place.0, place.1),
        ("client_id", &entered.client_id),
        ("client_secret", secret.map(ExposeSecret::expose_secret).unwrap_or_default()),
        ("label", &entered.label),
        ("groups_claim", &entered.groups_claim),
    ];
    let texts = texts.into_iter().filter(|(_, text)| !text.is_empty());
    let mut body: Map<String, Value> = texts.map(|(name, text)| (name.to_owned(), text.into())).collect();
    let domains: Vec<&str> = entered.domains.split_whitespace().collect();
    body.insert("allowed_domains".to_owned(), json!(domains));
    body.insert("only".to_owned(), entered.is_only.into());
    let verified = if entered.is_assumed { "assumed" } else { "required" };
    body.insert("email_verified".to_owned(), verified.into());
    body.into()
}

const FIELDS: [&str; 8] =
    ["kind", "issuer", "tenant_id", "client_id", "client_secret", "label", "groups_claim", "allowed_domains"];

/// Notes a flaw of the body beside the field that says it.
pub(super) fn note(pointer: Option<&str>, detail: &str, errors: &mut FormErrors) {
    let member = pointer.and_then(|pointer| pointer.split('/').nth(1)).unwrap_or_default();
    errors.add(FIELDS.into_iter().find(|field| *field == member).unwrap_or_default(), detail);
}

/// The field that is wrong. Empty: none of them alone.
pub(super) const fn field_of(error: &TrialError) -> &'static str {
    match error {
        TrialError::Directory(DirectoryError::SecretMissing(_)) => "client_secret",
        TrialError::Directory(DirectoryError::DomainConfigured(_) | DirectoryError::DomainTaken(_)) => {
            "allowed_domains"
        }
        _ => "",
    }
}
