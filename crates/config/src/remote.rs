//! Reads where the command line finds an installation that runs elsewhere, and the key with which it calls its API.

use super::RemoteConfig;
use super::address::read_ca_file;
use super::reader::{Read, Reader};
use gatepost_core::api_key::ApiKey;
use gatepost_core::host::Origin;
use secrecy::ExposeSecret;

/// What every key of these settings begins with.
pub(super) const PREFIX: &str = "api";
const API: &str = "api";
const API_KEY: &str = "api_key";
const EXPECTED_API: &str =
    "the address of Gatepost's public listener: https://auth.example.com (http only for localhost)";
const EXPECTED_KEY: &str =
    "an API key with the scopes api.read and api.write, as `gatepost key create` prints it";

/// Whether the operator names an installation elsewhere, validly or not.
pub(super) fn is_given(reader: &Reader) -> bool {
    [API, API_KEY, "api_key_file"].into_iter().any(|key| reader.is_given(key))
}

pub(super) fn read(reader: &mut Reader) -> Read<Option<RemoteConfig>> {
    let api = reader.value(API, EXPECTED_API, |text| text.parse::<Origin>().ok());
    let key = reader.secret(API_KEY, EXPECTED_KEY);
    let (api, key) = match (api?, key?) {
        (None, None) => return Ok(None),
        (Some(api), Some(key)) => (api, key),
        (None, Some(_)) => return Err(reader.missing(API, EXPECTED_API)),
        (Some(_), None) => return Err(reader.missing(API_KEY, EXPECTED_KEY)),
    };
    if ApiKey::parse(key.value.expose_secret()).is_err() {
        return Err(reader.malformed_secret(&key, EXPECTED_KEY));
    }
    Ok(Some(RemoteConfig { api, key: key.value, ca_file: read_ca_file(reader)? }))
}
