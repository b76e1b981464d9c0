//! Reads the credential with which Gatepost authenticates to a provider: a secret, a certificate or an assertion file.

use super::reader::{Found, Read, Reader};
use super::watched::take_if;
use super::{AssertionAlgorithm, AssertionConfig, ClientCredential};
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::ProviderId;
use secrecy::ExposeSecret;
use uuid::Uuid;

const SECRET: &str = "the client's secret";
const CERTIFICATE: &str =
    "PEM with a certificate and its unencrypted private key (the path of such a file goes into ..._FILE)";
const ASSERTION: &str = "the path of a file with a client assertion";

/// Reads the credential of one provider. Exactly one kind must be given.
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
                format!("found {}, expected only one of them", given.join(" and ")),
            ))
        }
    }
}

fn read_secret(reader: &mut Reader, secret: Found, is_entra: bool) -> Read<ClientCredential> {
    let text = secret.value.expose_secret();
    if !is_one_line(text) {
        return Err(reader
            .malformed_secret(&secret, "the client's secret on one line, without white space around it"));
    }
    if is_entra && is_secret_id(text) {
        return Err(reader.malformed_secret(&secret, "the secret's Value; this looks like its Secret ID"));
    }
    Ok(ClientCredential::Secret(secret.watched(if is_entra {
        |_, text| take_if(is_one_line(text) && !is_secret_id(text), text)
    } else {
        |_, text| take_if(is_one_line(text), text)
    })))
}

fn is_one_line(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(char::is_control) && text.trim() == text
}

/// Whether the text is a GUID. Entra's portal shows the Secret ID, a GUID, beside the secret's value.
fn is_secret_id(text: &str) -> bool {
    Uuid::try_parse(text).is_ok()
}

/// Reads how client assertions are made. Gatepost only makes them for a certificate, so with another credential these
/// settings are an error.
pub(super) fn read_assertion(
    reader: &mut Reader,
    id: &ProviderId,
    credential: &Read<ClientCredential>,
) -> Read<AssertionConfig> {
    let at = |setting: &str| format!("providers.{id}.{setting}");
    let (kid_at, algorithm_at) = (at("client_certificate_kid"), at("client_certificate_alg"));
    let kid = reader.value(&kid_at, "the id under which the provider knows the key", |text| {
        text.bytes().all(|b| b.is_ascii_graphic() || b == b' ').then(|| text.to_owned())
    });
    let words = [("RS256", AssertionAlgorithm::Rs256), ("PS256", AssertionAlgorithm::Ps256)];
    let algorithm = reader.word(&algorithm_at, &words, "RS256 or PS256");
    let (kid, algorithm) = (kid?, algorithm?);
    let given = [(&kid_at, kid.is_some()), (&algorithm_at, algorithm.is_some())];
    if let Ok(ClientCredential::Secret(_) | ClientCredential::AssertionFile(_)) = credential
        && let Some((key, _)) = given.into_iter().find(|(_, is_given)| *is_given)
    {
        return Err(
            reader.contradiction(key, "only applies to client_certificate, but another credential is given")
        );
    }
    Ok(AssertionConfig { kid, algorithm })
}

/// Reads when the client's secret ends. No provider tells a client that; a certificate says it itself.
pub(super) fn read_end(
    reader: &mut Reader,
    id: &ProviderId,
    credential: &Read<ClientCredential>,
) -> Read<Option<Timestamp>> {
    let key = format!("providers.{id}.client_secret_expires_at");
    let expected = "a day in UTC or a time of RFC 3339, as in 2027-01-31 or 2027-01-31T12:00:00Z";
    let end = reader.value(&key, expected, |text| {
        let is_day = text.len() == "2027-01-31".len();
        if is_day { format!("{text}T00:00:00Z").parse().ok() } else { text.parse().ok() }
    })?;
    if let Ok(ClientCredential::Certificate(_) | ClientCredential::AssertionFile(_)) = credential
        && end.is_some()
    {
        let why = "only applies to client_secret, but another credential is given";
        return Err(reader.contradiction(&key, why));
    }
    Ok(end)
}

fn read_certificate(reader: &mut Reader, pem: Found) -> Read<ClientCredential> {
    if has_certificate_and_key(pem.value.expose_secret()) {
        let take = |_: &str, text: &str| take_if(has_certificate_and_key(text), text);
        Ok(ClientCredential::Certificate(pem.watched(take)))
    } else {
        Err(reader.malformed_secret(&pem, CERTIFICATE))
    }
}

fn has_certificate_and_key(text: &str) -> bool {
    let has = |label: &str| text.contains(&format!("-----BEGIN {label}-----"));
    has("CERTIFICATE") && ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"].into_iter().any(has)
}
