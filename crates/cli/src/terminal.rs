//! Colours, columns and durations of text output.

use std::io::{self, Write};
use std::time::Duration;

use anstream::stream::RawStream;
use anstream::{AutoStream, ColorChoice};
use clap::builder::styling::{AnsiColor, Style};

/// The space between two columns.
const GAP: &str = "  ";

/// The styles of text output. By default all are plain.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Styles {
    /// Errors, refusals and removed lines.
    pub(crate) error: Style,
    /// Positive results and added lines.
    pub(crate) success: Style,
    /// Warnings, and results that decide nothing.
    pub(crate) warning: Style,
    /// Hints and headings.
    pub(crate) hint: Style,
}

impl Styles {
    /// Returns colours if the stream is a terminal. `NO_COLOR`, `CLICOLOR` and `CLICOLOR_FORCE` are
    /// respected (<https://no-color.org>, <https://bixense.com/clicolors/>).
    pub(crate) fn for_stream(stream: &impl RawStream) -> Self {
        if has_colors(stream) {
            Self {
                error: AnsiColor::Red.on_default(),
                success: AnsiColor::Green.on_default(),
                warning: AnsiColor::Yellow.on_default(),
                hint: AnsiColor::Cyan.on_default(),
            }
        } else {
            Self::default()
        }
    }
}

/// Returns true if text for the stream should have colours.
pub(crate) fn has_colors(stream: &impl RawStream) -> bool {
    AutoStream::choice(stream) != ColorChoice::Never
}

/// Returns the text in a style.
pub(crate) fn styled(text: &str, style: Style) -> String {
    format!("{style}{text}{style:#}")
}

/// Formats a duration with a unit that suits it: `42 us`, `1.2 ms` or `1.50 s`.
pub(crate) fn format_duration(duration: Duration) -> String {
    let micros = duration.as_micros();
    match micros {
        0..1_000 => format!("{micros} us"),
        1_000..1_000_000 => format!("{:.1} ms", duration.as_secs_f64() * 1e3),
        _ => format!("{:.2} s", duration.as_secs_f64()),
    }
}

/// Rows of cells. Each column is as wide as its widest cell.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Creates a table whose first row contains the names of the columns in upper case.
    pub(crate) fn with_header(names: &[&str]) -> Self {
        let header = names.iter().map(|name| name.to_uppercase()).collect();
        Self { rows: vec![header] }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = impl Into<String>>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// Writes the rows, each after `indent`.
    pub(crate) fn write(&self, out: &mut dyn Write, indent: &str) -> io::Result<()> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in &self.rows {
            let cells = row
                .iter()
                .zip(&widths)
                .map(|(cell, width)| format!("{cell:width$}"));
            let line = cells.collect::<Vec<_>>().join(GAP);
            writeln!(out, "{indent}{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aligns_columns_without_trailing_blanks() {
        let mut table = Table::with_header(&["name", "kind"]);
        table.row(["a", "first"]);
        table.row(["longer", ""]);
        let mut out = Vec::new();
        table.write(&mut out, "  ").unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "  NAME    KIND\n  a       first\n  longer\n"
        );
    }

    #[test]
    fn formats_durations_with_a_suitable_unit() {
        assert_eq!(format_duration(Duration::from_micros(42)), "42 us");
        assert_eq!(format_duration(Duration::from_micros(1_234)), "1.2 ms");
        assert_eq!(format_duration(Duration::from_millis(1_500)), "1.50 s");
    }

    #[test]
    fn plain_styles_write_no_escapes() {
        assert_eq!(styled("ok", Styles::default().success), "ok");
    }
}
