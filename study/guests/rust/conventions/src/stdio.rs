//! Standard input and output, with the standard library.

use std::io::{self, Read, Write};

use crate::Program;

/// Runs the program on standard input, and writes the response to standard output.
pub fn respond(program: Program) {
    let mut input = Vec::new();
    io::stdin()
        .read_to_end(&mut input)
        .expect("stdin is readable");
    let mut output = io::stdout();
    output
        .write_all(&program(&input))
        .expect("stdout is writable");
    output.flush().expect("stdout is writable");
}
