//! Requests for access: the list, one request, and the forms that decide it.

use super::change::{FormAnswer, Refused, conditions, done, refused};
use super::waiting::{Answering, Listed, Shown, decider};
use super::{page, waiting_proposals};
use crate::RequestOrigin::{Anywhere, OwnPages};
use crate::answer::PageAnswer;
use crate::callers::{Administrator, Administrators};
use crate::extract::{Fields, Form, Path, Query};
use crate::fault::Fault;
use crate::routing::{GET, POST, Routes};
use actix_web::{Either, web};
use gatepost_core::access_request::{Remark, RemarkError, RequestState};
use gatepost_core::administration::Scope;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{AccessRequestId, UserId};
use gatepost_pages::admin::{
    AccessRequestDetails, AccessRequestEntry, AccessRequests, EnteredEnd, Names, OtherDeciders,
    RequestDecision, RequestNotice,
};
use gatepost_pages::{Section, paths};
use gatepost_store::directory::{self, AccessRequest, Decider, DirectoryError, RequestFilter, Who};
use serde::Deserialize;

/// Requests on a page.
const PAGE: u32 = 50;
/// People of each kind who may decide too, as far as they are named.
const OTHERS: u32 = 10;

/// Adds the pages.
pub(super) fn register(routes: &mut Routes<'_>) {
    routes.scope(paths::ADMIN_REQUESTS, |requests| {
        requests.add(page("").on(GET, Administrators, Anywhere, list));
        requests.add(page("/{id}").on(GET, Administrators, Anywhere, show));
        requests.add(page("/{id}/grant").on(POST, Administrators, OwnPages, grant));
        requests.add(page("/{id}/decline").on(POST, Administrators, OwnPages, decline));
    });
}

async fn list(
    administrator: Administrator,
    context: web::Data<gatepost_sign_in::Context>,
    Query(Listed { state, after }): Query<Listed>,
) -> Result<PageAnswer, Fault> {
    let state = state.map_or(Ok(RequestState::Open), |state| state.parse()).map_err(|_| Fault::NotFound)?;
    let after = after.map(|after| after.parse()).transpose().map_err(|_| Fault::NotFound)?;
    let is_newest_first = state != RequestState::Open;
    let filter = RequestFilter { state: Some(state), is_newest_first, ..RequestFilter::default() };
    let directory = &context.stores.directory;
    let found = directory.search_requests(&administrator.scope, &filter, after.as_ref(), PAGE).await?;
    let deciders: Vec<Option<String>> = found.items.iter().map(decided_by).collect();
    let entries = found.items.iter().zip(&deciders).map(|(request, by)| entry(request, by.as_deref()));
    let next = found.next.map(|next| next.to_string());
    let proposals = waiting_proposals::count_waiting(&context, &administrator.scope, PAGE).await?;
    let page = AccessRequests {
        frame: administrator.frame(None),
        state,
        requests: &entries.collect::<Vec<_>>(),
        proposals,
        next: next.as_deref(),
        now: Timestamp::now(),
    };
    Ok(PageAnswer(page.page()))
}

async fn show(
    administrator: Administrator,
    context: web::Data<gatepost_sign_in::Context>,
    Path(id): Path<AccessRequestId>,
    Query(Shown { done }): Query<Shown>,
) -> Result<PageAnswer, Fault> {
    let notice = RequestNotice::find(done.as_deref()).map(RequestNotice::text);
    details(&context, &administrator, id, &RequestDecision::default(), Outcome::Shown(notice)).await
}

/// The version that the form showed, and until when.
#[derive(Deserialize)]
pub(crate) struct Granting {
    version: Option<String>,
    end: Option<String>,
    at: Option<String>,
}

impl Fields for Granting {}

async fn grant(
    administrator: Administrator,
    admin: web::Data<gatepost_admin::Context>,
    context: web::Data<gatepost_sign_in::Context>,
    Path(id): Path<AccessRequestId>,
    Form(form): Form<Granting>,
) -> FormAnswer {
    let entered = EnteredEnd::new(form.end.as_deref(), form.at.as_deref());
    let again = |entered: Option<EnteredEnd>, error| {
        let empty = RequestDecision::default();
        RequestDecision { end: entered.unwrap_or(empty.end.clone()), end_error: Some(error), ..empty }
    };
    let until = match entered.as_ref().map(|entered| entered.until(Timestamp::now())) {
        Some(Ok(Some(until))) => until,
        wrong => {
            let error = wrong.and_then(Result::err).unwrap_or("Choose how long.");
            return again_with(&context, &administrator, id, &again(entered, error)).await;
        }
    };
    let made = async {
        let conditions = conditions(form.version.as_deref())?;
        Ok(admin.grant_request(id, until, conditions, &administrator.actor()).await?)
    };
    match made.await {
        // The clock of the database decides.
        Err(Refused::Impossible(why)) if why.status == 422 => {
            again_with(
                &context,
                &administrator,
                id,
                &again(entered, "This time has passed. Enter a later one."),
            )
            .await
        }
        made => answer(&admin, &context, &administrator, id, made.map(|_| RequestNotice::Granted)).await,
    }
}

async fn decline(
    administrator: Administrator,
    admin: web::Data<gatepost_admin::Context>,
    context: web::Data<gatepost_sign_in::Context>,
    Path(id): Path<AccessRequestId>,
    Form(form): Form<Answering>,
) -> FormAnswer {
    let text = form.answer.as_deref().unwrap_or_default();
    let remark: Remark = match text.parse() {
        Ok(remark) => remark,
        Err(error) => {
            let error = match error {
                RemarkError::Empty => "Tell the person why.",
                RemarkError::TooLong(_) => "The answer is too long. Shorten it to 280 characters.",
            };
            let deciding = RequestDecision {
                answer: text.to_owned(),
                answer_error: Some(error),
                ..RequestDecision::default()
            };
            return again_with(&context, &administrator, id, &deciding).await;
        }
    };
    let made = async {
        let conditions = conditions(form.version.as_deref())?;
        Ok(admin.decline_request(id, remark, conditions, &administrator.actor()).await?)
    };
    answer(&admin, &context, &administrator, id, made.await.map(|_| RequestNotice::Declined)).await
}

