//! Answers to one request of a protected host.

use super::context::Context;
use super::rpc;
use crate::gate::forwarded::{AuthProtocol, Forwarded, RequestKind};
use crate::gate::refusals;
use crate::gate::reply::{Reply, reason_of};
use crate::gate::request::VerifyRequest;
use gatepost_core::api_key::{KeyDenial, NamedKey};
use gatepost_core::clock::{BootTime, Timestamp};
use gatepost_core::decision::Denial;
use gatepost_core::email::EmailAddress;
use gatepost_core::error_chain::Chain;
use gatepost_core::host::Origin;
use gatepost_core::ids::{RequestId, UserId};
use gatepost_core::mcp::message::MessageId;
use gatepost_core::requirement::Requirement;
use gatepost_core::return_uri::MAX_RETURN_URI;
use gatepost_pages::{Brand, Format, Gate, Refusal, paths};
use gatepost_runtime::authn::LoadError;
use gatepost_runtime::quotas::Charge;
use gatepost_runtime::respond::{self, Answer};
use gatepost_runtime::tools::GateServer;
use gatepost_sign_in::addresses::login_address;
use gatepost_sign_in::return_cookie;
use gatepost_store::session::cookie::{self, BrowserCookie};
use gatepost_store::session::tokens::HostValue;
use gatepost_telemetry::Reason;
use hyper::{HeaderMap, StatusCode};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use url::Url;

/// `Retry-After` of an outage.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(5);
/// `Retry-After` while a session is checked at its provider.
const CHECK_AFTER: Duration = Duration::from_secs(1);

/// One request of a protected host, and what answering it needs.
pub(super) struct Responder<'a> {
    pub(super) context: &'a Arc<Context>,
    pub(super) forwarded: &'a Forwarded<'a>,
    pub(super) origin: &'a Origin,
    pub(super) request: &'a VerifyRequest<'a>,
    pub(super) query: &'a str,
    /// The answer is read by a program that speaks JSON-RPC. Holds the id of its request, as far as it is known.
    pub(super) rpc: Option<MessageId>,
    /// The tool server that the request is for.
    pub(super) server: Option<Arc<GateServer>>,
    /// Made when somebody asks for it: a call that passes has none.
    request_id: OnceLock<RequestId>,
    /// The host's cookie, decrypted when somebody asks for it: a cached session needs it seldom.
    held: OnceLock<Option<BrowserCookie<HostValue>>>,
}

/// Who is refused, for the log.
#[derive(Clone, Copy)]
pub(super) struct Whom<'a> {
    pub(super) email: Option<&'a EmailAddress>,
    /// The API key that was sent, by itself or for the person.
    pub(super) via: Option<&'a NamedKey>,
}

/// Who is denied.
pub(super) struct Denied<'a> {
    /// The person or the machine, if it is known.
    pub(super) user: Option<UserId>,
    pub(super) whom: Whom<'a>,
    pub(super) may_request: bool,
}

impl<'a> Responder<'a> {
    pub(super) fn new(context: &'a Arc<Context>, request: &'a VerifyRequest<'a>, query: &'a str) -> Self {
        let (forwarded, origin) = (&request.forwarded, request.origin());
        Self {
            context,
            forwarded,
            origin,
            request,
            query,
            rpc: None,
            server: None,
            request_id: OnceLock::new(),
            held: OnceLock::new(),
        }
    }

    /// The id in the answer, the log and the stored refusal.
    pub(super) fn request_id(&self) -> RequestId {
        *self.request_id.get_or_init(RequestId::generate)
    }

    /// The host's cookie that the browser sent.
    pub(super) fn held(&self) -> Option<&BrowserCookie<HostValue>> {
        let read = || {
            let site = &self.context.gate.site;
            let values = cookie::values(self.forwarded.cookies(), site.cookies.name());
            cookie::read_host(values, &site.ring, self.origin.host())
        };
        self.held.get_or_init(read).as_ref()
    }

