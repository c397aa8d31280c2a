//! A picture of horizontal bars, with the value at the end of each.

use std::path::Path;

use anyhow::Result;
use plotters::prelude::*;

use super::colours::{COLOURS, INK};
use crate::units::micros;

const WIDTH: u32 = 860;
const LABELS: f64 = 275.0;
const RIGHT: f64 = 90.0;
const TOP: f64 = 70.0;
const BAR: f64 = 15.0;
const GAP: f64 = 12.0;

/// The scale of the axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// For parts of a whole.
    Linear,
    /// For values of different orders of magnitude.
    Logarithmic,
}

/// A picture of groups of bars.
pub struct Bars {
    /// Text above the picture.
    pub title: &'static str,
    /// Scale of the axis.
    pub axis: Axis,
    /// Names of the bars of a group.
    pub series: Vec<&'static str>,
    /// Groups: a name, and a value in nanoseconds for each series, if it was measured.
    pub rows: Vec<(String, Vec<Option<f64>>)>,
}

impl Bars {
    /// Writes the picture as SVG.
    pub fn draw(&self, path: &Path) -> Result<()> {
        let group = self.series.len() as f64 * BAR + GAP;
        let bottom = TOP + group * self.rows.len() as f64;
        let area = SVGBackend::new(path, (WIDTH, (bottom + 40.0) as u32)).into_drawing_area();
        let values = self.rows.iter().flat_map(|(_, values)| values);
        let scale = Scale::new(self.axis, values.flatten().copied());
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
    let value = match value {
        // A difference below the accuracy of the measurement.
        Some(value) if value < MIN_VALUE => {
            area.draw(&text("≈ 0", LABELS + 5.0, top, 12))?;
            return Ok(());
        }
        Some(value) => value,
        None => {
            area.draw(&text("does not work", LABELS + 5.0, top, 12))?;
            return Ok(());
        }
    };
    let end = scale.x(value);
    area.draw(&rectangle(LABELS, top + 1.0, end, top + BAR - 1.0, colour))?;
    area.draw(&text(&format!("{} µs", micros(value)), end + 5.0, top, 12))?;
    Ok(())
}

/// Values below this, in nanoseconds, are drawn as zero.
const MIN_VALUE: f64 = 100.0;

/// The mapping from nanoseconds to coordinates.
struct Scale {
    axis: Axis,
    /// Values with grid lines; the first and the last are the ends of the axis.
    ticks: Vec<f64>,
}

impl Scale {
    fn new(axis: Axis, values: impl Iterator<Item = f64>) -> Self {
        let drawn: Vec<_> = values.filter(|value| *value >= MIN_VALUE).collect();
        let high = drawn.iter().copied().fold(MIN_VALUE, f64::max);
        let ticks = match axis {
            Axis::Linear => {
                let step = round_step(high / 5.0);
                (0..=6).map(|tick| f64::from(tick) * step).collect()
            }
            Axis::Logarithmic => {
                let low = drawn.iter().copied().fold(high, f64::min);
                let (low, high) = (low.log10().floor() as i32, high.log10().ceil() as i32);
                let powers = low..=high.max(low + 1);
                powers.map(|power| 10_f64.powi(power)).collect()
            }
        };
        Self { axis, ticks }
    }

    fn x(&self, value: f64) -> f64 {
        let place = |value: f64| match self.axis {
            Axis::Linear => value,
            Axis::Logarithmic => value.log10(),
        };
        let (low, high) = (
            place(self.ticks[0]),
            place(self.ticks[self.ticks.len() - 1]),
        );
        LABELS + (place(value) - low) / (high - low) * (f64::from(WIDTH) - LABELS - RIGHT)
    }

    fn draw(&self, area: &Area<'_>, bottom: f64) -> Result<()> {
        for &tick in &self.ticks {
            let x = self.x(tick);
            let line = vec![(x as i32, TOP as i32), (x as i32, bottom as i32)];
            area.draw(&PathElement::new(line, INK.mix(0.35)))?;
            let name = format!("{} µs", tick / 1000.0);
            area.draw(&text(&name, x - 12.0, bottom + 6.0, 12))?;
        }
        Ok(())
    }
}

/// Returns the smallest 1, 2 or 5 times a power of ten that is not below the value.
fn round_step(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    let step = [1.0, 2.0, 5.0]
        .into_iter()
        .find(|step| step * power >= value);
    step.unwrap_or(10.0) * power
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_covers_all_values() {
        for axis in [Axis::Linear, Axis::Logarithmic] {
            let values = [150.0, 42.0, 9_999.0, 1_234_567.0];
            let scale = Scale::new(axis, values.into_iter());
            let ends = LABELS..=f64::from(WIDTH) - RIGHT;
            assert!(ends.contains(&scale.x(150.0)) && ends.contains(&scale.x(1_234_567.0)));
        }
        assert!((round_step(0.3) - 0.5).abs() < 1e-9);
        assert_eq!((round_step(20.0), round_step(600.0)), (20.0, 1000.0));
    }
}
