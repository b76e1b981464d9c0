//! The question whether a request would pass, and why. [`Explainer`] answers it: who asks need not know how requests are
//! decided, and is not compiled again when that changes.

mod question;

pub use gatepost_core::request_mode::{Initiator, RequestMode};
pub use question::{Asker, Question, RequestUrl, RequestUrlError, requirement_of_groups};

use futures_util::future::LocalBoxFuture;
use gatepost_core::api_key::KeyId;
use gatepost_core::ids::RequestId;
use gatepost_pages::explanation::{Explanation, PastRequest};
use gatepost_runtime::authn::LoadError;
use gatepost_store::directory::{DirectoryError, UserKey};
use std::fmt;

/// Explains decisions about requests. Each answer is used on the thread that asked.
pub trait Explainer: fmt::Debug + Send + Sync {
    /// Explains a request.
    ///
    /// # Errors
    /// [`ExplainError`]. A host that is not protected, an invalid requirement and a session store that does not answer
    /// are no errors: the explanation contains them.
    fn explain<'a>(&'a self, question: &'a Question)
    -> LocalBoxFuture<'a, Result<Explanation, ExplainError>>;

    /// Explains a past request by its id.
    ///
    /// # Errors
    /// [`ExplainError::UnknownRequest`], [`ExplainError::Directory`].
    fn explain_request(&self, id: RequestId) -> LocalBoxFuture<'_, Result<PastRequest, ExplainError>>;
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
    /// A person of whom nobody looked for similar addresses.
    pub fn unknown_user(user: &UserKey) -> Self {
        Self::UnknownUser { user: user.clone(), similar: Vec::new() }
    }
}
