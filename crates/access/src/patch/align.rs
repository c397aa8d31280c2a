//! Alignment of two arrays, so that a small change does not replace the whole array.

use std::collections::HashMap;

use serde_json::Value;
use similar::Algorithm;

/// The change of one element, in the order of the array after the change.
#[derive(Debug, PartialEq)]
pub(super) enum Step<'a> {
    /// The element kept its place among the others; its content may have changed.
    Keep(&'a Value, &'a Value),
    /// The element was removed.
    Remove,
    /// The element was added.
    Add(&'a Value),
}

/// The effort to find elements that kept their place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effort {
    /// Finds elements that kept their place although others were added or removed.
    Search,
    /// Compares elements at the same distance from either end.
    Ends,
}

/// The maximum product of both lengths for a search. Beyond it, a search could take seconds.
const MAX_SEARCH: usize = 1 << 20;

/// Aligns two arrays.
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

/// Returns the number of leading elements with the same identity.
fn common<'a>(
    before: impl Iterator<Item = &'a Value>,
    after: impl Iterator<Item = &'a Value>,
) -> usize {
    before
        .zip(after)
        .take_while(|(before, after)| Identity::new(before) == Identity::new(after))
        .count()
}

fn split_tail(elements: &[Value], tail: usize) -> (&[Value], &[Value]) {
    elements
        .split_at_checked(elements.len().saturating_sub(tail))
        .unwrap_or((elements, &[]))
}

/// Aligns elements by their position.
fn pair<'a>(steps: &mut Vec<Step<'a>>, before: &'a [Value], after: &'a [Value]) {
    let pairs = before.iter().zip(after);
    steps.extend(pairs.map(|(before, after)| Step::Keep(before, after)));
    steps.extend(before.iter().skip(after.len()).map(|_| Step::Remove));
    steps.extend(after.iter().skip(before.len()).map(Step::Add));
}

/// Aligns elements by a longest common subsequence of their identities.
fn search<'a>(steps: &mut Vec<Step<'a>>, before: &'a [Value], after: &'a [Value]) {
    let mut numbers = HashMap::new();
    let mut number = |element: &'a Value| {
        let next = numbers.len();
        *numbers.entry(Identity::new(element)).or_insert(next)
    };
    let old: Vec<usize> = before.iter().map(&mut number).collect();
    let new: Vec<usize> = after.iter().map(&mut number).collect();
    for op in similar::capture_diff_slices(Algorithm::Myers, &old, &new) {
        let before = before.get(op.old_range()).unwrap_or_default();
        let after = after.get(op.new_range()).unwrap_or_default();
        pair(steps, before, after);
    }
}

/// The identity of an element: its `name`, as in most Kubernetes lists, or its whole value.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Identity<'a> {
    Name(&'a str),
    Whole(&'a Value),
}

impl<'a> Identity<'a> {
    fn new(element: &'a Value) -> Self {
        match element.get("name") {
            Some(Value::String(name)) => Self::Name(name),
            _ => Self::Whole(element),
        }
    }
}
