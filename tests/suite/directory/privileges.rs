//! Who may call what in Postgres besides the owner of the directory: nobody, unless they may write its tables.

use super::{Opened, context, person};
use gatepost::config::GroupNames::Link;
use gatepost::config::StoresConfig;
use gatepost::directory::Directory;
use gatepost_kit::process::Postgres;
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
    ] {
        let refused = sqlx::query(call).execute(&writer).await.unwrap_err().to_string();
        assert!(refused.contains("permission denied for function"), "{call}: {refused}");
    }
    for write in [
        "INSERT INTO user_group_membership VALUES ('a@example.com', 'Known')",
        "INSERT INTO group_tenant_mapping VALUES ('Known', 'github')",
        "INSERT INTO user_admin_status VALUES ('a@example.com', true)",
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
    const MIGRATION: &str = include_str!("../../../migrations/postgres/20261128020100_revoke_execute.sql");
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
    guest.sign_in(&alice, Link, &context(now), &super::actor()).await.unwrap_err();
    store.sql(&format!("BEGIN; {MIGRATION}; COMMIT")).await;
    assert_eq!(guest.inspect().await.unwrap().unwrap().forbidden, Vec::<String>::new());
    super::admitted(&guest.sign_in(&alice, Link, &context(now), &super::actor()).await.unwrap());
}
