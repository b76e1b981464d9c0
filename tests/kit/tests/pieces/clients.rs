//! The scripted browser keeps cookies and sends headers as browsers do.

use gatepost_kit::client::{Client, Jar, Kind, SiteContext, send_raw};
use gatepost_kit::echo::Echo;
use reqwest::Method;
use url::Url;

fn url(text: &str) -> Url {
    text.parse().expect("a URL")
}

#[test]
fn host_cookies_stay_on_their_host() {
    let mut jar = Jar::default();
    let app = url("https://app.example.test/a");
    assert!(jar.set(&app, "__Host-gatepost=v; Secure; HttpOnly; Path=/; SameSite=Lax; Max-Age=60"));
    assert_eq!(jar.header(&app, SiteContext::SameSite).as_deref(), Some("__Host-gatepost=v"));
    assert_eq!(jar.header(&url("https://example.test/"), SiteContext::SameSite), None);
    assert_eq!(jar.header(&url("https://sub.app.example.test/"), SiteContext::SameSite), None);
    assert_eq!(jar.header(&url("http://app.example.test/"), SiteContext::SameSite), None);
    assert_eq!(jar.header(&app, SiteContext::CrossSite), None);
    assert!(jar.header(&app, SiteContext::CrossSiteNavigation).is_some());
    assert!(jar.set(&app, "__Host-gatepost=; Secure; Path=/; Max-Age=0"));
    assert_eq!(jar.list(), []);
}

#[test]
fn cookies_that_a_browser_refuses_are_refused() {
    let mut jar = Jar::default();
    let app = url("https://app.example.test/a/b");
    for line in [
        "__Host-x=1; Path=/",
        "__Host-x=1; Secure; Path=/a",
        "__Host-x=1; Secure; Path=/; Domain=app.example.test",
        "__Secure-x=1; Path=/",
        "x=1; Domain=other.test",
        "x=1; Domain=test",
        "x=1; SameSite=None",
        "no pair",
    ] {
        assert!(!jar.set(&app, line), "{line}");
    }
    assert!(!jar.set(&url("http://app.example.test/"), "x=1; Secure"));
    assert!(jar.set(&url("http://app.localhost/"), "x=1; Secure"), "loopback names count as secure");
}

#[test]
fn longer_paths_come_first_and_dates_in_the_past_delete() {
    let mut jar = Jar::default();
    let page = url("https://app.example.test/a/b");
    assert!(jar.set(&page, "root=1; Path=/"));
    assert!(jar.set(&page, "deep=1; Path=/a; Domain=.example.test"));
    assert_eq!(jar.header(&page, SiteContext::SameSite).as_deref(), Some("deep=1; root=1"));
    assert_eq!(
        jar.header(&url("https://app.example.test/ab"), SiteContext::SameSite).as_deref(),
        Some("root=1")
    );
    assert!(jar.set(&page, "root=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT"));
    assert_eq!(jar.header(&page, SiteContext::SameSite).as_deref(), Some("deep=1"));
}

#[tokio::test]
async fn a_request_has_the_headers_of_its_kind_and_origin() {
    let app = Echo::start().await;
    let client = Client::builder().everywhere(app.addr()).build();
    let navigation = client.get("http://app.localhost/").await.echoed();
    assert_eq!(navigation.header("host"), Some("app.localhost"));
    assert_eq!(navigation.header("sec-fetch-mode"), Some("navigate"));
    assert_eq!(navigation.header("sec-fetch-site"), Some("none"));
    let fetch = client.fetch("http://app.localhost/").await.echoed();
    assert_eq!(
        (fetch.header("sec-fetch-mode"), fetch.header("sec-fetch-site")),
        (Some("cors"), Some("same-origin"))
    );
    let form = client.submit("http://evil.test/", "http://app.localhost/", &[("a", "b c")]).await;
    let form = form.end().echoed();
    assert_eq!(
        (form.header("origin"), form.header("sec-fetch-site")),
        (Some("http://evil.test"), Some("cross-site"))
    );
    assert_eq!(form.body, "a=b+c");
    let bare = client.request(Method::GET, "http://app.localhost/").kind(Kind::Program).send().await.echoed();
    assert_eq!((bare.header("user-agent"), bare.header("sec-fetch-mode")), (None, None));
    let odd =
        client.request(Method::GET, "http://app.localhost/").header("accept", "a").header("accept", "b");
    let odd = odd.without("sec-fetch-mode").send().await.echoed();
    assert_eq!(odd.values("accept").collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(odd.header("sec-fetch-mode"), None);
}

#[tokio::test]
async fn bytes_that_are_no_http_can_be_sent() {
    let app = Echo::start().await;
    let answer = send_raw(app.addr(), b"NONSENSE\r\n\r\n").await.expect("a connection");
    assert_eq!(answer.status, Some(400), "{}", answer.text());
}
