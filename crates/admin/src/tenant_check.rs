//! What is not as it should be about one tenant: its state, hosts, routers, provider, domains and members.
//!
//! It changes nothing. The DNS and the provider are asked now. What they do not say is a finding, not an error.

use super::{Context, TrialError};
use futures_util::stream::{self, StreamExt};
use gatepost_core::access::Role;
use gatepost_core::administration::Scope;
use gatepost_core::error_chain::{Chain, sentence};
use gatepost_core::host::HostName;
use gatepost_core::tenant::TenantState;
use gatepost_core::tenant_host::{HostProof, HostState};
use gatepost_runtime::dns;
use gatepost_store::directory::{DirectoryError, TenantHostRecord, TenantRecord};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Questions to the DNS at once: whoever runs a tenant says how many hosts it has.
const AT_ONCE: usize = 8;
/// Members that are read at a time.
const PAGE: u32 = 500;

/// How bad a finding is, from the least on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TenantSeverity {
    Hint,
    Warning,
    /// Something that people of the tenant need does not work.
    Error,
}

/// A kind of finding.
struct Kind {
    code: &'static str,
    severity: TenantSeverity,
    fix: &'static str,
}

/// What was found.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TenantFinding {
    pub severity: TenantSeverity,
    /// The kind of finding, as docs/tenants.md lists them.
    #[schema(example = "host-unproved")]
    pub code: String,
    /// The host, the domain, or the tenant.
    pub about: String,
    pub found: String,
    /// What to do.
    pub fix: String,
}

/// The result of a check.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TenantCheck {
    pub tenant: String,
    pub errors: usize,
    /// The worst last.
    pub findings: Vec<TenantFinding>,
}

/// Defines the kinds of findings, and `KINDS` with all of them.
macro_rules! kinds {
    ($($name:ident = $severity:ident $code:literal: $fix:literal;)*) => {
        $(const $name: Kind = Kind { code: $code, severity: TenantSeverity::$severity, fix: $fix };)*
        #[cfg(test)]
        const KINDS: &[Kind] = &[$($name),*];
    };
}

kinds! {
    SUSPENDED = Error "tenant-suspended": "Resume it: gatepost tenant resume.";
    DELETED = Error "tenant-deleted": "Restore it: gatepost tenant restore.";
    NO_HOST = Hint "host-none": "Propose one (gatepost tenant host add), or let routers of a common host require the tenant.";
    HOST_CONFIGURED = Error "host-configured": "Remove the host from the tenant, or take it out of GATEPOST_HOSTS.";
    HOST_UNREACHABLE = Error "host-unreachable": "Have GATEPOST_PUBLIC_URL begin with https, or remove the host from the tenant.";
    HOST_PROVABLE = Warning "host-provable": "Confirm it: gatepost tenant host confirm.";
    HOST_UNPROVED = Warning "host-unproved": "Put the record into the zone, then run gatepost tenant host confirm.";
    HOST_REFUSED = Hint "host-refused": "Remove it from the tenant, unless an administrator approves it after all.";
    HOST_UNRESOLVED = Error "host-unresolved": "Add an A or AAAA record that leads to Traefik.";
    HOST_UNROUTED = Hint "host-unrouted": "Name a service (gatepost tenant set --service), unless Traefik has a router for the host in its files.";
    SERVICE_UNKNOWN = Error "service-unknown": "Add the service to GATEPOST_SERVICES, or name another one: gatepost tenant set --service.";
    DNS_SILENT = Warning "dns-silent": "Run the check again. GATEPOST_TENANTS__RESOLVER or /etc/resolv.conf names the server that is asked.";
    PROVIDER_TIER = Warning "provider-not-in-tier": "Give the tenant the feature sso_enabled, or remove the provider.";
    PROVIDER_SECRET = Error "provider-secret": "Set the provider with its secret again: gatepost tenant provider set.";
    PROVIDER_UNUSABLE = Error "provider-unusable": "Correct the issuer, or wait until the provider answers.";
    PROVIDER_REFUSED = Error "provider-refused": "Make a new secret at the provider, and set it: gatepost tenant provider set.";
    DOMAIN_NONE = Error "domain-none": "Propose the domains of its addresses and have them count: gatepost tenant provider confirm.";
    DOMAIN_PROVABLE = Warning "domain-provable": "Confirm it: gatepost tenant provider confirm.";
    DOMAIN_UNPROVED = Warning "domain-unproved": "Put the record into the zone, then run gatepost tenant provider confirm.";
    NO_MEMBER = Warning "member-none": "Add members (gatepost tenant add-member), or give a group access (gatepost tenant map).";
    NO_ADMIN = Warning "admin-none": "Give somebody the role admin: gatepost tenant add-member --role admin.";
    ADMIN_INVITED = Hint "admin-invited": "Ask them to open their link, or make another one: gatepost tenant invite --role admin.";
}

