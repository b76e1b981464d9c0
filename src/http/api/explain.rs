//! Why a request passes or not: what `gatepost explain --json` says.

use super::caller::Caller;
use super::input::{Body, Json};
use super::list::Filtered;
use super::members::Members;
use super::problems::WriteProblems;
use super::refused::Refused;
use super::reply::Reply;
use crate::explain::{
    Context, Initiator, Question, RequestUrl, explain, explain_request, requirement_of_groups,
};
use actix_web::web::Data;
use gatepost_core::clock::Timestamp;
use gatepost_core::host::Origin;
use gatepost_core::ids::{GroupName, RequestId};
use gatepost_store::directory::UserKey;
use hyper::Method;
use utoipa::ToSchema;

/// What is to be explained: a request by its number, or one that somebody might send.
pub(super) enum Explainable {
    Past(RequestId),
    Question(Box<Question>),
}

/// The members of the question, for the document: `request` alone, or `user` and `url`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the document is made of it")]
pub(super) struct ExplainQuestion {
    /// The number of a request that was refused.
    request: Option<String>,
    /// The person, by id or address.
    user: Option<String>,
    /// An absolute address of an application.
    url: Option<String>,
    /// `GET` if it is absent.
    method: Option<String>,
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
        let user = members.required::<UserKey>("user");
        let url = members.required::<RequestUrl>("url");
        let method = members.text::<Method>("method");
        let groups = members.texts::<GroupName>("groups");
        let requirement = members.text::<String>("requirement");
        let from = members.text::<Origin>("from");
        let at = members.text::<Timestamp>("at");
        let (user, url, method) = (user?, url?, method?.value());
        let (groups, requirement) = (groups?, requirement?.value());
        if requirement.is_some() && !groups.is_empty() {
            members.flaw("groups", "excluded", "`requirement` excludes it.");
        }
        let requirement =
            requirement.unwrap_or_else(|| requirement_of_groups(groups.iter().map(GroupName::as_str)));
        let initiator = from?.value().map_or(Initiator::Own, Initiator::Page);
        let own = Question::own(user, url, method.unwrap_or(Method::GET), requirement);
        Some(Self::Question(Box::new(Question { initiator, at: at?.value(), ..own })))
    }
}

/// Why a request passes or not.
#[utoipa::path(post, path = "/api/v1/explain", tag = "access", request_body = ExplainQuestion,
    responses((status = 200, body = serde_json::Value, description = "As `gatepost explain --json` prints it."), WriteProblems))]
pub(super) async fn answer(
    _: Caller,
    context: Data<Context>,
    _: Filtered<()>,
    Json(what): Json<Explainable>,
) -> Result<Reply, Refused> {
    Ok(Reply::ok(match what {
        Explainable::Past(id) => explain_request(&context, id).await?.to_json(),
        Explainable::Question(question) => explain(&context, &question).await?.to_json(),
    }))
}
