//! Signals and reloads of a running server.

use std::convert::Infallible;
use std::io;
use std::process;
use std::sync::Arc;
use std::time::Duration;

use host::live::LiveError;
use host::{Live, Reload, error_chain};
use server::Handle;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::MissedTickBehavior;

use crate::outcome::Exit;

/// Interval between two checks of the files. A check is cheap, and unlike a file watch it does not
/// miss swapped symbolic links and changes on network file systems.
const PERIOD: Duration = Duration::from_secs(1);

/// A way to reload: only if a file has changed, or in any case.
type ReloadFn = fn(&Live) -> Result<Reload, LiveError>;

struct StopSignals {
    term: Signal,
    int: Signal,
}

impl StopSignals {
    async fn next(&mut self) {
        // Safe to cancel: a signal that the other branch has received is returned by the next call.
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.int.recv() => {}
        }
    }
}

/// Returns a future that completes at the first SIGTERM or SIGINT. After that, a second signal ends
/// the process.
///
/// # Errors
/// Returns an error if the signal handlers cannot be installed.
pub(super) fn shutdown_requested() -> io::Result<impl Future<Output = ()>> {
    let mut signals = StopSignals {
        term: signal(SignalKind::terminate())?,
        int: signal(SignalKind::interrupt())?,
    };
    Ok(async move {
        signals.next().await;
        tokio::spawn(async move {
            signals.next().await;
            tracing::warn!("second signal received, exiting immediately");
            process::exit(Exit::Failure as i32);
        });
    })
}

/// Listens for SIGHUP, which would otherwise end the process.
///
/// # Errors
/// Returns an error if the signal handler cannot be installed.
pub(super) fn hangups() -> io::Result<Signal> {
    signal(SignalKind::hangup())
}

/// Reloads the policies when their files change or a reload is requested. Never returns.
pub(super) async fn reload_on_change(
    live: Arc<Live>,
    server: Handle,
    mut hangups: Signal,
) -> Infallible {
    let mut ticks = tokio::time::interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let reload = tokio::select! {
            _ = ticks.tick() => Live::reload as ReloadFn,
            _ = hangups.recv() => {
                tracing::info!("reload requested by SIGHUP");
                force_reload
            }
            () = server.reload_requested() => {
                tracing::info!("reload requested at the admin port");
                force_reload
            }
        };
        let reloaded = Arc::clone(&live);
        let result = tokio::task::spawn_blocking(move || reload(&reloaded)).await;
        match result {
            Ok(Ok(Reload::Unchanged)) => {}
            Ok(Ok(Reload::Changed)) => {
                server.replace(&live.current());
                tracing::info!("reloaded configuration");
                super::log_policies(&live.set());
            }
            Ok(Err(error)) => {
                let problem = error_chain(&error);
                tracing::error!(
                    error = problem,
                    will_retry = error.is_transient(),
                    "failed to reload, still serving the previous policies"
                );
                server.record_failed_reload(problem);
            }
            Err(error) => tracing::error!(%error, "reload task failed"),
        }
    }
}

fn force_reload(live: &Live) -> Result<Reload, LiveError> {
    live.reload_now()?;
    Ok(Reload::Changed)
}
