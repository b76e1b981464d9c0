//! What the rest of a configuration of nginx must not do to the printed file.

use super::raw::{send, status};
use super::requests::cookie_of;
use super::{HOST, Kind, OTHER_HOST, Proxy, Site, file, nginx_template, url, world};
use crate::cli::sql;
use crate::world::APP;
use sqlx::AssertSqlSafe;

/// Pages of an operator's own for errors, also for those of servers behind nginx.
const ERROR_PAGES: &str = "proxy_intercept_errors on;
error_page 401 = /login.html;
error_page 403 = /denied.html;
error_page 502 504 =200 /down.html;
error_page 500 503 /50x.html;
";

#[tokio::test(flavor = "multi_thread")]
async fn pages_for_errors_do_not_take_the_place_of_gatepost() {
    let (world, application) = world().await;
    let printed = file(&world, Kind::Nginx, &[]).await;
    let template = format!("{ERROR_PAGES}{}", nginx_template(&world));
    let proxy = Proxy::nginx(&template, &world, &printed).await;
    let site = Site { world, proxy, application };
    let (alice, status) = site.visited("alice").await;
    assert_eq!(status, 403, "she is no member: {}", site.proxy.log());
    let stranger = site.browser();
    let asks = async |when: &str, wanted: [u16; 2]| {
        for (browser, wanted) in [(&stranger, wanted[0]), (&alice, wanted[1])] {
            let refused = browser.impatient().fetch(&url("/read")).await;
            assert_eq!(refused.status, wanted, "{when}: {}\n{}", refused.body, site.proxy.log());
        }
        assert!(site.application.requests().is_empty(), "{when}: {:?}", site.application.requests());
    };
    asks("Gatepost refuses", [401, 403]).await;
    site.world.gatepost.sigterm();
    assert!(site.world.gatepost.wait_exit().await.success());
    asks("Gatepost is away", [503, 503]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_without_a_server_gets_the_application_of_no_other_host() {
    let mut site = Site::start(Kind::Nginx, &[]).await;
    let browser = site.of_bob().await;
    let printed = file(&site.world, Kind::Nginx, &[]).await;
    let alone = "server_names_hash_bucket_size 512;\ninclude /etc/nginx/gatepost/tenants.conf;\n";
    site.proxy = Proxy::nginx(alone, &site.world, &printed).await;
    let cookie = cookie_of(&browser);
    let get = async |host: &str| {
        let head = format!("GET /read HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\n");
        send(&site, &format!("{head}Sec-Fetch-Site: same-origin\r\nConnection: close\r\n\r\n")).await
    };
    // With the name of a server in the handshake, and a host of GATEPOST_HOSTS in the request.
    let other = get(APP).await;
    assert_eq!(status(&other), 421, "{other}");
    assert!(site.application.requests().is_empty(), "{:?}", site.application.requests());
    let own = get(HOST).await;
    assert_eq!(status(&own), 200, "{own}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_files_are_valid_while_no_tenant_has_a_host() {
    let (world, application) = world().await;
    sql(&world, AssertSqlSafe(format!("DELETE FROM tenant_hosts WHERE host IN ('{HOST}', '{OTHER_HOST}')")))
        .await;
    world.has_heard().await;
    for kind in [Kind::Caddy, Kind::Nginx] {
        let printed = file(&world, kind, &[]).await;
        assert!(printed.starts_with("# 0 routers"), "{printed}");
        // It starts: else there is no port.
        let proxy = Proxy::start(kind, &world, &printed).await;
        proxy.secure();
    }
    drop(application);
}
