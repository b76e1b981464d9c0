//! What concerns the provider as a whole: sign-out, the plain kind, outages, keys.

use super::*;

#[tokio::test]
async fn sign_out_shows_the_accounts_without_a_hint_and_frames_the_front_channel() {
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
