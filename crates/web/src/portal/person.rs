//! One person.

use super::loaded::{LoadedPerson, admin_entry, identities, membership, named, session, summary, tenant};
use super::rows::Reasoned;
use crate::answer::PageAnswer;
use crate::callers::Administrator;
use crate::extract::{Path, Query};
use crate::fault::Fault;
use actix_web::web;
use gatepost_admin::access::{Openable, Way};
use gatepost_core::clock::Timestamp;
use gatepost_core::decision::SignInReason;
use gatepost_core::ids::{GroupId, GroupName, UserId};
use gatepost_pages::admin::{
    AdminSession, DecidingForm, EnteredEnd, JoiningForm, MembershipEntry, OpenEntry, PersonDetails,
    PersonNotice, RefusalEntry, SystemDetails, WayEntry, decided_words, joined_words,
};
use gatepost_sign_in::Context;
use gatepost_store::directory::{AdminStanding, Membership, MembershipSource};
use serde::Deserialize;

/// Groups that the page shows: first those that can be changed here.
const MOST_GROUPS: usize = 60;
/// Requirements that the page shows.
const MOST_OPEN: usize = 60;
/// Sessions that the page shows: those that were used last.
const MOST_SESSIONS: usize = 20;

/// What the last form did, and the group whose membership the form changes.
#[derive(Deserialize)]
pub(crate) struct Fields {
    done: Option<String>,
    group: Option<String>,
    /// The group that the last form was about.
    #[serde(rename = "in")]
    joined: Option<String>,
}

/// The forms of the page, as they are shown.
#[derive(Default)]
pub(super) struct Forms {
    pub(super) joining: Option<JoiningForm>,
    pub(super) deciding: Option<DecidingForm>,
}

/// Shows a person whom the caller administers.
///
/// # Errors
/// [`Fault`]: the person does not exist for the caller, or the directory does not answer.
pub(crate) async fn person(
    administrator: Administrator,
    context: web::Data<Context>,
    admin: web::Data<gatepost_admin::Context>,
    Path(id): Path<UserId>,
    Query(fields): Query<Fields>,
) -> Result<PageAnswer, Fault> {
    let loaded = LoadedPerson::find((&context, &admin), &administrator, id).await?;
    let group = fields.group.as_deref().and_then(|group| group.parse().ok());
    let joining = group.and_then(|group| ending(&loaded, group));
    let notice = PersonNotice::find(fields.done.as_deref());
    let about = fields.joined.as_deref().and_then(|group| group.parse().ok());
    let notice = notice.map(|notice| text_of(notice, &loaded, about));
    Ok(show(&context, &administrator, &loaded, notice.as_deref(), Forms { joining, ..Forms::default() }))
}

/// What the last form did. Of a membership it says what there is now: anybody can make a link with any notice.
fn text_of(notice: PersonNotice, loaded: &LoadedPerson, group: Option<GroupId>) -> String {
    let held = group.and_then(|group| added(loaded, group));
    match (notice, held) {
        (PersonNotice::Joined | PersonNotice::EndChanged, Some(held)) => {
            joined_words(&named(&loaded.user.summary), held.group.as_str(), held.until)
        }
        (PersonNotice::Decided, _) if loaded.system.is_some() => {
            let admin = loaded.user.admin.as_ref();
            let is_admin = admin.is_some_and(|admin| admin.is_admin);
            decided_words(&named(&loaded.user.summary), is_admin, admin.and_then(|admin| admin.until))
        }
        (notice, _) => notice.text().to_owned(),
    }
}

/// The membership that an administrator made.
fn added(loaded: &LoadedPerson, group: GroupId) -> Option<&Membership> {
    let is_it = |source: &MembershipSource| matches!(source, MembershipSource::Manual);
    let memberships = &loaded.system.as_ref()?.memberships;
    memberships.iter().find(|held| held.group_id == group && is_it(&held.source))
}

/// The form that changes the end of a membership.
fn ending(loaded: &LoadedPerson, group: GroupId) -> Option<JoiningForm> {
    let held = added(loaded, group)?;
    Some(JoiningForm {
        group: held.group.to_string(),
        end: EnteredEnd::shown(held.until),
        version: held.version?.to_string(),
        ..JoiningForm::default()
    })
}

