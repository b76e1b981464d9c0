//! The echo application.

use gatepost_kit::client::{Client, Kind};
use gatepost_kit::echo::{Echo, Link, Pages};
use reqwest::Method;

#[tokio::test]
async fn every_header_comes_back_even_of_many() {
    let app = Echo::start().await;
    let mut request = Client::builder().build().stranger();
    let url = format!("http://{}/x?y=1", app.addr());
    let described = (0..300)
        .fold(request.request(Method::PUT, &url), |request, n| request.header(&format!("x-{n}"), "v"));
    let received = described.header("x-twice", "1").header("x-twice", "2").body("b").send().await.echoed();
    assert_eq!(
        (received.method.as_str(), received.uri.as_str(), received.body.as_str()),
        ("PUT", "/x?y=1", "b")
    );
    assert_eq!(received.values("x-twice").collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(received.header("x-299"), Some("v"));
    assert_eq!(app.requests(), [received]);
    app.forget();
    assert!(app.requests().is_empty());
    request = request.duplicate();
    assert_eq!(request.get(&url).await.status, 200);
}

#[tokio::test]
async fn people_get_a_page_and_what_they_send_is_escaped() {
    let links = vec![Link { text: "Other".into(), url: "http://other.localhost:8000/".into() }];
    let app = Echo::with_pages(Pages { title: "Wiki".into(), links }).await;
    let client = Client::builder().build();
    let url = format!("http://{}/<script>", app.addr());
    let request = client.request(Method::GET, &url).header("x-user-name", "Z%C3%BCrcher <b>");
    let page = request.header("x-user-groups", "a,b").send().await;
    assert!(page.header("content-type").is_some_and(|kind| kind.starts_with("text/html")));
    assert!(page.body.contains("Hello, Zürcher &lt;b&gt;"), "{}", page.body);
    assert!(page.body.contains("a, b") && page.body.contains("href=\"/.gatepost/logout\""));
    assert!(!page.body.contains("<script>"));
    let json = client.request(Method::GET, &url).kind(Kind::Fetch).send().await;
    assert_eq!(json.echoed().method, "GET");
}
