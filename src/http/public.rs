//! The public listener: browsers sign in, look at their account, sign out. Who may call what stands in
//! [`routes`](super::routes) and is enforced here, before any endpoint runs.

use super::debug;
use super::internal::trusts;
use super::pages::{
    self, Account, AccountNotice, Asset, GroupEntry, MembershipSource, ProviderChoice, Retry, SessionEntry,
    paths,
};
use super::respond::{self, Answer};
use super::routes::{self, Caller, Endpoint, Found, From};
use crate::directory::{UserKey, UserRecord};
use crate::domain::clock::Timestamp;
use crate::domain::host::Origin;
use crate::domain::ids::{ProviderId, RequestId};
use crate::domain::secret::Hash;
use crate::login::begin::{self, BeginQuery};
use crate::login::end::{self, Ending};
use crate::login::finish::{self, CallbackQuery};
use crate::login::{Problem, Step, Visitor, counts};
use crate::oidc::{OidcError, TokenError};
use crate::principal::{LoadError, Principal};
use crate::session::cookie;
use crate::session::record::SessionRecord;
use crate::session::values::SignOutTicket;
use crate::state::State;
use crate::telemetry::{Chain, EndCause, SignInOutcome};
use actix_web::{HttpRequest, HttpResponse, web};
use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, HeaderValue};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use url::form_urlencoded;

const RETRY_AFTER: Duration = Duration::from_secs(5);

/// A new key signs only after it stood last in the ring for longer than this (docs/operations.md).
const KEYS_CACHE_CONTROL: &str = "public, max-age=300";

/// Longest `User-Agent` that a session remembers, in characters.
const MAX_USER_AGENT: usize = 256;

/// Every request of the public listener.
pub async fn handle(request: HttpRequest, body: web::Bytes, state: web::Data<Arc<State>>) -> HttpResponse {
    respond::to_actix(answer(&request, &body, &state).await)
}

async fn answer(request: &HttpRequest, body: &web::Bytes, state: &Arc<State>) -> Answer {
    let visit = Visit::new(state, request, body);
    if let Some(asset) = pages::assets().into_iter().find(|asset| asset.path == request.path()) {
        return match request.method().as_str() {
            "GET" | "HEAD" => static_file(asset),
            _ => visit.page(pages::Problem::MethodNotAllowed { allow: "GET, HEAD" }),
        };
    }
    let is_public = debug::host(request).as_ref() == Some(state.config.public_url.host());
    let (route, segment) = match routes::find(is_public, request.method().as_str(), request.path()) {
        Found::Route(route, segment) => (route, segment),
        Found::OtherMethods(allow) => return visit.page(pages::Problem::MethodNotAllowed { allow }),
        Found::Nothing => return visit.page(pages::Problem::NotFound),
    };
    if route.from == From::OwnPages && !visit.is_own_page() {
        tracing::warn!(request.id = %visit.visitor.request_id, path = request.path(), "refused a change that another site asked for");
        return visit.page(pages::Problem::CrossOrigin);
    }
    if request.headers().contains_key("sec-purpose") {
        // Hovering over a link must neither sign in nor out, nor use up a code.
        return respond::empty(StatusCode::FORBIDDEN);
    }
    match route.caller {
        Caller::Anyone => visit.anyone(route.endpoint, segment).await,
        Caller::Person | Caller::Admin => match begin::checked(state, &visit.visitor).await {
            Ok(Some(principal)) if route.caller == Caller::Admin && !principal.standing.access.is_admin => {
                visit.page(pages::Problem::AdminsOnly)
            }
            Ok(Some(principal)) => visit.person(route.endpoint, &principal).await,
            Ok(None) => respond::redirect(StatusCode::SEE_OTHER, &visit.address(paths::LOGIN), None),
            Err(problem) => visit.problem(&problem, None),
        },
        Caller::AssertedAdmin => match debug::asserted_admin(&visit).await {
            Ok(Some(asserted)) => debug::live_headers(&visit, &asserted),
            Ok(None) => visit.page(pages::Problem::NotFound),
            Err(error) => visit.problem(&Problem::Unavailable(error), None),
        },
    }
}

fn static_file(asset: Asset) -> Answer {
    cached(asset.media_type, asset.body.to_owned(), Asset::CACHE_CONTROL)
}

fn cached(media_type: &'static str, body: String, cache_control: &'static str) -> Answer {
    let mut response = respond::text(StatusCode::OK, media_type, body);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(cache_control));
    response
}

