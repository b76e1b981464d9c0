//! What ended stays ended.

use super::administration::Administers;
use super::{actor, admitted, context, email, follow, now, person, sid};
use gatepost_config::GroupNames::Link;
use gatepost_core::clock::Timestamp;
use gatepost_core::identity::SubjectKey;
use gatepost_core::ids::UserId;
use gatepost_core::secret::Secret;
use gatepost_store::directory::SignInOutcome;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

both_stores! {
    async fn an_ended_session_is_over_and_only_that_one(store) {
        let user = store.admitted(&person("a", "a@example.com", &[])).await;
        let (session, other) = (Secret::generate().digest(), Secret::generate().digest());
        let expires_at = now().plus(Duration::from_hours(12));
        assert!(store.directory.end_session(&session, user, expires_at, "signed_out", &actor()).await.unwrap());
        assert!(!store.directory.end_session(&session, user, expires_at, "signed_out", &actor()).await.unwrap());
        assert!(store.find_standing(user, &session).await.unwrap().is_session_ended);
        assert!(!store.find_standing(user, &other).await.unwrap().is_session_ended);
        assert_eq!(store.audited("session.end").await.len(), 1);
        assert_eq!(store.leading().await.delete_expired(now()).await.unwrap(), 0);
        assert_eq!(store.leading().await.delete_expired(expires_at).await.unwrap(), 1);
    }

    async fn nobody_is_found_who_is_not_there(store) {
        let session = Secret::generate().digest();
        assert_eq!(store.find_standing(UserId::generate(), &session).await, None);
    }

    async fn all_sessions_end_and_the_time_never_goes_back(store) {
        let user = store.admitted(&person("a", "a@example.com", &[])).await;
        let at = Timestamp::from_unix(2_000_000_000);
        store.directory.end_all_sessions(user, at, &actor()).await.unwrap();
        store.directory.end_all_sessions(user, at.minus(SECOND), &actor()).await.unwrap();
        assert_eq!(store.standing(user).await.sessions_not_before, Some(at));
        assert_eq!(store.audited("user.end_all_sessions").await.len(), 1);
    }

    async fn sessions_from_before_a_ban_do_not_come_back_with_its_end(store) {
        let user = store.admitted(&person("a", "a@example.com", &[])).await;
        let begun_at = now();
        assert!(store.directory.disable_user(&email("a@example.com"), &actor()).await.unwrap());
        assert!(!store.directory.disable_user(&email("a@example.com"), &actor()).await.unwrap());
        assert!(store.standing(user).await.is_disabled);
        let refused = store.sign_in(&person("a", "a@example.com", &[]), Link).await;
        assert_eq!(refused, SignInOutcome::Disabled);
        assert!(store.directory.enable_user(&email("a@example.com"), &actor()).await.unwrap());
        assert!(!store.directory.enable_user(&email("a@example.com"), &actor()).await.unwrap());
        let standing = store.standing(user).await;
        assert!(!standing.is_disabled && standing.sessions_not_before > Some(begun_at));
    }

    async fn a_provider_session_that_ended_signs_nobody_in(store) {
        let entra = "entra".parse().unwrap();
        let (at, expires_at) = (now(), now().plus(Duration::from_hours(12)));
        store.directory.end_provider_session(&entra, &sid("s-1"), at, expires_at, &actor()).await.unwrap();
        let alice = person("a", "a@example.com", &[]);
        let sign_in = async |issued_at: Timestamp, text: &str, provider: &str| {
            let sid_hash = Some((provider.parse().unwrap(), sid(text)));
            let context = gatepost_store::directory::SignInContext { sid_hash, issued_at, ..context(now()) };
            store.directory.sign_in(&alice, &follow(Link), &context, &actor()).await.unwrap()
        };
        assert_eq!(sign_in(at, "s-1", "entra").await, SignInOutcome::SessionEndedAtProvider);
        assert_eq!(sign_in(at.minus(SECOND), "s-1", "entra").await, SignInOutcome::SessionEndedAtProvider);
        admitted(&sign_in(at, "s-2", "entra").await);
        admitted(&sign_in(at, "s-1", "corp").await);
        admitted(&sign_in(at.plus(SECOND), "s-1", "entra").await);
        let later = at.plus(SECOND);
        store.directory.end_provider_session(&entra, &sid("s-1"), later, expires_at, &actor()).await.unwrap();
        store.directory.end_provider_session(&entra, &sid("s-1"), at, expires_at, &actor()).await.unwrap();
        assert_eq!(sign_in(later, "s-1", "entra").await, SignInOutcome::SessionEndedAtProvider, "the later end counts");
        assert_eq!(store.audited("provider_session.end").await.len(), 2);
        assert_eq!(store.leading().await.delete_expired(expires_at).await.unwrap(), 1);
    }

    async fn a_back_channel_logout_ends_older_id_tokens_by_the_providers_clock_alone(store) {
        let alice = person("a", "a@example.com", &[]);
        let user = store.admitted(&alice).await;
        let ahead = now().plus(Duration::from_secs(30));
        let ended = store.directory.end_id_tokens_of_subject(&alice.subject, ahead, &actor()).await.unwrap();
        assert_eq!(ended, Some(user));
        assert_eq!(store.standing(user).await.sessions_not_before, None, "that is the database's clock");
        assert_eq!(store.audited("identity.end_id_tokens").await.len(), 1);
        let at = |issued_at| gatepost_store::directory::SignInContext { issued_at, ..context(now()) };
        let old = store.directory.sign_in(&alice, &follow(Link), &at(ahead.minus(SECOND)), &actor()).await.unwrap();
        assert_eq!(old, SignInOutcome::SessionEndedAtProvider);
        admitted(&store.directory.sign_in(&alice, &follow(Link), &at(ahead), &actor()).await.unwrap());
        let stranger = SubjectKey { subject: "nobody".to_owned(), ..alice.subject };
        let nobody = store.directory.end_id_tokens_of_subject(&stranger, ahead, &actor()).await.unwrap();
        assert_eq!(nobody, None);
    }

    async fn ending_ones_own_sessions_refuses_no_new_sign_in(store) {
        let alice = person("a", "a@example.com", &[]);
        let user = store.admitted(&alice).await;
        store.directory.end_all_sessions(user, now().plus(SECOND), &actor()).await.unwrap();
        let behind = gatepost_store::directory::SignInContext { issued_at: now().minus(Duration::from_secs(20)), ..context(now()) };
        admitted(&store.directory.sign_in(&alice, &follow(Link), &behind, &actor()).await.unwrap());
    }
}
