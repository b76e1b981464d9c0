//! Directories, people and requirements by chance.

use gatepost_core::ids::UserId;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use std::fmt::Write;

const GROUPS: [&str; 4] = ["Boss", "A", "B", "C"];
const LINKS: [&str; 5] = ["l0", "l1", "l2", "l3", "l4"];
pub(super) const TENANTS: [&str; 3] = ["t0", "t1", "t2"];
pub(super) const PEOPLE: usize = 24;
/// Ended, ends, and never ends.
const ENDS: [&str; 3] = ["1", "4102444800", "NULL"];

/// Statements that make a directory.
pub(super) fn directories() -> impl Strategy<Value = String> {
    let source = select(vec!["auto", "trusted", "config", "manual"]);
    let links = vec((select(GROUPS.to_vec()), any::<bool>(), source), LINKS.len());
    let mappings = vec(
        (select(GROUPS.to_vec()), select(TENANTS.to_vec()), select(vec!["admin", "member", "viewer"])),
        0..5,
    );
    (links, mappings, vec(people(), PEOPLE)).prop_map(|(links, mappings, people)| {
        let mut sql = String::new();
        for group in GROUPS {
            let _ = write!(sql, "INSERT INTO gatepost.groups (name) VALUES ('{group}');");
        }
        for tenant in TENANTS {
            let _ = write!(sql, "INSERT INTO gatepost.tenants (id, created_at) VALUES ('{tenant}', 1);");
        }
        for (link, (group, is_role, source)) in LINKS.iter().zip(links) {
            let kind = if is_role { "role" } else { "group" };
            let _ = write!(sql, "INSERT INTO gatepost.provider_groups (provider, kind, external_id, group_id, source) \
                SELECT 'entra', '{kind}', '{link}', id, '{source}' FROM gatepost.groups WHERE name = '{group}';");
        }
        for (group, tenant, role) in mappings {
            let _ = write!(sql, "INSERT INTO gatepost.group_tenants (group_id, tenant_id, role) \
                SELECT id, '{tenant}', '{role}' FROM gatepost.groups WHERE name = '{group}' ON CONFLICT DO NOTHING;");
        }
        sql.extend(people);
        sql
    })
}

/// Statements that make a person.
fn people() -> impl Strategy<Value = String> {
    let state = (prop::bool::weighted(0.1), prop::bool::weighted(0.1), prop::bool::weighted(0.1));
    let manual = vec((select(GROUPS.to_vec()), select(vec!["manual", "scim"]), select(ENDS.to_vec())), 0..3);
    let links = subsequence(LINKS.to_vec(), 0..3);
    let tenants = vec((select(TENANTS.to_vec()), select(ENDS.to_vec())), 0..2);
    let decision = prop::option::weighted(0.3, (any::<bool>(), select(ENDS.to_vec())));
    (state, manual, links, tenants, decision).prop_map(|(state, manual, links, tenants, decision)| {
        let (is_disabled, has_no_address, has_no_sessions) = state;
        let id = UserId::generate();
        let address = if has_no_address { "NULL".to_owned() } else { format!("'p-{id}@example.com'") };
        let when = |is: bool, at: &'static str| if is { at } else { "NULL" };
        let (disabled, not_before) = (when(is_disabled, "1"), when(has_no_sessions, "4102444800"));
        let mut sql = format!("INSERT INTO gatepost.users (id, email, disabled_at, sessions_not_before, created_at) \
            VALUES ('{id}', {address}, {disabled}, {not_before}, 1);");
        for (group, source, until) in manual {
            let _ = write!(sql, "INSERT INTO gatepost.manual_memberships (user_id, group_id, source, until) \
                SELECT '{id}', id, '{source}', {until} FROM gatepost.groups WHERE name = '{group}' ON CONFLICT DO NOTHING;");
        }
        for link in links {
            let _ = write!(sql, "INSERT INTO gatepost.provider_memberships (user_id, provider_group_id) \
                SELECT '{id}', id FROM gatepost.provider_groups WHERE external_id = '{link}';");
        }
        for (tenant, until) in tenants {
            let _ = write!(sql, "INSERT INTO gatepost.tenant_members (tenant_id, user_id, until, created_at) \
                VALUES ('{tenant}', '{id}', {until}, 1) ON CONFLICT DO NOTHING;");
        }
        if let Some((is_admin, until)) = decision {
            let _ = write!(sql, "INSERT INTO gatepost.admin_overrides (user_id, is_admin, until) VALUES ('{id}', {is_admin}, {until});");
        }
        sql
    })
}

pub(super) fn requirements() -> impl Strategy<Value = String> {
    let groups = subsequence([&GROUPS[..], &["None"]].concat(), 0..3);
    let tenants = subsequence([&TENANTS[..], &["none"]].concat(), 0..3);
    (groups, tenants, prop::bool::weighted(0.2), any::<bool>()).prop_map(
        |(groups, tenants, admin, max_age)| {
            let groups = groups.iter().map(|name| format!("group={name}"));
            let tenants = tenants.iter().map(|id| format!("tenant={id}"));
            let others = [(admin, "admin=true"), (max_age, "max_age=60")];
            let others = others.iter().filter(|(is, _)| *is).map(|(_, text)| (*text).to_owned());
            groups.chain(tenants).chain(others).collect::<Vec<_>>().join("&")
        },
    )
}
