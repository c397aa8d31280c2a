//! Standard input and output, by the standard library.

use std::io::{self, Read, Write};

use crate::Program;

/// Reads to the end, answers, and flushes.
pub fn answer(program: Program) {
    let mut input = Vec::new();
    io::stdin().read_to_end(&mut input).expect("readable input");
    let mut output = io::stdout();
    output.write_all(&program(&input)).expect("writable output");
    output.flush().expect("writable output");
}
