//! The internal listener: `/verify` for the proxy, health for the orchestrator, metrics for Prometheus.

use super::pages::{Format, Gate, Refusal};
use super::{reserved, respond};
use crate::domain::decision::{Denial, SignInReason};
use crate::domain::email::EmailAddress;
use crate::domain::host::Origin;
use crate::domain::ids::RequestId;
use crate::domain::requirement::Requirement;
use crate::login;
use crate::login::begin::login_address;
use crate::principal::LoadError;
use crate::session::cookie::{self, Held};
use crate::session::values::{HostValue, LoginRequest, Target};
use crate::state::State;
use crate::telemetry::{Answer, Chain, Reason};
use crate::verify::forwarded::{Forwarded, Malformed, RequestKind};
use crate::verify::{self, Verdict};
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// `Retry-After` of an outage.
const RETRY_AFTER: Duration = Duration::from_secs(5);
/// `Retry-After` while the provider is asked.
const CHECK_AFTER: Duration = Duration::from_secs(1);

/// Every request of the internal listener.
pub async fn handle(request: HttpRequest, state: web::Data<Arc<State>>) -> HttpResponse {
    match request.path() {
        "/verify" => verify(&request, state.get_ref()).await,
        "/livez" => respond::text(StatusCode::OK, TEXT, "alive\n".to_owned()),
        "/readyz" => ready(&state),
        "/metrics" => respond::text(StatusCode::OK, crate::telemetry::CONTENT_TYPE, state.metrics.encode()),
        _ => respond::empty(StatusCode::NOT_FOUND),
    }
}

const TEXT: &str = "text/plain; charset=utf-8";

fn ready(state: &State) -> HttpResponse {
    match state.readiness.why_not() {
        None => respond::text(StatusCode::OK, TEXT, "ready\n".to_owned()),
        Some(why) => respond::text(StatusCode::SERVICE_UNAVAILABLE, TEXT, format!("not ready: {why}\n")),
    }
}

async fn verify(request: &HttpRequest, state: &Arc<State>) -> HttpResponse {
    let started = Instant::now();
    let (response, reason) = answer(request, state).await;
    state.metrics.decided(Answer::of(response.status().as_u16()), reason, started.elapsed());
    response
}

async fn answer(request: &HttpRequest, state: &Arc<State>) -> (HttpResponse, Reason) {
    let request_id = RequestId::generate();
    if !is_trusted(request, state) {
        tracing::warn!(request.id = %request_id, peer = ?request.peer_addr(), "/verify was called by a peer that is no trusted proxy");
        return (early(&Refusal::UntrustedPeer, request, request_id), Reason::UntrustedPeer);
    }
    let forwarded = match Forwarded::parse(request.headers(), state.config.is_development()) {
        Ok(forwarded) => forwarded,
        Err(error) => {
            let what = error.to_string();
            tracing::info!(request.id = %request_id, error = %what, "refused a malformed request");
            return (early(&Refusal::Malformed(&what), request, request_id), reason_of_malformed(&error));
        }
    };
    let Some(origin) = state.hosts.find(&forwarded.host) else {
        tracing::info!(request.id = %request_id, host = %forwarded.host, "refused a request for a host that is not protected");
        return (early_for(&Refusal::UnknownHost, &forwarded, request_id), Reason::UnknownHost);
    };
    let held = cookie::read_host(
        cookie::values(forwarded.cookies(), state.cookies.name()),
        &state.ring,
        origin.host(),
    );
    let visit = Visit { state, forwarded, origin, held, request_id };
    if let Some((path, query)) = visit.forwarded.reserved() {
        return reserved::answer(&visit, path, query).await;
    }
    match Requirement::parse(request.query_string()) {
        Ok(requirement) => visit.judge(&requirement).await,
        Err(error) => {
            tracing::error!(request.id = %request_id, error = %error, query = request.query_string(), "the middleware's address is wrong: nobody passes");
            (visit.refuse(&Refusal::Misconfigured), Reason::MalformedRequirement)
        }
    }
}

fn is_trusted(request: &HttpRequest, state: &State) -> bool {
    let peer = request.peer_addr().map(|peer| peer.ip().to_canonical());
    peer.is_some_and(|peer| trusts(state, peer))
}

/// Is this address one of `TRUSTED_PROXIES`?
pub fn trusts(state: &State, peer: IpAddr) -> bool {
    state.config.trusted_proxies.iter().any(|network| network.contains(&peer))
}

/// Before anything of the request can be trusted, but for whether a body would be for nobody.
fn early(refusal: &Refusal<'_>, request: &HttpRequest, request_id: RequestId) -> HttpResponse {
    let gate = Gate { origin: None, request_id, format: Format::Html };
    let is_head = request.headers().get("x-forwarded-method").is_some_and(|method| method == "HEAD");
    respond::page(refusal.page(&gate), is_head)
}

fn early_for(refusal: &Refusal<'_>, forwarded: &Forwarded<'_>, request_id: RequestId) -> HttpResponse {
    let format = Format::choose(&forwarded.accept(), forwarded.kind() == RequestKind::Navigation);
    let gate = Gate { origin: None, request_id, format };
    respond::page(refusal.page(&gate), forwarded.is_head())
}

/// One request of a protected host.
pub(super) struct Visit<'a> {
    pub(super) state: &'a Arc<State>,
    pub(super) forwarded: Forwarded<'a>,
    pub(super) origin: Origin,
    pub(super) held: Option<Held<HostValue>>,
    pub(super) request_id: RequestId,
}

