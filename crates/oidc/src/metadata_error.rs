//! The errors of a discovery document.

/// The check that a discovery document failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// The document names another issuer.
    #[error("the document is of issuer {found:?}, not {expected:?}")]
    WrongIssuer {
        /// The issuer by the configuration.
        expected: String,
        /// The issuer in the document.
        found: String,
    },
    /// A required member is absent or has the wrong type.
    #[error("{0} is missing or malformed")]
    Missing(&'static str),
    /// A URL is not `https`, or has a password or a fragment.
    #[error("{0} is not an https URL")]
    Insecure(&'static str),
    /// `response_types_supported` has no `code`.
    #[error("the provider does not support the authorization code flow")]
    NoCodeFlow,
    /// `id_token_signing_alg_values_supported` has none of RS256, PS256, ES256, `EdDSA`.
    #[error("the provider supports no accepted signature algorithm")]
    NoAcceptedAlgorithm,
}

impl MetadataError {
    /// The `reason` label: one of a closed set.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::WrongIssuer { .. } => "metadata_wrong_issuer",
            Self::Missing(_) => "metadata_malformed",
            Self::Insecure(_) => "metadata_insecure",
            Self::NoCodeFlow | Self::NoAcceptedAlgorithm => "metadata_unsupported",
        }
    }
}