/// The page of a person, with these forms.
pub(super) fn show(
    context: &Context,
    administrator: &Administrator,
    loaded: &LoadedPerson,
    notice: Option<&str>,
    forms: Forms,
) -> PageAnswer {
    let facts = loaded.system.as_ref();
    let held = facts.map(|facts| facts.memberships.as_slice()).unwrap_or_default();
    let groups: Vec<MembershipEntry<'_>> =
        held.iter().take(MOST_GROUPS).map(|held| membership(context, held)).collect();
    let live = loaded.sessions.as_ref();
    let sessions: Option<Vec<AdminSession<'_>>> =
        live.map(|live| live.iter().take(MOST_SESSIONS).map(session).collect());
    let refusals: Vec<RefusalEntry<'_>> =
        facts.iter().flat_map(|facts| &facts.refusals).map(Reasoned::entry).collect();
    let refused: Vec<_> =
        facts.iter().flat_map(|facts| &facts.refused_sign_ins).map(|one| one.entry(context)).collect();
    let names: Vec<&str> = facts.iter().flat_map(|facts| &facts.group_names).map(GroupName::as_str).collect();
    let nothing = AdminStanding::default();
    let admin = loaded.user.admin.as_ref().unwrap_or(&nothing);
    let (joining, deciding) =
        (forms.joining.unwrap_or_default(), forms.deciding.unwrap_or_else(|| decided(admin)));
    let changes: Vec<_> = loaded.changes.iter().map(|change| change.entry()).collect();
    let open = open(loaded.openable.as_ref());
    let page = PersonDetails {
        frame: administrator.frame(notice),
        person: summary(&loaded.user.summary),
        identities: &identities(context, &loaded.user),
        tenants: &loaded.ways.iter().map(tenant).collect::<Vec<_>>(),
        open: &open[..open.len().min(MOST_OPEN)],
        more_open: open.len().saturating_sub(MOST_OPEN),
        obstacle: loaded.openable.as_ref().and_then(|open| open.obstacle).map(obstacle),
        audit: &changes,
        keys: &loaded.keys,
        sessions: sessions.as_deref(),
        more_sessions: live.map_or(0, |live| live.len().saturating_sub(MOST_SESSIONS)),
        system: facts.map(|_| SystemDetails {
            groups: &groups,
            more_groups: held.len() - groups.len(),
            admin: admin_entry(admin),
            refusals: &refusals,
            refused_sign_ins: &refused,
            group_names: &names,
            joining: &joining,
            deciding: &deciding,
        }),
        now: Timestamp::now(),
    };
    PageAnswer(page.page())
}

/// What a person can open, by host. Nothing, if they could not sign in.
fn open(openable: Option<&Openable>) -> Vec<OpenEntry<'_>> {
    let openable = openable.filter(|openable| openable.obstacle.is_none());
    let hosts = openable.into_iter().flat_map(|openable| &openable.hosts);
    let met = hosts.flat_map(|host| host.requirements.iter().map(|met| (&*host.origin, met)));
    let way = |way: &Way| WayEntry { text: way.text(), until: way.until };
    met.map(|(origin, met)| OpenEntry { origin, query: &met.query, ways: met.ways.iter().map(way).collect() })
        .collect()
}

fn obstacle(reason: SignInReason) -> &'static str {
    match reason {
        SignInReason::Disabled => "Nothing: the person is disabled.",
        SignInReason::NoAddress => "Nothing: the person has no address.",
        SignInReason::NoSession | SignInReason::Ended | SignInReason::Expired => "Nothing without a sign-in.",
    }
}

/// The form about the administrator, as things are.
fn decided(admin: &AdminStanding) -> DecidingForm {
    let decision = match admin.explicit {
        None => "groups",
        Some(true) => "yes",
        Some(false) => "no",
    };
    DecidingForm {
        decision: decision.to_owned(),
        end: EnteredEnd::shown(admin.until),
        ..DecidingForm::default()
    }
}
