//! Replaces the connection when the primary is another server. A server that was cut off, or stopped and went on, keeps its
//! connections open, and takes writes that are lost.

use super::Shared;
use super::cluster::{Cluster, Primaries, find_primaries};
use super::connection::Connection;
use super::current::Numbered;
use super::sentinels::Sentinels;
use super::server::Watched;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// How often Sentinels, or the nodes of a Cluster, are asked whether the primaries are still the same.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);

/// How long all nodes of a Cluster together may take to be connected to. The former connections are used meanwhile.
const RENEW_TIMEOUT: Duration = Duration::from_secs(2);

/// Watches until the store is dropped. Ends at once if there is one server, which does not move.
pub(super) async fn watch(shared: Weak<Shared>) {
    let mut ticks = interval(WATCH_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut is_lost, mut known) = (false, None);
    loop {
        ticks.tick().await;
        let Some(shared) = shared.upgrade() else { return };
        match shared.server.watched() {
            None => return,
            Some(Watched::Sentinels(sentinels)) => ask_sentinels(&shared, &sentinels, &mut is_lost).await,
            Some(Watched::Cluster(cluster)) => ask_nodes(&shared, cluster, &mut known).await,
        }
    }
}

async fn ask_sentinels(shared: &Shared, sentinels: &Sentinels, is_lost: &mut bool) {
    let named = sentinels.find_named().await;
    match &named {
        Err(error) if !*is_lost => {
            tracing::warn!(%error, "no majority of the Sentinels names a primary; another one would not be seen");
        }
        Ok(_) if *is_lost => tracing::info!("a majority of the Sentinels names a primary again"),
        _ => {}
    }
    *is_lost = named.is_err();
    let Ok(client) = named else { return };
    let mut current = shared.current.lock().await;
    if current.server.as_ref().is_some_and(|known| known != client.get_connection_info().addr()) {
        current.connection = None;
    }
}

/// The nodes as they were before the connections in use were made.
struct Known {
    cluster: Arc<Cluster>,
    primaries: Primaries,
}

/// Makes all connections anew if the primaries or the password are others, or if no node answers. The first connections were
/// made before anybody asked for the primaries, so they are made anew once.
async fn ask_nodes(shared: &Shared, cluster: Arc<Cluster>, known: &mut Option<Known>) {
    let connection = shared.current.lock().await.connection.as_ref().map(|it| it.connection.clone());
    let Some(Connection::Cluster(nodes)) = connection else { return };
    let found = find_primaries(&nodes).await;
    let is_same = |known: &Known| {
        Arc::ptr_eq(&known.cluster, &cluster) && found.as_ref().is_some_and(|found| *found == known.primaries)
    };
    if known.as_ref().is_some_and(is_same) {
        return;
    }
    let Ok(Ok(nodes)) = timeout(RENEW_TIMEOUT, cluster.connect()).await else { return };
    shared.current.lock().await.connection = Some(Numbered::new(Connection::Cluster(nodes)));
    let Some(primaries) = found else { return };
    if let Some(before) = known.as_ref().filter(|known| known.primaries != primaries) {
        let new: Vec<&str> = primaries.difference(&before.primaries).map(String::as_str).collect();
        shared.note_failover(&new.join(", "));
    }
    *known = Some(Known { cluster, primaries });
}
