//! What the pages of requests for access and of proposals of tenants share: both are listed by state, and decided once.

use crate::extract::Fields;
use gatepost_core::email::EmailAddress;
use gatepost_store::directory::Who;
use serde::Deserialize;

/// The filter, and where the page begins.
#[derive(Deserialize)]
pub(crate) struct Listed {
    pub(super) state: Option<String>,
    pub(super) after: Option<String>,
}

/// What the last form did.
#[derive(Deserialize)]
pub(crate) struct Shown {
    pub(super) done: Option<String>,
}

/// The version that the form showed, and what the person is to read.
#[derive(Deserialize)]
pub(crate) struct Answering {
    pub(super) version: Option<String>,
    pub(super) answer: Option<String>,
}

impl Fields for Answering {
    // An answer of the longest characters, each percent-encoded.
    const LIMIT: usize = 8 * 1024;
}

/// The address of who decided, else how the audit names them.
pub(super) fn decider(email: Option<&EmailAddress>, who: Option<&Who>) -> Option<String> {
    email.map(ToString::to_string).or_else(|| who.map(ToString::to_string))
}
