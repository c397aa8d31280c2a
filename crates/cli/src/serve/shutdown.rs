//! The signals that stop the server: the first gently, the second at once.

use std::io;
use std::process;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::Exit;

/// Resolves at the first SIGTERM or SIGINT. From then on a second one ends the process.
///
/// # Errors
/// When the signals cannot be listened for.
pub(super) fn requested() -> io::Result<impl Future<Output = ()>> {
    let mut signals = Signals {
        term: signal(SignalKind::terminate())?,
        int: signal(SignalKind::interrupt())?,
    };
    Ok(async move {
        signals.next().await;
        tokio::spawn(async move {
            signals.next().await;
            tracing::warn!("stopped at once by a second signal");
            process::exit(Exit::Failed as i32);
        });
    })
}

struct Signals {
    term: Signal,
    int: Signal,
}

impl Signals {
    async fn next(&mut self) {
        // Both sides are cancellation safe: a signal is seen by the next call.
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.int.recv() => {}
        }
    }
}
