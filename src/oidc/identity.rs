//! From a verified ID token to what the provider asserts about the person: address, name, groups.
//!
//! What the token lacks is read from userinfo, what does not fit into it from Graph. A call that fails never turns into
//! "no groups"; it may leave the address unknown, and then says so.

use super::claims::Claims;
use super::error::OidcError;
use super::graph;
use super::groups::{self, ClaimedGroups};
use super::id_token::IdToken;
use super::metadata::Metadata;
use super::provider::Provider;
use super::userinfo;
use crate::config::{EmailVerified, EntraTenant, GroupsSource, ProviderKind};
use crate::domain::email::EmailAddress;
use crate::domain::identity::{AssertedGroup, AssertedGroups, AssertedIdentity, GroupKind, SubjectKey};
use crate::telemetry::Chain;
use secrecy::SecretString;

const NAME_LIMIT: usize = 256;

const NAMES: &str = "the groups claim holds names, which whoever owns a group chooses: set it to Group ID in the registration \
    (Token configuration), or GROUP_NAMES to trust if only administrators name groups";

/// What a provider asserts, and what could not be asked.
#[derive(Debug)]
pub(super) struct Identified {
    pub identity: AssertedIdentity,
    /// Why the address is not known, where it would have been in userinfo.
    pub address_error: Option<OidcError>,
}

/// What a document says about the person's address.
#[derive(Debug, PartialEq, Eq)]
enum Address {
    Asserted(EmailAddress),
    /// Nothing that could be judged: another document may.
    Absent,
    /// One that does not count: malformed, not verified, of a domain that is not this provider's.
    Refused,
}

impl Provider {
    /// Gathers the identity behind an ID token.
    ///
    /// # Errors
    /// [`OidcError::Token`] if userinfo is about somebody else; a failed call is no error.
    pub(super) async fn identify(
        &self,
        token: &IdToken,
        access_token: Option<&SecretString>,
        metadata: &Metadata,
    ) -> Result<Identified, OidcError> {
        let claims = &token.claims;
        let mut address = self.address(claims, claims);
        let mut userinfo = None;
        let mut userinfo_error = None;
        let is_asked = address == Address::Absent || self.reads_groups_from_userinfo(claims);
        if let (true, Some(endpoint), Some(access_token)) =
            (is_asked, &metadata.userinfo_endpoint, access_token)
        {
            let sub = claims.find_text("sub").unwrap_or_default();
            match userinfo::read(&self.transport, endpoint, access_token, sub).await {
                Ok(read) => userinfo = Some(read),
                Err(error @ OidcError::Token(_)) => return Err(error),
                Err(error) => userinfo_error = Some(error),
            }
        }
        if let (Address::Absent, Some(userinfo)) = (&address, &userinfo) {
            address = self.address(userinfo, claims);
        }
        let name = name(claims).or_else(|| userinfo.as_ref().and_then(name));
        let groups = match self.config.kind {
            ProviderKind::Entra { .. } => self.groups_of_entra(claims, access_token, metadata).await,
            _ => self.groups_of_claims(claims, userinfo.as_ref(), userinfo_error.is_some()),
        };
        let (email, address_error) = match address {
            Address::Asserted(email) => (Some(email), None),
            Address::Absent => (None, userinfo_error),
            Address::Refused => (None, None),
        };
        let provider = self.id().clone();
        let identity = AssertedIdentity { provider, subject: token.subject.clone(), email, name, groups };
        Ok(Identified { identity, address_error })
    }

    /// What a renewal without an ID token says (OpenID Connect Core section 12.2): userinfo about the same `sub`.
    ///
    /// What userinfo leaves out is not known: unlike a sign-in, nothing here says that a person has no groups. Entra's
    /// userinfo knows another `sub` than the `oid` that a person is, and its roles stand in ID tokens alone.
    ///
    /// # Errors
    /// [`OidcError::Token`] if userinfo is about somebody else; a failed call is no error.
    pub(super) async fn identify_by_userinfo(
        &self,
        subject: &SubjectKey,
        access_token: Option<&SecretString>,
        metadata: &Metadata,
    ) -> Result<AssertedIdentity, OidcError> {
        let is_entra = matches!(self.config.kind, ProviderKind::Entra { .. });
        let endpoint = metadata.userinfo_endpoint.as_ref().filter(|_| !is_entra);
        let userinfo = match (endpoint, access_token) {
            (Some(endpoint), Some(token)) => {
                match userinfo::read(&self.transport, endpoint, token, &subject.subject).await {
                    Ok(read) => Some(read),
                    Err(error @ OidcError::Token(_)) => return Err(error),
                    Err(error) => {
                        tracing::warn!(provider = %self.id(), error = %Chain(&error), "userinfo could not be read");
                        None
                    }
                }
            }
            _ => None,
        };
        let groups = match userinfo.as_ref().map(|userinfo| self.claimed_groups(userinfo)) {
            _ if self.config.groups == GroupsSource::Off => AssertedGroups::NotRead,
            Some(ClaimedGroups::Listed(list)) => known(list),
            _ => self.unknown("a renewal brought no ID token, and userinfo names no groups"),
        };
        let email = match userinfo.as_ref().map(|userinfo| self.address(userinfo, userinfo)) {
            Some(Address::Asserted(email)) => Some(email),
            _ => None,
        };
        let name = userinfo.as_ref().and_then(name);
        Ok(AssertedIdentity { provider: self.id().clone(), subject: subject.clone(), email, name, groups })
    }

