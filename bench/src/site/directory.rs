//! A large directory: people, groups, tenants, and a year of audit.

use super::{Site, Stores};
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection};
use std::io;

/// How large a directory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// The number of people.
    pub people: usize,
    /// The number of groups.
    pub groups: usize,
    /// The number of tenants.
    pub tenants: usize,
    /// The number of rows of the audit.
    pub audit: usize,
}

/// The id of a person of [`Site::fill`].
pub fn id_of_person(number: usize) -> String {
    format!("00000000-0000-7000-8000-{number:012x}")
}

/// Everybody is in the group `Everybody` of the provider, in one manual group, and in this many other provider's groups.
const GROUPS_OF_ONE: usize = 10;

/// The first of each two people is an administrator of the system, up to this many. The second is none, by decision.
pub const ADMINS: usize = 50;

/// The words of a statement that differ between the two databases.
struct Dialect {
    schema: &'static str,
    series: fn(usize) -> String,
    hex: fn(&str) -> String,
    at_end: &'static str,
}

const POSTGRES: Dialect = Dialect {
    schema: "gatepost.",
    series: |count| format!("generate_series(0, {count} - 1) AS s(n)"),
    hex: |number| format!("lpad(to_hex({number}), 12, '0')"),
    at_end: "VACUUM ANALYZE",
};

const SQLITE: Dialect = Dialect {
    schema: "",
    series: |count| {
        format!(
            "(WITH RECURSIVE s(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM s WHERE n < {count} - 1) SELECT n FROM s) AS s"
        )
    },
    hex: |number| format!("printf('%012x', {number})"),
    at_end: "PRAGMA wal_checkpoint(TRUNCATE)",
};

impl Site {
    /// Fills the directory.
    ///
    /// # Errors
    /// The database refused.
    pub async fn fill(&self, size: Size) -> io::Result<()> {
        match &self.stores {
            Stores::Embedded => {
                let url = format!("sqlite://{}", self.folder().join("gatepost.db").display());
                let mut connection = SqliteConnection::connect(&url).await.map_err(io::Error::other)?;
                for statement in statements(&SQLITE, size) {
                    let query = sqlx::raw_sql(AssertSqlSafe(statement));
                    query.execute(&mut connection).await.map_err(io::Error::other)?;
                }
                connection.close().await.map_err(io::Error::other)
            }
            Stores::Shared { postgres, .. } => {
                for statement in statements(&POSTGRES, size) {
                    postgres.sql("test_0", &statement).await;
                }
                Ok(())
            }
        }
    }
}

fn statements(dialect: &Dialect, size: Size) -> Vec<String> {
    let Size { people, groups, tenants, audit } = size;
    let Dialect { schema, series, hex, at_end } = dialect;
    let id = |number: &str| format!("'00000000-0000-7000-8000-' || {}", hex(number));
    let person = id("s.n");
    let (n_people, n_groups, n_tenants) = (series(people), series(groups), series(tenants));
    let last_name = hex(&format!("s.n * 7919 % {people}"));
    let mut all = vec![
        format!(
            "INSERT INTO {schema}users (id, email, name, created_at, last_sign_in_at, disabled_at) SELECT {person}, \
             'person-' || s.n || '@example.com', 'P' || substr({last_name}, 8) || ' von N' || s.n, 1700000000 + s.n, \
             CASE WHEN s.n % 20 <> 0 THEN 1790000000 + s.n END, CASE WHEN s.n % 200 = 1 THEN 1790000000 END FROM {n_people}"
        ),
        format!(
            "INSERT INTO {schema}identities (issuer, subject, provider, user_id, created_at, email) \
             SELECT 'https://issuer.example', 's' || s.n, 'entra', {person}, 0, 'person-' || s.n || '@example.com' \
             FROM {n_people} WHERE s.n % 20 <> 0"
        ),
        format!("INSERT INTO {schema}groups (name) SELECT 'Team ' || s.n FROM {n_groups} ORDER BY s.n"),
        format!("INSERT INTO {schema}groups (name) VALUES ('Everybody')"),
        format!(
            "INSERT INTO {schema}provider_groups (provider, kind, external_id, display_name, group_id, source) \
             SELECT 'entra', 'group', 'x-' || g.id, g.name, g.id, \
             CASE WHEN g.id % 2 = 0 OR g.name = 'Everybody' THEN 'manual' ELSE 'auto' END \
             FROM {schema}groups g ORDER BY g.id"
        ),
        format!(
            "INSERT INTO {schema}provider_memberships (user_id, provider_group_id) SELECT DISTINCT {person}, \
             1 + (s.n * 31 + k.n * 997) % {groups} FROM {n_people}, {} WHERE s.n % 20 <> 0",
            series(GROUPS_OF_ONE)
                .replace("s(n)", "k(n)")
                .replace("AS s", "AS k")
                .replace(" FROM s ", " FROM k ")
                .replace("FROM s)", "FROM k)")
        ),
        format!(
            "INSERT INTO {schema}provider_memberships (user_id, provider_group_id) \
             SELECT {person}, (SELECT p.id FROM {schema}provider_groups p JOIN {schema}groups g ON g.id = p.group_id \
             WHERE g.name = 'Everybody') FROM {n_people} WHERE s.n % 20 <> 0"
        ),
        format!(
            "INSERT INTO {schema}manual_memberships (user_id, group_id, source) \
             SELECT {person}, 1 + s.n % {groups}, 'manual' FROM {n_people}"
        ),
        format!(
            "INSERT INTO {schema}tenants (id, name, created_at) SELECT 't-' || s.n, 'Client ' || s.n, 0 FROM {n_tenants}"
        ),
        format!(
            "INSERT INTO {schema}group_tenants (group_id, tenant_id, role) \
             SELECT 1 + s.n % {groups}, 't-' || s.n, 'member' FROM {n_tenants}"
        ),
        format!("INSERT INTO {schema}tenants (id, name, created_at) VALUES ('all', 'Everybody', 0)"),
        format!(
            "INSERT INTO {schema}group_tenants (group_id, tenant_id, role) \
             SELECT id, 'all', 'member' FROM {schema}groups WHERE name = 'Everybody'"
        ),
        format!(
            "INSERT INTO {schema}tenant_members (tenant_id, user_id, role, created_at) \
             SELECT 't-' || (s.n % {tenants}), {person}, 'member', 0 FROM {n_people} WHERE s.n % 2 = 0"
        ),
        format!(
            "INSERT INTO {schema}admin_overrides (user_id, is_admin) SELECT {person}, s.n % 2 = 0 FROM {}",
            series(people.min(ADMINS * 2))
        ),
        format!(
            "INSERT INTO {schema}audit_entries (at, actor, action, target, after, tenant_id, via) \
             SELECT 1790000000 - ({audit} - s.n) * 30, {}, CASE WHEN s.n % 10 > 0 THEN 'user.sign_in' ELSE 'tenant.add_member' END, \
             'user:' || {}, '{{\"provider\": \"entra\"}}', CASE WHEN s.n % 20 = 0 THEN 't-' || (s.n % {tenants}) END, \
             'gate' FROM {}",
            id(&format!("s.n % {people}")),
            id(&format!("s.n % {people}")),
            series(audit)
        ),
    ];
    all.push((*at_end).to_owned());
    all
}
