//! What a request of the proxy may be refused for before anything is decided.

/// The request is malformed: 400. A correctly configured proxy does not send it, or the client is hostile.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Malformed {
    /// A required header of the proxy is missing.
    #[error("{0} is missing: the proxy must send it")]
    Missing(&'static str),
    /// A header that may occur once was repeated: two programs might read different values.
    #[error("{0} was sent more than once")]
    Repeated(&'static str),
    /// A required header has an invalid value.
    #[error("{0} cannot be read")]
    Unreadable(&'static str),
    /// Plain HTTP, which is only accepted in development.
    #[error("the request came over plain HTTP: Gatepost protects HTTPS only")]
    PlainHttp,
    /// Many applications would read this header as one of Gatepost's.
    #[error("the name of a header resembles {0}")]
    Alias(&'static str),
    /// Many applications would read this header as a statement about a person.
    #[error("the name of a header resembles one with a statement about a person")]
    AliasOfWord,
    /// Two keys: two programs might use different ones.
    #[error("X-Gatepost-Key and Authorization both carry an API key")]
    TwoKeys,
}