/// One request of the public listener.
pub(super) struct Visit<'a> {
    pub(super) state: &'a Arc<State>,
    pub(super) request: &'a HttpRequest,
    body: &'a [u8],
    pub(super) visitor: Visitor,
}

impl<'a> Visit<'a> {
    fn new(state: &'a Arc<State>, request: &'a HttpRequest, body: &'a [u8]) -> Self {
        let cookies = request.headers().get_all("cookie").map(actix_web::http::header::HeaderValue::as_bytes);
        let held = cookie::read_public(cookie::values(cookies, state.cookies.name()), &state.ring);
        let user_agent = request.headers().get("user-agent").and_then(|value| value.to_str().ok());
        let visitor = Visitor {
            held,
            address: client_address(state, request),
            user_agent: user_agent.map(|text| text.chars().take(MAX_USER_AGENT).collect()),
            request_id: RequestId::generate(),
        };
        Self { state, request, body, visitor }
    }

    /// Does the browser say that our own page made this request?
    fn is_own_page(&self) -> bool {
        let header = |name| self.request.headers().get(name).and_then(|value| value.to_str().ok());
        match header("sec-fetch-site") {
            Some(site) => site == "same-origin",
            None => {
                header("origin").and_then(|text| text.parse::<Origin>().ok()).as_ref()
                    == Some(&self.state.config.public_url)
            }
        }
    }

    fn address(&self, path: &str) -> String {
        format!("{}{path}", self.state.config.public_url)
    }

    /// A parameter that was sent exactly once; twice is as good as never, for two readers would take different ones.
    pub(super) fn parameters(&self) -> HashMap<String, String> {
        unique_pairs(self.request.query_string().as_bytes())
    }

    async fn anyone(&self, endpoint: Endpoint, segment: &str) -> Answer {
        match endpoint {
            Endpoint::Login => self.login().await,
            Endpoint::Callback => self.callback(segment).await,
            Endpoint::Logout => self.logout().await,
            Endpoint::ConfirmedLogout => self.finish_logout(None).await,
            Endpoint::LoggedOut => self.logged_out(),
            Endpoint::FrontChannelLogout => self.front_channel_logout().await,
            Endpoint::BackChannelLogout => self.back_channel_logout().await,
            Endpoint::Keys => {
                let keys = self.state.assertion_keys.published().to_string();
                cached("application/jwk-set+json", keys, KEYS_CACHE_CONTROL)
            }
            Endpoint::Account
            | Endpoint::EndSession
            | Endpoint::EndOtherSessions
            | Endpoint::Explain
            | Endpoint::LiveHeaders => self.page(pages::Problem::NotFound),
        }
    }

    async fn person(&self, endpoint: Endpoint, principal: &Principal) -> Answer {
        let result = match endpoint {
            Endpoint::EndSession => self.end_session(principal).await,
            Endpoint::EndOtherSessions => self.end_other_sessions(principal).await,
            Endpoint::Explain => debug::explained(self).await,
            _ => self.account(principal).await,
        };
        result.unwrap_or_else(|error| self.problem(&Problem::Unavailable(error), None))
    }

    async fn login(&self) -> Answer {
        let query = self.parameters();
        let get = |name: &str| query.get(name).map(String::as_str);
        let (name, value) = paths::SELECT_ACCOUNT;
        let begin = BeginQuery {
            to: get(paths::TO),
            provider: get(paths::PROVIDER),
            other_account: get(name) == Some(value),
        };
        let result = begin::begin(self.state, &self.visitor, &begin).await;
        self.step(result, begin.to)
    }

    async fn callback(&self, provider: &str) -> Answer {
        let Ok(provider) = provider.parse::<ProviderId>() else { return self.page(pages::Problem::NotFound) };
        let mut query = self.parameters();
        let query = CallbackQuery {
            code: query.remove("code"),
            state: query.remove("state"),
            iss: query.remove("iss"),
            error: query.remove("error"),
            error_description: query.remove("error_description"),
            session_state: query.remove("session_state"),
        };
        let state = query.state.clone();
        let result = finish::finish(self.state, &self.visitor, &provider, query).await;
        let outcome = result.as_ref().err().map_or(SignInOutcome::Done, outcome);
        self.state.metrics_of(&provider).for_each(|metrics| metrics.signed_in(outcome));
        if result.as_ref().is_err_and(is_their_failure) {
            self.state.limits.fail(self.visitor.address);
        }
        let to = result.as_ref().err().and_then(|_| finish::sealed_request(self.state, state.as_deref()));
        self.step(result, to.as_deref())
    }

