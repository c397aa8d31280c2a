//! `poll_oneoff`: sleeping, and polling streams, which are always ready.

use std::time::{Duration, Instant};

use wasmtime::Caller;

use crate::core::memory::{GuestMemory, element, offset};
use crate::core::state::CallState;
use crate::core::stop::Stop;
use crate::wasi::context::{HasWasi, Wasi, borrow_wasi, errno, with_wasi};
use crate::wasi::errno::{Errno, WasiError};
use crate::wasi::stdio::Stream;
use crate::wasi::system::Clock;

/// Maximum number of subscriptions in one call. A program with three streams uses a handful.
const MAX_SUBSCRIPTIONS: u32 = 64;

const SUBSCRIPTION_SIZE: u32 = 48;
const EVENT_SIZE: u32 = 32;

const TYPE_CLOCK: u8 = 0;
const TYPE_READ: u8 = 1;
const TYPE_WRITE: u8 = 2;

/// Flag of a clock subscription whose time is a point in time, not a duration.
const FLAG_ABSOLUTE: u16 = 1;

/// One event that a module waits for.
struct Subscription {
    /// Data of the module that is copied to the event.
    userdata: [u8; 8],
    /// `TYPE_CLOCK`, `TYPE_READ` or `TYPE_WRITE`.
    kind: u8,
    wait: Wait,
}

/// The time of an event.
enum Wait {
    /// At this time; `None` is later than any deadline.
    Until(Option<Instant>),
    /// Immediately: a stream with this number of bytes, or an error.
    Ready(Result<u64, Errno>),
}

/// Waits until at least one subscription has an event, and writes all events that have occurred.
///
/// The linker boxes the future. The caller is borrowed only before and after the wait.
pub(crate) async fn poll_oneoff<S: HasWasi>(
    mut caller: Caller<'_, CallState<S>>,
    subscriptions: u32,
    events: u32,
    count: u32,
    out: u32,
) -> wasmtime::Result<u32> {
    let subscriptions = borrow_wasi(&mut caller, |wasi, memory| {
        read_all(wasi, memory, subscriptions, count)
    });
    let subscriptions = match subscriptions {
        Ok(subscriptions) => subscriptions,
        Err(error) => return errno(Err(error)),
    };
    sleep(&subscriptions, caller.data().deadline)
        .await
        .map_err(wasmtime::Error::new)?;
    with_wasi(&mut caller, |_, memory| {
        write_events(memory, &subscriptions, events, out)
    })
}

/// Sleeps until the first event, but no longer than the deadline of the call.
async fn sleep(subscriptions: &[Subscription], deadline: Instant) -> Result<(), Stop> {
    let mut wake = deadline;
    for subscription in subscriptions {
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
    wasi: &Wasi,
    memory: &GuestMemory<'_>,
    subscriptions: u32,
    count: u32,
) -> Result<Vec<Subscription>, WasiError> {
    if count == 0 || count > MAX_SUBSCRIPTIONS {
        return Err(Errno::Inval.into());
    }
    let now = Instant::now();
    let read = |index| {
        let at = element(subscriptions, index, SUBSCRIPTION_SIZE)?;
        read_one(wasi, memory, at, now)
    };
    (0..count).map(read).collect()
}

/// Reads a `subscription`: userdata (8 bytes), type (1, at 8), and at 16 either a descriptor (4),
/// or a clock (4), its time (8, at 24), precision (8) and flags (2, at 40).
fn read_one(
    wasi: &Wasi,
    memory: &GuestMemory<'_>,
    at: u32,
    now: Instant,
) -> Result<Subscription, WasiError> {
    memory.read(at, SUBSCRIPTION_SIZE)?;
    let [kind] = memory.read_array(offset(at, 8)?)?;
    let number = memory.read_u32(offset(at, 16)?)?;
    let wait = match kind {
        TYPE_CLOCK => {
            let clock = Clock::from_number(number)?;
            let time = Duration::from_nanos(memory.read_u64(offset(at, 24)?)?);
            let flags = u16::from_le_bytes(memory.read_array(offset(at, 40)?)?);
            let duration = if flags & FLAG_ABSOLUTE != 0 {
                time.saturating_sub(wasi.clocks.now(clock))
            } else {
                time
            };
            Wait::Until(now.checked_add(duration))
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

/// Writes the events that have occurred: userdata (8 bytes), error (2), type (1), and for streams
/// the number of bytes (8, at 16).
fn write_events(
    memory: &mut GuestMemory<'_>,
    subscriptions: &[Subscription],
    events: u32,
    out: u32,
) -> Result<(), WasiError> {
    let now = Instant::now();
    let mut written: u32 = 0;
    for Subscription {
        userdata,
        kind,
        wait,
    } in subscriptions
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
