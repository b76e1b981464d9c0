//! Keys. No key makes or changes another one, so elsewhere they are only read and revoked.

use super::api::Api;
use super::error::ApiError;
use gatepost_admin::views::{Key, KeyChange, LookedUpKey};
use gatepost_core::api_key::{ApiKey, KeyId};
use gatepost_store::directory::{Conditions, DirectoryError};
use reqwest::Method;
use serde_json::json;

impl Api {
    /// A key.
    pub(crate) async fn find_key(&self, id: KeyId) -> Result<Key, ApiError> {
        let found = self.find(&["keys", &id.to_string()]).await?;
        found.ok_or_else(|| DirectoryError::UnknownKey(id).into())
    }

    /// Revokes a key.
    pub(crate) async fn revoke_key(&self, id: KeyId, conditions: Conditions) -> Result<KeyChange, ApiError> {
        let answer = self.remove(&["keys", &id.to_string()], &[], conditions).await?;
        self.read(answer.body)
    }

    /// Whose a secret is that was found somewhere; `None`: nobody's.
    pub(crate) async fn look_up_key(&self, key: &ApiKey<'_>) -> Result<Option<LookedUpKey>, ApiError> {
        let body = json!({ "key": key.expose() });
        let conditions = Conditions::default();
        match self.change(&Method::POST, &["keys", "lookup"], Some(&body), conditions).await {
            Ok(answer) => self.read(answer.body).map(Some),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }
}
