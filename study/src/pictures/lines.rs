//! A picture of lines over the input size, with logarithmic axes.

use std::path::Path;

use anyhow::Result;
use plotters::prelude::*;

use super::colours::{COLOURS, INK};

/// A picture of lines.
pub struct Lines {
    /// Text above the picture.
    pub title: &'static str,
    /// Names and points, in bytes and microseconds.
    pub series: Vec<(&'static str, Vec<(f64, f64)>)>,
}

impl Lines {
    /// Writes the picture as SVG.
    pub fn draw(&self, path: &Path) -> Result<()> {
        let area = SVGBackend::new(path, (860, 420)).into_drawing_area();
        let (low, high) = self.range();
        let mut chart = ChartBuilder::on(&area)
            .caption(self.title, ("sans-serif", 17).into_font().color(&INK))
            .margin(12)
            .margin_right(40)
            .x_label_area_size(40)
            .y_label_area_size(60)
            .build_cartesian_2d((10.0..1e6).log_scale(), (low..high).log_scale())?;
        let words = ("sans-serif", 13).into_font().color(&INK);
        chart
            .configure_mesh()
            .x_desc("bytes")
            .y_desc("µs")
            .axis_style(INK)
            .bold_line_style(INK.mix(0.3))
            .light_line_style(INK.mix(0.0))
            .label_style(words.clone())
            .axis_desc_style(words.clone())
            .x_label_formatter(&|bytes| format!("{bytes}"))
            .y_label_formatter(&|micros| format!("{micros}"))
            .draw()?;
        for (index, (name, points)) in self.series.iter().enumerate() {
            let colour = COLOURS[index % COLOURS.len()];
            chart
                .draw_series(LineSeries::new(
                    points.iter().copied(),
                    colour.stroke_width(2),
                ))?
                .label(*name)
                .legend(move |(x, y)| {
                    PathElement::new(vec![(x, y), (x + 18, y)], colour.stroke_width(2))
                });
            chart.draw_series(
                points
                    .iter()
                    .map(|&point| Circle::new(point, 3, colour.filled())),
            )?;
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .border_style(INK.mix(0.0))
            .label_font(words)
            .draw()?;
        Ok(area.present()?)
    }

    fn range(&self) -> (f64, f64) {
        let values = self.series.iter().flat_map(|(_, points)| points);
        let (low, high) = values.fold((f64::MAX, 1.0_f64), |(low, high), &(_, value)| {
            (low.min(value), high.max(value))
        });
        (low.min(high) * 0.8, high * 1.25)
    }
}