    fn step(&self, result: Result<Step, Problem>, to: Option<&str>) -> Answer {
        match result {
            Ok(Step::Redirect { to, cookie }) => {
                respond::redirect(StatusCode::SEE_OTHER, &to, cookie.as_deref())
            }
            Ok(Step::Choose { to, host, other_account }) => {
                let choice = ProviderChoice {
                    providers: &self.state.config.providers,
                    to: to.as_deref(),
                    host: host.as_ref(),
                    other_account,
                    request_id: self.visitor.request_id,
                };
                respond::page(choice.page(), self.is_head())
            }
            Err(problem) => self.problem(&problem, to),
        }
    }

    /// Whoever comes with a ticket clicked on a protected host's own page; without one a link may be anybody's.
    async fn logout(&self) -> Answer {
        let query = self.parameters();
        let ticket = query.get("t").and_then(|sealed| end::open_ticket(self.state, sealed));
        if ticket.is_some() || self.is_own_page() {
            return self.finish_logout(ticket.as_ref()).await;
        }
        let live = match self.visitor.live(self.state).await {
            Ok(live) => live,
            Err(error) => return self.problem(&Problem::Unavailable(error), None),
        };
        let email = live.as_ref().and_then(|principal| principal.standing.person.email.as_ref());
        let targets = self.state.sign_out_targets();
        let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
        respond::page(pages::confirm_sign_out(email, &targets, self.visitor.request_id), self.is_head())
    }

    async fn finish_logout(&self, ticket: Option<&SignOutTicket>) -> Answer {
        if self.is_head() {
            return respond::empty(StatusCode::OK);
        }
        let result = end::sign_out(self.state, &self.visitor, ticket).await;
        self.step(result, None)
    }

    fn logged_out(&self) -> Answer {
        let query = self.parameters();
        let provider = query.get("provider").and_then(|id| id.parse().ok());
        let label = provider
            .and_then(|id| self.state.providers.find(&id))
            .map(|provider| provider.label().to_owned());
        respond::page(pages::signed_out(label.as_deref(), self.visitor.request_id), self.is_head())
    }

    async fn front_channel_logout(&self) -> Answer {
        let query = self.parameters();
        let sid = query.get("sid").map(String::as_str).filter(|sid| !sid.is_empty() && sid.len() <= 256);
        if let Some(sid) = sid.filter(|_| !self.is_head()) {
            let issuer = query.get("iss").map(String::as_str);
            if let Err(error) = end::front_channel(self.state, &self.visitor, sid, issuer).await {
                return self.problem(&Problem::Unavailable(error), None);
            }
        }
        // The provider shows this in a frame; nothing here can be clicked.
        respond::text(StatusCode::OK, "text/plain; charset=utf-8", String::new())
    }

    async fn back_channel_logout(&self) -> Answer {
        let mut form = unique_pairs(self.body);
        let Some(token) = form.remove("logout_token") else { return respond::empty(StatusCode::BAD_REQUEST) };
        match end::back_channel(self.state, &self.visitor, &token).await {
            Ok(()) => respond::empty(StatusCode::OK),
            Err(error @ (end::BackChannelError::Refused(_) | end::BackChannelError::Replayed)) => {
                tracing::warn!(request.id = %self.visitor.request_id, error = %Chain(&error), "refused a logout token");
                respond::empty(StatusCode::BAD_REQUEST)
            }
            Err(error @ end::BackChannelError::KeysUnavailable(_)) => {
                tracing::warn!(request.id = %self.visitor.request_id, error = %Chain(&error), "a logout token must come again");
                self.page(self.unavailable())
            }
            Err(end::BackChannelError::Unavailable(error)) => {
                self.problem(&Problem::Unavailable(error), None)
            }
        }
    }

    async fn account(&self, principal: &Principal) -> Result<Answer, LoadError> {
        let query = self.parameters();
        let notice = match query.get("done").map(String::as_str) {
            Some("session") => Some(AccountNotice::SessionEnded),
            Some("others") => Some(AccountNotice::OtherSessionsEnded),
            _ => None,
        };
        let user = principal.standing.person.id;
        let details = self.state.directory.find_user(&UserKey::Id(user)).await?;
        let sessions = self.live_sessions(principal).await?;
        let current = principal.session.id.hash();
        let entries: Vec<SessionEntry<'_>> =
            sessions.iter().map(|(hash, record)| entry(*hash, record, current)).collect();
        let targets = self.state.sign_out_targets();
        let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
        let account = Account {
            person: &principal.standing.person,
            access: &principal.standing.access,
            groups: &groups(self.state, details.as_ref()),
            sessions: &entries,
            notice,
            now: Timestamp::now(),
            form_targets: &targets,
            request_id: self.visitor.request_id,
        };
        Ok(respond::page(account.page(), self.is_head()))
    }

