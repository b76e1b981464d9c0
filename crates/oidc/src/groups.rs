//! Groups and app roles in a token.
//!
//! An absent claim means that the person has no groups: providers omit the claim for such people. A claim of the wrong form,
//! and Entra's overage, mean that the groups are unknown. They never mean that there are none.

use super::claims::Claims;
use gatepost_config::GroupNames;
use gatepost_core::identity::{AssertedGroup, GroupKind, is_guid};
use serde_json::Value;

/// The longest name, in bytes. Names are stored in the directory and sent in headers.
const NAME_LIMIT: usize = 512;

/// The content of a groups claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ClaimedGroups {
    /// The claim lists these groups.
    Listed(Vec<AssertedGroup>),
    /// The claim is absent.
    Absent,
    /// There are too many groups for a token, and Graph has the list (Entra).
    Elsewhere,
    /// Entra's claim has names instead of object ids.
    Names,
    /// The claim is neither a string nor an array of strings.
    Malformed,
}

/// Reads the claim at `path`, which has one name for each level.
pub(super) fn at_path(claims: &Claims, path: &[String], kind: GroupKind) -> ClaimedGroups {
    let find = || {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(claims.get(first)?, |value, name| value.get(name))
    };
    match find() {
        None | Some(Value::Null) => ClaimedGroups::Absent,
        Some(Value::String(name)) => ClaimedGroups::Listed(group(name, kind).into_iter().collect()),
        Some(Value::Array(list)) => {
            let names: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
            names.map_or(ClaimedGroups::Malformed, |names| {
                ClaimedGroups::Listed(names.into_iter().filter_map(|name| group(name, kind)).collect())
            })
        }
        Some(_) => ClaimedGroups::Malformed,
    }
}

/// Reads Entra's groups claim. If there are too many groups, the token has `_claim_names` or `hasgroups` instead.
///
/// An app registration may put names into the claim instead of object ids, and the owner of a group can give it any name,
/// also another group's id. So if the operator does not trust names, one entry that is not a GUID makes the whole list
/// unusable. Skipping such entries would turn a mistake in the registration into "no groups".
pub(super) fn of_entra(claims: &Claims, path: &[String], names: GroupNames) -> ClaimedGroups {
    let must_be_ids = names != GroupNames::Trust && path == ["groups"];
    let is_named = claims.get("_claim_names").and_then(|names| names.get("groups")).is_some();
    match at_path(claims, path, GroupKind::Group) {
        ClaimedGroups::Absent if is_named || claims.is_true("hasgroups") => ClaimedGroups::Elsewhere,
        ClaimedGroups::Listed(list) if must_be_ids && !list.iter().all(|one| is_guid(&one.external_id)) => {
            ClaimedGroups::Names
        }
        groups => groups,
    }
}

/// Reads Entra's `wids` (directory roles, which count as groups) and `roles` (app roles). They are in the token also if
/// `groups` is not. `None` if a claim is malformed.
pub(super) fn roles_of_entra(claims: &Claims) -> Option<Vec<AssertedGroup>> {
    let mut roles = Vec::new();
    for (name, kind) in [("wids", GroupKind::Group), ("roles", GroupKind::Role)] {
        match at_path(claims, &[name.to_owned()], kind) {
            ClaimedGroups::Listed(list) => roles.extend(list),
            ClaimedGroups::Absent => {}
            ClaimedGroups::Elsewhere | ClaimedGroups::Names | ClaimedGroups::Malformed => return None,
        }
    }
    Some(roles)
}

/// Puts the tenant in front of each id, if there are several tenants.
///
/// Each tenant has its own administrators, who assign app roles and fill claims, and the ids of directory roles are the same
/// in all tenants. So such an id counts for its tenant alone. Object ids of groups are unique and need no prefix.
pub(super) fn of_tenant(mut list: Vec<AssertedGroup>, tid: Option<&str>) -> Vec<AssertedGroup> {
    if let Some(tid) = tid {
        for group in &mut list {
            group.external_id = format!("{tid}/{}", group.external_id);
        }
    }
    list
}

/// A group with a usable name. A group with another name cannot be linked or shown, so it is skipped.
fn group(name: &str, kind: GroupKind) -> Option<AssertedGroup> {
    let is_sound = !name.trim().is_empty() && name.len() <= NAME_LIMIT && !name.chars().any(char::is_control);
    is_sound.then(|| AssertedGroup { kind, external_id: name.to_owned(), display_name: None })
}

#[cfg(test)]
mod tests {
    use super::super::testing::object;
    use super::*;
    use serde_json::json;

    fn names(groups: ClaimedGroups) -> Option<Vec<String>> {
        match groups {
            ClaimedGroups::Listed(list) => Some(list.into_iter().map(|group| group.external_id).collect()),
            _ => None,
        }
    }

