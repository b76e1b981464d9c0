use crate::site::Site;
use crate::stores::Stores;
use gatepost_core::ids::RequestId;
use gatepost_store::directory::{DirectoryError, UserKey};
use std::sync::Arc;

/// What explaining a request needs.
#[derive(Debug)]
pub struct Context {
    /// What is configured.
    pub site: Arc<Site>,
    /// Both stores.
    pub stores: Arc<Stores>,
}

/// Why there is no explanation.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// Nobody has this id, or this address.
    #[error("there is no user {user}")]
    UnknownUser {
        /// Who was asked about.
        user: UserKey,
        /// Addresses that are nearly the same, the most alike first.
        similar: Vec<String>,
    },
    /// No refusal and no change has this number, or not any more.
    #[error("nothing is stored about request {0}")]
    UnknownRequest(RequestId),
    /// The directory.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

impl ExplainError {
    pub(super) fn unknown(user: &UserKey) -> Self {
        Self::UnknownUser { user: user.clone(), similar: Vec::new() }
    }
}
