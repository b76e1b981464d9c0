//! What the listener for lists refuses whoever asks, and how much of it one person can take.

use super::{Lists, MCP, PATH, REQUIREMENT, Upstream, message, refused};
use crate::world::{Pair, Plan};
use gatepost_kit::client::{Answer, Client, Kind};
use gatepost_kit::process::{free_addr, until};
use reqwest::Method;
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_is_no_trusted_proxy_gets_no_list() {
    let (upstream, filter) = (Upstream::start().await, free_addr());
    let plan = Plan::default().env("GATEPOST_MCP__FILTER_ADDR", filter.to_string());
    let plan = plan.env("GATEPOST_SERVICES", format!("tools=http://{}", upstream.addr));
    let _world = plan.env("GATEPOST_TRUSTED_PROXIES", "192.0.2.0/24").start(Pair::Embedded).await;
    let client = Client::builder().everywhere(filter).build();
    let request = client.request(Method::POST, &format!("http://{MCP}{PATH}")).kind(Kind::Program);
    refused(&request.body(message("tools/list")).send().await, 403, "untrusted_peer");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_message_is_read_again_and_must_be_one_list_call() {
    let lists = Lists::start(Pair::Embedded).await;
    let told = lists.told("carol", REQUIREMENT).await;
    let client = Client::builder().everywhere(lists.filter).build();
    let send = async |headers: &[(&str, &str)], body: &str| -> Answer {
        let request = client.request(Method::POST, &format!("http://{MCP}{PATH}")).kind(Kind::Program);
        let of_caller = told.headers.iter().filter(|(name, _)| name.starts_with("x-"));
        let request = of_caller.fold(request, |request, (name, value)| request.header(name, value));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        request.body(body.to_owned()).send().await
    };
    let (json, list) = (("content-type", "application/json"), message("tools/list"));
    assert_eq!(send(&[json, ("mcp-method", "tools/list")], &list).await.status, 200);
    for (headers, body) in [
        (&[json, ("mcp-method", "prompts/list")][..], list.clone()),
        (&[json, ("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/list")], list.clone()),
        (&[json, ("content-encoding", "gzip")], list.clone()),
        (&[("content-type", "text/plain")], list.clone()),
        (&[], list.clone()),
        (&[json], format!("[{list}]")),
        (&[json], list.replace("\"id\":7", "\"id\":7,\"method\":\"tools/call\"")),
        (&[json], String::new()),
    ] {
        refused(&send(headers, &body).await, 400, "unreadable");
    }
    let long =
        list.replace("\"params\":{}", &format!("\"params\":{{\"cursor\":\"{}\"}}", "x".repeat(1024 * 1024)));
    refused(&send(&[json], &long).await, 413, "unreadable");
    assert_eq!(lists.upstream.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_server_that_hangs_costs_its_caller_ten_seconds_and_others_nothing() {
    let lists = Lists::start(Pair::Embedded).await;
    let (alice, bob) = (lists.browser("alice").await, lists.browser("bob").await);
    lists.upstream.replies(String::new());
    let begun = Instant::now();
    let url = lists.url();
    let hanging: Vec<_> = (0..8)
        .map(|_| {
            let (client, url) = (alice.clone(), url.clone());
            tokio::spawn(
                async move { super::post(&client, &url, "tools/list", &message("tools/list")).await },
            )
        })
        .collect();
    let all = async || (lists.upstream.count() == 8).then_some(());
    until("eight lists to be asked for", Duration::from_secs(8), all).await;
    let one_more = lists.list(&alice.impatient(), "tools/list").await;
    refused(&one_more, 503, "unavailable");
    assert_eq!(one_more.header("retry-after"), Some("1"));
    lists.upstream.replies_json(&super::tools());
    assert_eq!(lists.list(&bob, "tools/list").await.status, 200);
    for answer in hanging {
        refused(&answer.await.unwrap(), 502, "not_filtered");
    }
    let took = begun.elapsed();
    assert!((Duration::from_secs(10)..Duration::from_secs(25)).contains(&took), "{took:?}");
    assert_eq!(lists.list(&alice, "tools/list").await.status, 200);
}
