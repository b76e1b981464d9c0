//! What a problem document of the API says (RFC 9457), as the command says it that works on the stores.

use super::error::ApiError;
use gatepost_core::administration::Version;
use gatepost_store::directory::DirectoryError;
use gatepost_web::problem_document::ProblemCode;
use reqwest::StatusCode;
use serde::Deserialize;

/// Reads a problem document of this origin. `Version`: that of the thing now.
pub(super) fn read(
    origin: String,
    (status, version): (StatusCode, Option<Version>),
    bytes: &[u8],
) -> ApiError {
    #[derive(Deserialize)]
    struct Problem {
        detail: String,
        #[serde(default)]
        errors: Vec<Flaw>,
    }
    #[derive(Deserialize)]
    struct Flaw {
        code: String,
        detail: String,
    }
    let Problem { detail, errors } = match serde_json::from_slice(bytes) {
        Ok(problem) => problem,
        Err(error) => return ApiError::Unexpected { origin, error },
    };
    if status.is_server_error() {
        return ApiError::Unavailable { origin, status, detail: as_part(&detail) };
    }
    if status.as_u16() == ProblemCode::Overtaken.kind().status.as_u16() {
        return DirectoryError::Overtaken(version).into();
    }
    let code = errors.first().map(|flaw| flaw.code.clone()).unwrap_or_default();
    if code == "last_admin" {
        return DirectoryError::LastAdmin.into();
    }
    if code == "ends_in_the_past" && errors.len() == 1 {
        return DirectoryError::EndsInThePast.into();
    }
    let others = errors.iter().filter(|flaw| flaw.detail != detail).map(|flaw| as_part(&flaw.detail));
    let detail = others.fold(as_part(&detail), |text, other| format!("{text}\n  {other}"));
    ApiError::Refused { status, code, detail }
}

/// The words with which sentences of the API begin, beside names.
const FIRST_WORDS: [&str; 17] = [
    "A",
    "Addresses",
    "Group",
    "It",
    "Key",
    "Nothing",
    "One",
    "Proposal",
    "Request",
    "The",
    "There",
    "These",
    "This",
    "Tool",
    "User",
    "What",
    "You",
];

/// A sentence as messages of commands have it: on one line, so that it looks like no hint of ours, without a capital that is
/// no name's, and without a full stop.
fn as_part(sentence: &str) -> String {
    let sentence = sentence.replace(['\r', '\n'], " ");
    let text = sentence.strip_suffix('.').unwrap_or(&sentence);
    let first = text.split(' ').next().unwrap_or_default();
    // The name of a host is written in small letters.
    let is_host = first.contains('.') && !first.contains('@');
    if is_host || FIRST_WORDS.contains(&first) {
        format!("{}{}", first.to_lowercase(), &text[first.len()..])
    } else {
        text.to_owned()
    }
}
