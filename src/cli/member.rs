//! `gatepost group add`, `remove` and `members`: the members of a group, and the source of each membership.

use super::console::{Console, WHAT_GOES_ON_WITH_LESS_ACCESS, admin_of, called, is_awaited, listed_in_pages};
use super::error::CommandError;
use super::report::{Report, lines};
use crate::admin::views::{Member, MemberChange};
use gatepost_core::administration::Scope;
use gatepost_core::ids::GroupName;
use gatepost_store::directory::changes::{AddMember, RemoveMember};
use gatepost_store::directory::{Done, UserKey};

/// A membership from an administrator, which `remove` removes permanently; other sources assert it again.
const MANUAL: &str = "manual";

pub(super) async fn add(console: &Console, group: &GroupName, key: &UserKey) -> Result<Report, CommandError> {
    let change = AddMember { group: group.clone().into(), user: key.clone(), until: None };
    let Done { changed, outcome: joined, .. } = console.carry_out(&change).await?;
    let user = console.find_user(key).await?;
    let name = called(&user);
    let mut text = if !changed {
        format!("An administrator has already added {name} to {group}.")
    } else if is_awaited(&user) {
        format!(
            "Nobody has signed in as {name} yet. The first person who signs in with this address will be in {group}."
        )
    } else {
        format!("{name} is now in {group}.")
    };
    let makes_admins = admin_of(&user).reasons.contains(&format!("group {group}"));
    if joined.is_new_group {
        let access = if makes_admins { "" } else { ". It gives no access yet" };
        text = format!("Group {group} was created{access}.\n{text}");
    }
    if makes_admins {
        text.push_str(
            "\nMembers of this group are administrators, unless that is revoked explicitly (`gatepost admin list`).",
        );
    }
    Ok(Report::new(
        text,
        MemberChange {
            group: group.to_string(),
            user_id: user.summary.id.to_string(),
            sources: None,
            changed,
        },
    ))
}

pub(super) async fn remove(
    console: &Console,
    group: &GroupName,
    key: &UserKey,
) -> Result<Report, CommandError> {
    let sources =
        console.carry_out(&RemoveMember { group: group.clone().into(), user: key.clone() }).await?.outcome;
    let user = console.find_user(key).await?;
    let name = called(&user);
    let again: Vec<&str> = sources.iter().map(String::as_str).filter(|source| *source != MANUAL).collect();
    let mut text = if again.is_empty() {
        format!("{name} is no longer in {group}.")
    } else {
        let who = again.join(" and ");
        format!(
            "{name} is no longer in {group}, but the membership comes back at the next sign-in or refresh, because {who} \
             asserts it.\nTo end it permanently, remove it there."
        )
    };
    if !is_awaited(&user) {
        text = format!("{text}\n{WHAT_GOES_ON_WITH_LESS_ACCESS}");
    }
    Ok(Report::new(
        text,
        MemberChange {
            group: group.to_string(),
            user_id: user.summary.id.to_string(),
            sources: Some(sources),
            changed: true,
        },
    ))
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
        [text(email), text(member.name.clone()), lines(&sources), member.id.to_string()]
    });
    let json: Vec<Member> = members.iter().map(Member::from).collect();
    let none = format!("Nobody is in {group}. To add somebody: gatepost group add '{group}' ADDRESS");
    Ok(Report::list(["Address", "Name", "Source", "Id"], rows.collect(), &none, json))
}
