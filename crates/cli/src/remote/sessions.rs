//! Sessions of people.

use super::api::Api;
use super::error::ApiError;
use gatepost_admin::views::{SessionEnd, SessionsEnd};
use gatepost_core::secret::Hash;
use gatepost_store::directory::{Conditions, UserKey};
use reqwest::Method;

impl Api {
    /// Ends all sessions of a person.
    pub(crate) async fn end_sessions(
        &self,
        user: &UserKey,
        conditions: Conditions,
    ) -> Result<SessionsEnd, ApiError> {
        let id = self.user_id(user).await?;
        let answer = self.change(&Method::POST, &["users", &id, "end-sessions"], None, conditions).await?;
        self.read(answer.body)
    }

    /// Ends one session.
    pub(crate) async fn end_session(
        &self,
        hash: &Hash,
        conditions: Conditions,
    ) -> Result<SessionEnd, ApiError> {
        let answer = self.remove(&["sessions", &hash.to_string()], &[], conditions).await?;
        self.read(answer.body)
    }
}
