//! What a runtime costs besides calls: compiling, code, memory; what its limits did; what it was measured on.

use clap::ValueEnum;

use super::Table;
use crate::report::summary::{grouped, median};
use crate::results::{Fact, Limit, Memory, Module, WORKS};
use crate::runtimes::Name;

/// The guests in the columns, by file.
const SHOWN: [&str; 3] = ["c_token", "rust_token_typed", "go_token"];

/// Compile time and code size, for the check of a token in each language.
pub fn modules(modules: &[Module]) -> String {
    let mut columns = vec!["Runtime".to_owned()];
    columns.extend(SHOWN.map(|file| format!("{file}, ms")));
    columns.extend(SHOWN.map(|file| format!("{file}, code KB")));
    let mut table = Table::new(&columns.iter().map(String::as_str).collect::<Vec<_>>());
    let of = |runtime: &str, file: &str| -> Vec<&Module> {
        let rows = modules.iter();
        rows.filter(|row| row.runtime == runtime && row.module == file)
            .collect()
    };
    for runtime in Name::value_variants() {
        let mut row = vec![runtime.name().to_owned()];
        row.extend(SHOWN.map(|file| compile_time(&of(runtime.name(), file))));
        row.extend(SHOWN.map(|file| code_size(&of(runtime.name(), file))));
        table.row(&row);
    }
    let mut wasm = vec!["the file itself".to_owned()];
    wasm.extend(SHOWN.map(|_| String::new()));
    wasm.extend(SHOWN.map(|file| {
        let found = modules.iter().find(|row| row.module == file);
        found.map_or("—".to_owned(), |row| kilobytes(row.wasm_bytes))
    }));
    table.row(&wasm);
    table.end()
}

fn compile_time(rows: &[&Module]) -> String {
    let times: Vec<_> = rows
        .iter()
        .filter_map(|row| Some(row.compile_ns? as f64 / 1e6))
        .collect();
    match times.len() {
        0 => "—".to_owned(),
        _ => match median(times) {
            time if time < 10.0 => format!("{time:.1}"),
            time => grouped(time),
        },
    }
}

fn code_size(rows: &[&Module]) -> String {
    let size = rows.iter().find_map(|row| row.code_bytes);
    size.map_or("not told".to_owned(), kilobytes)
}

fn kilobytes(bytes: u64) -> String {
    grouped((bytes as f64 / 1000.0).ceil())
}

/// Resident memory.
pub fn memory(memory: &[Memory]) -> String {
    let mut table = Table::new(&[
        "Runtime",
        "no module, MB",
        "1 module, MB",
        "64 modules, MB",
        "a further module, KB",
    ]);
    for runtime in Name::value_variants() {
        let of = |modules: u8| -> Option<f64> {
            let rows = memory.iter();
            let values: Vec<_> = rows
                .filter(|row| row.runtime == runtime.name() && row.modules == modules)
                .filter_map(|row| Some(row.kilobytes? as f64 * 1024.0 / 1e6))
                .collect();
            (!values.is_empty()).then(|| median(values))
        };
        let megabytes =
            |value: Option<f64>| value.map_or("—".to_owned(), |value| format!("{value:.1}"));
        let further = of(64)
            .zip(of(1))
            .map(|(many, one)| (many - one) / 63.0 * 1000.0);
        table.row(&[
            runtime.name().to_owned(),
            megabytes(of(0)),
            megabytes(of(1)),
            megabytes(of(64)),
            further.map_or("—".to_owned(), grouped),
        ]);
    }
    table.end()
}

/// What became of guests that mean ill.
pub fn limits(limits: &[Limit]) -> String {
    let mut table = Table::of_words(&[
        "Runtime",
        "loops for ever",
        "takes all memory",
        "recurses for ever",
    ]);
    for runtime in Name::value_variants() {
        let mut row = vec![runtime.name().to_owned()];
        for attack in ["loops for ever", "takes all memory", "recurses for ever"] {
            let found = limits
                .iter()
                .find(|limit| limit.runtime == runtime.name() && limit.attack == attack);
            row.push(found.map_or("not measured".to_owned(), fate));
        }
        table.row(&row);
    }
    table.end()
}

/// Only the guest that takes memory may end well: it got no more than 64 MiB.
fn fate(limit: &Limit) -> String {
    if limit.outcome == WORKS {
        return format!("kept within 64 MiB, {} ms", limit.millis);
    }
    format!("{} ms: {}", limit.millis, limit.outcome)
}

/// The machine and the versions.
pub fn machine(facts: &[Fact]) -> String {
    let mut table = Table::of_words(&["What", "which"]);
    for fact in facts {
        table.row(&[fact.name.clone(), fact.value.clone()]);
    }
    table.end()
}
