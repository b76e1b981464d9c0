//! One process per embedded file; what the command line changes in it counts within a second.

use super::gate::RECOVERY;
use crate::world::{APP, Pair, World};
use gatepost_kit::process::until;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

/// A change binds every request that is sent this long after it was acknowledged.
const BOUND: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_the_file_refuses_to_start() {
    let world = World::start(Pair::Embedded).await;
    let second = world.builder.clone().elsewhere().spawn();
    assert_eq!(second.wait_exit().await.code(), Some(1));
    second
        .wait_for_line("gatepost.db is in use by another gatepost serve: one process per embedded file")
        .await;
    assert_eq!(world.signed_in("alice").await.fetch(&world.url(APP, "/")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_others_may_open_is_refused_as_its_keys_are() {
    let world = World::start(Pair::Embedded).await;
    world.signed_in("alice").await;
    world.gatepost.sigkill();
    let open_to = |name: &str, mode| {
        let path = world.stores.folder().join(name);
        std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    };
    // A killed server leaves its write-ahead log, which holds what was written last.
    for name in ["gatepost.db", "gatepost.db-wal"] {
        open_to(name, 0o640);
        let refused = world.builder.clone().elsewhere().spawn();
        assert_eq!(refused.wait_exit().await.code(), Some(1));
        refused.wait_for_line(&format!("{name} may be read or changed by others (mode 0640)")).await;
        assert!(world.cli_refuses(&["user", "list"]).await.contains("chmod 600"));
        open_to(name, 0o600);
    }
    world.builder.start().await.wait_ready().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_leaves_the_file_and_its_sessions_to_the_next() {
    let world = World::start(Pair::Embedded).await;
    let alice = world.signed_in("alice").await.impatient();
    world.gatepost.sigkill();
    let next = world.builder.start().await;
    next.wait_ready().await;
    assert_eq!(alice.fetch(&world.url(APP, "/")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_command_line_changes_counts_within_a_second() {
    let world = World::start(Pair::Embedded).await;
    let alice = world.signed_in("alice").await.impatient();
    let url = world.url(APP, "/");
    let changes: [(&[&str], &str); 2] = [
        (&["admin", "grant", "alice@example.com"], "true"),
        (&["admin", "revoke", "alice@example.com"], "false"),
    ];
    for (change, is_admin) in changes {
        world.cli(change).await;
        let acknowledged = Instant::now();
        until("the change to count", RECOVERY, async || {
            let sent = Instant::now();
            let received = alice.fetch(&url).await.echoed();
            let counts = received.header("x-user-admin") == Some(is_admin);
            assert!(counts || sent < acknowledged + BOUND, "{change:?}");
            counts.then_some(())
        })
        .await;
    }
    world.cli(&["user", "disable", "alice@example.com"]).await;
    let acknowledged = Instant::now();
    until("the person to be refused", RECOVERY, async || {
        let sent = Instant::now();
        let refused = alice.fetch(&url).await.status == 401;
        assert!(refused || sent < acknowledged + BOUND);
        refused.then_some(())
    })
    .await;
}