impl Visit<'_> {
    async fn judge(&self, requirement: &Requirement) -> (HttpResponse, Reason) {
        let verdict =
            verify::verify(self.state, &self.forwarded, &self.origin, requirement, self.held.as_ref()).await;
        match verdict {
            Verdict::Allow(headers) => (allow(headers.0), Reason::Met),
            Verdict::Deny { denial, email } => self.deny(requirement, &denial, email.as_ref()),
            Verdict::CannotKnow(error) => (self.cannot_know(&error), reason_of_failure(&error)),
        }
    }

    fn deny(
        &self,
        requirement: &Requirement,
        denial: &Denial,
        email: Option<&EmailAddress>,
    ) -> (HttpResponse, Reason) {
        let may_redirect = verify::may_redirect(self.forwarded.kind(), requirement);
        let uri = self.forwarded.return_uri();
        let resend = self.forwarded.is_form();
        let response = match denial {
            Denial::SignIn(_) | Denial::StepUp(_) | Denial::CheckFirst if may_redirect => {
                self.to_login(uri, step_up_age(denial))
            }
            Denial::SignIn(_) => self.refuse(&Refusal::SignIn { uri, resend }),
            Denial::StepUp(max_age) => self.refuse(&Refusal::StepUp { uri, resend, max_age: *max_age }),
            Denial::CheckFirst => self.refuse(&Refusal::Unavailable { resend, retry_after: CHECK_AFTER }),
            Denial::CrossOrigin => {
                self.log_refusal(email, "another origin asked for a change");
                self.refuse(&Refusal::CrossOrigin)
            }
            Denial::Forbidden(missing) => {
                verify::log_unknown_names(self.state, missing);
                self.log_refusal(email, &format!("missing: {missing:?}"));
                self.refuse(&Refusal::Forbidden { uri, email, missing })
            }
        };
        (response, reason_of(denial))
    }

    fn log_refusal(&self, email: Option<&EmailAddress>, why: &str) {
        tracing::info!(
            request.id = %self.request_id,
            user.email = email.map(EmailAddress::as_str),
            host = %self.origin.host(),
            method = self.forwarded.method(),
            client.address = ?self.forwarded.client_address(),
            why,
            "refused"
        );
    }

    pub(super) fn cannot_know(&self, error: &LoadError) -> HttpResponse {
        tracing::error!(request.id = %self.request_id, host = %self.origin.host(), error = %Chain(error), "cannot know who this is");
        let resend = self.forwarded.is_form();
        self.refuse(&Refusal::Unavailable { resend, retry_after: RETRY_AFTER })
    }

    /// Sends the browser away to sign in and come back.
    pub(super) fn to_login(&self, uri: &str, max_age: Option<Duration>) -> HttpResponse {
        let (bind, new_cookie) = login::bound(self.state, self.held.as_ref());
        let target = Target::Host { host: self.origin.host().to_string(), uri: uri.to_owned(), bind };
        let request = LoginRequest { target, max_age: max_age.map(|age| age.as_secs()), restarts: 0 };
        respond::redirect(StatusCode::FOUND, &login_address(self.state, &request), new_cookie.as_deref())
    }

    pub(super) fn refuse(&self, refusal: &Refusal<'_>) -> HttpResponse {
        let format =
            Format::choose(&self.forwarded.accept(), self.forwarded.kind() == RequestKind::Navigation);
        let gate = Gate { origin: Some(&self.origin), request_id: self.request_id, format };
        respond::page(refusal.page(&gate), self.forwarded.is_head())
    }
}

const fn step_up_age(denial: &Denial) -> Option<Duration> {
    match denial {
        Denial::StepUp(max_age) => Some(*max_age),
        _ => None,
    }
}

fn allow(headers: Vec<(HeaderName, HeaderValue)>) -> HttpResponse {
    let mut response = respond::empty(StatusCode::OK);
    for (name, value) in headers {
        response.headers_mut().insert(name, value);
    }
    response
}

const fn reason_of(denial: &Denial) -> Reason {
    match denial {
        Denial::SignIn(SignInReason::NoSession) => Reason::NoCredential,
        Denial::SignIn(SignInReason::Ended) => Reason::SessionEnded,
        Denial::SignIn(SignInReason::Expired) => Reason::Expired,
        Denial::SignIn(SignInReason::Disabled) => Reason::UserDisabled,
        Denial::SignIn(SignInReason::NoAddress) => Reason::NoAddress,
        Denial::CheckFirst => Reason::RefreshPending,
        Denial::CrossOrigin => Reason::CrossOrigin,
        Denial::StepUp(_) => Reason::MaxAge,
        Denial::Forbidden(missing) if !missing.groups.is_empty() => Reason::GroupMissing,
        Denial::Forbidden(missing) if !missing.tenants.is_empty() => Reason::TenantMissing,
        Denial::Forbidden(_) => Reason::NotAdmin,
    }
}

pub(super) const fn reason_of_failure(error: &LoadError) -> Reason {
    match error {
        LoadError::Sessions(_) => Reason::SessionStore,
        LoadError::Directory(_) => Reason::Directory,
        LoadError::Deadline => Reason::Deadline,
    }
}

fn reason_of_malformed(error: &Malformed) -> Reason {
    match error {
        Malformed::Repeated("Authorization") => Reason::RepeatedAuthorization,
        Malformed::Alias(_) => Reason::HeaderAlias,
        Malformed::PlainHttp => Reason::PlainHttp,
        Malformed::Missing(_) | Malformed::Repeated(_) | Malformed::Unreadable(_) | Malformed::Host(_) => {
            Reason::ForwardedHeaders
        }
    }
}
