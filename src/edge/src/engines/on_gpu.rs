//! A GPU's plans beside tract, at the precision that is wanted, or at 32 bits where 16 are not trusted.

use std::io::Write;

use serde::Serialize;
use twinspect_bundle::Bundle;
use twinspect_engine::tensorrt::{Board, PlanStore};

use super::Compared;
use crate::config::PrecisionChoice;
use crate::error::{EdgeError, WithCauses};

/// What was compared. Its keys are for scripts and stay.
#[derive(Debug, Serialize)]
pub(crate) struct OnGpu {
    comparison: Compared,
    /// Of 16 bits, in whose place 32 judge.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<Compared>,
}

impl OnGpu {
    /// Compares; `prepare` is called before plans of a precision are loaded.
    ///
    /// # Errors
    /// Those of [`Compared::tensorrt`] and of `prepare`. Plans of 16 bits that are refused are none, whatever is wrong with those of 32.
    pub(crate) fn of(
        bundle: &Bundle,
        board: &Board,
        plans: &PlanStore,
        wanted: PrecisionChoice,
        prepare: &mut dyn FnMut(PrecisionChoice) -> Result<(), EdgeError>,
    ) -> Result<Self, EdgeError> {
        let mut compared = |precision: PrecisionChoice| {
            prepare(precision)?;
            Compared::tensorrt(bundle, board, plans, precision)
        };
        let comparison = match (compared(wanted), wanted) {
            (Err(error), PrecisionChoice::Fp16) => {
                log::warn!(
                    "16 bits can't be had, and 32 are tried in their place: {}",
                    WithCauses(&error)
                );
                return Ok(Self {
                    comparison: compared(PrecisionChoice::Fp32)?,
                    refused: None,
                });
            }
            (comparison, _) => comparison?,
        };
        let refused = match (wanted, comparison.refused()) {
            (PrecisionChoice::Fp16, Some(refused)) => WithCauses(refused).to_string(),
            _ => {
                return Ok(Self {
                    comparison,
                    refused: None,
                });
            }
        };
        log::warn!("16 bits are refused, and 32 are tried in their place: {refused}");
        match compared(PrecisionChoice::Fp32) {
            Ok(single) => Ok(Self {
                comparison: single,
                refused: Some(comparison),
            }),
            Err(error) => {
                log::warn!("32 bits can't be had either: {}", WithCauses(&error));
                Ok(Self {
                    comparison,
                    refused: None,
                })
            }
        }
    }

    /// Tables and verdicts, the one that counts last.
    pub(crate) fn print(&self, out: &mut dyn Write) -> Result<(), EdgeError> {
        self.refused
            .iter()
            .chain([&self.comparison])
            .try_for_each(|comparison| comparison.print(out))
    }

    /// The end of a command that has shown this.
    ///
    /// # Errors
    /// [`EdgeError::Unusable`] where no plans are trusted.
    pub(crate) fn into_verdict(self) -> Result<(), EdgeError> {
        self.comparison.into_verdict()
    }
}
