//! Who gets a place when there are not enough.

use std::time::Duration;

use futures_util::FutureExt;

use super::*;

const ANY: Class = Class {
    kind: Kind::Independent,
    share: Share::Whole,
};

const SHARED: Class = Class {
    share: Share::ThreeQuarters,
    ..ANY
};

fn slots(running: u32, waiting: u32) -> Slots {
    Slots::new(NonZeroU32::new(running).unwrap(), waiting)
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

/// Takes all that a class can have at once.
fn fill(slots: &Slots, class: Class) -> Vec<Slot<'_>> {
    std::iter::from_fn(|| slots.take_now(class).ok()).collect()
}

#[test]
fn a_class_that_fills_its_share_does_not_keep_others_waiting() {
    for (places, share) in [(2, 1), (3, 2), (4, 3), (16, 12), (17, 13)] {
        let slots = slots(places, 0);
        let shared = fill(&slots, SHARED);
        assert_eq!(shared.len(), share, "of {places}");
        assert!(slots.take_now(ANY).is_ok(), "of {places}");
    }
}

#[test]
fn with_a_single_place_every_class_has_it() {
    assert!(slots(1, 0).take_now(SHARED).is_ok());
    assert!(slots(1, 0).take_now(ANY).is_ok());
}

#[test]
fn whoever_may_take_all_places_takes_them() {
    assert_eq!(fill(&slots(16, 0), ANY).len(), 16);
}

#[tokio::test]
async fn a_class_that_fills_its_part_of_the_queue_leaves_others_a_place_to_wait() {
    let slots = slots(4, 4);
    let mut running = fill(&slots, SHARED);
    running.extend(fill(&slots, ANY));
    let waiting: Vec<_> = std::iter::from_fn(|| slots.place_to_wait(SHARED).ok()).collect();
    assert_eq!(waiting.len(), 3);
    let turned_away = slots.take(SHARED, soon()).await;
    assert_eq!(turned_away.err(), Some(NoSlot::Busy));

    let mut other = Box::pin(slots.take(ANY, soon()));
    assert!(other.as_mut().now_or_never().is_none());
    running.pop();
    assert!(other.await.is_ok());
}

#[tokio::test]
async fn a_place_that_is_given_back_goes_to_whoever_waits_for_that_class() {
    let slots = slots(4, 4);
    let mut shared = fill(&slots, SHARED);
    let mut next = Box::pin(slots.take(SHARED, soon()));
    assert!(next.as_mut().now_or_never().is_none());
    shared.pop();
    assert!(next.await.is_ok());
}

#[test]
fn classes_are_limited_each_by_itself() {
    let dependent = Class {
        kind: Kind::Dependent,
        ..SHARED
    };
    let slots = slots(8, 0);
    let dependents = fill(&slots, dependent);
    assert_eq!(dependents.len(), 4);
    assert_eq!(fill(&slots, SHARED).len(), 2);
    assert_eq!(fill(&slots, ANY).len(), 4);
}
