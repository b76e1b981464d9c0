//! Gathers what the provider states about a person: address, name and groups.
//!
//! What a verified ID token lacks is read from userinfo, and groups that do not fit into it from Graph. A failed call never
//! means "no groups". It may leave the address unknown, which the result says.

use super::address::Address;
use super::claims::Claims;
use super::error::OidcError;
use super::graph;
use super::groups::{self, ClaimedGroups};
use super::id_token::VerifiedIdToken;
use super::metadata::Metadata;
use super::provider::Provider;
use super::userinfo;
use gatepost_config::{EntraTenant, GroupsSource, ProviderKind};
use gatepost_core::error_chain::Chain;
use gatepost_core::identity::{
    AssertedGroup, AssertedGroups, AssertedIdentity, GroupKind, RefusedAddress, SubjectKey,
};
use openidconnect::AccessToken;

const NAME_LIMIT: usize = 256;

/// How many groups and roles a configured provider may list for a person.
pub(super) const MOST_GROUPS: usize = 10_000;
/// How many a provider of a tenant may list: whoever runs it could else fill the directory.
const MOST_GROUPS_OF_TENANT: usize = 200;

const TOO_MANY: &str =
    "the provider lists more groups than one person may have: 10,000, and 200 at the provider of a tenant";

const NAMES: &str = "the groups claim has names, which the owners of groups can choose: set it to Group ID in the app registration \
    (Token configuration), or set GROUP_NAMES to trust if only administrators can name groups";

/// What a provider states about a person.
#[derive(Debug)]
pub(super) struct Identified {
    pub identity: AssertedIdentity,
    /// Set if the address is unknown because userinfo could not be read.
    pub address_error: Option<OidcError>,
}

impl Provider {
    /// Gathers the identity from an ID token, userinfo and Graph.
    ///
    /// # Errors
    /// [`OidcError::Token`] if userinfo is about another person. A failed call is not an error.
    pub(super) async fn identify(
        &self,
        token: &VerifiedIdToken,
        access_token: Option<&AccessToken>,
        metadata: &Metadata,
    ) -> Result<Identified, OidcError> {
        let claims = &token.claims;
        let mut address = self.address(claims, claims);
        let mut userinfo = None;
        let mut userinfo_error = None;
        let is_needed = matches!(address, Address::Unknown(_)) || self.reads_groups_from_userinfo(claims);
        if let (true, Some(endpoint), Some(access_token)) =
            (is_needed, metadata.userinfo_endpoint(), access_token)
        {
            let sub = claims.find_text("sub").unwrap_or_default();
            match userinfo::read(&self.transport, endpoint, access_token, sub).await {
                Ok(read) => userinfo = Some(read),
                Err(error @ OidcError::Token(_)) => return Err(error),
                Err(error) => userinfo_error = Some(error),
            }
        }
        if let Some(userinfo) = &userinfo {
            address = address.or_else(|| self.address(userinfo, claims));
        }
        let name = name(claims).or_else(|| userinfo.as_ref().and_then(name));
        let groups = match self.config.kind {
            ProviderKind::Entra { .. } => self.groups_of_entra(claims, access_token, metadata).await,
            _ => self.groups_of_claims(claims, userinfo.as_ref(), userinfo_error.is_some()),
        };
        let (email, refused, address_error) = match address {
            Address::Asserted(email) => (Some(email), None, None),
            Address::Unknown(rule) => (None, Some(RefusedAddress { address: None, rule }), userinfo_error),
            Address::Refused(refused) => (None, Some(refused), None),
        };
        let provider = self.id().clone();
        let identity =
            AssertedIdentity { provider, subject: token.subject.clone(), email, refused, name, groups };
        Ok(Identified { identity, address_error })
    }

