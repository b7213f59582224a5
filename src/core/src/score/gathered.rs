//! Between the two halves of a score: the evidence is there, a fusion network may have to join it.

use super::fusion::{FusionInputs, FusionMaps};
use super::scorer::Scorer;
use crate::frame::FrameSize;
use crate::verdict::Verdict;

/// What gathering a part's evidence led to.
#[derive(Debug)]
#[must_use = "a part without a verdict is lost"]
#[expect(
    clippy::large_enum_variant,
    reason = "boxing the verdict would allocate for each part"
)]
pub enum Gathered<'s> {
    /// Nothing is left to ask: there is no result, one modality decided alone, or the product joins
    /// both by the maximum.
    Verdict(Verdict),
    /// The product's fusion network has to answer first.
    NeedsFusion(NeedsFusion<'s>),
}

impl Gathered<'_> {
    /// The verdict; `fuse` is asked only if it is needed, and must fill the maps.
    ///
    /// # Errors
    /// What `fuse` says; the part then has no verdict.
    pub fn decide<E>(
        self,
        fuse: impl FnOnce(&FusionInputs, &mut FusionMaps) -> Result<(), E>,
    ) -> Result<Verdict, E> {
        match self {
            Self::Verdict(verdict) => Ok(verdict),
            Self::NeedsFusion(pending) => pending.decide(fuse),
        }
    }
}

/// A part whose evidence waits for the fusion network. It holds the scorer, so no other part comes
/// between.
#[derive(Debug)]
#[must_use = "a part without a verdict is lost"]
pub struct NeedsFusion<'s> {
    pub(super) scorer: &'s mut Scorer,
    pub(super) frame: FrameSize,
}

impl NeedsFusion<'_> {
    /// Asks the network and judges what it answers. An answer of another size, or one that is not
    /// all numbers, is no result.
    ///
    /// # Errors
    /// What `fuse` says; the part then has no verdict.
    pub fn decide<E>(
        self,
        fuse: impl FnOnce(&FusionInputs, &mut FusionMaps) -> Result<(), E>,
    ) -> Result<Verdict, E> {
        self.scorer.decide_fused(self.frame, fuse)
    }
}
