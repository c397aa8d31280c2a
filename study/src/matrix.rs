//! The matrix: every combination is a cell, those that cannot work as well.

use std::path::Path;

use clap::ValueEnum;

use crate::guests::{GUESTS, Guest};
use crate::protocol::Reuse;
use crate::runtimes::Name;
use crate::ways::Way;

/// One combination.
#[derive(Clone, Copy)]
pub struct Cell {
    /// Who runs it.
    pub runtime: Name,
    /// How it is asked.
    pub way: Way,
    /// What is asked.
    pub guest: &'static Guest,
    /// In which instance.
    pub reuse: Reuse,
    /// The size of the question.
    pub size: &'static str,
}

/// All cells. Neighbours differ in their runtime, then in their way: what will be compared is measured close together.
pub fn cells() -> Vec<Cell> {
    let mut cells = Vec::new();
    for guest in &GUESTS {
        for &size in guest.program.sizes() {
            for &reuse in Reuse::value_variants() {
                for &way in Way::value_variants() {
                    for &runtime in Name::value_variants() {
                        cells.push(Cell {
                            runtime,
                            way,
                            guest,
                            reuse,
                            size,
                        });
                    }
                }
            }
        }
    }
    cells
}

impl Cell {
    /// What it is called: `wasmi/stdio/token/rust-typed/fresh/review`.
    pub fn name(&self) -> String {
        [
            self.runtime.name(),
            self.way.name(),
            self.guest.program.name(),
            self.guest.name,
            self.reuse.name(),
            self.size,
        ]
        .join("/")
    }

    /// Why it cannot work; none: it is tried.
    pub fn obstacle(&self, guests: &Path) -> Option<String> {
        if let Some(reason) = self.guest.missing(guests) {
            return Some(reason);
        }
        if self.way != Way::Component {
            return None;
        }
        if !self.runtime.has_components() {
            return Some("the runtime has no component model".to_owned());
        }
        self.guest.no_component.map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_cell_has_a_name_of_its_own() {
        let cells = cells();
        let names: HashSet<_> = cells.iter().map(Cell::name).collect();
        assert_eq!(names.len(), cells.len());
        // 8 runtimes, 4 ways, fresh and reused; 3 languages in 4 sizes, and 4 guests that check tokens.
        assert_eq!(cells.len(), 8 * 4 * 2 * (3 * 4 + 4));
    }
}
