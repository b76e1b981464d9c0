//! The groups of a person: adding, changing the end, removing.

use super::change::{FormAnswer, Refused, done, refused};
use super::forms::make;
use super::loaded::{LoadedPerson, last_change, named};
use super::new_group::question;
use super::person::{Forms, show};
use crate::answer::PageAnswer;
use crate::callers::Administrator;
use crate::extract::{Fields, Form, Path};
use crate::fault::Fault;
use actix_web::{Either, web};
use gatepost_core::administration::Scope;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{GroupId, GroupName, UserId};
use gatepost_pages::admin::{Again, EnteredEnd, JoiningForm, Overtaken, PersonNotice, member_words};
use gatepost_pages::{Section, paths};
use gatepost_store::directory::changes::{AddMember, RemoveMember};
use gatepost_store::directory::{GroupKey, MembershipSource, UserKey};
use serde::Deserialize;

/// A group by its name, how long the person is in it, and the version of the membership that the form showed.
#[derive(Deserialize)]
pub(crate) struct Joining {
    group: Option<String>,
    end: Option<String>,
    at: Option<String>,
    version: Option<String>,
    /// The group that is to be made, if there is none of this name.
    create: Option<String>,
}

impl Fields for Joining {
    const LIMIT: usize = 8 * 1024;
}

/// A group by its number, and the version of the membership that the form showed.
#[derive(Deserialize)]
pub(crate) struct Leaving {
    group: Option<String>,
    version: Option<String>,
    shown: Option<String>,
}

impl Fields for Leaving {}

pub(crate) async fn join(
    administrator: Administrator,
    admin: web::Data<gatepost_admin::Context>,
    context: web::Data<gatepost_sign_in::Context>,
    Path(id): Path<UserId>,
    Form(form): Form<Joining>,
) -> FormAnswer {
    let (back, version) = (paths::admin_user(id), form.version.clone().unwrap_or_default());
    let change = match form.read(id) {
        Ok(change) => change,
        Err(wrong) => return again((&context, &admin), &administrator, id, *wrong).await,
    };
    if let GroupKey::Name(name) = &change.group
        && form.create.as_deref() != Some(name.as_str())
        && let Some(page) = question(&administrator, &context, (id, name), &form.rest()).await?
    {
        return Ok(Either::Right(page));
    }
    match make(&admin, &administrator, &change, form.version.as_deref()).await {
        Ok(made) => {
            let notice = if version.is_empty() { PersonNotice::Joined } else { PersonNotice::EndChanged };
            done(&admin, &back, &format!("{}&in={}", notice.as_str(), made.outcome.group))
        }
        Err(Refused::Overtaken(_)) => overtaken(&administrator, &context, id, &Conflict::Join(&form)).await,
        Err(Refused::Impossible(why)) => refused(&administrator, Section::People, &back, &why),
        Err(Refused::Fault(fault)) => Err(fault),
    }
}

pub(crate) async fn leave(
    administrator: Administrator,
    admin: web::Data<gatepost_admin::Context>,
    context: web::Data<gatepost_sign_in::Context>,
    Path(id): Path<UserId>,
    Form(form): Form<Leaving>,
) -> FormAnswer {
    let back = paths::admin_user(id);
    let group: GroupId = form.group.as_deref().and_then(|group| group.parse().ok()).ok_or(Fault::NotFound)?;
    let change = RemoveMember { group: group.into(), user: UserKey::Id(id) };
    match make(&admin, &administrator, &change, form.version.as_deref()).await {
        Ok(_) => done(&admin, &back, PersonNotice::Left.as_str()),
        Err(Refused::Overtaken(_)) => {
            overtaken(&administrator, &context, id, &Conflict::Leave(group, &form)).await
        }
        Err(Refused::Impossible(why)) => refused(&administrator, Section::People, &back, &why),
        Err(Refused::Fault(fault)) => Err(fault),
    }
}

impl Joining {
    /// Its fields without the group.
    fn rest(&self) -> [(&str, &str); 3] {
        let fields = [("end", &self.end), ("at", &self.at), ("version", &self.version)];
        fields.map(|(name, value)| (name, value.as_deref().unwrap_or_default()))
    }

