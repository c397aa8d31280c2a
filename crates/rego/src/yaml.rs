//! YAML 1.2 as text, and of YAML 1.1 what OPA reads too: octal numbers with a leading zero, merge keys.

use serde_json::Value;
use serde_saphyr::Error as Yaml;
use serde_saphyr::options::DuplicateKeyPolicy;

use crate::limits::TEXT_BYTES_MAX;
use crate::output::{Output, too_large};
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
    // A JSON value always has a YAML text; what fails is to write more than the limit.
    let mut output = Output::default();
    serde_saphyr::to_fmt_writer_with_options(&mut output, operand::get(args, 0)?, options)
        .map_err(|_| too_large())?;
    Ok(output.finish().into())
}

fn unmarshal(args: &[Value], _: &mut Context) -> Result<Value, Error> {
    parse(operand::text(args, 0)?)
}

/// The first document. The others have to be YAML too.
fn parse(text: &str) -> Result<Value, Error> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(Error::TooLarge {
            what: "a YAML text in bytes",
            max: TEXT_BYTES_MAX,
        });
    }
    let options = serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::LastWins,
        legacy_octal_numbers: true,
        strict_booleans: true,
        with_snippet: false,
    };
    match serde_saphyr::from_multiple_with_options::<Value>(text, options) {
        Ok(documents) => Ok(documents.into_iter().next().unwrap_or_default()),
        Err(error) => Err(explain(&error)),
    }
}

/// A document that costs too much may be valid, so that it must not count as invalid.
fn explain(error: &Yaml) -> Error {
    match error {
        Yaml::AliasError { error, .. } | Yaml::WithSnippet { error, .. } => explain(error),
        Yaml::Budget { .. }
        | Yaml::AliasReplayCounterOverflow { .. }
        | Yaml::AliasReplayLimitExceeded { .. }
        | Yaml::AliasExpansionLimitExceeded { .. }
        | Yaml::AliasReplayStackDepthExceeded { .. } => Error::TooLarge {
            what: "what a YAML text expands to in bytes",
            max: TEXT_BYTES_MAX,
        },
        error => Error::invalid(format!("not YAML: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn does_not_take_an_alias_bomb_for_invalid() {
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
        for level in 1..12 {
            let alias = format!("*a{}", level - 1);
            let aliases = [alias.as_str(); 9].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
        }
        let refused = is_valid(&[bomb.into()], &mut Context::new(UNIX_EPOCH));
        assert!(matches!(refused, Err(Error::TooLarge { .. })));
    }
}
