//! `gatepost group add`, `remove` and `members`: the members of a group, and the source of each membership.

use super::console::{Console, WHAT_GOES_ON_WITH_LESS_ACCESS};
use super::end::{self, End};
use super::error::CommandError;
use super::report::{Report, lines, minute_or_dash, rfc3339, text_or_dash};
use gatepost_admin::views::{Member, MemberChange};
use gatepost_core::administration::Scope;
use gatepost_core::ids::{GroupId, GroupName};
use gatepost_store::directory::changes::{AddMember, RemoveMember};
use gatepost_store::directory::{Directory, Done, GroupKey, Place, UserKey};

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
    let Done { changed, outcome: is_new_group, .. } = console.carry_out(&change).await?;
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
    if is_new_group {
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
        user_id: user.id(),
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
        user_id: user.id(),
        sources: Some(sources),
        until: None,
        changed: true,
    };
    Ok(Report::new(text, json))
}

pub(super) async fn list(console: &Console, group: &GroupName) -> Result<Report, CommandError> {
    let id = console.find_group(group).await?.id;
    let key = id.parse::<GroupId>().map_or_else(|_| group.clone().into(), GroupKey::Id);
    let page = async |directory: &Directory, after: Option<Place>, limit| {
        directory.list_members(&Scope::System, (&key, None), after.as_ref(), limit).await
    };
    let mut members: Vec<Member> = console.list((&["groups", &id, "members"], &[]), page).await?;
    members.sort_by(|one, other| (&one.email, &one.id).cmp(&(&other.email, &other.id)));
    let rows = members.iter().map(|member| {
        [
            text_or_dash(member.email.as_ref()),
            text_or_dash(member.name.as_ref()),
            lines(&member.sources),
            minute_or_dash(member.until.as_ref()),
            member.id.clone(),
        ]
    });
    let none = format!("Nobody is in {group}. To add somebody: gatepost group add '{group}' ADDRESS");
    let header = ["Address", "Name", "Source", "Until (UTC)", "Id"];
    Ok(Report::list(header, rows.collect(), &none, &members))
}
