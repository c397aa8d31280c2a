//! Built-in functions.

use std::fmt;

use serde_json::Value;

use crate::{Context, Error};

type Function = fn(&[Value], &mut Context) -> Result<Value, Error>;

/// A built-in function of Rego.
///
/// ```
/// use std::time::SystemTime;
///
/// use serde_json::json;
///
/// let sprintf = rego::find("sprintf").unwrap();
/// let mut context = rego::Context::new(SystemTime::now());
/// let result = sprintf.call(&[json!("%d of %v"), json!([2, "three"])], &mut context);
/// assert_eq!(result, Ok(json!("2 of three")));
///
/// let error = sprintf.call(&[json!(1), json!([])], &mut context).unwrap_err();
/// assert!(error.is_undefined());
/// ```
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

    /// Returns the name in Rego, such as `regex.split`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the number of operands.
    pub fn arity(&self) -> usize {
        self.arity
    }

    /// Applies the function to its operands.
    ///
    /// # Errors
    /// If [`Error::is_undefined`], the expression is undefined in OPA too and the evaluation may
    /// continue. Otherwise the evaluation must end.
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
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Builtin({}/{})", self.name, self.arity)
    }
}
