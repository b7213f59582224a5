//! Charts as inline SVG: axes, ticks, lines, bars and dots, coloured by the page's style sheet.
//!
//! A chart is 460 units wide, about what a phone shows, so that its text stays readable there. Names
//! of colours are classes (`c-good`, `c-rgb`); light, dark and print are the style sheet's business.

mod plot;
mod scale;

pub(super) use plot::{Plot, Rows};
pub(super) use scale::{Axis, Scale, number};
