//! Forms of groups, links and tenants whose page showed what somebody else has changed since.

use super::forms::{FilledForm, form, form_of};
use super::{page, start};
use crate::world::{MCP_GITHUB, World};
use gatepost_kit::client::{Answer, Client};

/// The path of the page of a group.
async fn group(world: &World, root: &Client, name: &str) -> String {
    let list = page(world, root, &format!("/admin/groups?q={name}")).await;
    let (_, rest) = list.body.split_once("href=\"/admin/groups/").unwrap_or_else(|| panic!("{}", list.body));
    format!("/admin/groups/{}", rest.split('"').next().unwrap())
}

fn has(page: &Answer, status: u16, parts: &[&str]) {
    assert_eq!(page.status, status, "{}", page.body);
    for part in parts {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
}

/// Sends the form, which is refused with both values; then the form that the refusal offers, which is not.
async fn chosen(world: &World, root: &Client, late: &FilledForm, action: &str, shown: &[&str]) -> String {
    let answer = late.send(world, root).await;
    has(&answer, 412, shown);
    form_of(&answer, action, action).done(world, root).await
}

const LINKED: &str = "1 person here";

both_pairs! {
    async fn who_unlinks_a_group_that_was_renamed_sees_both_names_and_chooses(pair) {
        let (world, root) = start(pair).await;
        let external = format!("entra:{MCP_GITHUB}");
        world.cli_all(&[&["group", "link", "Tools", &external]]).await;
        let here = group(&world, &root, "Tools").await;
        let (question, action) = (format!("{here}/unlink?link={external}"), format!("{here}/unlink"));
        let late = form(&world, &root, &question, &action).await;
        world.cli(&["group", "rename", "Tools", "Instruments"]).await;
        has(&late.clone().without("version").send(&world, &root).await, 400, &["does not say which version"]);
        has(&late.send(&world, &root).await, 412, &["Instruments", "Tools"]);
        has(&page(&world, &root, &here).await, 200, &[LINKED]);
        let after = chosen(&world, &root, &late, &action, &["<dd>Tools</dd>", "<dd>Instruments</dd>"]).await;
        assert!(!after.contains(LINKED), "{after}");
    }

    async fn who_unlinks_a_group_that_was_linked_to_another_changes_nothing(pair) {
        let (world, root) = start(pair).await;
        let external = format!("entra:{MCP_GITHUB}");
        world.cli_all(&[&["group", "create", "Other"], &["group", "link", "Tools", &external], &["group", "add", "Tools", "bob@example.com"]]).await;
        let here = group(&world, &root, "Tools").await;
        let late = form(&world, &root, &format!("{here}/unlink?link={external}"), &format!("{here}/unlink")).await;
        world.cli(&["group", "link", "Other", &external]).await;
        has(&late.send(&world, &root).await, 409, &["in the meantime"]);
        let other = group(&world, &root, "Other").await;
        has(&page(&world, &root, &other).await, 200, &[LINKED]);
    }

    async fn who_links_a_group_that_was_renamed_sees_both_names_and_chooses(pair) {
        let (world, root) = start(pair).await;
        world.cli(&["group", "create", "Tools"]).await;
        let here = group(&world, &root, "Tools").await;
        let action = format!("{here}/links");
        // The first form of the page is that of the provider's group that Alice has.
        let chosen_there = form(&world, &root, &format!("{here}/link"), &action).await;
        let entered = chosen_there.clone().with("shown", "Tools");
        world.cli(&["group", "rename", "Tools", "Instruments"]).await;
        has(&chosen_there.clone().without("version").send(&world, &root).await, 400, &["does not say which version"]);
        has(&chosen_there.send(&world, &root).await, 412, &["<dd>Instruments</dd>"]);
        assert!(!page(&world, &root, &here).await.body.contains(LINKED));
        let after = chosen(&world, &root, &entered, &action, &["<dd>Tools</dd>", "<dd>Instruments</dd>"]).await;
        assert!(after.contains(LINKED), "{after}");
    }

    async fn who_opens_a_tenant_that_the_group_opens_by_now_sees_both_roles_and_chooses(pair) {
        let (world, root) = start(pair).await;
        world.cli_all(&[&["group", "create", "Tools"], &["tenant", "create", "a"], &["tenant", "create", "b"]]).await;
        let here = group(&world, &root, "Tools").await;
        let action = format!("{here}/tenants");
        let of_group = form(&world, &root, &here, &action).await.with("tenant", "a").with("role", "admin");
        let at_tenant = "/admin/tenants/b/groups";
        let of_tenant = form(&world, &root, "/admin/tenants/b", at_tenant).await.with("group", "Tools").with("role", "admin");
        world.cli_all(&[&["tenant", "map", "Tools", "a", "--role", "viewer"], &["tenant", "map", "Tools", "b", "--role", "viewer"]]).await;
        for late in [&of_group, &of_tenant] {
            has(&late.clone().without("version").send(&world, &root).await, 400, &["does not say which version"]);
            has(&late.send(&world, &root).await, 412, &["<dd>viewer</dd>", "Make it admin"]);
        }
        let roles = page(&world, &root, &here).await;
        assert_eq!(roles.body.matches("<span class=\"tag aside\">viewer</span>").count(), 2, "{}", roles.body);
        chosen(&world, &root, &of_group, &action, &["viewer"]).await;
        chosen(&world, &root, &of_tenant, at_tenant, &["viewer"]).await;
        let roles = page(&world, &root, &here).await;
        assert_eq!(roles.body.matches("<span class=\"tag aside\">admin</span>").count(), 2, "{}", roles.body);
    }

    async fn who_names_a_providers_group_that_has_a_name_by_now_sees_it_and_chooses(pair) {
        let (world, root) = start(pair).await;
        let external = format!("entra:{MCP_GITHUB}");
        let here = group(&world, &root, MCP_GITHUB).await;
        let action = format!("{here}/name");
        let late = form(&world, &root, &here, &action).await.with("name", "Tools");
        has(&late.clone().without("version").send(&world, &root).await, 400, &["does not say which version"]);
        has(&late.clone().with("version", "999").send(&world, &root).await, 412, &["Link it to Tools"]);
        world.cli(&["group", "link", "Instruments", &external]).await;
        let instruments = format!("{}/name", group(&world, &root, "Instruments").await);
        let after = chosen(&world, &root, &late, &instruments, &["<dd>Instruments</dd>", "Link it to Tools"]).await;
        assert!(after.contains("<h1>Tools") && after.contains(LINKED), "{after}");
        let elsewhere = late.with("link", "entra:00000000-0000-4000-8000-0000000000ff");
        has(&elsewhere.send(&world, &root).await, 404, &[]);
    }
}