    /// Answers a denied request. `may_request`: the person may ask for the access that they lack.
    pub(super) fn deny(&self, reply: Reply<'_>, whom: Whom<'_>, may_request: bool) -> Answer {
        let uri = self.forwarded.return_uri();
        let resend = self.forwarded.is_form();
        match reply {
            Reply::RedirectToLogin(max_age) => {
                self.note_length(self.forwarded.uri_length());
                match self.forwarded.protocol() {
                    AuthProtocol::ForwardAuth => self.to_login(uri, max_age),
                    AuthProtocol::AuthRequest => self.to_start(uri, max_age),
                }
            }
            Reply::SignInRequired(max_age) => self.refuse(&Refusal::SignIn { uri, resend, max_age }),
            Reply::StepUp(max_age) => self.refuse(&Refusal::StepUp { uri, resend, max_age }),
            Reply::RefreshPending => self.refuse(&Refusal::Unavailable { resend, retry_after: CHECK_AFTER }),
            Reply::RecheckBySignIn => {
                self.refuse(&Refusal::Recheck { uri, resend, retry_after: CHECK_AFTER })
            }
            Reply::InvalidKey(denial) => {
                self.log_refusal(whom, &denial.to_string());
                self.refuse(&Refusal::InvalidKey(&denial.to_string()))
            }
            Reply::KeyRefused(denial @ KeyDenial::TenantSuspended) => {
                self.log_refusal(whom, &denial.to_string());
                self.refuse(&Refusal::KeySuspended)
            }
            Reply::KeyRefused(denial) => {
                self.log_refusal(whom, &denial.to_string());
                self.refuse(&Refusal::KeyRefused(&denial.to_string()))
            }
            Reply::InvalidWord(denial) => {
                self.log_refusal(whom, &denial.to_string());
                self.refuse(&Refusal::InvalidWord(&denial.to_string()))
            }
            Reply::WordRefused(denial) => {
                self.log_refusal(whom, &denial.to_string());
                self.refuse(&Refusal::WordRefused(&denial.to_string()))
            }
            Reply::NobodyToActFor(denial) => {
                self.log_refusal(whom, &denial.to_string());
                let sign_in_at = self.context.gate.site.public_address("/", &[]);
                self.refuse(&Refusal::NobodyToActFor { sign_in_at: sign_in_at.as_str() })
            }
            Reply::InvalidToken(denial) => {
                self.log_refusal(whom, &denial.to_string());
                self.refuse(&Refusal::InvalidToken(&denial.to_string()))
            }
            Reply::ScopeMissing(scopes) => {
                self.log_refusal(whom, "the access token lacks a scope");
                let server = self.server.as_ref();
                let scopes = server.map_or_else(|| scopes.to_vec(), |server| rpc::all_scopes(scopes, server));
                self.refuse(&Refusal::ScopeMissing(&scopes))
            }
            Reply::TokenStepUp(max_age) => self.refuse(&Refusal::TokenStepUp(max_age)),
            Reply::TooMany(retry_after) => self.refuse(&Refusal::TooMany { retry_after }),
            Reply::QuotaExceeded(exceeded) => self.refuse(&Refusal::QuotaExceeded(exceeded)),
            Reply::CrossOrigin => {
                self.log_refusal(whom, "another origin asked for a change");
                self.refuse(&Refusal::CrossOrigin)
            }
            Reply::Forbidden(missing) => {
                let gate = &self.context.gate;
                gate.unknown_requirements.log(missing, &gate.stores, &gate.tasks);
                self.log_refusal(whom, &format!("missing: {missing}"));
                let number = self.request_id().to_string();
                let form = || gate.site.public_address(paths::REQUEST_ACCESS, &[(paths::REFUSAL, &number)]);
                let request = (may_request && missing.is_curable()).then(form);
                let request = request.as_ref().map(Url::as_str);
                self.refuse(&Refusal::Forbidden { uri, email: whom.email, missing, request })
            }
        }
    }

    /// Answers a request that may pass, once it is counted.
    pub(super) async fn pass(
        &self,
        requirement: &Requirement,
        mut headers: HeaderMap,
        charge: Option<&Charge>,
    ) -> (Answer, Reason) {
        if let Some(charge) = charge
            && let Err(exceeded) = Box::pin(self.context.gate.quotas.count(charge, &mut headers)).await
        {
            let nobody = Denied { user: None, whom: Whom { email: None, via: None }, may_request: false };
            return self.deny_and_keep(requirement, &Denial::Quota(exceeded), nobody);
        }
        (respond::with_headers(StatusCode::OK, headers), Reason::Met)
    }

    /// Answers a denial, and keeps it for whoever asks why.
    pub(super) fn deny_and_keep(
        &self,
        requirement: &Requirement,
        denial: &Denial,
        Denied { user, whom, may_request }: Denied<'_>,
    ) -> (Answer, Reason) {
        let reply = Reply::to(denial, self.forwarded.kind(), requirement);
        let is_kept = user.is_some_and(|user| self.keep_refusal(requirement, denial, reply, (user, whom)));
        // The form looks the refusal up, so without it there would be nothing to ask for.
        (self.deny(reply, whom, may_request && is_kept), reason_of(denial))
    }

