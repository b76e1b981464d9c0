//! Decides about a request that a program sends for a person, with an API key and a signed word
//! (`GATEPOST_SPEAKERS__*`). Both must count: `Open WebUI` also sends its words to those who serve its models, so a word
//! alone is worth nothing. Of the word only the address counts. Who the person is and what they may do the directory says.

use super::case::{Case, Verdict};
use super::context::Context;
use super::pass::{Passing, note_person, pass};
use super::said::Said;
use gatepost_core::api_key::KeyUse;
use gatepost_core::clock::Timestamp;
use gatepost_core::decision::{self, Denial, WordDenial};
use gatepost_core::ids::TenantId;
use gatepost_oidc::{OidcError, Word};
use gatepost_runtime::authn::{self, LoadError};
use gatepost_runtime::identity_headers;
use gatepost_runtime::session_cache::{CacheKey, CachedKey, CachedWord, VerifiedWord};
use hyper::HeaderMap;
use std::sync::Arc;
use tokio::time::timeout;

/// The longest reason in an answer, in bytes.
const LONGEST_REASON: usize = 200;

/// What a request with a key says about a person. `None`: nothing, so the key itself decides.
///
/// # Errors
/// A denial, if the key or what is said does not count here. What makes the key worthless comes first.
pub(super) fn heard<'a>(
    context: &'a Context,
    case: &Case<'a>,
    key: &CachedKey,
    now: Timestamp,
) -> Result<Option<Said<'a>>, Box<Verdict>> {
    if context.site.speakers.is_empty() {
        return Ok(None);
    }
    let host = case.origin.host();
    let said = Said::find(&context.site, case.forwarded, host);
    if matches!(said, Ok(None)) {
        return Ok(None);
    }
    let request = KeyUse { now, host, client: case.forwarded.client_address() };
    let counts = key.proof.limits.check(&request);
    counts
        .and_then(|()| decision::require_active(&key.standing.access))
        .map_err(|denial| Box::new(Verdict::of_key(Denial::Key(denial), key.proof.named())))?;
    match said.map_err(|denial| Box::new(denied(key, denial)))? {
        Some(said) if !key.proof.limits.may_act_by(&said.speaker.config().id) => {
            Err(Box::new(denied(key, WordDenial::Scope)))
        }
        said => Ok(said),
    }
}

/// Decides from the cache alone. `None`: the person is not cached, or seems to have no valid session.
pub(super) fn from_cache(
    context: &Context,
    case: &Case<'_>,
    key: &CachedKey,
    said: &Said<'_>,
    now: Timestamp,
) -> Option<Verdict> {
    let cache_key = key_of(case, key, said);
    let person = context.cache.fresh(&cache_key)?;
    match judge(context, case, key, (cache_key, &person), now) {
        Verdict::Deny { denial: Denial::Word(WordDenial::Nobody), .. } => None,
        verdict => Some(verdict),
    }
}

/// Decides from the stores, within [`authn::DEADLINE`] after the word was verified, which has the same limit.
pub(super) async fn from_stores(
    context: &Context,
    case: &Case<'_>,
    key: &CachedKey,
    said: &Said<'_>,
) -> Verdict {
    let now = Timestamp::now();
    if let Some(verdict) = from_cache(context, case, key, said, now) {
        return verdict;
    }
    let word = match verify(context, said, now).await {
        Ok(word) => word,
        Err(LoadError::Speaker(OidcError::Token(error))) => {
            return denied(key, WordDenial::Invalid(plain(&error.to_string())));
        }
        Err(error) => return Verdict::CannotKnow(Arc::new(error)),
    };
    let needs_session = said.speaker.config().require_session;
    let verified = VerifiedWord { word, needs_session, within: tenants_of(key) };
    let cache_key = key_of(case, key, said);
    let found = match timeout(authn::DEADLINE, context.cache.find_person(cache_key, &verified)).await {
        Ok(found) => found,
        Err(_) => Err(Arc::new(LoadError::Deadline)),
    };
    match found {
        Ok(Some(person)) => judge(context, case, key, (cache_key, &person), Timestamp::now()),
        Ok(None) => Verdict::Deny {
            denial: Denial::Word(WordDenial::Nobody),
            user: Some(key.proof.id.machine()),
            email: Some(verified.word.email),
            may_request: false,
            via: Some(key.proof.named()),
        },
        Err(error) => Verdict::CannotKnow(error),
    }
}

/// Verifies a word. If its key is not known, the speaker's keys are fetched on the threads of the stores' connections, and
/// the fetch goes on when the request does not wait for it any more.
async fn verify(context: &Context, said: &Said<'_>, now: Timestamp) -> Result<Word, LoadError> {
    let (speaker, text) = (Arc::clone(said.speaker), said.text.to_owned());
    let verified = context.tasks.run(async move { speaker.verify(&text, now).await });
    timeout(authn::DEADLINE, verified).await.map_err(|_| LoadError::Deadline)?.map_err(LoadError::Speaker)
}

/// A denial that concerns the word itself.
fn denied(key: &CachedKey, denial: WordDenial) -> Verdict {
    Verdict::of_key(Denial::Word(denial), key.proof.named())
}

/// The entry of a person depends on the key only by the tenants that limit it.
fn key_of(case: &Case<'_>, key: &CachedKey, said: &Said<'_>) -> CacheKey {
    let limit =
        tenants_of(key).map(|tenants| tenants.iter().map(TenantId::as_str).collect::<Vec<_>>().join(","));
    let id = said.speaker.config().id.as_str();
    let text = format!("{id} {} {}", limit.as_deref().unwrap_or("*"), said.text);
    CacheKey::of_credential("word", case.origin.host().as_str(), &text)
}

/// The tenants that limit a key: its own, as long as it may enter it. A key without a tenant is not limited.
fn tenants_of(key: &CachedKey) -> Option<Vec<TenantId>> {
    let own = key.proof.tenant.as_ref()?;
    Some(key.standing.access.role_in(own).map(|_| own.clone()).into_iter().collect())
}

fn judge(
    context: &Context,
    case: &Case<'_>,
    key: &CachedKey,
    (cache_key, person): (CacheKey, &CachedWord),
    now: Timestamp,
) -> Verdict {
    let site = &context.site;
    let session = person.proof.session.as_ref();
    let decided =
        decision::decide_for_person(case.requirement, &person.standing, session, &site.lifetimes, now);
    let permit = match decided {
        Ok(permit) => permit,
        Err(denial) => {
            let who = &person.standing.person;
            let may_request = site.may_request_access(&person.standing.access);
            let (user, email, via) = (Some(who.id), who.email.clone(), Some(key.proof.named()));
            return Verdict::Deny { denial, user, email, may_request, via };
        }
    };
    context.key_uses.note_pass(key, case.forwarded.client_address(), now);
    note_person(context, &person.seen, &permit, now);
    let mut headers = HeaderMap::with_capacity(12);
    identity_headers::write(&mut headers, &permit, &person.headers, case.forwarded.headers(), site.cookies);
    identity_headers::write_via(&mut headers, &key.proof.name);
    let (access, sent) = (&person.standing.access, Some(&key.proof));
    let passing = Passing { permit: &permit, access, headers, now, key: sent };
    pass(context, case, (person, cache_key), passing, |passage| {
        passage.via_key(key.proof.named(), Arc::clone(&key.proof.limits))
    })
}

/// A reason without what the sender could have put there to end a quoted string or a line.
fn plain(reason: &str) -> Box<str> {
    let is_plain = |c: &char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\');
    reason.chars().filter(is_plain).take(LONGEST_REASON).collect()
}
