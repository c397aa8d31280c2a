//! The matrix: every combination is a cell, including impossible ones.

use std::path::Path;

use clap::ValueEnum;

use crate::convention::Convention;
use crate::guests::{GUESTS, Guest};
use crate::protocol::Reuse;
use crate::runtimes::Name;

/// A combination.
#[derive(Clone, Copy)]
pub struct Cell {
    /// Runtime that runs the guest.
    pub runtime: Name,
    /// Calling convention.
    pub convention: Convention,
    /// Program that is called.
    pub guest: &'static Guest,
    /// Lifetime of the instance.
    pub reuse: Reuse,
    /// Size of the input.
    pub size: &'static str,
}

/// Returns all cells. Neighbours differ in runtime, then in calling convention, so that cells that are
/// compared are measured at about the same time.
pub fn cells() -> Vec<Cell> {
    let mut cells = Vec::new();
    for guest in &GUESTS {
        for &size in guest.program.sizes() {
            for &reuse in Reuse::value_variants() {
                for &convention in Convention::value_variants() {
                    for &runtime in Name::value_variants() {
                        cells.push(Cell {
                            runtime,
                            convention,
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
    /// Returns its name, such as `wasmi/stdio/token/rust-typed/fresh/review`.
    pub fn name(&self) -> String {
        [
            self.runtime.name(),
            self.convention.name(),
            self.guest.program.name(),
            self.guest.name,
            self.reuse.name(),
            self.size,
        ]
        .join("/")
    }

    /// Returns the reason for which it is impossible; `None` if it is measured.
    pub fn obstacle(&self, guests: &Path) -> Option<String> {
        if let Some(reason) = self.guest.missing(guests) {
            return Some(reason);
        }
        if self.convention != Convention::Component {
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
    fn cell_names_are_unique() {
        let cells = cells();
        let names: HashSet<_> = cells.iter().map(Cell::name).collect();
        assert_eq!(names.len(), cells.len());
        // 8 runtimes, 4 calling conventions, fresh and reused instances; 3 languages with 4 sizes, and
        // 4 guests that check tokens.
        assert_eq!(cells.len(), 8 * 4 * 2 * (3 * 4 + 4));
    }
}
