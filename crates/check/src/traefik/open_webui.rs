//! Checks the `Open WebUI` of a Compose file as a speaker (`GATEPOST_SPEAKERS__*`): how it signs whom it sends requests
//! for, and what it gives to tool servers.

use super::setup::{Setup, Spot, is_gatepost};
use super::site::Site;
use super::source::{interpolate, pairs};
use crate::finding::{Finding, codes};
use gatepost_config::{SpeakerConfig, SpeakerKey, SpeakerKind};
use secrecy::ExposeSecret;
use serde_json::Value;

codes! {
    SECRET_SHARED = Error "compose-speaker-secret-shared":
        "Open WebUI signs its own sessions with WEBUI_SECRET_KEY. Whoever reads the one secret can sign in there as anybody, and call tools for anybody.",
        "Give the speaker and FORWARD_USER_INFO_HEADER_JWT_SECRET a secret of their own.";
    UNSIGNED = Error "compose-speaker-unsigned":
        "Open WebUI names people in headers without a signature. Gatepost refuses these requests with 401, and whoever else gets them believes anybody.",
        "Set FORWARD_USER_INFO_HEADER_JWT_SECRET to the secret of the speaker.";
    LIFE = Error "compose-speaker-life":
        "Gatepost refuses every request that Open WebUI sends for a person, because its words live too long.",
        "Set FORWARD_USER_INFO_HEADER_JWT_EXPIRES_SECONDS to the speaker's MAX_AGE in seconds.";
    TOOL_SESSION = Error "compose-tool-session":
        "Open WebUI sends the person's own token to the tool server, which can then do everything as that person in Open WebUI.",
        "Use the authentication bearer with an API key of Gatepost, and do not forward cookies.";
}

const SECRET: &str = "FORWARD_USER_INFO_HEADER_JWT_SECRET";
const EXPIRES: &str = "FORWARD_USER_INFO_HEADER_JWT_EXPIRES_SECONDS";
const FORWARD: &str = "ENABLE_FORWARD_USER_INFO_HEADERS";
/// The life of its words where none is set, in seconds.
const DEFAULT_LIFE: u64 = 300;

pub(super) fn inspect(setup: &Setup<'_>, site: Option<&Site<'_>>, findings: &mut Vec<Finding>) {
    let speakers: Vec<&SpeakerConfig> = site
        .iter()
        .flat_map(|site| site.speakers)
        .filter(|speaker| speaker.kind == SpeakerKind::OpenWebUi)
        .collect();
    for file in setup.composes() {
        let services = || file.get("services").into_iter().flat_map(Spot::entries);
        let files: Vec<String> = services()
            .filter(|(name, _)| is_gatepost(name))
            .flat_map(|(_, spot)| Variables::of(spot).files_of_speakers())
            .collect();
        for (_, spot) in services().filter(|(name, spot)| is_open_webui(name, *spot)) {
            let variables = Variables::of(spot);
            secrets(&variables, &speakers, &files, findings);
            life(&variables, &speakers, findings);
            tools(&variables, findings);
        }
    }
}

fn is_open_webui(name: &str, spot: Spot<'_>) -> bool {
    let image = spot.get("image").and_then(|image| image.node.text()).unwrap_or_default();
    name.contains("open-webui") || image.contains("open-webui")
}

/// The environment of a service.
struct Variables<'a> {
    spot: Spot<'a>,
    list: Vec<(String, String, usize)>,
    command: String,
}

impl<'a> Variables<'a> {
    fn of(spot: Spot<'a>) -> Self {
        let words = |part: &str| {
            let texts = spot.get(part).map(|spot| spot.node.texts()).unwrap_or_default();
            texts.iter().map(|(text, _)| interpolate(text)).collect::<Vec<_>>().join(" ")
        };
        let list = pairs(spot.get("environment").map(|spot| spot.node));
        Self { spot, list, command: words("entrypoint") + " " + &words("command") }
    }

    fn find(&self, wanted: &str) -> Option<(&str, usize)> {
        let found = self.list.iter().find(|(name, text, _)| name == wanted && !text.is_empty());
        found.map(|(_, text, line)| (text.as_str(), *line))
    }