impl Kind {
    fn at(&self, about: &impl ToString, found: impl Into<String>) -> TenantFinding {
        let Self { code, severity, fix } = *self;
        let (code, fix) = (code.to_owned(), fix.to_owned());
        TenantFinding { severity, code, about: about.to_string(), found: found.into(), fix }
    }
}

/// What the DNS says about something that is to be proved.
struct Proof {
    provable: Kind,
    unproved: Kind,
}

impl Context {
    /// Checks a tenant.
    ///
    /// # Errors
    /// [`DirectoryError`]: the directory cannot say what there is.
    pub async fn check_tenant(&self, tenant: &TenantRecord) -> Result<TenantCheck, DirectoryError> {
        let mut findings = match tenant.state {
            TenantState::Active => Vec::new(),
            TenantState::Suspended => {
                vec![SUSPENDED.at(&tenant.id, "The tenant is suspended: nobody may enter it.")]
            }
            // Nothing else of it counts, and nobody is asked for it.
            TenantState::Deleted => {
                let findings = vec![DELETED.at(&tenant.id, "The tenant is deleted.")];
                return Ok(TenantCheck { tenant: tenant.id.to_string(), errors: 1, findings });
            }
        };
        if tenant.hosts.is_empty() {
            findings.push(NO_HOST.at(&tenant.id, "The tenant has no host of its own."));
        }
        let hosts: Vec<_> = tenant.hosts.iter().map(|host| self.check_host(tenant, host)).collect();
        let hosts: Vec<_> = stream::iter(hosts).buffered(AT_ONCE).collect().await;
        findings.extend(hosts.into_iter().flatten());
        findings.extend(self.check_provider(tenant).await?);
        findings.extend(self.check_members(tenant).await?);
        findings.sort_by_key(|finding| finding.severity);
        let errors = findings.iter().filter(|finding| finding.severity == TenantSeverity::Error).count();
        Ok(TenantCheck { tenant: tenant.id.to_string(), errors, findings })
    }

    async fn check_host(&self, tenant: &TenantRecord, host: &TenantHostRecord) -> Vec<TenantFinding> {
        let name = &host.host;
        match host.state {
            HostState::Refused => {
                vec![HOST_REFUSED.at(name, "An administrator of the system refused the host.")]
            }
            HostState::Proposed => {
                let kinds = Proof { provable: HOST_PROVABLE, unproved: HOST_UNPROVED };
                vec![self.check_proof(name, &host.proof, &kinds).await]
            }
            HostState::Active if self.site.hosts.is_configured(name) => {
                let found =
                    "The configuration has the host: it is the public one, or GATEPOST_HOSTS covers it.";
                vec![HOST_CONFIGURED.at(name, found)]
            }
            HostState::Active if self.site.hosts.origin_of_tenant(name.clone()).is_none() => {
                let found =
                    "The public host is reached with http, with which people sign in below localhost only.";
                vec![HOST_UNREACHABLE.at(name, found)]
            }
            HostState::Active => {
                let mut findings = Vec::from_iter(self.check_route(tenant, name));
                match dns::has_address(self.site.config.tenants.resolver, name).await {
                    Ok(true) => {}
                    Ok(false) => {
                        findings.push(HOST_UNRESOLVED.at(name, "The DNS has no address of the host."));
                    }
                    Err(error) => findings.push(DNS_SILENT.at(name, sentence(&Chain(&error).to_string()))),
                }
                findings
            }
        }
    }

    fn check_route(&self, tenant: &TenantRecord, host: &HostName) -> Option<TenantFinding> {
        let services = &self.site.config.services;
        match &tenant.service {
            None if services.is_empty() => None,
            None => Some(
                HOST_UNROUTED
                    .at(host, "Gatepost gives Traefik no router for the host: the tenant names no service."),
            ),
            Some(service) if services.contains_key(service) => None,
            Some(service) => {
                Some(SERVICE_UNKNOWN.at(
                    host,
                    format!("There is no router for the host: GATEPOST_SERVICES has no {service}."),
                ))
            }
        }
    }

