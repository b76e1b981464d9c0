//! The OpenID Connect relying party: it talks to the providers and decides which of their statements count.
//!
//! The crate `openidconnect` implements the protocol: discovery documents, the authorization request, the token endpoint,
//! ID tokens and their claims. The module `protocol` names its types with our types as parameters. Each other file states
//! what it adds to that crate, and why.
//!
//! This crate has no cookies, sessions, listeners or tables. [`Provider`] builds URLs, redeems codes, refreshes and verifies
//! tokens, and returns the types of [`gatepost_core::identity`]. It starts without the network, and uses the last valid
//! discovery document and keys for up to 24 hours. Nothing that a provider sends is used before all checks have passed; each
//! check that can fail is a variant of [`TokenError`]. No redirect is followed, and no URL from a token is requested.

mod access_token;
mod address;
mod authorization;
mod bucket;
mod calls;
mod claims;
mod credential;
mod credential_error;
mod discovery;
mod end_session;
mod error;
mod flight;
mod graph;
mod groups;
mod guard;
mod id_token;
mod identity;
mod issuer;
mod json;
mod jws;
mod keys;
mod logout_token;
mod metadata;
mod metadata_error;
mod pause;
mod protocol;
mod provider;
mod published_keys;
mod refusal;
mod refusal_table;
mod renewal;
mod revocation;
mod settings;
mod sign_in;
mod signature;
mod speaker;
mod tenants;
#[cfg(test)]
mod testing;
mod token_endpoint;
mod token_error;
mod tokens;
mod transport;
mod trial;
mod trial_resource;
mod userinfo;

pub use access_token::{AccessToken, AccessTokenError, TokenHolder};
pub use authorization::{AuthorizationRequest, MAX_STATE, Prompt};
pub use bucket::Bucket;
pub use calls::{Call, Calls, Endpoint, Outcome};
pub use credential_error::CredentialError;
pub use end_session::EndSession;
pub use error::{OidcError, RefreshError};
pub use issuer::authorization_server;
pub use logout_token::LogoutToken;
pub use metadata_error::MetadataError;
pub use provider::{Provider, Providers, ProvidersError};
pub use refusal::ErrorResponse;
pub use renewal::{Refreshed, Renewal, Renewed};
pub use settings::Settings;
pub use sign_in::{Callback, Expected, SignIn};
pub use speaker::{Speaker, Speakers, WORD_LIMIT, Word};
pub use tenants::TenantClients;
pub use token_error::TokenError;
pub use transport::{
    CallError, ClientError, client as outgoing_client, client_to, command_line_client, direct_client,
};
pub use trial::{AuthorizationTrial, Renewability, Trial};
pub use trial_resource::{ApiToken, ResourceTrial};

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A thread that panicked cannot have left a value half changed, because values are replaced as a whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
