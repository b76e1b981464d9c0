//! The session store where a flow cannot show it: the lock for refreshing a session, what an index keeps.

use gatepost_config::{Config, StoresConfig};
use gatepost_core::clock::Timestamp;
use gatepost_core::decision::Lifetimes;
use gatepost_core::secret::fill_random;
use gatepost_kit::process::{Redis, until};
use gatepost_store::directory::Directory;
use gatepost_store::session::Sessions;
use gatepost_store::session::quotas::{Draw, Tally};
use gatepost_store::session::sealed::KeyRing;
use gatepost_store::session::store::{Indexed, RedisStore, SqliteStore, Store};
use gatepost_store::session::tokens::SessionId;
use std::slice;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

const TIMEOUT: Duration = Duration::from_secs(20);

fn sessions(store: &Store) -> Sessions {
    let text = r#"
        public_url = "https://auth.example.com"
        hosts = ["app.example.com"]
        secret_keys = ["MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI="]
        [providers.entra]
        kind = "entra"
        tenant_id = "11111111-1111-4111-8111-111111111111"
        client_id = "22222222-2222-4222-8222-222222222222"
        client_secret = "not looked at"
    "#;
    let config = Config::parse(text, std::iter::empty()).unwrap();
    let hour = Duration::from_hours(1);
    let lifetimes = Lifetimes { idle: hour, absolute: hour * 12, refresh_interval: hour / 4 };
    Sessions::new(store.clone(), Arc::new(KeyRing::new(&config.secret_keys)), lifetimes)
}

/// Two replicas: one is so slow with a refresh that its lock expires, and it releases the lock when the other has it.
async fn a_late_replica_releases_no_lock_of_another(store: Store) {
    let sessions = sessions(&store);
    let id = SessionId::generate();
    let late = sessions.lock_refresh(&id).await.unwrap().expect("nobody else wants it");
    assert!(sessions.lock_refresh(&id).await.unwrap().is_none(), "one at a time");
    // As when it expires.
    store.delete(&[b"refresh:", &id.hash().as_bytes()[..]].concat()).await.unwrap();
    let other = sessions.lock_refresh(&id).await.unwrap().expect("the lock is free again");
    sessions.unlock_refresh(&late).await.unwrap();
    assert!(sessions.lock_refresh(&id).await.unwrap().is_none(), "the other still has the lock");
    sessions.unlock_refresh(&other).await.unwrap();
    assert!(sessions.lock_refresh(&id).await.unwrap().is_some(), "now it is");
}

/// A sign-in writes its record while somebody who listed before takes its index entry for a stale one.
async fn a_record_that_is_written_meanwhile_stays_in_the_index(store: Store) {
    let (set, hour) = (b"user:one".as_slice(), Duration::from_hours(1));
    let [kept, stale] = [b"kept", b"gone"]
        .map(|name| Indexed { member: name.to_vec(), key: [b"record:", &name[..]].concat() });
    assert_eq!(store.index(set, &kept.member, hour).await.unwrap(), 1);
    assert_eq!(store.index(set, &stale.member, hour).await.unwrap(), 2, "as many as there are now");
    assert_eq!(store.index(set, &stale.member, hour).await.unwrap(), 2);
    assert!(store.create(&kept.key, b"record", hour).await.unwrap().is_none());
    store.unindex_stale(set, &[stale, kept.clone()]).await.unwrap();
    assert_eq!(store.list(set).await.unwrap(), slice::from_ref(&kept.member));
    store.delete(&kept.key).await.unwrap();
    store.unindex_stale(set, slice::from_ref(&kept)).await.unwrap();
    assert!(store.list(set).await.unwrap().is_empty());
}

#[tokio::test]
async fn in_redis_races_of_replicas_lose_nothing() {
    let redis = Redis::start().await;
    let store = Store::Redis(RedisStore::open(&redis.url().into(), None).unwrap());
    a_record_that_is_written_meanwhile_stays_in_the_index(store.clone()).await;
    a_late_replica_releases_no_lock_of_another(store).await;
}

#[tokio::test]
async fn in_the_embedded_file_races_lose_nothing() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("gatepost.db");
    Directory::open(&StoresConfig::Embedded { file: file.clone() }, None).unwrap().migrate().await.unwrap();
    let store = Store::Sqlite(SqliteStore::open(&file));
    a_record_that_is_written_meanwhile_stays_in_the_index(store.clone()).await;
    a_late_replica_releases_no_lock_of_another(store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_replicas_lent_is_counted_whatever_a_redis_that_lost_its_data_is_told_first() {
    let redis = Redis::start().await;
    let sessions = sessions(&Store::Redis(RedisStore::open(&redis.url().into(), None).unwrap()));
    let (tenant, day) = ("acme".parse().unwrap(), Timestamp::now().day());
    let tell = async |drawn: u64, owed: u64, returned: u64| {
        let (mut id, known) = ([0; 16], Tally { drawn, returned: 0 });
        fill_random(&mut id);
        let ttl = Duration::from_hours(1);
        let draw = Draw { id, wanted: 0, limit: 10_000, known, owed, returned, ttl };
        until("Redis to answer", TIMEOUT, async || sessions.draw(&tenant, day, &draw).await.ok()).await
    };
    // The one that knows less tells first.
    let (less, more) = (tell(500, 300, 2).await, tell(990, 5, 1).await);
    assert!(less.settling.is_some() && more.settling.is_some(), "{less:?} {more:?}");
    let known = until("all to have been told", TIMEOUT, async || {
        let drawn = tell(0, 0, 0).await;
        drawn.settling.is_none().then_some(drawn.tally)
    })
    .await;
    assert_eq!(known, Tally { drawn: 990, returned: 0 }, "the greatest, and what is owed is told again");
    tell(500, 300, 2).await;
    assert_eq!(tell(990, 5, 1).await.tally, Tally { drawn: 1_295, returned: 3 });
}
