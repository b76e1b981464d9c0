//! Signing in: codes, the account picker, refusals on a page.

use super::*;

#[tokio::test]
async fn a_code_flow_ends_with_tokens_as_entra_makes_them() {
    let party = entra_with_alice().await;
    let metadata = party.metadata().await;
    assert!(metadata.get("code_challenge_methods_supported").is_none());
    assert_eq!(metadata["msgraph_host"], party.entra.addr().to_string());
    let tokens = party.sign_in("alice").await;
    let claims = claims(&tokens);
    assert_eq!(claims["iss"], party.entra.issuer());
    assert_eq!(claims["aud"], party.entra.client_id());
    assert_eq!(claims["nonce"], "n-1");
    assert_eq!(claims["groups"], json!([stable_guid("g1")]));
    assert_eq!(claims["roles"], json!(["Writer"]));
    assert!(claims.get("email_verified").is_none() && claims.get("at_hash").is_none());
    let jwks = party.http.get(metadata["jwks_uri"].as_str().expect("a URL")).send().await.expect("keys");
    let jwks: Value = jwks.json().await.expect("JSON");
    let header = jwt::find_parts(tokens["id_token"].as_str().expect("a token")).expect("a JWT").header;
    let key = jwks["keys"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|key| key["kid"] == header["kid"])
        .expect("the key");
    assert!(key.get("alg").is_none());
    assert_eq!(key["issuer"], party.entra.issuer());
    assert_eq!((party.entra.count(Endpoint::Token), party.entra.codes_redeemed()), (1, 1));
}

#[tokio::test]
async fn the_common_authority_has_the_issuer_template() {
    let party = entra_with_alice().await;
    let url = format!("{}/common/v2.0/.well-known/openid-configuration", party.entra.authority());
    let metadata: Value = party.http.get(url).send().await.expect("metadata").json().await.expect("JSON");
    assert_eq!(metadata["issuer"], format!("{}/{{tenantid}}/v2.0", party.entra.authority()));
}

#[tokio::test]
async fn a_code_is_good_once_and_only_with_its_verifier() {
    let party = entra_with_alice().await;
    party.entra.at_the_browser(Some("alice"));
    let code = party.authorize(&[]).await.remove("code").expect("a code");
    let mut wrong = code_form(&code);
    wrong[3].1 = "another-verifier";
    let (status, body) = party.post_token(&wrong).await;
    assert_eq!((status, &body["error_codes"]), (StatusCode::BAD_REQUEST, &json!([501_481])));
    assert_eq!(party.redeem(&code).await.0, StatusCode::OK);
    let (_, body) = party.redeem(&code).await;
    assert_eq!((&body["error"], &body["error_codes"]), (&json!("invalid_grant"), &json!([54005])));
    let text = body["error_description"].as_str().expect("text");
    assert!(
        text.starts_with("AADSTS54005: ")
            && text.contains(" Trace ID: ")
            && text.contains(" Correlation ID: ")
    );
    assert_eq!(party.entra.most_presentations_of_a_code(), 3);
}

#[tokio::test]
async fn a_browser_signs_in_once_unless_the_request_demands_more() {
    let party = entra_with_alice().await;
    assert_eq!(party.authorize(&[("prompt", "none")]).await["error"], "login_required");
    party.sign_in("alice").await;
    party.entra.at_the_browser(None);
    assert!(party.authorize(&[]).await.contains_key("code"));
    for stronger in [("prompt", "login"), ("prompt", "select_account"), ("max_age", "0")] {
        let url = party.authorize_url(&[stronger]).await;
        let answer = party.http.get(url).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK, "{stronger:?} must ask");
        assert!(answer.text().await.expect("HTML").contains("id=\"person-alice\""));
    }
    party.entra.at_the_browser(Some("alice"));
    let answer = party.authorize(&[("max_age", "0")]).await;
    let (_, tokens) = party.redeem(&answer["code"]).await;
    assert!(claims(&tokens)["auth_time"].is_i64());
}

#[tokio::test]
async fn the_picker_s_form_signs_in_and_cancels() {
    let party = entra_with_alice().await;
    let url = party.authorize_url(&[]).await;
    let action = format!("{}/{}/sign-in", party.entra.authority(), party.entra.tid());
    let request = url.query().expect("a query");
    let post = async |field: (&str, &str)| {
        party.http.post(&action).form(&[("request", request), field]).send().await.expect("an answer")
    };
    assert!(fields(&post(("person", "alice")).await).contains_key("code"));
    assert_eq!(fields(&post(("cancel", "1")).await)["error"], "access_denied");
    assert!(post(("person", "nobody")).await.text().await.expect("HTML").contains("AADSTS50034"));
    party.entra.disable("alice");
    assert!(post(("person", "alice")).await.text().await.expect("HTML").contains("AADSTS50057"));
}

#[tokio::test]
async fn what_is_not_registered_is_refused_on_a_page() {
    let party = entra_with_alice().await;
    let mut url = party.authorize_url(&[]).await;
    let query = url.query().expect("a query").replace("callback%2Fentra", "callback%2FEntra");
    url.set_query(Some(&query));
    let answer = party.http.get(url).send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    assert!(answer.text().await.expect("HTML").contains("AADSTS50011"));
}
