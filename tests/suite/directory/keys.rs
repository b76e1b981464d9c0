//! API keys: who finds them, and when they count no more.

use super::administration::Administers;
use super::{Opened, SOON, actor, email, now, person};
use gatepost_core::access::Role;
use gatepost_core::api_key::{ApiKey, KeyId, KeyLimits};
use gatepost_core::ids::UserId;
use gatepost_core::secret::Hash;
use gatepost_kit::process::until;
use gatepost_store::directory::{Change, FoundKey};
use std::time::Duration;

/// A row of `keys` with these columns beside those that every key has.
async fn insert(store: &Opened, columns: &str, values: &str) -> (KeyId, Hash) {
    let (id, digest) = (KeyId::generate(), ApiKey::generate(None).digest());
    let hash = literal(store, &digest);
    store
        .sql(&format!(
            "INSERT INTO gatepost.keys (id, hash, hint, name, machine_name, created_by, scopes, hosts, endless_reason, \
             created_at{columns}) VALUES ('{id}', {hash}, 'abcd', 'Backup', 'backup-{id}', 'cli:test', \
             '[\"gate\"]', '[\"mcp.example.test\"]', 'a test', 1{values})"
        ))
        .await;
    (id, digest)
}

fn literal(store: &Opened, digest: &Hash) -> String {
    if store.is_postgres() { format!("'\\x{digest}'") } else { format!("x'{digest}'") }
}

/// The hot read, again while it misses its deadline, as [`Opened::find_standing`].
async fn find(store: &Opened, digest: &Hash) -> Option<FoundKey> {
    let found = until("the hot read to answer", SOON, async || store.directory.find_key(digest).await.ok());
    found.await.filter(|key| !key.limits.is_ended)
}

/// Whose a key was that has ended. Nothing of it counts.
async fn ended(store: &Opened, digest: &Hash) -> Option<KeyId> {
    let found = until("the hot read to answer", SOON, async || store.directory.find_key(digest).await.ok());
    let key = found.await?;
    let nothing = KeyLimits { is_ended: true, ..KeyLimits::default() };
    assert_eq!((key.limits, key.tenant), (nothing, None));
    assert!(key.access.groups.is_empty() && key.access.tenants.iter().next().is_none(), "{:?}", key.access);
    Some(key.id)
}

/// What is reported since the last call.
async fn reported(watch: &mut gatepost_store::directory::Watch) -> (Vec<KeyId>, Vec<UserId>) {
    let (mut keys, mut users) = (Vec::new(), Vec::new());
    for change in watch.renew().await.unwrap() {
        match change {
            Change::Keys(ids) => keys.extend(ids),
            Change::Users(ids) => users.extend(ids),
            Change::Everybody => panic!("too much was reported"),
        }
    }
    keys.dedup();
    users.dedup();
    (keys, users)
}

