//! How Gatepost proves to a provider who it is: exactly one of secret, certificate and assertion file.

use super::ClientCredential;
use super::reader::{Found, Read, Reader};
use crate::domain::ids::ProviderId;
use secrecy::ExposeSecret;
use uuid::Uuid;

const SECRET: &str = "the client's secret";
const CERTIFICATE: &str =
    "PEM with a certificate and its unencrypted private key (the path of such a file goes into ..._FILE)";
const ASSERTION: &str = "the path of a file with a client assertion";

/// The credential of one provider.
pub(super) fn read(reader: &mut Reader, id: &ProviderId, is_entra: bool) -> Read<ClientCredential> {
    let at = |setting: &str| format!("providers.{id}.{setting}");
    let secret = reader.secret(&at("client_secret"), SECRET);
    let certificate = reader.secret(&at("client_certificate"), CERTIFICATE);
    let assertion = reader.path(&at("client_assertion_file"), ASSERTION);
    match (secret?, certificate?, assertion?) {
        (Some(secret), None, None) => read_secret(reader, secret, is_entra),
        (None, Some(pem), None) => read_certificate(reader, pem),
        (None, None, Some(path)) => Ok(ClientCredential::AssertionFile(path)),
        (None, None, None) => {
            let expected = "this, client_certificate or client_assertion_file (one of them)";
            Err(reader.missing(&at("client_secret"), expected))
        }
        (secret, certificate, assertion) => {
            let mut given: Vec<String> =
                [secret, certificate].iter().flatten().map(|found| reader.name(&found.key)).collect();
            given.extend(assertion.map(|_| reader.name(&at("client_assertion_file"))));
            Err(reader.contradiction(
                &at("client_secret"),
                format!("one credential is enough, found {}", given.join(" and ")),
            ))
        }
    }
}

fn read_secret(reader: &mut Reader, secret: Found, is_entra: bool) -> Read<ClientCredential> {
    let text = secret.value.expose_secret();
    if text.chars().any(char::is_control) || text.trim() != text {
        return Err(reader
            .malformed_secret(&secret, "the client's secret on one line, without white space around it"));
    }
    if is_entra && Uuid::try_parse(text).is_ok() {
        return Err(reader.malformed_secret(&secret, "the secret's Value; this looks like its Secret ID"));
    }
    Ok(ClientCredential::Secret(secret.value))
}

fn read_certificate(reader: &mut Reader, pem: Found) -> Read<ClientCredential> {
    let text = pem.value.expose_secret();
    let has_key = ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"]
        .iter()
        .any(|label| text.contains(&format!("-----BEGIN {label}-----")));
    if text.contains("-----BEGIN CERTIFICATE-----") && has_key {
        Ok(ClientCredential::Certificate(pem.value))
    } else {
        Err(reader.malformed_secret(&pem, CERTIFICATE))
    }
}
