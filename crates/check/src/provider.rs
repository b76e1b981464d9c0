//! Checks the providers: their discovery documents and keys, and whether they accept the client credential.

use super::finding::{Code, Finding, codes, describe};
use gatepost_certs::tls;
use gatepost_config::{ClientCredential, Config, EntraTenant, ProviderConfig, ProviderKind};
use gatepost_core::clock::Timestamp;
use gatepost_core::error_chain::Chain;
use gatepost_core::provider_refusal::ProviderRefusal;
use gatepost_oidc::{
    AuthorizationTrial, CallError, Calls, MetadataError, OidcError, Provider, Providers, ProvidersError,
    Renewability, Settings, Trial,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use secrecy::ExposeSecret;
use std::sync::Arc;
use tokio::time::Instant;
use url::Url;
use x509_parser::parse_x509_certificate;

codes! {
    UNUSABLE = Error "provider-unusable":
        "Gatepost does not start.",
        "Correct the setting that the finding names: issuer or authority, certificate and private key, or GATEPOST_CA_FILE.";
    UNREACHABLE = Error "provider-unreachable":
        "Nobody can sign in. Signed-in people stay signed in for a while.",
        "Make sure that Gatepost can reach the provider: look at DNS, firewall and proxy.";
    TLS = Error "provider-tls":
        "Nobody can sign in. Signed-in people stay signed in for a while.",
        "Replace the certificate, or add its authority to GATEPOST_CA_FILE. The finding says which of the two is needed.";
    UNKNOWN_PLACE = Error "provider-not-found":
        "Nobody can sign in.",
        "Correct the issuer; for Entra, the tenant id and the authority.";
    ISSUER = Error "provider-issuer":
        "Nobody can sign in, because Gatepost accepts no tokens of another issuer.",
        "Write the issuer exactly as in the provider's discovery document, including a trailing slash.";
    DISCOVERY = Error "provider-discovery":
        "Nobody can sign in.",
        "Correct the issuer or the authority. At this address there is no OpenID provider with the code flow and signed ID tokens.";
    SECRET_EXPIRED = Error "provider-secret-expired":
        "Nobody can sign in, and sessions are no longer refreshed.",
        "Create a new client secret in the app registration (Certificates & secrets), and configure its Value.";
    SECRET_EXPIRES = Warning "provider-secret-expires":
        "When it has expired, nobody can sign in, and sessions are no longer refreshed.",
        "Create a second client secret at the provider, configure it, and write its last day into ..__CLIENT_SECRET_EXPIRES_AT.";
    CREDENTIAL_REFUSED = Error "provider-credential-refused":
        "Nobody can sign in, and sessions are no longer refreshed.",
        "Configure the secret's Value, not its Secret ID; or register the configured certificate or federated credential at the provider.";
    CLIENT_UNKNOWN = Error "provider-client-unknown":
        "Nobody can sign in.",
        "Correct client id and tenant id. They are the app registration's Application (client) ID and Directory (tenant) ID.";
    CREDENTIAL_UNCLEAR = Hint "provider-credential-unclear":
        "The first sign-in will show whether the provider accepts the credential.",
        "Sign in once.";
    CERTIFICATE_EXPIRED = Error "provider-certificate-expired":
        "Nobody can sign in, because the provider refuses an expired certificate.",
        "Create a new certificate, register it at the provider beside the old one, and configure it with its key.";
    CERTIFICATE_EXPIRES = Warning "provider-certificate-expires":
        "When it has expired, nobody can sign in.",
        "Create a new certificate, register it at the provider beside the old one, and configure it with its key.";
    NO_RENEWAL = Warning "provider-no-renewal":
        "Sessions cannot be refreshed in the background. Instead, browsers are redirected to the provider at each refresh interval.",
        "Allow refresh tokens for the client; docs/providers.md says where. Entra only issues them for offline_access.";
    REQUEST_REFUSED = Error "provider-request-refused":
        "Nobody can sign in.",
        "Correct what the provider refuses: scopes that this client may not request (..__SCOPES), or a redirect URI that is not registered.";
    ANYBODY = Warning "provider-anybody":
        "Everybody with an account at the provider can sign in, and passes every router without a requirement.",
        "Set ..__ALLOWED_DOMAINS, or put ?group=... on every router.";
    UNLISTED_TENANT = Hint "provider-tenant-unlisted":
        "People of this tenant can only sign in if its tokens confirm that it owns their domain (xms_edov). The tokens of some tenants never do.",
        "List the tenant's domains as TENANT-ID/DOMAIN in ..__ALLOWED_DOMAINS; or add the optional claim xms_edov, and sign in once.";
    SLOW = Warning "provider-slow":
        "Every sign-in waits this long, and fails after 5 s.",
        "Look at DNS and the network connection to the provider.";
}

const SLOW_SECONDS: u64 = 2;
/// A credential that ends within so many days needs attention.
pub const EXPIRES_SOON_DAYS: u32 = 30;
const DAY: i64 = 86_400;

pub(super) async fn inspect(config: &Arc<Config>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for own in &config.providers {
        certificate(own, &mut findings);
        secret(own, Timestamp::now(), &mut findings);
    }
    let providers = match Providers::new(&Settings::of(config), &Calls::new(|_| {})) {
        Ok(providers) => providers,
        Err(error) => {
            findings.push(unusable(&error));
            return findings;
        }
    };
    for provider in providers.iter() {
        let found = examine(provider, config).await;
        findings.extend(found);
    }
    findings
}

fn setting(id: &gatepost_core::ids::ProviderId, name: &str) -> String {
    format!("GATEPOST_PROVIDERS__{}__{name}", id.to_string().to_uppercase())
}

fn unusable(error: &ProvidersError) -> Finding {
    let place = match error {
        ProvidersError::Client(_) => "GATEPOST_CA_FILE".to_owned(),
        ProvidersError::Issuer(id, _) => setting(id, "ISSUER"),
        ProvidersError::Credential(id, _) => setting(id, "CLIENT_CERTIFICATE"),
    };
    UNUSABLE.at(place, describe(error))
}

async fn examine(provider: &Provider, config: &Config) -> Vec<Finding> {
    let own = provider.config();
    let place_name = if matches!(own.kind, ProviderKind::Oidc { .. }) { "ISSUER" } else { "TENANT_ID" };
    let mut findings = Vec::new();
    policy(own, &mut findings);
    let asked = Instant::now();
    if let Err(error) = provider.fetch_documents().await {
        let place = setting(&own.id, place_name);
        findings.push(match tls::explain(&error) {
            Some(fault) => TLS.of_tls(place, fault),
            None => documents(&error).at(place, describe(&error)),
        });
        return findings;
    }
    if asked.elapsed().as_secs() >= SLOW_SECONDS {
        let found =
            format!("Fetching the discovery document and the keys took {} s.", asked.elapsed().as_secs());
        findings.push(SLOW.at(setting(&own.id, place_name), found));
    }
    let Ok(redirect_uri) = Url::parse(&format!("{}/callback/{}", config.public_url, own.id)) else {
        return findings;
    };
    let trial = provider.try_credential(&redirect_uri).await;
    let is_accepted = matches!(trial, Ok(Trial::Accepted));
    findings.push(credential(own, trial));
    if let Some(finding) = authorization(provider, &redirect_uri).await {
        findings.push(finding);
    }
    // Not after a refused credential: that is reported already, and the provider may count failed attempts.
    if is_accepted && let Ok(renewability) = provider.try_renewal().await {
        findings.push(renewal(own, &renewability));
    }
    findings
}

/// Sends the authorization request of a sign-in. An answer with a page of the provider's own tells nothing.
async fn authorization(provider: &Provider, redirect_uri: &Url) -> Option<Finding> {
    match provider.try_authorization(redirect_uri).await.ok()? {
        AuthorizationTrial::Refused(refusal) => {
            let place = setting(provider.id(), "SCOPES");
            Some(REQUEST_REFUSED.at(
                place,
                format!("The provider refused the authorization request. {}", describe_refusal(&refusal)),
            ))
        }
        AuthorizationTrial::Accepted | AuthorizationTrial::Unclear => None,
    }
}

fn renewal(own: &ProviderConfig, renewability: &Renewability) -> Finding {
    let place = setting(&own.id, "SCOPES");
    let shows = "The first sign-in will show whether the provider issues a refresh token. If it does not, the log says \"sign-ins \
        bring no refresh token\", and gatepost_sign_ins_without_refresh_token_total counts them.";
    match renewability {
        Renewability::Asked => Finding::fine("provider", place, "Gatepost requests a refresh token."),
        Renewability::NotAsked => NO_RENEWAL.at(place, "Gatepost does not request offline_access."),
        Renewability::Refused(refusal) => NO_RENEWAL.at(
            place,
            format!("The provider refused a made-up refresh token. {}", describe_refusal(refusal)),
        ),
        Renewability::Unclear { lists_scope: false } => Finding::fine("provider", place, shows),
        Renewability::Unclear { lists_scope: true } => {
            let found =
                format!("{shows} In that case, add offline_access to the scopes: this provider lists it.");
            Finding::fine("provider", place, found)
        }
    }
}

const fn documents(error: &OidcError) -> &'static Code {
    match error {
        OidcError::Metadata(MetadataError::WrongIssuer { .. }) => &ISSUER,
        OidcError::Metadata(_)
        | OidcError::Token(_)
        | OidcError::Unavailable(CallError::NotJson(_) | CallError::TooLarge | CallError::Unexpected(_)) => {
            &DISCOVERY
        }
        OidcError::Unavailable(CallError::Status { status: 400 | 404, .. }) => &UNKNOWN_PLACE,
        _ => &UNREACHABLE,
    }
}

