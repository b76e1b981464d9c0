//! Asks before a group is made by adding a person to it: a name that does not exist may be a slip.

use crate::answer::PageAnswer;
use crate::callers::Administrator;
use crate::fault::Fault;
use gatepost_core::administration::Scope;
use gatepost_core::ids::{GroupName, UserId};
use gatepost_pages::admin::NewGroup;
use gatepost_pages::paths;
use gatepost_sign_in::Context;
use gatepost_store::directory::{Directory, DirectoryError, GroupFilter, GroupKey, UserKey};

/// Groups whose names are compared, and those that are proposed.
const COMPARED: u32 = 200;
const PROPOSED: usize = 3;
/// From so much likeness on, of 1, a group is proposed.
const ALIKE: f64 = 0.6;

/// The page that asks, if no group has the name. `fields`: those of the form without the group.
///
/// # Errors
/// [`Fault`]: the person does not exist for the reader, or the directory does not answer.
pub(super) async fn question(
    administrator: &Administrator,
    context: &Context,
    (user, name): (UserId, &GroupName),
    fields: &[(&str, &str)],
) -> Result<Option<PageAnswer>, Fault> {
    let (scope, directory) = (&administrator.scope, &context.stores.directory);
    if directory.find_group(scope, &GroupKey::Name(name.clone())).await?.is_some() {
        return Ok(None);
    }
    let person = directory.find_user(scope, &UserKey::Id(user)).await?.ok_or(Fault::NotFound)?;
    let (back, similar) = (paths::admin_user(user), similar(directory, name).await?);
    let page = NewGroup {
        frame: administrator.frame(None),
        person: &super::loaded::named(&person.summary),
        back: &back,
        name: name.as_str(),
        similar: &similar.iter().map(GroupName::as_str).collect::<Vec<_>>(),
        action: &format!("{back}/join"),
        fields,
    };
    Ok(Some(PageAnswer(page.page())))
}

/// Groups whose names are like this one, the likest first.
async fn similar(directory: &Directory, name: &GroupName) -> Result<Vec<GroupName>, DirectoryError> {
    let all = GroupFilter { counted: 0, ..GroupFilter::default() };
    let containing = GroupFilter { q: Some(name.to_string()), ..all.clone() };
    let mut found = directory.search_groups(&Scope::System, &containing, None, COMPARED).await?.items;
    found.extend(directory.search_groups(&Scope::System, &all, None, COMPARED).await?.items);
    let mut names: Vec<(f64, GroupName)> =
        found.into_iter().map(|group| (likeness(name.as_str(), group.name.as_str()), group.name)).collect();
    names.retain(|(likeness, _)| *likeness >= ALIKE);
    names.sort_by(|one, other| other.0.total_cmp(&one.0).then_with(|| one.1.cmp(&other.1)));
    names.dedup();
    Ok(names.into_iter().map(|(_, name)| name).take(PROPOSED).collect())
}

/// From 0 to 1. A name that contains the other one, or differs in case alone, is like it.
fn likeness(one: &str, other: &str) -> f64 {
    let (one, other) = (one.to_lowercase(), other.to_lowercase());
    let likeness = strsim::normalized_damerau_levenshtein(&one, &other);
    if one.contains(&other) || other.contains(&one) { likeness.max(ALIKE) } else { likeness }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_and_parts_of_names_are_alike_and_other_names_are_not() {
        for (one, other) in [
            ("GitHub", "MCP-GitHub"),
            ("mcp-github", "MCP-GitHub"),
            ("MPC-GitHub", "MCP-GitHub"),
            ("Admins", "Admin"),
        ] {
            assert!(likeness(one, other) >= ALIKE, "{one} {other}");
        }
        for (one, other) in [("GitHub", "MCP-Search"), ("Owners", "Members")] {
            assert!(likeness(one, other) < ALIKE, "{one} {other}");
        }
    }
}
