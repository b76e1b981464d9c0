//! Tests of the fake itself, over HTTP, as a relying party uses it.

mod telling;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::{Client, StatusCode, redirect};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::Url;

use super::*;

const CALLBACK: &str = "http://127.0.0.1:9/callback/entra";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// A relying party that verifies nothing.
struct Party {
    entra: Entra,
    http: Client,
}

impl Party {
    fn new(entra: Entra) -> Self {
        crate::client::install_crypto();
        entra.register_redirect_uri(CALLBACK);
        let http = Client::builder().redirect(redirect::Policy::none()).cookie_store(true).build();
        Self { entra, http: http.expect("a client") }
    }

    async fn metadata(&self) -> Value {
        let url = format!("{}/.well-known/openid-configuration", self.entra.issuer());
        self.http.get(url).send().await.expect("metadata").json().await.expect("JSON")
    }

    /// Requests a code, and returns the fields of the redirect.
    async fn authorize(&self, extra: &[(&str, &str)]) -> BTreeMap<String, String> {
        let url = self.authorize_url(extra).await;
        fields(&self.http.get(url).send().await.expect("an answer"))
    }

    async fn authorize_url(&self, extra: &[(&str, &str)]) -> Url {
        let metadata = self.metadata().await;
        let mut url =
            Url::parse(metadata["authorization_endpoint"].as_str().expect("an endpoint")).expect("a URL");
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
        url.query_pairs_mut()
            .extend_pairs([("client_id", self.entra.client_id()), ("code_challenge", challenge)])
            .extend_pairs([
                ("redirect_uri", CALLBACK),
                ("response_type", "code"),
                ("state", "st"),
                ("nonce", "n-1"),
            ])
            .extend_pairs([
                ("scope", "openid profile email offline_access"),
                ("code_challenge_method", "S256"),
            ])
            .extend_pairs(extra);
        url
    }

    async fn post_token(&self, form: &[(&str, &str)]) -> (StatusCode, Value) {
        let answer = self.try_token(form).await.expect("an answer");
        (answer.status(), answer.json().await.expect("JSON"))
    }

    async fn try_token(&self, form: &[(&str, &str)]) -> reqwest::Result<reqwest::Response> {
        let metadata = self.metadata().await;
        let url = metadata["token_endpoint"].as_str().expect("an endpoint").to_owned();
        let (id, secret) = (self.entra.client_id(), self.entra.client_secret());
        let mut fields = vec![("client_id", id.as_str())];
        if !form.iter().any(|(name, _)| name.starts_with("client_")) {
            fields.push(("client_secret", &secret));
        }
        fields.extend(form);
        self.http.post(url).form(&fields).send().await
    }

    async fn redeem(&self, code: &str) -> (StatusCode, Value) {
        self.post_token(&code_form(code)).await
    }

