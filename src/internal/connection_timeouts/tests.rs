use super::*;
use std::future::pending;

async fn watched(phases: &[Phase]) -> (Watched, Vec<(tokio::task::JoinHandle<()>, Arc<Activity>)>) {
    let mut watched = Watched::default();
    let mut connections = Vec::new();
    for phase in phases {
        let activity = Arc::new(Activity::default());
        activity.enter(*phase);
        let task = tokio::spawn(pending());
        watched.add(task.abort_handle(), Arc::clone(&activity));
        connections.push((task, activity));
    }
    tokio::task::yield_now().await;
    (watched, connections)
}

async fn are_open(connections: &[(tokio::task::JoinHandle<()>, Arc<Activity>)]) -> Vec<bool> {
    tokio::task::yield_now().await;
    connections.iter().map(|(task, _)| !task.is_finished()).collect()
}

#[tokio::test]
async fn a_head_without_an_end_is_cut_off_after_a_minute_and_idleness_after_two() {
    let (mut watched, connections) = watched(&[Phase::Head, Phase::Idle, Phase::Busy]).await;
    for (seconds, open) in [(0, [true; 3]), (55, [true; 3]), (60, [false, true, true])] {
        while u64::from(watched.connections[0].checks) * CHECK_INTERVAL.as_secs() < seconds {
            watched.close_overdue();
            if watched.connections.len() < 3 {
                break;
            }
        }
        assert_eq!(are_open(&connections).await, open, "{seconds} s");
    }
    for _ in 0..MAX_IDLE_CHECKS {
        watched.close_overdue();
    }
    assert_eq!(are_open(&connections).await, [false, false, true]);
}

#[tokio::test]
async fn an_active_connection_is_never_closed() {
    let (mut watched, connections) = watched(&[Phase::Idle]).await;
    for _ in 0..10 * MAX_IDLE_CHECKS {
        connections[0].1.enter(Phase::Head);
        connections[0].1.enter(Phase::Busy);
        connections[0].1.enter(Phase::Idle);
        watched.close_overdue();
    }
    assert_eq!(are_open(&connections).await, [true]);
}

#[tokio::test]
async fn at_the_end_only_what_waits_for_a_request_is_closed_at_once() {
    let (mut watched, connections) = watched(&[Phase::Head, Phase::Idle, Phase::Busy, Phase::Answer]).await;
    watched.close();
    assert_eq!(are_open(&connections).await, [true, false, true, true]);
    assert!(connections.iter().all(|(_, activity)| activity.is_closing()));
}

#[tokio::test]
async fn what_is_over_takes_no_room() {
    let mut watched = Watched::default();
    for _ in 0..10 * MIN_SWEEP_SIZE {
        let task = tokio::spawn(async {});
        watched.add(task.abort_handle(), Arc::default());
        task.await.expect("it ends");
    }
    assert!(watched.connections.len() <= MIN_SWEEP_SIZE, "{}", watched.connections.len());
}
