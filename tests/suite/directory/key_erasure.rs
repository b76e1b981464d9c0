//! What is said about keys goes with their owner, and stays while the key is there.

use super::administration::Administers;
use super::key_changes::of_person;
use super::key_life::named;
use super::refusals::refusal as some_refusal;
use super::{actor, now, person};
use gatepost_core::ids::UserId;
use gatepost_core::refusal::Refusal;
use gatepost_store::directory::KeyHolder;
use gatepost_store::directory::changes::{EraseUser, ShownKey};

both_stores! {
    async fn the_names_of_a_persons_keys_leave_the_refusals_with_them(store) {
        let user = store.admitted(&person("e", "e@example.com", &[])).await;
        let other = store.admitted(&person("x", "x@example.com", &[])).await;
        let own = named(&store, "secret-one", of_person(user, None)).await;
        let free = named(&store, "free", KeyHolder::default()).await;
        let refusal = |user: UserId, key: Option<&ShownKey>, via: &str| Refusal {
            key: key.map(|key| key.record.id),
            via: Some(via.to_owned()),
            email: None,
            user,
            ..some_refusal(now())
        };
        let of_own = refusal(own.record.id.machine(), Some(&own), "secret-one");
        let by_own = refusal(other, Some(&own), "secret-former");
        let older = refusal(other, None, "secret-one");
        let of_free = refusal(free.record.id.machine(), Some(&free), "free");
        let about = Refusal { email: Some("e@example.com".parse().unwrap()), ..refusal(free.record.id.machine(), Some(&free), "free") };
        let kept = [&of_own, &by_own, &older, &of_free, &about].map(Clone::clone);
        store.directory.keep_refusals(&kept).await.unwrap();
        let traces = store.directory.find_traces(user).await.unwrap();
        assert_eq!(traces.refusals, [of_own.clone()], "the person is told of their keys' refusals");
        store.directory.make(EraseUser { user, confirm: "e@example.com".to_owned() }, &actor()).await.unwrap();
        let found = async |refusal: &Refusal| store.directory.find_refusal(refusal.request_id).await.unwrap();
        for gone in [&of_own, &about] {
            assert_eq!(found(gone).await, None);
        }
        for nameless in [by_own, older] {
            let want = Refusal { via: None, ..nameless.clone() };
            assert_eq!(found(&nameless).await, Some(want));
        }
        assert_eq!(found(&of_free).await, Some(of_free.clone()));
        assert!(!store.texts("SELECT coalesce(via, '') FROM gatepost.refusals").await.join(" ").contains("secret"));
    }
}
