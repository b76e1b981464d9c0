//! Userinfo (OpenID Connect Core section 5.3). It is read only for what the ID token lacks, and must be about the same `sub`.
//!
//! The crate is not used here: it panics on an access token with characters that a header must not have, and it refuses the
//! whole answer because of a wrong type in a member that is not read here.

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
