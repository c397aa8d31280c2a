//! A built-in function, and the table of all of them.

use std::fmt;

use serde_json::Value;

use crate::{
    Context, Error, crypto, encoding, json, net, numbers, patch, regex, sprintf, strings, time,
    units, urlquery, version, yaml,
};

type Function = fn(&[Value], &mut Context) -> Result<Value, Error>;

/// One built-in function of Rego.
#[derive(Clone, Copy)]
pub struct Builtin {
    name: &'static str,
    arity: usize,
    function: Function,
}

impl Builtin {
    pub(crate) const fn new(name: &'static str, arity: usize, function: Function) -> Self {
        Self {
            name,
            arity,
            function,
        }
    }

    /// The name that Rego knows the function by, such as `regex.split`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The number of operands.
    pub fn arity(&self) -> usize {
        self.arity
    }

    /// Applies the function to its operands.
    ///
    /// # Errors
    ///
    /// Where [`Error::is_undefined`], the expression is undefined in OPA too and evaluation may go on;
    /// otherwise the evaluation has to stop.
    pub fn call(&self, args: &[Value], context: &mut Context) -> Result<Value, Error> {
        if args.len() != self.arity {
            return Err(Error::Arity {
                expected: self.arity,
                found: args.len(),
            });
        }
        (self.function)(args, context)
    }
}

impl fmt::Debug for Builtin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Builtin({}/{})", self.name, self.arity)
    }
}

/// The built-in function of this name.
pub fn find(name: &str) -> Option<Builtin> {
    all().find(|builtin| builtin.name == name)
}

/// Every built-in function there is, grouped by subject.
pub fn all() -> impl Iterator<Item = Builtin> {
    [
        crypto::BUILTINS,
        encoding::BUILTINS,
        json::BUILTINS,
        net::BUILTINS,
        numbers::BUILTINS,
        patch::BUILTINS,
        regex::BUILTINS,
        sprintf::BUILTINS,
        strings::BUILTINS,
        time::BUILTINS,
        units::BUILTINS,
        urlquery::BUILTINS,
        version::BUILTINS,
        yaml::BUILTINS,
    ]
    .into_iter()
    .flatten()
    .copied()
}