    /// Gathers the identity after a renewal without an ID token (OpenID Connect Core section 12.2), from userinfo about the
    /// same `sub`.
    ///
    /// Groups that userinfo omits are unknown: unlike at a sign-in, nothing says here that the person has none. Entra's
    /// userinfo is not read, because its `sub` is not the `oid` that identifies the person, and because it has no roles.
    ///
    /// # Errors
    /// [`OidcError::Token`] if userinfo is about another person. A failed call is not an error.
    pub(super) async fn identify_by_userinfo(
        &self,
        subject: &SubjectKey,
        access_token: Option<&AccessToken>,
        metadata: &Metadata,
    ) -> Result<AssertedIdentity, OidcError> {
        let is_entra = matches!(self.config.kind, ProviderKind::Entra { .. });
        let endpoint = metadata.userinfo_endpoint().filter(|_| !is_entra);
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
            Some(ClaimedGroups::Listed(list)) => self.listed(list),
            _ => self.unknown("a renewal brought no ID token, and userinfo names no groups"),
        };
        let (email, refused) = match userinfo.as_ref().map(|userinfo| self.address(userinfo, userinfo)) {
            Some(Address::Asserted(email)) => (Some(email), None),
            Some(Address::Refused(refused)) => (None, Some(refused)),
            Some(Address::Unknown(_)) | None => (None, None),
        };
        let name = userinfo.as_ref().and_then(name);
        let provider = self.id().clone();
        Ok(AssertedIdentity { provider, subject: subject.clone(), email, refused, name, groups })
    }

    /// Whether to read userinfo because the ID token has no groups. Many providers put them into userinfo alone.
    fn reads_groups_from_userinfo(&self, claims: &Claims) -> bool {
        matches!(self.config.kind, ProviderKind::Oidc { .. })
            && self.config.groups == GroupsSource::Claim
            && self.claimed_groups(claims) == ClaimedGroups::Absent
    }

    pub(super) fn claimed_groups(&self, claims: &Claims) -> ClaimedGroups {
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
            ClaimedGroups::Listed(list) => self.listed(list),
            ClaimedGroups::Absent if !has_failed => AssertedGroups::Known(Vec::new()),
            _ => self.unknown("the groups claim is malformed, or userinfo could not be read"),
        }
    }

    async fn groups_of_entra(
        &self,
        claims: &Claims,
        access_token: Option<&AccessToken>,
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
        let tid = self.tid_of_several(claims);
        let mut list = match claimed {
            ClaimedGroups::Listed(list) if self.config.groups_claim == ["groups"] => list,
            ClaimedGroups::Listed(list) => groups::of_tenant(list, tid),
            ClaimedGroups::Absent => Vec::new(),
            ClaimedGroups::Malformed => return self.unknown("the groups claim is malformed"),
            ClaimedGroups::Names => return self.unknown(NAMES),
            ClaimedGroups::Elsewhere => {
                let (Some(graph), Some(access_token)) = (&metadata.graph, access_token) else {
                    return self.unknown("Graph cannot be called: the discovery document has no msgraph_host, or the answer has no access token");
                };
                match graph::list(&self.transport, graph, access_token).await {
                    Ok(list) => list,
                    Err(error) => {
                        tracing::warn!(provider = %self.id(), error = %Chain(&error), "a person's groups could not be read from Graph");
                        return AssertedGroups::Unknown;
                    }
                }
            }
        };
        list.extend(groups::of_tenant(roles, tid));
        self.listed(list)
    }

    /// The tenant of a token, if people of several tenants may sign in.
    pub(super) fn tid_of_several<'a>(&self, claims: &'a Claims) -> Option<&'a str> {
        let is_one_of_several =
            matches!(self.config.kind, ProviderKind::Entra { tenant: EntraTenant::Several { .. }, .. });
        claims.find_text("tid").filter(|_| is_one_of_several)
    }

    /// Each group of a list becomes rows, written while others wait. So more than this is no list of groups.
    fn listed(&self, list: Vec<AssertedGroup>) -> AssertedGroups {
        let most = if self.id().tenant().is_some() { MOST_GROUPS_OF_TENANT } else { MOST_GROUPS };
        match known(list, most) {
            AssertedGroups::Unknown => self.unknown(TOO_MANY),
            listed => listed,
        }
    }

    fn unknown(&self, why: &'static str) -> AssertedGroups {
        tracing::warn!(provider = %self.id(), why, "a person's groups are unknown");
        AssertedGroups::Unknown
    }
}

/// The groups of a list, each once. More than `most` are unknown.
pub(super) fn known(mut list: Vec<AssertedGroup>, most: usize) -> AssertedGroups {
    // Of two entries for one group the one with a name comes first, and is kept.
    let order = |group: &AssertedGroup| (group.kind, group.external_id.clone(), group.display_name.is_none());
    list.sort_by_cached_key(order);
    list.dedup_by(|a, b| a.kind == b.kind && a.external_id == b.external_id);
    if list.len() > most { AssertedGroups::Unknown } else { AssertedGroups::Known(list) }
}

pub(super) fn name(claims: &Claims) -> Option<String> {
    let name: String =
        claims.find_text("name")?.chars().filter(|c| !c.is_control()).take(NAME_LIMIT).collect();
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_listed_twice_is_one() {
        let group = |id: &str, name: Option<&str>| AssertedGroup {
            kind: GroupKind::Group,
            external_id: id.to_owned(),
            display_name: name.map(str::to_owned),
        };
        let role = AssertedGroup { kind: GroupKind::Role, ..group("a", None) };
        let AssertedGroups::Known(list) =
            known(vec![role.clone(), group("a", None), group("a", Some("A"))], 2)
        else {
            panic!("not known");
        };
        assert_eq!(list, [group("a", Some("A")), role]);
        assert_eq!(known(list.clone(), 1), AssertedGroups::Unknown);
        assert_eq!(known(list.clone(), 2), AssertedGroups::Known(list));
    }
}
