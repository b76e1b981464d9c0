//! Linking a group to providers' groups, unlinking, and deleting it.

use super::change::{FormAnswer, Refused, carry_out, conditions, done};
use super::forms::{Attempt, PAGE, entered, filled_in, make};
use super::group::{LinkSearch, find, link_page};
use crate::answer::PageAnswer;
use crate::callers::Administrator;
use crate::extract::{Fields, Form, Path, Query};
use crate::fault::Fault;
use actix_web::{Either, web};
use gatepost_admin::Context;
use gatepost_core::identity::ExternalGroup;
use gatepost_core::ids::{GroupId, GroupName};
use gatepost_pages::admin::{EnteredEnd, EnteredText, GroupDeletion, GroupEntered, LinkRemoval, PlaceNotice};
use gatepost_pages::{Section, paths};
use gatepost_store::directory::changes::{DeleteGroup, LinkGroup, UnlinkGroup};
use gatepost_store::directory::{Conditions, GroupFilter, GroupKey, GroupRecord, LinkedGroup};
use serde::Deserialize;

/// A provider's group: `PROVIDER:ID`.
#[derive(Deserialize)]
pub(crate) struct LinkForm {
    link: Option<String>,
    /// The name of the group that the page showed, and its version. The address of the question has neither.
    shown: Option<String>,
    version: Option<String>,
}

impl Fields for LinkForm {
    const LIMIT: usize = 4096;
}

/// Links a group to a provider's group.
///
/// # Errors
/// [`Fault`]
pub(crate) async fn link(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<GroupId>,
    Form(LinkForm { link, shown, version }): Form<LinkForm>,
) -> FormAnswer {
    let (text, here) = (link.unwrap_or_default(), paths::admin_group(id));
    let group = find(&administrator, &context, id).await?;
    let wrong = match entered::<ExternalGroup>(&text) {
        Err(wrong) => wrong,
        Ok(external) => {
            let made = match conditions(version.as_deref()) {
                Ok(conditions) => make_link(&administrator, &context, id.into(), external, conditions).await,
                Err(why) => Err(why),
            };
            match made {
                Ok(_) => return done(&context, &here, PlaceNotice::Linked.as_str()),
                Err(Refused::Impossible(why)) if why.status != 400 => why.text,
                Err(other) => {
                    let attempt = Attempt {
                        section: Section::Groups,
                        subject: "The name of the group",
                        shown: shown.as_deref().unwrap_or_default(),
                        now: group.name.as_str(),
                        action: &format!("{here}/links"),
                        fields: &[("link", &text)],
                        text: &format!("Link it to {}", group.name),
                        back: &here,
                    };
                    return attempt.answer(&administrator, other);
                }
            }
        }
    };
    let entered = EnteredText { value: &text, error: Some(&wrong) };
    let search = LinkSearch::default();
    link_page(&administrator, &context, &group, &search, entered).await.map(Either::Right)
}

async fn make_link(
    administrator: &Administrator,
    context: &Context,
    group: GroupKey,
    external: ExternalGroup,
    conditions: Conditions,
) -> Result<GroupName, Refused> {
    let change = LinkGroup::new(group, external, &context.site.config)?;
    Ok(carry_out(context, administrator, &change, conditions).await?.outcome)
}

/// A name for a provider's group that has none here.
#[derive(Deserialize)]
pub(crate) struct Naming {
    name: Option<String>,
    link: Option<String>,
    version: Option<String>,
}

impl Fields for Naming {
    const LIMIT: usize = 8192;
}

/// Links the provider's group for which a group stands to a name, which may be new. Leads to the group of that name.
///
/// # Errors
/// [`Fault`]
pub(crate) async fn name(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<GroupId>,
    Form(Naming { name, link, version }): Form<Naming>,
) -> FormAnswer {
    let text = name.unwrap_or_default();
    let external: ExternalGroup = filled_in("link", link.as_deref())?;
    let holder = find_holder(&administrator, &context, id, &external).await?.ok_or(Fault::NotFound)?;
    let wrong = match entered::<GroupName>(&text) {
        Err(wrong) => wrong,
        Ok(name) => {
            let here = paths::admin_group(holder.id);
            let made = if holder.id == id {
                let change = LinkGroup::new(name.into(), external, &context.site.config);
                match change {
                    Ok(change) => {
                        make(&context, &administrator, &change.from_group(id), version.as_deref()).await
                    }
                    Err(error) => Err(error.into()),
                }
            } else {
                Err(Refused::Overtaken(Some(holder.version)))
            };
            match made {
                Ok(made) => {
                    let directory = &context.stores.directory;
                    let named = directory.find_group(&administrator.scope, &made.outcome.into()).await?;
                    let path = paths::admin_group(named.ok_or(Fault::NotFound)?.id);
                    return done(&context, &path, PlaceNotice::Linked.as_str());
                }
                Err(Refused::Impossible(why)) if why.status != 400 => why.text,
                Err(other) => {
                    let attempt = Attempt {
                        section: Section::Groups,
                        subject: "The name of the provider's group",
                        shown: "",
                        now: holder.name.as_str(),
                        action: &format!("{here}/name"),
                        fields: &[("link", link.as_deref().unwrap_or_default()), ("name", &text)],
                        text: &format!("Link it to {}", text.trim()),
                        back: &here,
                    };
                    return attempt.answer(&administrator, other);
                }
            }
        }
    };
    let no_end = EnteredEnd::default();
    let none = GroupEntered::none(holder.name.as_str(), &no_end);
    let entered = GroupEntered { link: EnteredText { value: &text, error: Some(&wrong) }, ..none };
    let parameters = super::forms::ListParameters::default();
    super::group::page(&administrator, &context, &holder, &parameters, entered).await.map(Either::Right)
}