    /// What the form asks for.
    ///
    /// # Errors
    /// The form again, with what is wrong beside the fields.
    fn read(&self, id: UserId) -> Result<AddMember, Box<JoiningForm>> {
        let text = self.group.as_deref().unwrap_or_default().trim();
        let name = text.parse::<GroupName>();
        let entered = EnteredEnd::new(self.end.as_deref(), self.at.as_deref());
        let until = match &entered {
            Some(entered) => entered.until(Timestamp::now()),
            None => Err("Choose how long."),
        };
        match (name, until) {
            (Ok(name), Ok(until)) => {
                Ok(AddMember { group: GroupKey::Name(name), user: UserKey::Id(id), until })
            }
            (name, until) => Err(Box::new(JoiningForm {
                group: text.to_owned(),
                group_error: name.err().map(|error| wrong_name(text, &error)),
                end: entered.unwrap_or_default(),
                end_error: until.err(),
                version: self.version.clone().unwrap_or_default(),
            })),
        }
    }
}

fn wrong_name(text: &str, error: &impl ToString) -> String {
    if text.is_empty() {
        return "Enter the name of a group.".to_owned();
    }
    gatepost_core::error_chain::sentence(&error.to_string())
}

/// The page of the person again, with the form as it was sent.
async fn again(
    (context, admin): (&gatepost_sign_in::Context, &gatepost_admin::Context),
    administrator: &Administrator,
    id: UserId,
    form: JoiningForm,
) -> FormAnswer {
    let loaded = LoadedPerson::find((context, admin), administrator, id).await?;
    let forms = Forms { joining: Some(form), ..Forms::default() };
    Ok(Either::Right(show(context, administrator, &loaded, None, forms)))
}

/// The form that somebody else was faster than.
enum Conflict<'a> {
    Join(&'a Joining),
    Leave(GroupId, &'a Leaving),
}

/// 412: shows what the form showed, and what there is now.
async fn overtaken(
    administrator: &Administrator,
    context: &gatepost_sign_in::Context,
    id: UserId,
    conflict: &Conflict<'_>,
) -> FormAnswer {
    let directory = &context.stores.directory;
    let user = directory.find_user(&administrator.scope, &UserKey::Id(id)).await?.ok_or(Fault::NotFound)?;
    let memberships = directory.list_memberships(&Scope::System, id).await?;
    let held = memberships.iter().find(|held| {
        let is_it = match conflict {
            Conflict::Join(form) => Some(held.group.as_str()) == form.group.as_deref().map(str::trim),
            Conflict::Leave(group, _) => held.group_id == *group,
        };
        is_it && matches!(held.source, MembershipSource::Manual | MembershipSource::Scim)
    });
    let now = held.map_or_else(|| "no member".to_owned(), |held| member_words(held.until));
    let version = held.and_then(|held| held.version).map(|version| version.to_string()).unwrap_or_default();
    let (back, group) = (paths::admin_user(id), held.map(|held| held.group.to_string()));
    let (action, shown, text, fields) = match conflict {
        Conflict::Join(form) => {
            let group = form.group.as_deref().unwrap_or_default();
            let (end, at) = (form.end.as_deref().unwrap_or_default(), form.at.as_deref().unwrap_or_default());
            let fields = vec![("group", group), ("end", end), ("at", at), ("version", version.as_str())];
            let shown = if form.version.as_deref() == Some("") { "no member" } else { "" };
            ("join", shown, "Change it to what I chose", fields)
        }
        Conflict::Leave(_, form) => {
            let number = form.group.as_deref().unwrap_or_default();
            let fields = vec![("group", number), ("version", version.as_str()), ("shown", now.as_str())];
            ("leave", form.shown.as_deref().unwrap_or_default(), "Remove all the same", fields)
        }
    };
    let change = last_change(directory, &administrator.scope, &format!("user:{id}")).await?;
    let name = named(&user.summary);
    let subject = format!("The membership of {name} in {}", group.as_deref().unwrap_or("the group"));
    let page = Overtaken {
        frame: administrator.frame(None),
        section: Section::People,
        subject: &subject,
        shown,
        now: &now,
        last_change: change.as_ref().map(|change| change.entry()),
        again: Again { action: &format!("{back}/{action}"), fields: &fields, text },
        back: &back,
    };
    Ok(Either::Right(PageAnswer(page.page())))
}
