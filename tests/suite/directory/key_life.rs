//! The life of API keys after they were made: their last use, their end with their owner or tenant, and how long they and
//! their secrets stay known.

use super::administration::Administers;
use super::audit_chain::{age, verify};
use super::key_changes::{key, made, of_person, of_tenant};
use super::{Opened, SOON, actor, email, person};
use gatepost_core::administration::Scope;
use gatepost_core::api_key::{ApiKey, KeyExpiry, KeyId};
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::TenantId;
use gatepost_kit::process::until;
use gatepost_store::directory::changes::{
    CreateKey, CreateTenant, DeleteTenant, EraseUser, KeyUpdate, RevokeKey, RotateKey, ShownKey, UpdateKey,
};
use gatepost_store::directory::{AuditRecord, Change, KeyHolder, KeyRecord, KeyUsed, Watch};
use serde_json::{Value, json};
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);
const MINUTE: Duration = Duration::from_mins(1);

async fn read(store: &Opened, id: KeyId) -> Option<KeyRecord> {
    store.directory.find_key_record(&Scope::System, id).await.unwrap()
}

/// Whether the gate lets this secret pass.
async fn passes(store: &Opened, secret: &ApiKey<'_>) -> bool {
    let digest = secret.digest();
    let find = async || store.directory.find_key(&digest).await.ok();
    until("the hot read to answer", SOON, find).await.is_some_and(|key| !key.limits.is_ended)
}

/// What is known about a secret that was found somewhere.
async fn known(store: &Opened, secret: &ApiKey<'_>) -> Option<KeyRecord> {
    store.directory.look_up_key(&Scope::System, &secret.digest()).await.unwrap()
}

/// The keys that are reported to the replicas since the last call. `None`: every key.
async fn reported(watch: &mut Watch) -> Option<Vec<KeyId>> {
    let (mut keys, mut is_all) = (Vec::new(), false);
    for change in watch.renew().await.unwrap() {
        match change {
            Change::Keys(ids) => keys.extend(ids),
            Change::Everybody => is_all = true,
            Change::Users(_) => {}
        }
    }
    keys.sort_unstable();
    keys.dedup();
    (!is_all).then_some(keys)
}

/// A key of this holder that people call so.
pub(super) async fn named(store: &Opened, name: &str, holder: KeyHolder) -> ShownKey {
    made(store, CreateKey { name: name.parse().unwrap(), ..key(holder) }, &actor()).await
}

async fn tenant(store: &Opened, id: &str) -> TenantId {
    let tenant: TenantId = id.parse().unwrap();
    store.directory.make(CreateTenant { id: tenant.clone(), name: None }, &actor()).await.unwrap();
    tenant
}

/// The ends of keys that the audit has, with their reasons.
async fn ends(store: &Opened) -> Vec<(String, Value, AuditRecord)> {
    let reason = |row: &AuditRecord| {
        let after: Value = serde_json::from_str(row.after.as_deref().unwrap_or("{}")).unwrap();
        after["reason"].clone()
    };
    let rows = store.audited("key.revoke").await;
    let mut ends: Vec<_> = rows.into_iter().map(|row| (row.target.clone(), reason(&row), row)).collect();
    ends.sort_by(|one, other| one.0.cmp(&other.0));
    ends
}

pub(super) fn target(key: &ShownKey) -> String {
    format!("key:{}", key.record.id)
}

