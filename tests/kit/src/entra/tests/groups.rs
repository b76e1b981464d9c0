//! Groups in the token and at Graph.

use super::*;

#[tokio::test]
async fn more_than_200_groups_are_left_to_graph() {
    let entra = Entra::start().await;
    entra.add(Person::named("bob").many_groups(250).directory_role("role-template", "Global Reader"));
    let party = Party::new(entra);
    let tokens = party.sign_in("bob").await;
    let claims = claims(&tokens);
    assert!(claims.get("groups").is_none());
    let source = claims["_claim_sources"]["src1"]["endpoint"].as_str().expect("an address");
    assert!(source.starts_with("https://graph.windows.net/"));
    party.entra.graph_throttle(1, "2.128");
    let path = "/v1.0/me/transitiveMemberOf?$select=id,displayName&$top=100";
    assert_eq!(party.graph(path, &tokens).await.0, StatusCode::TOO_MANY_REQUESTS);
    let (mut next, mut seen) = (Some(path.to_owned()), Vec::new());
    let mut pages = 0;
    while let Some(address) = next {
        let (status, body) = party.graph(&address, &tokens).await;
        assert_eq!(status, StatusCode::OK);
        seen.extend(body["value"].as_array().expect("a list").clone());
        next = body["@odata.nextLink"].as_str().map(ToOwned::to_owned);
        pages += 1;
    }
    assert_eq!((pages, seen.len()), (3, 251));
    assert_eq!(seen.iter().filter(|entry| entry["@odata.type"] == "#microsoft.graph.group").count(), 250);
    assert!(seen.iter().all(|entry| entry["displayName"].is_string()));
}

#[tokio::test]
async fn without_the_permission_group_names_are_null() {
    let party = entra_with_alice().await;
    party.entra.configure(|app| assert!(app.permissions.remove("GroupMember.Read.All")));
    let tokens = party.sign_in("alice").await;
    let (_, body) = party.graph("/v1.0/me/transitiveMemberOf", &tokens).await;
    assert_eq!(body["value"][0]["id"], stable_guid("g1"));
    assert!(body["value"][0]["displayName"].is_null());
    let answer = party
        .http
        .post(format!("{}/v1.0/me/getMemberObjects", party.entra.authority()))
        .bearer_auth(tokens["access_token"].as_str().expect("a token"))
        .json(&json!({"securityEnabledOnly": false}));
    let ids: Value = answer.send().await.expect("an answer").json().await.expect("JSON");
    assert_eq!(ids["value"], json!([stable_guid("g1")]));
    let (status, _) = party.graph("/v1.0/me/transitiveMemberOf", &json!({"access_token": "wrong"})).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}