both_stores! {
    async fn a_key_is_found_by_its_secret_alone(store) {
        store.directory.add_member(&"Readers".parse().unwrap(), &email("other@example.com"), &actor()).await.unwrap();
        let (id, digest) = insert(&store, ", networks, tools, requests_per_minute",
            ", '[\"10.0.0.0/8\"]', '[\"get_*\"]', 60").await;
        store.sql(&format!("INSERT INTO gatepost.key_groups SELECT '{id}', id FROM gatepost.groups")).await;
        let key = find(&store, &digest).await.unwrap();
        assert_eq!((key.id, &*key.name, key.owner, key.tenant), (id, "Backup", None, None));
        assert_eq!(key.access.groups, ["Readers".parse().unwrap()]);
        assert!(!key.access.is_admin && key.access.tenants.iter().next().is_none());
        assert_eq!(key.limits.scopes, ["gate".parse().unwrap()]);
        assert_eq!(key.limits.hosts, ["mcp.example.test".parse().unwrap()]);
        assert_eq!(key.limits.networks, ["10.0.0.0/8".parse().unwrap()]);
        assert_eq!(key.limits.tools, ["get_*".parse().unwrap()]);
        assert_eq!((key.limits.requests_per_minute, key.limits.expires_at), (Some(60), None));
        let unknown = ApiKey::generate(None).digest();
        assert_eq!((find(&store, &unknown).await, ended(&store, &unknown).await), (None, None));
        store.sql("UPDATE gatepost.keys SET revoked_at = 2").await;
        assert_eq!((find(&store, &digest).await, ended(&store, &digest).await), (None, Some(id)));
    }

    async fn the_secret_before_a_rotation_counts_until_its_own_end(store) {
        let (_, digest) = insert(&store, "", "").await;
        let (next, soon) = (ApiKey::generate(None).digest(), now().plus(Duration::from_mins(10)));
        let (present, previous) = (literal(&store, &next), literal(&store, &digest));
        let rotate = async |until: i64, expires: &str| store.sql(&format!(
            "UPDATE gatepost.keys SET hash = {present}, previous_hash = {previous}, previous_until = {until}, \
             expires_at = {expires}")).await;
        rotate(soon.unix(), "NULL").await;
        assert_eq!(find(&store, &digest).await.unwrap().limits.expires_at, Some(soon));
        assert_eq!(find(&store, &next).await.unwrap().limits.expires_at, None);
        let sooner = soon.minus(Duration::from_mins(5));
        rotate(soon.unix(), &sooner.unix().to_string()).await;
        assert_eq!(find(&store, &digest).await.unwrap().limits.expires_at, Some(sooner));
        rotate(now().unix(), "NULL").await;
        assert_eq!(find(&store, &digest).await, None);
        assert!(find(&store, &next).await.is_some());
    }

    async fn a_key_counts_as_long_as_its_owner_does(store) {
        let user = store.admitted(&person("a", "a@example.com", &[])).await;
        let (id, digest) = insert(&store, ", owner_id", &format!(", '{user}'")).await;
        assert_eq!(find(&store, &digest).await.unwrap().owner, Some(user));
        store.directory.disable_user(&email("a@example.com"), &actor()).await.unwrap();
        assert_eq!((find(&store, &digest).await, ended(&store, &digest).await), (None, Some(id)));
        store.directory.enable_user(&email("a@example.com"), &actor()).await.unwrap();
        assert!(find(&store, &digest).await.is_some());
        store.sql(&format!("DELETE FROM gatepost.users WHERE id = '{user}'")).await;
        assert_eq!(find(&store, &digest).await, None);
        assert!(store.texts("SELECT id FROM gatepost.keys").await.is_empty());
    }

    async fn a_key_is_in_its_tenant_while_its_owner_may_enter(store) {
        store.sql("INSERT INTO gatepost.tenants (id, created_at) VALUES ('acme', 1), ('other', 1)").await;
        let user = store.admitted(&person("a", "a@example.com", &[])).await;
        let (_, own) = insert(&store, ", tenant_id, owner_id", &format!(", 'acme', '{user}'")).await;
        let (_, tenants) = insert(&store, ", tenant_id", ", 'acme'").await;
        let role = async |digest| find(&store, digest).await.unwrap().access.role_in(&"acme".parse().unwrap());
        assert_eq!(role(&tenants).await, Some(Role::Member));
        assert_eq!(role(&own).await, None);
        let end = now().plus(Duration::from_hours(1)).unix();
        store.sql(&format!("INSERT INTO gatepost.tenant_members (tenant_id, user_id, role, until, created_at) \
            VALUES ('other', '{user}', 'admin', NULL, 1)")).await;
        assert_eq!(role(&own).await, None);
        store.sql(&format!("INSERT INTO gatepost.tenant_members (tenant_id, user_id, role, until, created_at) \
            VALUES ('acme', '{user}', 'admin', {end}, 1)")).await;
        assert_eq!(role(&own).await, Some(Role::Member));
        let found = find(&store, &own).await.unwrap();
        assert!(found.counts_until < gatepost_core::clock::BootTime::MAX, "it counts until the membership ends");
        store.sql(&format!("DELETE FROM gatepost.tenant_members WHERE user_id = '{user}'")).await;
        store.sql("INSERT INTO gatepost.groups (name) VALUES ('Readers')").await;
        store.directory.add_member(&"Readers".parse().unwrap(), &email("a@example.com"), &actor()).await.unwrap();
        for (tenant, expected) in [("other", None), ("acme", Some(Role::Member))] {
            store.sql(&format!("INSERT INTO gatepost.group_tenants (group_id, tenant_id) \
                SELECT id, '{tenant}' FROM gatepost.groups WHERE name = 'Readers'")).await;
            assert_eq!(role(&own).await, expected, "by a group for {tenant}");
        }
        store.sql("DELETE FROM gatepost.group_tenants").await;
        assert_eq!(role(&own).await, None);
        store.directory.grant_admin(&email("a@example.com"), &actor()).await.unwrap();
        assert_eq!(role(&own).await, Some(Role::Member));
        assert!(!find(&store, &own).await.unwrap().access.is_admin);
        store.sql("DELETE FROM gatepost.tenants WHERE id = 'acme'").await;
        assert_eq!(find(&store, &tenants).await, None);
    }

    async fn changes_of_keys_are_reported_with_their_owners(store) {
        let user = store.admitted(&person("a", "a@example.com", &[])).await;
        let (owned, _) = insert(&store, ", owner_id", &format!(", '{user}'")).await;
        let (free, _) = insert(&store, "", "").await;
        store.sql("INSERT INTO gatepost.groups (name) VALUES ('Readers')").await;
        let mut watch = store.directory.watch().await.unwrap();
        for change in [
            "UPDATE gatepost.keys SET revoked_at = 2 WHERE id = 'ID'",
            "INSERT INTO gatepost.key_groups SELECT 'ID', id FROM gatepost.groups",
            "DELETE FROM gatepost.key_groups WHERE key_id = 'ID'",
            "DELETE FROM gatepost.keys WHERE id = 'ID'",
        ] {
            for (id, owner) in [(owned, Some(user)), (free, None)] {
                let touch = format!("UPDATE gatepost.keys SET last_used_at = coalesce(last_used_at, 0) + 60 WHERE id = '{id}'");
                store.sql(&touch).await;
                assert_eq!(reported(&mut watch).await, (vec![], vec![]), "use changes nothing");
                store.sql(&change.replace("ID", &id.to_string())).await;
                assert_eq!(reported(&mut watch).await, (vec![id], Vec::from_iter(owner)), "{change}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_keys_are_found_by_an_index_on_postgres() {
    let store = Opened::postgres().await;
    store
        .sql(
            "INSERT INTO gatepost.keys (id, hash, hint, name, machine_name, created_by, scopes, endless_reason, created_at) \
             SELECT gen_random_uuid()::text, sha256(n::text::bytea), 'abcd', 'k', 'k' || n, 'cli:test', '[]', 'a test', 1 \
             FROM generate_series(1, 100000) AS n",
        )
        .await;
    let hash = gatepost_core::secret::Hash::of(&[]);
    find(&store, &hash).await;
    let scans = |column: &str| {
        format!("SELECT coalesce(sum({column}), 0)::text FROM pg_stat_user_tables WHERE relname = 'keys'")
    };
    until("the statistics of the read", SOON, async || {
        find(&store, &hash).await;
        (store.texts(&scans("idx_scan")).await != ["0"]).then_some(())
    })
    .await;
    assert_eq!(
        store.texts(&scans("seq_tup_read")).await,
        ["0"],
        "no row was read that an index did not find"
    );
}
