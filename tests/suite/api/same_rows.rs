//! The command line and the API leave the same rows: one change by both, and the audit is compared.

use super::Office;
use serde_json::{Value, json};

/// What a change leaves in the audit, without what differs by the way it came.
async fn rows(office: &Office, count: usize) -> Vec<Value> {
    let all = office.audit().await;
    let new = &all[..all.len() - count];
    let said = |state: &Value| {
        let mut state = state.clone();
        if state["disabled_at"].is_number() {
            state["disabled_at"] = json!("a second");
        }
        state
    };
    let row = |entry: &Value| {
        json!([entry["action"], entry["target"], said(&entry["before"]), said(&entry["after"])])
    };
    new.iter().map(row).collect()
}

/// A command, and the method, the path and the body of the same change.
type Step<'a> = (&'a [&'a str], &'a str, &'a str, Option<Value>);

both_pairs! {
    async fn the_same_change_by_both_leaves_the_same_rows(pair) {
        let office = Office::open(pair).await;
        office.world.cli(&["group", "add", "Plain", "eve@example.com"]).await;
        let (carol, group) = (office.id_of("carol@example.com").await, office.number_of("Plain").await);
        let member = format!("/groups/{group}/members/{carol}");
        let mapping = format!("/groups/{group}/tenants/a");
        let (link, links) = (json!({ "link": "entra:some" }), format!("/groups/{group}/links"));
        let admin = format!("/admins/{carol}");
        let (disable, enable) = (format!("/users/{carol}/disable"), format!("/users/{carol}/enable"));
        let steps: [Step<'_>; 12] = [
            (&["group", "add", "Plain", "carol@example.com"], "PUT", &member, Some(json!({}))),
            (&["group", "remove", "Plain", "carol@example.com"], "DELETE", &member, None),
            (&["tenant", "map", "Plain", "a", "--role", "viewer"], "PUT", &mapping, Some(json!({ "role": "viewer" }))),
            (&["tenant", "unmap", "Plain", "a"], "DELETE", &mapping, None),
            (&["group", "link", "Plain", "entra:some"], "POST", &links, Some(link)),
            (&["group", "unlink", "entra:some"], "DELETE", &format!("{links}?link=entra:some"), None),
            (&["admin", "grant", "carol@example.com"], "PUT", &admin, Some(json!({ "is_admin": true }))),
            (&["admin", "revoke", "carol@example.com"], "PUT", &admin, Some(json!({ "is_admin": false }))),
            (&["admin", "reset", "carol@example.com"], "DELETE", &admin, None),
            (&["user", "disable", "carol@example.com"], "POST", &disable, None),
            (&["user", "enable", "carol@example.com"], "POST", &enable, None),
            (&["user", "disable", "carol@example.com"], "POST", &disable, None),
        ];
        // From now on the provider's group is known.
        office.world.cli(&["group", "link", "Plain", "entra:some"]).await;
        office.world.cli(&["group", "unlink", "entra:some"]).await;
        let mut by_command_line = Vec::new();
        for (command, ..) in &steps {
            let before = office.audit().await.len();
            office.world.cli(command).await;
            by_command_line.push(rows(&office, before).await);
        }
        office.world.cli(&["user", "enable", "carol@example.com"]).await;
        for ((command, method, path, body), want) in steps.iter().zip(by_command_line) {
            let before = office.audit().await.len();
            office.done(method, path, body.as_ref()).await;
            assert!(!want.is_empty(), "{command:?}");
            assert_eq!(rows(&office, before).await, want, "{command:?}");
        }
    }
}
