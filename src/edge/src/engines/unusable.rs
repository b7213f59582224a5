//! Why an engine that is faster than tract is not used.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use twinspect_engine::tensorrt::{GpuError, PlanError};
use twinspect_engine::{EngineError, Mistrust, ProofError};

use super::fault::{Fault, of_engine};

/// What a process loads that goes by a GPU, by name and by who ships it.
pub(crate) const GPU_LIBRARIES: &str = "libcuda.so.1 of NVIDIA's driver, libnvinfer of TensorRT";

/// An engine that is faster than tract, to which it is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Faster {
    /// Our own, on the CPU.
    Native,
    /// On an NVIDIA GPU.
    #[serde(rename = "tensorrt")]
    TensorRt,
}

impl fmt::Display for Faster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Native => "native",
            Self::TensorRt => "tensorrt",
        })
    }
}

/// An engine can't be used for this bundle on this board, now.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unusable {
    /// Nobody has built plans, so that nothing of NVIDIA's was loaded.
    #[error("{} holds no plans", folder.display())]
    NoPlans { folder: PathBuf },
    /// What lies in the place of their folder is none, or can't be read, so that nothing of NVIDIA's was loaded.
    #[error(transparent)]
    Folder(PlanError),
    /// There is no GPU or no TensorRT, or not one that works.
    #[error("TensorRT can't be used on this machine")]
    Board(#[source] GpuError),
    /// The same, for somebody who wants plans sorted by it.
    #[error(
        "nothing was deleted: without this board's GPU and TensorRT all plans look like another board's"
    )]
    Unsorted(#[source] GpuError),
    /// It has no plan, or does not take it.
    #[error("the engine {engine} can't be loaded")]
    Load {
        engine: Faster,
        #[source]
        source: EngineError,
    },
    /// It does not do what the bundle's goldens want.
    #[error("the engine {engine} is not trusted")]
    Proof {
        engine: Faster,
        #[source]
        source: ProofError,
    },
    /// It says something else than tract does.
    #[error("the engine {engine} is not trusted")]
    Mistrust {
        engine: Faster,
        #[source]
        source: Mistrust,
    },
    /// It has failed too often while the station ran.
    #[error("the GPU has failed too often, while parts were judged or before")]
    Withdrawn,
    /// A process that was to do the same has died, most likely of it.
    #[error(
        "the process before this one has died when it used the GPU ({})",
        GPU_LIBRARIES
    )]
    Crashed,
}

impl Unusable {
    /// Whether nobody has meant to use a GPU here, or there is none.
    pub(crate) fn is_absent(&self) -> bool {
        match self {
            Self::NoPlans { .. } => true,
            Self::Board(error) => error.is_absent(),
            _ => false,
        }
    }

    /// Whether a plan is all that is missing.
    pub(super) fn lacks_plan(&self) -> bool {
        match self {
            Self::NoPlans { .. } => true,
            Self::Load {
                source: EngineError::Plan { source, .. },
                ..
            } => source.is_cured_by_building(),
            _ => false,
        }
    }

    /// Whose fault it is. tract has vouched for the bundle before.
    pub(super) fn fault(&self) -> Fault {
        let source = match self {
            Self::NoPlans { .. }
            | Self::Folder(_)
            | Self::Board(_)
            | Self::Unsorted(_)
            | Self::Withdrawn
            | Self::Crashed => return Fault::Machine,
            Self::Load { source, .. }
            | Self::Proof {
                source: ProofError::Infer { source, .. },
                ..
            } => source,
            Self::Proof { .. } | Self::Mistrust { .. } => return Fault::Model,
        };
        match of_engine(source) {
            Fault::Machine => Fault::Machine,
            _ => Fault::Model,
        }
    }

    /// 8 where files or their rights are to blame, else 5.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Load {
                source: EngineError::Plan { source, .. },
                ..
            }
            | Self::Folder(source)
                if source.is_of_storage() =>
            {
                8
            }
            _ => 5,
        }
    }

    /// The remedy, where there is one.
    pub(crate) fn hint(&self) -> Option<String> {
        if self.lacks_plan() {
            let text = "`twinspect engine build` builds the plans on this board: with the station's --config, or with \
                        --bundle and --plans";
            return Some(text.to_owned());
        }
        match self {
            Self::NoPlans { .. } => None,
            Self::Folder(source) => source.hint(),
            Self::Board(error) | Self::Unsorted(error) => error.hint().map(str::to_owned),
            Self::Load {
                engine: Faster::Native,
                ..
            }
            | Self::Proof {
                engine: Faster::Native,
                ..
            }
            | Self::Mistrust {
                engine: Faster::Native,
                ..
            } => Some(
                "report what `twinspect check --engine --json` prints; with engine.kind = \"tract\" it is not asked"
                    .to_owned(),
            ),
            Self::Load { source, .. } => source.hint(),
            Self::Proof {
                source:
                    ProofError::Infer {
                        source: source @ EngineError::Gpu { .. },
                        ..
                    },
                ..
            } => source.hint(),
            Self::Proof { .. } | Self::Mistrust { .. } => Some(
                "build its plans again (`twinspect engine build --again`); if that changes nothing, \
                 set engine.kind = \"cpu\" and report what `twinspect check --engine --json` prints"
                    .to_owned(),
            ),
            Self::Withdrawn => Some(
                "look at the kernel's log for Xid or nvgpu; `twinspect engine retry` or a restart of the station tries \
                 it again"
                    .to_owned(),
            ),
            Self::Crashed => Some(
                "install driver and TensorRT of one release again; with engine.kind = \"cpu\" neither is loaded"
                    .to_owned(),
            ),
        }
    }
}