fn credential(own: &ProviderConfig, trial: Result<Trial, OidcError>) -> Finding {
    let place = setting(
        &own.id,
        match own.credential {
            ClientCredential::Secret(_) => "CLIENT_SECRET",
            ClientCredential::Certificate(_) => "CLIENT_CERTIFICATE",
            ClientCredential::AssertionFile(_) => "CLIENT_ASSERTION_FILE",
        },
    );
    match trial {
        Ok(Trial::Accepted) => Finding::fine("provider", place, "The provider accepts the credential."),
        Ok(Trial::Refused(refusal)) => refused(&refusal).at(place, describe_refusal(&refusal)),
        Ok(Trial::Unclear(refusal)) => CREDENTIAL_UNCLEAR.at(place, describe_refusal(&refusal)),
        Err(error @ OidcError::Credential(_)) => UNUSABLE.at(place, describe(&error)),
        Err(error) => match tls::explain(&error) {
            Some(fault) => TLS.of_tls(place, fault),
            None => UNREACHABLE.at(place, format!("The token endpoint cannot be used: {}.", Chain(&error))),
        },
    }
}

fn refused(refusal: &ProviderRefusal) -> &'static Code {
    match refusal.code.as_deref() {
        Some("AADSTS7000222") => &SECRET_EXPIRED,
        Some("AADSTS700016" | "AADSTS90002" | "AADSTS700005") => &CLIENT_UNKNOWN,
        _ => &CREDENTIAL_REFUSED,
    }
}

