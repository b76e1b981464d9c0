//! The relying party: everything that is said to and heard from an OpenID provider, and what of it may be believed.
//!
//! The crate `openidconnect` carries the protocol: documents, the authorization request, the token endpoint, ID tokens and
//! their claims; `protocol` names its types with ours in them. Each file says what it adds to the crate, and why.
//!
//! It knows no cookies, sessions, listeners or tables: [`Provider`] builds addresses, redeems codes, renews and verifies
//! tokens, and answers with the words of [`gatepost_core::identity`]. It starts without the network and keeps the last
//! good metadata and keys for 24 hours. What a provider sends is a claim until every rule held; each broken rule is a
//! named [`TokenError`]. No redirect is ever followed, no address from a token is ever called.

mod address;
mod authorization;
mod bucket;
mod calls;
mod claims;
mod credential;
mod discovery;
mod end_session;
mod error;
mod flight;
mod graph;
mod groups;
mod id_token;
mod identity;
mod issuer;
mod json;
mod jws;
mod keys;
mod logout_token;
mod metadata;
mod pause;
mod protocol;
mod provider;
mod refusal;
mod refusal_table;
mod renewal;
mod revocation;
mod settings;
mod sign_in;
mod signature;
#[cfg(test)]
mod testing;
mod token_endpoint;
mod token_error;
mod transport;
mod trial;
mod userinfo;

pub use authorization::{AuthorizationRequest, MAX_STATE, Prompt};
pub use bucket::Bucket;
pub use calls::{Call, Calls, Endpoint, Outcome};
pub use credential::CredentialError;
pub use end_session::EndSession;
pub use error::{OidcError, RefreshError};
pub use logout_token::LogoutToken;
pub use metadata::MetadataError;
pub use provider::{Provider, Providers, ProvidersError};
pub use refusal::{ErrorResponse, Mender, NextStep, ProviderRefusal};
pub use renewal::{Refreshed, Renewal, Renewed};
pub use settings::Settings;
pub use sign_in::{Callback, Expected, SignIn};
pub use token_error::TokenError;
pub use transport::CallError;
pub use trial::{AuthorizationTrial, Renewability, Trial};
