//! The pictures: SVG without a background, in colours that can be read on a dark page and on a light one.

mod bars;
mod lines;

use std::path::Path;

use anyhow::Result;
use clap::ValueEnum;
use plotters::style::RGBColor;

use self::bars::{Axis, Bars};
use self::lines::Lines;
use crate::own::{Step, Style};
use crate::report::{DECIDED, Ranged, Summary, added_by, added_in, requests};
use crate::results::{Door, OwnStep, Results};
use crate::runtimes::Name;
use crate::ways::Way;

/// Text and axes: as far from white as from black.
const INK: RGBColor = RGBColor(0x7d, 0x7d, 0x7d);

/// Series: of middle brightness, and told apart by people who see fewer colours.
const COLOURS: [RGBColor; 4] = [
    RGBColor(0x2f, 0x81, 0xc7),
    RGBColor(0xd9, 0x7a, 0x1e),
    RGBColor(0x2a, 0x9d, 0x6f),
    RGBColor(0xb5, 0x5f, 0xb0),
];

/// Writes all pictures into the folder.
pub fn write(folder: &Path, results: &Results, summary: &Summary) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    own(&results.own).draw(&folder.join("own.svg"))?;
    doors(&results.doors).draw(&folder.join("doors.svg"))?;
    runtimes(summary).draw(&folder.join("runtimes.svg"))?;
    guests(summary).draw(&folder.join("guests.svg"))?;
    sizes(summary).draw(&folder.join("sizes.svg"))
}

/// The check of a token by standard input and output, in each runtime.
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

/// The same check in each language, in our runtime.
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

/// What each step adds to our own call.
fn own(steps: &[OwnStep]) -> Bars {
    let rows = Step::value_variants().iter().map(|&step| {
        let values = Style::value_variants()
            .iter()
            .map(|&style| Some(added_in(steps, style, step)?.median));
        (step.adds().to_owned(), values.collect())
    });
    Bars {
        axis: Axis::Linear,
        title: "Where the time of our own call goes: what each step adds",
        series: vec!["types", "serde_json::Value"],
        rows: rows.collect(),
    }
}

/// What a decision adds to the latency of a request.
fn doors(doors: &[Door]) -> Bars {
    let rows = requests(doors).into_iter().map(|request| {
        let values = DECIDED.map(|decided| {
            let added = added_by(doors, request, decided, |door| door.median_us * 1000.0);
            Some(Ranged::of(added)?.median)
        });
        (request.to_owned(), values.into())
    });
    Bars {
        axis: Axis::Linear,
        title: "What a decision adds to a request of a real API server: median latency",
        series: DECIDED.to_vec(),
        rows: rows.collect(),
    }
}

/// What a byte costs on each way.
fn sizes(summary: &Summary) -> Lines {
    let sizes = [("10B", 10.0), ("1KB", 1e3), ("100KB", 1e5), ("1MB", 1e6)];
    let series = Way::value_variants().iter().map(|way| {
        let way = way.name();
        let points = sizes.iter().filter_map(|(size, bytes)| {
            let name = format!("wasmtime-pooling/{way}/upper/rust/fresh/{size}");
            Some((*bytes, summary.p50(&name)? / 1000.0))
        });
        (way, points.collect())
    });
    Lines {
        title: "to-upper in Rust, fresh instance in wasmtime-pooling: median of a call",
        series: series.collect(),
    }
}
