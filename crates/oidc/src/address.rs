//! Decides which e-mail address of a person counts. An address identifies one person, so it counts only from a provider that
//! may assert its domain.
//!
//! If a claim has a text that is not an address, the next claim of the same document is read. If a claim has an address that
//! this provider may not assert, the address is refused and no other claim is read.

use super::claims::Claims;
use super::issuer::GOOGLE;
use super::provider::Provider;
use gatepost_config::{EmailVerified, EntraTenant, ProviderKind};
use gatepost_core::email::EmailAddress;
use gatepost_core::identity::{AddressRule, RefusedAddress};

/// The domains of Google's consumer accounts, which belong to no organisation.
const CONSUMERS: [&str; 2] = ["gmail.com", "googlemail.com"];

/// The person's address in one document (ID token or userinfo).
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Address {
    Asserted(EmailAddress),
    /// The document has no address. Another document may have one.
    Unknown(AddressRule),
    /// The document has an address that does not count.
    Refused(RefusedAddress),
}

impl Address {
    /// Reads the next document if this one has no address.
    pub fn or_else(self, next: impl FnOnce() -> Self) -> Self {
        match self {
            Self::Unknown(rule) => match next() {
                Self::Unknown(AddressRule::Present) => Self::Unknown(rule),
                next => next,
            },
            known => known,
        }
    }

    /// An address that this provider may not assert.
    const fn foreign(address: EmailAddress, rule: AddressRule) -> Self {
        Self::Refused(RefusedAddress { address: Some(address), rule })
    }
}

impl Provider {
    /// Reads the address in `source` (ID token or userinfo) and decides whether this provider may assert it.
    pub(super) fn address(&self, source: &Claims, id_token: &Claims) -> Address {
        let claims: &[&str] = match self.config.kind {
            ProviderKind::Entra { .. } => &["email", "preferred_username"],
            ProviderKind::Google | ProviderKind::Oidc { .. } => &["email"],
        };
        let mut found = Address::Unknown(AddressRule::Present);
        for claim in claims {
            let Some(text) = source.find_text(claim).filter(|text| !text.is_empty()) else { continue };
            found = found.or_else(|| match text.parse() {
                Ok(email) => self.judge(email, claim, source, id_token),
                Err(_) => Address::Unknown(AddressRule::WellFormed),
            });
        }
        match found {
            // The document has a text for the address, so no other document is read.
            Address::Unknown(rule @ AddressRule::WellFormed) => {
                Address::Refused(RefusedAddress { address: None, rule })
            }
            found => found,
        }
    }

    fn judge(&self, email: EmailAddress, claim: &str, source: &Claims, id_token: &Claims) -> Address {
        let tid = id_token.find_text("tid");
        if email.is_machine_address(&self.public_host) {
            return Address::foreign(email, AddressRule::NotMachine);
        }
        let judged = match &self.config.kind {
            ProviderKind::Entra { tenant: EntraTenant::Pinned(_), .. } => Ok(()),
            ProviderKind::Entra { tenant: EntraTenant::Several { .. }, .. } => {
                let is_listed = tid.is_some_and(|tid| self.config.lists_domain_for_tenant(tid, &email));
                match claim {
                    // The name that people sign in with counts only if the operator listed its domain for this tenant.
                    "preferred_username" if !is_listed => return Address::Unknown(AddressRule::Present),
                    // Anybody can write any address into a directory of their own. So one of several tenants may assert an
                    // address only if Entra states in the ID token that the tenant owns the domain.
                    _ if !is_listed && !is_owned(source, id_token) => Err(AddressRule::OwnedByTenant),
                    _ => Ok(()),
                }
            }
            ProviderKind::Google | ProviderKind::Oidc { .. } => {
                if let Some(unverified) = self.unverified(source) {
                    return unverified;
                }
                if self.is_google() && !is_hosted(&email, source, id_token) {
                    Err(AddressRule::HostedDomain)
                } else {
                    Ok(())
                }
            }
        };
        // The list is checked first: an operator who corrected the other fault would meet this one next.
        if !self.config.assertable_domains(self.is_sole, tid).contains(&email) {
            return Address::foreign(email, AddressRule::AllowedDomain);
        }
        match judged {
            Ok(()) => Address::Asserted(email),
            Err(rule) => Address::foreign(email, rule),
        }
    }

    fn unverified(&self, source: &Claims) -> Option<Address> {
        let rule = AddressRule::Verified;
        if self.config.email_verified == EmailVerified::Assumed || source.is_true("email_verified") {
            None
        } else if source.get("email_verified").is_some() {
            Some(Address::Refused(RefusedAddress { address: None, rule }))
        } else {
            Some(Address::Unknown(rule))
        }
    }

