//! Requests that come again: the change and the stored answer are one transaction.

use super::{Opened, actor};
use gatepost_core::secret::Secret;
use gatepost_store::directory::changes::{CreateGroup, Once, Repeat, StoredAnswer};
use gatepost_store::directory::{Conditions, DirectoryError};

fn repeat() -> Repeat {
    Repeat { key: Secret::generate().digest(), request: Secret::generate().digest() }
}

/// Makes a group for a request. The answer is the number of the group.
#[expect(clippy::disallowed_methods, reason = "these tests are about what the door stores")]
async fn create(
    store: &Opened,
    name: &str,
    repeat: Repeat,
    conditions: Conditions,
) -> Result<String, DirectoryError> {
    let change = CreateGroup { name: name.parse().unwrap() };
    let once = Once {
        change: &change,
        repeat,
        answer: |done: &gatepost_store::directory::Done<_>| format!("group {}", done.outcome),
    };
    let done = store.directory.carry_out(&once, conditions, &actor()).await?;
    Ok(format!("group {}", done.outcome))
}

both_stores! {
    async fn the_answer_is_there_as_soon_as_the_change_is(store) {
        let repeat = repeat();
        let dry = Conditions { is_dry_run: true, ..Conditions::default() };
        create(&store, "G", repeat, dry).await.unwrap();
        assert_eq!(store.directory.find_answer(repeat).await.unwrap(), None, "a dry run keeps nothing");
        // Whoever made the change may die now: nothing else stores the answer.
        let answer = create(&store, "G", repeat, Conditions::default()).await.unwrap();
        assert_eq!(store.directory.find_answer(repeat).await.unwrap(), Some(StoredAnswer::Known(answer)));
        let again = create(&store, "G", repeat, Conditions::default()).await;
        assert!(matches!(again, Err(DirectoryError::Repeated)), "{again:?}");
        let other = Repeat { request: Secret::generate().digest(), ..repeat };
        assert_eq!(store.directory.find_answer(other).await.unwrap(), Some(StoredAnswer::OfAnotherRequest));
        assert_eq!(store.audited("group.create").await.len(), 1);
    }

    async fn a_request_is_remembered_for_a_day(store) {
        let repeat = repeat();
        create(&store, "G", repeat, Conditions::default()).await.unwrap();
        let later = async |seconds: i64| store.sql(&format!("UPDATE gatepost.idempotent_requests SET at = at - {seconds}")).await;
        later(24 * 60 * 60 - 60).await;
        assert!(store.directory.find_answer(repeat).await.unwrap().is_some());
        assert!(matches!(create(&store, "G", repeat, Conditions::default()).await, Err(DirectoryError::Repeated)));
        later(60).await;
        assert_eq!(store.directory.find_answer(repeat).await.unwrap(), None);
        create(&store, "H", repeat, Conditions::default()).await.unwrap();
        assert!(store.directory.find_answer(repeat).await.unwrap().is_some(), "it is another request now");
    }

    async fn a_change_whose_answer_cannot_be_stored_is_not_made(store) {
        let repeat = repeat();
        store.sql("ALTER TABLE gatepost.idempotent_requests RENAME COLUMN answer TO lost").await;
        let failed = create(&store, "G", repeat, Conditions::default()).await;
        assert!(matches!(failed, Err(DirectoryError::Unavailable(_))), "{failed:?}");
        store.sql("ALTER TABLE gatepost.idempotent_requests RENAME COLUMN lost TO answer").await;
        assert_eq!(store.audited("group.create").await.len(), 0);
        assert_eq!(store.directory.find_answer(repeat).await.unwrap(), None, "the request may come again");
        create(&store, "G", repeat, Conditions::default()).await.unwrap();
        assert_eq!(store.audited("group.create").await.len(), 1);
    }
}
