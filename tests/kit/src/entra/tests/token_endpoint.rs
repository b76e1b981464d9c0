//! The token endpoint: refresh tokens, and how clients prove who they are.

use super::*;

#[tokio::test]
async fn refresh_tokens_live_on_unless_rotated_strictly_or_revoked() {
    let party = entra_with_alice().await;
    let first = party.sign_in("alice").await["refresh_token"].as_str().expect("a token").to_owned();
    let (_, tokens) = party.refresh(&first).await;
    assert!(claims(&tokens).get("nonce").is_none());
    assert_eq!(party.refresh(&first).await.0, StatusCode::OK);
    party.entra.rotate_strictly(true);
    let second = tokens["refresh_token"].as_str().expect("a token").to_owned();
    assert_eq!(party.refresh(&second).await.0, StatusCode::OK);
    assert_eq!(party.refresh(&second).await.1["error"], "invalid_grant");
    let third = party.sign_in("alice").await["refresh_token"].as_str().expect("a token").to_owned();
    party.entra.revoke_tokens("alice");
    assert_eq!(party.refresh(&third).await.1["error_codes"], json!([50173]));
    party.entra.disable("alice");
    assert_eq!(party.refresh(&third).await.1["error_codes"], json!([50057]));
}

async fn redeem_with(party: &Party, code: &str, fields: &[(&str, &str)]) -> (StatusCode, Value) {
    let mut form = code_form(code).to_vec();
    form.extend(fields);
    party.post_token(&form).await
}

const JWT_BEARER: (&str, &str) =
    ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");

#[tokio::test]
async fn clients_prove_themselves_by_secret_or_federated_assertion() {
    let party = entra_with_alice().await;
    party.entra.at_the_browser(Some("alice"));
    let code = &party.authorize(&[]).await["code"];
    let (status, body) = redeem_with(&party, code, &[("client_secret", "wrong")]).await;
    assert_eq!((status, &body["error_codes"]), (StatusCode::UNAUTHORIZED, &json!([7_000_215])));
    party.entra.configure(|app| app.secrets.push(ClientSecret { value: "old".to_owned(), is_expired: true }));
    let (_, body) = redeem_with(&party, code, &[("client_secret", "old")]).await;
    assert_eq!(body["error_codes"], json!([7_000_222]));
    let federated = [JWT_BEARER, ("client_assertion", "from.the.file")];
    assert_eq!(redeem_with(&party, code, &federated).await.1["error_codes"], json!([70021]));
    party.entra.configure(|app| assert!(app.assertions.insert("from.the.file".to_owned())));
    assert_eq!(redeem_with(&party, code, &federated).await.0, StatusCode::OK);
    assert_eq!(party.entra.list_used_assertions(), ["from.the.file"]);
}

#[tokio::test]
async fn a_basic_secret_is_form_encoded_first() {
    let party = entra_with_alice().await;
    party.entra.at_the_browser(Some("alice"));
    let code = party.authorize(&[]).await.remove("code").expect("a code");
    let encode = |text: String| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let (id, secret) = (encode(party.entra.client_id()), encode(party.entra.client_secret()));
    let url = party.metadata().await["token_endpoint"].as_str().expect("an endpoint").to_owned();
    let request = party.http.post(url).basic_auth(id, Some(secret)).form(&code_form(&code));
    assert_eq!(request.send().await.expect("an answer").status(), StatusCode::OK);
}

#[tokio::test]
async fn a_certificate_s_assertion_counts_once_and_briefly() {
    let party = entra_with_alice().await;
    party.entra.at_the_browser(Some("alice"));
    party.entra.configure(|app| app.register_certificate(CLIENT_CERTIFICATE_PEM, CLIENT_KEY_PEM));
    let code = &party.authorize(&[]).await["code"];
    let endpoint = party.metadata().await["token_endpoint"].clone();
    let assertion = |ttl: i64, aud: &Value| {
        let (id, now) = (party.entra.client_id(), party.entra.now());
        let jti = uuid::Uuid::new_v4().to_string();
        keys::sign_as_client(
            &json!({"aud": aud, "iss": id, "sub": id, "jti": jti, "nbf": now, "exp": now + ttl}),
        )
    };
    let too_long = assertion(3600, &endpoint);
    let elsewhere = assertion(300, &json!("https://elsewhere.example/token"));
    let good = assertion(300, &endpoint);
    let mut broken = good.clone();
    broken.replace_range(broken.len() - 20..broken.len() - 19, "_");
    broken.replace_range(broken.len() - 22..broken.len() - 21, "-");
    for wrong in [&too_long, &elsewhere, &broken] {
        let (status, body) = redeem_with(&party, code, &[JWT_BEARER, ("client_assertion", wrong)]).await;
        assert_eq!((status, &body["error_codes"]), (StatusCode::UNAUTHORIZED, &json!([700_027])));
    }
    let form = [JWT_BEARER, ("client_assertion", good.as_str())];
    assert_eq!(redeem_with(&party, code, &form).await.0, StatusCode::OK);
    assert_eq!(redeem_with(&party, code, &form).await.1["error_codes"], json!([700_027]));
}
