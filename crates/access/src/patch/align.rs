//! Which element of an array became which: the difference between a patch of a line and one that rewrites the array.

use std::collections::HashMap;

use serde_json::Value;
use similar::Algorithm;

/// What happened to one element, in the order of the array afterwards.
#[derive(Debug, PartialEq)]
pub(super) enum Step<'a> {
    /// It stayed in its place among the others; it may have changed inside.
    Keep(&'a Value, &'a Value),
    /// It is gone.
    Remove,
    /// It is new.
    Add(&'a Value),
}

/// How hard to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effort {
    /// Find elements that stayed although others came or went.
    Search,
    /// Compare what stands at the same distance from the ends.
    Ends,
}

/// The product of the lengths up to which elements are searched for; beyond, comparing could take seconds.
const MAX_SEARCH: usize = 1 << 20;

/// Lines up two arrays.
pub(super) fn align<'a>(before: &'a [Value], after: &'a [Value], effort: Effort) -> Vec<Step<'a>> {
    let head = common(before.iter(), after.iter());
    let (before_head, before) = before.split_at_checked(head).unwrap_or((before, &[]));
    let (after_head, after) = after.split_at_checked(head).unwrap_or((after, &[]));
    let tail = common(before.iter().rev(), after.iter().rev());
    let (before, before_tail) = split_tail(before, tail);
    let (after, after_tail) = split_tail(after, tail);

    let mut steps = Vec::new();
    pair(&mut steps, before_head, after_head);
    if effort == Effort::Search && before.len().saturating_mul(after.len()) <= MAX_SEARCH {
        search(&mut steps, before, after);
    } else {
        pair(&mut steps, before, after);
    }
    pair(&mut steps, before_tail, after_tail);
    steps
}

/// How many elements at the start are the same ones.
fn common<'a>(
    before: impl Iterator<Item = &'a Value>,
    after: impl Iterator<Item = &'a Value>,
) -> usize {
    before
        .zip(after)
        .take_while(|(before, after)| Identity::of(before) == Identity::of(after))
        .count()
}

fn split_tail(elements: &[Value], tail: usize) -> (&[Value], &[Value]) {
    elements
        .split_at_checked(elements.len().saturating_sub(tail))
        .unwrap_or((elements, &[]))
}

/// Lines up elements by their position.
fn pair<'a>(steps: &mut Vec<Step<'a>>, before: &'a [Value], after: &'a [Value]) {
    let pairs = before.iter().zip(after);
    steps.extend(pairs.map(|(before, after)| Step::Keep(before, after)));
    steps.extend(before.iter().skip(after.len()).map(|_| Step::Remove));
    steps.extend(after.iter().skip(before.len()).map(Step::Add));
}

/// Lines up elements by a longest common subsequence of their identities.
fn search<'a>(steps: &mut Vec<Step<'a>>, before: &'a [Value], after: &'a [Value]) {
    let mut numbers = HashMap::new();
    let mut number = |element: &'a Value| {
        let next = numbers.len();
        *numbers.entry(Identity::of(element)).or_insert(next)
    };
    let old: Vec<usize> = before.iter().map(&mut number).collect();
    let new: Vec<usize> = after.iter().map(&mut number).collect();
    for op in similar::capture_diff_slices(Algorithm::Myers, &old, &new) {
        let before = before.get(op.old_range()).unwrap_or_default();
        let after = after.get(op.new_range()).unwrap_or_default();
        pair(steps, before, after);
    }
}

/// What makes two elements the same one: their `name`, as in most lists of Kubernetes, or else all of them.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Identity<'a> {
    Name(&'a str),
    Whole(&'a Value),
}

impl<'a> Identity<'a> {
    fn of(element: &'a Value) -> Self {
        match element.get("name") {
            Some(Value::String(name)) => Self::Name(name),
            _ => Self::Whole(element),
        }
    }
}
