//! `gatepost group add`, `remove` and `members`: who is in a group, and by whose word.

use super::console::{Console, called, is_awaited, listed_in_pages};
use super::error::CommandError;
use super::report::{Report, lines};
use gatepost_core::ids::GroupName;
use gatepost_store::directory::{Joining, UserKey};
use serde_json::json;

/// An administrator's word, which `remove` takes back for good; everybody else's is said again.
const MANUAL: &str = "manual";

pub(super) async fn add(console: &Console, group: &GroupName, key: &UserKey) -> Result<Report, CommandError> {
    let joining = console.state.stores.directory.add_member(group, key, &console.actor).await?;
    let user = console.find_user(key).await?;
    let name = called(&user);
    let mut text = match joining {
        Joining::Was => format!("{name} was in {group} by an administrator's word already."),
        _ if is_awaited(&user) => {
            format!("Nobody has signed in as {name} yet: who comes with this address is in {group}.")
        }
        Joining::New | Joining::NewGroup => format!("{name} is in {group} now."),
    };
    let makes_admins = user.admin.reasons.contains(&format!("group {group}"));
    if joining == Joining::NewGroup {
        let opens = if makes_admins { "" } else { ", and opens nothing yet" };
        text = format!("There was no group {group}: it is made{opens}.\n{text}");
    }
    if makes_admins {
        text.push_str(
            "\nWhoever is in this group is an admin, unless that is denied by name (`gatepost admin list`).",
        );
    }
    let changed = joining != Joining::Was;
    Ok(Report::new(text, json!({ "group": group, "user_id": user.summary.id, "changed": changed })))
}

pub(super) async fn remove(
    console: &Console,
    group: &GroupName,
    key: &UserKey,
) -> Result<Report, CommandError> {
    let sources = console.state.stores.directory.remove_member(group, key, &console.actor).await?;
    let user = console.find_user(key).await?;
    let name = called(&user);
    let again: Vec<&str> = sources.iter().map(String::as_str).filter(|source| *source != MANUAL).collect();
    let text = if again.is_empty() {
        format!("{name} is in {group} no more.")
    } else {
        let who = again.join(" and ");
        format!(
            "{name} is in {group} no more, but comes back into it with the next sign-in or refresh: {who} says so.\n\
             To end it for good, take the membership away there."
        )
    };
    Ok(Report::new(
        text,
        json!({ "group": group, "user_id": user.summary.id, "sources": sources, "changed": true }),
    ))
}

pub(super) async fn list(console: &Console, group: &GroupName) -> Result<Report, CommandError> {
    let directory = &console.state.stores.directory;
    let mut members = listed_in_pages(
        async |after, limit| directory.list_members(group, after, limit).await,
        |member| member.id,
    )
    .await?;
    members.sort_by(|one, other| (&one.email, one.id).cmp(&(&other.email, other.id)));
    let rows = members.iter().map(|member| {
        let sources: Vec<String> = member.sources.iter().cloned().collect();
        let text = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let email = member.email.as_ref().map(ToString::to_string);
        [text(email), text(member.name.clone()), lines(&sources), member.id.to_string()]
    });
    let json = members.iter().map(|member| {
        json!({ "id": member.id, "email": member.email, "name": member.name, "sources": member.sources })
    });
    let none = format!("Nobody is in {group}. To put somebody into it: gatepost group add '{group}' ADDRESS");
    Ok(Report::list(["Address", "Name", "By word of", "Id"], rows.collect(), &none, json.collect()))
}