    async fn check_proof(&self, name: &HostName, proof: &HostProof, kinds: &Proof) -> TenantFinding {
        let (record, text) = (HostProof::record_name(name), proof.record_text());
        match dns::find_proofs(self.site.config.tenants.resolver, name).await {
            Ok(texts) if texts.contains(&text) => {
                kinds.provable.at(name, format!("{record} has the record, and nobody confirmed it."))
            }
            Ok(_) => kinds.unproved.at(name, format!("There is no record {record} TXT \"{text}\".")),
            Err(error) => DNS_SILENT.at(name, sentence(&Chain(&error).to_string())),
        }
    }

    async fn check_provider(&self, tenant: &TenantRecord) -> Result<Vec<TenantFinding>, DirectoryError> {
        let directory = &self.stores.directory;
        let found = match directory.find_tenant_provider(&Scope::System, &tenant.id).await {
            Err(DirectoryError::NoTenantProvider(_)) => return Ok(Vec::new()),
            found => found?,
        };
        let mut findings = Vec::new();
        match directory.demand_sso(&Scope::System, &tenant.id).await {
            Err(DirectoryError::ProviderNotInTier(_)) => {
                findings.push(PROVIDER_TIER.at(&tenant.id, "Its tier has no provider of its own."));
            }
            other => other?,
        }
        match self.retry_provider(&found.provider).await {
            Ok(()) => {}
            Err(TrialError::Directory(DirectoryError::SecretMissing(_))) => {
                findings.push(
                    PROVIDER_SECRET.at(&tenant.id, "GATEPOST_SECRET_KEYS cannot open the provider's secret."),
                );
            }
            Err(TrialError::Directory(error)) => return Err(error),
            Err(error @ TrialError::Refused(_)) => {
                findings.push(PROVIDER_REFUSED.at(&tenant.id, sentence(&error.to_string())));
            }
            Err(error) => {
                findings.push(PROVIDER_UNUSABLE.at(&tenant.id, sentence(&Chain(&error).to_string())));
            }
        }
        if !found.domains.iter().any(|domain| domain.state == HostState::Active) {
            findings.push(
                DOMAIN_NONE.at(&tenant.id, "No domain of the provider counts: nobody can sign in there."),
            );
        }
        let kinds = Proof { provable: DOMAIN_PROVABLE, unproved: DOMAIN_UNPROVED };
        let proposed = found.domains.iter().filter(|domain| domain.state == HostState::Proposed);
        let proofs: Vec<_> =
            proposed.map(|domain| self.check_proof(domain.domain.name(), &domain.proof, &kinds)).collect();
        findings.extend(stream::iter(proofs).buffered(AT_ONCE).collect::<Vec<_>>().await);
        Ok(findings)
    }

    async fn check_members(&self, tenant: &TenantRecord) -> Result<Vec<TenantFinding>, DirectoryError> {
        let (mut has_member, mut has_admin) =
            (!tenant.groups.is_empty(), tenant.groups.values().any(|role| *role == Role::Admin));
        let mut after = None;
        while !has_admin {
            let directory = &self.stores.directory;
            let page =
                directory.list_tenant_members(&Scope::System, &tenant.id, after.as_ref(), PAGE).await?;
            has_member |= !page.items.is_empty();
            has_admin = page.items.iter().any(|member| member.role == Role::Admin);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        if has_admin {
            return Ok(Vec::new());
        }
        let invited = self.roles_of_invited(tenant).await?;
        Ok(vec![if invited.contains(&Role::Admin) {
            ADMIN_INVITED.at(&tenant.id, "An administrator is invited, and has not accepted yet.")
        } else if !has_member && invited.is_empty() {
            NO_MEMBER
                .at(&tenant.id, "Nobody may enter the tenant, neither by a group nor as a member of its own.")
        } else {
            NO_ADMIN.at(&tenant.id, "Nobody administers the tenant, and no group does.")
        }])
    }

    /// The roles of those who are invited and may still accept.
    async fn roles_of_invited(&self, tenant: &TenantRecord) -> Result<Vec<Role>, DirectoryError> {
        let invited = self.stores.directory.list_invitations(&Scope::System, &tenant.id).await?;
        Ok(invited.iter().map(|invitation| invitation.role).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_lists_every_finding() {
        let document = include_str!("../../../docs/tenants.md");
        for Kind { code, severity, fix } in KINDS {
            let severity = format!("{severity:?}").to_lowercase();
            let row = format!("| `{code}` | {severity} | {fix} |");
            assert!(document.lines().any(|line| line == row), "docs/tenants.md should have:\n{row}");
        }
    }
}
