//! The issuer that the documents, tokens and keys of a provider must name.
//!
//! The documents of Entra's multi-tenant authorities have `{tenantid}` in the issuer, and their tokens the person's tenant.
//! The configuration lists the tenants that are accepted.

use super::claims::{Claims, required};
use super::metadata_error::MetadataError;
use super::token_error::{TokenError, short};
use gatepost_config::{EntraTenant, ProviderKind};
use gatepost_core::identity::{SubjectKey, is_guid};
use openidconnect::IssuerUrl;
use url::Url;

pub(super) const GOOGLE: &str = "https://accounts.google.com";
const TENANT_PLACEHOLDER: &str = "{tenantid}";

/// The issuers that are accepted.
#[derive(Clone, Debug)]
pub(super) enum IssuerRule {
    /// Exactly this one (OpenID Connect Discovery section 4.3).
    Exactly(IssuerUrl),
    /// `<authority>/<tid>/v2.0` for each accepted tenant.
    Entra {
        authority: Url,
        /// The accepted tenants.
        tenant: EntraTenant,
    },
}

/// The issuer at which a client of a tool server gets tokens (RFC 9728 `authorization_servers`).
pub fn authorization_server(kind: &ProviderKind) -> String {
    match kind {
        ProviderKind::Google => GOOGLE.to_owned(),
        ProviderKind::Oidc { issuer } => issuer.clone(),
        ProviderKind::Entra { authority, tenant: EntraTenant::Pinned(tid) } => entra_issuer(authority, tid),
        ProviderKind::Entra { authority, tenant: EntraTenant::Several { segment, .. } } => {
            entra_issuer(authority, segment)
        }
    }
}

impl IssuerRule {
    pub fn new(kind: &ProviderKind) -> Result<Self, url::ParseError> {
        Ok(match kind {
            ProviderKind::Google => Self::Exactly(IssuerUrl::new(GOOGLE.to_owned())?),
            ProviderKind::Oidc { issuer } => Self::Exactly(IssuerUrl::new(issuer.clone())?),
            ProviderKind::Entra { authority, tenant } => {
                Self::Entra { authority: authority.clone(), tenant: tenant.clone() }
            }
        })
    }

    /// The URL of the discovery document (OpenID Connect Discovery section 4.1).
    pub fn discovery_url(&self) -> Result<Url, url::ParseError> {
        let base = match self {
            Self::Exactly(issuer) => issuer.trim_end_matches('/').to_owned(),
            Self::Entra { authority, tenant: EntraTenant::Pinned(tid) } => entra_issuer(authority, tid),
            Self::Entra { authority, tenant: EntraTenant::Several { segment, .. } } => {
                entra_issuer(authority, segment)
            }
        };
        Url::parse(&format!("{base}/.well-known/openid-configuration"))
    }

    /// Checks the issuer in the discovery document.
    pub fn check_metadata(&self, issuer: &str) -> Result<(), MetadataError> {
        let expected = match self {
            Self::Exactly(expected) => expected.to_string(),
            Self::Entra { authority, tenant: EntraTenant::Pinned(tid) } => entra_issuer(authority, tid),
            Self::Entra { authority, .. } => entra_issuer(authority, TENANT_PLACEHOLDER),
        };
        let template = match self {
            Self::Exactly(_) => None,
            Self::Entra { authority, .. } => Some(entra_issuer(authority, TENANT_PLACEHOLDER)),
        };
        if issuer == expected || template.as_deref() == Some(issuer) || self.accepts(issuer) {
            Ok(())
        } else {
            Err(MetadataError::WrongIssuer { expected, found: short(issuer) })
        }
    }

    /// Whether `issuer`, the `iss` of an authorization response (RFC 9207), is an accepted one.
    pub fn accepts(&self, issuer: &str) -> bool {
        match self {
            Self::Exactly(expected) => issuer == expected.as_str(),
            Self::Entra { authority, tenant } => {
                allowed_tenants(tenant).iter().any(|tid| issuer == entra_issuer(authority, tid))
            }
        }
    }

    /// Checks `iss` (and Entra's `tid`) of a token, and that its key belongs to this issuer. Gives `iss`.
    pub fn check_token<'a>(
        &self,
        claims: &'a Claims,
        key_issuer: Option<&str>,
    ) -> Result<&'a str, TokenError> {
        let issuer = required(claims.text("iss")?, "iss")?;
        match self {
            Self::Exactly(expected) if issuer == expected.as_str() => Ok(issuer),
            Self::Exactly(_) => Err(TokenError::WrongIssuer(short(issuer))),
            Self::Entra { authority, tenant } => {
                let tid = required(claims.text("tid")?, "tid")?;
                if !is_guid(tid) {
                    return Err(TokenError::MalformedClaim("tid"));
                }
                if !allowed_tenants(tenant).iter().any(|allowed| allowed == tid) {
                    return Err(TokenError::WrongTenant(short(tid)));
                }
                if issuer != entra_issuer(authority, tid) {
                    return Err(TokenError::WrongIssuer(short(issuer)));
                }
                // A key of Entra's consumer accounts must not sign for a work tenant.
                if key_issuer.is_some_and(|own| own.replace(TENANT_PLACEHOLDER, tid) != issuer) {
                    return Err(TokenError::KeyOfAnotherIssuer);
                }
                Ok(issuer)
            }
        }
    }

    /// The key of the person: `iss` and `sub`, for Entra `iss` and `oid`. `sub` must be valid in any case.
    pub fn subject(&self, claims: &Claims, issuer: &str) -> Result<SubjectKey, TokenError> {
        let sub = required(claims.identifier("sub")?, "sub")?;
        let subject = match self {
            Self::Exactly(_) => sub,
            Self::Entra { .. } => {
                let oid = required(claims.text("oid")?, "oid")?;
                if is_guid(oid) { oid } else { return Err(TokenError::MalformedClaim("oid")) }
            }
        };
        Ok(SubjectKey { issuer: issuer.to_owned(), subject: subject.to_owned() })
    }
}

