//! Tenants by the API: their life, for administrators of the system and of a tenant, and for keys.

use super::{Office, problem};
use crate::keys::create;
use gatepost_kit::process::until;
use serde_json::json;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(30);

both_pairs! {
    async fn the_api_suspends_and_restores_and_refuses_the_keys_of_a_suspended_tenant(pair) {
        let office = Office::open(pair).await;
        let key = create(&office.world, "ci", &["--tenant", "a", "--scope", "api.read"]).await;
        let bearer = format!("Bearer {key}");
        let program = office.world.browser();
        let by_key = async || office.send_with(&program, ("GET", "/tenants/a"), None, &[("authorization", &bearer)]).await;
        until("the key to count", TIMEOUT, async || (by_key().await.status == 200).then_some(())).await;
        let reason = json!({ "reason": "unpaid" });
        let done = office.done("POST", "/tenants/a/suspend", Some(&reason)).await;
        assert_eq!(done, json!({ "id": "a", "changed": true }));
        let refused = until("the key to be refused", TIMEOUT, async || Some(by_key().await).filter(|answer| answer.status != 200)).await;
        problem(&refused, 403, "tenant-suspended", "its tenant is suspended");
        let shown = office.done("GET", "/tenants/a", None).await;
        assert_eq!((&shown["state"], &shown["suspended_reason"]), (&json!("suspended"), &json!("unpaid")));
        for (body, code) in [(json!({}), "missing"), (json!({ "reason": "" }), "malformed"), (json!({ "reason": 1 }), "not_a_text")] {
            let answer = office.send(&office.alice, "POST", "/tenants/a/suspend", Some(&body)).await;
            let flaws = problem(&answer, 400, "invalid", "a reason");
            assert_eq!(flaws, [("/reason".to_owned(), code.to_owned())], "{body}");
        }
        let carol = office.world.signed_in("carol").await;
        assert_eq!(office.send(&carol, "GET", "/tenants/a", None).await.status, 200, "its administrator reads");
        let role = json!({ "role": "viewer" });
        let refused = office.send(&carol, "PUT", "/tenants/a/members/bob@example.com", Some(&role)).await;
        problem(&refused, 409, "state", "its administrator changes nothing");
        problem(&office.send(&carol, "POST", "/tenants/a/resume", None).await, 403, "forbidden", "nor resumes it");
        office.done("POST", "/tenants/a/resume", None).await;
        assert_eq!(office.send(&office.alice, "DELETE", "/tenants/a", None).await.status, 204);
        let refused = office.send(&office.alice, "PUT", "/tenants/a", Some(&json!({ "name": "A" }))).await;
        problem(&refused, 409, "state", "the id is taken");
        problem(&office.send(&carol, "GET", "/tenants/a", None).await, 403, "forbidden", "she administers nothing");
        office.done("POST", "/tenants/a/restore", None).await;
        assert_eq!(office.done("GET", "/tenants/a", None).await["state"], json!("active"));
    }
}