    /// Whether this is Google, also if it is configured as a plain provider with Google's issuer.
    fn is_google(&self) -> bool {
        match &self.config.kind {
            ProviderKind::Google => true,
            ProviderKind::Oidc { issuer } => issuer.trim_end_matches('/') == GOOGLE,
            ProviderKind::Entra { .. } => false,
        }
    }
}

fn is_owned(source: &Claims, id_token: &Claims) -> bool {
    id_token.is_true("xms_edov") && id_token.find_text("email") == source.find_text("email")
}

/// Whether Google states that the account belongs to the organisation of the address (`hd`). A consumer account that was made
/// with a company address keeps it after its owner has left the company, but has no `hd`.
fn is_hosted(email: &EmailAddress, source: &Claims, id_token: &Claims) -> bool {
    let hosted = id_token.find_text("hd").or_else(|| source.find_text("hd"));
    CONSUMERS.contains(&email.domain()) || hosted.is_some_and(|hd| hd.eq_ignore_ascii_case(email.domain()))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{object, provider};
    use super::*;
    use gatepost_config::ProviderConfig;
    use serde_json::{Value, json};
    use url::Url;

    const A: &str = "11111111-1111-4111-8111-111111111111";
    const B: &str = "22222222-2222-4222-8222-222222222222";

    fn entra(tenant: EntraTenant) -> ProviderKind {
        ProviderKind::Entra { authority: Url::parse("https://login.example").expect("an address"), tenant }
    }

    fn pinned() -> ProviderKind {
        entra(EntraTenant::Pinned(A.into()))
    }

    fn several() -> ProviderKind {
        entra(EntraTenant::Several { segment: "organizations".into(), allowed: vec![A.into(), B.into()] })
    }

    fn domains(entries: &[&str]) -> impl FnOnce(&mut ProviderConfig) + use<> {
        let list = entries.iter().map(|entry| entry.parse().expect("a domain")).collect();
        move |config| config.allowed_domains = Some(list)
    }

    fn judged(
        kind: ProviderKind,
        change: impl FnOnce(&mut ProviderConfig),
        claims: &Value,
    ) -> Result<String, AddressRule> {
        let claims = Claims::new(object(claims));
        match provider(kind, change).address(&claims, &claims) {
            Address::Asserted(email) => Ok(email.to_string()),
            Address::Unknown(rule) | Address::Refused(RefusedAddress { rule, .. }) => Err(rule),
        }
    }

    macro_rules! asserted {
        ($text:expr) => {
            Ok($text.to_owned())
        };
    }

    #[test]
    fn addresses_of_a_pinned_tenant_are_accepted() {
        let of = |claims| judged(pinned(), |_| {}, &claims);
        assert_eq!(
            of(json!({"email": "A@x.example", "preferred_username": "b@x.example"})),
            asserted!("a@x.example")
        );
        assert_eq!(of(json!({"preferred_username": "b@x.example"})), asserted!("b@x.example"));
        assert_eq!(of(json!({"preferred_username": "+49 30 123456"})), Err(AddressRule::WellFormed));
        assert_eq!(of(json!({})), Err(AddressRule::Present));
    }

    #[test]
    fn a_claim_without_an_address_does_not_hide_the_next_verified_one() {
        for email in
            ["jörg@firma.example", "", " ", "a@x.example@y.example", "+49 30 123456", "a@x.example\r\nX: y"]
        {
            let claims = json!({"email": email, "preferred_username": "joerg@firma.example"});
            assert_eq!(judged(pinned(), |_| {}, &claims), asserted!("joerg@firma.example"), "{email:?}");
            let claims = json!({"email": email, "preferred_username": "joerg@firma.example", "tid": A});
            let listed = domains(&[&format!("{A}/firma.example")]);
            assert_eq!(judged(several(), listed, &claims), asserted!("joerg@firma.example"), "{email:?}");
        }
        let foreign = json!({"email": "guest@gmail.com", "preferred_username": "guest@x.example"});
        let refused = judged(pinned(), domains(&["x.example"]), &foreign);
        assert_eq!(refused, Err(AddressRule::AllowedDomain), "an address that is another's is no gap");
    }

    #[test]
    fn one_of_several_tenants_asserts_only_what_is_its_own() {
        let of = |tid: &str, change: &Value| {
            let mut claims = json!({"email": "a@x.example", "preferred_username": "b@x.example", "tid": tid});
            claims.as_object_mut().expect("an object").extend(object(change));
            claims
        };
        let plain = || domains(&["x.example"]);
        let by_tenant = || domains(&[&format!("{A}/x.example"), "y.example"]);
        let none = json!({});
        // nOAuth: anybody may write an address into a directory of their own; a plain list only narrows.
        assert_eq!(judged(several(), |_| {}, &of(B, &none)), Err(AddressRule::OwnedByTenant));
        assert_eq!(judged(several(), plain(), &of(B, &none)), Err(AddressRule::OwnedByTenant));
        assert_eq!(judged(several(), by_tenant(), &of(A, &none)), asserted!("a@x.example"));
        let edov = json!({"xms_edov": true});
        assert_eq!(judged(several(), by_tenant(), &of(B, &none)), Err(AddressRule::AllowedDomain));
        assert_eq!(judged(several(), by_tenant(), &of(B, &edov)), Err(AddressRule::AllowedDomain));
        let other = json!({"email": "a@y.example"});
        assert_eq!(judged(several(), by_tenant(), &of(B, &other)), Err(AddressRule::OwnedByTenant));
        let other = json!({"email": "a@y.example", "xms_edov": true});
        assert_eq!(judged(several(), by_tenant(), &of(B, &other)), asserted!("a@y.example"));
        assert_eq!(judged(several(), plain(), &of(B, &other)), Err(AddressRule::AllowedDomain));
        for owned in [json!(true), json!("true"), json!(1), json!("1")] {
            let claims = of(B, &json!({"xms_edov": owned}));
            assert_eq!(judged(several(), |_| {}, &claims), asserted!("a@x.example"), "{owned}");
            assert_eq!(judged(several(), plain(), &claims), asserted!("a@x.example"), "{owned}");
        }
        let denied = of(B, &json!({"xms_edov": false}));
        assert_eq!(judged(several(), plain(), &denied), Err(AddressRule::OwnedByTenant));
        let name_only = json!({"preferred_username": "b@x.example", "xms_edov": true, "tid": B});
        assert_eq!(judged(several(), |_| {}, &name_only), Err(AddressRule::Present));
    }

    #[test]
    fn elsewhere_an_address_is_verified_or_the_operator_assumes_it() {
        let kind = || ProviderKind::Oidc { issuer: "https://op.example".into() };
        let of = |claims| judged(kind(), |_| {}, &claims);
        for verified in [json!(true), json!("true")] {
            assert_eq!(
                of(json!({"email": "a@x.example", "email_verified": verified})),
                asserted!("a@x.example")
            );
        }
        for verified in [json!(false), json!("false"), Value::Null, json!({})] {
            let claims = json!({"email": "a@x.example", "email_verified": verified});
            assert_eq!(of(claims), Err(AddressRule::Verified), "{verified}");
        }
        let assumed = |config: &mut ProviderConfig| config.email_verified = EmailVerified::Assumed;
        assert_eq!(judged(kind(), assumed, &json!({"email": "a@x.example"})), asserted!("a@x.example"));
        assert_eq!(of(json!({"email": "ä@x.example", "email_verified": true})), Err(AddressRule::WellFormed));
    }

    #[test]
    fn a_google_account_has_an_organisations_address_only_if_it_is_of_that_organisation() {
        let issuer = || ProviderKind::Oidc { issuer: "https://accounts.google.com".into() };
        for kind in [|| ProviderKind::Google, issuer] {
            let of = |email: &str, hd: &Value| {
                judged(kind(), |_| {}, &json!({"email": email, "email_verified": true, "hd": hd}))
            };
            assert_eq!(of("a@firma.example", &json!("Firma.example")), asserted!("a@firma.example"));
            for hd in [Value::Null, json!("other.example"), json!(""), json!(true), json!(["firma.example"])]
            {
                assert_eq!(of("a@firma.example", &hd), Err(AddressRule::HostedDomain), "{hd}");
            }
            for own in ["a@gmail.com", "a@googlemail.com"] {
                assert_eq!(of(own, &Value::Null), asserted!(own));
            }
            assert_eq!(of("a@gmail.com.example", &Value::Null), Err(AddressRule::HostedDomain));
            let assumed = |config: &mut ProviderConfig| config.email_verified = EmailVerified::Assumed;
            let former = json!({"email": "a@firma.example"});
            assert_eq!(judged(kind(), assumed, &former), Err(AddressRule::HostedDomain));
        }
    }

    #[test]
    fn no_provider_can_assert_the_address_of_a_machine() {
        let public_host = provider(pinned(), |_| {}).public_host.clone();
        let machine = format!("bot@machine.{public_host}");
        assert_eq!(judged(pinned(), |_| {}, &json!({"email": machine})), Err(AddressRule::NotMachine));
        let listed = domains(&[&format!("machine.{public_host}")]);
        assert_eq!(judged(pinned(), listed, &json!({"email": machine})), Err(AddressRule::NotMachine));
        let below = format!("bot@a.machine.{public_host}");
        assert_eq!(judged(pinned(), |_| {}, &json!({"email": below})), Err(AddressRule::NotMachine));
        for domain in ["", "x.", "xmachine.", "machine.x."] {
            let person = format!("bot@{domain}{public_host}");
            assert_eq!(judged(pinned(), |_| {}, &json!({"email": person})), asserted!(&person));
        }
    }
}