    /// The address in `source` (ID token or userinfo), if this provider may assert it (DESIGN.md section 7).
    fn address(&self, source: &Claims, id_token: &Claims) -> Address {
        let email = source.find_text("email");
        let text = match &self.config.kind {
            ProviderKind::Entra { tenant: EntraTenant::Pinned(_), .. } => {
                email.or_else(|| source.find_text("preferred_username"))
            }
            ProviderKind::Entra { tenant: EntraTenant::Several { .. }, .. } => {
                // Anybody can write any address into a directory of their own: one of several tenants is believed about
                // configured domains, or where Entra says that the tenant owns the domain, and then only in its token.
                let is_owned = id_token.is_true("xms_edov") && id_token.find_text("email") == email;
                if email.is_some() && self.config.allowed_domains.is_none() && !is_owned {
                    return Address::Refused;
                }
                email
            }
            ProviderKind::Google | ProviderKind::Oidc { .. } => {
                let is_assumed = self.config.email_verified == EmailVerified::Assumed;
                match source.get("email_verified") {
                    _ if is_assumed || source.is_true("email_verified") => email,
                    Some(_) => return Address::Refused,
                    None => None,
                }
            }
        };
        let Some(text) = text else { return Address::Absent };
        let address = text.parse().ok().filter(|address| self.all.may_assert(&self.config, address));
        address.map_or(Address::Refused, Address::Asserted)
    }

    /// Many providers keep groups out of ID tokens.
    fn reads_groups_from_userinfo(&self, claims: &Claims) -> bool {
        matches!(self.config.kind, ProviderKind::Oidc { .. })
            && self.config.groups == GroupsSource::Claim
            && self.claimed_groups(claims) == ClaimedGroups::Absent
    }

    fn claimed_groups(&self, claims: &Claims) -> ClaimedGroups {
        groups::at_path(claims, &self.config.groups_claim, GroupKind::Group)
    }

    fn groups_of_claims(
        &self,
        claims: &Claims,
        userinfo: Option<&Claims>,
        has_failed: bool,
    ) -> AssertedGroups {
        if self.config.groups == GroupsSource::Off {
            return AssertedGroups::NotRead;
        }
        let claimed = match self.claimed_groups(claims) {
            ClaimedGroups::Absent => {
                userinfo.map_or(ClaimedGroups::Absent, |userinfo| self.claimed_groups(userinfo))
            }
            claimed => claimed,
        };
        match claimed {
            ClaimedGroups::Listed(list) => known(list),
            ClaimedGroups::Absent if !has_failed => known(Vec::new()),
            _ => self.unknown("the groups claim is malformed, or userinfo could not be read"),
        }
    }

    async fn groups_of_entra(
        &self,
        claims: &Claims,
        access_token: Option<&SecretString>,
        metadata: &Metadata,
    ) -> AssertedGroups {
        let claimed = match self.config.groups {
            GroupsSource::Off => return AssertedGroups::NotRead,
            GroupsSource::Graph => ClaimedGroups::Elsewhere,
            GroupsSource::Claim => {
                groups::of_entra(claims, &self.config.groups_claim, self.config.group_names)
            }
        };
        let Some(roles) = groups::roles_of_entra(claims) else {
            return self.unknown("roles or wids are malformed");
        };
        let mut list = match claimed {
            ClaimedGroups::Listed(list) => list,
            ClaimedGroups::Absent => Vec::new(),
            ClaimedGroups::Malformed => return self.unknown("the groups claim is malformed"),
            ClaimedGroups::Names => return self.unknown(NAMES),
            ClaimedGroups::Elsewhere => {
                let (Some(graph), Some(access_token)) = (&metadata.graph, access_token) else {
                    return self.unknown("Graph cannot be asked: no msgraph_host, or no access token");
                };
                match graph::list(&self.transport, graph, access_token).await {
                    Ok(list) => list,
                    Err(error) => {
                        tracing::warn!(provider = %self.id(), error = %Chain(&error), "Graph did not say which groups a person is in");
                        return AssertedGroups::Unknown;
                    }
                }
            }
        };
        list.extend(roles);
        known(list)
    }

