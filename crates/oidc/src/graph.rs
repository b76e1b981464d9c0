//! Reads a person's groups from Microsoft Graph, with their names if the application may read those.
//!
//! The URL is built from `msgraph_host` of the discovery document, never from a token, and a next page must be on the same
//! origin. A list that cannot be read to its end within the limits is an error.

use super::calls::Endpoint;
use super::transport::{Answer, CallError, Transport};
use gatepost_core::identity::{AssertedGroup, GroupKind};
use openidconnect::AccessToken;
use reqwest::StatusCode;
use serde_json::{Map, Value};
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

const PATH: &str = "v1.0/me/transitiveMemberOf?$select=id,displayName&$top=999";
const PAGE_LIMIT: usize = 50;
const GROUP_LIMIT: usize = 11_000;
const TOTAL_TIMEOUT: Duration = Duration::from_secs(10);
/// The limit of all pauses that Graph asks for, together.
const WAIT_LIMIT: Duration = Duration::from_secs(4);
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// Lists all groups of the access token's owner, also those that they belong to through other groups.
pub(super) async fn list(
    transport: &Transport,
    graph: &Url,
    access_token: &AccessToken,
) -> Result<Vec<AssertedGroup>, CallError> {
    let pages = async {
        let mut groups = Vec::new();
        let mut next = Some(graph.join(PATH).map_err(|_| CallError::Unexpected("no address of Graph"))?);
        let mut time_left = WAIT_LIMIT;
        for _ in 0..PAGE_LIMIT {
            let Some(url) = next else { return Ok(groups) };
            let page = page(transport, &url, access_token, &mut time_left).await?;
            read_groups(&page, &mut groups)?;
            if groups.len() > GROUP_LIMIT {
                return Err(CallError::TooLarge);
            }
            next = next_page(&page, graph)?;
        }
        Err(CallError::TooLarge)
    };
    tokio::time::timeout_at(Instant::now() + TOTAL_TIMEOUT, pages).await.unwrap_or(Err(CallError::Timeout))
}

/// Reads one page. If Graph is busy, waits as it asks and tries again, for `time_left` at most.
async fn page(
    transport: &Transport,
    url: &Url,
    access_token: &AccessToken,
    time_left: &mut Duration,
) -> Result<Map<String, Value>, CallError> {
    let mut backoff = FIRST_WAIT;
    loop {
        let answer = transport.get(Endpoint::Graph, url, Some(access_token)).await?;
        if !asks_to_wait(&answer) {
            return answer.success();
        }
        let wait = answer.head.retry_after.unwrap_or(backoff);
        *time_left = time_left.checked_sub(wait).ok_or(answer.head.error())?;
        tokio::time::sleep(wait).await;
        backoff *= 2;
    }
}

fn asks_to_wait(answer: &Answer) -> bool {
    matches!(
        answer.head.status,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
    )
}

fn read_groups(page: &Map<String, Value>, groups: &mut Vec<AssertedGroup>) -> Result<(), CallError> {
    let entries =
        page.get("value").and_then(Value::as_array).ok_or(CallError::Unexpected("no list of groups"))?;
    for entry in entries {
        let text = |name: &str| entry.get(name).and_then(Value::as_str);
        // The list also has directory roles and administrative units.
        if text("@odata.type") != Some("#microsoft.graph.group") {
            continue;
        }
        let id = text("id").filter(|id| uuid::Uuid::try_parse(id).is_ok());
        let id = id.ok_or(CallError::Unexpected("a group without id"))?;
        // Without the permission GroupMember.Read.All the name is null.
        let name = text("displayName").filter(|name| !name.is_empty() && !name.chars().any(char::is_control));
        groups.push(AssertedGroup {
            kind: GroupKind::Group,
            external_id: id.to_owned(),
            display_name: name.map(str::to_owned),
        });
    }
    Ok(())
}

fn next_page(page: &Map<String, Value>, graph: &Url) -> Result<Option<Url>, CallError> {
    let Some(link) = page.get("@odata.nextLink").filter(|link| !link.is_null()) else { return Ok(None) };
    let url =
        link.as_str().and_then(|link| Url::parse(link).ok()).filter(|url| url.origin() == graph.origin());
    url.map(Some).ok_or(CallError::Unexpected("a next page elsewhere"))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Reply, Scripted, json_reply, transport};
    use super::*;
    use serde_json::json;

    const A: &str = "aaaaaaaa-0000-4000-8000-000000000001";
    const B: &str = "aaaaaaaa-0000-4000-8000-000000000002";

    fn entry(id: &str, name: Option<&str>) -> Value {
        json!({"@odata.type": "#microsoft.graph.group", "id": id, "displayName": name})
    }

    async fn list_from(server: &Scripted) -> Result<Vec<(String, Option<String>)>, CallError> {
        let groups = list(&transport(), &server.url("/"), &AccessToken::new("access".to_owned())).await?;
        Ok(groups.into_iter().map(|group| (group.external_id, group.display_name)).collect())
    }

    #[tokio::test]
    async fn pages_are_followed_and_throttling_is_waited_for() {
        let server = Scripted::start().await;
        let second = server.url("/v1.0/me/transitiveMemberOf?$skiptoken=x");
        let role = json!({"@odata.type": "#microsoft.graph.directoryRole", "id": A});
        server.reply(json_reply(429, &json!({})).header("Retry-After", "0.01"));
        server.reply(json_reply(
            200,
            &json!({"value": [entry(A, Some("Ops")), role], "@odata.nextLink": second.as_str()}),
        ));
        server.reply(json_reply(200, &json!({"value": [entry(B, None)]})));
        let groups = list_from(&server).await.expect("groups");
        assert_eq!(groups, [(A.to_owned(), Some("Ops".to_owned())), (B.to_owned(), None)]);
        let requests = server.requests();
        assert!(
            requests[0].starts_with("GET /v1.0/me/transitiveMemberOf?$select=id,displayName&$top=999 "),
            "{}",
            requests[0]
        );
        assert!(requests[0].to_ascii_lowercase().contains("authorization: bearer access"));
        assert!(requests[2].starts_with("GET /v1.0/me/transitiveMemberOf?$skiptoken=x "));
    }

    #[tokio::test]
    async fn what_cannot_be_read_to_its_end_is_no_list() {
        let page = |next: &str| json_reply(200, &json!({"value": [entry(A, None)], "@odata.nextLink": next}));
        for reply in [
            json_reply(403, &json!({})),
            json_reply(429, &json!({})).header("Retry-After", "60"),
            json_reply(200, &json!({"value": {}})),
            json_reply(200, &json!({"value": [entry("x", None)]})),
            page("https://evil.example/v1.0/me"),
            page("/v1.0/me"),
            Reply::text(200, "<html>"),
        ] {
            let server = Scripted::start().await;
            server.reply(reply);
            assert!(list_from(&server).await.is_err());
            assert_eq!(server.requests().len(), 1);
        }
    }

    #[tokio::test]
    async fn a_list_without_end_is_given_up() {
        let server = Scripted::start().await;
        let again = server.url("/again");
        for _ in 0..PAGE_LIMIT {
            server.reply(json_reply(200, &json!({"value": [], "@odata.nextLink": again.as_str()})));
        }
        assert!(matches!(list_from(&server).await, Err(CallError::TooLarge)));
        assert_eq!(server.requests().len(), PAGE_LIMIT);
    }
}
