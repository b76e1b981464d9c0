//! A row of every table, with values that one of the databases might change.

use super::{Move, copy, succeeded};
use crate::world::run_command;
use gatepost_config::StoresConfig;
use gatepost_store::directory::Directory;
use gatepost_store::directory::copy::TABLES;
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use std::path::Path;

/// The last second of the year 9999.
const ROWS: &str = "
INSERT INTO users (id, email, name, disabled_at, sessions_not_before, created_at, last_sign_in_at, version) VALUES
    ('00000000-0000-4000-8000-00000000000a', 'max@example.com', '\u{1f600} Äé \"''\\ \n\t\u{1}', 253402300799, -1, 0, 9223372036854775807, 7),
    ('00000000-0000-4000-8000-00000000000b', NULL, '', NULL, NULL, 1, NULL, 1);
INSERT INTO identities (issuer, subject, provider, user_id, created_at, email) VALUES
    ('https://a.example', 'Z', 'entra', '00000000-0000-4000-8000-00000000000a', 1, 'max@example.com'),
    ('https://a.example', 'a', 'entra', '00000000-0000-4000-8000-00000000000a', 1, NULL),
    ('https://a.example', 'ä', 'entra', '00000000-0000-4000-8000-00000000000b', 1, NULL);
INSERT INTO former_addresses VALUES ('old@example.com', '00000000-0000-4000-8000-00000000000a', 253402300799);
INSERT INTO groups (id, name, version, managed_by) VALUES (100, '\u{1f600}\u{1f600}', 3, 'files'), (7000, 'second', 1, NULL);
INSERT INTO provider_groups (id, provider, kind, external_id, display_name, group_id, source) VALUES
    (90, 'entra', 'role', 'x', NULL, 100, 'auto'), (91, 'entra', 'group', 'y', 'Y', 7000, 'trusted');
INSERT INTO provider_memberships VALUES ('00000000-0000-4000-8000-00000000000a', 90);
INSERT INTO manual_memberships (user_id, group_id, source, version, until) VALUES
    ('00000000-0000-4000-8000-00000000000a', 100, 'scim', 2, 253402300799);
INSERT INTO tiers (id, limits, created_at, managed_by, prices) VALUES ('free', '{\"keys\": 7}', 4, 'files', '{\"currency\":\"EUR\"}');
INSERT INTO tenants (id, name, created_at, service) VALUES ('acme', 'Acme', 5, 'chat'), ('Zeta', NULL, 6, NULL);
INSERT INTO tenants (id, created_at, state, tier, settings, suspended_at, suspended_reason, deleted_at) VALUES
    ('gone', 7, 'deleted', 'free', '{\"\u{1f600}\":1}', 8, 'ä', 253402300799);
INSERT INTO tenant_hosts (host, tenant_id, state, proof, proved_at, created_at) VALUES
    ('blog.acme.example', 'acme', 'active', '0123456789abcdef0123456789abcdef', 9, 8);
INSERT INTO tenant_invitations VALUES
    ('00000000-0000-4000-8000-00000000000d', 'acme', 'ä@acme.example', 'viewer', x'00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff', 9, 253402300799);
INSERT INTO tenant_logos VALUES ('acme', x'00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff', x'89504e47', 9);
INSERT INTO tenant_providers (tenant_id, kind, place, client_id, secret, label, is_only, created_at) VALUES
    ('acme', 'oidc', 'https://id.acme.example', 'gatepost', 'sealed', 'ä', 1, 9);
INSERT INTO tenant_domains (tenant_id, domain, state, proof, proved_at, created_at) VALUES
    ('acme', 'acme.example', 'active', '0123456789abcdef0123456789abcdef', 9, 8);
INSERT INTO refused_names VALUES ('domain', 'acme.example', 9), ('host', 'acme.example', 10);
INSERT INTO group_tenants (group_id, tenant_id, role) VALUES (100, 'acme', 'viewer');
INSERT INTO tenant_members (tenant_id, user_id, role, source, created_at) VALUES
    ('acme', '00000000-0000-4000-8000-00000000000b', 'admin', 'invitation', 8);
INSERT INTO usage_days VALUES ('acme', 20786, 'tool_calls', 't', 9223372036854775807), ('acme', 20786, 'tool_calls', '', 1);
INSERT INTO usage_people VALUES ('acme', 202611, '00000000-0000-4000-8000-00000000000a', 2147483647);
INSERT INTO usage_batches VALUES ('gatepost-1-00ff', 9, 8);
INSERT INTO usage_events VALUES ('', '/ä', '\u{1f600}', 'acme', 9);
INSERT INTO usage_bills VALUES ('former', 202610, 'EUR', 4900, '[]', 9), ('former', 202611, NULL, 0, '[]', 9);
INSERT INTO admin_overrides (user_id, is_admin) VALUES
    ('00000000-0000-4000-8000-00000000000a', 0), ('00000000-0000-4000-8000-00000000000b', 1);
INSERT INTO admin_groups VALUES ('admins');
INSERT INTO admin_roles VALUES ('entra', 'Admin');
INSERT INTO ended_sessions VALUES (x'00ff00', '00000000-0000-4000-8000-00000000000a', 1, 253402300799), (x'', 'gone', 1, 2);
INSERT INTO ended_provider_sessions VALUES ('entra', x'00', 1, 253402300799);
INSERT INTO access_requests (id, user_id, group_id, note, state, created_at) VALUES
    ('r', '00000000-0000-4000-8000-00000000000a', 100, '\u{1f600}', 'open', 4);
