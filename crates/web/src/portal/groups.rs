//! The list of groups, and a new one.

use super::change::{FormAnswer, Refused, carry_out, done};
use super::forms::{PAGE, entered, linked};
use super::rows::label;
use crate::answer::PageAnswer;
use crate::callers::Administrator;
use crate::extract::{Fields, Form, Query};
use crate::fault::Fault;
use actix_web::{Either, web};
use gatepost_admin::Context;
use gatepost_core::ids::GroupName;
use gatepost_pages::admin::{EnteredText, GroupEntry, Groups, PlaceNotice};
use gatepost_pages::paths;
use gatepost_store::directory::changes::CreateGroup;
use gatepost_store::directory::{Conditions, GroupFilter, GroupRecord, GroupState, LinkSource};
use serde::Deserialize;

/// The filter, where the page begins, and what the last form did.
#[derive(Default, Deserialize)]
pub(crate) struct Parameters {
    q: Option<String>,
    state: Option<String>,
    after: Option<String>,
    done: Option<String>,
}

/// Lists the groups.
///
/// # Errors
/// [`Fault`]: the filter cannot be read, or the directory does not answer.
pub(crate) async fn list(
    administrator: Administrator,
    context: web::Data<Context>,
    Query(parameters): Query<Parameters>,
) -> Result<PageAnswer, Fault> {
    page(&administrator, &context, &parameters, EnteredText::default()).await
}

/// The name of a new group.
#[derive(Deserialize)]
pub(crate) struct NewGroup {
    name: Option<String>,
}

impl Fields for NewGroup {
    const LIMIT: usize = 4096;
}

/// Creates a group.
///
/// # Errors
/// [`Fault`]
pub(crate) async fn create(
    administrator: Administrator,
    context: web::Data<Context>,
    Form(NewGroup { name }): Form<NewGroup>,
) -> FormAnswer {
    let text = name.unwrap_or_default();
    let error = match entered::<GroupName>(&text) {
        Err(wrong) => wrong,
        Ok(name) => {
            let change = CreateGroup { name };
            match carry_out(&context, &administrator, &change, Conditions::default()).await {
                Ok(made) => {
                    let notice = if made.changed { PlaceNotice::Created } else { PlaceNotice::Known };
                    return done(&context, &paths::admin_group(made.outcome), notice.as_str());
                }
                Err(Refused::Impossible(why)) => why.text,
                Err(Refused::Overtaken(_)) => "Somebody else created it at the same time.".to_owned(),
                Err(Refused::Fault(fault)) => return Err(fault),
            }
        }
    };
    let new = EnteredText { value: &text, error: Some(&error) };
    page(&administrator, &context, &Parameters::default(), new).await.map(Either::Right)
}

async fn page(
    administrator: &Administrator,
    context: &Context,
    parameters: &Parameters,
    new: EnteredText<'_>,
) -> Result<PageAnswer, Fault> {
    let after = linked(parameters.after.as_deref())?;
    let q = parameters.q.as_deref().map(|q| q.trim().to_owned()).filter(|q| !q.is_empty());
    let state = match (parameters.state.as_deref().unwrap_or_default(), &q) {
        // Providers may bring thousands of groups that have no name here yet.
        ("", None) => Some(GroupState::Named),
        ("", Some(_)) | (Groups::ALL, _) => None,
        (state, _) => linked(Some(state))?,
    };
    let filter = GroupFilter { q, state, ..GroupFilter::default() };
    let directory = &context.stores.directory;
    let found = directory.search_groups(&administrator.scope, &filter, after.as_ref(), PAGE).await?;
    let entries: Vec<_> = found.items.iter().map(|group| entry(context, group)).collect();
    let next = found.next.map(|next| next.to_string());
    let page = Groups {
        frame: administrator.frame(PlaceNotice::text_of(parameters.done.as_deref())),
        q: filter.q.as_deref().unwrap_or_default(),
        state: state.map_or(Groups::ALL, GroupState::as_str),
        states: &GroupState::ALL.map(|state| (state.as_str(), word(state))),
        groups: &entries,
        next: next.as_deref(),
        new,
    };
    Ok(PageAnswer(page.page()))
}

const fn word(state: GroupState) -> &'static str {
    match state {
        GroupState::Named => Groups::NAMED,
        GroupState::Linked => "Linked",
        GroupState::Unlinked => "Not linked yet",
        GroupState::Empty => "Empty",
    }
}

fn entry<'a>(context: &'a Context, group: &'a GroupRecord) -> GroupEntry<'a> {
    let mut providers: Vec<&str> =
        group.links.iter().map(|link| label(&context.site, &link.external.provider)).collect();
    providers.dedup();
    let unlinked = group.links.iter().find(|link| link.source == LinkSource::Auto);
    GroupEntry {
        id: group.id,
        name: &group.name,
        providers,
        unlinked: unlinked.map(|link| link.display_name.as_deref()),
        members: group.members.to_string(),
        tenants: group.tenants.iter().map(|(id, role)| (id, *role)).collect(),
    }
}
