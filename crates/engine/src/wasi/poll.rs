//! `poll_oneoff`: sleep, and the question which streams are ready. They always are.

use std::time::{Duration, Instant};

use wasmtime::Caller;

use crate::guest::{Guest, GuestMemory, element, offset};
use crate::state::{State, Stop};
use crate::wasi::answer;
use crate::wasi::errno::{Errno, Refusal};
use crate::wasi::stdio::Stream;
use crate::wasi::system::Clock;

/// The most subscriptions in one call. Programs with three streams use a handful.
const SUBSCRIPTIONS_MAX: u32 = 64;

const SUBSCRIPTION_SIZE: u32 = 48;
const EVENT_SIZE: u32 = 32;

const TYPE_CLOCK: u8 = 0;
const TYPE_READ: u8 = 1;
const TYPE_WRITE: u8 = 2;

/// The time of a clock subscription is a point in time, not a span.
const FLAG_ABSOLUTE: u16 = 1;

/// What a module waits for.
struct Subscription {
    /// Handed back with the event.
    userdata: [u8; 8],
    /// `TYPE_CLOCK`, `TYPE_READ` or `TYPE_WRITE`.
    kind: u8,
    wait: Wait,
}

/// When a subscription has its event.
enum Wait {
    /// After this time; `None` is later than any deadline.
    Until(Option<Instant>),
    /// Now: a stream with so many bytes, or an error.
    Ready(Result<u64, Errno>),
}

/// Waits until at least one subscription has an event and writes all that have one.
///
/// Boxed by the linker; the caller is borrowed only before and after the wait.
pub(crate) async fn poll_oneoff(
    mut caller: Caller<'_, State>,
    subscriptions: u32,
    events: u32,
    count: u32,
    out: u32,
) -> wasmtime::Result<u32> {
    let waits = match Guest::of(&mut caller)
        .map_err(Refusal::Stop)
        .and_then(|guest| read_all(&guest, subscriptions, count))
    {
        Ok(waits) => waits,
        Err(refusal) => return answer(Err(refusal)),
    };
    if let Err(stop) = sleep(&waits, caller.data().deadline).await {
        return answer(Err(stop.into()));
    }
    let outcome = Guest::of(&mut caller)
        .map_err(Refusal::Stop)
        .and_then(|mut guest| write_due(&mut guest.memory, &waits, events, out));
    answer(outcome)
}

/// Sleeps until the first event, but no longer than the call may last.
async fn sleep(waits: &[Subscription], deadline: Instant) -> Result<(), Stop> {
    let mut wake = deadline;
    for subscription in waits {
        match subscription.wait {
            Wait::Ready(_) => return Ok(()),
            Wait::Until(Some(time)) => wake = wake.min(time),
            Wait::Until(None) => {}
        }
    }
    tokio::time::sleep_until(wake.into()).await;
    if Instant::now() < deadline {
        Ok(())
    } else {
        Err(Stop::Deadline)
    }
}

fn read_all(
    guest: &Guest<'_>,
    subscriptions: u32,
    count: u32,
) -> Result<Vec<Subscription>, Refusal> {
    if count == 0 || count > SUBSCRIPTIONS_MAX {
        return Err(Errno::Inval.into());
    }
    let now = Instant::now();
    (0..count)
        .map(|index| {
            read_one(
                guest,
                element(subscriptions, index, SUBSCRIPTION_SIZE)?,
                now,
            )
        })
        .collect()
}

/// Takes a `subscription` apart: userdata (8), type (1, at 8), and at 16 either a descriptor (4),
/// or a clock (4), its time (8, at 24), precision (8) and flags (2, at 40).
fn read_one(guest: &Guest<'_>, at: u32, now: Instant) -> Result<Subscription, Refusal> {
    let Guest { memory, state } = guest;
    memory.read(at, SUBSCRIPTION_SIZE)?;
    let [kind] = memory.read_array(offset(at, 8)?)?;
    let number = memory.read_u32(offset(at, 16)?)?;
    let wasi = &state.wasi;
    let wait = match kind {
        TYPE_CLOCK => {
            let clock = Clock::from_number(number)?;
            let time = Duration::from_nanos(memory.read_u64(offset(at, 24)?)?);
            let flags = u16::from_le_bytes(memory.read_array(offset(at, 40)?)?);
            let span = if flags & FLAG_ABSOLUTE != 0 {
                time.saturating_sub(wasi.clocks.now(clock))
            } else {
                time
            };
            Wait::Until(now.checked_add(span))
        }
        TYPE_READ => Wait::Ready(match wasi.stdio.stream(number) {
            Ok(Stream::Stdin) => Ok(u64::try_from(wasi.stdio.unread()).unwrap_or(u64::MAX)),
            _ => Err(Errno::Badf),
        }),
        TYPE_WRITE => Wait::Ready(match wasi.stdio.stream(number) {
            Ok(Stream::Stdout | Stream::Stderr) => Ok(0),
            _ => Err(Errno::Badf),
        }),
        _ => return Err(Errno::Inval.into()),
    };
    let userdata = memory.read_array(at)?;
    Ok(Subscription {
        userdata,
        kind,
        wait,
    })
}

/// Writes an event for everything that is due: userdata (8), error (2), type (1), and for streams
/// bytes (8, at 16).
fn write_due(
    memory: &mut GuestMemory<'_>,
    waits: &[Subscription],
    events: u32,
    out: u32,
) -> Result<(), Refusal> {
    let now = Instant::now();
    let mut written: u32 = 0;
    for Subscription {
        userdata,
        kind,
        wait,
    } in waits
    {
        let ready = match wait {
            Wait::Until(Some(time)) if *time <= now => Ok(0),
            Wait::Until(_) => continue,
            Wait::Ready(ready) => *ready,
        };
        let (errno, bytes) = match ready {
            Ok(bytes) => (Errno::Success, bytes),
            Err(errno) => (errno, 0),
        };
        let at = element(events, written, EVENT_SIZE)?;
        memory.slice_mut(at, EVENT_SIZE)?.fill(0);
        memory.write(at, userdata)?;
        memory.write(offset(at, 8)?, &(errno as u16).to_le_bytes())?;
        memory.write(offset(at, 10)?, &[*kind])?;
        memory.write_u64(offset(at, 16)?, bytes)?;
        written = written.saturating_add(1);
    }
    Ok(memory.write_u32(out, written)?)
}
