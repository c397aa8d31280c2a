//! A profile by samples of processor time: which part of our code, or the guest, is at work.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Result;
use pprof::Frames;

/// Samples per second of processor time. A prime number, so that nothing else beats along.
const FREQUENCY: i32 = 997;

/// How often a part was at work.
pub struct Sampled {
    /// Of [`PARTS`].
    pub part: &'static str,
    /// How many samples found it.
    pub samples: u64,
}

/// The parts of a call, in the order of the tables.
pub const PARTS: [&str; 6] = [MAKE, CLEAR, GUEST, WASI, HOST, REST];

const MAKE: &str = "making the instance";
const CLEAR: &str = "clearing the instance";
const GUEST: &str = "the guest's own code";
const WASI: &str = "our WASI";
const HOST: &str = "the host: JSON and the chain";
const REST: &str = "everything else: the engine's accounts, tokio, the clock";

/// Which part a stack is of, by what is in a function's name or in the path of its source: the first of these that is anywhere
/// in the stack. Generated code has neither name nor path, and is found by what enters it.
const KNOWN: [(&str, &str); 9] = [
    ("crates/engine/src/wasi", WASI),
    ("deallocate", CLEAR),
    ("into_data<engine::state::State>", CLEAR),
    ("array_call_native", GUEST),
    ("allocate_instance", MAKE),
    ("try_new<engine::state::State>", MAKE),
    ("src/runtime/instance.rs", MAKE),
    ("crates/engine/src", REST),
    ("crates/host/src", HOST),
];

/// Calls again and again, and looks at it while it does.
pub fn profile(time: Duration, mut call: impl FnMut() -> Result<()>) -> Result<Vec<Sampled>> {
    let guard = pprof::ProfilerGuardBuilder::default()
        .frequency(FREQUENCY)
        .build()?;
    let end = Instant::now() + time;
    while Instant::now() < end {
        call()?;
    }
    let report = guard.report().build()?;
    let mut found: BTreeMap<&str, u64> = BTreeMap::new();
    for (frames, samples) in &report.data {
        *found.entry(part(frames)).or_default() += u64::try_from(*samples)?;
    }
    Ok(PARTS
        .into_iter()
        .map(|part| Sampled {
            part,
            samples: found.get(part).copied().unwrap_or_default(),
        })
        .collect())
}

fn part(frames: &Frames) -> &'static str {
    let functions = frames.frames.iter().flatten();
    let stack: Vec<_> = functions
        .map(|function| (function.name(), function.filename()))
        .collect();
    let found = KNOWN.iter().find(|(word, _)| {
        let mut stack = stack.iter();
        stack.any(|(name, path)| name.contains(word) || path.contains(word))
    });
    found.map_or(REST, |(_, part)| part)
}
