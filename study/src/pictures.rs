//! The pictures: SVG without a background, legible on dark and on light pages.

mod bars;
mod colours;
mod lines;

use std::path::Path;

use anyhow::Result;
use clap::ValueEnum;

use self::bars::{Axis, Bars};
use self::lines::Lines;
use crate::convention::Convention;
use crate::differences::{FRONT_ENDS, added_by_front_end, added_by_step, requests};
use crate::own::{Step, Style};
use crate::results::{FrontEnd, OwnStep, Results};
use crate::runtimes::Name;
use crate::summary::{Ranged, Summary};

/// Writes all pictures into a folder.
pub fn write(folder: &Path, results: &Results, summary: &Summary) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    own(&results.own).draw(&folder.join("own.svg"))?;
    front_ends(&results.front_ends).draw(&folder.join("front-ends.svg"))?;
    runtimes(summary).draw(&folder.join("runtimes.svg"))?;
    guests(summary).draw(&folder.join("guests.svg"))?;
    sizes(summary).draw(&folder.join("sizes.svg"))
}

/// Returns the picture of the token check by stdio in each runtime.
fn runtimes(summary: &Summary) -> Bars {
    let rows = Name::value_variants().iter().map(|runtime| {
        let name = runtime.name();
        let cell = |reuse| summary.p50(&format!("{name}/stdio/token/rust-typed/{reuse}/review"));
        (name.to_owned(), vec![cell("fresh"), cell("reused")])
    });
    Bars {
        axis: Axis::Logarithmic,
        title: "A token check in Rust by stdin and stdout: median of a call",
        series: vec!["fresh instance", "reused instance"],
        rows: rows.collect(),
    }
}

/// Returns the picture of the token check in each language, in our runtime.
fn guests(summary: &Summary) -> Bars {
    let rows = ["c", "rust-typed", "rust-value", "go"].map(|guest| {
        let cell = |reuse| {
            summary.p50(&format!(
                "wasmtime-pooling/stdio/token/{guest}/{reuse}/review"
            ))
        };
        (guest.to_owned(), vec![cell("fresh"), cell("reused")])
    });
    Bars {
        axis: Axis::Logarithmic,
        title: "A token check in wasmtime-pooling, by language of the guest: median of a call",
        series: vec!["fresh instance", "reused instance"],
        rows: rows.into(),
    }
}

/// Returns the picture of the steps of our own call.
fn own(steps: &[OwnStep]) -> Bars {
    let rows = Step::value_variants().iter().map(|&step| {
        let values = Style::value_variants()
            .iter()
            .map(|&style| Some(added_by_step(steps, style, step)?.median));
        (step.title().to_owned(), values.collect())
    });
    Bars {
        axis: Axis::Linear,
        title: "The time of our own call, by step",
        series: vec!["types", "serde_json::Value"],
        rows: rows.collect(),
    }
}

/// Returns the picture of the latency that a decision adds to a request.
fn front_ends(rows: &[FrontEnd]) -> Bars {
    let groups = requests(rows).into_iter().map(|request| {
        let values = FRONT_ENDS.map(|front_end| {
            let latency = |row: &FrontEnd| row.median_us * 1000.0;
            let added = added_by_front_end(rows, request, front_end, latency);
            Some(Ranged::new(added)?.median)
        });
        (request.to_owned(), values.into())
    });
    Bars {
        axis: Axis::Linear,
        title: "Latency that a decision adds to a request of a real API server: median",
        series: FRONT_ENDS.to_vec(),
        rows: groups.collect(),
    }
}

/// Returns the picture of the cost by input size for each calling convention.
fn sizes(summary: &Summary) -> Lines {
    let sizes = [("10B", 10.0), ("1KB", 1e3), ("100KB", 1e5), ("1MB", 1e6)];
    let series = Convention::value_variants().iter().map(|convention| {
        let convention = convention.name();
        let points = sizes.iter().filter_map(|(size, bytes)| {
            let name = format!("wasmtime-pooling/{convention}/upper/rust/fresh/{size}");
            Some((*bytes, summary.p50(&name)? / 1000.0))
        });
        (convention, points.collect())
    });
    Lines {
        title: "to-upper in Rust, fresh instance in wasmtime-pooling: median of a call",
        series: series.collect(),
    }
}
