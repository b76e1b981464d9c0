//! The four views that other programs read and write.

use super::administration::Administers;
use super::{Opened, actor, email, person};
use gatepost_kit::process::{Postgres, until};
use gatepost_store::directory::Who;
use sqlx::PgPool;
use sqlx::postgres::PgListener;
use std::time::Duration;

both_stores! {
    async fn an_insert_creates_what_is_missing_and_again_is_no_error(store) {
        for _ in 0..2 {
            store.sql("INSERT INTO user_group_membership VALUES ('A@Example.COM', 'Known')").await;
            store.sql("INSERT INTO group_tenant_mapping VALUES ('Known', 'github')").await;
        }
        assert_eq!(store.memberships().await, ["a@example.com Known"]);
        assert_eq!(store.texts("SELECT group_name || ' ' || tenant_id FROM group_tenant_mapping").await, ["Known github"]);
        assert_eq!(store.texts("SELECT role FROM gatepost.group_tenants").await, ["member"]);
        let actions: Vec<String> = store.audit().await.into_iter().map(|entry| entry.action).rev().collect();
        assert_eq!(actions, ["user.create", "group.create", "membership.create", "tenant.create", "tenant.map"]);
        assert!(store.audit().await.iter().all(|entry| matches!(entry.actor, Who::View(_))));
    }

    async fn empty_and_malformed_values_are_errors(store) {
        for (row, part) in [
            ("user_group_membership VALUES ('', 'G')", "email"),
            ("user_group_membership VALUES (NULL, 'G')", "email"),
            ("user_group_membership VALUES ('nobody', 'G')", "email"),
            ("user_group_membership VALUES ('a b@example.com', 'G')", "email"),
            ("user_group_membership VALUES ('a@b@example.com', 'G')", "email"),
            ("user_group_membership VALUES ('a@example..com', 'G')", "email"),
            ("user_group_membership VALUES ('a@-example.com', 'G')", "email"),
            ("user_group_membership VALUES ('zoë@example.com', 'G')", "email"),
            ("user_group_membership VALUES ('a@example.com', '')", "group"),
            ("user_group_membership VALUES ('a@example.com', NULL)", "group"),
            ("user_group_membership VALUES ('a@example.com', ' G')", "group"),
            ("user_group_membership VALUES ('a@example.com', 'two\nlines')", "group"),
            ("user_group_membership VALUES ('a@example.com', 'G\u{a0}')", "group"),
            ("group_tenant_mapping VALUES ('G', '')", "tenant"),
            ("group_tenant_mapping VALUES ('G', 'a/b')", "tenant"),
            ("group_tenant_mapping VALUES ('', 't')", "group"),
            ("user_tenant_memberships VALUES ('', 't', 'member')", "email"),
            ("user_tenant_memberships VALUES ('a@example.com', '', 'member')", "tenant"),
            ("user_tenant_memberships VALUES ('a@example.com', 'a/b', 'member')", "tenant"),
            ("user_tenant_memberships VALUES ('a@example.com', 't', 'owner')", "role"),
            ("user_admin_status VALUES ('', true)", "email"),
            ("user_admin_status VALUES ('a@example.com', NULL)", "is_admin"),
        ] {
            let error = store.try_sql(&format!("INSERT INTO {row}")).await.expect_err(row).to_string();
            assert!(error.contains(part), "{row}: {error}");
        }
        assert!(store.audit().await.is_empty(), "nothing was made on the way");
    }

    async fn what_the_types_accept_the_views_accept(store) {
        let long = format!("{}@{}.example", "a".repeat(64), "b".repeat(63));
        for address in ["o'brien+x@example.com", "u_v#EXT#@t.onmicrosoft.com", "a.-b@x-y.example", &long] {
            assert!(address.parse::<gatepost_core::email::EmailAddress>().is_ok());
            store.sql(&format!("INSERT INTO user_admin_status VALUES ('{}', false)", address.replace('\'', "''"))).await;
        }
        let too_long = format!("a@{}.example", "b".repeat(64));
        assert!(too_long.parse::<gatepost_core::email::EmailAddress>().is_err());
        store.try_sql(&format!("INSERT INTO user_admin_status VALUES ('{too_long}', false)")).await.unwrap_err();
        store.sql("INSERT INTO user_group_membership VALUES ('a@example.com', 'Grüne, 100 %')").await;
    }

    async fn an_insert_over_an_admin_row_replaces_it(store) {
        store.sql("INSERT INTO user_admin_status VALUES ('a@example.com', true)").await;
        store.sql("INSERT INTO user_admin_status VALUES ('a@example.com', false)").await;
        assert_eq!(store.texts("SELECT user_email FROM user_admin_status WHERE NOT is_admin").await, ["a@example.com"]);
        store.sql("UPDATE user_admin_status SET is_admin = true").await;
        assert_eq!(store.texts("SELECT user_email FROM user_admin_status WHERE is_admin").await, ["a@example.com"]);
        store.sql("DELETE FROM user_admin_status").await;
        assert!(store.texts("SELECT user_email FROM user_admin_status").await.is_empty());
        assert_eq!(store.audited("admin.grant").await.len(), 2);
    }

    async fn a_disabled_person_is_shown_as_no_admin(store) {
        store.sql("INSERT INTO user_admin_status VALUES ('a@example.com', true)").await;
        store.directory.disable_user(&email("a@example.com"), &actor()).await.unwrap();
        assert!(store.texts("SELECT user_email FROM user_admin_status WHERE is_admin").await.is_empty());
    }

    async fn a_deleted_provider_row_comes_back_at_the_next_sign_in(store) {
        let user = store.admitted(&person("a", "a@example.com", &["g-1", "g-2"])).await;
        store.sql("DELETE FROM user_group_membership WHERE group_name = 'entra:g-1'").await;
        assert_eq!(store.groups(user).await, ["entra:g-2"]);
        store.admitted(&person("a", "a@example.com", &["g-1", "g-2"])).await;
        assert_eq!(store.groups(user).await, ["entra:g-1", "entra:g-2"]);
        assert_eq!(store.audited("membership.delete").await.len(), 1);
    }

    async fn an_update_is_a_deletion_and_an_insertion(store) {
        let user = store.admitted(&person("a", "a@example.com", &["g-1"])).await;
        store.sql("INSERT INTO user_group_membership VALUES ('b@example.com', 'One')").await;
        store.sql("UPDATE user_group_membership SET group_name = 'Two' WHERE group_name = 'One'").await;
        store.sql("UPDATE user_group_membership SET user_email = 'c@example.com' WHERE user_email = 'a@example.com'").await;
        assert_eq!(store.memberships().await, ["b@example.com Two", "c@example.com entra:g-1"]);
        assert!(store.groups(user).await.is_empty());
        store.sql("INSERT INTO group_tenant_mapping VALUES ('One', 'x')").await;
        store.sql("UPDATE group_tenant_mapping SET tenant_id = 'y'").await;
        assert_eq!(store.texts("SELECT tenant_id FROM group_tenant_mapping").await, ["y"]);
        store.sql("DELETE FROM group_tenant_mapping").await;
        assert!(store.texts("SELECT tenant_id FROM group_tenant_mapping").await.is_empty());
        store.sql("UPDATE user_group_membership SET group_name = group_name").await;
        assert_eq!(store.texts("SELECT source FROM gatepost.manual_memberships").await.len(), 2, "nothing was doubled");
    }

    async fn members_of_tenants_are_written_with_their_roles(store) {
        let rows = "SELECT user_email || ' ' || tenant_id || ' ' || role FROM user_tenant_memberships ORDER BY 1";
        store.sql("INSERT INTO user_tenant_memberships VALUES ('A@Example.com', 'acme', 'viewer')").await;
        store.sql("INSERT INTO user_tenant_memberships (user_email, tenant_id) VALUES ('b@example.com', 'acme')").await;
        assert_eq!(store.texts(rows).await, ["a@example.com acme viewer", "b@example.com acme member"]);
        store.sql("INSERT INTO user_tenant_memberships VALUES ('a@example.com', 'acme', 'admin')").await;
        store.sql("UPDATE user_tenant_memberships SET tenant_id = 'zeta' WHERE user_email = 'b@example.com'").await;
        assert_eq!(store.texts(rows).await, ["a@example.com acme admin", "b@example.com zeta member"]);
        assert_eq!(store.texts("SELECT source FROM gatepost.tenant_members").await, ["manual", "manual"]);
        let entries = store.texts("SELECT action || ' ' || tenant_id FROM gatepost.audit_entries WHERE tenant_id IS NOT NULL ORDER BY id").await;
        let added = "tenant.add_member acme";
        assert_eq!(entries, [added, added, added, "tenant.remove_member acme", "tenant.add_member zeta"]);
        store.sql("DELETE FROM user_tenant_memberships").await;
        assert!(store.texts(rows).await.is_empty());
    }

    async fn a_member_whose_end_has_come_is_not_shown_and_comes_back_without_an_end(store) {
        store.sql("INSERT INTO user_tenant_memberships VALUES ('a@example.com', 'acme', 'admin')").await;
        store.sql("UPDATE gatepost.tenant_members SET until = 1").await;
        assert!(store.texts("SELECT user_email FROM user_tenant_memberships").await.is_empty());
        store.sql("INSERT INTO user_tenant_memberships VALUES ('a@example.com', 'acme', 'viewer')").await;
        assert_eq!(store.texts("SELECT role FROM user_tenant_memberships").await, ["viewer"]);
        assert_eq!(store.texts("SELECT role FROM gatepost.tenant_members WHERE until IS NULL").await, ["viewer"]);
    }

    async fn what_a_group_gives_in_a_tenant_is_shown_and_taken_away_at_the_group(store) {
        store.sql("INSERT INTO user_group_membership VALUES ('a@example.com', 'Known')").await;
        store.sql("INSERT INTO group_tenant_mapping VALUES ('Known', 'acme')").await;
        let roles = "SELECT role FROM user_tenant_memberships";
        assert_eq!(store.texts(roles).await, ["member"]);
        for write in [
            "DELETE FROM user_tenant_memberships",
            "UPDATE user_tenant_memberships SET role = 'viewer'",
            "UPDATE user_tenant_memberships SET user_email = 'b@example.com'",
        ] {
            let error = store.try_sql(write).await.expect_err(write).to_string();
            assert!(error.contains("by group") || error.contains("by a group"), "{write}: {error}");
        }
        store.sql("UPDATE user_tenant_memberships SET role = 'admin'").await;
        assert_eq!(store.texts(roles).await, ["admin"], "the highest role counts");
        store.sql("INSERT INTO user_tenant_memberships VALUES ('a@example.com', 'acme', 'viewer')").await;
        assert_eq!(store.texts(roles).await, ["member"]);
    }

    async fn a_tenant_that_is_not_active_lets_nobody_in(store) {
        store.sql("INSERT INTO user_tenant_memberships VALUES ('a@example.com', 'acme', 'admin')").await;
        let roles = "SELECT role FROM user_tenant_memberships";
        for (state, people) in [
            ("state = 'suspended', suspended_at = 1", 0),
            ("state = 'active', suspended_at = NULL", 1),
            ("state = 'deleted', deleted_at = 1", 0),
        ] {
            store.sql(&format!("UPDATE gatepost.tenants SET {state}")).await;
            assert_eq!(store.texts(roles).await.len(), people, "{state}");
        }
        let write = "INSERT INTO user_tenant_memberships VALUES ('b@example.com', 'acme', 'member')";
        let error = store.try_sql(write).await.unwrap_err().to_string();
        assert!(error.contains("deleted"), "{error}");
    }

    async fn rows_follow_the_user_to_another_address(store) {
        store.admitted(&person("a", "a@example.com", &[])).await;
        store.sql("INSERT INTO user_group_membership VALUES ('a@example.com', 'Known')").await;
        store.admitted(&person("a", "new@example.com", &[])).await;
        assert_eq!(store.memberships().await, ["new@example.com Known"]);
    }
}

