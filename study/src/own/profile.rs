//! A profile of processor time by part of our code, or of the guest.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Result;
use pprof::Frames;

/// Samples per second of processor time; a prime number, to avoid aliasing with periodic work.
const FREQUENCY: i32 = 997;

/// The samples of a part.
pub struct Sampled {
    /// Element of [`PARTS`].
    pub part: &'static str,
    /// Number of samples.
    pub samples: u64,
}

/// The parts of a call, in the order of the tables.
pub const PARTS: [&str; 6] = [MAKE, CLEAR, GUEST, WASI, HOST, REST];

const MAKE: &str = "making the instance";
const CLEAR: &str = "clearing the instance";
const GUEST: &str = "the guest's own code";
const WASI: &str = "our WASI";
const HOST: &str = "the host: JSON and the chain";
const REST: &str = "everything else: accounting in the engine, tokio, the clock";

/// The parts by a text in the name or the source path of a function. The first entry that matches any
/// function of a stack determines the part. Generated code has neither name nor path, and is found by
/// the function that calls it.
const KNOWN: [(&str, &str); 9] = [
    ("crates/engine/src/wasi", WASI),
    ("deallocate", CLEAR),
    ("into_data<engine::core::state::CallState<", CLEAR),
    ("array_call_native", GUEST),
    ("allocate_instance", MAKE),
    ("try_new<engine::core::state::CallState<", MAKE),
    ("src/runtime/instance.rs", MAKE),
    ("crates/engine/src", REST),
    ("crates/host/src", HOST),
];

/// Repeats a call for a time, and samples it.
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
