//! The providers: discovery, keys, and the client credential tried at the token endpoint.

use super::finding::{Code, Finding, codes, told};
use gatepost_certs::tls;
use gatepost_config::{ClientCredential, Config, EntraTenant, ProviderConfig, ProviderKind};
use gatepost_core::clock::Timestamp;
use gatepost_core::error_chain::Chain;
use gatepost_oidc::{
    AuthorizationTrial, CallError, Calls, MetadataError, OidcError, Provider, ProviderRefusal, Providers,
    ProvidersError, Renewability, Settings, Trial,
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
        "Correct the setting that is named: issuer or authority, certificate and private key, GATEPOST_CA_FILE.";
    UNREACHABLE = Error "provider-unreachable":
        "Nobody can sign in; who is signed in stays so for a while.",
        "Let Gatepost reach the provider: DNS, firewall, proxy.";
    TLS = Error "provider-tls":
        "Nobody can sign in; who is signed in stays so for a while.",
        "Mend the certificate, or trust its authority in GATEPOST_CA_FILE: which, the finding says.";
    UNKNOWN_PLACE = Error "provider-not-found":
        "Nobody can sign in.",
        "Correct the issuer; for Entra the tenant id and the authority.";
    ISSUER = Error "provider-issuer":
        "Nobody can sign in: tokens of another issuer are not taken.",
        "Write the issuer exactly as the provider's discovery document has it, trailing slash included.";
    DISCOVERY = Error "provider-discovery":
        "Nobody can sign in.",
        "Correct issuer or authority: what is there is no OpenID provider with the code flow and signed ID tokens.";
    SECRET_EXPIRED = Error "provider-secret-expired":
        "Nobody can sign in, and sessions are no longer renewed.",
        "Make a new client secret in the app registration (Certificates & secrets) and configure its Value.";
    CREDENTIAL_REFUSED = Error "provider-credential-refused":
        "Nobody can sign in, and sessions are no longer renewed.",
        "Configure the secret's Value, not its Secret ID; or register the certificate or federated credential that is configured.";
    CLIENT_UNKNOWN = Error "provider-client-unknown":
        "Nobody can sign in.",
        "Correct client id and tenant id: the app registration's Application (client) ID and Directory (tenant) ID.";
    CREDENTIAL_UNCLEAR = Hint "provider-credential-unclear":
        "Whether the provider accepts the credential shows with the first sign-in.",
        "Sign in once.";
    CERTIFICATE_EXPIRED = Error "provider-certificate-expired":
        "The provider refuses Gatepost: nobody can sign in.",
        "Make a new certificate, register it beside the old one, and configure it with its key.";
    CERTIFICATE_EXPIRES = Warning "provider-certificate-expires":
        "From that day on nobody can sign in.",
        "Make a new certificate, register it beside the old one, and configure it with its key.";
    NO_RENEWAL = Warning "provider-no-renewal":
        "Sessions cannot be refreshed in the background: people are sent through the provider at each refresh interval.",
        "Let the client have refresh tokens: docs/providers.md says where; Entra gives them for offline_access alone.";
    REQUEST_REFUSED = Error "provider-request-refused":
        "Nobody can sign in.",
        "Correct what the provider dislikes: scopes that this client may not ask for (..__SCOPES), or an unregistered redirect URI.";
    ANYBODY = Warning "provider-anybody":
        "Whoever has an account there signs in, and passes every router without a requirement.",
        "Set ..__ALLOWED_DOMAINS, or put ?group=... on every router.";
    UNLISTED_TENANT = Hint "provider-tenant-unlisted":
        "People of this tenant sign in only if its tokens say that it owns their domain (xms_edov), which some tenants never do.",
        "List its domains as TENANT-ID/DOMAIN in ..__ALLOWED_DOMAINS, or add the optional claim xms_edov and sign in once.";
    SLOW = Warning "provider-slow":
        "A sign-in waits as long, and 5 s are the limit.",
        "Look at DNS and the way to the provider.";
}

const SLOW_SECONDS: u64 = 2;
const EXPIRES_SOON_DAYS: i64 = 30;
const DAY: i64 = 86_400;

