//! The smallest patch from one object to another.

use json_patch::jsonptr::{PointerBuf, Token};
use json_patch::{AddOperation, Patch, PatchOperation, RemoveOperation, ReplaceOperation};
use serde_json::{Map, Value};

use super::PatchError;
use super::align::{Effort, Step, align};

/// The maximum cost of changes inside one value, in bytes of paths and keywords: some hundred
/// operations. A value with more changes is replaced as a whole.
const MAX_VALUE_COST: usize = 16 << 10;

/// The maximum cost for the whole object, which cannot be replaced.
const MAX_COST: usize = 1 << 20;

/// The maximum number of nested arrays in which elements are searched for: each level compares the
/// elements again.
const MAX_NESTED_ARRAYS: usize = 8;

/// Creates the smallest patch from `before` to `after`, which are both objects.
pub(super) fn diff(before: &Value, after: &Value) -> Result<Patch, PatchError> {
    let mut differ = Differ {
        path: Vec::new(),
        arrays: 0,
        operations: Vec::new(),
        cost: 0,
        limit: MAX_COST,
    };
    differ.descend(before, after);
    if differ.is_beyond_limit() {
        return Err(PatchError::Scattered);
    }
    Ok(Patch(differ.operations))
}

struct Differ<'a> {
    /// The current path. Serialized only where something changed.
    path: Vec<Segment<'a>>,
    /// The number of arrays that contain the current path.
    arrays: usize,
    operations: Vec<PatchOperation>,
    /// The cost of the operations so far.
    cost: usize,
    /// The cost beyond which the current value is replaced as a whole.
    limit: usize,
}

/// One segment of a path: a member of an object or an element of an array.
#[derive(Clone, Copy)]
enum Segment<'a> {
    Member(&'a str),
    Element(usize),
}

impl<'a> Differ<'a> {
    /// Adds the change of the value at the current path.
    fn value(&mut self, before: &'a Value, after: &'a Value) {
        let are_containers =
            (before.is_object() && after.is_object()) || (before.is_array() && after.is_array());
        if !are_containers {
            if before != after {
                self.replace(after);
            }
            return;
        }
        let (operations, cost, limit) = (self.operations.len(), self.cost, self.limit);
        self.limit = cost.saturating_add(MAX_VALUE_COST);
        self.descend(before, after);
        if self.is_beyond_limit() {
            self.operations.truncate(operations);
            self.cost = cost;
            self.replace(after);
        }
        self.limit = limit;
    }

    fn descend(&mut self, before: &'a Value, after: &'a Value) {
        match (before, after) {
            (Value::Object(before), Value::Object(after)) => self.object(before, after),
            (Value::Array(before), Value::Array(after)) => {
                let arrays = self.arrays;
                self.arrays = arrays.saturating_add(1);
                self.array(before, after, arrays);
                self.arrays = arrays;
            }
            _ => {}
        }
    }

    fn object(&mut self, before: &'a Map<String, Value>, after: &'a Map<String, Value>) {
        for name in before.keys().filter(|name| !after.contains_key(*name)) {
            self.within(Segment::Member(name), Self::remove);
            if self.is_beyond_limit() {
                return;
            }
        }
        for (name, after) in after {
            self.within(Segment::Member(name), |differ| match before.get(name) {
                Some(before) => differ.value(before, after),
                None => differ.add(after),
            });
            if self.is_beyond_limit() {
                return;
            }
        }
    }

    fn array(&mut self, before: &'a [Value], after: &'a [Value], nesting: usize) {
        let effort = if nesting < MAX_NESTED_ARRAYS {
            Effort::Search
        } else {
            Effort::Ends
        };
        // Elements before `index` have their final state.
        let mut index: usize = 0;
        for step in align(before, after, effort) {
            self.within(Segment::Element(index), |differ| match step {
                Step::Keep(before, after) => differ.value(before, after),
                Step::Remove => differ.remove(),
                Step::Add(after) => differ.add(after),
            });
            if !matches!(step, Step::Remove) {
                index = index.saturating_add(1);
            }
            if self.is_beyond_limit() {
                return;
            }
        }
    }

    fn within(&mut self, segment: Segment<'a>, change: impl FnOnce(&mut Self)) {
        self.path.push(segment);
        change(self);
        self.path.pop();
    }

    fn add(&mut self, value: &Value) {
        let value = value.clone();
        self.push(|path| PatchOperation::Add(AddOperation { path, value }));
    }

    fn replace(&mut self, value: &Value) {
        let value = value.clone();
        self.push(|path| PatchOperation::Replace(ReplaceOperation { path, value }));
    }

    fn remove(&mut self) {
        self.push(|path| PatchOperation::Remove(RemoveOperation { path }));
    }

    fn push(&mut self, operation: impl FnOnce(PointerBuf) -> PatchOperation) {
        /// `{"op":"replace","path":"","value":},`
        const KEYWORDS: usize = 37;
        let path = PointerBuf::from_tokens(self.path.iter().copied());
        self.cost = self
            .cost
            .saturating_add(KEYWORDS)
            .saturating_add(path.len());
        self.operations.push(operation(path));
    }

    fn is_beyond_limit(&self) -> bool {
        self.cost > self.limit
    }
}

impl<'a> From<Segment<'a>> for Token<'a> {
    fn from(segment: Segment<'a>) -> Self {
        match segment {
            Segment::Member(name) => name.into(),
            Segment::Element(index) => index.into(),
        }
    }
}
