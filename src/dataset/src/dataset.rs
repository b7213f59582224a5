//! The trait that the trainer, the evaluation and replay work with.

use std::path::{Path, PathBuf};

use crate::camera::Camera;
use crate::error::DatasetError;
use crate::layout::Layout;
use crate::part::{Modalities, Part, PartRef, Split};

/// A set of parts in splits. Lists are read once, when the set is opened; pictures on demand.
pub trait Dataset: Send + Sync + std::fmt::Debug {
    /// The set's short name: that of its folder, such as `cap`.
    fn name(&self) -> &str;

    /// The folder that was opened.
    fn root(&self) -> &Path;

    /// How the files lie.
    fn layout(&self) -> Layout;

    /// What every part has.
    fn modalities(&self) -> Modalities;

    /// The camera that took all parts, where the set or its publisher names one. Sets of organised points need
    /// none; whether a part's frame carries intrinsics is for the frame to say.
    fn camera(&self) -> Option<&Camera>;

    /// A split's parts in their fixed order; empty when the set has no such split.
    fn parts(&self, split: Split) -> &[PartRef];

    /// The good parts of a split, in their order.
    fn good_parts(&self, split: Split) -> Vec<PartRef> {
        let parts = self.parts(split).iter();
        parts.filter(|part| part.label.is_good()).cloned().collect()
    }

    /// The good parts that a score is fitted to without training: those of `calibration`, else of
    /// `validation`, else all.
    fn calibration_parts(&self) -> Vec<PartRef> {
        let own = [Split::Calibration, Split::Validation].map(|split| self.good_parts(split));
        match own.into_iter().find(|parts| !parts.is_empty()) {
            Some(parts) => parts,
            None => Split::ALL
                .into_iter()
                .flat_map(|split| self.good_parts(split))
                .collect(),
        }
    }

    /// Whether the validation parts were taken out of the training folder, because the set has
    /// none of its own.
    fn holds_out_validation(&self) -> bool;

    /// Reads one part's pictures.
    ///
    /// # Errors
    /// Whatever is wrong with its files, by path: truncated or foreign pictures, sizes that
    /// disagree, a mask on a good part, or a part that this set doesn't have.
    fn load(&self, part: &PartRef) -> Result<Part, DatasetError>;

    /// Every file that the set's parts are made of, labels and splits included, relative to the
    /// root, sorted: what a hash of the data must cover. VisA's list of splits begins with `..`.
    fn files(&self) -> Vec<PathBuf>;

    /// What an inspection run goes through: the test parts, or, in a set without any, all parts.
    fn inspection_parts(&self) -> Vec<&PartRef> {
        let test = self.parts(Split::Test);
        if test.is_empty() {
            Split::ALL
                .iter()
                .flat_map(|&split| self.parts(split))
                .collect()
        } else {
            test.iter().collect()
        }
    }
}