    fn unknown(&self, why: &'static str) -> AssertedGroups {
        tracing::warn!(provider = %self.id(), why, "the provider did not say which groups a person is in");
        AssertedGroups::Unknown
    }
}

fn known(mut list: Vec<AssertedGroup>) -> AssertedGroups {
    // Of two entries the one with a name comes first, and stays.
    let order = |group: &AssertedGroup| (group.kind, group.external_id.clone(), group.display_name.is_none());
    list.sort_by_cached_key(order);
    list.dedup_by(|a, b| a.kind == b.kind && a.external_id == b.external_id);
    AssertedGroups::Known(list)
}

fn name(claims: &Claims) -> Option<String> {
    let name: String =
        claims.find_text("name")?.chars().filter(|c| !c.is_control()).take(NAME_LIMIT).collect();
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{object, provider};
    use super::*;
    use crate::config::ProviderConfig;
    use serde_json::{Value, json};
    use url::Url;

    fn entra(tenant: EntraTenant) -> ProviderKind {
        ProviderKind::Entra { authority: Url::parse("https://login.example").expect("an address"), tenant }
    }

    fn several() -> ProviderKind {
        let allowed = vec!["11111111-1111-4111-8111-111111111111".into()];
        entra(EntraTenant::Several { segment: "organizations".into(), allowed })
    }

    fn address(
        kind: ProviderKind,
        change: impl FnOnce(&mut ProviderConfig),
        claims: &Value,
    ) -> Option<String> {
        let claims = Claims::new(object(claims));
        match provider(kind, change).address(&claims, &claims) {
            Address::Asserted(email) => Some(email.to_string()),
            Address::Absent | Address::Refused => None,
        }
    }

    #[test]
    fn a_pinned_tenant_vouches_for_its_people() {
        let pinned = || entra(EntraTenant::Pinned("11111111-1111-4111-8111-111111111111".into()));
        let of = |claims| address(pinned(), |_| {}, &claims);
        assert_eq!(
            of(json!({"email": "A@x.example", "preferred_username": "b@x.example"})),
            Some("a@x.example".into())
        );
        assert_eq!(of(json!({"preferred_username": "b@x.example"})), Some("b@x.example".into()));
        assert_eq!(of(json!({"email": "a@x.example@y.example", "preferred_username": "b@x.example"})), None);
        assert_eq!(of(json!({"preferred_username": "+49 30 123456"})), None);
        assert_eq!(of(json!({})), None);
    }

    #[test]
    fn one_of_several_tenants_asserts_only_what_is_its_own() {
        let claims = json!({"email": "a@x.example", "preferred_username": "b@x.example"});
        assert_eq!(address(several(), |_| {}, &claims), None, "nOAuth: anybody may write an address");
        let domains = |config: &mut ProviderConfig| config.allowed_domains = Some(vec!["x.example".into()]);
        assert_eq!(address(several(), domains, &claims), Some("a@x.example".into()));
        assert_eq!(address(several(), domains, &json!({"email": "a@y.example", "xms_edov": true})), None);
        for owned in [json!(true), json!("true"), json!(1), json!("1")] {
            let claims = json!({"email": "a@x.example", "xms_edov": owned});
            assert_eq!(address(several(), |_| {}, &claims), Some("a@x.example".into()), "{owned}");
        }
        assert_eq!(address(several(), |_| {}, &json!({"email": "a@x.example", "xms_edov": false})), None);
        assert_eq!(
            address(several(), |_| {}, &json!({"preferred_username": "b@x.example", "xms_edov": true})),
            None
        );
    }

    #[test]
    fn elsewhere_an_address_is_verified_or_the_operator_vouches() {
        let of = |claims| address(ProviderKind::Google, |_| {}, &claims);
        for verified in [json!(true), json!("true")] {
            assert_eq!(
                of(json!({"email": "a@x.example", "email_verified": verified})),
                Some("a@x.example".into())
            );
        }
        for verified in [json!(false), json!("false"), Value::Null, json!({})] {
            assert_eq!(of(json!({"email": "a@x.example", "email_verified": verified})), None, "{verified}");
        }
        let assumed = |config: &mut ProviderConfig| config.email_verified = EmailVerified::Assumed;
        let claims = json!({"email": "a@x.example"});
        assert_eq!(address(ProviderKind::Google, assumed, &claims), Some("a@x.example".into()));
    }

    #[test]
    fn a_group_listed_twice_is_one() {
        let group = |id: &str, name: Option<&str>| AssertedGroup {
            kind: GroupKind::Group,
            external_id: id.to_owned(),
            display_name: name.map(str::to_owned),
        };
        let role = AssertedGroup { kind: GroupKind::Role, ..group("a", None) };
        let AssertedGroups::Known(list) = known(vec![role.clone(), group("a", None), group("a", Some("A"))])
        else {
            panic!("not known");
        };
        assert_eq!(list, [group("a", Some("A")), role]);
    }
}