#[tokio::test]
async fn insert_or_replace_replaces_no_person_on_sqlite() {
    let store = Opened::sqlite().await;
    let user = store.admitted(&person("a", "a@example.com", &["g-1"])).await;
    store.sql("INSERT OR REPLACE INTO user_admin_status VALUES ('a@example.com', true)").await;
    store.sql("INSERT OR REPLACE INTO user_group_membership VALUES ('a@example.com', 'entra:g-1')").await;
    assert_eq!(store.groups(user).await, ["entra:g-1"]);
    assert!(store.standing(user).await.access.is_admin);
}

/// Payloads until the marker that this test sends itself.
async fn payloads(listener: &mut PgListener, pool: &PgPool) -> Vec<String> {
    sqlx::query("SELECT pg_notify('gatepost', 'marker')").execute(pool).await.unwrap();
    let mut payloads = Vec::new();
    loop {
        let notification =
            tokio::time::timeout(Duration::from_secs(10), listener.recv()).await.unwrap().unwrap();
        match notification.payload() {
            "marker" => return payloads,
            payload => payloads.push(payload.to_owned()),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_name_the_person_concerned_and_a_flood_is_one_notification() {
    let store = Opened::postgres().await;
    let pool = PgPool::connect(&store.url).await.unwrap();
    let mut listener = PgListener::connect(&store.url).await.unwrap();
    listener.listen("gatepost").await.unwrap();

    let user = store.admitted(&person("a", "a@example.com", &["g-1"])).await;
    payloads(&mut listener, &pool).await;
    store.admitted(&person("a", "a@example.com", &["g-1"])).await;
    assert!(payloads(&mut listener, &pool).await.is_empty(), "a sign-in that changes nothing");
    store.admitted(&person("a", "a@example.com", &["g-1", "g-2"])).await;
    assert_eq!(payloads(&mut listener, &pool).await, [format!("users {user}")]);
    store.directory.disable_user(&email("a@example.com"), &actor()).await.unwrap();
    assert_eq!(payloads(&mut listener, &pool).await, [format!("users {user}")]);
    store.directory.grant_admin(&email("a@example.com"), &actor()).await.unwrap();
    assert_eq!(payloads(&mut listener, &pool).await, [format!("users {user}")]);
    let session = super::sid("session");
    store.directory.end_session(&session, user, super::now(), "test", &actor()).await.unwrap();
    assert_eq!(payloads(&mut listener, &pool).await, [format!("users {user}")]);
    store
        .directory
        .link_group(&"Known".parse().unwrap(), &"entra:g-1".parse().unwrap(), &actor())
        .await
        .unwrap();
    assert_eq!(payloads(&mut listener, &pool).await, ["*"]);

    store.sql("INSERT INTO user_group_membership SELECT 'u' || n || '@example.com', 'Known' FROM generate_series(1, 5000) n").await;
    assert_eq!(payloads(&mut listener, &pool).await, ["*"]);
    store.sql("DELETE FROM gatepost.manual_memberships").await;
    assert_eq!(payloads(&mut listener, &pool).await, ["*"], "more than 64 people");
    store.sql("INSERT INTO gatepost.manual_memberships SELECT u.id, g.id, 'scim' FROM gatepost.users u, gatepost.groups g WHERE g.name = 'Known' ORDER BY u.id LIMIT 64").await;
    let named = payloads(&mut listener, &pool).await;
    assert_eq!((named.len(), named[0].split(' ').count()), (1, 65));
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_read_and_writers_write_the_views_and_nothing_else() {
    let server = Postgres::private().await;
    let url = server.database().await;
    let store = Opened::at(url.clone(), None).await;
    store.sql("INSERT INTO user_group_membership VALUES ('a@example.com', 'Known')").await;
    store.sql("CREATE ROLE reader LOGIN IN ROLE gatepost_views_reader; CREATE ROLE writer LOGIN IN ROLE gatepost_views_writer").await;
    let login = async |role: &str| {
        PgPool::connect(&url.replace("gatepost_test@", &format!("{role}@"))).await.unwrap()
    };
    let run = async |pool: &PgPool, sql: &'static str| sqlx::query(sql).execute(pool).await.map(drop);
    let (reader, writer) = (login("reader").await, login("writer").await);
    run(&reader, "SELECT * FROM user_group_membership").await.unwrap();
    run(&reader, "INSERT INTO user_group_membership VALUES ('b@example.com', 'Known')").await.unwrap_err();
    run(&reader, "SELECT * FROM gatepost.users").await.unwrap_err();
    run(&writer, "INSERT INTO user_group_membership VALUES ('b@example.com', 'Known')").await.unwrap();
    run(&writer, "INSERT INTO user_admin_status VALUES ('b@example.com', true)").await.unwrap();
    run(&writer, "DELETE FROM user_group_membership WHERE user_email = 'b@example.com'").await.unwrap();
    run(&writer, "SELECT * FROM gatepost.users").await.unwrap_err();
    run(&writer, "INSERT INTO gatepost.audit_entries (at, actor, action, target) VALUES (0, '', '', '')")
        .await
        .unwrap_err();
    run(&writer, "SELECT gatepost.override_admin('x', true)").await.unwrap_err();
    let audited = store.audited("admin.grant").await;
    assert_eq!(
        (&audited[0].actor, audited[0].address.as_deref()),
        (&Who::View("writer".to_owned()), Some("127.0.0.1"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_create_no_roles_still_migrates() {
    let server = Postgres::private().await;
    let url = server.database().await;
    let name = url.rsplit('/').next().unwrap();
    server.sql(name, &format!("CREATE ROLE plain LOGIN; ALTER DATABASE {name} OWNER TO plain; ALTER SCHEMA public OWNER TO plain")).await;
    let store = Opened::at(url.replace("gatepost_test@", "plain@"), None).await;
    store.sql("INSERT INTO user_group_membership VALUES ('a@example.com', 'Known')").await;
    assert_eq!(store.memberships().await, ["a@example.com Known"]);
    until("the directory to answer", Duration::from_secs(5), async || store.directory.ping().await.ok())
        .await;
}
