//! Kept refusals: found by number, gone after a week, never more than so many.

use super::now;
use gatepost_core::api_key::KeyId;
use gatepost_core::clock::Timestamp;
use gatepost_core::decision::{KeyLack, Missing};
use gatepost_core::ids::{RequestId, UserId};
use gatepost_core::refusal::Refusal;
use gatepost_core::request_mode::{Initiator, RequestMode};
use gatepost_store::directory::{MAX_REFUSALS, REFUSALS_TTL};

pub(super) fn refusal(at: Timestamp) -> Refusal {
    Refusal {
        request_id: RequestId::generate(),
        at,
        user: UserId::generate(),
        email: Some("a@example.com".parse().unwrap()),
        host: "app.example.com".to_owned(),
        method: "POST".to_owned(),
        path: "/x%20y".to_owned(),
        kind: RequestMode::Websocket,
        initiator: Initiator::Page("https://evil.example".parse().unwrap()),
        requirement: "group=A&tenant=t&admin=true".to_owned(),
        status: 403,
        reason: "group_missing".to_owned(),
        missing: Some(Missing {
            groups: vec!["A".parse().unwrap()],
            tenants: vec!["t".parse().unwrap()],
            admin: true,
            tool: Some("tool delete_repo".to_owned()),
            key: Some(KeyLack::Tools),
            suspended: Some("t".parse().unwrap()),
            confined_to: Some("t".parse().unwrap()),
        }),
        detail: Some("the key has expired".to_owned()),
        address: Some("2001:db8::1".parse().unwrap()),
        key: Some(KeyId::generate()),
        via: Some("The chat".to_owned()),
    }
}

both_stores! {
    async fn a_refusal_comes_back_as_it_was_also_when_written_twice(store) {
        let full = refusal(now());
        let plain = Refusal { email: None, initiator: Initiator::Own, missing: None, detail: None, address: None, key: None, via: None, ..refusal(now()) };
        store.directory.keep_refusals(&[full.clone(), plain.clone()]).await.unwrap();
        store.directory.keep_refusals(std::slice::from_ref(&full)).await.unwrap();
        for kept in [full, plain] {
            assert_eq!(store.directory.find_refusal(kept.request_id).await.unwrap(), Some(kept));
        }
        assert_eq!(store.directory.find_refusal(RequestId::generate()).await.unwrap(), None);
        assert_eq!(store.texts("SELECT request_id FROM gatepost.refusals").await.len(), 2);
    }

    async fn a_refusal_is_found_though_its_address_cannot_be_read(store) {
        let kept = refusal(now());
        store.directory.keep_refusals(std::slice::from_ref(&kept)).await.unwrap();
        store.sql("UPDATE gatepost.refusals SET address = 'somewhere'").await;
        let found = store.directory.find_refusal(kept.request_id).await.unwrap();
        assert_eq!(found, Some(Refusal { address: None, ..kept }));
    }

    async fn a_refusal_is_kept_for_a_week(store) {
        let at = now();
        let kept = refusal(at);
        store.directory.keep_refusals(std::slice::from_ref(&kept)).await.unwrap();
        assert_eq!(store.leading().await.delete_expired(at.plus(REFUSALS_TTL)).await.unwrap(), 0);
        let second = std::time::Duration::from_secs(1);
        assert_eq!(store.leading().await.delete_expired(at.plus(REFUSALS_TTL + second)).await.unwrap(), 1);
        assert_eq!(store.directory.find_refusal(kept.request_id).await.unwrap(), None);
    }

    async fn of_too_many_refusals_the_oldest_go(store) {
        let (first, last) = (refusal(now()), refusal(now()));
        store.directory.keep_refusals(std::slice::from_ref(&first)).await.unwrap();
        let next = MAX_REFUSALS + 1;
        if store.is_postgres() {
            store.sql(&format!("ALTER TABLE gatepost.refusals ALTER COLUMN id RESTART WITH {next}")).await;
        } else {
            store.sql(&format!("UPDATE refusals SET id = {next} - {MAX_REFUSALS}")).await;
            let copy = "INSERT INTO refusals SELECT id + 99999, 'x', at, user_id, email, host, method, path, kind, asker, \
                        requirement, status, reason, missing, address, via, key_id, detail FROM refusals";
            store.sql(copy).await;
        }
        store.directory.keep_refusals(std::slice::from_ref(&last)).await.unwrap();
        assert_eq!(store.directory.find_refusal(first.request_id).await.unwrap(), None);
        assert_eq!(store.directory.find_refusal(last.request_id).await.unwrap(), Some(last));
    }
}
