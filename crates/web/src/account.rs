//! The account page: shows the person and their sessions, and ends sessions.

use super::answer::{PageAnswer, Redirect};
use super::callers::Person;
use super::extract::{Fields, Form, Query};
use super::fault::Fault;
use super::own_proposals;
use actix_web::web;
use gatepost_admin::access::OpenHost;
use gatepost_core::administration::Scope;
use gatepost_core::clock::Timestamp;
use gatepost_core::requirement::Requirement;
use gatepost_core::secret::Hash;
use gatepost_pages::{
    Account, AccountNotice, Brand, GroupEntry, MembershipSource, OwnProposals, RequestEntry, SessionEntry,
};
use gatepost_runtime::authn::{self, LoadError, Principal};
use gatepost_runtime::revocation::{self, revoke_refresh_token};
use gatepost_sign_in::Context;
use gatepost_store::directory::{AccessRequest, UserKey, UserRecord, Who};
use gatepost_store::session::record::SessionRecord;
use gatepost_telemetry::EndCause;
use serde::Deserialize;
use std::sync::Arc;

/// How many applications the page shows. People can have hosts noted that a pattern of `GATEPOST_HOSTS` covers.
const SHOWN_APPLICATIONS: usize = 60;
/// How many requests for access the page shows.
const SHOWN_REQUESTS: u32 = 20;

/// What a form has just done, after which it redirects here.
#[derive(Deserialize)]
pub(super) struct Notice {
    done: Option<String>,
}

pub(super) async fn show(
    Person { browser, principal }: Person,
    context: web::Data<Context>,
    admin: web::Data<gatepost_admin::Context>,
    Query(notice): Query<Notice>,
) -> Result<PageAnswer, Fault> {
    let notice = match notice.done.as_deref() {
        Some("session") => Some(AccountNotice::SessionEnded),
        Some("others") => Some(AccountNotice::OtherSessionsEnded),
        Some("requested") => Some(AccountNotice::AccessRequested),
        Some("proposed") => Some(AccountNotice::TenantProposed),
        Some("joined") => Some(AccountNotice::Joined),
        Some("withdrawn") => Some(AccountNotice::RequestWithdrawn),
        _ => None,
    };
    let user = principal.standing.person.id;
    let details = context.stores.directory.find_user(&Scope::System, &UserKey::Id(user)).await?;
    let requests = context.stores.directory.list_requests_of(user, SHOWN_REQUESTS).await?;
    let requests: Vec<RequestEntry<'_>> = requests.iter().map(request_entry).collect();
    let proposed = own_proposals::list_own(&context, &principal.standing).await?;
    let proposals = proposed.as_ref().map(|proposed| own_proposals::entries(proposed));
    let may_propose =
        proposed.as_ref().is_some_and(|proposed| own_proposals::may_propose(proposed, &principal.standing));
    let openable = admin.find_own_openable(user).await?;
    let hosts = openable.iter().flat_map(|open| &open.hosts).filter(|host| is_for_browsers(host));
    let open: Vec<&str> = hosts.map(|host| &*host.origin).collect();
    let sessions = live_sessions(&context, &principal).await?;
    let current = principal.session.id.hash();
    // A person may have more for a while, from before there was a limit, or it was larger.
    let shown = sessions.iter().take(context.site.config.session.max_per_person);
    let entries: Vec<SessionEntry<'_>> = shown.map(|(hash, record)| entry(*hash, record, current)).collect();
    let tenant = principal.session.record.provider.tenant();
    let branding = tenant.and_then(|tenant| context.hosts.branding_of(&tenant));
    let targets = context.site.sign_out_targets();
    let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
    let account = Account {
        person: &principal.standing.person,
        access: &principal.standing.access,
        groups: &groups(&context, details.as_ref()),
        open: &open[..open.len().min(SHOWN_APPLICATIONS)],
        more_open: open.len().saturating_sub(SHOWN_APPLICATIONS),
        sessions: &entries,
        more_sessions: sessions.len() - entries.len(),
        requests: &requests,
        proposals: proposals.as_ref().map(|entries| OwnProposals { entries, may_propose }),
        notice,
        now: Timestamp::now(),
        form_targets: &targets,
        brand: branding
            .as_deref()
            .map(|branding| Brand { branding, host: context.site.config.public_url.host() }),
        request_id: browser.request_id,
    };
    Ok(PageAnswer(account.page()))
}