    /// The person's sessions that still count, this one first, then by last use.
    async fn live_sessions(&self, principal: &Principal) -> Result<Vec<(Hash, SessionRecord)>, LoadError> {
        let user = principal.standing.person.id;
        let current = principal.session.id.hash();
        let mut live = Vec::new();
        for (hash, record) in self.state.sessions.list_of_user(user).await? {
            let standing = self.state.directory.find_standing(user, &hash).await?;
            if standing.is_some_and(|standing| counts(self.state, &standing, &record)) {
                live.push((hash, record));
            }
        }
        live.sort_by_key(|(hash, record)| (*hash != current, std::cmp::Reverse(record.last_seen_at)));
        Ok(live)
    }

    async fn end_session(&self, principal: &Principal) -> Result<Answer, LoadError> {
        let form = unique_pairs(self.body);
        let handle = form.get("session").map(String::as_str).unwrap_or_default();
        let sessions = self.live_sessions(principal).await?;
        // Only among the person's own: a handle of somebody else's is none.
        if let Some((hash, record)) = sessions.iter().find(|(hash, _)| hash.to_string() == handle) {
            let actor = self.visitor.actor(&principal.standing.person.id.to_string());
            let over = Ending::of(self.state, hash, record);
            end::end_session(self.state, &over, EndCause::AccountPage, &actor).await?;
        }
        Ok(respond::redirect(StatusCode::SEE_OTHER, &self.address("/?done=session"), None))
    }

    async fn end_other_sessions(&self, principal: &Principal) -> Result<Answer, LoadError> {
        let actor = self.visitor.actor(&principal.standing.person.id.to_string());
        let current = principal.session.id.hash();
        for (hash, record) in self.live_sessions(principal).await?.iter().filter(|(hash, _)| *hash != current)
        {
            let over = Ending::of(self.state, hash, record);
            end::end_session(self.state, &over, EndCause::AccountPage, &actor).await?;
        }
        Ok(respond::redirect(StatusCode::SEE_OTHER, &self.address("/?done=others"), None))
    }

    pub(super) fn is_head(&self) -> bool {
        self.request.method() == "HEAD"
    }

    fn unavailable(&self) -> pages::Problem<'static> {
        pages::Problem::Unavailable { retry_after: RETRY_AFTER, resend: self.request.method() == "POST" }
    }

    fn page(&self, problem: pages::Problem<'_>) -> Answer {
        respond::page(problem.page(Retry::default(), self.visitor.request_id), self.is_head())
    }

    /// The one table from problems to pages; each is logged here, once.
    fn problem(&self, problem: &Problem, to: Option<&str>) -> Answer {
        tracing::warn!(
            request.id = %self.visitor.request_id,
            client.address = ?self.visitor.address,
            error = %Chain(problem),
            "a sign-in or sign-out did not go on"
        );
        let label = |id: &ProviderId| {
            self.state.providers.find(id).map_or("the provider", |provider| provider.label())
        };
        let shown = match problem {
            Problem::Unreadable
            | Problem::MixedUp { .. }
            | Problem::RestartedTooOften
            | Problem::EndedAtProvider => pages::Problem::SignInBroken,
            Problem::UnknownProvider => pages::Problem::NotFound,
            Problem::UnknownHost => {
                pages::Problem::Malformed("the sign-in was for a host that is not protected here any more")
            }
            Problem::TooManyHandovers(_) => pages::Problem::TooManyHandOvers,
            Problem::Limited(wait) => {
                pages::Problem::RateLimited { retry_after: *wait + Duration::from_secs(1) }
            }
            Problem::Refused { provider, refusal } => {
                pages::Problem::ProviderRefused { provider: label(provider), refusal }
            }
            Problem::Provider { provider, source } => match source {
                OidcError::Unavailable(_) => {
                    pages::Problem::ProviderUnavailable { provider: label(provider) }
                }
                OidcError::Token(TokenError::WrongTenant(_)) => {
                    pages::Problem::AccountNotAllowed { provider: label(provider) }
                }
                _ => pages::Problem::ProviderInvalid { provider: label(provider) },
            },
            Problem::NotRecent { max_age, .. } => pages::Problem::StepUpUnmet { max_age: *max_age },
            Problem::Disabled => pages::Problem::Disabled,
            Problem::NoAddress(provider) => pages::Problem::NoAddress { provider: label(provider) },
            Problem::AddressHeld(email) => pages::Problem::AddressHeld { email },
            Problem::GroupsUnknown => pages::Problem::GroupsUnknown,
            Problem::Unavailable(_) => self.unavailable(),
        };
        respond::page(shown.page(Retry { to }, self.visitor.request_id), self.is_head())
    }
}

