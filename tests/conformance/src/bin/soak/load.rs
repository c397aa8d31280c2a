//! The load: concurrent callers, each of which sends one request after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::expectation::{Expected, Timeline};
use crate::random::Random;
use crate::requests::{Clients, draw};
use crate::tally::Tally;

/// The pause of a caller after a missing response: without a server, connections fail at once.
const PAUSE: Duration = Duration::from_millis(20);

/// Running callers.
#[derive(Debug)]
pub struct Load {
    is_stopped: Arc<AtomicBool>,
    callers: JoinSet<()>,
}

impl Load {
    /// Starts `callers` callers, whose random requests depend on `seed`.
    #[must_use]
    pub fn start(
        clients: &Clients,
        timeline: &Arc<Timeline>,
        tally: &Arc<Tally>,
        callers: u64,
        seed: u64,
    ) -> Self {
        let is_stopped = Arc::new(AtomicBool::new(false));
        let callers = (0..callers).map(|number| {
            let caller = Caller {
                number,
                clients: clients.clone(),
                timeline: Arc::clone(timeline),
                tally: Arc::clone(tally),
                random: Random::new(seed, number + 1),
            };
            caller.run(Arc::clone(&is_stopped))
        });
        Self {
            callers: callers.collect(),
            is_stopped,
        }
    }

    /// Stops the callers and waits for their last responses.
    pub async fn stop(mut self) {
        self.is_stopped.store(true, Ordering::Relaxed);
        while self.callers.join_next().await.is_some() {}
    }
}

struct Caller {
    number: u64,
    clients: Clients,
    timeline: Arc<Timeline>,
    tally: Arc<Tally>,
    random: Random,
}

impl Caller {
    async fn run(mut self, is_stopped: Arc<AtomicBool>) {
        let kinds = self.clients.kinds();
        for turn in 0_u64.. {
            if is_stopped.load(Ordering::Relaxed) {
                return;
            }
            let kind = draw(&mut self.random, &kinds);
            let serial = format!("{}-{turn}", self.number);
            let (start, sent) = (self.timeline.now(), Instant::now());
            let reply = self.clients.send(kind, &serial).await;
            let expected = Expected::between(start, self.timeline.now());
            self.tally.record(kind, sent.elapsed(), &reply, expected);
            if reply.is_err() {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