    /// Stores a refusal for `gatepost explain --request` and for the form that asks for access, unless the person only has
    /// to sign in again, or the program to get a new token. Returns whether it will be stored.
    pub(super) fn keep_refusal(
        &self,
        requirement: &Requirement,
        denial: &Denial,
        reply: Reply<'_>,
        (user, whom): (UserId, Whom<'_>),
    ) -> bool {
        if !refusals::is_kept(reply) {
            return false;
        }
        let gate = &self.context.gate;
        let denied = refusals::Denied {
            case: &self.request.case(requirement),
            request_id: self.request_id(),
            user,
            email: whom.email,
            denial,
            status: reply.status(),
            initiator: self.forwarded.initiator(self.origin, &gate.site.config.allowed_origins),
            via: whom.via,
        };
        let noted = gate.refusals.note(denied, (Timestamp::now(), BootTime::now()));
        if let Err(cause) = noted {
            gate.stores.metrics.refusals_not_kept(cause, 1);
        }
        noted.is_ok()
    }

    fn log_refusal(&self, whom: Whom<'_>, why: &str) {
        tracing::info!(
            request.id = %self.request_id(),
            user.email = whom.email.map(EmailAddress::as_str),
            via = whom.via.map(|key| &*key.name),
            host = %self.origin.host(),
            method = self.forwarded.method(),
            client.address = self.forwarded.client_address().map(tracing::field::display),
            why,
            "refused"
        );
    }

    pub(super) fn cannot_know(&self, error: &LoadError) -> Answer {
        tracing::error!(request.id = %self.request_id(), host = %self.origin.host(), error = %Chain(error), "cannot know who this is");
        let resend = self.forwarded.is_form();
        self.refuse(&Refusal::Unavailable { resend, retry_after: RETRY_AFTER })
    }

    /// Redirects to a sign-in that returns to `uri`.
    pub(super) fn to_login(&self, uri: &str, max_age: Option<Duration>) -> Answer {
        let sign_in = &self.context.sign_in;
        let asked = return_cookie::request_sign_in(sign_in, self.origin, self.held(), uri, max_age);
        let cookies = asked.cookies.iter().map(String::as_str);
        respond::redirect(StatusCode::FOUND, &login_address(&sign_in.site, &asked.request), cookies)
    }

    /// Redirects to where a sign-in begins, on the host itself: nginx passes on one address, and no cookies.
    fn to_start(&self, uri: &str, max_age: Option<Duration>) -> Answer {
        let start = format!("{}{}", self.origin, paths::start(uri, paths::Wish::of(max_age)));
        respond::redirect(StatusCode::FOUND, &start, None)
    }

    /// Logs that a sign-in will end at `/`, if its return address is too long.
    pub(super) fn note_length(&self, length: usize) {
        if length > MAX_RETURN_URI {
            tracing::info!(
                request.id = %self.request_id(),
                host = %self.origin.host(),
                length,
                "a sign-in ends at /: its address is longer than {MAX_RETURN_URI} bytes"
            );
        }
    }

    pub(super) fn refuse(&self, refusal: &Refusal<'_>) -> Answer {
        let format =
            Format::choose(&self.forwarded.accept(), self.forwarded.kind() == RequestKind::Navigation);
        let host = self.context.gate.site.config.public_url.host();
        let brand = self.request.branding().map(|branding| Brand { branding, host });
        let gate = Gate { origin: Some(self.origin), brand, request_id: self.request_id(), format };
        let mut answer = match &self.rpc {
            Some(id) => rpc::refusal(&self.context.gate.site, id, refusal, &gate),
            None => respond::page(refusal.page(&gate), self.forwarded.is_head()),
        };
        if let Some(server) = &self.server {
            rpc::challenge(&mut answer, server);
        }
        answer
    }
}

pub(super) const fn reason_of_failure(error: &LoadError) -> Reason {
    match error {
        LoadError::Sessions(_) => Reason::SessionStore,
        LoadError::Directory(_) => Reason::Directory,
        LoadError::Speaker(_) => Reason::SpeakerKeys,
        LoadError::Keys(_) => Reason::ProviderKeys,
        LoadError::Deadline => Reason::Deadline,
    }
}
