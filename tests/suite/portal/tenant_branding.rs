//! The look of a tenant in the portal: its administrator changes it, and nobody else does.

use super::forms::form;
use super::{page, start};
use crate::world::{PUBLIC, World};
use gatepost_kit::client::{Answer, Client};
use reqwest::Method;

const HERE: &str = "/admin/tenants/a/branding";

/// Sends a file as a browser does.
async fn upload(world: &World, browser: &Client, version: &str, file: &[u8]) -> Answer {
    let head = "Content-Disposition: form-data; name=";
    let body = [
        format!("--x\r\n{head}\"version\"\r\n\r\n{version}\r\n--x\r\n{head}\"logo\"; filename=\"a.svg\"\r\nContent-Type: image/svg+xml\r\n\r\n").into_bytes(),
        file.to_vec(),
        b"\r\n--x--\r\n".to_vec(),
    ];
    let request = browser.request(Method::POST, &world.url(PUBLIC, &format!("{HERE}/logo")));
    let request =
        request.from(&world.url(PUBLIC, HERE)).header("content-type", "multipart/form-data; boundary=x");
    request.body(body.concat()).send().await
}

both_pairs! {
    async fn the_administrator_of_a_tenant_changes_how_its_pages_look(pair) {
        let (world, root) = start(pair).await;
        world.cli_all(&[
            &["tenant", "create", "a"],
            &["tenant", "create", "b"],
            &["tenant", "add-member", "a", "bob@example.com", "--role", "admin"],
        ])
        .await;
        let bob = world.signed_in("bob").await;
        assert!(page(&world, &bob, "/admin/tenants/a").await.body.contains(&format!("href=\"{HERE}\"")));
        let empty = form(&world, &bob, HERE, HERE).await;
        for (field, value, says) in [
            ("name", "Gatepost", "no tenant can have it"),
            ("name", PUBLIC, "looks like a page of the platform"),
            ("accent", "#ffff00", "#7a7a00 is the nearest that holds"),
            ("accent", "red", "six hexadecimal digits"),
            ("support", "javascript:alert(1)", "An address for help is mailto:"),
            ("notice", &"x".repeat(281), "A notice has 1 to 280"),
        ] {
            let answer = empty.clone().with(field, value).send(&world, &bob).await;
            assert!(answer.status == 422 && answer.body.contains(says), "{value}: {}", answer.body);
            assert!(answer.body.contains("aria-invalid") && answer.body.contains(&format!("value=\"{value}\"")), "{}", answer.body);
        }
        let looks = empty.clone().with("name", "ACME <b>").with("accent", "#7a1f5c").with("notice", "Closed");
        let done = looks.done(&world, &bob).await;
        for part in ["<strong>ACME &#60;b&#62;</strong>", "fill=\"#7a1f5c\"", "ACME &#60;b&#62;: Closed", "value=\"#7a1f5c\""] {
            assert!(done.contains(part), "{part}: {done}");
        }
        let late = empty.with("name", "Apex").send(&world, &bob).await;
        assert!(late.status == 412 && late.body.contains("ACME &#60;b&#62;"), "{}", late.body);
        let audit = page(&world, &root, "/admin/tenants/a/audit").await;
        assert!(audit.body.contains("changed how the pages look of the"), "{}", audit.body);

        let logo = include_bytes!("../tenant_branding/logo.png").as_slice();
        let version = form(&world, &bob, HERE, HERE).await.value("version");
        for (file, status, says) in [(b"".as_slice(), 422, "Choose a file."), (b"<svg/>", 422, "SVG and others are not taken"), (logo, 303, "")] {
            let answer = upload(&world, &bob, &version, file).await;
            assert!(answer.status == status && answer.body.contains(says), "{}", answer.body);
        }
        world.has_heard().await;
        assert_eq!(upload(&world, &bob, &version, logo).await.status, 422, "somebody else was first");
        let pictured = page(&world, &bob, HERE).await;
        assert!(pictured.body.contains("<img src=\"/logos/"), "{}", pictured.body);
        let remove = format!("{HERE}/logo/remove");
        let done = form(&world, &bob, HERE, &remove).await.done(&world, &bob).await;
        assert!(!done.contains("<img") && done.contains("ACME &#60;b&#62;"), "{done}");

        let now = form(&world, &bob, HERE, HERE).await;
        assert_eq!(now.send_from(&world, &bob, "https://evil.example/").await.status, 403);
        world.cli(&["tenant", "remove-member", "a", "bob@example.com"]).await;
        world.cli(&["tenant", "add-member", "b", "bob@example.com", "--role", "admin"]).await;
        world.has_heard().await;
        assert_eq!(page(&world, &bob, HERE).await.status, 404, "he administers another tenant");
        assert_eq!(upload(&world, &bob, &now.value("version"), logo).await.status, 404);
        assert_eq!(now.with("name", "Mine").send(&world, &bob).await.status, 404);
        assert!(page(&world, &root, HERE).await.body.contains("ACME &#60;b&#62;"));
    }
}
