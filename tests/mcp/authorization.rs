//! A client that knows nothing but the address of a tool server, and `oidc-provider` as its authorization server.

use crate::house::{House, OAUTH, url_of};
use crate::programs::{node, run_for_json, sdk};
use serde_json::{Value, json};

async fn authorize(house: &House, era: &str, who: &str) -> Value {
    let mut command = node("tests/mcp/authorize.mjs");
    command.arg(sdk()).args([era, &url_of(OAUTH), who]);
    house.place(&mut command);
    run_for_json(command).await
}

pub async fn from_a_bare_address(house: &House) {
    let url = url_of(OAUTH);
    for era in ["modern", "legacy"] {
        let got = authorize(house, era, "erin").await;
        let answer = got["calls"]["get_file"].as_str().unwrap_or_default();
        assert!(answer == "get_file a for erin@example.com", "{era}: {got:#}");
        let refused = got["calls"]["delete_repo"].to_string();
        assert!(refused.contains("You may not use delete_repo."), "{era}: {got:#}");
        assert_eq!((&got["token"]["aud"], &got["token"]["scope"]), (&json!(url), &json!("tools")), "{era}");
        let requests: Vec<&str> =
            got["requests"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let (issuer, metadata) =
            (&house.issuer, "https://mcp.example.com/.well-known/oauth-protected-resource");
        let wanted = [
            format!("401 POST {url}"),
            format!("200 GET {metadata}/servers/{OAUTH}/mcp"),
            format!("201 POST {issuer}/reg"),
            format!("200 POST {issuer}/token"),
            format!("200 POST {url}"),
        ];
        let mut seen = requests.iter();
        for request in &wanted {
            assert!(seen.any(|seen| seen == request), "{era}: no {request} in {requests:#?}");
        }
        println!("        {era}: {}", requests.join(", "));
        // Who is in no group has a token, and may not enter.
        let got = authorize(house, era, "frank").await;
        let refused = got["failed"].to_string();
        assert!(refused.contains("Missing: tenant github."), "{era}: {got:#}");
    }
}
