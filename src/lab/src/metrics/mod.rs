//! How good a model is, measured as the modules here define it and no other way.
//!
//! [`ScoredPart`]s (what a model said of the test parts, beside what is true of them) become one
//! [`Report`]: image and pixel AUROC, pixel average precision, AU-PRO at three limits, and what a
//! threshold lets through and throws away, with exact binomial intervals. All pixel figures come
//! from one sort of all pixels. [`write_map`] leaves the maps behind for an independent check.
//!
//! Maps and masks are compared at 256x256 ([`SIDE`]), stretched from the whole frame. A mask's
//! pixel is set where any of its frame's pixels is, so that a thin scratch survives.
//!
//! **What is undefined is `None`** and `null` in JSON, never 0.5: an AUROC without both classes,
//! an AU-PRO without a region.

mod bootstrap;
mod curves;
mod maps;
mod masks;
mod overlap;
mod pixels;
mod ranking;
mod regions;
mod report;
mod scored;
#[cfg(test)]
mod tests;

pub(crate) use maps::write_map;
pub(crate) use ranking::{auroc, average_precision};
pub(crate) use regions::Regions;
pub(crate) use report::Report;
pub(crate) use scored::{Judged, ScoredPart};

/// Side of the maps and masks that are compared, in pixels.
pub(crate) const SIDE: usize = 256;