pub(super) async fn look(config: &Arc<Config>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for own in &config.providers {
        certificate(own, &mut findings);
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
    UNUSABLE.at(place, told(error))
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
            None => documents(&error).at(place, told(&error)),
        });
        return findings;
    }
    if asked.elapsed().as_secs() >= SLOW_SECONDS {
        let found = format!("Discovery document and keys took {} s.", asked.elapsed().as_secs());
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
    // A credential that is refused has been told, and each try counts as a failed one there.
    if is_accepted && let Ok(renewability) = provider.try_renewal().await {
        findings.push(renewal(own, &renewability));
    }
    findings
}

/// The request that sign-ins begin with. What a provider answers with a page of its own says nothing.
async fn authorization(provider: &Provider, redirect_uri: &Url) -> Option<Finding> {
    match provider.try_authorization(redirect_uri).await.ok()? {
        AuthorizationTrial::Refused(refusal) => {
            let place = setting(provider.id(), "SCOPES");
            Some(REQUEST_REFUSED.at(place, format!("To the request of a sign-in: {}", said(&refusal))))
        }
        AuthorizationTrial::Accepted | AuthorizationTrial::Unclear => None,
    }
}

fn renewal(own: &ProviderConfig, renewability: &Renewability) -> Finding {
    let place = setting(&own.id, "SCOPES");
    let shows = "Whether a sign-in brings a refresh token shows with the first one: if none comes, the log says \"sign-ins \
        bring no refresh token\", and gatepost_sign_ins_without_refresh_token_total counts them.";
    match renewability {
        Renewability::Asked => Finding::fine("provider", place, "A refresh token is asked for."),
        Renewability::NotAsked => NO_RENEWAL.at(place, "offline_access is not asked for."),
        Renewability::Refused(refusal) => {
            NO_RENEWAL.at(place, format!("To a refresh token that nobody issued: {}", said(refusal)))
        }
        Renewability::Unclear { lists_scope: false } => Finding::fine("provider", place, shows),
        Renewability::Unclear { lists_scope: true } => {
            let found = format!("{shows} Then ask for offline_access too, which this provider lists.");
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
        Ok(Trial::Refused(refusal)) => refused(&refusal).at(place, said(&refusal)),
        Ok(Trial::Unclear(refusal)) => CREDENTIAL_UNCLEAR.at(place, said(&refusal)),
        Err(error @ OidcError::Credential(_)) => UNUSABLE.at(place, told(&error)),
        Err(error) => match tls::explain(&error) {
            Some(fault) => TLS.of_tls(place, fault),
            None => UNREACHABLE.at(place, format!("The token endpoint: {}.", Chain(&error))),
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

/// Codes alone: the provider's text may repeat what was sent.
fn said(refusal: &ProviderRefusal) -> String {
    let code = refusal.code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
    format!("The provider answered {}{code}.", refusal.error)
}

fn policy(own: &ProviderConfig, findings: &mut Vec<Finding>) {
    if matches!(own.kind, ProviderKind::Google) && own.allowed_domains.is_none() {
        let place = setting(&own.id, "ALLOWED_DOMAINS");
        findings
            .push(ANYBODY.at(place, "Every account of Gmail and of an organisation at Google may sign in."));
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

fn certificate(own: &ProviderConfig, findings: &mut Vec<Finding>) {
    let ClientCredential::Certificate(pem) = &own.credential else { return };
    // What is no certificate is told when the provider is set up.
    let Ok(der) = CertificateDer::from_pem_slice(pem.current().expose_secret().as_bytes()) else { return };
    let Ok((_, certificate)) = parse_x509_certificate(&der) else { return };
    let validity = certificate.validity();
    let (from, until) = (validity.not_before.timestamp(), validity.not_after.timestamp());
    let now = Timestamp::now().unix();
    let place = setting(&own.id, "CLIENT_CERTIFICATE");
    let days = (until - now) / DAY;
    if until <= now || from > now {
        findings.push(CERTIFICATE_EXPIRED.at(place, "The certificate is not valid today."));
    } else if days < EXPIRES_SOON_DAYS {
        findings.push(CERTIFICATE_EXPIRES.at(place, format!("The certificate ends in {days} days.")));
    } else {
        findings.push(Finding::fine("provider", place, format!("The certificate is good for {days} days.")));
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
    fn a_tenant_without_a_domain_of_its_own_is_told() {
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
