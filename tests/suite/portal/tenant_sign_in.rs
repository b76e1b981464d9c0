//! The provider of a tenant in the portal: tried before it is kept, never shown with its secret, and removed after a question.

use super::forms::{FilledForm, form, form_of};
use super::page;
use crate::cli::sql;
use crate::tenant_providers::two::{ACME, DANA, Two, ZETA, ZOE, provider_of};
use crate::world::{PUBLIC, Plan};
use gatepost_kit::client::{Answer, Client};
use gatepost_kit::dns::DnsServer;

const HERE: &str = "/admin/tenants/acme/sign-in";

fn at(verb: &str) -> String {
    format!("{HERE}/{verb}")
}

fn has(page: &Answer, status: u16, parts: &[&str]) {
    assert_eq!(page.status, status, "{}", page.body);
    for part in parts {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
}

/// Bob administers acme.
async fn bob(two: &Two) -> Client {
    two.world.cli(&["tenant", "add-member", "acme", "bob@example.com", "--role", "admin"]).await;
    two.world.entra.forget_browsers();
    two.world.signed_in("bob").await
}

async fn filled(two: &Two, browser: &Client) -> FilledForm {
    let blank = form(&two.world, browser, HERE, HERE).await;
    let filled = blank
        .with("kind", "oidc")
        .with("issuer", &two.acme.issuer())
        .with("client_id", &two.acme.client_id());
    filled
        .with("client_secret", &two.acme.client_secret())
        .with("label", "ACME")
        .with("allowed_domains", "acme.example")
}

both_pairs! {
    async fn the_administrator_of_a_tenant_brings_a_provider_and_its_people_sign_in(pair) {
        let dns = DnsServer::start().await;
        let plan = Plan::default().env("GATEPOST_TENANTS__RESOLVER", dns.address().to_string());
        let two = Two::start_with(pair, plan).await;
        let (world, bob) = (&two.world, bob(&two).await);
        has(&page(world, &bob, HERE).await, 200, &["None: its people sign in at the providers of the platform.", &world.url(PUBLIC, "/callback/t-acme")]);
        let form_sent = filled(&two, &bob).await;
        let done = form_sent.done(world, &bob).await;
        for part in ["The provider accepted the client", "<dd>ACME</dd>", "kept, and never shown", "_gatepost.acme.example. IN TXT"] {
            assert!(done.contains(part), "{part}: {done}");
        }
        let secret = two.acme.client_secret();
        assert!(!done.contains(&secret), "{done}");
        let line = done.split("IN TXT &#34;").nth(1).unwrap().split("&#34;").next().unwrap();
        let confirm = form(world, &bob, HERE, &at("domains/confirm")).await;
        has(&confirm.send(world, &bob).await, 422, &["No record TXT", "role=\"alert\""]);
        dns.set("_gatepost.acme.example", &[line]);
        let done = confirm.done(world, &bob).await;
        assert!(done.contains("active</span>"), "{done}");
        world.cli(&["tenant", "add-member", "acme", DANA]).await;
        assert_eq!(two.visited(&two.acme, "dana", ACME).await.1, 200);
        // Everything else stays where a form changes the name alone, the secret too.
        let renamed = form(world, &bob, HERE, HERE).await.with("allowed_domains", "acme.example").with("label", "New <b>");
        let done = renamed.done(world, &bob).await;
        assert!(done.contains("<dd>New &#60;b&#62;</dd>") && done.contains("active</span>"), "{done}");
        assert_eq!(two.visited(&two.acme, "dana", ACME).await.1, 200);
        has(&page(world, &bob, "/admin/tenants/acme/audit").await, 200, &["set the provider of the", "proved the domain acme.example of the provider of the"]);
        let noted = sql(world, "SELECT after FROM audit_entries WHERE action = 'tenant.set_provider'").await.concat();
        assert!(noted.contains("ACME") && !noted.contains(&secret), "{noted}");
    }

    async fn what_the_provider_says_against_it_is_shown_and_nothing_that_was_entered_is_lost(pair) {
        let two = Two::start(pair).await;
        let (world, bob) = (&two.world, bob(&two).await);
        let good = filled(&two, &bob).await;
        let wrong = good.clone().with("client_secret", "a wrong one").send(world, &bob).await;
        has(&wrong, 422, &["The provider refuses the client or its secret", "invalid_client", "Nothing was kept.", "value=\"ACME\"", ">acme.example</textarea>"]);
        assert!(!wrong.body.contains("a wrong one"), "{}", wrong.body);
        for (field, value, says) in [
            ("issuer", "id.acme.example", "expected an address as in https://id.example.com"),
            ("issuer", "", "It must be there for this kind."),
            ("client_id", "", "It must be there."),
            ("allowed_domains", "acme.example nonsense", "is not a domain of e-mail addresses"),
            ("issuer", "https://169.254.169.254/latest", "role=\"alert\""),
            ("issuer", "https://10.0.0.1", "role=\"alert\""),
        ] {
            let answer = good.clone().with(field, value).send(world, &bob).await;
            has(&answer, 422, &[says, "value=\"ACME\""]);
            assert!(!answer.body.contains(&two.acme.client_secret()), "{}", answer.body);
        }
        assert!(page(world, &bob, HERE).await.body.contains("None: its people"), "nothing was kept");
        // The secret is in the form, though nobody can read it there.
        let typo = good.clone().with("issuer", "https:/id").send(world, &bob).await;
        let mended = form_of(&typo, HERE, HERE).with("allowed_domains", "acme.example").with("issuer", &two.acme.issuer());
        assert_eq!(mended.value("client_secret"), "");
        let elsewhere = "/admin/tenants/zeta/sign-in";
        world.cli(&["tenant", "add-member", "zeta", "bob@example.com", "--role", "admin"]).await;
        world.has_heard().await;
        let stolen = form(world, &bob, elsewhere, elsewhere).await.with("issuer", &two.zeta.issuer()).with("client_id", "x").with("sealed", &mended.value("sealed"));
        let calls = two.zeta.calls().len();
        has(&stolen.send(world, &bob).await, 422, &["client_secret is missing"]);
        assert_eq!(two.zeta.calls().len(), calls, "the secret of one tenant is sent nowhere else");
        let alices = form(world, &two.admin, HERE, HERE).await.with("issuer", &two.acme.issuer()).with("client_id", "x").with("sealed", &mended.value("sealed"));
        has(&alices.send(world, &two.admin).await, 422, &["client_secret is missing"]);
        mended.done(world, &bob).await;
    }

    async fn who_changes_a_provider_that_somebody_changed_sees_it_and_loses_nothing(pair) {
        let two = Two::ready(pair).await;
        let (world, bob) = (&two.world, bob(&two).await);
        let late = form(world, &bob, HERE, HERE).await.with("allowed_domains", "acme.example").with("label", "Mine");
        let (approve, refuse) = (form(world, &two.admin, HERE, HERE).await, form(world, &two.admin, HERE, &at("domains/refuse")).await);
        has(&late.clone().without("version").send(world, &bob).await, 400, &["does not say which version"]);
        let calls = two.acme.calls().len();
        approve.with("allowed_domains", "acme.example").with("label", "Theirs").done(world, &two.admin).await;
        let tried = two.acme.calls().len();
        assert!(tried > calls);
        let shown = late.send(world, &bob).await;
        has(&shown, 412, &["Somebody else changed it first", "<dd>Theirs</dd>", "value=\"Mine\""]);
        assert_eq!(two.acme.calls().len(), tried, "nobody is asked about what is too late");
        has(&refuse.send(world, &two.admin).await, 412, &["<dd>active</dd>", "Do it all the same"]);
        let done = form_of(&shown, HERE, HERE).with("allowed_domains", "acme.example").done(world, &bob).await;
        assert!(done.contains("<dd>Mine</dd>"), "{done}");
    }

    async fn a_provider_is_removed_by_typing_the_id_of_the_tenant(pair) {
        let two = Two::ready(pair).await;
        let (world, bob) = (&two.world, bob(&two).await);
        let (dana, status) = two.visited(&two.acme, "dana", ACME).await;
        assert_eq!(status, 200);
        let question = page(world, &bob, &at("remove")).await;
        has(&question, 200, &["is signed out at once", "are revoked for good"]);
        let remove = form_of(&question, &at("remove"), &at("remove"));
        has(&remove.clone().with("id", "zeta").send(world, &bob).await, 422, &["This is not the id of the tenant."]);
        let late = remove.clone().with("id", "acme").with("version", "v1").send(world, &bob).await;
        has(&late, 412, &["Sign-in of the tenant", "Remove it all the same"]);
        let done = remove.with("id", "acme").done(world, &bob).await;
        assert!(done.contains("None: its people"), "{done}");
        assert_ne!(dana.fetch(&world.url(ACME, "/")).await.status, 200);
        has(&page(world, &bob, &at("remove")).await, 404, &[]);
    }

    async fn nobody_else_sees_or_sets_the_provider_of_a_tenant(pair) {
        let two = Two::ready(pair).await;
        let (world, bob) = (&two.world, bob(&two).await);
        world.cli_all(&[&["tenant", "add-member", "zeta", ZOE, "--role", "admin"]]).await;
        let zoe = two.visited(&two.zeta, "zoe", ZETA).await.0;
        let (set, remove) = (filled(&two, &bob).await, form(world, &bob, &at("remove"), &at("remove")).await.with("id", "acme"));
        let domain = form(world, &two.admin, HERE, &at("domains/refuse")).await;
        let before = two.acme.calls().len();
        for path in [HERE, &at("remove")] {
            has(&page(world, &zoe, path).await, 404, &[]);
            assert_eq!(page(world, &world.browser(), path).await.status, 303);
        }
        for theirs in [&set, &remove] {
            has(&theirs.send(world, &zoe).await, 404, &[]);
            has(&theirs.send_from(world, &bob, "https://evil.example/").await, 403, &[]);
        }
        for verb in ["approve", "refuse"] {
            let path = at(&format!("domains/{verb}"));
            assert!(!page(world, &bob, HERE).await.body.contains(&path), "{verb}");
        }
        has(&domain.send(world, &bob).await, 403, &[]);
        world.cli(&["tenant", "suspend", "acme", "--reason", "unpaid"]).await;
        has(&page(world, &bob, HERE).await, 200, &["Sign-in of the tenant"]);
        has(&remove.send(world, &bob).await, 409, &["is suspended"]);
        world.cli_all(&[&["tenant", "resume", "acme"], &["tenant", "remove-member", "acme", "bob@example.com"]]).await;
        has(&set.send(world, &bob).await, 403, &[]);
        assert_eq!(two.acme.calls().len(), before, "nobody was asked for who may not");
        world.cli(&["tenant", "set", "zeta", "--tier", "free"]).await;
        let none = page(world, &zoe, "/admin/tenants/zeta/sign-in").await;
        has(&none, 200, &["lacks the feature sso_enabled"]);
        assert!(!none.body.contains("name=\"client_secret\""), "{}", none.body);
        let answer = two.put("acme", &provider_of(&two.acme, "acme.example")).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}
