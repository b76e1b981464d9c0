//! An access token through the real Traefik, with the shipped files.

use super::stage::{MCP, Others, Stage};
use gatepost_kit::lies::Lie;
use reqwest::Method;

#[tokio::test(flavor = "multi_thread")]
async fn a_token_reaches_the_application_by_no_header_through_traefik() {
    let audience = gatepost_kit::entra::stable_guid("api");
    let variables = vec![("GATEPOST_PROVIDERS__ENTRA__AUDIENCE".to_owned(), audience)];
    let stage = Stage::start_with(Others { variables, ..Others::default() }).await;
    let tools = format!("{MCP}/servers/github/mcp");
    stage.signed_in("alice", &tools).await;
    let program = stage.browser();
    let send = async |token: String| {
        let request = program.request(Method::GET, &tools).header("Accept", "application/json");
        request.header("Authorization", format!("Bearer {token}")).send().await
    };
    let answer = send(stage.entra.access_token("alice")).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let echoed = answer.echoed();
    assert_eq!(echoed.header("x-user-email"), Some("alice@example.com"));
    assert_eq!(echoed.header("authorization"), None);
    let refused = send(stage.entra.lying_access_token("alice", Lie::SignatureBroken)).await;
    assert_eq!(refused.status, 401, "{}", refused.body);
    let challenge = refused.header("www-authenticate").unwrap_or_default();
    assert!(challenge.starts_with("Bearer error=\"invalid_token\""), "{challenge}");
    assert_eq!(send(stage.entra.access_token("bob")).await.status, 401, "Bob has never signed in");
}