/// The group that a provider's group stands for: the one of the page, or the one that somebody has linked it to since.
async fn find_holder(
    administrator: &Administrator,
    context: &Context,
    shown: GroupId,
    external: &ExternalGroup,
) -> Result<Option<GroupRecord>, Fault> {
    let (scope, directory) = (&administrator.scope, &context.stores.directory);
    let holds = |group: &GroupRecord| group.links.iter().any(|link| link.external == *external);
    if let Some(group) = directory.find_group(scope, &shown.into()).await?.filter(&holds) {
        return Ok(Some(group));
    }
    let filter = GroupFilter { q: Some(external.external_id.clone()), ..GroupFilter::default() };
    let found = directory.search_groups(scope, &filter, None, PAGE).await?;
    Ok(found.items.into_iter().find(holds))
}

/// Asks before a provider's group is unlinked.
///
/// # Errors
/// [`Fault`]: the group is not linked to it.
pub(crate) async fn ask_to_unlink(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<GroupId>,
    Query(LinkForm { link, .. }): Query<LinkForm>,
) -> Result<PageAnswer, Fault> {
    let group = find(&administrator, &context, id).await?;
    let LinkedGroup { link, people } =
        find_link(&administrator, &context, id, link.as_deref()).await?.ok_or(Fault::NotFound)?;
    let page = LinkRemoval {
        frame: administrator.frame(None),
        id,
        name: &group.name,
        version: group.version,
        external: &link.external.to_string(),
        shown: link.display_name.as_deref().unwrap_or(&link.external.external_id),
        people: &people.to_string(),
    };
    Ok(PageAnswer(page.page()))
}

/// The link of this text among those of the group.
async fn find_link(
    administrator: &Administrator,
    context: &Context,
    id: GroupId,
    link: Option<&str>,
) -> Result<Option<LinkedGroup>, Fault> {
    let external: ExternalGroup = link.and_then(|link| link.parse().ok()).ok_or(Fault::NotFound)?;
    let links = context.stores.directory.list_links(&administrator.scope, id).await?;
    Ok(links.into_iter().find(|one| one.link.external == external))
}

/// Removes a link.
///
/// # Errors
/// [`Fault`]
pub(crate) async fn unlink(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<GroupId>,
    Form(LinkForm { link, shown, version }): Form<LinkForm>,
) -> FormAnswer {
    let here = paths::admin_group(id);
    let group = find(&administrator, &context, id).await?;
    let external: ExternalGroup = link.and_then(|link| link.parse().ok()).ok_or(Fault::NotFound)?;
    let text = external.to_string();
    let change = UnlinkGroup::new(external, &context.site.config).from_group(id);
    match make(&context, &administrator, &change, version.as_deref()).await {
        Ok(_) => {
            // A group that nothing else uses goes with its last link.
            let left = context.stores.directory.find_group(&administrator.scope, &id.into()).await?;
            let path = left.map_or(paths::ADMIN_GROUPS, |_| here.as_str());
            done(&context, path, PlaceNotice::Unlinked.as_str())
        }
        Err(why) => {
            let attempt = Attempt {
                section: Section::Groups,
                subject: "The name of the group",
                shown: shown.as_deref().unwrap_or_default(),
                now: group.name.as_str(),
                action: &format!("{here}/unlink"),
                fields: &[("link", &text)],
                text: &format!("Unlink it from {}", group.name),
                back: &here,
            };
            attempt.answer(&administrator, why)
        }
    }
}

/// Asks before a group is deleted.
///
/// # Errors
/// [`Fault`]: there is no such group.
pub(crate) async fn ask_to_delete(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<GroupId>,
) -> Result<PageAnswer, Fault> {
    let group = find(&administrator, &context, id).await?;
    Ok(deletion(&administrator, &group, EnteredText::default()))
}

fn deletion(administrator: &Administrator, group: &GroupRecord, typed: EnteredText<'_>) -> PageAnswer {
    let tenants: Vec<_> = group.tenants.keys().collect();
    let page = GroupDeletion {
        frame: administrator.frame(None),
        id: group.id,
        name: &group.name,
        version: group.version,
        count: &group.members.to_string(),
        links: group.links.len(),
        tenants: &tenants,
        typed,
    };
    PageAnswer(page.page())
}

/// The name of the group, as it was typed.
#[derive(Deserialize)]
pub(crate) struct Typed {
    name: Option<String>,
    version: Option<String>,
}

impl Fields for Typed {
    const LIMIT: usize = 4096;
}

/// Deletes a group whose name was typed.
///
/// # Errors
/// [`Fault`]
pub(crate) async fn delete(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<GroupId>,
    Form(form): Form<Typed>,
) -> FormAnswer {
    let group = find(&administrator, &context, id).await?;
    let (text, here) = (form.name.unwrap_or_default(), paths::admin_group(id));
    let wrong = if text.trim() == group.name.as_str() {
        let change = DeleteGroup { group: id.into() };
        let made = make(&context, &administrator, &change, form.version.as_deref()).await;
        match made {
            Ok(_) => return done(&context, paths::ADMIN_GROUPS, PlaceNotice::Deleted.as_str()),
            Err(Refused::Impossible(why)) if why.status != 400 => why.advice(),
            Err(other) => {
                let attempt = Attempt {
                    section: Section::Groups,
                    subject: "The group",
                    shown: "",
                    now: group.name.as_str(),
                    action: &format!("{here}/delete"),
                    fields: &[("name", &text)],
                    text: "Delete it all the same",
                    back: &here,
                };
                return attempt.answer(&administrator, other);
            }
        }
    } else {
        "This is not the name of the group.".to_owned()
    };
    let typed = EnteredText { value: &text, error: Some(&wrong) };
    Ok(Either::Right(deletion(&administrator, &group, typed)))
}
