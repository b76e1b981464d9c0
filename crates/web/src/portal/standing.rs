//! What changes whether a person may sign in: disabling, enabling, ending sessions, releasing the address. What takes
//! something away is asked before on a page of its own.

use super::change::{FormAnswer, Refused, carry_out, conditions, done, refused};
use super::loaded::{last_change, named, sessions, summary, working_keys};
use crate::answer::PageAnswer;
use crate::callers::Administrator;
use crate::extract::{Fields, Form, Path};
use crate::fault::Fault;
use actix_web::{Either, web};
use gatepost_core::administration::Version;
use gatepost_core::ids::UserId;
use gatepost_core::secret::Hash;
use gatepost_pages::admin::{Again, Overtaken, PersonNotice, Question};
use gatepost_pages::{Section, paths};
use gatepost_sign_in::Context;
use gatepost_store::directory::changes::{DisableUser, EnableUser, ReleaseAddress};
use gatepost_store::directory::{Conditions, UserKey, UserSummary};
use serde::Deserialize;

/// What the form showed: the version of the person's own data, and in words.
#[derive(Deserialize)]
pub(crate) struct Shown {
    version: Option<String>,
    shown: Option<String>,
}

impl Fields for Shown {
    const LIMIT: usize = 4 * 1024;
}

/// What a form does to a person.
#[derive(Clone, Copy)]
enum Verb {
    Disable,
    Enable,
    EndSessions,
    Release,
}

impl Verb {
    const fn path(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Enable => "enable",
            Self::EndSessions => "end-sessions",
            Self::Release => "release-address",
        }
    }

    /// What a button says that does it.
    const fn text(self) -> &'static str {
        match self {
            Self::Disable => "Disable",
            Self::Enable => "Enable",
            Self::EndSessions => "End all sessions",
            Self::Release => "Release the address",
        }
    }

    const fn notice(self) -> PersonNotice {
        match self {
            Self::Disable => PersonNotice::Disabled,
            Self::Enable => PersonNotice::Enabled,
            Self::EndSessions => PersonNotice::SessionsEnded,
            Self::Release => PersonNotice::Released,
        }
    }
}

/// Asks before a person is disabled.
///
/// # Errors
/// [`Fault`]: the person does not exist for the caller, the caller may not do it, or a store does not answer.
pub(crate) async fn ask_to_disable(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<UserId>,
) -> Result<PageAnswer, Fault> {
    let user = find(&administrator, &context, id).await?;
    let name = named(&user);
    let mut effects = vec![
        format!("{name} can no longer sign in, until an administrator enables the person again."),
        match sessions(&context, &administrator.scope, id).await.map(|sessions| sessions.len()) {
            Some(1) => "This ends 1 session at once.".to_owned(),
            Some(number) => format!("This ends {number} sessions at once."),
            None => "This ends all sessions at once. How many there are is not known now: the session store does not answer.".to_owned(),
        },
        match &*working_keys(&context.stores.directory, &administrator.scope, id).await? {
            "1" => "1 key stops. It counts again for an enabled person.".to_owned(),
            number => format!("{number} keys stop. They count again for an enabled person."),
        },
        "Groups and tenants stay as they are, and count again for an enabled person.".to_owned(),
    ];
    if id == administrator.person.principal.standing.person.id {
        effects.push("This is you: you cannot enable yourself again.".to_owned());
    }
    Ok(question(&administrator, &user, Verb::Disable, &format!("Disable {name}?"), &effects))
}

/// Asks before a person's address is released.
///
/// # Errors
/// As [`ask_to_disable`].
pub(crate) async fn ask_to_release(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<UserId>,
) -> Result<PageAnswer, Fault> {
    let user = find(&administrator, &context, id).await?;
    let name = named(&user);
    let effects = [
        format!(
            "The next person who signs in with {name} gets this address, and is then another person here."
        ),
        "Applications get no address for the present person until they sign in again.".to_owned(),
        "Sessions, groups and tenants of the present person stay.".to_owned(),
    ];
    Ok(question(&administrator, &user, Verb::Release, &format!("Release {name}?"), &effects))
}

fn question(
    administrator: &Administrator,
    user: &UserSummary,
    verb: Verb,
    heading: &str,
    effects: &[String],
) -> PageAnswer {
    let person = summary(user);
    let (back, version, shown) = (paths::admin_user(user.id), user.version.to_string(), person.shown());
    let action = format!("{back}/{}", verb.path());
    let page = Question {
        frame: administrator.frame(None),
        section: Section::People,
        above: &[(&named(user), back.clone())],
        heading,
        effects,
        form: Again {
            action: &action,
            fields: &[("version", &version), ("shown", &shown)],
            text: verb.text(),
        },
        api: ("POST", &format!("/users/{}/{}", user.id, verb.path())),
        version: user.version,
        back: &back,
    };
    PageAnswer(page.page())
}

pub(crate) async fn disable(
    administrator: Administrator,
    admin: web::Data<gatepost_admin::Context>,
    Path(id): Path<UserId>,
    Form(shown): Form<Shown>,
) -> FormAnswer {
    change(&administrator, &admin, id, Verb::Disable, &shown).await
}