/// Describes a refusal by its codes only: the provider's text may contain what Gatepost sent.
fn describe_refusal(refusal: &ProviderRefusal) -> String {
    let code = refusal.code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
    format!("The provider answered {}{code}.", refusal.error)
}

fn policy(own: &ProviderConfig, findings: &mut Vec<Finding>) {
    if matches!(own.kind, ProviderKind::Google) && own.allowed_domains.is_none() {
        let place = setting(&own.id, "ALLOWED_DOMAINS");
        findings.push(ANYBODY.at(
            place,
            "Everybody with a Gmail account or an account of an organisation at Google may sign in.",
        ));
    }
    let ProviderKind::Entra { tenant: EntraTenant::Several { allowed, .. }, .. } = &own.kind else { return };
    for tid in allowed {
        let mut entries = own.allowed_domains.iter().flatten();
        if !entries.any(|entry| entry.tid.as_ref() == Some(tid)) {
            let place = setting(&own.id, "ALLOWED_DOMAINS");
            findings.push(UNLISTED_TENANT.at(place, format!("No domain is listed for tenant {tid}.")));
        }
    }
}

/// When the credential of a client ends, as far as that is known: a certificate says it, of a secret the operator may have
/// said it.
pub fn credential_ends_at(own: &ProviderConfig) -> Option<Timestamp> {
    match &own.credential {
        ClientCredential::Secret(_) => own.secret_expires_at,
        ClientCredential::Certificate(_) => validity(own).map(|(_, until)| Timestamp::from_unix(until)),
        ClientCredential::AssertionFile(_) => None,
    }
}

