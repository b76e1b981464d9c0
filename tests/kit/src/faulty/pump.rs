//! Forwards the bytes of one direction of a connection.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::watch;

use super::{Mode, Orders};

/// Forwards bytes as the current mode says, until one side ends. Calls `count` for each read.
pub(super) async fn pump(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    mut orders: watch::Receiver<Orders>,
    count: impl Fn(),
) {
    let mut buffer = vec![0; 64 * 1024];
    let mut dead = false;
    loop {
        let read = from.read(&mut buffer).await.unwrap_or(0);
        if !dead {
            dead = wait_for_passage(&mut orders).await == Passage::Lost;
        }
        if dead && read > 0 {
            continue;
        }
        if read == 0 {
            // The other side of a half-open connection is not told that it ended.
            if dead {
                std::future::pending::<()>().await;
            }
            let _ = to.shutdown().await;
            return;
        }
        count();
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

#[derive(PartialEq, Eq)]
enum Passage {
    Open,
    Lost,
}

async fn wait_for_passage(orders: &mut watch::Receiver<Orders>) -> Passage {
    loop {
        let mode = orders.borrow_and_update().mode;
        match mode {
            Mode::Pass | Mode::Refuse | Mode::Reset => return Passage::Open,
            Mode::HalfOpen => return Passage::Lost,
            Mode::Slow(late) => {
                tokio::time::sleep(late).await;
                return Passage::Open;
            }
            Mode::Stall => {
                if orders.changed().await.is_err() {
                    return Passage::Lost;
                }
            }
        }
    }
}
