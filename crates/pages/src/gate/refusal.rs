//! What the gate answers instead of 200, as data.

use crate::brand::Brand;
use crate::page::Format;
use gatepost_core::decision::Missing;
use gatepost_core::email::EmailAddress;
use gatepost_core::host::Origin;
use gatepost_core::ids::RequestId;
use gatepost_core::quota::QuotaExceeded;
use std::time::Duration;

/// The request that is answered.
#[derive(Clone, Copy, Debug)]
pub struct Gate<'a> {
    /// The protected host as configured; `None` if the request named none.
    pub origin: Option<&'a Origin>,
    /// Of the tenant whose host it is.
    pub brand: Option<Brand<'a>>,
    /// The id of the request in the log.
    pub request_id: RequestId,
    /// HTML or JSON.
    pub format: Format,
}

/// The reason for an answer other than 200. URIs are return addresses: already validated, path and query only.
#[derive(Clone, Copy, Debug)]
pub enum Refusal<'a> {
    /// 401: nobody is signed in.
    SignIn {
        /// The return address of the sign-in.
        uri: &'a str,
        /// The request carried a form that a reload sends again (POST).
        resend: bool,
        /// The `max_age` that the router requires.
        max_age: Option<Duration>,
    },
    /// 401: the sign-in is older than the router requires (RFC 9470), or the provider did not send its time.
    StepUp {
        /// The return address of the sign-in.
        uri: &'a str,
        /// As in [`Refusal::SignIn`].
        resend: bool,
        /// The `max_age` that the router requires.
        max_age: Duration,
    },
    /// 403: another site requested a change or a WebSocket with this person's cookie.
    CrossOrigin,
    /// 403: signed in, but not allowed.
    Forbidden {
        /// The return address of a sign-in with another account.
        uri: &'a str,
        /// The signed-in person; `None` after an admin released the address.
        email: Option<&'a EmailAddress>,
        /// The unmet requirements.
        missing: &'a Missing,
        /// Where the person can ask for access, on the public host; `None` if they cannot.
        request: Option<&'a str>,
    },
    /// 401: what came with an API key about a person does not count. Holds why, in plain ASCII without quotation marks.
    InvalidWord(&'a str),
    /// 403: the API key may not be used for a person here. Holds why.
    WordRefused(&'a str),
    /// 403: the person for whom a request was sent is unknown, disabled or not signed in. Always JSON-RPC.
    NobodyToActFor {
        /// The public host's address.
        sign_in_at: &'a str,
    },
    /// 401: the API key is worth nothing here. Holds why, in plain ASCII without quotation marks.
    InvalidKey(&'a str),
    /// 403: the tenant of the API key is suspended.
    KeySuspended,
    /// 403: the API key is not for this. Holds why.
    KeyRefused(&'a str),
    /// 401: the access token is worth nothing here. Holds why, in plain ASCII without quotation marks.
    InvalidToken(&'a str),
    /// 403: the access token lacks one of these scopes, all of which are required.
    ScopeMissing(&'a [String]),
    /// 401: the access token's person must authenticate again, because that is longer ago than this (RFC 9470).
    TokenStepUp(Duration),
    /// 429: too many requests.
    TooMany {
        /// `Retry-After`.
        retry_after: Duration,
    },
    /// 429: a quota of the tenant is used up.
    QuotaExceeded(&'a QuotaExceeded),
    /// 403: the host is not protected.
    UnknownHost,
    /// 403: the request did not come through a trusted proxy.
    UntrustedPeer,
    /// 400: what is wrong in the request, without a full stop.
    Malformed(&'a str),
    /// 500: the middleware's address is wrong; the log says where.
    Misconfigured,
    /// 503: a look-up failed or took too long.
    Unavailable {
        /// As in [`Refusal::SignIn`].
        resend: bool,
        /// `Retry-After`.
        retry_after: Duration,
    },
    /// 503: the session must be refreshed at the provider, which only the browser can do.
    Recheck {
        /// The return address of the redirect.
        uri: &'a str,
        /// As in [`Refusal::SignIn`].
        resend: bool,
        /// `Retry-After`.
        retry_after: Duration,
    },
    /// 403: a sign-out that the person must confirm, because another site may have requested it.
    SignOut {
        /// Origins that sign-out redirects through, never empty: the public host's and the providers' (Chromium
        /// applies `form-action` to each).
        form_targets: &'a [&'a str],
    },
    /// 403: a sign-in was not completed, after two automatic attempts.
    Unfinished {
        /// The return address of the sign-in.
        uri: &'a str,
        /// The probable cause.
        cause: Unfinished,
    },
    /// 403: the storage of another person must be cleared first, and a service worker intercepts navigations.
    ClearingStorage {
        /// Path and query of this request, which the next one repeats.
        here: &'a str,
    },
    /// 429: a person completed more sign-ins at this host within a minute than a browser does by itself.
    TooManyHandOvers {
        /// `Retry-After`.
        retry_after: Duration,
    },
}

/// Why a ticket did not become a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfinished {
    /// The browser did not send the cookie from the start of the sign-in.
    CookieMissing,
    /// The ticket was older than 60 s, or from the future: a slow browser or a wrong clock.
    Expired,
    /// The ticket had already been used, by a link scanner or a second tab.
    Used,
}
