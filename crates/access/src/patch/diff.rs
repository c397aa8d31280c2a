//! The smallest patch from one object to another.

use json_patch::jsonptr::{PointerBuf, Token};
use json_patch::{AddOperation, Patch, PatchOperation, RemoveOperation, ReplaceOperation};
use serde_json::{Map, Value};

use super::PatchError;
use super::align::{Effort, Step, align};

/// What naming the parts of one value that changed may cost, in bytes of paths: some hundred operations. A value with
/// more changes is replaced as a whole.
const MAX_COST_OF_A_VALUE: usize = 16 << 10;

/// The same for the whole object, which cannot be replaced.
const MAX_COST: usize = 1 << 20;

/// In how many arrays around it an array may be for its elements to be searched for: each level compares them again.
const MAX_ARRAYS_AROUND: usize = 8;

/// The smallest patch from `before` to `after`, which are both objects.
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
    /// Where we are, and how many arrays that is inside of. Written out only where something changed.
    path: Vec<Place<'a>>,
    arrays: usize,
    operations: Vec<PatchOperation>,
    /// What the operations cost so far, and up to where it is worth going on.
    cost: usize,
    limit: usize,
}

/// A member of an object or an element of an array.
#[derive(Clone, Copy)]
enum Place<'a> {
    Member(&'a str),
    Element(usize),
}

impl<'a> Differ<'a> {
    /// The change of one value, at the current path.
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
        self.limit = cost.saturating_add(MAX_COST_OF_A_VALUE);
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
            self.within(Place::Member(name), Self::remove);
            if self.is_beyond_limit() {
                return;
            }
        }
        for (name, after) in after {
            self.within(Place::Member(name), |differ| match before.get(name) {
                Some(before) => differ.value(before, after),
                None => differ.add(after),
            });
            if self.is_beyond_limit() {
                return;
            }
        }
    }

    fn array(&mut self, before: &'a [Value], after: &'a [Value], around: usize) {
        let effort = if around < MAX_ARRAYS_AROUND {
            Effort::Search
        } else {
            Effort::Ends
        };
        // What is left of `index` is already as it will be.
        let mut index: usize = 0;
        for step in align(before, after, effort) {
            self.within(Place::Element(index), |differ| match step {
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

    fn within(&mut self, place: Place<'a>, change: impl FnOnce(&mut Self)) {
        self.path.push(place);
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
        const WORDS: usize = 37;
        let path = PointerBuf::from_tokens(self.path.iter().copied());
        self.cost = self.cost.saturating_add(WORDS).saturating_add(path.len());
        self.operations.push(operation(path));
    }

    fn is_beyond_limit(&self) -> bool {
        self.cost > self.limit
    }
}

impl<'a> From<Place<'a>> for Token<'a> {
    fn from(place: Place<'a>) -> Self {
        match place {
            Place::Member(name) => name.into(),
            Place::Element(index) => index.into(),
        }
    }
}