pub(crate) async fn enable(
    administrator: Administrator,
    admin: web::Data<gatepost_admin::Context>,
    Path(id): Path<UserId>,
    Form(shown): Form<Shown>,
) -> FormAnswer {
    change(&administrator, &admin, id, Verb::Enable, &shown).await
}

pub(crate) async fn end_sessions(
    administrator: Administrator,
    admin: web::Data<gatepost_admin::Context>,
    Path(id): Path<UserId>,
    Form(shown): Form<Shown>,
) -> FormAnswer {
    change(&administrator, &admin, id, Verb::EndSessions, &shown).await
}

pub(crate) async fn release_address(
    administrator: Administrator,
    admin: web::Data<gatepost_admin::Context>,
    Path(id): Path<UserId>,
    Form(shown): Form<Shown>,
) -> FormAnswer {
    change(&administrator, &admin, id, Verb::Release, &shown).await
}

/// A session's public handle.
#[derive(Deserialize)]
pub(crate) struct Handle {
    session: Option<String>,
}

impl Fields for Handle {}

pub(crate) async fn end_session(
    administrator: Administrator,
    admin: web::Data<gatepost_admin::Context>,
    Path(id): Path<UserId>,
    Form(Handle { session }): Form<Handle>,
) -> FormAnswer {
    let back = paths::admin_user(id);
    let hash: Hash = session.and_then(|session| session.parse().ok()).ok_or(Fault::NotFound)?;
    let ended = admin.end_session(&hash, Conditions::default(), &administrator.actor()).await;
    match ended.map_err(Refused::from) {
        Ok(_) => done(&admin, &back, PersonNotice::SessionEnded.as_str()),
        Err(why) => why.answer(&administrator, Section::People, &back),
    }
}

async fn change(
    administrator: &Administrator,
    admin: &gatepost_admin::Context,
    id: UserId,
    verb: Verb,
    shown: &Shown,
) -> FormAnswer {
    let back = paths::admin_user(id);
    match try_to(administrator, admin, id, verb, shown.version.as_deref()).await {
        Ok(()) => done(admin, &back, verb.notice().as_str()),
        Err(Refused::Overtaken(Some(now))) => overtaken(administrator, admin, id, verb, (shown, now)).await,
        Err(Refused::Overtaken(None)) => Err(Fault::NotFound),
        Err(Refused::Impossible(why)) => refused(administrator, Section::People, &back, &why),
        Err(Refused::Fault(fault)) => Err(fault),
    }
}

async fn try_to(
    administrator: &Administrator,
    admin: &gatepost_admin::Context,
    id: UserId,
    verb: Verb,
    version: Option<&str>,
) -> Result<(), Refused> {
    let (conditions, user) = (conditions(version)?, UserKey::Id(id));
    match verb {
        Verb::Disable => carry_out(admin, administrator, &DisableUser { user }, conditions).await.map(drop),
        Verb::Enable => carry_out(admin, administrator, &EnableUser { user }, conditions).await.map(drop),
        Verb::Release => {
            carry_out(admin, administrator, &ReleaseAddress { user }, conditions).await.map(drop)
        }
        Verb::EndSessions => {
            let ended = Box::pin(admin.end_sessions(&user, conditions, &administrator.actor())).await;
            ended.map(drop).map_err(Refused::from)
        }
    }
}

/// 412: shows what the form showed, and what there is now.
async fn overtaken(
    administrator: &Administrator,
    admin: &gatepost_admin::Context,
    id: UserId,
    verb: Verb,
    (shown, now): (&Shown, Version),
) -> FormAnswer {
    let directory = &admin.stores.directory;
    let user = directory.find_user(&administrator.scope, &UserKey::Id(id)).await?;
    let user = user.ok_or(Fault::NotFound)?.summary;
    let (back, version, name) = (paths::admin_user(id), now.to_string(), named(&user));
    let present = summary(&user).shown();
    let change = last_change(directory, &administrator.scope, &format!("user:{id}")).await?;
    let page = Overtaken {
        frame: administrator.frame(None),
        section: Section::People,
        subject: &name,
        shown: shown.shown.as_deref().unwrap_or_default(),
        now: &present,
        last_change: change.as_ref().map(|change| change.entry()),
        again: Again {
            action: &format!("{back}/{}", verb.path()),
            fields: &[("version", &version), ("shown", &present)],
            text: verb.text(),
        },
        back: &back,
    };
    Ok(Either::Right(PageAnswer(page.page())))
}

/// The person's own data.
///
/// # Errors
/// [`Fault`]: the person does not exist for the caller, or the directory does not answer.
pub(super) async fn find(
    administrator: &Administrator,
    context: &Context,
    id: UserId,
) -> Result<UserSummary, Fault> {
    let user = context.stores.directory.find_user(&administrator.scope, &UserKey::Id(id)).await?;
    Ok(user.ok_or(Fault::NotFound)?.summary)
}
