//! Requests for access.

use super::api::Api;
use super::error::ApiError;
use gatepost_admin::views::{AccessRequest, RequestChange};
use gatepost_core::ids::AccessRequestId;
use gatepost_store::directory::{Conditions, DirectoryError};
use reqwest::Method;
use serde_json::Value;

impl Api {
    /// Grants or declines a request. Returns the request as it was, and the change.
    pub(crate) async fn decide(
        &self,
        id: AccessRequestId,
        (verb, body): (&str, Value),
        conditions: Conditions,
    ) -> Result<(AccessRequest, RequestChange), ApiError> {
        let id_text = id.to_string();
        let found = self.find(&["requests", &id_text]).await?;
        let request = found.ok_or(DirectoryError::UnknownRequest(id))?;
        let answer =
            self.change(&Method::POST, &["requests", &id_text, verb], Some(&body), conditions).await?;
        Ok((request, self.read(answer.body)?))
    }
}
