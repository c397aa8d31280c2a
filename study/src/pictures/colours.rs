//! The colours of the pictures, legible on dark and on light pages.

use plotters::style::RGBColor;

/// Colour of text and axes, halfway between white and black.
pub const INK: RGBColor = RGBColor(0x7d, 0x7d, 0x7d);

/// Colours of series, of medium brightness and distinguishable with colour vision deficiencies.
pub const COLOURS: [RGBColor; 4] = [
    RGBColor(0x2f, 0x81, 0xc7),
    RGBColor(0xd9, 0x7a, 0x1e),
    RGBColor(0x2a, 0x9d, 0x6f),
    RGBColor(0xb5, 0x5f, 0xb0),
];
