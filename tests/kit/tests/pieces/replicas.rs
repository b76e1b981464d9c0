//! Tests of the driver for the real binary, with programs that every system has.

use gatepost_kit::process::Gatepost;

#[tokio::test]
async fn the_binary_inherits_nothing_from_the_test() {
    let output = Gatepost::builder("/usr/bin/env").env("A", "1").env("B", "2").without("B").run().await;
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "A=1");
}

#[tokio::test]
async fn a_replica_that_refuses_to_start_is_seen_to_end() {
    let script = "echo \"$GATEPOST_INTERNAL_ADDR is mine\"; echo no >&2; exit 3";
    let replica = Gatepost::builder("/bin/sh").arg("-c").arg(script).spawn();
    assert_eq!(replica.wait_exit().await.code(), Some(3));
    let line = replica.wait_for_line("is mine").await;
    assert_eq!(line, format!("{} is mine", replica.internal()));
    replica.wait_for_line("no").await;
    assert_ne!(replica.internal(), replica.public());
}

#[tokio::test]
async fn a_replica_ends_on_request() {
    let replica = Gatepost::builder("/bin/sh")
        .arg("-c")
        .arg("trap 'exit 7' TERM; echo up; while :; do sleep 0.05; done");
    let replica = replica.spawn();
    replica.wait_for_line("up").await;
    replica.sigstop();
    replica.sigterm();
    assert_eq!(replica.running().find_exit(), None, "a stopped process cannot end");
    replica.sigcont();
    assert_eq!(replica.wait_exit().await.code(), Some(7));
}
