//! Signs out here, then at the provider. Also ends sessions when the provider requests it.
//!
//! The directory is written first: if it cannot record the end, the session is not ended and nothing is deleted.

use super::provider_session::{sid_hash, unnamed_hash};
use super::{Browser, Context, Destination, Problem};
use gatepost_core::clock::Timestamp;
use gatepost_core::error_chain::Chain;
use gatepost_core::identity::SubjectKey;
use gatepost_core::ids::ProviderId;
use gatepost_core::secret::Hash;
use gatepost_oidc::{EndSession, LogoutToken, OidcError};
use gatepost_runtime::authn::LoadError;
use gatepost_runtime::revocation::{end_session, revoke_refresh_token};
use gatepost_runtime::site::Site;
use gatepost_store::directory::{Actor, DirectoryError, Who};
use gatepost_store::session::record::{SessionRecord, Token};
use gatepost_store::session::sealed::Purpose;
use gatepost_store::session::store::StoreError;
use gatepost_store::session::tokens::SignOutTicket;
use gatepost_telemetry::EndCause;

/// The address on the public host that ends the session of a protected host's cookie.
pub fn sign_out_address(site: &Site, ticket: Option<&SignOutTicket>) -> String {
    match ticket {
        Some(ticket) => {
            let sealed = site.ring.seal(Purpose::SignOutTicket, "", ticket);
            site.public_address("/logout", &[("t", &sealed)]).into()
        }
        None => site.public_address("/logout", &[]).into(),
    }
}

/// Opens a sign-out ticket from a protected host. `None`: it is invalid or too old.
pub fn open_ticket(site: &Site, sealed: &str) -> Option<SignOutTicket> {
    site.ring.open(Purpose::SignOutTicket, "", sealed).ok()
}

/// Ends a session everywhere and sends the browser to the provider's sign-out.
///
/// With a ticket it ends only the ticket's session: another person's ticket must not sign this browser out.
///
/// # Errors
/// [`Problem::Unavailable`]: nothing was ended, no cookie deleted.
pub async fn sign_out(
    context: &Context,
    browser: &Browser,
    ticket: Option<&SignOutTicket>,
) -> Result<Destination, Problem> {
    let own = browser.held.as_ref().and_then(|held| held.value.as_ref());
    let own = own.map(|value| SignOutTicket { session: value.session.clone(), user: value.user });
    let Some(wanted) = ticket.or(own.as_ref()) else {
        let to = context.site.public_address("/logged-out", &[]).into();
        return Ok(Destination::Redirect { to, cookie: Some(context.site.cookies.deleted()) });
    };
    let is_own = own.as_ref().is_some_and(|own| own.session == wanted.session);
    let record = end_wanted(context, browser, wanted).await?;
    if let Some(record) = &record {
        revoke_refresh_token(&context.revocation, record);
    }
    // The ticket of another session does not sign this browser out, neither here nor at the provider.
    let to = record.filter(|_| is_own).map_or_else(
        || context.site.public_address("/logged-out", &[]).into(),
        |record| after(context, &record),
    );
    Ok(Destination::Redirect { to, cookie: is_own.then(|| context.site.cookies.deleted()) })
}

/// Ends a session, also while the session store does not answer: the sealed value names the person.
async fn end_wanted(
    context: &Context,
    browser: &Browser,
    wanted: &SignOutTicket,
) -> Result<Option<SessionRecord>, Problem> {
    let hash = wanted.session.hash();
    let found = context.stores.sessions.find(&wanted.session).await.unwrap_or_else(|error| {
        tracing::warn!(error = %Chain(&error), session.hash = %hash, "a session is ended without its record");
        None
    });
    let actor = browser.actor(Who::Person(wanted.user));
    end_session(&context.revocation, hash, wanted.user, EndCause::SignOut, &actor).await?;
    Ok(found.map(|session| session.record))
}

/// Where the browser goes after its session was ended.
fn after(context: &Context, record: &SessionRecord) -> String {
    let signed_out = context.site.public_address("/logged-out", &[]);
    if record.provider.tenant().is_some() {
        // The pages of the gate redirect to providers of the configuration alone.
        return context.site.public_address("/logged-out", &[("provider", record.provider.as_str())]).into();
    }
    let Some(provider) = context.site.providers.find(&record.provider) else { return signed_out.into() };
    let request = EndSession {
        post_logout_redirect_uri: &signed_out,
        logout_hint: record.logout_hint.as_deref(),
        id_token_hint: record.id_token.as_ref().map(Token::secret),
        state: None,
    };
    let remains = || context.site.public_address("/logged-out", &[("provider", provider.id().as_str())]);
    provider.end_session_url(&request).unwrap_or_else(remains).into()
}

/// Front-channel sign-out (OpenID Connect Front-Channel Logout 1.0): anybody can call it, so it ends the sessions of
/// one `sid` here and does nothing else.
///
/// # Errors
/// [`LoadError`].
pub async fn front_channel(
    context: &Context,
    browser: &Browser,
    sid: &str,
    issuer: Option<&str>,
) -> Result<u32, LoadError> {
    let mut ended = 0;
    let matching = context
        .site
        .providers
        .iter()
        .filter(|provider| issuer.is_none_or(|issuer| provider.is_issuer(issuer)));
    for provider in matching {
        ended += end_sid(context, provider.id(), sid, None, &browser.actor(Who::Provider)).await?;
    }
    Ok(ended)
}

