//! Why a request passes or not: what `gatepost explain --json` says.

use super::caller::Caller;
use super::input::{Body, Json};
use super::list::Filtered;
use super::members::Members;
use super::problems::WriteProblems;
use super::refused::Refused;
use super::reply::Reply;
use actix_web::web::Data;
use gatepost_admin::explain::{Asker, Explainer, Initiator, Question, RequestUrl, requirement_of_groups};
use gatepost_core::api_key::KeyId;
use gatepost_core::clock::Timestamp;
use gatepost_core::host::Origin;
use gatepost_core::ids::{GroupName, RequestId};
use gatepost_core::mcp::message::Call;
use gatepost_core::mcp::pattern::Kind;
use gatepost_store::directory::UserKey;
use hyper::Method;
use utoipa::ToSchema;

/// What is to be explained: a request by its number, or one that somebody might send.
pub(super) enum Explainable {
    Past(RequestId),
    Question(Box<Question>),
}

/// The members of the question, for the document: `request` alone, or `user` or `key`, and `url`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the document is made of it")]
pub(super) struct ExplainQuestion {
    /// The number of a request that was refused.
    request: Option<String>,
    /// The person, by id or address.
    user: Option<String>,
    /// An API key in place of a person, by its id.
    key: Option<String>,
    /// An absolute address of an application.
    url: Option<String>,
    /// `GET` if it is absent, `POST` with `tool`, `prompt` or `resource`.
    method: Option<String>,
    /// The tool that the request calls, where the router demands `mcp=true`. One of `tool`, `prompt` and `resource` at most.
    tool: Option<String>,
    /// The prompt that it fetches.
    prompt: Option<String>,
    /// The resource that it reads, by its URI.
    resource: Option<String>,
    /// Groups that the router demands; one of them is enough.
    groups: Option<Vec<String>>,
    /// The whole demand of the router: what stands after `/verify?` in the middleware's address. It excludes `groups`.
    requirement: Option<String>,
    /// The origin of the page that sends the request, if it is not the application's own.
    from: Option<String>,
    /// The time of the request. Absent: now.
    #[schema(format = DateTime)]
    at: Option<String>,
}

impl Body for Explainable {
    fn read(members: &mut Members<'_>) -> Option<Self> {
        if let Some(request) = members.text("request")?.value() {
            return Some(Self::Past(request));
        }
        let asker = asker(members);
        let calls = calls(members);
        let url = members.required::<RequestUrl>("url");
        let method = members.text::<Method>("method");
        let groups = members.texts::<GroupName>("groups");
        let requirement = members.text::<String>("requirement");
        let from = members.text::<Origin>("from");
        let at = members.text::<Timestamp>("at");
        let (asker, url, method) = (asker?, url?, method?.value());
        let call = calls?.into_iter().next();
        let (groups, requirement) = (groups?, requirement?.value());
        if requirement.is_some() && !groups.is_empty() {
            members.flaw("groups", "excluded", "`requirement` excludes it.");
        }
        let requirement =
            requirement.unwrap_or_else(|| requirement_of_groups(groups.iter().map(GroupName::as_str)));
        let initiator = from?.value().map_or(Initiator::Own, Initiator::Page);
        let method = method.unwrap_or(if call.is_some() { Method::POST } else { Method::GET });
        let own = Question::own(asker, url, method, requirement).asking_for(call);
        Some(Self::Question(Box::new(Question { initiator, at: at?.value(), ..own })))
    }
}

/// `user` or `key`.
fn asker(members: &mut Members<'_>) -> Option<Asker> {
    let (key, user) = (members.text::<KeyId>("key"), members.text::<UserKey>("user"));
    match (key?.value(), user?.value()) {
        (Some(_), Some(_)) => members.flaw("key", "excluded", "`user` excludes it."),
        (None, None) => members.flaw("user", "missing", "It must be there, or `key`."),
        (Some(key), None) => return Some(Asker::Key(key)),
        (None, Some(user)) => return Some(Asker::Person(user)),
    }
    None
}

/// What of a tool server is asked for: one thing at most. `None`: a member is wrong.
fn calls(members: &mut Members<'_>) -> Option<Vec<Call>> {
    let mut calls = Vec::new();
    for kind in Kind::ALL {
        let name = members.text(kind.as_str())?.value();
        calls.extend(name.map(|name| Call { kind, name }));
    }
    if let [_, further, ..] = &calls[..] {
        let kind = further.kind.as_str();
        members.flaw(kind, "excluded", "One of `tool`, `prompt` and `resource` is enough.");
    }
    Some(calls)
}

/// Why a request passes or not.
#[utoipa::path(post, path = "/api/v1/explain", tag = "access", request_body = ExplainQuestion,
    responses((status = 200, body = serde_json::Value, description = "As `gatepost explain --json` prints it."), WriteProblems))]
pub(super) async fn answer(
    _: Caller,
    explainer: Data<dyn Explainer>,
    _: Filtered<()>,
    Json(what): Json<Explainable>,
) -> Result<Reply, Refused> {
    Ok(Reply::ok(match what {
        Explainable::Past(id) => explainer.explain_request(id).await?.to_json(),
        Explainable::Question(question) => explainer.explain(&question).await?.to_json(),
    }))
}
