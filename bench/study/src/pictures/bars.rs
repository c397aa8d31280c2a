//! Horizontal bars on a logarithmic axis, with the figure at the end of each.

use std::path::Path;

use anyhow::Result;
use plotters::prelude::*;

use super::{COLOURS, INK};
use crate::report::micros;

const WIDTH: u32 = 860;
const LABELS: f64 = 190.0;
const RIGHT: f64 = 90.0;
const TOP: f64 = 70.0;
const BAR: f64 = 15.0;
const GAP: f64 = 12.0;

/// A picture of groups of bars.
pub struct Bars {
    /// Above the picture.
    pub title: &'static str,
    /// What the bars of a group are.
    pub series: Vec<&'static str>,
    /// Groups: a name, and nanoseconds for each series where there are any.
    pub rows: Vec<(String, Vec<Option<f64>>)>,
}

impl Bars {
    /// Writes it as SVG.
    pub fn draw(&self, path: &Path) -> Result<()> {
        let group = self.series.len() as f64 * BAR + GAP;
        let bottom = TOP + group * self.rows.len() as f64;
        let area = SVGBackend::new(path, (WIDTH, (bottom + 40.0) as u32)).into_drawing_area();
        let scale = Scale::of(
            self.rows
                .iter()
                .flat_map(|(_, values)| values.iter().flatten()),
        );
        area.draw(&text(self.title, 10.0, 8.0, 17))?;
        self.legend(&area)?;
        scale.draw(&area, bottom)?;
        for (index, (name, values)) in self.rows.iter().enumerate() {
            let top = TOP + group * index as f64 + GAP / 2.0;
            area.draw(&text(name, 10.0, top + BAR / 2.0, 14))?;
            for (series, value) in values.iter().enumerate() {
                bar(
                    &area,
                    &scale,
                    top + BAR * series as f64,
                    COLOURS[series],
                    *value,
                )?;
            }
        }
        Ok(area.present()?)
    }

    fn legend(&self, area: &Area<'_>) -> Result<()> {
        for (index, name) in self.series.iter().enumerate() {
            let left = LABELS + 170.0 * index as f64;
            area.draw(&rectangle(left, 38.0, left + 12.0, 50.0, COLOURS[index]))?;
            area.draw(&text(name, left + 18.0, 37.0, 14))?;
        }
        Ok(())
    }
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

fn bar(
    area: &Area<'_>,
    scale: &Scale,
    top: f64,
    colour: RGBColor,
    value: Option<f64>,
) -> Result<()> {
    let Some(value) = value else {
        area.draw(&text("does not work", LABELS + 5.0, top, 12))?;
        return Ok(());
    };
    let end = scale.x(value);
    area.draw(&rectangle(LABELS, top + 1.0, end, top + BAR - 1.0, colour))?;
    area.draw(&text(&format!("{} µs", micros(value)), end + 5.0, top, 12))?;
    Ok(())
}

/// Whole powers of ten around the values.
struct Scale {
    low: i32,
    high: i32,
}

impl Scale {
    fn of<'a>(values: impl Iterator<Item = &'a f64>) -> Self {
        let (low, high) = values.fold((f64::MAX, 1.0_f64), |(low, high), &value| {
            (low.min(value), high.max(value))
        });
        let low = if low == f64::MAX {
            0
        } else {
            low.log10().floor() as i32
        };
        let high = (high.log10().ceil() as i32).max(low + 1);
        Self { low, high }
    }

    fn x(&self, value: f64) -> f64 {
        let span = f64::from(self.high - self.low);
        let width = f64::from(WIDTH) - LABELS - RIGHT;
        LABELS + (value.log10() - f64::from(self.low)) / span * width
    }

    fn draw(&self, area: &Area<'_>, bottom: f64) -> Result<()> {
        for power in self.low..=self.high {
            let value = 10_f64.powi(power);
            let x = self.x(value);
            let line = vec![(x as i32, TOP as i32), (x as i32, bottom as i32)];
            area.draw(&PathElement::new(line, INK.mix(0.35)))?;
            area.draw(&text(
                &format!("{} µs", value / 1000.0),
                x - 12.0,
                bottom + 6.0,
                12,
            ))?;
        }
        Ok(())
    }
}

fn rectangle(
    left: f64,
    top: f64,
    right: f64,
    bottom: f64,
    colour: RGBColor,
) -> Rectangle<(i32, i32)> {
    let corners = [(left as i32, top as i32), (right as i32, bottom as i32)];
    Rectangle::new(corners, colour.filled())
}

fn text(words: &str, left: f64, top: f64, size: u32) -> Text<'static, (i32, i32), String> {
    let style = ("sans-serif", size).into_font().color(&INK);
    Text::new(words.to_owned(), (left as i32, top as i32), style)
}
