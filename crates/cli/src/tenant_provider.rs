//! `gatepost tenant provider`: the provider that a tenant brings, and the domains whose addresses it may assert.

use super::console::Console;
use super::error::CommandError;
use super::report::{Report, lines};
use clap::{Args, Subcommand};
use gatepost_admin::views::{TenantProvider, TenantProviderChange};
use gatepost_core::administration::Scope;
use gatepost_core::ids::TenantId;
use gatepost_core::tenant_provider::EmailDomain;
use gatepost_store::directory::changes::{
    DecideTenantDomain, DomainVerdict, RemoveTenantProvider, TenantDomainName,
};
use gatepost_store::directory::{Done, TenantProviderRecord};
use gatepost_web::api::{ProviderPatch, read_provider};
use reqwest::Method;
use serde_json::{Value, json};
use std::path::PathBuf;

/// A domain of addresses, of the provider of a tenant.
#[derive(Debug, Args)]
pub(super) struct OneDomain {
    /// The tenant's id
    id: TenantId,
    /// A domain as in acme.com
    domain: EmailDomain,
}

#[derive(Debug, Subcommand)]
pub(super) enum ProviderCommand {
    /// Shows the provider that a tenant brings, what to register there, and the records of its domains
    #[command(after_help = "Example:\n  gatepost tenant provider show acme")]
    Show {
        /// The tenant's id
        id: TenantId,
    },
    /// Has a tenant bring this provider, if it accepts the client and the secret; without --issuer and --entra-tenant changes what is named
    #[command(
        after_help = "Examples:\n  gatepost tenant provider set acme --issuer https://id.acme.com --client-id gatepost \
        --client-secret-file secret --domain acme.com --only\n  \
        gatepost tenant provider set acme --entra-tenant 6c2e1f40-93f0-4a39-8b54-2b9d1c7e5a10 --client-id 22222222-2222-4222-8222-222222222222 \
        --client-secret-file secret --domain acme.com\n  \
        gatepost tenant provider set acme --client-secret-file secret\n  gatepost tenant provider set acme --only=false"
    )]
    Set {
        /// The tenant's id
        id: TenantId,
        #[command(flatten)]
        settings: Settings,
    },
    /// Takes the provider from a tenant; sessions of its people end
    #[command(after_help = "Example:\n  gatepost tenant provider remove acme")]
    Remove {
        /// The tenant's id
        id: TenantId,
    },
    /// Asks the DNS for the record that proves a domain, and has it count if it is there
    #[command(after_help = "Example:\n  gatepost tenant provider confirm acme acme.com")]
    Confirm(OneDomain),
    /// Has a domain count, because you say that it is the tenant's
    #[command(after_help = "Example:\n  gatepost tenant provider approve acme acme.com")]
    Approve(OneDomain),
    /// Says no to a domain; another tenant may prove it then
    #[command(after_help = "Example:\n  gatepost tenant provider refuse acme acme.com")]
    Refuse(OneDomain),
}

/// What is said about a provider: all of it where the issuer or the tenant at Entra is named, else what is to change.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(super) struct Settings {
    /// Of an OpenID provider, byte for byte as it writes it
    #[arg(long, value_name = "ADDRESS", requires = "client_id")]
    issuer: Option<String>,
    /// The id of the tenant at Microsoft Entra ID
    #[arg(long, value_name = "GUID", conflicts_with = "issuer", requires = "client_id")]
    entra_tenant: Option<String>,
    /// Gatepost's id at the provider
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// A file with the secret; without it the secret stays, for the same client of the same provider
    #[arg(long, value_name = "FILE")]
    client_secret_file: Option<PathBuf>,
    /// The name that people see; empty: the tenant's id
    #[arg(long)]
    label: Option<String>,
    /// Where a token lists groups, as in `realm_access.roles`; empty: groups are not read
    #[arg(long, value_name = "CLAIM")]
    groups_claim: Option<String>,
    /// Addresses count although the provider does not say that they are verified
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    assume_verified: Option<bool>,
    /// At hosts of the tenant no other provider is offered
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    only: Option<bool>,
    /// A domain whose addresses it may assert, as soon as it is proved; may be repeated, others are removed
    #[arg(long, value_name = "DOMAIN")]
    domain: Vec<EmailDomain>,
}

impl Settings {
    /// Whether all of it is said.
    const fn is_whole(&self) -> bool {
        self.issuer.is_some() || self.entra_tenant.is_some()
    }

    /// The body by which the API takes it. What is not said is not in it.
    fn body(self) -> Result<Value, CommandError> {
        let kind = match (&self.issuer, &self.entra_tenant) {
            (Some(_), _) => Some("oidc"),
            (None, Some(_)) => Some("entra"),
            (None, None) => None,
        };
        let secret = match self.client_secret_file {
            Some(path) => {
                let read = std::fs::read_to_string(&path);
                Some(read.map_err(|error| CommandError::File(path, error))?.trim_end().to_owned())
            }
            None => None,
        };
        let domains: Vec<String> = self.domain.iter().map(ToString::to_string).collect();
        let verified = |is_assumed| json!(if is_assumed { "assumed" } else { "required" });
        let text = |value: String| Value::from(Some(value).filter(|value| !value.is_empty()));
        let said: [(&str, Option<Value>); 10] = [
            ("kind", kind.map(Value::from)),
            ("issuer", self.issuer.map(Value::from)),
            ("tenant_id", self.entra_tenant.map(Value::from)),
            ("client_id", self.client_id.map(Value::from)),
            ("client_secret", secret.map(Value::from)),
            ("label", self.label.map(text)),
            ("groups_claim", self.groups_claim.map(text)),
            ("email_verified", self.assume_verified.map(verified)),
            ("only", self.only.map(Value::from)),
            ("allowed_domains", Some(domains).filter(|domains| !domains.is_empty()).map(Value::from)),
        ];
        let said = said.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Ok(Value::Object(said.collect()))
    }
}

