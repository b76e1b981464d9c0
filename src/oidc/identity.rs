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
use crate::domain::identity::{AssertedGroup, AssertedGroups, AssertedIdentity, GroupKind};
use secrecy::SecretString;

const NAME_LIMIT: usize = 256;

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
            GroupsSource::Claim => groups::of_entra(claims, &self.config.groups_claim),
        };
        let Some(roles) = groups::roles_of_entra(claims) else {
            return self.unknown("roles or wids are malformed");
        };
        let mut list = match claimed {
            ClaimedGroups::Listed(list) => list,
            ClaimedGroups::Absent => Vec::new(),
            ClaimedGroups::Malformed => return self.unknown("the groups claim is malformed"),
            ClaimedGroups::Elsewhere => {
                let (Some(graph), Some(access_token)) = (&metadata.graph, access_token) else {
                    return self.unknown("Graph cannot be asked: no msgraph_host, or no access token");
                };
                match graph::list(&self.transport, graph, access_token).await {
                    Ok(list) => list,
                    Err(error) => {
                        tracing::warn!(provider = %self.id(), error = &error as &dyn std::error::Error, "Graph did not say which groups a person is in");
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
    list.sort_unstable();
    list.dedup_by(|a, b| a.kind == b.kind && a.external_id == b.external_id);
    AssertedGroups::Known(list)
}

fn name(claims: &Claims) -> Option<String> {
    let name: String =
        claims.find_text("name")?.chars().filter(|c| !c.is_control()).take(NAME_LIMIT).collect();
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}
