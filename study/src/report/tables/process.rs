//! Costs of a runtime other than calls, the effect of its limits, and the machine.

use clap::ValueEnum;

use super::table::Table;
use crate::results::{Fact, Limit, Memory, Module, WORKS};
use crate::runtimes::Name;
use crate::summary::median;
use crate::units::grouped;

/// The guests in the columns, by file name.
const SHOWN: [&str; 3] = ["c_token", "rust_token_typed", "go_token"];

/// Returns the table of compile time and code size of the token check in each language.
pub fn modules(modules: &[Module]) -> String {
    let mut columns = vec!["Runtime".to_owned()];
    columns.extend(SHOWN.map(|file| format!("{file}, ms")));
    columns.extend(SHOWN.map(|file| format!("{file}, code KB")));
    let mut table = Table::new(&columns.iter().map(String::as_str).collect::<Vec<_>>());
    let rows_of = |runtime: &str, file: &str| -> Vec<&Module> {
        let rows = modules.iter();
        rows.filter(|row| row.runtime == runtime && row.module == file)
            .collect()
    };
    for runtime in Name::value_variants() {
        let mut row = vec![runtime.name().to_owned()];
        row.extend(SHOWN.map(|file| compile_time(&rows_of(runtime.name(), file))));
        row.extend(SHOWN.map(|file| code_size(&rows_of(runtime.name(), file))));
        table.row(&row);
    }
    let mut wasm = vec!["size of the file".to_owned()];
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
    size.map_or("not reported".to_owned(), kilobytes)
}

fn kilobytes(bytes: u64) -> String {
    grouped((bytes as f64 / 1000.0).ceil())
}

/// Returns the table of resident memory.
pub fn memory(memory: &[Memory]) -> String {
    let mut table = Table::new(&[
        "Runtime",
        "no module, MB",
        "1 module, MB",
        "64 modules, MB",
        "each further module, KB",
    ]);
    for runtime in Name::value_variants() {
        let median_of = |modules: u8| -> Option<f64> {
            let rows = memory.iter();
            let values: Vec<_> = rows
                .filter(|row| row.runtime == runtime.name() && row.modules == modules)
                .filter_map(|row| Some(row.kilobytes? as f64 * 1024.0 / 1e6))
                .collect();
            (!values.is_empty()).then(|| median(values))
        };
        let megabytes =
            |value: Option<f64>| value.map_or("—".to_owned(), |value| format!("{value:.1}"));
        let further = median_of(64)
            .zip(median_of(1))
            .map(|(many, one)| (many - one) / 63.0 * 1000.0);
        table.row(&[
            runtime.name().to_owned(),
            megabytes(median_of(0)),
            megabytes(median_of(1)),
            megabytes(median_of(64)),
            further.map_or("—".to_owned(), grouped),
        ]);
    }
    table.end()
}

/// Returns the table of hostile guests.
pub fn limits(limits: &[Limit]) -> String {
    let mut table = Table::with_text_columns(&[
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
            row.push(found.map_or("not measured".to_owned(), outcome));
        }
        table.row(&row);
    }
    table.end()
}

/// Formats the outcome of a hostile guest. Only the guest that takes memory may succeed, with at most
/// 64 MiB.
fn outcome(limit: &Limit) -> String {
    if limit.outcome == WORKS {
        return format!("kept within 64 MiB, {} ms", limit.millis);
    }
    format!("{} ms: {}", limit.millis, limit.outcome)
}

/// Returns the table of the machine and the versions.
pub fn machine(facts: &[Fact]) -> String {
    let mut table = Table::with_text_columns(&["Fact", "Value"]);
    for fact in facts {
        table.row(&[fact.name.clone(), fact.value.clone()]);
    }
    table.end()
}