/// Whether a browser gets a page there, as far as its routers say.
fn is_for_browsers(host: &OpenHost) -> bool {
    let parsed = host.requirements.iter().filter_map(|met| Requirement::parse(&met.query).ok());
    parsed.into_iter().any(|requirement| !requirement.api && requirement.mcp.is_none())
}

/// The person's valid sessions: the current one first, then by last use.
async fn live_sessions(
    context: &Context,
    principal: &Principal,
) -> Result<Vec<(Hash, SessionRecord)>, LoadError> {
    let current = principal.session.id.hash();
    let mut live = authn::list_live(&context.site, &context.stores, &principal.standing).await?;
    live.sort_by_key(|(hash, record)| (*hash != current, std::cmp::Reverse(record.last_seen_at)));
    Ok(live)
}

/// A session's public handle.
#[derive(Deserialize)]
pub(super) struct Handle {
    session: Option<String>,
}

impl Fields for Handle {}

/// A form that is only a button.
#[derive(Deserialize)]
pub(super) struct Button {}

impl Fields for Button {}

pub(super) async fn end_session(
    person: Person,
    context: web::Data<Context>,
    Form(Handle { session }): Form<Handle>,
) -> Result<Redirect, Fault> {
    let handle = session.unwrap_or_default();
    // Only among the person's own: a handle of somebody else's is none.
    end_those(&context, &person, |hash| hash.to_string() == handle).await?;
    Ok(back_to_account(&context, "session"))
}

pub(super) async fn end_other_sessions(
    person: Person,
    context: web::Data<Context>,
    _: Form<Button>,
) -> Result<Redirect, Fault> {
    let current = person.principal.session.id.hash();
    end_those(&context, &person, |hash| *hash != current).await?;
    Ok(back_to_account(&context, "others"))
}

/// Ends the person's sessions that match.
async fn end_those(
    context: &Arc<Context>,
    person: &Person,
    are: impl Fn(&Hash) -> bool,
) -> Result<(), Fault> {
    let actor = person.browser.actor(Who::Person(person.principal.standing.person.id));
    let sessions = live_sessions(context, &person.principal).await?;
    for (hash, record) in sessions.iter().filter(|(hash, _)| are(hash)) {
        let (revocation, cause) = (&context.revocation, EndCause::AccountPage);
        revocation::end_session(revocation, *hash, record.user, cause, &actor).await?;
        revoke_refresh_token(&context.revocation, record);
    }
    Ok(())
}

pub(super) fn back_to_account(context: &Context, done: &str) -> Redirect {
    Redirect { to: format!("{}/?done={done}", context.site.config.public_url), cookie: None }
}

fn request_entry(request: &AccessRequest) -> RequestEntry<'_> {
    RequestEntry {
        id: request.id,
        wanted: &request.wanted,
        state: request.state,
        created_at: request.created_at,
        answer: request.answer.as_deref(),
        until: request.until,
    }
}

fn entry(hash: Hash, record: &SessionRecord, current: Hash) -> SessionEntry<'_> {
    SessionEntry {
        handle: hash,
        user_agent: record.user_agent.as_deref(),
        address: record.address,
        began_at: record.started_at,
        last_used_at: record.last_seen_at,
        is_current: hash == current,
    }
}

/// The person's groups, each with its sources.
fn groups<'a>(context: &'a Context, details: Option<&'a UserRecord>) -> Vec<GroupEntry<'a>> {
    let source = |name: &'a String| {
        let provider = name.parse().ok().and_then(|id| context.site.providers.find(&id));
        provider.map_or(MembershipSource::Manual, |provider| MembershipSource::Provider(provider.label()))
    };
    let groups = details.iter().flat_map(|details| &details.groups);
    groups.map(|(name, sources)| GroupEntry { name, sources: sources.iter().map(source).collect() }).collect()
}
