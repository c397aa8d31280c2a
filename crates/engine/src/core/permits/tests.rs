//! Tests of the distribution of scarce permits.

use std::time::Duration;

use futures_util::FutureExt;

use super::*;

const ANY: Class = Class {
    kind: CallKind::Independent,
    share: Share::Whole,
};

const SHARED: Class = Class {
    share: Share::ThreeQuarters,
    ..ANY
};

fn permits(running: u32, queued: u32) -> Permits {
    Permits::new(NonZeroU32::new(running).unwrap(), queued)
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

/// Acquires all permits that a class can get at once.
fn exhaust(permits: &Permits, class: Class) -> Vec<Permit<'_>> {
    std::iter::from_fn(|| permits.try_acquire(class).ok()).collect()
}

#[test]
fn leaves_permits_to_other_classes_when_one_has_used_up_its_share() {
    for (running, share) in [(2, 1), (3, 2), (4, 3), (16, 12), (17, 13)] {
        let permits = permits(running, 0);
        let shared = exhaust(&permits, SHARED);
        assert_eq!(shared.len(), share, "of {running}");
        assert!(permits.try_acquire(ANY).is_ok(), "of {running}");
    }
}

#[test]
fn gives_a_single_permit_to_any_class() {
    assert!(permits(1, 0).try_acquire(SHARED).is_ok());
    assert!(permits(1, 0).try_acquire(ANY).is_ok());
}

#[test]
fn gives_all_permits_to_the_class_without_a_share() {
    assert_eq!(exhaust(&permits(16, 0), ANY).len(), 16);
}

#[tokio::test]
async fn leaves_room_in_the_queue_to_other_classes() {
    let permits = permits(4, 4);
    let mut running = exhaust(&permits, SHARED);
    running.extend(exhaust(&permits, ANY));
    let queued: Vec<_> = std::iter::from_fn(|| permits.try_enqueue(SHARED).ok()).collect();
    assert_eq!(queued.len(), 3);
    let rejected = permits.acquire(SHARED, soon()).await;
    assert_eq!(rejected.err(), Some(NoPermit::Overloaded));

    let mut other = Box::pin(permits.acquire(ANY, soon()));
    assert!(other.as_mut().now_or_never().is_none());
    running.pop();
    assert!(other.await.is_ok());
}

#[tokio::test]
async fn passes_a_released_permit_to_a_queued_call_of_the_same_class() {
    let permits = permits(4, 4);
    let mut shared = exhaust(&permits, SHARED);
    let mut next = Box::pin(permits.acquire(SHARED, soon()));
    assert!(next.as_mut().now_or_never().is_none());
    shared.pop();
    assert!(next.await.is_ok());
}

#[test]
fn limits_each_class_separately() {
    let dependent = Class {
        kind: CallKind::Dependent,
        ..SHARED
    };
    let permits = permits(8, 0);
    let dependents = exhaust(&permits, dependent);
    assert_eq!(dependents.len(), 4);
    assert_eq!(exhaust(&permits, SHARED).len(), 2);
    assert_eq!(exhaust(&permits, ANY).len(), 4);
}
