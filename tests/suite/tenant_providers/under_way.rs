//! Sign-ins and refreshes that are under way while the provider of a tenant changes, and sessions of other providers at a
//! tenant's host.

use super::two::{ACME, DANA, Two, provider_of};
use crate::cli::sql;
use crate::refresh;
use crate::world::{APP, PUBLIC};
use gatepost_kit::client::Client;
use gatepost_kit::edge::Route;
use gatepost_kit::entra::{Call, Endpoint, Entra};
use gatepost_kit::process::until;

const EIGHT_HOURS: i64 = 8 * 3600;

fn sign_ins(entra: &Entra) -> Vec<Call> {
    entra.calls().into_iter().filter(|call| call.endpoint == Endpoint::Authorize).collect()
}

impl Two {
    /// Alice, whom the platform's provider signed in long ago, at a host that demands a sign-in of the last quarter of an hour.
    async fn long_ago(&self) -> Client {
        let recent = self.world.gatepost.verify_url("max_age=900");
        self.world.edge.set_route(ACME, Route::gated(recent, self.world.app.addr()));
        let browser = self.world.signed_in("alice").await;
        self.world.entra.age_browsers(EIGHT_HOURS);
        self.world.entra.at_the_browser(None);
        for host in [PUBLIC, APP] {
            browser.jar().delete_host(host);
        }
        let trip = browser.navigate(&self.world.url(APP, "/")).await;
        assert_eq!(trip.end().status, 200, "{}", trip.describe());
        self.world.entra.at_the_browser(Some("alice"));
        browser
    }
}

both_pairs! {
    async fn a_sign_in_that_is_under_way_does_not_outlast_the_provider(pair) {
        let two = Two::ready(pair).await;
        two.acme.hold(Endpoint::Token);
        two.acme.at_the_browser(Some("dana"));
        let browser = two.world.browser();
        let address = two.world.url(ACME, "/");
        let before = two.acme.count(Endpoint::Token);
        let remove = async {
            until("the code to be exchanged", refresh::DEADLINE, async || {
                (two.acme.count(Endpoint::Token) > before).then_some(())
            })
            .await;
            two.done("DELETE", "/tenants/acme/provider").await;
            two.acme.release(Endpoint::Token);
        };
        let (trip, ()) = tokio::join!(browser.navigate(&address), remove);
        assert_ne!(trip.end().status, 200, "{}", trip.describe());
        let known = two.world.cli(&["user", "show", DANA, "--json"]).await;
        assert!(!known.contains("t-acme"), "nobody was identified: {known}");
    }

    async fn a_refresh_at_a_tenants_provider_that_is_gone_ends_the_session(pair) {
        let two = Two::ready_with(pair, refresh::plan()).await;
        let (dana, status) = two.visited(&two.acme, "dana", ACME).await;
        assert_eq!(status, 200);
        // As if a replica had not heard of the end of its sessions.
        sql(&two.world, "DELETE FROM tenant_providers WHERE tenant_id = 'acme'").await;
        let dana = dana.impatient();
        until("the session to end", refresh::DEADLINE, async || {
            let status = dana.fetch(&two.world.url(ACME, "/")).await.status;
            assert!(matches!(status, 200 | 401 | 503), "{status}");
            (status == 401).then_some(())
        })
        .await;
    }

    async fn a_session_of_the_platforms_provider_is_confirmed_there_also_where_it_is_not_offered(pair) {
        let two = Two::ready(pair).await;
        let alice = two.long_ago().await;
        two.acme.forget_calls();
        let trip = alice.navigate(&two.world.url(ACME, "/read")).await;
        assert_eq!(trip.end().status, 200, "an administrator enters every tenant: {}", trip.describe());
        assert!(sign_ins(&two.acme).is_empty(), "{}", trip.describe());
        assert!(sign_ins(&two.world.entra).last().unwrap().query_field("login_hint").is_some());
    }

    async fn a_tenants_provider_is_not_told_whom_another_one_signed_in(pair) {
        let two = Two::ready(pair).await;
        let mut body = provider_of(&two.acme, "acme.example");
        body["only"] = false.into();
        assert_eq!(two.put("acme", &body).await.status, 200);
        let alice = two.long_ago().await;
        let trip = alice.navigate(&two.world.url(ACME, "/read")).await;
        let login = trip.hops.iter().find(|hop| hop.url.path() == "/login").expect("a sign-in");
        two.acme.forget_calls();
        two.acme.at_the_browser(Some("dana"));
        let alice = two.long_ago().await;
        let chosen = format!("{}&provider=t-acme", login.url);
        alice.navigate(&chosen).await;
        let [call] = sign_ins(&two.acme).try_into().expect("one sign-in there");
        assert_eq!(call.query_field("login_hint"), None, "it would learn who alice is elsewhere");
    }
}