    async fn refresh(&self, token: &str) -> (StatusCode, Value) {
        self.post_token(&[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    async fn sign_in(&self, who: &str) -> Value {
        self.entra.at_the_browser(Some(who));
        let answer = self.authorize(&[]).await;
        let (status, tokens) = self.redeem(&answer["code"]).await;
        assert_eq!(status, StatusCode::OK, "{tokens}");
        tokens
    }

    async fn graph(&self, path: &str, tokens: &Value) -> (StatusCode, Value) {
        let url = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}{path}", self.entra.authority())
        };
        let token = tokens["access_token"].as_str().expect("an access token");
        let answer = self.http.get(url).bearer_auth(token).send().await.expect("an answer");
        (answer.status(), answer.json().await.expect("JSON"))
    }
}

fn code_form(code: &str) -> [(&str, &str); 4] {
    [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ]
}

fn fields(answer: &reqwest::Response) -> BTreeMap<String, String> {
    assert_eq!(answer.status(), StatusCode::FOUND);
    let location = answer.headers()["location"].to_str().expect("ASCII");
    Url::parse(location).expect("a URL").query_pairs().into_owned().collect()
}

fn claims(tokens: &Value) -> Value {
    jwt::find_parts(tokens["id_token"].as_str().expect("an ID token")).expect("a JWT").claims
}

async fn entra_with_alice() -> Party {
    let entra = Entra::start().await;
    entra.add(Person::named("alice").group(&stable_guid("g1"), "MCP-GitHub").role("Writer"));
    Party::new(entra)
}

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
async fn a_browser_signs_in_once_unless_more_is_asked() {
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

#[tokio::test]
async fn sign_out_asks_which_account_without_a_hint_and_frames_the_front_channel() {
    let party = entra_with_alice().await;
    party.entra.register_redirect_uri("http://127.0.0.1:9/logged-out");
    party.entra.configure(|app| {
        app.frontchannel_logout_uri = Some("http://127.0.0.1:9/logout/frontchannel".to_owned());
    });
    party.sign_in("alice").await;
    let sid = party.entra.list_sids("alice").remove(0);
    let url = format!("{}/{}/oauth2/v2.0/logout", party.entra.authority(), party.entra.tid());
    let get = async |query: &[(&str, &str)]| {
        let url = Url::parse_with_params(&url, query).expect("a URL");
        party.http.get(url).send().await.expect("an answer").text().await.expect("HTML")
    };
    assert!(get(&[]).await.contains("id=\"sign-out-alice\""));
    let hint = party.entra.find("alice").expect("alice").login_hint;
    let page =
        get(&[("logout_hint", &hint), ("post_logout_redirect_uri", "http://127.0.0.1:9/logged-out")]).await;
    assert!(page.contains(&format!("/logout/frontchannel?sid={sid}\"")), "only sid: {page}");
    assert!(page.contains("href=\"http://127.0.0.1:9/logged-out\""));
    assert!(party.entra.list_sids("alice").is_empty());
}

#[tokio::test]
async fn the_plain_provider_sends_what_entra_does_not() {
    let entra = Entra::start_oidc().await;
    entra.configure(|app| app.groups_path = "realm_access.roles".to_owned());
    entra.add(Person::named("alice").group("g1", "ops").email_verified(None));
    let party = Party::new(entra);
    for alg in [SigningAlg::Rs256, SigningAlg::Ps256, SigningAlg::Es256] {
        party.entra.configure(|app| app.signing_alg = alg);
        party.entra.at_the_browser(Some("alice"));
        let answer = party.authorize(&[]).await;
        assert_eq!(answer["iss"], party.entra.issuer());
        let (_, tokens) = party.redeem(&answer["code"]).await;
        let token = jwt::find_parts(tokens["id_token"].as_str().expect("a token")).expect("a JWT");
        assert_eq!(token.header["alg"], alg.name());
        assert_eq!(token.claims["realm_access"]["roles"], json!(["ops"]));
        assert!(token.claims.get("email_verified").is_none());
    }
}

#[tokio::test]
async fn a_held_endpoint_waits_and_a_stopped_provider_comes_back_with_its_memory() {
    let party = entra_with_alice().await;
    let tokens = party.sign_in("alice").await;
    party.entra.hold(Endpoint::Graph);
    let held = party.graph("/v1.0/me/memberOf", &tokens);
    let release = async {
        party.entra.until_count(Endpoint::Graph, 1).await;
        party.entra.release(Endpoint::Graph);
    };
    assert_eq!(tokio::join!(held, release).0.0, StatusCode::OK);
    party.entra.stop().await;
    assert!(party.http.get(party.entra.authority()).send().await.is_err());
    party.entra.resume().await.expect("the port is free");
    assert_eq!(party.graph("/v1.0/me/memberOf", &tokens).await.0, StatusCode::OK);
}

#[tokio::test]
async fn keys_rotate_flap_and_are_replaced() {
    let party = entra_with_alice().await;
    let kids = async || -> Vec<String> {
        let url = format!("{}/{}/discovery/v2.0/keys", party.entra.authority(), party.entra.tid());
        let jwks: Value = party.http.get(url).send().await.expect("keys").json().await.expect("JSON");
        jwks["keys"].as_array().expect("a list").iter().map(|key| key["kid"].to_string()).collect()
    };
    let first = kids().await;
    party.entra.rotate_keys();
    let second = kids().await;
    assert_eq!(second.iter().filter(|kid| first.contains(kid)).count(), 1);
    party.entra.replace_keys();
    let third = kids().await;
    assert!(third.len() == 1 && !second.contains(&third[0]));
    party.entra.flap_keys(true);
    let sizes = [kids().await.len(), kids().await.len(), kids().await.len(), kids().await.len()];
    assert_eq!(sizes, [2, 1, 0, 1]);
}
