//! The internal listener: `/verify` for the proxy, health for the orchestrator, metrics for Prometheus.
//!
//! Served by hyper ([`connection`]), not by the framework of the public listener: actix-http reads 96 headers, of which
//! the proxy alone sends ten, and its HTTP/2 is of a line with a known hole.

mod connection;
mod connection_timeouts;
mod guests;
mod workers;

use connection::Shared;
use connection_timeouts::{Activity, Phase};
pub use workers::{Listener, Workers, start};

use super::pages::{Format, Gate, Refusal};
use super::reserved;
use super::respond::{self, Answer};
use crate::login::begin::login_address;
use crate::login::waiting;
use crate::principal::LoadError;
use crate::state::State;
use crate::verify::forwarded::{Forwarded, RequestKind};
use crate::verify::headers::Headers;
use crate::verify::refusals::Denied;
use crate::verify::reply::{Reply, reason_of, reason_of_malformed};
use crate::verify::request::{Target, Unusable, VerifyRequest};
use crate::verify::{self, Case, Verdict};
use gatepost_core::clock::Timestamp;
use gatepost_core::decision::Denial;
use gatepost_core::email::EmailAddress;
use gatepost_core::error_chain::Chain;
use gatepost_core::host::Origin;
use gatepost_core::ids::{RequestId, UserId};
use gatepost_core::requirement::Requirement;
use gatepost_core::return_uri::MAX_RETURN_URI;
use gatepost_store::session::cookie::{self, Held};
use gatepost_store::session::values::HostValue;
use gatepost_telemetry::{self as telemetry, Reason};
use hyper::body::Incoming;
use hyper::{Request, StatusCode};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::Instant;

/// `Retry-After` of an outage.
const RETRY_AFTER: Duration = Duration::from_secs(5);
/// `Retry-After` while the provider is asked.
const CHECK_AFTER: Duration = Duration::from_secs(1);

/// What a listener of this kind answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surface {
    /// `/verify`, health and metrics.
    Internal,
    /// Health and metrics alone.
    Health,
}

/// Serves HTTP/1.1 to a trusted peer on a stream that no listener accepted.
pub async fn serve_stream<S>(state: Arc<State>, peer: IpAddr, stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (_never, stop) = watch::channel(false);
    let shared = connection::Shared { state, surface: Surface::Internal, stop };
    connection::serve_http1(shared, Arc::default(), peer, stream).await;
}

/// A request of the proxy, however it came.
struct Asked<'a> {
    query: &'a str,
    headers: Headers<'a>,
}

/// The answer to every request of the internal listener.
async fn answer(shared: &Shared, activity: &Activity, peer: IpAddr, request: &Request<Incoming>) -> Answer {
    let state = &shared.state;
    match request.uri().path() {
        "/verify" if shared.surface == Surface::Internal => {
            let query = request.uri().query().unwrap_or_default();
            verify(state, activity, peer, &Asked { query, headers: Headers::new(request.headers()) }).await
        }
        "/livez" => respond::text(StatusCode::OK, TEXT, "alive\n"),
        "/readyz" => ready(state),
        "/metrics" => respond::text(StatusCode::OK, gatepost_telemetry::CONTENT_TYPE, metrics(state)),
        _ => respond::empty(StatusCode::NOT_FOUND),
    }
}

const TEXT: &str = "text/plain; charset=utf-8";

fn ready(state: &State) -> Answer {
    match state.readiness.why_not() {
        None => respond::text(StatusCode::OK, TEXT, "ready\n"),
        Some(why) => respond::text(StatusCode::SERVICE_UNAVAILABLE, TEXT, format!("not ready: {why}\n")),
    }
}

fn metrics(state: &State) -> String {
    let (passes, bytes) = state.passes.size();
    state.metrics.passes(passes, bytes);
    state.metrics.encode()
}

async fn verify(state: &Arc<State>, activity: &Activity, peer: IpAddr, asked: &Asked<'_>) -> Answer {
    let (started, mut waited) = (Instant::now(), Duration::ZERO);
    let (answer, reason) = if trusts(state, peer) {
        match VerifyRequest::parse(state, asked.headers, asked.query) {
            Ok(request) => match request.remember(state) {
                Some(Verdict::Allow(headers)) => {
                    (respond::with_headers(StatusCode::OK, headers), Reason::Met)
                }
                verdict => {
                    activity.enter(Phase::Busy);
                    // On the heap: a connection must not always carry the room that it needs now and then.
                    Box::pin(answer_visit(Visit::new(state, &request, asked.query), verdict, &mut waited))
                        .await
                }
            },
            Err(unusable) => refuse(&unusable, asked),
        }
    } else {
        let request_id = RequestId::generate();
        tracing::warn!(request.id = %request_id, peer = %peer, "/verify was called by a peer that is no trusted proxy");
        (early(&Refusal::UntrustedPeer, asked, request_id), Reason::UntrustedPeer)
    };
    // What the provider took is its own time, not that of an answer.
    let took = started.elapsed().saturating_sub(waited);
    state.metrics.decided(verdict_of(answer.status()), reason, took);
    answer
}

