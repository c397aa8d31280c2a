//! Changes of configuration and modules while the server runs.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use host::live::LiveError;
use host::{Live, Reload, error_chain};
use server::Handle;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::MissedTickBehavior;

/// How often the files are looked at. Looking is cheap, and no watch misses what a swapped symbolic link or a network file
/// system changes.
const PERIOD: Duration = Duration::from_secs(1);

/// How files are looked at.
type Look = fn(&Live) -> Result<Reload, LiveError>;

/// Listens for SIGHUP, which would end the process otherwise.
///
/// # Errors
/// When it cannot be listened for.
pub(super) fn hangups() -> io::Result<Signal> {
    signal(SignalKind::hangup())
}

/// Puts changed policies in place, for ever.
pub(super) async fn changes(live: Arc<Live>, server: Handle, mut hangups: Signal) -> Infallible {
    let mut ticks = tokio::time::interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let look = tokio::select! {
            _ = ticks.tick() => Live::reload as Look,
            _ = hangups.recv() => {
                tracing::info!("loading anew on SIGHUP");
                load
            }
            () = server.reload_requested() => {
                tracing::info!("loading anew on request");
                load
            }
        };
        let looking = Arc::clone(&live);
        let found = tokio::task::spawn_blocking(move || look(&looking)).await;
        match found {
            Ok(Ok(Reload::Unchanged)) => {}
            Ok(Ok(Reload::Changed)) => {
                server.replace(live.current());
                tracing::info!("changed policies are in place");
                super::announce(&live.set());
            }
            Ok(Err(error)) => {
                let problem = error_chain(&error);
                tracing::error!(
                    problem,
                    is_tried_again = error.is_transient(),
                    "changed policies do not load, what was served before goes on"
                );
                server.keep(problem);
            }
            Err(error) => tracing::error!(%error, "looking for changes ended abnormally"),
        }
    }
}

/// Loads although no file may have changed: whoever asks for it has a reason.
fn load(live: &Live) -> Result<Reload, LiveError> {
    live.reload_now()?;
    Ok(Reload::Changed)
}
