//! The load: many callers at once, each asking one question after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::questions::{Askers, draw};
use crate::random::Random;
use crate::season::{Allowed, Season};
use crate::tally::Tally;

/// How long a caller waits after it got no answer: a server that is away refuses connections at once.
const PAUSE: Duration = Duration::from_millis(20);

/// Callers at work.
#[derive(Debug)]
pub struct Load {
    done: Arc<AtomicBool>,
    callers: JoinSet<()>,
}

impl Load {
    /// Starts `callers` callers, who draw their questions by `seed`.
    #[must_use]
    pub fn start(
        askers: &Askers,
        season: &Arc<Season>,
        tally: &Arc<Tally>,
        callers: u64,
        seed: u64,
    ) -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let callers = (0..callers).map(|number| {
            let caller = Caller {
                number,
                askers: askers.clone(),
                season: Arc::clone(season),
                tally: Arc::clone(tally),
                random: Random::new(seed, number + 1),
            };
            caller.ask(Arc::clone(&done))
        });
        Self {
            callers: callers.collect(),
            done,
        }
    }

    /// Waits for the last answers.
    pub async fn stop(mut self) {
        self.done.store(true, Ordering::Relaxed);
        while self.callers.join_next().await.is_some() {}
    }
}

struct Caller {
    number: u64,
    askers: Askers,
    season: Arc<Season>,
    tally: Arc<Tally>,
    random: Random,
}

impl Caller {
    async fn ask(mut self, done: Arc<AtomicBool>) {
        let kinds = self.askers.kinds();
        for turn in 0_u64.. {
            if done.load(Ordering::Relaxed) {
                return;
            }
            let kind = draw(&mut self.random, &kinds);
            let serial = format!("{}-{turn}", self.number);
            let (start, asked) = (self.season.now(), Instant::now());
            let answer = self.askers.ask(kind, &serial).await;
            let allowed = Allowed::between(start, self.season.now());
            self.tally.note(kind, asked.elapsed(), &answer, allowed);
            if answer.is_err() {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
