//! Prints the JSON Schema of the configuration file, for `cargo xtask codegen`.

#![allow(
    clippy::print_stdout,
    reason = "printing is the purpose of this program"
)]

fn main() {
    println!("{:#}", config::schema());
}