    const GUID: &str = "5d2f0c1e-8d3a-4a56-9f0e-0a1b2c3d4e5f";

    fn path(text: &str) -> Vec<String> {
        text.split('.').map(str::to_owned).collect()
    }

    #[test]
    fn a_claim_is_found_by_its_path() {
        let claims = Claims::new(object(&json!({
            "groups": ["b", "a", "", "x\ny"],
            "one": "solo",
            "realm_access": {"roles": ["r"]},
            "https://example.com/groups": ["dotted"],
            "empty": [],
        })));
        let at = |text: &str| names(at_path(&claims, &path(text), GroupKind::Group));
        let dotted = at_path(&claims, &["https://example.com/groups".to_owned()], GroupKind::Group);
        assert_eq!(at("groups"), Some(vec!["b".into(), "a".into()]));
        assert_eq!(at("one"), Some(vec!["solo".into()]));
        assert_eq!(at("realm_access.roles"), Some(vec!["r".into()]));
        assert_eq!(names(dotted), Some(vec!["dotted".into()]));
        assert_eq!(at("empty"), Some(vec![]));
        assert_eq!(at_path(&claims, &path("realm_access.groups"), GroupKind::Group), ClaimedGroups::Absent);
    }

    #[test]
    fn a_malformed_claim_is_not_an_empty_one() {
        for value in [json!(7), json!({}), json!(true), json!(["a", 1]), json!([["a"]])] {
            let claims = Claims::new(object(&json!({ "groups": value })));
            assert_eq!(
                at_path(&claims, &path("groups"), GroupKind::Group),
                ClaimedGroups::Malformed,
                "{value}"
            );
        }
    }

    #[test]
    fn overage_is_not_an_empty_list() {
        let of = |claims| of_entra(&Claims::new(object(&claims)), &path("groups"), GroupNames::Link);
        let sources = json!({"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://evil.example/"}}});
        assert_eq!(of(sources), ClaimedGroups::Elsewhere);
        assert_eq!(of(json!({"hasgroups": true})), ClaimedGroups::Elsewhere);
        assert_eq!(of(json!({"hasgroups": "true"})), ClaimedGroups::Elsewhere);
        assert_eq!(of(json!({"_claim_names": {"other": "src1"}})), ClaimedGroups::Absent);
        assert_eq!(names(of(json!({"groups": [GUID]}))), Some(vec![GUID.into()]));
    }

    #[test]
    fn names_in_entras_claim_are_groups_only_where_names_are_trusted() {
        let claims = Claims::new(object(&json!({"groups": [GUID, "MCP-GitHub"], "teams": ["Red"]})));
        assert_eq!(of_entra(&claims, &path("groups"), GroupNames::Link), ClaimedGroups::Names);
        let trusted = of_entra(&claims, &path("groups"), GroupNames::Trust);
        assert_eq!(names(trusted), Some(vec![GUID.into(), "MCP-GitHub".into()]));
        let own_claim = of_entra(&claims, &path("teams"), GroupNames::Link);
        assert_eq!(names(own_claim), Some(vec!["Red".into()]), "a claim that only the operator can fill");
        for text in ["5d2f0c1e8d3a4a569f0e0a1b2c3d4e5f", "{5d2f0c1e-8d3a-4a56-9f0e-0a1b2c3d4e5f}", " ", "x"] {
            let claims = Claims::new(object(&json!({"groups": [text, "y"]})));
            assert_eq!(
                of_entra(&claims, &path("groups"), GroupNames::Link),
                ClaimedGroups::Names,
                "{text:?}"
            );
        }
    }

    #[test]
    fn what_one_of_several_tenants_hands_out_is_that_tenants() {
        let roles = || roles_of_entra(&Claims::new(object(&json!({"wids": ["w"], "roles": ["Admin"]}))));
        let ids = |tid| names(ClaimedGroups::Listed(of_tenant(roles().unwrap_or_default(), tid)));
        assert_eq!(ids(None), Some(vec!["w".into(), "Admin".into()]));
        assert_eq!(ids(Some(GUID)), Some(vec![format!("{GUID}/w"), format!("{GUID}/Admin")]));
    }

    #[test]
    fn roles_and_directory_roles_are_different_kinds() {
        let roles = roles_of_entra(&Claims::new(object(&json!({"wids": ["w"], "roles": ["Admin"]}))));
        let kinds: Option<Vec<_>> =
            roles.map(|list| list.into_iter().map(|role| (role.kind, role.external_id)).collect());
        assert_eq!(kinds, Some(vec![(GroupKind::Group, "w".into()), (GroupKind::Role, "Admin".into())]));
        assert_eq!(roles_of_entra(&Claims::new(object(&json!({"roles": 1})))), None);
    }
}
