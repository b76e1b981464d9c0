//! The types of `openidconnect`, with our keys, algorithms and answers as their parameters.

use super::keys::Key;
use super::signature::NoEncryption;
use super::tokens::{RefusalBody, Tokens};
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGenderClaim,
    CoreGrantType, CoreJweKeyManagementAlgorithm, CoreResponseMode, CoreResponseType, CoreRevocableToken,
    CoreRevocationErrorResponse, CoreSubjectIdentifierType, CoreTokenIntrospectionResponse,
};
use openidconnect::{
    AdditionalProviderMetadata, Client, EmptyAdditionalClaims, EndSessionUrl, EndpointMaybeSet,
    EndpointNotSet, EndpointSet, ProviderMetadata, RevocationUrl,
};
use serde::{Deserialize, Serialize};

/// The client of one provider, with its authorization endpoint and its token endpoint set.
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

/// The claims of an ID token that the crate checks. `Jws` reads the others: which of them count is configuration.
pub(super) type IdTokenClaims = openidconnect::IdTokenClaims<EmptyAdditionalClaims, CoreGenderClaim>;

/// A discovery document (OpenID Connect Discovery section 3).
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

/// The members of the discovery document that other standards define.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Additional {
    /// Defined by RP-Initiated Logout.
    pub end_session_endpoint: Option<EndSessionUrl>,
    /// Defined by RFC 7009.
    pub revocation_endpoint: Option<RevocationUrl>,
    /// Whether every authorization response has the parameter `iss` (RFC 9207).
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
}

impl AdditionalProviderMetadata for Additional {}