INSERT INTO tenant_proposals VALUES
    ('p', '00000000-0000-4000-8000-00000000000a', 'zeta', 'ä', '\u{1f600}', 'refused', 4, 253402300799, 5, 'cli:x', 'no');
INSERT INTO keys (id, hash, hint, name, machine_name, tenant_id, owner_id, created_by, scopes, expires_at, created_at, managed_by, trial_of) VALUES
    ('00000000-0000-4000-8000-00000000000c', x'0001', 'gp_', 'ci', 'ci', 'acme', '00000000-0000-4000-8000-00000000000a', 'cli:x', '[]', 9, 1, 'files', 't');
INSERT INTO key_groups VALUES ('00000000-0000-4000-8000-00000000000c', 100);
INSERT INTO tool_servers (id, tenant_id, url, is_default, created_at, service) VALUES ('t', 'acme', 'https://t.example/', 1, 1, 'chat'), ('u', 'acme', 'https://u.example/', 0, 1, NULL);
INSERT INTO tool_rules (id, tool_server_id, subject, group_id, kind, pattern, created_at, managed_by) VALUES ('w', 't', 'group', 100, 'tool', 'get_*', 1, 'files');
INSERT INTO refusals (id, request_id, at, user_id, host, method, path, kind, requirement, status, reason, via, key_id, detail) VALUES
    (500, 'q', 1, 'x', 'h', 'GET', '/', 'fetch', '', 403, 'group', 'ci', '00000000-0000-4000-8000-00000000000c', 'why');
INSERT INTO requirements VALUES ('h', 'group=A', 1);
INSERT INTO idempotent_requests VALUES ('k', 'r', 1, NULL);
INSERT INTO erasures VALUES ('gone', 1);
INSERT INTO tenant_erasures VALUES ('gone', 1, 2);
INSERT INTO audit_entries (at, actor, action, target, before, after, address) VALUES
    (1, 'cli:x', 'user.create', 'user:x', NULL, '{\"name\":\"\u{1f600}\"}', '192.0.2.1');
";

/// Moves the audit three hours back, so that its heads can be made.
async fn make_heads(file: &Path) {
    let mut connection = SqliteConnection::connect(&format!("sqlite://{}", file.display())).await.unwrap();
    let made: String = sqlx::query_scalar("SELECT sql FROM sqlite_master WHERE name = 'keep_audit_entries'")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    let sql = format!(
        "BEGIN; DROP TRIGGER keep_audit_entries; UPDATE audit_entries SET hour = hour - 3; {made}; COMMIT"
    );
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    let directory = Directory::open(&StoresConfig::Embedded { file: file.to_owned() }, None).unwrap();
    let term = directory.hold_leader_lease("test", None).await.unwrap().term.unwrap();
    assert_eq!(directory.leading(term).make_audit_heads(10).await.unwrap(), 1);
}

pub(super) async fn fill(file: &Path, sql: &str) {
    let mut connection = SqliteConnection::connect(&format!("sqlite://{}", file.display())).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_every_table_is_the_same_on_the_other_side_and_on_the_way_back() {
    let moved = Move::begin().await;
    moved.stop(&moved.world.gatepost).await;
    fill(&moved.file, ROWS).await;
    make_heads(&moved.file).await;
    let rehearsed = succeeded(moved.copy(&["--dry-run"]).await);
    assert!(rehearsed.contains("nothing has been changed"), "{rehearsed}");
    let text = moved.copy_all().await;
    for table in TABLES {
        assert!(text.contains(&format!("\n  {}: ", table.name)), "{} is empty: {text}", table.name);
    }
    let verdict = succeeded(run_command(&moved.shared(), &["audit", "verify"]).await);
    assert!(verdict.contains("fit 1 heads"), "{verdict}");

    let mut connection = PgConnection::connect(&moved.postgres).await.unwrap();
    let highest: i64 = sqlx::query_scalar("SELECT max(id) FROM gatepost.audit_entries")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    succeeded(run_command(&moved.shared(), &["group", "add", "third", "max@example.com"]).await);
    let number: i64 = sqlx::query_scalar("SELECT id FROM gatepost.groups WHERE name = 'third'")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(number, 7001, "numbers go on after the highest");
    let next: i64 = sqlx::query_scalar("SELECT min(id) FROM gatepost.audit_entries WHERE id > $1")
        .bind(highest)
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(next, highest + 1);
    let words: i64 = sqlx::query_scalar("SELECT count(*) FROM gatepost.user_words WHERE word = 'max'")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(words, 1, "the database makes the words itself");
    connection.close().await.unwrap();

    let back = moved.file.with_file_name("back.db");
    let to = format!("sqlite:{}", back.display());
    let text = succeeded(copy(&moved.embedded(&back), &moved.postgres, &to, &[]).await);
    assert!(text.contains("everybody has to sign in again"), "{text}");
    let verdict = succeeded(run_command(&moved.embedded(&back), &["audit", "verify"]).await);
    assert!(verdict.contains("fit 1 heads"), "{verdict}");
    let mut connection = SqliteConnection::connect(&format!("sqlite://{}", back.display())).await.unwrap();
    let triggers: Vec<(String, String)> =
        sqlx::query_as("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name")
            .fetch_all(&mut connection)
            .await
            .unwrap();
    let mut original =
        SqliteConnection::connect(&format!("sqlite://{}", moved.file.display())).await.unwrap();
    let before: Vec<(String, String)> =
        sqlx::query_as("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name")
            .fetch_all(&mut original)
            .await
            .unwrap();
    assert_eq!(triggers, before, "what guards the audit is there again");
}
