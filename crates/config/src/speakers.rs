//! Reads the speakers (`speakers.<id>.*`): programs that may say for which person they send a request, each with how
//! its signed word is verified and the hosts where it counts.

use super::issuer::secure_url;
use super::reader::{Found, Read, Reader};
use super::speaker_config::{SpeakerConfig, SpeakerKey, SpeakerKind};
use super::watched::take_if;
use super::{duration, providers};
use gatepost_core::header_names::{IDENTITY_HEADERS, is_reserved};
use gatepost_core::ids::SpeakerId;
use secrecy::ExposeSecret;
use std::time::Duration;
use url::Url;

const KIND: &str = "open-webui or jwt";
const SECRET: &str =
    "at least 32 bytes on one line, without white space around them (`openssl rand -hex 32`)";
const KEYS: &str = "an https address without query (http only on loopback)";
const ISSUER: &str = "the words' `iss`";
const AUDIENCE: &str = "the words' `aud`";
const HEADER: &str =
    "the name of a header, of letters, digits and hyphens, that neither the proxy nor Gatepost sets";
const HOSTS: &str = "the protected hosts where its words count, as in mcp.example.com or *.tools.example.com";

const DEFAULT_HEADER: &str = "x-openwebui-user-jwt";
/// The issuer that `Open WebUI` writes. It cannot be configured there.
const OPEN_WEBUI_ISSUER: &str = "open-webui";
/// The fewest bytes of a key of HS256 (RFC 7518 section 3.2).
const SHORTEST_SECRET: usize = 32;
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

pub(super) fn read(reader: &mut Reader) -> Read<Vec<SpeakerConfig>> {
    let names = reader.names_under("speakers.");
    let speakers: Vec<Read<SpeakerConfig>> = names.iter().map(|name| read_one(reader, name)).collect();
    let speakers = speakers.into_iter().collect::<Read<Vec<_>>>()?;
    check_headers(reader, &speakers).map(|()| speakers)
}

fn read_one(reader: &mut Reader, name: &str) -> Read<SpeakerConfig> {
    let Ok(id) = name.parse::<SpeakerId>() else {
        let at = format!("speakers.{name}");
        reader.pass_over(&format!("{at}."));
        return Err(reader.malformed(&at, format!("{name:?}"), "an id of 1 to 32 of a-z, 0-9 and -"));
    };
    let at = |setting: &str| format!("speakers.{id}.{setting}");
    let words = [("open-webui", SpeakerKind::OpenWebUi), ("jwt", SpeakerKind::Jwt)];
    let kind = reader.word(&at("kind"), &words, KIND);
    let kind = kind.and_then(|kind| kind.ok_or_else(|| reader.missing(&at("kind"), KIND)));
    let secret = reader.secret(&at("secret"), SECRET);
    let jwks = reader.value(&at("jwks_url"), KEYS, secure_url);
    let issuer = reader.value(&at("issuer"), ISSUER, providers::printable);
    let audience = reader.value(&at("audience"), AUDIENCE, providers::printable);
    let header = reader.value(&at("header"), HEADER, header_name);
    let hosts = reader.filled_list(&at("hosts"), HOSTS, |text| text.parse().ok());
    let hosts = hosts.and_then(|hosts| hosts.ok_or_else(|| reader.missing(&at("hosts"), HOSTS)));
    let require_session = reader.flag(&at("require_session"));
    let max_age = duration::read(reader, &at("max_age"), MINUTE..=DAY);

    let kind = kind?;
    let proof = match kind {
        SpeakerKind::OpenWebUi => open_webui(reader, &at, secret),
        SpeakerKind::Jwt => jwt(reader, &at, secret, jwks, issuer, audience),
    };
    let (key, issuer, audience) = proof?;
    Ok(SpeakerConfig {
        kind,
        key,
        issuer,
        audience,
        header: header?.unwrap_or_else(|| DEFAULT_HEADER.to_owned()),
        hosts: hosts?,
        require_session: require_session?.unwrap_or(true),
        max_age: max_age?.unwrap_or(HOUR),
        id,
    })
}

/// What a word is verified with, its issuer and its audience.
type Proof = (SpeakerKey, String, Option<String>);

fn open_webui(reader: &mut Reader, at: &impl Fn(&str) -> String, secret: Read<Option<Found>>) -> Read<Proof> {
    let mut fits = Ok(());
    for setting in ["jwks_url", "issuer", "audience"] {
        if reader.is_given(&at(setting)) {
            let why = "does not apply to kind open-webui, which signs with a secret as issuer open-webui";
            fits = Err(reader.contradiction(&at(setting), why));
        }
    }
    let secret = secret?.ok_or_else(|| reader.missing(&at("secret"), SECRET))?;
    let key = shared_key(reader, secret)?;
    fits.map(|()| (key, OPEN_WEBUI_ISSUER.to_owned(), None))
}

fn jwt(
    reader: &mut Reader,
    at: &impl Fn(&str) -> String,
    secret: Read<Option<Found>>,
    jwks: Read<Option<Url>>,
    issuer: Read<Option<String>>,
    audience: Read<Option<String>>,
) -> Read<Proof> {
    let issuer = issuer.and_then(|issuer| issuer.ok_or_else(|| reader.missing(&at("issuer"), ISSUER)));
    let (audience, key) = match (secret?, jwks?) {
        (Some(secret), None) => (audience, shared_key(reader, secret)?),
        (None, Some(url)) => {
            // Whoever publishes keys signs for others too: without an audience each of their tokens would be a word.
            let named = audience.and_then(|audience| match audience {
                Some(audience) => Ok(Some(audience)),
                None => Err(reader.missing(&at("audience"), AUDIENCE)),
            });
            (named, SpeakerKey::Jwks(url))
        }
        (None, None) => return Err(reader.missing(&at("secret"), "this or jwks_url (one of them)")),
        (Some(found), Some(_)) => {
            let why = format!("{} is also given: give only one of them", reader.name(&found.key));
            return Err(reader.contradiction(&at("jwks_url"), why));
        }
    };
    Ok((key, issuer?, audience?))
}

fn shared_key(reader: &mut Reader, secret: Found) -> Read<SpeakerKey> {
    if !is_long_enough(secret.value.expose_secret()) {
        return Err(reader.malformed_secret(&secret, SECRET));
    }
    Ok(SpeakerKey::Secret(secret.watched(|_, text| take_if(is_long_enough(text), text))))
}

fn is_long_enough(text: &str) -> bool {
    text.len() >= SHORTEST_SECRET && !text.chars().any(char::is_control) && text.trim() == text
}

/// Reads a header's name into lower case. Only Gatepost and the proxy set the reserved ones.
fn header_name(text: &str) -> Option<String> {
    let name = text.to_ascii_lowercase();
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let is_ours = IDENTITY_HEADERS.contains(&name.as_str()) || is_reserved(&name);
    (is_plain && !is_ours).then_some(name)
}

/// Checks that a header on a host is the word of one speaker only.
fn check_headers(reader: &mut Reader, speakers: &[SpeakerConfig]) -> Read<()> {
    let mut result = Ok(());
    for (at, one) in speakers.iter().enumerate() {
        let shares = |other: &&SpeakerConfig| {
            other.header == one.header
                && one.hosts.iter().any(|host| other.hosts.iter().any(|theirs| host.overlaps(theirs)))
        };
        if let Some(other) = speakers[..at].iter().find(shares) {
            let why = format!(
                "{} and {} have the header {} on the same host: give each other hosts, or another header",
                other.id, one.id, one.header
            );
            result = Err(reader.contradiction(&format!("speakers.{}.hosts", one.id), why));
        }
    }
    result
}
