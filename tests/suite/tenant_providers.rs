//! Providers that tenants bring: tried before they are kept, offered at the tenant's hosts, and what they can never say.

use self::two::{ACME, DANA, Two, ZETA, ZOE, person, provider_of};
use crate::answers::Asked;
use crate::tenants::{binds, settled};
use crate::world::{APP, PUBLIC, Plan};
use gatepost_kit::client::Answer;
use gatepost_kit::dns::DnsServer;
use gatepost_kit::entra::Group;
use serde_json::{Value, json};

mod parts;
mod sessions;
pub(crate) mod two;
mod under_way;

fn reason(answer: &Answer) -> String {
    let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    body["errors"][0]["code"].as_str().unwrap_or_default().to_owned()
}

both_pairs! {
    async fn people_sign_in_at_the_provider_of_the_tenant_whose_host_they_open(pair) {
        let two = Two::ready(pair).await;
        let (browser, status) = two.visited(&two.acme, "dana", ACME).await;
        assert_eq!(status, 200);
        let seen = browser.fetch(&two.world.url(ACME, "/read")).await.echoed();
        assert_eq!(seen.header("x-user-email"), Some(DANA));
        assert_eq!(seen.header("x-tenant-id"), Some("acme"));
        let (zoe, status) = two.visited(&two.zeta, "zoe", ZETA).await;
        assert_eq!(status, 200);
        assert_eq!(zoe.fetch(&two.world.url(ZETA, "/read")).await.echoed().header("x-user-email"), Some(ZOE));
        // The platform's host offers the platform's provider alone.
        let stranger = two.world.browser();
        two.world.entra.at_the_browser(Some("bob"));
        assert_eq!(stranger.navigate(&two.world.url(APP, "/")).await.end().status, 200);
        let named = two.world.browser().navigate(&two.world.url(PUBLIC, "/login?provider=t-acme")).await;
        assert_eq!(named.end().status, 404, "no sign-in at a provider of a tenant outside of its hosts");
    }

    async fn a_provider_that_replaces_a_removed_one_is_the_one_that_is_asked(pair) {
        let two = Two::ready(pair).await;
        assert_eq!(two.visited(&two.acme, "dana", ACME).await.1, 200);
        two.done("DELETE", "/tenants/acme/provider").await;
        two.zeta.register_redirect_uri(&two.world.url(PUBLIC, "/callback/t-acme"));
        two.zeta.add(person("eve", "eve@acme.example"));
        let answer = two.put("acme", &provider_of(&two.zeta, "acme.example")).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        two.done("POST", "/tenants/acme/provider/domains/acme.example/approve").await;
        two.world.cli(&["tenant", "add-member", "acme", "eve@acme.example"]).await;
        assert_eq!(two.visited(&two.zeta, "eve", ACME).await.1, 200, "the removed one was asked");
    }

    async fn a_person_of_one_tenants_provider_proposes_no_other_tenant(pair) {
        let two = Two::ready_with(pair, Plan::default().env("GATEPOST_TENANTS__SELF_SERVICE", "true")).await;
        let (dana, status) = two.visited(&two.acme, "dana", ACME).await;
        assert_eq!(status, 200);
        let account = dana.get(&two.world.url(PUBLIC, "/")).await;
        assert!(account.status == 200 && !account.body.contains("/proposals/new"), "{}", account.body);
        let (form, account) = (two.world.url(PUBLIC, "/proposals/new"), two.world.url(PUBLIC, "/"));
        assert_eq!(dana.get(&form).await.status, 404);
        let sent = dana.submit(&account, &form, &[("id", "shop"), ("name", "Shop")]).await;
        assert_eq!(sent.end().status, 404, "{}", sent.describe());
        let refused = two.send(&dana, "POST", "/me/proposals", Some(&json!({ "id": "shop", "name": "Shop" }))).await;
        assert_eq!((refused.status, reason(&refused).as_str()), (409, "proposer_confined"), "{}", refused.body);
    }

    async fn a_person_of_one_tenants_provider_is_nobody_elsewhere(pair) {
        let two = Two::ready(pair).await;
        let (dana, status) = two.visited(&two.acme, "dana", ACME).await;
        assert_eq!(status, 200);
        // The session goes with the browser, and opens neither the other tenant nor a host of the platform.
        assert_eq!(dana.navigate(&two.world.url(ZETA, "/")).await.end().status, 403);
        assert_eq!(dana.navigate(&two.world.url(APP, "/")).await.end().status, 403, "signed in is not enough there");
        let told = settled(&Two::at(&dana, APP), &two.world.gatepost).await;
        assert_eq!(told.status, 403, "{told:?}");
        assert_eq!(settled(&Two::at(&dana, APP).requiring("tenant=acme"), &two.world.gatepost).await.status, 200);
        // Whatever the directory has for the address counts for nothing outside of the tenant.
        two.world.cli_all(&[
            &["admin", "grant", DANA],
            &["group", "create", "Staff"],
            &["group", "add", "Staff", DANA],
            &["tenant", "add-member", "zeta", DANA, "--role", "admin"],
        ])
        .await;
        for requirement in ["group=Staff", "admin=true", "tenant=zeta", "group=Staff&tenant=acme"] {
            let told = settled(&Two::at(&dana, APP).requiring(requirement), &two.world.gatepost).await;
            assert_eq!(told.status, 403, "{requirement}: {told:?}");
        }
        assert_eq!(settled(&Two::at(&dana, ZETA), &two.world.gatepost).await.status, 403);
        for path in ["/users", "/tenants/zeta", "/tenants/acme"] {
            let answer = two.send(&dana, "GET", path, None).await;
            assert_eq!(answer.status, 403, "{path}: {}", answer.body);
        }
        two.world.cli(&["tenant", "add-member", "acme", DANA, "--role", "admin"]).await;
        assert_eq!(two.send(&dana, "GET", "/tenants/acme", None).await.status, 200, "a role in the tenant counts");
        assert_eq!(two.send(&dana, "GET", "/tenants/zeta", None).await.status, 404);
        let said = two.world.cli(&["explain", "--user", DANA, "--url", &two.world.url(APP, "/")]).await;
        assert!(said.contains("the provider of tenant acme identifies the person"), "{said}");
        let listed = two.world.cli(&["access", "--requirement", "group=Staff"]).await;
        assert!(!listed.contains(DANA), "{listed}");
    }

    async fn a_tenants_provider_never_asserts_somebody_of_another_provider(pair) {
        let two = Two::ready(pair).await;
        // The same `sub`, and an address of the platform, of another tenant, of nobody.
        for (handle, email) in [("bob", "bob@example.com"), ("zoe", ZOE), ("eve", "eve@nobody.example")] {
            two.acme.add(person(handle, email));
            let (_, status) = two.visited(&two.acme, handle, ACME).await;
            assert_eq!(status, 403, "{email} is no address of the tenant's domains");
        }
        // Somebody who was expected with rights outside of the tenant.
        two.world.cli_all(&[&["user", "create", "root@acme.example"], &["admin", "grant", "root@acme.example"]]).await;
        two.acme.add(person("root", "root@acme.example"));
        two.held(&two.acme, "root").await;
        // An address of the domain that somebody of the platform holds already.
        two.world.entra.add(person("guest", "guest@acme.example"));
        two.world.entra.at_the_browser(Some("guest"));
        let guest = two.world.browser();
        assert_eq!(guest.navigate(&two.world.url(APP, "/")).await.end().status, 200);
        two.acme.add(person("guest", "guest@acme.example"));
        two.held(&two.acme, "guest").await;
        assert_eq!(settled(&Asked::fetch("/").by(&guest), &two.world.gatepost).await.status, 200, "and keeps it");
    }

    async fn the_command_line_sets_shows_and_removes_the_provider_of_a_tenant(pair) {
        let two = Two::start(pair).await;
        let folder = tempfile::TempDir::new().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, format!("{text}\n")).unwrap();
            path.display().to_string()
        };
        let (right, wrong) = (file("right", &two.acme.client_secret()), file("wrong", "not the secret"));
        let (issuer, client) = (two.acme.issuer(), two.acme.client_id());
        let set = ["tenant", "provider", "set", "acme", "--issuer", &issuer, "--client-id", &client, "--domain", "acme.example"];
        let without = two.world.cli_refuses(&set).await;
        assert!(without.contains("secret"), "{without}");
        let refused = two.world.cli_refuses(&[&set[..], &["--client-secret-file", &wrong]].concat()).await;
        assert!(refused.contains("refuses the client or its secret"), "{refused}");
        let flawed = ["tenant", "provider", "set", "acme", "--issuer", "id.acme.example", "--client-id", &client];
        let flawed = two.world.cli_refuses(&flawed).await;
        assert!(flawed.contains("issuer: ") && flawed.contains("https://id.example.com"), "{flawed}");
        let none = two.world.cli_refuses(&["tenant", "provider", "show", "acme"]).await;
        assert!(none.contains("acme"), "{none}");

        let said = two.world.cli(&[&set[..], &["--client-secret-file", &right]].concat()).await;
        assert!(said.contains("/callback/t-acme") && said.contains("_gatepost.acme.example TXT"), "{said}");
        assert!(!said.contains(&two.acme.client_secret()), "{said}");
        assert!(two.world.cli(&set).await.contains("already brings"), "the secret stays");
        let part = ["tenant", "provider", "set", "acme"];
        let refused = two.world.cli_refuses(&[&part[..], &["--client-secret-file", &wrong]].concat()).await;
        assert!(refused.contains("refuses the client or its secret"), "{refused}");
        let said = two.world.cli(&[&part[..], &["--client-secret-file", &right, "--label", "Acme", "--only"]].concat()).await;
        assert!(said.contains("Acme") && said.contains("hosts: yes") && said.contains("acme.example (proposed)"), "{said}");
        let said = two.world.cli(&[&part[..], &["--only=false", "--label", ""]].concat()).await;
        assert!(said.contains("people see: acme\n") && said.contains("hosts: no") && said.contains("acme.example (proposed)"), "{said}");
        let stale = two.world.cli_refuses(&[&part[..], &["--label", "Zeta", "--if-version", "1"]].concat()).await;
        assert!(stale.contains("version"), "{stale}");
        two.world.cli_all(&[&["tenant", "provider", "approve", "acme", "acme.example"], &["tenant", "add-member", "acme", DANA]]).await;
        assert_eq!(two.visited(&two.acme, "dana", ACME).await.1, 200);
        let shown: Value = serde_json::from_str(&two.world.cli(&["tenant", "provider", "show", "acme", "--json"]).await).unwrap();
        assert_eq!(shown["allowed_domains"][0]["state"], "active", "{shown}");
        assert_eq!(two.done("GET", "/tenants/acme").await["provider"], json!({ "kind": "oidc", "label": "acme" }));
        two.world.cli(&["tenant", "provider", "remove", "acme"]).await;
        two.world.cli_refuses(&["tenant", "provider", "show", "acme"]).await;
        assert_eq!(two.done("GET", "/tenants/acme").await["provider"], Value::Null);
    }

    async fn who_is_confined_to_a_tenant_is_not_the_administrator_who_must_remain(pair) {
        let two = Two::ready(pair).await;
        assert_eq!(two.visited(&two.acme, "dana", ACME).await.1, 200);
        two.world.cli(&["admin", "grant", DANA]).await;
        let alice: Value = serde_json::from_str(&two.world.cli(&["user", "show", "alice@example.com", "--json"]).await).unwrap();
        let path = format!("/admins/{}", alice["id"].as_str().unwrap());
        let answer = two.send(&two.admin, "DELETE", &path, None).await;
        assert_eq!(answer.status, 409, "dana administers nothing: {}", answer.body);
    }

    async fn the_same_issuer_and_subject_through_a_tenants_provider_is_another_person(pair) {
        let two = Two::start(pair).await;
        // The platform's own Entra, which the tenant names as its own: the same `iss` and `oid`.
        let entra = &two.world.entra;
        entra.register_redirect_uri(&two.world.url(PUBLIC, "/callback/t-acme"));
        let body = json!({
            "kind": "entra", "tenant_id": entra.tid(), "client_id": entra.client_id(),
            "client_secret": entra.client_secret(), "only": true, "allowed_domains": ["example.com"],
        });
        assert_eq!(two.put("acme", &body).await.status, 201);
        let (bob, status) = two.visited(entra, "bob", APP).await;
        assert_eq!(status, 200);
        let (_, status) = two.visited(entra, "bob", ACME).await;
        assert_eq!(status, 403, "the domain is not proved");
        two.done("POST", "/tenants/acme/provider/domains/example.com/approve").await;
        two.held(entra, "bob").await;
        assert_eq!(settled(&Asked::fetch("/").by(&bob), &two.world.gatepost).await.status, 200);
        let identities = two.world.cli(&["user", "show", "bob@example.com", "--json"]).await;
        assert!(!identities.contains("t-acme"), "{identities}");
    }

    async fn a_tenants_provider_does_not_replace_the_session_of_somebody_else(pair) {
        let two = Two::ready(pair).await;
        let bob = two.world.signed_in("bob").await;
        two.acme.at_the_browser(Some("dana"));
        // The link that the host itself offers beside its refusal.
        let refused = bob.navigate(&two.world.url(ACME, "/")).await;
        assert_eq!(refused.end().status, 403);
        let other = bob.navigate(&two.world.url(ACME, "/.gatepost/start?prompt=select_account&uri=/")).await;
        assert_ne!(other.end().status, 200, "{}", other.describe());
        assert_eq!(settled(&Asked::fetch("/").by(&bob), &two.world.gatepost).await.status, 200, "bob is still bob");
    }

    async fn suspension_and_removal_bind_the_people_of_a_tenants_provider(pair) {
        let two = Two::ready(pair).await;
        let (dana, status) = two.visited(&two.acme, "dana", ACME).await;
        assert_eq!(status, 200);
        let asked = Two::at(&dana, ACME);
        assert_eq!(settled(&asked, &two.world.gatepost).await.status, 200);
        two.world.cli(&["tenant", "suspend", "acme", "--reason", "unpaid"]).await;
        let told = binds(&asked, &[&two.world.gatepost], 200, 403).await;
        assert_eq!(told.json()["error"], "tenant_suspended", "{told:?}");
        two.world.cli(&["tenant", "resume", "acme"]).await;
        binds(&asked, &[&two.world.gatepost], 403, 200).await;
        two.done("POST", "/tenants/acme/provider/domains/acme.example/refuse").await;
        let (_, status) = two.visited(&two.acme, "dana", ACME).await;
        assert_eq!(status, 403, "the domain does not count any more");
        two.done("DELETE", "/tenants/acme/provider").await;
        binds(&asked, &[&two.world.gatepost], 200, 401).await;
        let (_, status) = two.visited(&two.world.entra, "bob", ACME).await;
        assert_eq!(status, 403, "now the platform's provider serves, and bob is no member");
    }

    async fn groups_of_a_tenants_provider_have_names_of_their_own(pair) {
        let two = Two::ready(pair).await;
        two.world.cli(&["group", "create", "admins"]).await;
        two.acme.update("dana", |dana| dana.groups.push(Group::new("admins", "admins")));
        let (dana, status) = two.visited(&two.acme, "dana", ACME).await;
        assert_eq!(status, 200);
        let seen = dana.fetch(&two.world.url(ACME, "/read")).await.echoed();
        assert_eq!(seen.header("x-user-groups"), Some("t-acme:admins"));
        let told = settled(&Two::at(&dana, ACME).requiring("group=admins"), &two.world.gatepost).await;
        assert_eq!(told.status, 403, "{told:?}");
        let error = two.world.cli_refuses(&["group", "link", "admins", "t-acme:admins"]).await;
        assert!(error.contains("t-acme"), "{error}");
    }

    async fn a_provider_is_tried_before_it_is_kept_and_its_secret_is_never_shown(pair) {
        let two = Two::start(pair).await;
        let good = provider_of(&two.acme, "acme.example");
        let with = |name: &str, value: Value| {
            let mut body = good.clone();
            body[name] = value;
            body
        };
        let closed = format!("http://{}/realms/demo", gatepost_kit::process::free_addr());
        for (body, code) in [
            (with("client_secret", json!("wrong")), "provider_refused"),
            (with("issuer", json!(closed)), "provider_unusable"),
            (with("issuer", json!(format!("{}/other", two.acme.issuer()))), "provider_unusable"),
            // Not https, or not in a network that is allowed.
            (with("issuer", json!("https://169.254.169.254/latest")), "provider_unusable"),
            (with("issuer", json!("https://10.0.0.1")), "provider_unusable"),
            (with("issuer", json!("http://localhost:1")), "provider_unusable"),
        ] {
            let answer = two.put("acme", &body).await;
            assert_eq!((answer.status, reason(&answer).as_str()), (422, code), "{body}: {}", answer.body);
        }
        let answer = two.send(&two.admin, "GET", "/tenants/acme/provider", None).await;
        assert_eq!(answer.status, 404, "nothing was kept");
        let mut without = good.clone();
        without.as_object_mut().unwrap().remove("client_secret");
        let answer = two.put("acme", &without).await;
        assert_eq!((answer.status, reason(&answer).as_str()), (422, "secret_missing"), "{}", answer.body);

        let answer = two.put("acme", &good).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        let shown = two.done("GET", "/tenants/acme/provider").await;
        assert_eq!(shown["redirect_uri"], json!(two.world.url(PUBLIC, "/callback/t-acme")));
        assert_eq!(shown["allowed_domains"][0]["state"], json!("proposed"));
        let secret = two.acme.client_secret();
        let dump = two.world.cli(&["audit", "list", "--json"]).await;
        for text in [&answer.body, &shown.to_string(), &dump] {
            assert!(!text.contains(&secret), "{text}");
        }
        assert_eq!(two.put("acme", &without).await.status, 200, "the secret stays");
        // It would be sent to wherever the issuer leads.
        let mut moved = without.clone();
        moved["issuer"] = json!(two.zeta.issuer());
        let answer = two.put("acme", &moved).await;
        assert_eq!((answer.status, reason(&answer).as_str()), (422, "secret_missing"), "{}", answer.body);
    }

    async fn a_domain_is_proved_by_the_dns_and_is_one_providers(pair) {
        let dns = DnsServer::start().await;
        let plan = Plan::default()
            .env("GATEPOST_TENANTS__RESOLVER", dns.address().to_string())
            .env("GATEPOST_PROVIDERS__ENTRA__ALLOWED_DOMAINS", "example.com");
        let two = Two::start_with(pair, plan).await;
        for (tenant, entra) in [("acme", &two.acme), ("zeta", &two.zeta)] {
            assert_eq!(two.put(tenant, &provider_of(entra, "acme.example")).await.status, 201, "both may say so");
        }
        let configured = two.put("acme", &provider_of(&two.acme, "example.com")).await;
        assert_eq!((configured.status, reason(&configured).as_str()), (409, "domain_reserved"), "{}", configured.body);
        let confirm = async |tenant: &str| {
            two.send(&two.admin, "POST", &format!("/tenants/{tenant}/provider/domains/acme.example/confirm"), None).await
        };
        let unproved = confirm("acme").await;
        assert_eq!((unproved.status, reason(&unproved).as_str()), (422, "host_unproved"), "{}", unproved.body);
        let shown = two.done("GET", "/tenants/acme/provider").await;
        let record = &shown["allowed_domains"][0]["record"];
        let (name, value) = (record["name"].as_str().unwrap(), record["value"].as_str().unwrap());
        dns.set(name, &[value]);
        let other = confirm("zeta").await;
        assert_eq!((other.status, reason(&other).as_str()), (422, "host_unproved"), "another tenant's record: {}", other.body);
        assert_eq!(confirm("acme").await.status, 200);
        two.world.has_heard().await;
        let taken = two.send(&two.admin, "POST", "/tenants/zeta/provider/domains/acme.example/approve", None).await;
        assert_eq!((taken.status, reason(&taken).as_str()), (409, "domain_taken"), "{}", taken.body);
        let (_, status) = two.visited(&two.acme, "dana", ACME).await;
        assert_eq!(status, 403, "the provider may say so, and dana is no member yet");
        two.world.cli(&["tenant", "add-member", "acme", DANA]).await;
        let (_, status) = two.visited(&two.acme, "dana", ACME).await;
        assert_eq!(status, 200);
    }

    async fn a_tier_without_sign_in_of_its_own_has_no_provider(pair) {
        let two = Two::start(pair).await;
        two.world.cli(&["tenant", "set", "acme", "--tier", "free"]).await;
        let before = two.acme.calls().len();
        let answer = two.put("acme", &provider_of(&two.acme, "acme.example")).await;
        assert_eq!((answer.status, reason(&answer).as_str()), (409, "tier"), "{}", answer.body);
        assert_eq!(two.acme.calls().len(), before, "nothing is called for a tenant that may have none");
    }
}
