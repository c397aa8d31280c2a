//! `sprintf`, with the verbs of Go's package fmt (<https://pkg.go.dev/fmt>).

mod argument;
mod float;
mod integer;
mod spec;
mod text;

use serde_json::Value;

use crate::output::Output;
use crate::{Builtin, Context, Error, operand};
use argument::Argument;
use spec::Spec;

pub(crate) const BUILTINS: &[Builtin] = &[Builtin::new("sprintf", 2, sprintf)];

/// The largest width or precision in Go.
const MAX_SIZE: i64 = 1_000_000;

fn sprintf(args: &[Value], _: &mut Context) -> Result<Value, Error> {
    let format = operand::text(args, 0)?;
    let arguments = operand::array(args, 1)?
        .iter()
        .map(Argument::from_value)
        .collect::<Result<Vec<_>, _>>()?;
    Ok(print(format, &arguments)?.into())
}

/// Formats the arguments. As in Go, errors in the format are reported in the text.
fn print(format: &str, arguments: &[Argument]) -> Result<String, Error> {
    let mut printer = Printer {
        rest: format,
        arguments,
        next: 0,
        reordered: false,
        output: Output::default(),
    };
    while let Some((before, after)) = printer.rest.split_once('%') {
        printer.output.push(before)?;
        printer.rest = after;
        printer.verb()?;
    }
    printer.output.push(printer.rest)?;
    printer.extra_arguments()?;
    Ok(printer.output.finish())
}

struct Printer<'a> {
    rest: &'a str,
    arguments: &'a [Argument],
    next: usize,
    /// True if a verb has an explicit index.
    reordered: bool,
    output: Output,
}

/// An explicit index of an argument, such as `[2]`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Index {
    Absent,
    Valid,
    Invalid,
}

