//! The list of applications, and a search for the address of one.

use super::{page, start};
use crate::cli::sql;
use crate::world::APP;
use gatepost_core::clock::Timestamp;
use gatepost_kit::client::Answer;
use sqlx::AssertSqlSafe;

const HOST: &str = "acme.example.net";

fn rows(page: &Answer) -> &str {
    assert_eq!(page.status, 200, "{}", page.body);
    page.body.split("<table>").nth(1).unwrap_or_default()
}

both_pairs! {
    async fn the_applications_are_listed_with_what_they_require_and_lead_to_who_can_open_them(pair) {
        let (world, root) = start(pair).await;
        world.cli_all(&[
            ["tenant", "create", "acme"].as_slice(),
            &["tenant", "add-member", "acme", "bob@example.com", "--role", "admin"],
        ]).await;
        let proof = "0123456789abcdef0123456789abcdef";
        let add = format!("INSERT INTO tenant_hosts (host, tenant_id, state, proof, created_at) VALUES ('{HOST}', 'acme', 'active', '{proof}', 1)");
        sql(&world, AssertSqlSafe(add)).await;
        world.has_heard().await;
        let requirement = format!("INSERT INTO requirements (host, query, seen_at) VALUES ('{APP}', 'group=MCP-GitHub', {})", Timestamp::now().unix());
        sql(&world, AssertSqlSafe(requirement + " ON CONFLICT DO NOTHING")).await;
        let list = page(&world, &root, "/admin/access").await;
        for part in [HOST, "href=\"/admin/tenants/acme\"", "not known", APP, "<code>group=MCP-GitHub</code>"] {
            assert!(rows(&list).contains(part), "{part}: {}", list.body);
        }
        let (_, link) = list.body.split_once("href=\"/admin/access?by=url&#38;of=").unwrap_or_else(|| panic!("{}", list.body));
        let who = page(&world, &root, &format!("/admin/access?by=url&of={}", link.split('"').next().unwrap())).await;
        assert_eq!(who.status, 200, "{}", who.body);

        let bob = world.signed_in("bob").await;
        let list = page(&world, &bob, "/admin/access").await;
        assert!(rows(&list).contains(HOST) && !rows(&list).contains("MCP-GitHub"), "{}", list.body);
    }

    async fn a_search_for_the_host_of_a_tenant_leads_to_who_can_open_it(pair) {
        let (world, root) = start(pair).await;
        world.cli(&["tenant", "create", "acme"]).await;
        let plain = page(&world, &root, &format!("/admin?q={HOST}")).await;
        assert_eq!(plain.status, 200, "nothing is called so: {}", plain.body);
        let proof = "0123456789abcdef0123456789abcdef";
        let add = format!("INSERT INTO tenant_hosts (host, tenant_id, state, proof, created_at) VALUES ('{HOST}', 'acme', 'active', '{proof}', 1)");
        sql(&world, AssertSqlSafe(add)).await;
        world.has_heard().await;
        for host in [HOST, APP] {
            let found = page(&world, &root, &format!("/admin?q={host}")).await;
            assert_eq!(found.status, 303, "{host}: {}", found.body);
            let to = found.location().unwrap();
            assert_eq!(to.path(), "/admin/access", "{host}");
            assert!(to.query().unwrap().contains(host), "{host}: {to}");
        }
        let outside = page(&world, &root, "/admin?q=elsewhere.example.net").await;
        assert_eq!(outside.status, 200, "{}", outside.body);
    }
}
