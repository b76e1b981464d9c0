//! Parts of a tenant's provider that are changed alone: a new secret, and what nobody loses because somebody was faster.

use super::reason;
use super::two::{ACME, DANA, Two, ZETA, ZOE};
use crate::cli::sql;
use crate::world::PUBLIC;
use gatepost_kit::client::{Answer, Client};
use gatepost_kit::entra::{ClientSecret, Endpoint};
use serde_json::{Value, json};

const HERE: &str = "/tenants/acme/provider";

impl Two {
    async fn patch(&self, body: &Value) -> Answer {
        let answer = self.send(&self.admin, "PATCH", HERE, Some(body)).await;
        self.world.has_heard().await;
        answer
    }

    async fn patch_of(&self, version: &str, body: &Value) -> Answer {
        let url = self.world.url(PUBLIC, &format!("/api/v1{HERE}"));
        let request =
            self.admin.request(reqwest::Method::PATCH, &url).header("sec-fetch-site", "same-origin");
        let request =
            request.header("if-match", version).header("content-type", "application/merge-patch+json");
        request.body(body.to_string()).send().await
    }

    async fn shown(&self) -> Value {
        self.done("GET", HERE).await
    }
}

/// A provider without what changes with each change.
fn still(mut provider: Value) -> Value {
    for name in ["version", "updated_at"] {
        provider.as_object_mut().unwrap().remove(name);
    }
    provider
}

