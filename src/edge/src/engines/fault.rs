//! Whose fault it is that a process ends, or that a model is not proven.
//!
//! A model is given up for the one before it, and its proof is taken away, for what it can be guilty of alone. The process that has
//! met the fault says whose it is: from outside, an exit code tells a bad bundle from a missing driver as little as a signal does.

use serde::{Deserialize, Serialize};
use twinspect_bundle::BundleError;
use twinspect_engine::tensorrt::PlanError;
use twinspect_engine::{EngineError, ProofError};

use crate::error::EdgeError;

/// Whose fault something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fault {
    /// The bundle's, on whatever machine: it is none, or tract does not get out of it what its goldens say.
    Bundle,
    /// Of this model here: an engine does not say what tract says of it, breaks off, or does not answer with numbers; or it was
    /// trained with another camera, or its files can't be read now. Another model may do better.
    Model,
    /// The machine's: a driver, libraries, plans, memory, a disk, the configuration. Another model would fare no better.
    Machine,
    /// The camera's, or its recording's.
    Camera,
}

impl Fault {
    /// Of what ends a process that judges, or one that proves a model.
    pub(crate) fn of(error: &EdgeError) -> Self {
        match error {
            EdgeError::Unusable(error) => error.fault(),
            EdgeError::Engine(error) => of_engine(error),
            EdgeError::Proof { source, .. } => match &**source {
                ProofError::Infer { source, .. } if of_engine(source) == Self::Machine => {
                    Self::Machine
                }
                _ => Self::Bundle,
            },
            // Files that can't be read may be sound.
            EdgeError::UnfitCamera { .. } | EdgeError::Bundle(BundleError::Read { .. }) => {
                Self::Model
            }
            error => match error.code() {
                4 => Self::Bundle,
                5 => Self::Model,
                3 | 6 => Self::Camera,
                _ => Self::Machine,
            },
        }
    }
}

/// Of what an engine says.
pub(super) fn of_engine(error: &EngineError) -> Fault {
    match error {
        EngineError::Plan {
            source: PlanError::NoModel { .. } | PlanError::Half { .. },
            ..
        } => Fault::Model,
        EngineError::Plan { .. } | EngineError::Gpu { .. } | EngineError::Pool(_) => Fault::Machine,
        error if error.is_the_bundle_s() => Fault::Bundle,
        _ => Fault::Model,
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::PathBuf;

    use twinspect_core::modality::Modality;
    use twinspect_engine::tensorrt::GpuError;
    use twinspect_engine::{Mistrust, StageName};

    use super::*;
    use crate::engines::{Faster, Unusable};

    const STAGE: StageName = StageName::Of(Modality::Rgb);

    fn gpu() -> EngineError {
        EngineError::Gpu {
            stage: STAGE,
            source: GpuError::NoDevice {
                ordinal: 0,
                found: 0,
            },
        }
    }

    fn plan(source: PlanError) -> EngineError {
        EngineError::Plan {
            stage: STAGE,
            source,
        }
    }

    fn load(source: EngineError) -> Unusable {
        Unusable::Load {
            engine: Faster::TensorRt,
            source,
        }
    }

    fn infer(source: EngineError) -> ProofError {
        ProofError::Infer {
            golden: "000".to_owned(),
            source,
        }
    }

    fn by_tract(source: ProofError) -> EdgeError {
        EdgeError::Proof {
            bundle: PathBuf::new(),
            source: Box::new(source),
        }
    }

    fn by_gpu(source: ProofError) -> EdgeError {
        let engine = Faster::TensorRt;
        EdgeError::from(Unusable::Proof { engine, source })
    }

    #[test]
    fn a_gpu_that_is_not_there_is_the_machine_s() {
        let folder = PathBuf::from("plans");
        let missing = PlanError::Missing {
            stage: STAGE,
            folder: folder.clone(),
        };
        let found = GpuError::NoDevice {
            ordinal: 0,
            found: 0,
        };
        for error in [
            EdgeError::from(Unusable::NoPlans { folder }),
            EdgeError::from(Unusable::Board(found)),
            EdgeError::from(Unusable::Withdrawn),
            EdgeError::from(Unusable::Crashed),
            EdgeError::from(load(plan(missing))),
            EdgeError::from(load(plan(PlanError::Read(io::Error::other("a disk"))))),
            EdgeError::from(load(gpu())),
            by_gpu(infer(gpu())),
            // While parts are judged.
            EdgeError::Engine(gpu()),
            EdgeError::System {
                doing: "",
                source: io::Error::other("no memory"),
            },
        ] {
            assert_eq!(Fault::of(&error), Fault::Machine, "{error:?}");
        }
    }

    #[test]
    fn a_model_answers_for_its_networks_and_its_goldens() {
        for error in [
            EdgeError::Engine(EngineError::NoModel { stage: STAGE }),
            by_tract(ProofError::NoGoldens),
            by_tract(infer(EngineError::Buffers { stage: STAGE })),
        ] {
            assert_eq!(Fault::of(&error), Fault::Bundle, "{error:?}");
        }
        let other_score = Mistrust::Score {
            engine: "tensorrt".to_owned(),
            reference: "tract".to_owned(),
            golden: "000".to_owned(),
            expected: 0.5,
            found: None,
        };
        let mistrusted = Unusable::Mistrust {
            engine: Faster::TensorRt,
            source: other_score,
        };
        // tract has vouched for the bundle before: it is these two that don't come together.
        for error in [
            EdgeError::from(mistrusted),
            EdgeError::from(load(EngineError::NoModel { stage: STAGE })),
            by_gpu(ProofError::NoGoldens),
            by_gpu(infer(EngineError::Buffers { stage: STAGE })),
            EdgeError::Engine(EngineError::Buffers { stage: STAGE }),
            EdgeError::Bundle(BundleError::Read {
                path: PathBuf::new(),
                source: io::Error::other("a disk"),
            }),
            EdgeError::UnfitCamera {
                bundle: PathBuf::new(),
                differences: Vec::new(),
            },
        ] {
            assert_eq!(Fault::of(&error), Fault::Model, "{error:?}");
        }
    }
}
