//! `gatepost group add`, `remove` and `members`: the members of a group, and the source of each membership.

use super::console::{Console, WHAT_GOES_ON_WITH_LESS_ACCESS, listed_in_pages};
use super::end::{self, End};
use super::error::CommandError;
use super::report::{Report, lines, minute_or_dash, rfc3339};
use crate::admin::views::{Member, MemberChange};
use gatepost_core::administration::Scope;
use gatepost_core::ids::GroupName;
use gatepost_store::directory::changes::{AddMember, RemoveMember};
use gatepost_store::directory::{Done, UserKey};

/// A membership from an administrator, which `remove` removes permanently; other sources assert it again.
const MANUAL: &str = "manual";

pub(super) async fn add(
    console: &Console,
    group: &GroupName,
    key: &UserKey,
    end: End,
) -> Result<Report, CommandError> {
    let until = end.at(console).await?;
    let change = AddMember { group: group.clone().into(), user: key.clone(), until };
    let Done { changed, outcome: joined, .. } = console.carry_out(&change).await?;
    let user = console.find_subject(key).await?;
    let (name, then) = (&user.name, end::until(until));
    let mut text = if !changed {
        format!("An administrator has already added {name} to {group}{then}.")
    } else if user.is_awaited {
        let is = console.either("will", "would");
        format!(
            "Nobody has signed in as {name} yet. The first person who signs in with this address {is} be in {group}{then}."
        )
    } else {
        format!("{name} {} in {group}{then}.", console.either("is now", "would be"))
    };
    let makes_admins = user.admin_reasons().contains(&format!("group {group}"));
    if joined.is_new_group {
        let access = if makes_admins { "" } else { ". It gives no access yet" };
        text = format!("Group {group} {} created{access}.\n{text}", console.either("was", "would be"));
    }
    if makes_admins {
        text.push_str(
            "\nMembers of this group are administrators, unless that is revoked explicitly (`gatepost admin list`).",
        );
    }
    let json = MemberChange {
        group: group.to_string(),
        user_id: user.id.map(|id| id.to_string()),
        sources: None,
        until: until.map(rfc3339),
        changed,
    };
    Ok(Report::new(text, json))
}

pub(super) async fn remove(
    console: &Console,
    group: &GroupName,
    key: &UserKey,
) -> Result<Report, CommandError> {
    let sources =
        console.carry_out(&RemoveMember { group: group.clone().into(), user: key.clone() }).await?.outcome;
    let user = console.find_subject(key).await?;
    let (name, is) = (&user.name, console.either("is no longer", "would no longer be"));
    let again: Vec<&str> = sources.iter().map(String::as_str).filter(|source| *source != MANUAL).collect();
    let mut text = if again.is_empty() {
        format!("{name} {is} in {group}.")
    } else {
        let who = again.join(" and ");
        format!(
            "{name} {is} in {group}, but the membership comes back at the next sign-in or refresh, because {who} \
             asserts it.\nTo end it permanently, remove it there."
        )
    };
    if !user.is_awaited {
        text.push_str(&console.note(WHAT_GOES_ON_WITH_LESS_ACCESS));
    }
    let json = MemberChange {
        group: group.to_string(),
        user_id: user.id.map(|id| id.to_string()),
        sources: Some(sources),
        until: None,
        changed: true,
    };
    Ok(Report::new(text, json))
}

pub(super) async fn list(console: &Console, group: &GroupName) -> Result<Report, CommandError> {
    let directory = &console.state.stores.directory;
    let key = group.clone().into();
    let mut members = listed_in_pages(async |after, limit| {
        directory.list_members(&Scope::System, (&key, None), after.as_ref(), limit).await
    })
    .await?;
    members.sort_by(|one, other| (&one.email, one.id).cmp(&(&other.email, other.id)));
    let rows = members.iter().map(|member| {
        let sources: Vec<String> = member.sources.iter().cloned().collect();
        let text = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let email = member.email.as_ref().map(ToString::to_string);
        [
            text(email),
            text(member.name.clone()),
            lines(&sources),
            minute_or_dash(member.until),
            member.id.to_string(),
        ]
    });
    let json: Vec<Member> = members.iter().map(Member::from).collect();
    let none = format!("Nobody is in {group}. To add somebody: gatepost group add '{group}' ADDRESS");
    Ok(Report::list(["Address", "Name", "Source", "Until (UTC)", "Id"], rows.collect(), &none, json))
}
