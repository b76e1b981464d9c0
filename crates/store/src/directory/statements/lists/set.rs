//! Sets of people that a scope or a filter names, and how a list reads them.
//!
//! A small set is read whole; its people are then looked up. Of a large one the people are asked one by one, in the order
//! of the list, whether they are in it: every so many are. So a page costs about the same, however many people there are,
//! and whatever the database's planner believes.

use super::{Connection, Db, Result, push_tenants};
use gatepost_core::access::Role;
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::{GroupId, TenantId, UserId};
use sqlx::QueryBuilder;

/// The most people whom a set has that is read whole.
const FEW: usize = 4_000;

/// The longest word that is searched for, in bytes, and the number of words.
const MAX_WORD: usize = 254;
const MAX_WORDS: usize = 8;

/// What separates words; as in the migrations that write `user_words`.
const SEPARATORS: &[char] =
    &[' ', '.', '-', '_', '+', '@', ',', ';', '(', ')', '"', '\'', '/', '\t', '\n', '\r', '\u{a0}'];

/// A set of people. [`resolve`] adds the groups that belong to it.
#[derive(Debug)]
pub(super) enum Set<'a> {
    Id(UserId),
    Email(&'a EmailAddress),
    Disabled,
    Awaited,
    /// In one of these groups, or by a role, or because somebody decided so.
    Admins {
        groups: Vec<i64>,
        /// Also whoever is none, because somebody decided so.
        or_denied: bool,
    },
    /// A word of theirs begins with this one.
    Word(String),
    Group(GroupId),
    /// They may enter one of these tenants, directly or because they are in one of the groups.
    Tenants {
        tenants: Vec<&'a TenantId>,
        groups: Vec<i64>,
        /// Only in this role. `None`: in any.
        role: Option<Role>,
    },
    Active,
}

/// The sets of which a search wants the people who are in each.
pub(super) fn searched<'a>(text: &str) -> Vec<Set<'a>> {
    if let Ok(id) = text.parse() {
        return vec![Set::Id(id)];
    }
    let text = text.trim_start_matches('@').to_lowercase();
    // The address is a word of its own, and has no spaces.
    let separators: &[char] = if text.contains('@') { &[' '] } else { SEPARATORS };
    let mut words: Vec<&str> = text.split(separators).filter(|word| !word.is_empty()).collect();
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    words.truncate(MAX_WORDS);
    let mut sets: Vec<Set<'a>> = words.iter().map(|word| Set::Word(cut(word))).collect();
    if sets.is_empty() {
        // Only separators: no word begins with one.
        sets.push(Set::Word(text));
    }
    sets
}

fn cut(word: &str) -> String {
    let mut end = MAX_WORD.min(word.len());
    while !word.is_char_boundary(end) {
        end -= 1;
    }
    word[..end].to_owned()
}

impl Set<'_> {
    /// Small sets first.
    pub(super) const fn rank(&self) -> u8 {
        match self {
            Self::Id(_) => 0,
            Self::Email(_) => 1,
            Self::Disabled => 2,
            Self::Awaited => 3,
            Self::Admins { .. } => 4,
            Self::Word(_) => 5,
            Self::Group(_) => 6,
            Self::Tenants { .. } => 7,
            Self::Active => 8,
        }
    }

    /// Adds a query of its people, perhaps of some more. `false`: most people are in it, and nothing was added.
    fn push_people(&self, query: &mut QueryBuilder<Db>) -> bool {
        match self {
            Self::Id(id) => {
                query.push("SELECT id AS user_id FROM users WHERE id = ").push_bind(id.to_string());
            }
            Self::Email(email) => {
                query.push("SELECT id AS user_id FROM users WHERE email = ").push_bind(email.to_string());
                query.push(" UNION ALL SELECT user_id FROM identities WHERE email = ");
                query.push_bind(email.to_string());
            }
            Self::Disabled => {
                query.push("SELECT id AS user_id FROM users WHERE disabled_at IS NOT NULL");
            }
            Self::Awaited => {
                query.push("SELECT id AS user_id FROM users WHERE last_sign_in_at IS NULL");
            }
            Self::Admins { groups, .. } => {
                query.push(
                    "SELECT user_id FROM current_admin_overrides UNION ALL SELECT m.user_id FROM admin_roles r \
                     JOIN provider_groups p ON p.provider = r.provider AND p.kind = 'role' AND p.external_id = r.role \
                     JOIN provider_memberships m ON m.provider_group_id = p.id \
                     UNION ALL SELECT user_id FROM resolved_memberships WHERE is_vouched AND ",
                );
                push_groups(query, groups);
            }
            Self::Word(word) => {
                query.push("SELECT w.user_id FROM user_words w WHERE ");
                push_prefix(query, word);
            }
            Self::Group(id) => {
                query
                    .push("SELECT user_id FROM resolved_memberships WHERE group_id = ")
                    .push_bind(id.number());
            }
            Self::Tenants { tenants, groups, role } => {
                query.push("SELECT user_id FROM current_tenant_members WHERE ");
                push_tenants(query, "tenant_id", tenants.iter().copied());
                push_role(query, *role);
                query.push(" UNION ALL SELECT user_id FROM resolved_memberships WHERE ");
                push_groups(query, groups);
            }
            Self::Active => return false,
        }
        true
    }

    /// Adds the condition that the person `u` is in the set.
    pub(super) fn push_condition(&self, query: &mut QueryBuilder<Db>) {
        match self {
            Self::Id(id) => {
                query.push(" AND u.id = ").push_bind(id.to_string());
            }
            Self::Email(email) => {
                query.push(" AND (u.email = ").push_bind(email.to_string());
                query.push(" OR EXISTS (SELECT 1 FROM identities s WHERE s.user_id = u.id AND s.email = ");
                query.push_bind(email.to_string()).push("))");
            }
            Self::Disabled => {
                query.push(" AND u.disabled_at IS NOT NULL");
            }
            Self::Awaited => {
                query.push(
                    " AND u.last_sign_in_at IS NULL \
                     AND NOT EXISTS (SELECT 1 FROM identities s WHERE s.user_id = u.id)",
                );
            }
            Self::Active => {
                query.push(
                    " AND u.disabled_at IS NULL AND EXISTS (SELECT 1 FROM identities s WHERE s.user_id = u.id)",
                );
            }
            Self::Admins { or_denied: true, .. } => {
                query.push(
                    " AND ((SELECT 1 FROM current_admin_overrides s WHERE s.user_id = u.id) = 1 \
                     OR EXISTS (SELECT 1 FROM admin_reasons s WHERE s.user_id = u.id))",
                );
            }
            Self::Admins { or_denied: false, .. } => {
                query.push(
                    " AND coalesce((SELECT s.is_admin FROM current_admin_overrides s WHERE s.user_id = u.id), \
                     EXISTS (SELECT 1 FROM admin_reasons s WHERE s.user_id = u.id))",
                );
            }
            Self::Word(word) => {
                query.push(" AND (SELECT 1 FROM user_words w WHERE w.user_id = u.id AND ");
                push_prefix(query, word);
                query.push(" LIMIT 1) = 1");
            }
            Self::Group(id) => {
                query.push(
                    " AND (SELECT 1 FROM resolved_memberships s WHERE s.user_id = u.id AND s.group_id = ",
                );
                query.push_bind(id.number()).push(" LIMIT 1) = 1");
            }
            Self::Tenants { tenants, groups, role } => push_tenants_condition(query, tenants, groups, *role),
        }
    }
}