/// How a failed callback is counted.
const fn outcome(problem: &Problem) -> SignInOutcome {
    match problem {
        Problem::Unreadable | Problem::UnknownProvider | Problem::MixedUp { .. } | Problem::UnknownHost => {
            SignInOutcome::Unreadable
        }
        Problem::RestartedTooOften | Problem::TooManyHandovers(_) => SignInOutcome::GaveUp,
        Problem::Limited(_) => SignInOutcome::Limited,
        Problem::Refused { .. } => SignInOutcome::RefusedByProvider,
        Problem::Provider { source: OidcError::Unavailable(_), .. } => SignInOutcome::ProviderUnavailable,
        Problem::Provider { source: OidcError::Token(TokenError::WrongTenant(_)), .. } => {
            SignInOutcome::ForeignTenant
        }
        Problem::Provider { .. } => SignInOutcome::InvalidToken,
        Problem::NotRecent { .. } => SignInOutcome::NotRecent,
        Problem::EndedAtProvider => SignInOutcome::EndedAtProvider,
        Problem::Disabled => SignInOutcome::UserDisabled,
        Problem::NoAddress(_) => SignInOutcome::NoAddress,
        Problem::AddressHeld(_) => SignInOutcome::AddressHeld,
        Problem::GroupsUnknown => SignInOutcome::GroupsUnknown,
        Problem::Unavailable(_) => SignInOutcome::StoreUnavailable,
    }
}

/// Failures that whoever sits at this address brought about, or may go on bringing about.
fn is_their_failure(problem: &Problem) -> bool {
    // What came without a state bound to this browser cost nothing, and another site can make a browser send it.
    !matches!(
        problem,
        Problem::Unavailable(_)
            | Problem::Limited(_)
            | Problem::GroupsUnknown
            | Problem::Unreadable
            | Problem::UnknownProvider
            | Problem::MixedUp { .. }
            | Problem::RestartedTooOften
            | Problem::UnknownHost
            | Problem::TooManyHandovers(_)
    ) && !matches!(problem, Problem::Provider { source: OidcError::Unavailable(_), .. })
}

fn client_address(state: &State, request: &HttpRequest) -> Option<IpAddr> {
    let peer = request.peer_addr()?.ip().to_canonical();
    let forwarded = request.headers().get_all("x-forwarded-for").last().and_then(|value| value.to_str().ok());
    let last =
        forwarded.and_then(|list| list.rsplit(',').next()).and_then(|address| address.trim().parse().ok());
    if trusts(state, peer) { last.or(Some(peer)) } else { Some(peer) }
}

fn unique_pairs(encoded: &[u8]) -> HashMap<String, String> {
    let mut pairs: HashMap<String, Option<String>> = HashMap::new();
    for (name, value) in form_urlencoded::parse(encoded) {
        pairs
            .entry(name.into_owned())
            .and_modify(|value| *value = None)
            .or_insert_with(|| Some(value.into_owned()));
    }
    pairs.into_iter().filter_map(|(name, value)| value.map(|value| (name, value))).collect()
}

fn entry(hash: Hash, record: &SessionRecord, current: Hash) -> SessionEntry<'_> {
    SessionEntry {
        handle: hash,
        user_agent: record.user_agent.as_deref(),
        address: record.address,
        began_at: record.begun_at,
        last_used_at: record.last_seen_at,
        is_current: hash == current,
    }
}

/// The person's groups, each with who says so.
fn groups<'a>(state: &'a State, details: Option<&'a UserRecord>) -> Vec<GroupEntry<'a>> {
    let source = |name: &'a String| {
        let provider = name.parse().ok().and_then(|id| state.providers.find(&id));
        provider.map_or(MembershipSource::Manual, |provider| MembershipSource::Provider(provider.label()))
    };
    let groups = details.iter().flat_map(|details| &details.groups);
    groups.map(|(name, sources)| GroupEntry { name, sources: sources.iter().map(source).collect() }).collect()
}
