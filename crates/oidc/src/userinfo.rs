//! Userinfo (OpenID Connect Core section 5.3): asked only for what the ID token lacks, believed only about its `sub`.
//!
//! Not by the crate: it panics on an access token that no header can carry, and refuses the whole answer for a member of
//! another type that nobody here reads.

use super::calls::Endpoint;
use super::claims::Claims;
use super::error::OidcError;
use super::token_error::TokenError;
use super::transport::Transport;
use openidconnect::AccessToken;
use url::Url;

/// Reads userinfo about `sub`.
pub(super) async fn read(
    transport: &Transport,
    endpoint: &Url,
    access_token: &AccessToken,
    sub: &str,
) -> Result<Claims, OidcError> {
    let claims =
        Claims::new(transport.get(Endpoint::Userinfo, endpoint, Some(access_token)).await?.success()?);
    if claims.find_text("sub") == Some(sub) { Ok(claims) } else { Err(TokenError::UserinfoOfAnother.into()) }
}