fn entra_issuer(authority: &Url, tid: &str) -> String {
    format!("{}/{tid}/v2.0", authority.as_str().trim_end_matches('/'))
}

fn allowed_tenants(tenant: &EntraTenant) -> &[String] {
    match tenant {
        EntraTenant::Pinned(tid) => std::slice::from_ref(tid),
        EntraTenant::Several { allowed, .. } => allowed,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{exactly, object};
    use super::*;
    use serde_json::json;

    const HOME: &str = "11111111-1111-4111-8111-111111111111";
    const PARTNER: &str = "22222222-2222-4222-8222-222222222222";
    const OTHER: &str = "33333333-3333-4333-8333-333333333333";

    fn entra(tenant: EntraTenant) -> IssuerRule {
        let authority = Url::parse("https://login.microsoftonline.us").expect("an address");
        IssuerRule::new(&ProviderKind::Entra { authority, tenant }).expect("a rule")
    }

    fn several() -> IssuerRule {
        entra(EntraTenant::Several {
            segment: "organizations".into(),
            allowed: vec![HOME.into(), PARTNER.into()],
        })
    }

    fn issuer(tid: &str) -> String {
        format!("https://login.microsoftonline.us/{tid}/v2.0")
    }

    fn check(rule: &IssuerRule, iss: &str, tid: &str, key: Option<&str>) -> Result<(), TokenError> {
        rule.check_token(&Claims::new(object(&json!({"iss": iss, "tid": tid}))), key).map(|_| ())
    }

    #[test]
    fn the_discovery_document_lies_below_the_issuer() {
        let url = |rule: &IssuerRule| rule.discovery_url().map(String::from);
        let trailing = exactly("https://op.example/test/a/x/");
        assert_eq!(url(&trailing), Ok("https://op.example/test/a/x/.well-known/openid-configuration".into()));
        assert_eq!(
            url(&several()),
            Ok(format!("{}/.well-known/openid-configuration", issuer("organizations")))
        );
        let pinned = entra(EntraTenant::Pinned(HOME.into()));
        assert_eq!(url(&pinned), Ok(format!("{}/.well-known/openid-configuration", issuer(HOME))));
    }

    #[test]
    fn metadata_names_the_issuer_exactly_or_by_entras_template() {
        let exact = exactly("https://op.example/");
        assert!(exact.check_metadata("https://op.example/").is_ok());
        for bad in ["https://op.example", "https://op.example/INVALID", "https://OP.example/"] {
            assert!(exact.check_metadata(bad).is_err(), "{bad}");
        }
        assert!(several().check_metadata(&issuer("{tenantid}")).is_ok());
        assert!(several().check_metadata(&issuer(OTHER)).is_err());
        assert!(several().check_metadata("https://login.microsoftonline.com/{tenantid}/v2.0").is_err());
        assert!(entra(EntraTenant::Pinned(HOME.into())).check_metadata(&issuer(HOME)).is_ok());
        assert!(entra(EntraTenant::Pinned(HOME.into())).check_metadata(&issuer(PARTNER)).is_err());
    }

    #[test]
    fn an_entra_token_names_an_allowed_tenant_twice_alike() {
        let rule = several();
        assert_eq!(check(&rule, &issuer(PARTNER), PARTNER, None), Ok(()));
        assert_eq!(check(&rule, &issuer(OTHER), OTHER, None), Err(TokenError::WrongTenant(OTHER.into())));
        assert_eq!(check(&rule, &issuer(OTHER), HOME, None), Err(TokenError::WrongIssuer(issuer(OTHER))));
        assert_eq!(
            check(&rule, &issuer("{tenantid}"), "{tenantid}", None),
            Err(TokenError::MalformedClaim("tid"))
        );
        let pinned = entra(EntraTenant::Pinned(HOME.into()));
        assert_eq!(
            check(&pinned, &issuer(PARTNER), PARTNER, None),
            Err(TokenError::WrongTenant(PARTNER.into()))
        );
    }

    #[test]
    fn a_key_signs_only_for_its_own_issuer() {
        let rule = several();
        assert_eq!(check(&rule, &issuer(HOME), HOME, Some(&issuer("{tenantid}"))), Ok(()));
        assert_eq!(check(&rule, &issuer(HOME), HOME, Some(&issuer(HOME))), Ok(()));
        assert_eq!(
            check(&rule, &issuer(HOME), HOME, Some(&issuer(PARTNER))),
            Err(TokenError::KeyOfAnotherIssuer)
        );
    }

    #[test]
    fn entra_people_are_known_by_oid() {
        let subject = |claims| several().subject(&Claims::new(object(&claims)), "i").map(|key| key.subject);
        assert_eq!(subject(json!({"sub": "pairwise", "oid": OTHER})), Ok(OTHER.into()));
        assert_eq!(subject(json!({"sub": "pairwise"})), Err(TokenError::MissingClaim("oid")));
        assert_eq!(subject(json!({"sub": "pairwise", "oid": "x"})), Err(TokenError::MalformedClaim("oid")));
        assert_eq!(subject(json!({"oid": OTHER})), Err(TokenError::MissingClaim("sub")));
    }
}