fn verdict_of(status: StatusCode) -> telemetry::Answer {
    telemetry::Answer::of(status.as_u16())
}

fn refuse(unusable: &Unusable<'_>, asked: &Asked<'_>) -> (Answer, Reason) {
    let request_id = RequestId::generate();
    match unusable {
        Unusable::Malformed(error) => {
            let what = error.to_string();
            tracing::info!(request.id = %request_id, error = %what, "refused a malformed request");
            (early(&Refusal::Malformed(&what), asked, request_id), reason_of_malformed(error))
        }
        Unusable::UnknownHost(forwarded) => {
            tracing::info!(request.id = %request_id, host = %forwarded.host, "refused a request for a host that is not protected");
            (early_for(&Refusal::UnknownHost, forwarded, request_id), Reason::UnknownHost)
        }
    }
}

/// `verdict`: the session cache's, where it has one.
async fn answer_visit(visit: Visit<'_>, verdict: Option<Verdict>, waited: &mut Duration) -> (Answer, Reason) {
    match &visit.request.target {
        Target::Endpoint(path, query) => reserved::answer(&visit, path, query).await,
        Target::Application(requirement) => visit.judge(requirement, verdict, waited).await,
        Target::Misconfigured(error) => {
            tracing::error!(request.id = %visit.request_id, error = %error, keys = Requirement::names(visit.query), "the middleware's address is wrong: nobody passes");
            (visit.refuse(&Refusal::Misconfigured), Reason::MalformedRequirement)
        }
    }
}

/// Is this address one of `TRUSTED_PROXIES`?
pub fn trusts(state: &State, peer: IpAddr) -> bool {
    state.config.trusted_proxies.iter().any(|network| network.contains(&peer))
}

/// Before anything of the request can be trusted, but for the form that its client reads and whether it reads a body.
fn early(refusal: &Refusal<'_>, asked: &Asked<'_>, request_id: RequestId) -> Answer {
    let is_navigation = asked.headers.text("sec-fetch-mode") == Some("navigate");
    let format = Format::choose(&asked.headers.joined("accept"), is_navigation);
    let gate = Gate { origin: None, request_id, format };
    let is_head = asked.headers.first("x-forwarded-method") == Some(b"HEAD");
    respond::page(refusal.page(&gate), is_head)
}

fn early_for(refusal: &Refusal<'_>, forwarded: &Forwarded<'_>, request_id: RequestId) -> Answer {
    let format = Format::choose(&forwarded.accept(), forwarded.kind() == RequestKind::Navigation);
    let gate = Gate { origin: None, request_id, format };
    respond::page(refusal.page(&gate), forwarded.is_head())
}

/// One request of a protected host.
pub(super) struct Visit<'a> {
    pub(super) state: &'a Arc<State>,
    pub(super) forwarded: &'a Forwarded<'a>,
    pub(super) origin: &'a Origin,
    pub(super) held: Option<Held<HostValue>>,
    pub(super) request_id: RequestId,
    request: &'a VerifyRequest<'a>,
    query: &'a str,
}

impl<'a> Visit<'a> {
    fn new(state: &'a Arc<State>, request: &'a VerifyRequest<'a>, query: &'a str) -> Self {
        let VerifyRequest { forwarded, origin, .. } = request;
        let values = cookie::values(forwarded.cookies(), state.cookies.name());
        let held = cookie::read_host(values, &state.ring, origin.host());
        Self { state, forwarded, origin, held, request_id: RequestId::generate(), request, query }
    }

    async fn judge(
        &self,
        requirement: &Requirement,
        verdict: Option<Verdict>,
        waited: &mut Duration,
    ) -> (Answer, Reason) {
        let case = self.request.case(requirement);
        let key = |text: &str| self.request.key_of(text);
        let verdict = match verdict {
            Some(verdict) => verdict,
            None => verify::ask(self.state, &case, self.held.as_ref(), key, waited).await,
        };
        match verdict {
            Verdict::Allow(headers) => (respond::with_headers(StatusCode::OK, headers), Reason::Met),
            Verdict::Deny { denial, user, email } => {
                let reply = Reply::to(&denial, self.forwarded.kind(), requirement);
                if let Some(user) = user {
                    self.keep_refusal(&case, &denial, reply, user, email.as_ref());
                }
                (self.deny(reply, email.as_ref()), reason_of(&denial))
            }
            Verdict::CannotKnow(error) => (self.cannot_know(&error), reason_of_failure(&error)),
        }
    }

