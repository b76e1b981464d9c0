//! An error response of a provider, with an explanation: what happened, how to fix it, and who can fix it.
//!
//! The texts and codes of an error response are untrusted. Codes and ids are kept only if they have their known form. The
//! provider's description is shortened, has no control characters, and is used only in logs.

use super::claims::Claims;
use super::refusal_table::{self, Explanation};
use gatepost_core::provider_refusal::ProviderRefusal;
use serde_json::Value;

/// The parameters of an error response at the redirect URI (OpenID Connect Core section 3.1.2.6), as received.
#[derive(Clone, Copy, Debug)]
pub struct ErrorResponse<'a> {
    /// The parameter `error`.
    pub error: &'a str,
    /// The parameter `error_description`.
    pub description: Option<&'a str>,
    /// The parameter `iss` (RFC 9207).
    pub issuer: Option<&'a str>,
}

impl ErrorResponse<'_> {
    /// Explains the error response.
    pub fn explain(&self) -> ProviderRefusal {
        let description = self.description.unwrap_or_default();
        let found = |label: &str| description.split_once(label).map(|(_, rest)| rest.trim_start());
        explain(&Parts {
            error: self.error,
            number: find_code(description),
            correlation_id: found("Correlation ID:").map(first_word),
            timestamp: found("Timestamp:"),
            description,
        })
    }
}

/// Explains an error response of the token endpoint (RFC 6749 section 5.2, with Entra's additions).
pub(super) fn explain_token_error(body: &Claims) -> ProviderRefusal {
    let text = |name: &str| body.find_text(name);
    let description = text("error_description").unwrap_or_default();
    let codes = body.get("error_codes").and_then(Value::as_array);
    let number = codes
        .and_then(|codes| codes.first())
        .and_then(Value::as_u64)
        .and_then(|code| u32::try_from(code).ok());
    explain(&Parts {
        error: text("error").unwrap_or_default(),
        number: number.or_else(|| find_code(description)),
        correlation_id: text("correlation_id"),
        timestamp: text("timestamp"),
        description,
    })
}

struct Parts<'a> {
    error: &'a str,
    number: Option<u32>,
    correlation_id: Option<&'a str>,
    timestamp: Option<&'a str>,
    description: &'a str,
}

fn explain(parts: &Parts<'_>) -> ProviderRefusal {
    let Explanation { title, happened, remedy, responsible, next, persistence, .. } =
        *refusal_table::find(parts.error, parts.number);
    let is_error = |b: u8| b.is_ascii_alphanumeric() || b"_-.".contains(&b);
    let is_time = |b: u8| b.is_ascii_digit() || b"-: .TZ".contains(&b);
    let timestamp: String = parts
        .timestamp
        .unwrap_or_default()
        .chars()
        .take_while(|c| c.is_ascii() && is_time(*c as u8))
        .collect();
    ProviderRefusal {
        title,
        happened,
        remedy,
        responsible,
        next,
        error: parts.error.chars().filter(|c| c.is_ascii() && is_error(*c as u8)).take(64).collect(),
        code: parts.number.map(|number| format!("AADSTS{number}")),
        correlation_id: parts
            .correlation_id
            .filter(|id| uuid::Uuid::try_parse(id).is_ok())
            .map(str::to_owned),
        timestamp: Some(timestamp.trim().to_owned()).filter(|time| (1..=40).contains(&time.len())),
        description: parts
            .description
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .take(500)
            .collect(),
        persistence,
    }
}

/// The number after the first `AADSTS`, of 4 to 9 digits.
fn find_code(description: &str) -> Option<u32> {
    let (_, rest) = description.split_once("AADSTS")?;
    let digits: &str = rest.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
    if (4..=9).contains(&digits.len()) { digits.parse().ok() } else { None }
}

fn first_word(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::testing::object;
    use super::*;
    use gatepost_core::provider_refusal::ResponsibleParty;
    use serde_json::json;

    const DESCRIPTION: &str = "AADSTS50105: The signed in user is not assigned to a role. Trace ID: 11111111-1111-4111-8111-111111111111 Correlation ID: 22222222-2222-4222-8222-222222222222 Timestamp: 2026-11-02 09:30:00Z";

    fn response(error: &str, description: &str) -> ProviderRefusal {
        ErrorResponse { error, description: Some(description), issuer: None }.explain()
    }

    #[test]
    fn entras_refusal_at_the_callback_is_understood() {
        let refusal = response("access_denied", DESCRIPTION);
        assert_eq!(refusal.code.as_deref(), Some("AADSTS50105"));
        assert_eq!(refusal.correlation_id.as_deref(), Some("22222222-2222-4222-8222-222222222222"));
        assert_eq!(refusal.timestamp.as_deref(), Some("2026-11-02 09:30:00Z"));
        assert_eq!(refusal.responsible, ResponsibleParty::Admin);
        assert!(refusal.happened.contains("assigned"));
    }

    #[test]
    fn entras_refusal_at_the_token_endpoint_is_understood() {
        let refusal = explain_token_error(&Claims::new(object(&json!({
            "error": "invalid_client", "error_description": "AADSTS7000222: expired", "error_codes": [7_000_222],
            "timestamp": "2026-11-02 09:30:00Z", "correlation_id": "22222222-2222-4222-8222-222222222222",
        }))));
        assert_eq!(refusal.code.as_deref(), Some("AADSTS7000222"));
        assert_eq!(refusal.responsible, ResponsibleParty::Operator);
        assert!(refusal.title.contains("expired") && !refusal.ends_grant());
    }

    #[test]
    fn a_strangers_text_stays_within_its_shape() {
        let refusal = response(
            "<script>alert(1)</script>",
            "AADSTS<b>1</b> Correlation ID: <img> Timestamp: now\r\nX: y",
        );
        assert_eq!(refusal.error, "scriptalert1script");
        assert_eq!((refusal.code, refusal.correlation_id, refusal.timestamp), (None, None, None));
        assert!(!refusal.description.contains(['\r', '\n']));
        let long = response(&"e".repeat(1000), &"d".repeat(10_000));
        assert_eq!((long.error.len(), long.description.len()), (64, 500));
        assert_eq!(find_code("AADSTS1234567890"), None);
    }

    #[test]
    fn only_what_is_about_the_grant_ends_it() {
        let refusal = |error: &str, code: u32| {
            let body = Claims::new(object(&json!({"error": error, "error_codes": [code]})));
            explain_token_error(&body)
        };
        for (error, code) in [
            ("invalid_grant", 50173),
            ("invalid_grant", 700_082),
            ("invalid_grant", 50057),
            ("interaction_required", 50076),
            ("invalid_grant", 999_999),
            ("interaction_required", 0),
            ("login_required", 0),
            ("consent_required", 65001),
        ] {
            assert!(refusal(error, code).ends_grant(), "{error} {code}");
        }
        for (error, code) in [
            ("invalid_client", 7_000_215),
            ("invalid_client", 7_000_222),
            ("invalid_scope", 70011),
            ("temporarily_unavailable", 90033),
            ("unauthorized_client", 700_016),
            ("server_error", 0),
            ("whatever", 0),
        ] {
            assert!(!refusal(error, code).ends_grant(), "{error} {code}");
        }
    }
}