impl Printer<'_> {
    /// Prints one verb, after its percent sign.
    fn verb(&mut self) -> Result<(), Error> {
        let mut spec = Spec::default();
        while let Some(char) = self.rest.chars().next()
            && spec.set_flag(char)
        {
            self.skip(1);
        }
        let index = self.index();
        let mut valid = index != Index::Invalid;
        let mut after_index = index == Index::Valid;
        valid &= self.width(&mut spec, &mut after_index)?;
        valid &= self.precision(&mut spec, &mut after_index)?;
        if !after_index {
            valid &= self.index() != Index::Invalid;
        }
        let Some(verb) = self.rest.chars().next() else {
            return self.output.push("%!(NOVERB)");
        };
        self.skip(verb.len_utf8());
        if verb == '%' {
            return self.output.push("%");
        }
        if !valid {
            return self.output.push(&format!("%!{verb}(BADINDEX)"));
        }
        let Some(argument) = self.arguments.get(self.next) else {
            return self.output.push(&format!("%!{verb}(MISSING)"));
        };
        self.next += 1;
        if matches!(verb, 'v' | 'w') {
            spec.for_value_verb();
        }
        argument_text(argument, verb, &spec, &mut self.output)
    }

    /// Reads a width. Returns false if it follows an index.
    fn width(&mut self, spec: &mut Spec, after_index: &mut bool) -> Result<bool, Error> {
        if !self.skip_char('*') {
            spec.width = self.number();
            return Ok(!*after_index || spec.width.is_none());
        }
        *after_index = false;
        match self.size_argument() {
            Some(width) => {
                if width < 0 {
                    spec.minus = true;
                    spec.zero = false;
                }
                spec.width = usize::try_from(width.unsigned_abs()).ok();
            }
            None => self.output.push("%!(BADWIDTH)")?,
        }
        Ok(true)
    }

    /// Reads a point and a precision. Returns false if they follow an index or contain an invalid
    /// one.
    fn precision(&mut self, spec: &mut Spec, after_index: &mut bool) -> Result<bool, Error> {
        if self.rest.len() < 2 || !self.skip_char('.') {
            return Ok(true);
        }
        let mut valid = !*after_index;
        let index = self.index();
        valid &= index != Index::Invalid;
        *after_index = index == Index::Valid;
        if !self.skip_char('*') {
            spec.precision = Some(self.number().unwrap_or(0));
            return Ok(valid);
        }
        *after_index = false;
        spec.precision = self
            .size_argument()
            .and_then(|size| usize::try_from(size).ok());
        if spec.precision.is_none() {
            self.output.push("%!(BADPREC)")?;
        }
        Ok(valid)
    }

    /// Reads a width or a precision from an argument.
    fn size_argument(&mut self) -> Option<i64> {
        let argument = self.arguments.get(self.next)?;
        self.next += 1;
        match argument {
            Argument::Integer(size) if (-MAX_SIZE..=MAX_SIZE).contains(size) => Some(*size),
            _ => None,
        }
    }

    /// Reads an index in brackets, from 1.
    fn index(&mut self) -> Index {
        let Some(inner) = self.rest.strip_prefix('[') else {
            return Index::Absent;
        };
        self.reordered = true;
        let Some((number, after)) = inner.split_once(']') else {
            self.skip(1);
            return Index::Invalid;
        };
        self.rest = after;
        let index = number
            .parse::<usize>()
            .ok()
            .filter(|_| !number.starts_with('+'))
            .and_then(|number| number.checked_sub(1))
            .filter(|index| *index < self.arguments.len());
        match index {
            Some(index) => {
                self.next = index;
                Index::Valid
            }
            None => Index::Invalid,
        }
    }

    /// Reads digits. As in Go, the rest of the format is dropped after a number that is too large.
    fn number(&mut self) -> Option<usize> {
        let mut number = None;
        while let Some(digit) = self.rest.chars().next().and_then(|char| char.to_digit(10)) {
            let before: i64 = number.unwrap_or(0);
            if before > MAX_SIZE {
                self.rest = "";
                return None;
            }
            number = Some(before * 10 + i64::from(digit));
            self.skip(1);
        }
        usize::try_from(number?).ok()
    }

    fn extra_arguments(&mut self) -> Result<(), Error> {
        let extra = self.arguments.get(self.next..).unwrap_or_default();
        if self.reordered || extra.is_empty() {
            return Ok(());
        }
        self.output.push("%!(EXTRA ")?;
        for (index, argument) in extra.iter().enumerate() {
            self.output.push(if index == 0 { "" } else { ", " })?;
            named_value(argument, &Spec::default(), &mut self.output)?;
        }
        self.output.push(")")
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    fn skip_char(&mut self, char: char) -> bool {
        match self.rest.strip_prefix(char) {
            Some(after) => {
                self.rest = after;
                true
            }
            None => false,
        }
    }
}

fn argument_text(
    argument: &Argument,
    verb: char,
    spec: &Spec,
    output: &mut Output,
) -> Result<(), Error> {
    if verb == 'T' {
        return text::print(argument.type_name(), 's', spec, output).map(|_| ());
    }
    let known = verb != 'w'
        && match argument {
            Argument::Integer(number) => integer::print(*number, verb, spec, output)?,
            Argument::Large(number) => integer::print_large(*number, verb, spec, output)?,
            Argument::Float(number) => float::print(*number, verb, spec, output)?,
            Argument::Text(value) => text::print(value, verb, spec, output)?,
        };
    if known {
        return Ok(());
    }
    output.push("%!")?;
    output.push_char(verb)?;
    output.push("(")?;
    match argument {
        Argument::Large(number) => output.push(&format!("big.Int={number}"))?,
        _ => named_value(argument, spec, output)?,
    }
    output.push(")")
}

fn named_value(argument: &Argument, spec: &Spec, output: &mut Output) -> Result<(), Error> {
    output.push(argument.type_name())?;
    output.push("=")?;
    argument_text(argument, 'v', spec, output)
}
