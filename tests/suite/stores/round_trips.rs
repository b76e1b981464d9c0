//! How often a sign-in waits for each store: that is most of what it costs.

use super::gate::Gate;

#[tokio::test(flavor = "multi_thread")]
async fn who_signs_in_again_waits_for_each_store_no_more_than_is_needed() {
    let gate = Gate::remembering(&[]).await;
    // What goes on beside it only adds, as does a connection's first time: the quietest sign-in shows its own.
    let (mut of_redis, mut of_postgres) = (usize::MAX, usize::MAX);
    for _ in 0..16 {
        let before = (gate.to_redis.questions(), gate.to_postgres.questions());
        gate.signed_in().await;
        of_redis = of_redis.min(gate.to_redis.questions() - before.0);
        of_postgres = of_postgres.min(gate.to_postgres.questions() - before.1);
    }
    // Lock of the state and mark of the browser, announcement, shared cookie and indexes, record, indexes again, outcome;
    // then the ticket's record and its one use. The page itself asks nothing.
    assert!(of_redis <= 8, "Redis was asked {of_redis} times");
    // Whether it takes writes; a transaction with its locks, the person, the groups, three writes and its end; whether
    // the provider ended the session meanwhile; then the ticket's standing.
    assert!(of_postgres <= 10, "Postgres was asked {of_postgres} times");
}
