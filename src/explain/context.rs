use crate::authn::LoadError;
use crate::hosts::Hosts;
use crate::site::Site;
use crate::stores::Stores;
use gatepost_core::api_key::KeyId;
use gatepost_core::ids::RequestId;
use gatepost_store::directory::{DirectoryError, UserKey};
use std::sync::Arc;

/// What an explanation needs.
#[derive(Debug)]
pub struct Context {
    /// The configuration.
    pub site: Arc<Site>,
    /// The protected hosts.
    pub hosts: Arc<Hosts>,
    /// Both stores, with the metrics.
    pub stores: Arc<Stores>,
}

/// Why there is no explanation.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// No person has this id or address.
    #[error("there is no user {user}")]
    UnknownUser {
        /// The person in the question.
        user: UserKey,
        /// Similar addresses, the most similar first.
        similar: Vec<String>,
    },
    /// No API key has this id.
    #[error("there is no key {0}")]
    UnknownKey(KeyId),
    /// Neither a refusal nor a change is stored under this request id.
    #[error("nothing is stored about request {0}")]
    UnknownRequest(RequestId),
    /// The directory failed.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

impl From<LoadError> for ExplainError {
    fn from(error: LoadError) -> Self {
        Self::Directory(error.into())
    }
}

impl ExplainError {
    pub(super) fn unknown_user(user: &UserKey) -> Self {
        Self::UnknownUser { user: user.clone(), similar: Vec::new() }
    }
}
