//! Entra's errors: a table from AADSTS number to `error`, status and text (entra.md section 5), and the bodies of the
//! answers.

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde_json::json;
use time::OffsetDateTime;
use time::macros::format_description;

use super::registration::Style;

/// `(number, error, status at the token endpoint, text)`.
const TABLE: &[(u32, &str, u16, &str)] = &[
    (
        50011,
        "invalid_request",
        400,
        "The redirect URI specified in the request does not match the redirect URIs configured for the application.",
    ),
    (
        50020,
        "invalid_request",
        400,
        "User account from identity provider does not exist in tenant and cannot access the application in that tenant.",
    ),
    (
        50034,
        "invalid_grant",
        400,
        "The user account does not exist in the directory. To sign into this application, the account must be added to the directory.",
    ),
    (50057, "invalid_grant", 400, "The user account is disabled."),
    (50058, "login_required", 400, "A silent sign-in request was sent but no user is signed in."),
    (
        50173,
        "invalid_grant",
        400,
        "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password.",
    ),
    (
        50194,
        "invalid_request",
        400,
        "Application is not configured as a multi-tenant application. Usage of the /common endpoint is not supported for such apps created after 10/15/2018.",
    ),
    (
        54005,
        "invalid_grant",
        400,
        "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token.",
    ),
    (65004, "access_denied", 400, "User declined to consent to access the app."),
    (70000, "invalid_grant", 400, "Provided grant is invalid or malformed."),
    (70001, "unauthorized_client", 400, "The application is not allowed to use this grant."),
    (70003, "unsupported_grant_type", 400, "The app requested an unsupported grant type."),
    (
        70008,
        "invalid_grant",
        400,
        "The provided authorization code or refresh token has expired due to inactivity. Send a new interactive authorization request for this user and resource.",
    ),
    (70021, "invalid_client", 401, "No matching federated identity record found for presented assertion."),
    (
        700_005,
        "invalid_grant",
        400,
        "Provided Authorization Code is intended to use against other tenant, thus rejected.",
    ),
    (
        700_016,
        "unauthorized_client",
        400,
        "Application with this identifier was not found in the directory. This can happen if the application has not been installed by the administrator of the tenant.",
    ),
    (
        700_027,
        "invalid_client",
        401,
        "The certificate with identifier used to sign the client assertion is not registered on application.",
    ),
    (
        700_054,
        "unsupported_response_type",
        400,
        "response_type 'id_token' is not enabled for the application.",
    ),
    (
        7_000_215,
        "invalid_client",
        401,
        "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID.",
    ),
    (
        7_000_218,
        "invalid_client",
        401,
        "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
    ),
    (
        7_000_222,
        "invalid_client",
        401,
        "The provided client secret keys are expired. Create new keys for your app, or consider using certificate credentials for added security.",
    ),
    (90014, "invalid_request", 400, "The required field is missing from the credential."),
    (
        90094,
        "invalid_request",
        400,
        "An administrator of the tenant has set a policy that prevents you from granting the application the permissions it is requesting.",
    ),
    (
        500_112,
        "invalid_grant",
        400,
        "The reply address does not match the reply address provided when requesting Authorization code.",
    ),
    (
        500_011,
        "invalid_resource",
        400,
        "The resource principal was not found in the tenant. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant.",
    ),
    (501_051, "invalid_grant", 400, "Application is not assigned to a role for the application."),
    (
        501_481,
        "invalid_grant",
        400,
        "The Code_Verifier does not match the code_challenge supplied in the authorization request.",
    ),
    (
        1_002_012,
        "invalid_scope",
        400,
        "The provided value for scope is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier.",
    ),
    (
        9_010_010,
        "invalid_target",
        400,
        "The resource parameter provided in the request doesn't match with the requested scopes.",
    ),
    (900_561, "invalid_request", 405, "The endpoint only accepts POST requests. Received a GET request."),
];

/// An error by its AADSTS number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Aadsts(pub(crate) u32);

impl Aadsts {
    fn row(self) -> (&'static str, u16, &'static str) {
        TABLE
            .iter()
            .find(|row| row.0 == self.0)
            .map_or(("server_error", 500, "An unexpected error occurred."), |row| (row.1, row.2, row.3))
    }

    /// The `error` of RFC 6749.
    pub(crate) fn error(self) -> &'static str {
        self.row().0
    }

    pub(crate) fn text(self) -> String {
        format!("AADSTS{}: {}", self.0, self.row().2)
    }

    /// The JSON of Entra's token endpoint, or the two fields that any other provider sends.
    pub(crate) fn answer(self, style: Style, base: &str, now: i64) -> Response {
        let (error, status, _) = self.row();
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        if style == Style::Oidc {
            let body = json!({"error": error, "error_description": self.row().2});
            return (status, axum::Json(body)).into_response();
        }
        let mut body = body(error, &self.text(), now);
        body["error_codes"] = json!([self.0]);
        body["error_uri"] = json!(format!("{base}/error?code={}", self.0));
        if matches!(self.0, 50173 | 70008) {
            body["suberror"] = json!("bad_token");
        }
        (status, axum::Json(body)).into_response()
    }
}

/// An error body, with the trailer of all descriptions by Entra.
pub(crate) fn body(error: &str, text: &str, now: i64) -> serde_json::Value {
    let (trace, correlation) = (uuid::Uuid::new_v4(), uuid::Uuid::new_v4());
    json!({
        "error": error,
        "error_description": describe(text, now, trace, correlation),
        "timestamp": timestamp(now),
        "trace_id": trace.to_string(),
        "correlation_id": correlation.to_string(),
    })
}

/// The `error_description` that the callback receives.
pub(crate) fn description(text: &str, now: i64) -> String {
    describe(text, now, uuid::Uuid::new_v4(), uuid::Uuid::new_v4())
}

fn describe(text: &str, now: i64, trace: uuid::Uuid, correlation: uuid::Uuid) -> String {
    format!("{text} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {}", timestamp(now))
}

fn timestamp(now: i64) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]Z");
    OffsetDateTime::from_unix_timestamp(now).ok().and_then(|at| at.format(format).ok()).unwrap_or_default()
}
