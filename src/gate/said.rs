//! What a program that sends an API key says about the person for whom it sends the request.

use super::forwarded::{Forwarded, Malformed};
use gatepost_config::{SpeakerKind, UNSIGNED_HEADERS};
use gatepost_core::decision::WordDenial;
use gatepost_core::header_names::is_alias_of;
use gatepost_core::host::HostName;
use gatepost_oidc::Speaker;
use gatepost_runtime::headers::Headers;
use gatepost_runtime::site::Site;
use std::sync::Arc;

/// A word that has not been verified.
#[derive(Clone, Copy, Debug)]
pub struct Said<'a> {
    /// Whose word it is.
    pub speaker: &'a Arc<Speaker>,
    /// The word.
    pub text: &'a str,
}

impl<'a> Said<'a> {
    /// Finds the word of a request. `None`: it says nothing about a person.
    ///
    /// A word of a speaker that does not count at this host is refused and not ignored, because whoever sends it does not
    /// mean the key itself.
    ///
    /// # Errors
    /// [`WordDenial::Host`], [`WordDenial::Unsigned`], [`WordDenial::Repeated`].
    pub fn find(
        site: &'a Site,
        forwarded: &Forwarded<'a>,
        host: &HostName,
    ) -> Result<Option<Self>, WordDenial> {
        let mut found: Option<Self> = None;
        let mut is_elsewhere = false;
        for speaker in site.speakers.iter() {
            let mut lines = forwarded.lines_of(&speaker.config().header);
            let Some(line) = lines.next() else { continue };
            if !speaker.config().is_heard_on(host) {
                is_elsewhere = true;
                continue;
            }
            let text = gatepost_runtime::headers::text(line).ok_or(WordDenial::Repeated)?;
            if lines.next().is_some() || found.is_some() {
                return Err(WordDenial::Repeated);
            }
            found = Some(Self { speaker, text });
        }
        if found.is_some() {
            return Ok(found);
        }
        if is_elsewhere {
            return Err(WordDenial::Host);
        }
        let may_be_unsigned = |speaker: &Arc<Speaker>| speaker.config().kind == SpeakerKind::OpenWebUi;
        let is_unsigned = || UNSIGNED_HEADERS.iter().any(|name| forwarded.lines_of(name).next().is_some());
        if site.speakers.on(host).any(may_be_unsigned) && is_unsigned() {
            return Err(WordDenial::Unsigned);
        }
        Ok(None)
    }
}

/// Refuses a header that an application could read as what a speaker says about a person. The proxy takes out only the exact
/// names.
///
/// # Errors
/// [`Malformed::AliasOfWord`].
pub(super) fn refuse_aliases(site: &Site, headers: Headers<'_>) -> Result<(), Malformed> {
    if site.speakers.is_empty() {
        return Ok(());
    }
    let is_alias = |name: &str| site.speakers.hidden_headers().any(|hidden| is_alias_of(name, hidden));
    if headers.lines().any(|(name, _)| is_alias(name)) { Err(Malformed::AliasOfWord) } else { Ok(()) }
}