/// Why a logout token was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum BackChannelError {
    /// It is invalid: 400.
    #[error("the logout token does not hold")]
    Refused(#[source] OidcError),
    /// The provider's keys are unavailable.
    #[error("the keys of the provider cannot be had")]
    KeysUnavailable(#[source] OidcError),
    /// It was used before.
    #[error("the logout token was used before")]
    Replayed,
    /// A store did not answer. The provider will try again.
    #[error(transparent)]
    Unavailable(#[from] LoadError),
}

impl From<StoreError> for BackChannelError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.into())
    }
}

impl From<DirectoryError> for BackChannelError {
    fn from(error: DirectoryError) -> Self {
        Self::Unavailable(error.into())
    }
}

/// Back-channel sign-out (OpenID Connect Back-Channel Logout 1.0 section 2.5).
///
/// Sessions whose ID token was issued up to the second of the token's `iat` end: both are the provider's clock. What is
/// still on its way in is refused by the directory. A `sid` narrows to that session, and to those whose ID token had no
/// `sid` although the logout token has one: nobody can say that they are not meant.
///
/// # Errors
/// [`BackChannelError`].
pub async fn back_channel(context: &Context, browser: &Browser, token: &str) -> Result<(), BackChannelError> {
    let (provider, token) = verify(context, token).await?;
    if context.stores.sessions.knows_logout_token(&token.issuer, &token.jti).await? {
        return Err(BackChannelError::Replayed);
    }
    let actor = browser.actor(Who::Provider);
    let subject = token.subject.clone();
    let subject = subject.map(|subject| SubjectKey { issuer: token.issuer.clone(), subject });
    let is_meant = |record: &SessionRecord, subject: &SubjectKey| {
        record.subject == *subject && record.is_from_before(token.issued_at)
    };
    if let Some(sid) = &token.sid {
        let note = async |hash: Hash| {
            let until = Timestamp::now().plus(context.site.lifetimes.absolute);
            context
                .stores
                .directory
                .end_provider_session(provider, &hash, token.issued_at, until, &actor)
                .await
        };
        note(sid_hash(provider, sid)).await?;
        end_sid(context, provider, sid, Some(token.issued_at), &actor).await?;
        if let Some(subject) = &subject {
            note(unnamed_hash(provider, subject)).await?;
            if let Some(user) = context.stores.directory.find_user_of_subject(subject).await? {
                let is_unnamed = |record: &SessionRecord| record.sid.is_none() && is_meant(record, subject);
                let sessions = context.stores.sessions.list_of_user(user).await?;
                end_matching(context, sessions, is_unnamed, &actor).await?;
            }
        }
    } else if let Some(subject) = &subject {
        let not_before = Timestamp::from_unix(token.issued_at.unix() + 1);
        let user = context.stores.directory.end_id_tokens_of_subject(subject, not_before, &actor).await?;
        if let Some(user) = user {
            let sessions = context.stores.sessions.list_of_user(user).await?;
            end_matching(context, sessions, |record| is_meant(record, subject), &actor).await?;
        }
    }
    // Last: a token that met an outage comes again, and to do it twice ends nothing more.
    let ttl = token.expires_at.since(Timestamp::now());
    Ok(context.stores.sessions.remember_logout_token(&token.issuer, &token.jti, ttl).await?)
}

/// The provider that signed the token: its `aud` is that provider's client, so no other accepts it.
async fn verify<'a>(
    context: &'a Context,
    token: &str,
) -> Result<(&'a ProviderId, LogoutToken), BackChannelError> {
    let (mut refused, mut unavailable) = (None, None);
    for provider in context.site.providers.iter() {
        match provider.verify_logout_token(token).await {
            Ok(verified) => return Ok((provider.id(), verified)),
            Err(error @ OidcError::Unavailable(_)) => unavailable = Some(error),
            Err(error) => refused = Some(error),
        }
    }
    // Without a provider's keys the token may be that provider's.
    Err(match (unavailable, refused) {
        (Some(error), _) => BackChannelError::KeysUnavailable(error),
        (None, Some(error)) => BackChannelError::Refused(error),
        (None, None) => BackChannelError::Replayed,
    })
}

/// Ends the sessions of one `sid`, or those of them whose ID token is from before `issued_until`. Returns their number.
async fn end_sid(
    context: &Context,
    provider: &ProviderId,
    sid: &str,
    issued_until: Option<Timestamp>,
    actor: &Actor,
) -> Result<u32, LoadError> {
    let sessions = context.stores.sessions.list_of_sid(provider, sid).await?;
    let is_meant = |record: &SessionRecord| issued_until.is_none_or(|until| record.is_from_before(until));
    end_matching(context, sessions, is_meant, actor).await
}

/// Ends the sessions that match. Returns their number.
async fn end_matching(
    context: &Context,
    sessions: Vec<(Hash, SessionRecord)>,
    is_meant: impl Fn(&SessionRecord) -> bool,
    actor: &Actor,
) -> Result<u32, LoadError> {
    let mut ended = 0;
    for (hash, record) in sessions.into_iter().filter(|(_, record)| is_meant(record)) {
        end_session(&context.revocation, hash, record.user, EndCause::ProviderSignOut, actor).await?;
        ended += 1;
    }
    Ok(ended)
}
