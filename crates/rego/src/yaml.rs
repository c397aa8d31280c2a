//! YAML 1.2, with the features of YAML 1.1 that OPA supports: octal numbers with a leading zero,
//! and merge keys.

use serde_json::Value;
use serde_saphyr::Error as Yaml;
use serde_saphyr::options::DuplicateKeyPolicy;

use crate::limits::{MAX_TEXT_BYTES, check, text_too_large};
use crate::output::Output;
use crate::{Builtin, Context, Error, operand};

pub(crate) const BUILTINS: &[Builtin] = &[
    Builtin::new("yaml.is_valid", 1, is_valid),
    Builtin::new("yaml.marshal", 1, marshal),
    Builtin::new("yaml.unmarshal", 1, unmarshal),
];

fn is_valid(args: &[Value], _: &mut Context) -> Result<Value, Error> {
    match operand::text(args, 0).and_then(parse) {
        Ok(_) => Ok(true.into()),
        Err(error) if error.is_undefined() => Ok(false.into()),
        Err(error) => Err(error),
    }
}

fn marshal(args: &[Value], _: &mut Context) -> Result<Value, Error> {
    let options = serde_saphyr::ser_options! {
        compact_list_indent: false,
        folded_wrap_chars: usize::MAX,
    };
    // Every JSON value can be written as YAML, so an error is a text beyond the limit.
    let mut output = Output::default();
    serde_saphyr::to_fmt_writer_with_options(&mut output, operand::get(args, 0)?, options)
        .map_err(|_| text_too_large())?;
    Ok(output.finish().into())
}

fn unmarshal(args: &[Value], _: &mut Context) -> Result<Value, Error> {
    parse(operand::text(args, 0)?)
}

/// Parses the first document. Further documents must be valid YAML too.
fn parse(text: &str) -> Result<Value, Error> {
    check(
        text.len(),
        MAX_TEXT_BYTES,
        "the length of a YAML text in bytes",
    )?;
    let options = serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::LastWins,
        legacy_octal_numbers: true,
        strict_booleans: true,
        with_snippet: false,
    };
    match serde_saphyr::from_multiple_with_options::<Value>(text, options) {
        Ok(documents) => Ok(documents.into_iter().next().unwrap_or_default()),
        Err(error) => Err(to_error(&error)),
    }
}

/// Converts an error of the parser. A document that exceeds its budget may be valid, so it must not
/// count as invalid.
fn to_error(error: &Yaml) -> Error {
    match error {
        Yaml::AliasError { error, .. } | Yaml::WithSnippet { error, .. } => to_error(error),
        Yaml::Budget { .. }
        | Yaml::AliasReplayCounterOverflow { .. }
        | Yaml::AliasReplayLimitExceeded { .. }
        | Yaml::AliasExpansionLimitExceeded { .. }
        | Yaml::AliasReplayStackDepthExceeded { .. } => Error::TooLarge {
            what: "the size of an expanded YAML text in bytes",
            max: MAX_TEXT_BYTES,
        },
        error => Error::invalid(format!("not YAML: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn reports_an_alias_bomb_as_too_large() {
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
        for level in 1..12 {
            let alias = format!("*a{}", level - 1);
            let aliases = [alias.as_str(); 9].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
        }
        let result = is_valid(&[bomb.into()], &mut Context::new(UNIX_EPOCH));
        assert!(matches!(result, Err(Error::TooLarge { .. })));
    }
}