/// The answer to a form whose fields are right.
async fn answer(
    admin: &gatepost_admin::Context,
    context: &gatepost_sign_in::Context,
    administrator: &Administrator,
    id: AccessRequestId,
    made: Result<RequestNotice, Refused>,
) -> FormAnswer {
    let path = paths::admin_request(id);
    match made {
        Ok(notice) => done(admin, &path, notice.as_str()),
        Err(Refused::Overtaken(_)) => {
            let deciding = RequestDecision::default();
            details(context, administrator, id, &deciding, Outcome::Overtaken).await.map(Either::Right)
        }
        Err(Refused::Impossible(why)) => refused(administrator, Section::Requests, &path, &why),
        Err(Refused::Fault(fault)) => Err(fault),
    }
}

/// The page again, with the form as it was sent.
async fn again_with(
    context: &gatepost_sign_in::Context,
    administrator: &Administrator,
    id: AccessRequestId,
    deciding: &RequestDecision,
) -> FormAnswer {
    details(context, administrator, id, deciding, Outcome::Shown(None)).await.map(Either::Right)
}

/// What the page of a request says about the last form.
enum Outcome {
    Shown(Option<&'static str>),
    /// The request was decided before.
    Overtaken,
}

async fn details(
    context: &gatepost_sign_in::Context,
    administrator: &Administrator,
    id: AccessRequestId,
    deciding: &RequestDecision,
    outcome: Outcome,
) -> Result<PageAnswer, Fault> {
    let (scope, directory) = (&administrator.scope, &context.stores.directory);
    let request = directory.find_request(scope, id).await?.ok_or(Fault::NotFound)?;
    let others = match request.state {
        RequestState::Open => Others::find(administrator, directory, &request).await?,
        _ => Others::default(),
    };
    let (notice, is_overtaken) = match outcome {
        Outcome::Shown(notice) => (notice, false),
        Outcome::Overtaken => (Some(overtaken(administrator, &request)), true),
    };
    let by = decided_by(&request);
    let page = AccessRequestDetails {
        frame: administrator.frame(notice),
        request: entry(&request, by.as_deref()),
        is_person_shown: *scope == Scope::System,
        others: others.shown(),
        deciding,
        is_overtaken,
        now: Timestamp::now(),
    };
    Ok(PageAnswer(page.page()))
}

/// Why the form did nothing.
fn overtaken(administrator: &Administrator, request: &AccessRequest) -> &'static str {
    let reader = Who::Person(administrator.person.principal.standing.person.id);
    match request.state {
        RequestState::Open => "The form was for another version of this request. Nothing was done.",
        RequestState::Withdrawn => "The person withdrew this request meanwhile. Nothing was done.",
        _ if request.decided_by == Some(reader) => {
            "You have decided this request already. Nothing more was done."
        }
        _ => "Somebody else decided this request first. Nothing of yours was done.",
    }
}

/// Who may decide besides the reader, each with whether there are more.
#[derive(Default)]
struct Others {
    of_tenant: Option<(Vec<String>, bool)>,
    of_system: Option<(Vec<String>, bool)>,
}

impl Others {
    async fn find(
        administrator: &Administrator,
        directory: &directory::Directory,
        request: &AccessRequest,
    ) -> Result<Self, DirectoryError> {
        let reader = administrator.person.principal.standing.person.id;
        // One of them may be the reader.
        let found = directory.list_deciders(&administrator.scope, &request.wanted, OTHERS + 1).await?;
        let names = |page| names(page, reader);
        Ok(Self { of_tenant: found.of_tenant.map(names), of_system: found.of_system.map(names) })
    }

    fn shown(&self) -> OtherDeciders<'_> {
        fn names((names, has_more): &(Vec<String>, bool)) -> Names<'_> {
            Names { names, has_more: *has_more }
        }
        OtherDeciders {
            of_tenant: self.of_tenant.as_ref().map(names),
            of_system: self.of_system.as_ref().map(names),
        }
    }
}

fn names(page: directory::Page<Decider>, reader: UserId) -> (Vec<String>, bool) {
    let others = page.items.into_iter().filter(|person| person.id != reader);
    let mut names: Vec<String> = others
        .map(|person| person.email.map_or_else(|| person.id.to_string(), |email| email.to_string()))
        .collect();
    let has_more = page.next.is_some() || names.len() > OTHERS as usize;
    names.truncate(OTHERS as usize);
    names.sort_unstable();
    (names, has_more)
}

fn decided_by(request: &AccessRequest) -> Option<String> {
    decider(request.decided_by_email.as_ref(), request.decided_by.as_ref())
}

fn entry<'a>(request: &'a AccessRequest, by: Option<&'a str>) -> AccessRequestEntry<'a> {
    AccessRequestEntry {
        id: request.id,
        user_id: request.user_id,
        email: request.email.as_ref(),
        name: request.name.as_deref(),
        wanted: &request.wanted,
        group: request.group_id,
        note: request.note.as_deref(),
        state: request.state,
        created_at: request.created_at,
        decided_at: request.decided_at,
        decided_by: by,
        answer: request.answer.as_deref(),
        until: request.until,
    }
}