both_stores! {
    async fn of_several_uses_the_latest_is_kept_to_the_minute(store) {
        let used = made(&store, key(KeyHolder::default()), &actor()).await.record;
        let other = made(&store, key(KeyHolder::default()), &actor()).await.record;
        let at = Timestamp::from_unix(1_800_000_000);
        let mut watch = store.directory.watch().await.unwrap();
        let write = async |at: Timestamp, from: &str| {
            let batch = [KeyId::generate(), used.id].map(|id| KeyUsed { id, at, from: from.parse().ok() });
            store.directory.write_key_uses(&batch).await.unwrap();
            let key = read(&store, used.id).await.unwrap();
            (key.last_used_at.unwrap(), key.last_used_from, key.version)
        };
        let told = |minutes: u32, from: &str| (at.plus(MINUTE * minutes), (!from.is_empty()).then(|| from.to_owned()), used.version);
        assert_eq!(write(at.plus(MINUTE * 59 / 60), "192.0.2.1").await, told(0, "192.0.2.1"));
        assert_eq!(write(at, "192.0.2.2").await, told(0, "192.0.2.1"), "another replica, in the same minute");
        assert_eq!(write(at.plus(MINUTE * 5), "2001:db8::1").await, told(5, "2001:db8::1"));
        assert_eq!(write(at.plus(MINUTE * 3), "192.0.2.3").await, told(5, "2001:db8::1"), "a replica that was late");
        assert_eq!(write(at.plus(MINUTE * 6), "").await, told(6, ""), "no address");
        assert_eq!(read(&store, other.id).await.unwrap().last_used_at, None);
        assert_eq!(reported(&mut watch).await, Some(vec![]), "use changes nothing that a replica has cached");
    }

    async fn keys_that_go_with_their_owner_or_tenant_are_in_the_audit_and_told_to_every_replica(store) {
        let acme = tenant(&store, "acme").await;
        let erased = store.admitted(&person("e", "e@example.com", &[])).await;
        let forgotten = store.admitted(&person("f", "f@example.com", &[])).await;
        let own = named(&store, "own", of_person(erased, None)).await;
        let revoked = named(&store, "over", of_person(erased, None)).await;
        let holder = revoked.record.holder();
        store.directory.make(RevokeKey { id: revoked.record.id, holder }, &actor()).await.unwrap();
        let late = named(&store, "late", of_person(forgotten, None)).await;
        let tenants = named(&store, "tenants", of_tenant("acme")).await;
        let free = named(&store, "free", KeyHolder::default()).await;
        let mut watch = store.directory.watch().await.unwrap();

        store.directory.make(EraseUser { user: erased, confirm: "e@example.com".to_owned() }, &actor()).await.unwrap();
        let mut gone = vec![own.record.id, revoked.record.id];
        gone.sort_unstable();
        assert_eq!(reported(&mut watch).await, Some(gone));
        store.sql(&format!("UPDATE gatepost.users SET last_sign_in_at = 5 WHERE id = '{forgotten}'")).await;
        reported(&mut watch).await;
        assert_eq!(store.leading().await.forget_people(Timestamp::from_unix(6), 10).await.unwrap(), 1);
        assert_eq!(reported(&mut watch).await, Some(vec![late.record.id]));
        store.directory.make(DeleteTenant { id: acme }, &actor()).await.unwrap();
        reported(&mut watch).await;
        assert!(!passes(&store, &tenants.secret).await, "dead with the tenant, though it may come back");
        let later = Timestamp::now().plus(31 * DAY);
        assert_eq!(store.leading().await.erase_deleted_tenants(later, 10).await.unwrap(), 1);
        let told = reported(&mut watch).await;
        assert!(told.as_ref().is_none_or(|keys| *keys == [tenants.record.id]), "{told:?}");

        for key in [&own, &revoked, &late, &tenants] {
            assert!(!passes(&store, &key.secret).await && read(&store, key.record.id).await.is_none());
        }
        assert!(passes(&store, &free.secret).await);
        let ends = ends(&store).await;
        let said: Vec<_> = ends.iter().map(|(target, reason, _)| (target.clone(), reason.clone())).collect();
        let mut want = vec![
            (target(&own), json!("owner_erased")),
            (target(&revoked), json!(null)),
            (target(&late), json!("owner_forgotten")),
            (target(&tenants), json!("tenant_deleted")),
        ];
        want.sort_by(|one, other| one.0.cmp(&other.0));
        assert_eq!(said, want, "each once, and one that was revoked before by whom revoked it");
        let of = |key: &ShownKey| ends.iter().find(|(about, ..)| *about == target(key)).unwrap().2.clone();
        assert_eq!(of(&own).actor, actor().who);
        assert_eq!(of(&late).actor.to_string(), "retention");
        assert_eq!(of(&tenants).tenant_id, Some("acme".parse().unwrap()), "its administrators read it");
    }

    async fn the_names_of_a_persons_keys_leave_the_audit_with_them(store) {
        let acme = tenant(&store, "acme").await;
        let user = store.admitted(&person("e", "e@example.com", &[])).await;
        let stranger = store.admitted(&person("x", "x@example.com", &[])).await;
        store.directory.add_member(&"Readers".parse().unwrap(), &email("e@example.com"), &actor()).await.unwrap();
        let own = named(&store, "secret-one", of_person(user, None)).await;
        let revoked = named(&store, "secret-two", of_person(user, None)).await;
        let of_tenant = named(&store, "secret-three", of_person(user, None)).await;
        // As if the person might enter the tenant, which goes before they do.
        store.sql(&format!("UPDATE gatepost.keys SET tenant_id = 'acme' WHERE id = '{}'", of_tenant.record.id)).await;
        let holder = own.record.holder();
        let new = KeyUpdate { name: Some("secret-four".parse().unwrap()), ..KeyUpdate::default() };
        store.directory.make(UpdateKey { id: own.record.id, holder: holder.clone(), new }, &actor()).await.unwrap();
        store.directory.make(RotateKey { id: own.record.id, holder: holder.clone(), overlap: DAY }, &actor()).await.unwrap();
        store.directory.make(RevokeKey { id: revoked.record.id, holder }, &actor()).await.unwrap();
        store.directory.make(DeleteTenant { id: acme }, &actor()).await.unwrap();
        store.leading().await.erase_deleted_tenants(Timestamp::now().plus(31 * DAY), 10).await.unwrap();
        let spoken = format!("\"owner\":\"{user}\"");
        named(&store, &spoken, of_person(stranger, None)).await;
        let texts = async || {
            let sql = "SELECT target || coalesce(before, '') || coalesce(after, '') FROM gatepost.audit_entries";
            store.texts(sql).await.join("\n")
        };
        for name in ["one", "two", "three", "four"] {
            assert!(texts().await.contains(&format!("\"secret-{name}\"")), "{name}: {}", texts().await);
        }
        age(&store, 3).await;
        store.leading().await.make_audit_heads(100).await.unwrap();
        store.directory.make(EraseUser { user, confirm: "e@example.com".to_owned() }, &actor()).await.unwrap();
        let left = texts().await;
        assert!(!left.contains("secret-") && !left.contains(&own.record.hint), "{left}");
        assert!(left.contains(&spoken.replace('"', "\\\"")), "a name does not make a key somebody else's: {left}");
        assert_eq!(verify(&store).await.fault, None, "the heads fit");
        age(&store, 2).await;
        store.leading().await.make_audit_heads(100).await.unwrap();
        assert_eq!(verify(&store).await.fault, None);
        let erasures = store.audited("audit.erase").await;
        assert_eq!(erasures.len(), 4, "one for the person and one for each key: {erasures:?}");
    }

    async fn the_audit_says_which_keys_stop_with_a_person_who_is_disabled(store) {
        let user = store.admitted(&person("a", "a@example.com", &[])).await;
        let new = named(&store, "own", of_person(user, None)).await;
        store.directory.disable_user(&email("a@example.com"), &actor()).await.unwrap();
        assert!(!passes(&store, &new.secret).await);
        let said = store.audited("user.disable").await[0].after.clone().unwrap();
        assert_eq!(serde_json::from_str::<Value>(&said).unwrap()["stopped_keys"], json!([new.record.id]));
        store.directory.enable_user(&email("a@example.com"), &actor()).await.unwrap();
        assert!(passes(&store, &new.secret).await, "it was not revoked");
    }

    async fn an_old_secret_stays_known_and_passes_no_more(store) {
        let first = made(&store, key(KeyHolder::default()), &actor()).await;
        let (id, holder) = (first.record.id, KeyHolder::default());
        let rotate = async |overlap| {
            store.directory.make(RotateKey { id, holder: holder.clone(), overlap }, &actor()).await.unwrap().outcome
        };
        let second = rotate(DAY).await;
        assert!(passes(&store, &first.secret).await && passes(&store, &second.secret).await);
        assert!(!second.record.is_present_secret(&first.secret) && second.record.is_present_secret(&second.secret));
        let third = rotate(Duration::ZERO).await;
        assert!(!passes(&store, &second.secret).await && passes(&store, &third.secret).await);
        assert!(!passes(&store, &first.secret).await);
        let told = known(&store, &second.secret).await.unwrap();
        assert!(told.id == id && !told.is_present_secret(&second.secret), "replaced");
        let fourth = rotate(DAY).await;
        store.directory.make(RevokeKey { id, holder: holder.clone() }, &actor()).await.unwrap();
        for secret in [&third.secret, &fourth.secret] {
            assert!(!passes(&store, secret).await);
            let told = known(&store, secret).await.unwrap();
            assert!(told.id == id && told.revoked_at.is_some());
        }
    }

    async fn keys_are_kept_as_long_as_the_audit_after_their_end(store) {
        let keep = DAY * 400;
        let now = store.directory.clock().await.unwrap();
        let mut kept = Vec::new();
        for (name, revoked, expires) in [
            ("live", None, Some(now.plus(DAY))),
            ("endless", None, None),
            ("just revoked", Some(now.minus(keep).plus(MINUTE)), Some(now.plus(DAY))),
            ("just expired", None, Some(now.minus(keep).plus(MINUTE))),
            ("revoked", Some(now.minus(keep).minus(MINUTE)), Some(now.plus(DAY))),
            ("expired", None, Some(now.minus(keep).minus(MINUTE))),
        ] {
            let new = named(&store, name, KeyHolder::default()).await;
            let text = |at: Option<Timestamp>| at.map_or("NULL".to_owned(), |at| at.unix().to_string());
            store.sql(&format!(
                "UPDATE gatepost.keys SET revoked_at = {}, expires_at = {}, endless_reason = 'a test' WHERE id = '{}'",
                text(revoked), text(expires), new.record.id
            )).await;
            kept.push((name, new));
        }
        assert_eq!(store.leading().await.delete_old_keys(keep, now, 1).await.unwrap(), 1, "in batches");
        assert_eq!(store.leading().await.delete_old_keys(keep, now, 10).await.unwrap(), 1);
        assert_eq!(store.leading().await.delete_old_keys(keep, now, 10).await.unwrap(), 0);
        for (name, new) in kept {
            let is_known = known(&store, &new.secret).await.is_some();
            assert_eq!(is_known, !["revoked", "expired"].contains(&name), "{name}");
        }
    }

    async fn keys_that_end_soon_are_listed_the_soonest_first(store) {
        let acme = tenant(&store, "acme").await;
        let user = store.admitted(&person("a", "a@example.com", &[])).await;
        let now = store.directory.clock().await.unwrap();
        let mut ids = Vec::new();
        for (days, holder) in [
            (13, KeyHolder::default()),
            (2, of_tenant("acme")),
            (15, KeyHolder::default()),
            (2, KeyHolder::default()),
            (5, of_person(user, None)),
            (6, KeyHolder::default()),
        ] {
            let expiry = KeyExpiry::At(now.plus(DAY * days));
            ids.push(made(&store, CreateKey { expiry, ..key(holder) }, &actor()).await.record.id);
        }
        store.directory.make(RevokeKey { id: ids[5], holder: KeyHolder::default() }, &actor()).await.unwrap();
        let span = |days: u32| (now, now.plus(DAY * days));
        let listed = async |scope: Scope, days: u32| {
            let (mut all, mut place) = (Vec::new(), None);
            loop {
                let page = store.directory.list_ending_keys(&scope, span(days), place.as_ref(), 1).await.unwrap();
                all.extend(page.items.iter().map(|key| key.id));
                place = page.next;
                if place.is_none() {
                    return all;
                }
            }
        };
        assert_eq!(listed(Scope::System, 14).await, [ids[1], ids[3], ids[4], ids[0]]);
        assert_eq!(listed(Scope::System, 3).await, [ids[1], ids[3]]);
        assert_eq!(listed(Scope::Tenants([acme].into()), 14).await, [ids[1]]);
        assert_eq!(listed(Scope::Tenants([].into()), 14).await, []);
        let nowhere = "x".parse().unwrap();
        assert!(store.directory.list_ending_keys(&Scope::System, span(14), Some(&nowhere), 1).await.unwrap().items.is_empty());

        // The metric leaves out those that were made to live that short.
        let metric = async |limit| {
            let keys = store.directory.find_ending_keys(span(14), DAY * 14, limit).await.unwrap();
            keys.into_iter().map(|key| (key.id, key.tenant_id, key.expires_at)).collect::<Vec<_>>()
        };
        assert_eq!(metric(10).await, []);
        store.sql(&format!("UPDATE gatepost.keys SET created_at = created_at - {}", 13 * 86_400)).await;
        let end = |days: u32| now.plus(DAY * days);
        let two = [(ids[1], Some("acme".parse().unwrap()), end(2)), (ids[3], None, end(2))];
        assert_eq!(metric(2).await, two);
        assert_eq!(metric(10).await.len(), 4);
        store.directory.disable_user(&email("a@example.com"), &actor()).await.unwrap();
        assert_eq!(listed(Scope::System, 14).await, [ids[1], ids[3], ids[0]], "it counts no more");
        assert_eq!(metric(10).await.len(), 3);
    }

    async fn many_keys_change_nothing_about_how_one_is_found(store) {
        let plan = async |sql: &str| {
            let explain = if store.is_postgres() { "EXPLAIN (COSTS OFF)" } else { "EXPLAIN QUERY PLAN" };
            store.plan(&format!("{explain} {sql}")).await
        };
        let (series, hash, id) = if store.is_postgres() {
            ("SELECT n FROM generate_series(1, 100000) AS n(n)", "sha256(n::text::bytea)", "gen_random_uuid()::text")
        } else {
            let numbers = "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 100000) SELECT n FROM s";
            (numbers, "CAST('hash-' || n AS BLOB)", "'id-' || n")
        };
        store.sql(&format!(
            "INSERT INTO gatepost.keys (id, hash, hint, name, machine_name, created_by, scopes, endless_reason, created_at) \
             SELECT {id}, {hash}, 'abcd', 'k', 'k' || n, 'cli:test', '[]', 'a test', 1 FROM ({series}) AS numbers"
        )).await;
        store.sql("ANALYZE").await;
        for (column, index) in [("hash", "keys_hash_key"), ("previous_hash", "keys_previous_hash_key")] {
            let digest = gatepost_core::secret::Hash::of(&[]);
            let digest = if store.is_postgres() { format!("'\\x{digest}'::bytea") } else { format!("x'{digest}'") };
            let plan = plan(&format!("SELECT name FROM gatepost.keys WHERE {column} = {digest}")).await;
            // SQLite names the indexes of UNIQUE by number.
            let index = if store.is_postgres() { format!("using {index}") } else { "SEARCH keys USING INDEX sqlite_autoindex_keys_".to_owned() };
            assert!(plan.contains(&index) && !plan.to_lowercase().contains("scan keys") && !plan.contains("Seq Scan"), "{plan}");
        }
        let new = made(&store, key(KeyHolder::default()), &actor()).await;
        assert!(passes(&store, &new.secret).await);
    }
}