    fn deny(&self, reply: Reply<'_>, email: Option<&EmailAddress>) -> Answer {
        let uri = self.forwarded.return_uri();
        let resend = self.forwarded.is_form();
        match reply {
            Reply::Login(max_age) => {
                self.note_length(self.forwarded.uri_length());
                self.to_login(uri, max_age)
            }
            Reply::SignIn(max_age) => self.refuse(&Refusal::SignIn { uri, resend, max_age }),
            Reply::StepUp(max_age) => self.refuse(&Refusal::StepUp { uri, resend, max_age }),
            Reply::Later => self.refuse(&Refusal::Unavailable { resend, retry_after: CHECK_AFTER }),
            Reply::LaterBySignIn => self.refuse(&Refusal::Recheck { uri, resend, retry_after: CHECK_AFTER }),
            Reply::CrossOrigin => {
                self.log_refusal(email, "another origin asked for a change");
                self.refuse(&Refusal::CrossOrigin)
            }
            Reply::Forbidden(missing) => {
                verify::unknown::log(self.state, missing);
                self.log_refusal(email, &format!("missing: {missing}"));
                self.refuse(&Refusal::Forbidden { uri, email, missing })
            }
        }
    }

    /// For `gatepost explain --request`: what somebody signed in may not do, not that they have to sign in again.
    fn keep_refusal(
        &self,
        case: &Case<'_>,
        denial: &Denial,
        reply: Reply<'_>,
        user: UserId,
        email: Option<&EmailAddress>,
    ) {
        let (Reply::StepUp(_) | Reply::CrossOrigin | Reply::Forbidden(_)) = reply else { return };
        let denied = Denied {
            case,
            query: self.query,
            request_id: self.request_id,
            user,
            email,
            denial,
            status: reply.status(),
            asker: self.forwarded.asker(self.origin, &self.state.config.allowed_origins),
        };
        if let Err(cause) = self.state.refusals.note(denied, Timestamp::now()) {
            self.state.metrics.refusals_not_kept(cause, 1);
        }
    }

    fn log_refusal(&self, email: Option<&EmailAddress>, why: &str) {
        tracing::info!(
            request.id = %self.request_id,
            user.email = email.map(EmailAddress::as_str),
            host = %self.origin.host(),
            method = self.forwarded.method(),
            client.address = self.forwarded.client_address().map(tracing::field::display),
            why,
            "refused"
        );
    }

    pub(super) fn cannot_know(&self, error: &LoadError) -> Answer {
        tracing::error!(request.id = %self.request_id, host = %self.origin.host(), error = %Chain(error), "cannot know who this is");
        let resend = self.forwarded.is_form();
        self.refuse(&Refusal::Unavailable { resend, retry_after: RETRY_AFTER })
    }

    /// Sends the browser away to sign in and come back.
    pub(super) fn to_login(&self, uri: &str, max_age: Option<Duration>) -> Answer {
        let asked = waiting::ask(self.state, self.origin, self.held.as_ref(), uri, max_age);
        let cookies = asked.cookies.iter().map(String::as_str);
        respond::redirect(StatusCode::FOUND, &login_address(self.state, &asked.request), cookies)
    }

    /// Says why a sign-in ends at `/`, where the address that it was for is too long to come back to.
    pub(super) fn note_length(&self, length: usize) {
        if length > MAX_RETURN_URI {
            tracing::info!(
                request.id = %self.request_id,
                host = %self.origin.host(),
                length,
                "a sign-in ends at /: its address is longer than {MAX_RETURN_URI} bytes"
            );
        }
    }

    pub(super) fn refuse(&self, refusal: &Refusal<'_>) -> Answer {
        let format =
            Format::choose(&self.forwarded.accept(), self.forwarded.kind() == RequestKind::Navigation);
        let gate = Gate { origin: Some(self.origin), request_id: self.request_id, format };
        respond::page(refusal.page(&gate), self.forwarded.is_head())
    }
}

pub(super) const fn reason_of_failure(error: &LoadError) -> Reason {
    match error {
        LoadError::Sessions(_) => Reason::SessionStore,
        LoadError::Directory(_) => Reason::Directory,
        LoadError::Deadline => Reason::Deadline,
    }
}