/// `(SELECT 1 ... LIMIT 1) = 1` asks each person by the index. `EXISTS` says the same, but Postgres may read everybody who
/// is in the set for it.
fn push_tenants_condition(
    query: &mut QueryBuilder<Db>,
    tenants: &[&TenantId],
    groups: &[i64],
    role: Option<Role>,
) {
    query.push(" AND ((SELECT 1 FROM current_tenant_members s WHERE s.user_id = u.id AND ");
    push_tenants(query, "s.tenant_id", tenants.iter().copied());
    push_role(query, role);
    query.push(" LIMIT 1) = 1 OR (SELECT 1 FROM resolved_memberships s WHERE s.user_id = u.id AND ");
    push_groups(query, groups);
    query.push(" LIMIT 1) = 1)");
}

fn push_role(query: &mut QueryBuilder<Db>, role: Option<Role>) {
    if let Some(role) = role {
        query.push(" AND role = ").push_bind(role.as_str());
    }
}

/// Adds `group_id IN (...)`. No group has the number 0.
fn push_groups(query: &mut QueryBuilder<Db>, groups: &[i64]) {
    query.push("group_id IN (");
    let mut list = query.separated(", ");
    list.push("0");
    for group in groups {
        list.push_bind(*group);
    }
    query.push(")");
}

/// Reads the groups that belong to sets of tenants and of administrators. A view of memberships that is joined with groups
/// would be read whole.
pub(super) async fn resolve(connection: &mut Connection, sets: &mut [Set<'_>]) -> Result<()> {
    for set in sets {
        match set {
            Set::Tenants { tenants, groups, role } => {
                let mut query = QueryBuilder::<Db>::new("SELECT DISTINCT group_id FROM group_tenants WHERE ");
                push_tenants(&mut query, "tenant_id", tenants.iter().copied());
                push_role(&mut query, *role);
                *groups = query.build_query_scalar().fetch_all(&mut *connection).await?;
            }
            Set::Admins { groups, .. } => {
                let sql = "SELECT g.id FROM admin_groups a JOIN groups g ON g.name = a.name";
                *groups = sqlx::query_scalar(sql).fetch_all(&mut *connection).await?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Adds the condition that the word `w` begins with this one. Databases do not make every letter small, so a first letter
/// that is not of ASCII is searched for as a capital too.
fn push_prefix(query: &mut QueryBuilder<Db>, word: &str) {
    let mut letters = word.chars();
    let capital = letters.next().filter(|first| !first.is_ascii()).map(|first| {
        let first: String = first.to_uppercase().collect();
        first + letters.as_str()
    });
    query.push("(");
    push_range(query, word);
    if let Some(capital) = capital.filter(|capital| capital != word) {
        query.push(" OR ");
        push_range(query, &capital);
    }
    query.push(")");
}

fn push_range(query: &mut QueryBuilder<Db>, word: &str) {
    query.push("w.word >= ").push_bind(word.to_owned());
    query.push(" AND w.word < ").push_bind(format!("{word}\u{10ffff}"));
}

/// The ids of a set among these that is small, sorted. The people of the others are not asked for. `None`: there is none.
pub(super) async fn find_few(connection: &mut Connection, sets: &[Set<'_>]) -> Result<Option<Vec<String>>> {
    for set in sets {
        let mut query = QueryBuilder::<Db>::new("SELECT user_id FROM (");
        if !set.push_people(&mut query) {
            continue;
        }
        query.push(") AS people LIMIT ").push_bind(i64::try_from(FEW).unwrap_or(i64::MAX) + 1);
        let mut ids: Vec<String> = query.build_query_scalar().fetch_all(&mut *connection).await?;
        if ids.len() <= FEW {
            ids.sort_unstable();
            ids.dedup();
            return Ok(Some(ids));
        }
    }
    Ok(None)
}
