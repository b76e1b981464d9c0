//! The types of `openidconnect`, with our claims, keys and algorithms in their places.

use super::keys::Key;
use super::signature::{Algorithm, KeyType};
use super::token_endpoint::{RefusalBody, Tokens};
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGenderClaim,
    CoreGrantType, CoreJweKeyManagementAlgorithm, CoreResponseMode, CoreResponseType, CoreRevocableToken,
    CoreRevocationErrorResponse, CoreSubjectIdentifierType, CoreTokenIntrospectionResponse,
};
use openidconnect::{
    AdditionalProviderMetadata, Client, EmptyAdditionalClaims, EndSessionUrl, EndpointMaybeSet,
    EndpointNotSet, EndpointSet, JweContentEncryptionAlgorithm, ProviderMetadata, RevocationUrl,
};
use serde::{Deserialize, Serialize};

/// A client of one provider, which knows its authorization endpoint and its token endpoint.
pub(super) type RelyingParty = Client<
    EmptyAdditionalClaims,
    CoreAuthDisplay,
    CoreGenderClaim,
    NoEncryption,
    Key,
    CoreAuthPrompt,
    RefusalBody,
    Tokens,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
    EndpointMaybeSet,
>;

/// An ID token with the claims that the crate checks. `Jws` reads the others: which of them count is configuration.
pub(super) type IdToken =
    openidconnect::IdToken<EmptyAdditionalClaims, CoreGenderClaim, NoEncryption, Algorithm>;
pub(super) type IdTokenClaims = openidconnect::IdTokenClaims<EmptyAdditionalClaims, CoreGenderClaim>;

/// A discovery document.
pub(super) type Document = ProviderMetadata<
    Additional,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    NoEncryption,
    CoreJweKeyManagementAlgorithm,
    Key,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// What other standards than OpenID Connect Discovery add to the document.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Additional {
    /// RP-Initiated Logout.
    pub end_session_endpoint: Option<EndSessionUrl>,
    /// RFC 7009.
    pub revocation_endpoint: Option<RevocationUrl>,
    /// RFC 9207: every authorization response has `iss`.
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
}

impl AdditionalProviderMetadata for Additional {}

/// Encrypted tokens are refused: there is no algorithm for them.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(super) enum NoEncryption {}

impl JweContentEncryptionAlgorithm for NoEncryption {
    type KeyType = KeyType;

    fn key_type(&self) -> Result<KeyType, String> {
        match *self {}
    }
}
