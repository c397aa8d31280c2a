//! JSON patches (RFC 6902), with OPA's extensions of paths.

use json_patch::PatchOperation;
use serde_json::{Map, Value};

use crate::limits::{MAX_DEPTH, MAX_PATCH_BYTES, check};
use crate::{Builtin, Context, Error, operand};

pub(crate) const BUILTINS: &[Builtin] = &[Builtin::new("json.patch", 2, patch)];

/// The cost of a value in bytes, in addition to its text.
const VALUE_BYTES: usize = 32;

fn patch(args: &[Value], context: &mut Context) -> Result<Value, Error> {
    let mut document = operand::get(args, 0)?.clone();
    let mut copied = 0;
    for operation in operand::array(args, 1)? {
        context.check_deadline()?;
        let operation = standard_operation(operation)?;
        copied += added_bytes(&document, &operation)?;
        check(
            copied,
            MAX_PATCH_BYTES,
            "the size of a patched document in bytes",
        )?;
        json_patch::patch_unsafe(&mut document, &[operation])
            .map_err(|error| Error::invalid(error.to_string()))?;
    }
    Ok(document)
}

/// Converts an operation to RFC 6902.
fn standard_operation(operation: &Value) -> Result<PatchOperation, Error> {
    let Value::Object(operation) = operation else {
        return Err(Error::invalid("an operation is not an object"));
    };
    let mut standard: Map<String, Value> = operation.clone();
    for member in ["path", "from"] {
        if let Some(path) = operation.get(member) {
            standard.insert(member.to_owned(), pointer(path)?.into());
        }
    }
    serde_json::from_value(standard.into()).map_err(|error| Error::invalid(error.to_string()))
}

/// Converts a path of OPA to a JSON pointer (RFC 6901). It is a pointer whose first slash is
/// optional, or an array of segments.
fn pointer(path: &Value) -> Result<String, Error> {
    match path {
        Value::String(path) if path.is_empty() => Ok(String::new()),
        Value::String(path) => Ok(format!("/{}", path.trim_start_matches('/'))),
        Value::Array(segments) => segments
            .iter()
            .map(|segment| match segment {
                Value::String(name) => {
                    Ok(format!("/{}", name.replace('~', "~0").replace('/', "~1")))
                }
                Value::Number(index) => Ok(format!("/{index}")),
                _ => Err(Error::invalid(
                    "a path segment is neither a string nor a number",
                )),
            })
            .collect(),
        _ => Err(Error::invalid("a path is neither a string nor an array")),
    }
}

/// Returns the bytes that an operation adds to the document. Rejects an operation that would nest
/// the document too deeply.
fn added_bytes(document: &Value, operation: &PatchOperation) -> Result<usize, Error> {
    let find = |from: &json_patch::jsonptr::Pointer| document.pointer(from.as_str());
    let (path, value, is_copy) = match operation {
        PatchOperation::Add(add) => (&add.path, Some(&add.value), true),
        PatchOperation::Replace(replace) => (&replace.path, Some(&replace.value), true),
        PatchOperation::Copy(copy) => (&copy.path, find(&copy.from), true),
        PatchOperation::Move(moved) => (&moved.path, find(&moved.from), false),
        PatchOperation::Remove(_) | PatchOperation::Test(_) => return Ok(0),
    };
    let Some(value) = value else {
        return Ok(0);
    };
    let extent = Extent::measure(value);
    let depth = path.count() + extent.depth;
    check(depth, MAX_DEPTH, "the depth of a patched document")?;
    Ok(if is_copy { extent.bytes } else { 0 })
}

/// The size of a value.
struct Extent {
    bytes: usize,
    depth: usize,
}

impl Extent {
    fn measure(value: &Value) -> Self {
        let (text, children): (usize, Vec<Self>) = match value {
            Value::String(text) => (text.len(), Vec::new()),
            Value::Array(values) => (0, values.iter().map(Self::measure).collect()),
            Value::Object(members) => (
                members.keys().map(String::len).sum(),
                members.values().map(Self::measure).collect(),
            ),
            _ => (0, Vec::new()),
        };
        Self {
            bytes: VALUE_BYTES + text + children.iter().map(|child| child.bytes).sum::<usize>(),
            depth: 1 + children.iter().map(|child| child.depth).max().unwrap_or(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use serde_json::json;

    use super::*;

    fn apply(document: Value, operations: Vec<Value>) -> Result<Value, Error> {
        patch(
            &[document, operations.into()],
            &mut Context::new(UNIX_EPOCH),
        )
    }

    #[test]
    fn rejects_exponential_growth_by_copying() {
        let double = json!({"op": "copy", "from": "/a", "path": "/a/-"});
        let result = apply(json!({"a": [1, 2, 3]}), vec![double; 100]);
        assert!(matches!(result, Err(Error::TooLarge { .. })));
    }

    #[test]
    fn rejects_deep_nesting() {
        let operations = (0..1000)
            .map(|depth| json!({"op": "add", "path": "/a".repeat(depth + 1), "value": {}}))
            .collect();
        assert!(matches!(
            apply(json!({}), operations),
            Err(Error::TooLarge { .. })
        ));
    }
}
