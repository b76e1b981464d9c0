//! What is where: people by their addresses, groups by their names, which the paths of the API name by ids.

use super::api::{Api, Call};
use super::error::ApiError;
use gatepost_admin::views::{Group, Tenant, User, UserDetails};
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{TenantId, UserId};
use gatepost_store::directory::{DirectoryError, GroupKey, UserKey};
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use std::collections::BTreeMap;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

impl Api {
    /// The time there, which decides when something ends.
    pub(crate) async fn clock(&self) -> Result<Timestamp, ApiError> {
        let call = Call { query: &[("limit", "1")], ..Call::new(&Method::GET, &["users"]) };
        let date = self.send(call).await?.date.and_then(|date| OffsetDateTime::parse(&date, &Rfc2822).ok());
        Ok(date.map_or_else(Timestamp::now, |date| Timestamp::from_unix(date.unix_timestamp())))
    }

    /// The id of a person: by the address that applications know, or else by the one that the provider asserts.
    pub(super) async fn find_user_id(&self, key: &UserKey) -> Result<Option<String>, ApiError> {
        let email = match key {
            UserKey::Id(id) => return Ok(Some(id.to_string())),
            UserKey::Email(email) => email.to_string(),
        };
        let found: Vec<User> = self.list(&["users"], &[("email", &email)]).await?;
        let mut ids: Vec<String> = found.iter().map(|user| user.id.clone()).collect();
        match found.into_iter().find(|user| user.email.as_ref() == Some(&email)) {
            Some(holder) => Ok(Some(holder.id)),
            None if ids.len() > 1 => Err(ApiError::Ambiguous { address: email, ids }),
            None => Ok(ids.pop()),
        }
    }

    /// The id of a person who is there.
    pub(super) async fn user_id(&self, key: &UserKey) -> Result<String, ApiError> {
        let found = self.find_user_id(key).await?;
        found.ok_or_else(|| DirectoryError::UnknownUser(key.clone()).into())
    }

    /// A person, with their memberships' ends.
    pub(crate) async fn find_user(&self, key: &UserKey) -> Result<Option<UserDetails>, ApiError> {
        let Some(id) = self.find_user_id(key).await? else { return Ok(None) };
        match self.find(&["users", &id]).await {
            Err(ApiError::Refused { status: StatusCode::GONE, .. }) => Ok(None),
            found => found,
        }
    }

    /// When memberships end: of groups with all sources, of tenants beside groups.
    pub(crate) async fn list_ends(&self, id: UserId) -> Result<[BTreeMap<String, String>; 2], ApiError> {
        #[derive(Deserialize)]
        struct Membership {
            group: Option<String>,
            tenant: Option<String>,
            source: String,
            until: Option<String>,
        }
        let id = id.to_string();
        let all: Vec<Membership> = self.list(&["users", &id, "memberships"], &[]).await?;
        let mut ends = [BTreeMap::new(), BTreeMap::new()];
        for Membership { group, tenant, source, until } in all {
            let place = match (group, tenant) {
                (Some(group), _) => (0, group),
                (None, Some(tenant)) if source != "group" => (1, tenant),
                (None, _) => continue,
            };
            // Texts of one form are ordered as the times.
            let end: &mut Option<String> = ends[place.0].entry(place.1).or_insert_with(|| until.clone());
            *end = end.take().zip(until).map(|(one, other)| one.max(other));
        }
        Ok(ends.map(|ends| ends.into_iter().filter_map(|(name, end)| Some((name, end?))).collect()))
    }

    /// A group.
    pub(crate) async fn find_group(&self, key: &GroupKey) -> Result<Option<Group>, ApiError> {
        let name = match key {
            GroupKey::Id(id) => return self.find(&["groups", &id.to_string()]).await,
            GroupKey::Name(name) => name.as_str(),
        };
        let found: Vec<Group> = self.list(&["groups"], &[("q", name)]).await?;
        Ok(found.into_iter().find(|group| group.name == name))
    }

    /// The number of a group that is there.
    pub(super) async fn group_id(&self, key: &GroupKey) -> Result<String, ApiError> {
        let found = self.find_group(key).await?;
        Ok(found.ok_or_else(|| DirectoryError::UnknownGroup(key.clone()))?.id)
    }

    /// A tenant.
    pub(crate) async fn find_tenant(&self, id: &TenantId) -> Result<Option<Tenant>, ApiError> {
        self.find(&["tenants", id.as_str()]).await
    }
}
