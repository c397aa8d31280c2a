//! The reference of the configuration file, made from the doc comments of [`super::written`]: a JSON Schema and a page.

use std::fmt::Write as _;

use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value};

use super::written;
use crate::lockout;

/// The JSON Schema (draft 2020-12) of the configuration file, as pretty-printed JSON with a newline at the end.
#[must_use]
pub fn schema() -> String {
    let mut text = serde_json::to_string_pretty(&schema_value()).unwrap_or_default();
    text.push('\n');
    text
}

/// The reference page of the configuration file, in Markdown.
#[must_use]
pub fn page() -> String {
    let schema = schema_value();
    let mut page = String::from(INTRODUCTION);
    table(&mut page, "Configuration", &schema);
    if let Some(definitions) = schema.get("$defs").and_then(Value::as_object) {
        for name in ORDER {
            if let Some(definition) = definitions.get(*name) {
                table(&mut page, name, definition);
            }
        }
    }
    needs(&mut page);
    page
}

/// What can be exempted from the guard.
fn needs(page: &mut String) {
    page.push_str("\n| Need | Why a cluster needs it |\n|---|---|\n");
    for need in lockout::needs() {
        let _ = writeln!(page, "| `{}` | {} |", need.name, need.why);
    }
}

const INTRODUCTION: &str = "\
# Configuration

<!-- Made by `cargo xtask codegen` from the doc comments in crates/host/src/config/written.rs. -->

One YAML file configures every plane; `k8s-wasm serve --config FILE` reads it.
Field names are those of the original configuration, so that its three files load too, by the flags of the same name:
`--authentication-wasm-config-file` and `--authorization-wasm-config-file` (a list of `modules:`) and
`--admission-control-config-file` (an `AdmissionConfiguration` with the plugin `WASM`).
Where such a list is expected, a whole `kind: Configuration` will do, too: then that plane's section is read, and `engine`.

Unknown fields are errors. `k8s-wasm check` loads everything and tells what is wrong, by file, line and field.
The same as a JSON Schema for editors: [configuration.schema.json](configuration.schema.json).
";

/// The order in which types are explained: as one meets them in a file.
const ORDER: &[&str] = &[
    "AuthenticatorList",
    "Authenticator",
    "AuthorizerList",
    "Authorizer",
    "AuthorizationFailurePolicy",
    "AdmissionPolicyList",
    "AdmissionPolicy",
    "ModuleType",
    "AdmissionFailurePolicy",
    "PolicyMode",
    "ExecutionMode",
    "KubernetesResource",
    "Rule",
    "Limits",
    "Engine",
    "LockOutGuard",
];

fn schema_value() -> Value {
    let generator: SchemaGenerator = SchemaSettings::draft2020_12().into_generator();
    generator
        .into_root_schema_for::<written::Configuration>()
        .to_value()
}

fn table(page: &mut String, name: &str, schema: &Value) {
    let _ = write!(page, "\n## {name}\n\n{}\n", description(schema));
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        let required = schema.get("required").and_then(Value::as_array);
        fields(page, properties, |field| {
            required.is_some_and(|names| names.iter().any(|name| name == field))
        });
    }
    if let Some(values) = schema.get("oneOf").and_then(Value::as_array) {
        page.push_str("\n| Value | Meaning |\n|---|---|\n");
        for value in values {
            let word = value
                .get("const")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let _ = writeln!(page, "| `{word}` | {} |", description(value));
        }
    }
}

fn fields(page: &mut String, properties: &Map<String, Value>, required: impl Fn(&str) -> bool) {
    page.push_str("\n| Field | Type | Meaning |\n|---|---|---|\n");
    for (field, schema) in properties {
        let mark = if required(field) { " (required)" } else { "" };
        let _ = writeln!(
            page,
            "| `{field}`{mark} | {} | {} |",
            type_name(schema),
            description(schema)
        );
    }
}

fn description(schema: &Value) -> String {
    let text = schema
        .get("description")
        .and_then(Value::as_str)
        .unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A type in words, with a link to where it is explained.
fn type_name(schema: &Value) -> String {
    if let Some(name) = reference(schema) {
        return format!("[{name}](#{})", name.to_lowercase());
    }
    if let Some(options) = schema.get("anyOf").and_then(Value::as_array) {
        let named: Vec<String> = options
            .iter()
            .filter(|option| !is_null(option))
            .map(type_name)
            .collect();
        return named.join(" or ");
    }
    let word = match schema.get("type") {
        Some(Value::String(word)) => word.as_str(),
        Some(Value::Array(words)) => words
            .iter()
            .filter_map(Value::as_str)
            .find(|word| *word != "null")
            .unwrap_or("any"),
        _ => return "any".to_owned(),
    };
    match (word, schema.get("items")) {
        ("array", Some(items)) => format!("list of {}", type_name(items)),
        _ => word.to_owned(),
    }
}

fn is_null(schema: &Value) -> bool {
    schema.get("type").and_then(Value::as_str) == Some("null")
}

fn reference(schema: &Value) -> Option<&str> {
    schema
        .get("$ref")
        .and_then(Value::as_str)?
        .strip_prefix("#/$defs/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_of_the_schema_is_explained_on_the_page() {
        let schema = schema_value();
        let definitions = schema["$defs"].as_object().expect("definitions");
        for name in definitions.keys() {
            assert!(ORDER.contains(&name.as_str()), "add `{name}` to ORDER");
        }
        assert_eq!(
            definitions.len(),
            ORDER.len(),
            "ORDER names a type that is gone"
        );
    }

    #[test]
    fn every_field_has_a_meaning() {
        for line in page().lines().filter(|line| line.starts_with("| `")) {
            assert!(!line.ends_with("|  |"), "no doc comment: {line}");
        }
    }
}