pub(super) async fn run(console: &Console, command: ProviderCommand) -> Result<Report, CommandError> {
    match command {
        ProviderCommand::Show { id } => show(console, &id).await,
        ProviderCommand::Set { id, settings } => set(console, id, settings).await,
        ProviderCommand::Remove { id } => {
            console.carry_out(&RemoveTenantProvider { tenant: id.clone() }).await?;
            let text = format!(
                "Tenant {id} {} a provider: its people sign in at those of the configuration.",
                console.either("no longer brings", "would no longer bring")
            );
            Ok(Report::new(text, json!({ "tenant": id, "changed": true })))
        }
        ProviderCommand::Confirm(one) => decide(console, one, "confirm").await,
        ProviderCommand::Approve(one) => decide(console, one, "approve").await,
        ProviderCommand::Refuse(one) => decide(console, one, "refuse").await,
    }
}

async fn show(console: &Console, id: &TenantId) -> Result<Report, CommandError> {
    let provider = if let Some(api) = console.api() {
        api.find_tenant_provider(id).await?
    } else {
        let admin = &console.here()?.admin;
        admin.provider_view(&admin.stores.directory.find_tenant_provider(&Scope::System, id).await?)
    };
    Ok(Report::new(described(id, &provider), provider))
}

async fn set(console: &Console, id: TenantId, settings: Settings) -> Result<Report, CommandError> {
    let (is_whole, conditions) = (settings.is_whole(), console.conditions);
    let body = settings.body()?;
    let change = if let Some(api) = console.api() {
        let method = if is_whole { Method::PUT } else { Method::PATCH };
        console.sent(api.set_tenant_provider(&method, &id, &body, conditions).await)?
    } else {
        let (admin, by) = (&console.here()?.admin, (&Scope::System, &console.actor));
        let done = if is_whole {
            let settings = read_provider(body, admin, &id)?;
            admin.put_provider(by, id.clone(), conditions, settings).await.map_err(CommandError::from)
        } else {
            let patch = ProviderPatch::parse(body)?;
            patch.carry_out(admin, by, &id, conditions).await.map_err(CommandError::from)
        };
        here(console, &done.map_err(|error| console.explain_overtaken(error))?)?
    };
    let text = if change.changed {
        let is = console.either("brings now", "would bring");
        format!(
            "Tenant {id} {is} this provider, which accepts the client.\n{}",
            described(&id, &change.provider)
        )
    } else {
        format!("Tenant {id} already brings this provider.")
    };
    Ok(Report::new(text, change))
}

async fn decide(console: &Console, one: OneDomain, verb: &'static str) -> Result<Report, CommandError> {
    let OneDomain { id, domain } = one;
    let change = if let Some(api) = console.api() {
        console.sent(api.decide_on_domain((&id, &domain), verb, console.conditions).await)?
    } else {
        let state = console.here()?;
        let name = TenantDomainName::new(domain.clone(), &state.site.config)?;
        let decided = |verdict| DecideTenantDomain { tenant: id.clone(), domain: name.clone(), verdict };
        let change = match verb {
            "approve" => decided(DomainVerdict::Approved),
            "refuse" => decided(DomainVerdict::Refused),
            _ => state.admin.find_domain_proof(&Scope::System, id.clone(), name.clone()).await?,
        };
        here(console, &console.carry_out_here(&change).await?)?
    };
    let text = match (change.changed, verb) {
        (false, _) => format!("Nothing is different about {domain}."),
        (true, "refuse") => format!("Domain {domain} {} refused.", console.either("is", "would be")),
        (true, _) => format!(
            "Domain {domain} {} the provider of tenant {id}: it may assert its addresses.",
            console.either("belongs to", "would belong to")
        ),
    };
    Ok(Report::new(text, change))
}

/// What became of a change here.
fn here(console: &Console, done: &Done<TenantProviderRecord>) -> Result<TenantProviderChange, CommandError> {
    let provider = console.here()?.admin.provider_view(&done.outcome);
    Ok(TenantProviderChange { provider, changed: done.changed })
}

fn described(id: &TenantId, provider: &TenantProvider) -> String {
    let place = provider.issuer.as_deref().or(provider.tenant_id.as_deref()).unwrap_or("-");
    let mut said = vec![
        format!("Provider of tenant {id}"),
        format!("  Kind: {}", provider.kind),
        format!("  {}: {place}", if provider.issuer.is_some() { "Issuer" } else { "Tenant at Entra" }),
        format!("  Client: {}", provider.client_id),
        format!("  Name that people see: {}", provider.label),
        format!("  Groups: {}", provider.groups_claim.as_deref().unwrap_or("not read")),
        format!("  Verified addresses: {}", provider.email_verified),
        format!("  The only one at the tenant's hosts: {}", if provider.only { "yes" } else { "no" }),
        format!("  To be registered there: {}", provider.redirect_uri),
    ];
    for domain in &provider.allowed_domains {
        said.push(match &domain.record {
            Some(record) => format!(
                "  Domain: {} ({}), counts when its zone has {} {} \"{}\"",
                domain.domain, domain.state, record.name, record.r#type, record.value
            ),
            None => format!("  Domain: {} ({})", domain.domain, domain.state),
        });
    }
    lines(&said)
}