    fn text(&self, wanted: &str) -> Option<&str> {
        self.find(wanted).map(|(text, _)| text)
    }

    /// The file whose text the command gives to a variable, as in `NAME=$(cat /run/secrets/name)`. `Open WebUI` reads no
    /// secret of a speaker from a file by itself.
    fn file_in_command(&self, variable: &str) -> Option<&str> {
        let (_, rest) = self.command.split_once(&format!("{variable}=$(cat "))?;
        rest.split(')').next()
    }

    fn files_of_speakers(&self) -> Vec<String> {
        let is_file = |name: &str| name.starts_with("GATEPOST_SPEAKERS__") && name.ends_with("__SECRET_FILE");
        self.list.iter().filter(|(name, ..)| is_file(name)).map(|(_, path, _)| path.clone()).collect()
    }
}

fn secrets(
    variables: &Variables<'_>,
    speakers: &[&SpeakerConfig],
    files: &[String],
    findings: &mut Vec<Finding>,
) {
    let own = variables.find("WEBUI_SECRET_KEY").or_else(|| variables.find("WEBUI_SECRET_KEY_FILE"));
    if let Some((_, line)) = own {
        let key = variables.text("WEBUI_SECRET_KEY");
        let file = variables.text("WEBUI_SECRET_KEY_FILE");
        let is_of_speaker = |speaker: &&SpeakerConfig| match &speaker.key {
            SpeakerKey::Secret(secret) => Some(secret.current().expose_secret()) == key,
            SpeakerKey::Jwks(_) => false,
        };
        let is_shared = (key.is_some() && variables.text(SECRET) == key)
            || (file.is_some() && variables.file_in_command(SECRET) == file)
            || files.iter().any(|path| Some(path.as_str()) == file)
            || speakers.iter().any(is_of_speaker);
        if is_shared {
            let found = "The secret of the speaker is also WEBUI_SECRET_KEY.";
            findings.push(SECRET_SHARED.at(variables.spot.line(line), found));
        }
    }
    let is_signed = variables.text(SECRET).is_some() || variables.file_in_command(SECRET).is_some();
    if let Some((text, line)) = variables.find(FORWARD)
        && text.eq_ignore_ascii_case("true")
        && !is_signed
    {
        let found = format!("{FORWARD} is true, and {SECRET} is not set.");
        findings.push(UNSIGNED.at(variables.spot.line(line), found));
    }
}

fn life(variables: &Variables<'_>, speakers: &[&SpeakerConfig], findings: &mut Vec<Finding>) {
    let is_forwarding = variables.text(FORWARD).is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let given = variables.find(EXPIRES);
    // Open WebUI takes its default for what is no number.
    let life = given.and_then(|(text, _)| text.parse().ok()).unwrap_or(DEFAULT_LIFE);
    let shortest = speakers.iter().map(|speaker| speaker.max_age.as_secs()).min();
    if let Some(shortest) = shortest.filter(|shortest| is_forwarding && life > *shortest) {
        let place = given.map_or_else(|| variables.spot.place(), |(_, line)| variables.spot.line(line));
        findings.push(LIFE.at(place, format!("Words live {life} s, and MAX_AGE is {shortest} s.")));
    }
}

fn tools(variables: &Variables<'_>, findings: &mut Vec<Finding>) {
    let Some((text, line)) = variables.find("TOOL_SERVER_CONNECTIONS") else { return };
    let servers = serde_json::from_str::<Vec<Value>>(text).unwrap_or_default();
    for server in servers {
        let url = server["url"].as_str().unwrap_or_default();
        if server["auth_type"] == "session" {
            let found = format!("The authentication of the tool server {url} is session.");
            findings.push(TOOL_SESSION.at(variables.spot.line(line), found));
        } else if server["forward_cookies"] == true {
            let found = format!("The tool server {url} gets the person's cookies.");
            findings.push(TOOL_SESSION.at(variables.spot.line(line), found));
        }
    }
}
