//! What an access token states about its holder: for a person the same as an ID token, read by the same rules.

use super::client::Holder;
use super::{AccessTokenError, TokenHolder};
use crate::address::Address;
use crate::claims::Claims;
use crate::groups::{self, ClaimedGroups};
use crate::identity::{MOST_GROUPS, known, name};
use crate::provider::Provider;
use crate::token_error::TokenError;
use gatepost_config::{GroupsSource, ProviderKind};
use gatepost_core::identity::{
    AssertedGroup, AssertedGroups, AssertedIdentity, GroupKind, RefusedAddress, SubjectKey,
};

impl Provider {
    pub(super) fn token_holder(
        &self,
        holder: Holder,
        claims: &Claims,
        subject: SubjectKey,
    ) -> Result<TokenHolder, AccessTokenError> {
        if holder.is_application {
            let roles = groups::roles_of_entra(claims).ok_or(TokenError::MalformedClaim("roles"))?;
            let roles = self.qualified(roles, claims);
            return Ok(TokenHolder::Application { client: holder.into_client()?, roles });
        }
        let (email, refused) = match self.address(claims, claims) {
            Address::Asserted(email) => (Some(email), None),
            Address::Unknown(rule) => (None, Some(RefusedAddress { address: None, rule })),
            Address::Refused(refused) => (None, Some(refused)),
        };
        let groups = self.groups_of_access_token(claims)?;
        let provider = self.id().clone();
        Ok(TokenHolder::Person(Box::new(AssertedIdentity {
            provider,
            subject,
            email,
            refused,
            name: name(claims),
            groups,
        })))
    }

    /// The groups, if the token has the complete list. Unlike in an ID token, a missing claim says nothing: the API's
    /// registration decides what is in an access token, and few have groups.
    fn groups_of_access_token(&self, claims: &Claims) -> Result<AssertedGroups, TokenError> {
        match self.config.groups {
            GroupsSource::Off => return Ok(AssertedGroups::NotRead),
            GroupsSource::Graph => return Ok(AssertedGroups::Unknown),
            GroupsSource::Claim => {}
        }
        let is_entra = matches!(self.config.kind, ProviderKind::Entra { .. });
        let claimed = if is_entra {
            groups::of_entra(claims, &self.config.groups_claim, self.config.group_names)
        } else {
            self.claimed_groups(claims)
        };
        match claimed {
            ClaimedGroups::Listed(list) if is_entra => {
                let is_standard = self.config.groups_claim == ["groups"];
                let mut list = if is_standard { list } else { self.qualified(list, claims) };
                // App roles are left out: they are those of the API's registration, and no names of Gatepost's own.
                let roles = groups::roles_of_entra(claims).ok_or(TokenError::MalformedClaim("roles"))?;
                let directory_roles = roles.into_iter().filter(|role| role.kind == GroupKind::Group);
                list.extend(self.qualified(directory_roles.collect(), claims));
                Ok(known(list, MOST_GROUPS))
            }
            ClaimedGroups::Listed(list) => Ok(known(list, MOST_GROUPS)),
            ClaimedGroups::Malformed => Err(TokenError::MalformedClaim("groups")),
            ClaimedGroups::Absent | ClaimedGroups::Elsewhere | ClaimedGroups::Names => {
                Ok(AssertedGroups::Unknown)
            }
        }
    }

    fn qualified(&self, list: Vec<AssertedGroup>, claims: &Claims) -> Vec<AssertedGroup> {
        groups::of_tenant(list, self.tid_of_several(claims))
    }
}