/// From when until when the certificate of a client counts. A malformed one is reported when the provider is set up.
fn validity(own: &ProviderConfig) -> Option<(i64, i64)> {
    let ClientCredential::Certificate(pem) = &own.credential else { return None };
    let der = CertificateDer::from_pem_slice(pem.current().expose_secret().as_bytes()).ok()?;
    let (_, certificate) = parse_x509_certificate(&der).ok()?;
    let validity = certificate.validity();
    Some((validity.not_before.timestamp(), validity.not_after.timestamp()))
}

/// Compares what the operator said about the end of a secret.
fn secret(own: &ProviderConfig, now: Timestamp, findings: &mut Vec<Finding>) {
    let Some(until) = own.secret_expires_at else { return };
    let days = (until.unix() - now.unix()).div_euclid(DAY);
    let place = setting(&own.id, "CLIENT_SECRET_EXPIRES_AT");
    if until <= now {
        findings.push(SECRET_EXPIRES.at(place, "By this setting the client secret has expired."));
    } else if days < i64::from(EXPIRES_SOON_DAYS) {
        findings.push(SECRET_EXPIRES.at(place, format!("The client secret expires in {days} days.")));
    } else {
        let found = format!("The client secret counts for {days} more days.");
        findings.push(Finding::fine("provider", place, found));
    }
}

fn certificate(own: &ProviderConfig, findings: &mut Vec<Finding>) {
    let Some((from, until)) = validity(own) else { return };
    let now = Timestamp::now().unix();
    let place = setting(&own.id, "CLIENT_CERTIFICATE");
    let days = (until - now) / DAY;
    if until <= now || from > now {
        findings.push(CERTIFICATE_EXPIRED.at(place, "The certificate has expired, or is not valid yet."));
    } else if days < i64::from(EXPIRES_SOON_DAYS) {
        findings.push(CERTIFICATE_EXPIRES.at(place, format!("The certificate expires in {days} days.")));
    } else {
        findings.push(Finding::fine(
            "provider",
            place,
            format!("The certificate is valid for {days} more days."),
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn google_without_domains_lets_anybody_sign_in() {
        let found = |domains: &str| {
            let text = format!(
                "public_url = 'https://auth.example.com'\nhosts = ['wiki.example.com']\n[providers.google]\n\
                 kind = 'google'\nclient_id = 'x'\nclient_secret = 'y'\n{domains}"
            );
            let config = Config::parse(&text, std::iter::empty()).expect("a configuration");
            let mut findings = Vec::new();
            policy(&config.providers[0], &mut findings);
            findings.iter().map(Finding::code).collect::<Vec<_>>()
        };
        assert_eq!(found(""), ["provider-anybody"]);
        assert!(found("allowed_domains = ['example.com']").is_empty());
    }

    #[test]
    fn a_tenant_without_a_listed_domain_is_reported() {
        const A: &str = "11111111-1111-4111-8111-111111111111";
        const B: &str = "22222222-2222-4222-8222-222222222222";
        let found = |domains: &str| {
            let text = format!(
                "public_url = 'https://auth.example.com'\nhosts = ['wiki.example.com']\n[providers.entra]\nkind = 'entra'\n\
                 tenant_id = 'organizations'\nallowed_tenants = ['{A}', '{B}']\nclient_id = 'x'\nclient_secret = 'y'\n{domains}"
            );
            let config = Config::parse(&text, std::iter::empty()).expect("a configuration");
            let mut findings = Vec::new();
            policy(&config.providers[0], &mut findings);
            findings.iter().map(Finding::code).collect::<Vec<_>>()
        };
        assert_eq!(found("allowed_domains = ['example.com']"), ["provider-tenant-unlisted"; 2]);
        assert_eq!(found(&format!("allowed_domains = ['{A}/example.com']")), ["provider-tenant-unlisted"]);
        let both = format!("allowed_domains = ['{A}/example.com', '{B}/example.org', 'example.net']");
        assert!(found(&both).is_empty());
    }
}