both_pairs! {
    async fn a_new_secret_alone_is_enough_and_is_tried_before_it_is_kept(pair) {
        let two = Two::ready(pair).await;
        let before = two.shown().await;
        let rotated = "the secret of tomorrow";
        let refused = two.patch(&json!({ "client_secret": rotated })).await;
        assert_eq!((refused.status, reason(&refused).as_str()), (422, "provider_refused"), "{}", refused.body);
        assert!(refused.body.contains("invalid_client"), "the provider's own words: {}", refused.body);
        assert_eq!(two.shown().await, before, "nothing was kept");
        let former = two.acme.client_secret();
        two.acme.configure(|client| client.secrets = vec![ClientSecret { value: rotated.to_owned(), is_expired: false }]);
        let done = two.patch(&json!({ "client_secret": rotated })).await;
        assert_eq!(done.status, 200, "{}", done.body);
        assert_eq!(still(done.json()), still(before.clone()), "all else stays, the proved domain too");
        assert_ne!(done.json()["version"], before["version"]);
        assert!(!done.body.contains(rotated), "{}", done.body);
        assert_eq!(two.visited(&two.acme, "dana", ACME).await.1, 200, "with the new one");
        let refused = two.patch(&json!({ "client_secret": former })).await;
        assert_eq!((refused.status, reason(&refused).as_str()), (422, "provider_refused"), "{}", refused.body);
        let noted = sql(&two.world, "SELECT after FROM audit_entries WHERE action = 'tenant.set_provider'").await.concat();
        assert!(!noted.contains(rotated) && !noted.contains(&former), "{noted}");
    }

    async fn what_a_patch_names_changes_and_the_rest_stays(pair) {
        let two = Two::ready(pair).await;
        let first = two.shown().await;
        let calls = two.acme.count(Endpoint::Token);
        let same = two.patch(&json!({})).await;
        assert_eq!((same.status, &same.json()["version"]), (200, &first["version"]), "{}", same.body);
        assert!(two.acme.count(Endpoint::Token) > calls, "it is tried all the same");
        for (patch, name, value) in [
            (json!({ "label": "ACME" }), "label", json!("ACME")),
            (json!({ "label": null }), "label", json!("acme")),
            (json!({ "groups_claim": null }), "groups_claim", json!(null)),
            (json!({ "only": null }), "only", json!(false)),
            (json!({ "email_verified": "assumed" }), "email_verified", json!("assumed")),
            (json!({ "email_verified": null }), "email_verified", json!("required")),
        ] {
            let mut wanted = still(two.shown().await);
            wanted[name] = value;
            let answer = two.patch(&patch).await;
            assert_eq!(answer.status, 200, "{patch}: {}", answer.body);
            assert_eq!(still(answer.json()), wanted, "{patch}");
        }
        let domains = json!({ "allowed_domains": ["acme.example", "acme.example.net"] });
        let before = two.shown().await;
        let answer = two.patch(&domains).await;
        let states: Vec<_> = answer.json()["allowed_domains"].as_array().unwrap().iter().map(|one| one["state"].clone()).collect();
        assert_eq!(states, ["active", "proposed"], "{}", answer.body);
        let number = |provider: &Value| provider["version"].as_str().unwrap()[1..].parse::<u32>().unwrap();
        assert_eq!(number(&answer.json()), number(&before) + 1, "domains count too, within a second as well");
        assert_eq!(two.visited(&two.acme, "dana", ACME).await.1, 200);
    }

    async fn a_patch_that_cannot_be_is_refused_before_anything_is_called(pair) {
        let two = Two::ready(pair).await;
        let before = two.shown().await;
        let calls = (two.acme.calls().len(), two.zeta.calls().len());
        for (patch, place, code) in [
            (json!({ "client_secret": null }), "/client_secret", "missing"),
            (json!({ "client_secret": "" }), "/client_secret", "malformed"),
            (json!({ "client_id": null }), "/client_id", "missing"),
            (json!({ "issuer": null }), "/issuer", "missing"),
            (json!({ "issuer": "id.acme.example" }), "/issuer", "malformed"),
            (json!({ "tenant_id": "6c2e1f40-93f0-4a39-8b54-2b9d1c7e5a10" }), "/tenant_id", "unknown"),
            (json!({ "kind": "google" }), "/kind", "malformed"),
            (json!({ "kind": "entra" }), "/tenant_id", "missing"),
            (json!({ "allowed_domains": ["x"] }), "/allowed_domains/0", "malformed"),
            (json!({ "only": "yes" }), "/only", "not_a_truth_value"),
            (json!({ "secret": null }), "/secret", "unknown"),
        ] {
            let answer = two.patch(&patch).await;
            let error = &answer.json()["errors"][0];
            assert_eq!((answer.status, &error["pointer"], &error["code"]), (400, &json!(place), &json!(code)), "{patch}: {}", answer.body);
        }
        for patch in [
            json!({ "issuer": two.zeta.issuer() }),
            json!({ "client_id": "another" }),
            json!({ "kind": "entra", "tenant_id": "6c2e1f40-93f0-4a39-8b54-2b9d1c7e5a10" }),
        ] {
            let answer = two.patch(&patch).await;
            assert_eq!((answer.status, reason(&answer).as_str()), (422, "secret_missing"), "{patch}: {}", answer.body);
        }
        let stale = two.patch_of("\"v999\"", &json!({ "label": "Late" })).await;
        assert_eq!((stale.status, stale.header("etag").map(|tag| tag.replace('"', ""))), (412, before["version"].as_str().map(str::to_owned)));
        assert_eq!((two.acme.calls().len(), two.zeta.calls().len()), calls, "nobody was asked");
        assert_eq!(two.shown().await, before);
        two.done("DELETE", HERE).await;
        let none = two.patch(&json!({ "label": "Late" })).await;
        assert_eq!(none.status, 404, "{}", none.body);
    }

    async fn of_two_who_change_other_parts_at_once_nobody_loses_any(pair) {
        let two = Two::ready(pair).await;
        for version in [None, Some("named")] {
            let (before, label) = (two.shown().await, format!("Label {version:?}"));
            let (tag, patch) = (format!("\"{}\"", before["version"].as_str().unwrap()), json!({ "label": label }));
            let calls = two.acme.count(Endpoint::Token);
            two.acme.hold(Endpoint::Token);
            let slow = async {
                match version {
                    None => two.patch(&patch).await,
                    Some(_) => two.patch_of(&tag, &patch).await,
                }
            };
            let fast = async {
                two.acme.until_count(Endpoint::Token, calls + 1).await;
                sql(&two.world, "UPDATE tenant_providers SET is_only = NOT is_only WHERE tenant_id = 'acme'").await;
                two.acme.release(Endpoint::Token);
            };
            let (answer, ()) = tokio::join!(slow, fast);
            let after = two.shown().await;
            assert_ne!(after["only"], before["only"], "what was done meanwhile stays: {after}");
            if version.is_some() {
                assert_eq!(answer.status, 412, "{}", answer.body);
                assert_ne!(after["label"], json!(label));
            } else {
                assert_eq!((answer.status, &after["label"]), (200, &json!(label)), "{}", answer.body);
            }
        }
    }

    async fn who_does_not_administer_the_tenant_changes_no_part_of_its_provider(pair) {
        let two = Two::ready(pair).await;
        two.world.cli_all(&[
            &["tenant", "add-member", "acme", "bob@example.com", "--role", "admin"],
            &["tenant", "add-member", "zeta", ZOE, "--role", "admin"],
        ]).await;
        let (bob, zoe) = (two.world.signed_in("bob").await, two.visited(&two.zeta, "zoe", ZETA).await.0);
        let dana = two.visited(&two.acme, "dana", ACME).await.0;
        let patch = json!({ "label": "Mine" });
        let send = async |client: &Client| two.send(client, "PATCH", HERE, Some(&patch)).await.status;
        let before = two.shown().await;
        assert_eq!(send(&two.world.browser()).await, 401);
        assert_eq!(send(&dana).await, 403, "a member, no administrator");
        assert_eq!(send(&zoe).await, 404, "of another tenant");
        assert_eq!(two.shown().await, before);
        assert_eq!(send(&bob).await, 200);
        two.world.cli(&["tenant", "remove-member", "acme", "bob@example.com"]).await;
        assert_eq!(send(&bob).await, 403, "a second ago he was one");
        two.world.cli(&["tenant", "add-member", "acme", DANA, "--role", "admin"]).await;
        two.world.cli(&["tenant", "suspend", "acme", "--reason", "unpaid"]).await;
        assert_eq!(send(&dana).await, 409, "they may read");
    }
}
