//! Reads where Gatepost tells a chat about requests for access, and the secret that signs what it sends.

use super::WebhookConfig;
use super::reader::{Read, Reader};
use super::watched::take_if;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret;
use url::{Host, Url};
use zeroize::Zeroizing;

const URL: &str = "an https address (http only on loopback), without user, password and fragment";
const SECRET: &str = "whsec_ and the base64 of 24 to 64 random bytes (`openssl rand -base64 32`)";
const PREFIX: &str = "whsec_";

pub(super) fn read(reader: &mut Reader) -> Read<Option<WebhookConfig>> {
    // The address of a chat's webhook holds what lets its holder write there, so errors do not show it.
    let url = reader.secret("webhook.url", URL);
    let secret = reader.secret("webhook.secret", SECRET);
    let (url, secret) = match (url?, secret?) {
        (None, None) => return Ok(None),
        (Some(url), Some(secret)) => (url, secret),
        (None, Some(_)) => return Err(reader.missing("webhook.url", "the address that the secret signs for")),
        (Some(_), None) => return Err(reader.missing("webhook.secret", SECRET)),
    };
    if parse_url(url.value.expose_secret()).is_none() {
        return Err(reader.malformed_secret(&url, URL));
    }
    if parse_secret(secret.value.expose_secret()).is_none() {
        return Err(reader.malformed_secret(&secret, SECRET));
    }
    Ok(Some(WebhookConfig {
        url: url.watched(|_, text| take_if(parse_url(text).is_some(), text)),
        secret: secret.watched(|_, text| take_if(parse_secret(text).is_some(), text)),
    }))
}

impl WebhookConfig {
    /// The present address.
    ///
    /// # Panics
    /// Never: what cannot be parsed replaces nothing.
    pub fn current_url(&self) -> Url {
        parse_url(self.url.current().expose_secret()).expect("only an address is kept")
    }

    /// The present key.
    ///
    /// # Panics
    /// Never: what cannot be parsed replaces nothing.
    pub fn current_key(&self) -> Zeroizing<Vec<u8>> {
        parse_secret(self.secret.current().expose_secret()).expect("only a key is kept")
    }
}

fn parse_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let is_plain = url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    let is_safe = match (url.scheme(), url.host()?) {
        ("https", _) => true,
        ("http", Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        ("http", Host::Ipv4(address)) => address.is_loopback(),
        ("http", Host::Ipv6(address)) => address.is_loopback(),
        _ => false,
    };
    (is_plain && is_safe && text.trim() == text).then_some(url)
}

/// The key of a secret as the specification "Standard Webhooks" writes it.
fn parse_secret(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let key = Zeroizing::new(STANDARD.decode(text.strip_prefix(PREFIX)?).ok()?);
    (24..=64).contains(&key.len()).then_some(key)
}
