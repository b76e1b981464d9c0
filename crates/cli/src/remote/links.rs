//! Links of groups to groups of providers. What the configuration there says about them, it says there.

use super::api::Api;
use super::changes::Remote as _;
use super::error::ApiError;
use gatepost_admin::views::{Group, Link};
use gatepost_core::identity::ExternalGroup;
use gatepost_core::ids::GroupName;
use gatepost_store::directory::changes::CreateGroup;
use gatepost_store::directory::{Conditions, DirectoryError};
use reqwest::Method;
use serde_json::json;

impl Api {
    /// Links a name to a provider's group, and creates the name if it does not exist. Returns whether anything is different.
    pub(crate) async fn link_group(
        &self,
        name: &GroupName,
        external: &ExternalGroup,
        conditions: Conditions,
    ) -> Result<bool, ApiError> {
        let key = name.clone().into();
        let id = if let Some(group) = self.find_group(&key).await? {
            group.id
        } else {
            conditions.demand(None)?;
            CreateGroup { name: name.clone() }.send(self, conditions).await?;
            if conditions.is_dry_run {
                return Ok(true);
            }
            self.group_id(&key).await?
        };
        let body = json!({ "link": external.to_string() });
        let answer = self.change(&Method::POST, &["groups", &id, "links"], Some(&body), conditions).await?;
        Ok(answer.changed())
    }

    /// Removes a link.
    pub(crate) async fn unlink_group(
        &self,
        external: &ExternalGroup,
        conditions: Conditions,
    ) -> Result<(), ApiError> {
        let is_meant = |link: &Link| {
            (link.provider.as_str(), link.kind.as_str(), link.external_id.as_str())
                == (external.provider.as_str(), external.kind.as_str(), external.external_id.as_str())
        };
        let found: Vec<Group> = self.list(&["groups"], &[("q", &external.external_id)]).await?;
        let group = found.into_iter().find(|group| group.links.iter().any(is_meant));
        let id = group.ok_or_else(|| DirectoryError::NotLinked(external.clone()))?.id;
        self.remove(&["groups", &id, "links"], &[("link", &external.to_string())], conditions).await?;
        Ok(())
    }
}
