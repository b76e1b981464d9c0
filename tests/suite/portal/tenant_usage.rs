//! What a tenant has used this month, on its page.

use super::{page, start};
use crate::cli::sql;
use gatepost_core::clock::Timestamp;
use gatepost_kit::entra::Person;
use sqlx::AssertSqlSafe;

const HERE: &str = "/admin/tenants/a";

both_pairs! {
    async fn the_page_of_a_tenant_shows_what_it_has_used_this_month_to_those_who_administer_it(pair) {
        let (world, root) = start(pair).await;
        world.cli_all(&[
            &["tenant", "create", "a"],
            &["tenant", "create", "b"],
            &["tenant", "add-member", "a", "carol@example.com", "--role", "admin"],
            &["tenant", "add-member", "b", "dave@example.com", "--role", "admin"],
        ])
        .await;
        let empty = page(&world, &root, HERE).await;
        assert!(empty.body.contains("has used nothing in"), "{}", empty.body);
        let today = Timestamp::now().day().number();
        for (meter, part, value) in [("api_requests", "", 1_234), ("tool_calls", "x", 5), ("active_users", "", 9), ("_first_seen", "", 4)] {
            let row = format!("INSERT INTO usage_days VALUES ('a', {today}, '{meter}', '{part}', {value})");
            sql(&world, AssertSqlSafe(row)).await;
        }
        for name in ["carol", "dave"] {
            world.entra.add(Person::named(name));
        }
        world.entra.forget_browsers();
        let carol = world.signed_in("carol").await;
        for reader in [&root, &carol] {
            let shown = page(&world, reader, HERE).await;
            assert_eq!(shown.status, 200, "{}", shown.body);
            for part in ["Usage this month", "<svg", "1,234", "Calls of tools", "People who were let in", "<td data-label=\"Used\">5"] {
                assert!(shown.body.contains(part), "{part}: {}", shown.body);
            }
        }
        world.entra.forget_browsers();
        let dave = world.signed_in("dave").await;
        assert_eq!(page(&world, &dave, HERE).await.status, 404);
    }
}
