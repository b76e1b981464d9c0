//! Who may call what in Postgres besides the owner of the directory: nobody, unless they may write its tables.

use super::{Opened, context, person};
use gatepost_config::GroupNames::Link;
use gatepost_config::StoresConfig;
use gatepost_kit::process::Postgres;
use gatepost_store::directory::Directory;
use sqlx::PgPool;

#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_the_owner_calls_the_functions() {
    let server = Postgres::private().await;
    let url = server.database().await;
    let store = Opened::at(url.clone(), None).await;
    let open = "SELECT p.proname::text FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a \
        WHERE p.pronamespace = 'gatepost'::regnamespace AND a.grantee <> p.proowner";
    assert_eq!(store.texts(open).await, Vec::<String>::new());
    store.sql("CREATE ROLE writer LOGIN IN ROLE gatepost_views_writer; GRANT USAGE ON SCHEMA gatepost TO writer").await;
    let writer = PgPool::connect(&url.replace("gatepost_test@", "writer@")).await.unwrap();
    for call in [
        "SELECT gatepost.write_audit('a', 'b', NULL, NULL)",
        "SELECT gatepost.notify_users(ARRAY['x'])",
        "SELECT gatepost.notify_all_in_this_transaction()",
        "SELECT gatepost.user_with_email('a@example.com')",
        "SELECT gatepost.delete_tenant_member('a@example.com', 'acme', NULL)",
    ] {
        let refused = sqlx::query(call).execute(&writer).await.unwrap_err().to_string();
        assert!(refused.contains("permission denied for function"), "{call}: {refused}");
    }
    for write in [
        "INSERT INTO user_group_membership VALUES ('a@example.com', 'Known')",
        "INSERT INTO group_tenant_mapping VALUES ('Known', 'github')",
        "INSERT INTO user_admin_status VALUES ('a@example.com', true)",
        "INSERT INTO user_tenant_memberships VALUES ('a@example.com', 'acme', 'viewer')",
        "UPDATE user_tenant_memberships SET role = 'admin' WHERE tenant_id = 'acme'",
        "DELETE FROM user_tenant_memberships WHERE tenant_id = 'acme'",
        "UPDATE user_group_membership SET group_name = 'Other'",
        "DELETE FROM group_tenant_mapping",
    ] {
        sqlx::query(write).execute(&writer).await.unwrap_or_else(|error| panic!("{write}: {error}"));
    }
    assert_eq!(store.memberships().await, ["a@example.com Other"]);
}

/// Gatepost may run as a role that owns nothing and was granted the tables: an upgrade must not shut it out.
#[tokio::test(flavor = "multi_thread")]
async fn who_may_write_the_tables_may_call_what_that_takes() {
    const MIGRATION: &str =
        include_str!("../../../crates/store/migrations/postgres/20261128020100_revoke_execute.sql");
    let server = Postgres::private().await;
    let url = server.database().await;
    let store = Opened::at(url.clone(), None).await;
    store
        .sql(
            "CREATE ROLE guest LOGIN; GRANT USAGE ON SCHEMA gatepost TO guest; \
              GRANT ALL ON ALL TABLES IN SCHEMA gatepost TO guest",
        )
        .await;
    let StoresConfig::Shared { redis_url, .. } = &store.stores else { panic!("shared stores") };
    let stores = StoresConfig::Shared {
        redis_url: redis_url.clone(),
        database_url: url.replace("gatepost_test@", "guest@").into(),
    };
    let guest = Directory::open(&stores, None).unwrap();
    let alice = person("a", "a@example.com", &["g-1"]);
    let now = super::now();
    let forbidden = guest.inspect().await.unwrap().unwrap().forbidden;
    assert!(forbidden.contains(&"is_email_address()".to_owned()), "{forbidden:?}");
    guest.sign_in(&alice, &super::follow(Link), &context(now), &super::actor()).await.unwrap_err();
    store.sql(&format!("BEGIN; {MIGRATION}; COMMIT")).await;
    assert_eq!(guest.inspect().await.unwrap().unwrap().forbidden, Vec::<String>::new());
    super::admitted(
        &guest.sign_in(&alice, &super::follow(Link), &context(now), &super::actor()).await.unwrap(),
    );
}

/// The same for the table that an upgrade makes.
#[tokio::test(flavor = "multi_thread")]
async fn who_may_write_people_may_note_their_former_addresses() {
    const MIGRATION: &str =
        include_str!("../../../crates/store/migrations/postgres/20261128083000_note_addresses.sql");
    let server = Postgres::private().await;
    let url = server.database().await;
    let store = Opened::at(url.clone(), None).await;
    let undo = "DROP TABLE gatepost.former_addresses; ALTER TABLE gatepost.identities DROP COLUMN email";
    store.sql(undo).await;
    store
        .sql(
            "CREATE ROLE guest LOGIN; CREATE ROLE reader LOGIN; GRANT USAGE ON SCHEMA gatepost TO guest, reader; \
              GRANT ALL ON ALL TABLES IN SCHEMA gatepost TO guest; GRANT SELECT ON gatepost.users TO reader; \
              GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA gatepost TO guest",
        )
        .await;
    store.sql(&format!("BEGIN; {MIGRATION}; COMMIT")).await;
    let StoresConfig::Shared { redis_url, .. } = &store.stores else { panic!("shared stores") };
    let database_url = url.replace("gatepost_test@", "guest@").into();
    let stores = StoresConfig::Shared { redis_url: redis_url.clone(), database_url };
    let guest = Directory::open(&stores, None).unwrap();
    for address in ["a@example.com", "b@example.com"] {
        let identity = person("a", address, &[]);
        super::admitted(
            &guest
                .sign_in(&identity, &super::follow(Link), &context(super::now()), &super::actor())
                .await
                .unwrap(),
        );
    }
    assert_eq!(store.texts("SELECT email FROM gatepost.former_addresses").await, ["a@example.com"]);
    let reader = PgPool::connect(&url.replace("gatepost_test@", "reader@")).await.unwrap();
    let refused = sqlx::query("SELECT 1 FROM gatepost.former_addresses")
        .execute(&reader)
        .await
        .unwrap_err()
        .to_string();
    assert!(refused.contains("permission denied"), "{refused}");
}
