//! What the maps are computed by.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use twinspect_engine::Precision;

use super::checker::Checker;
use super::own_path;

/// The engine, as typed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct EngineToml {
    pub(crate) kind: EngineKind,
    pub(crate) fallback: Fallback,
    pub(crate) precision: PrecisionChoice,
    /// Empty: in the station's own folder.
    pub(crate) plans: PathBuf,
    pub(crate) build_plans: bool,
    pub(crate) keep_warm: bool,
}

impl Default for EngineToml {
    fn default() -> Self {
        Self {
            kind: EngineKind::Auto,
            fallback: Fallback::Cpu,
            precision: PrecisionChoice::Fp32,
            plans: PathBuf::new(),
            build_plans: true,
            keep_warm: true,
        }
    }
}

/// Which engine is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EngineKind {
    /// TensorRT where it is and has plans, else the CPU.
    Auto,
    /// The CPU, by the fastest engine that tract vouches for.
    Cpu,
    /// The CPU, by the engine that the others are held to.
    Tract,
    /// The GPU.
    #[serde(rename = "tensorrt")]
    TensorRt,
}

/// What is done when the GPU can't be used, though it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fallback {
    /// The CPU judges, as by [`EngineKind::Cpu`].
    Cpu,
    /// tract judges.
    Tract,
    /// Nobody judges.
    Stop,
}

/// What a GPU computes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PrecisionChoice {
    /// 32 bits.
    Fp32,
    /// 16 bits in convolutions, and 32 where features are compared; 32 everywhere where that is not trusted.
    Fp16,
}

impl PrecisionChoice {
    pub(crate) fn bits(self) -> u32 {
        match self {
            Self::Fp32 => 32,
            Self::Fp16 => 16,
        }
    }

    /// As it is typed.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Fp32 => "fp32",
            Self::Fp16 => "fp16",
        }
    }
}

impl From<PrecisionChoice> for Precision {
    fn from(choice: PrecisionChoice) -> Self {
        match choice {
            PrecisionChoice::Fp32 => Self::F32,
            PrecisionChoice::Fp16 => Self::F16,
        }
    }
}

impl From<Precision> for PrecisionChoice {
    fn from(precision: Precision) -> Self {
        match precision {
            Precision::F32 => Self::Fp32,
            Precision::F16 => Self::Fp16,
        }
    }
}

/// Which of the CPU's engines judges, should the CPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CpuChoice {
    /// The fastest one that tract vouches for.
    Fastest,
    /// tract itself.
    Tract,
}

/// The engine that a station wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EngineSpec {
    pub(crate) kind: EngineKind,
    pub(crate) fallback: Fallback,
    pub(crate) precision: PrecisionChoice,
    /// Folder of the plans that this board has built.
    pub(crate) plans: PathBuf,
    /// Whether a station builds those that it lacks, beside whatever stands in.
    pub(crate) build_plans: bool,
    /// Whether it runs on an idle line, too, should it be slower after a pause.
    pub(crate) keep_warm: bool,
}

impl EngineSpec {
    /// The CPU, whatever the board has.
    pub(crate) fn cpu() -> Self {
        Self {
            kind: EngineKind::Cpu,
            fallback: Fallback::Cpu,
            precision: PrecisionChoice::Fp32,
            plans: PathBuf::new(),
            build_plans: false,
            keep_warm: false,
        }
    }

    /// tract, whatever is faster.
    pub(crate) fn tract() -> Self {
        Self {
            kind: EngineKind::Tract,
            ..Self::cpu()
        }
    }

    /// The GPU with plans of this folder, and nothing else.
    pub(crate) fn tensorrt(plans: &Path, precision: PrecisionChoice) -> Self {
        Self {
            kind: EngineKind::TensorRt,
            fallback: Fallback::Stop,
            precision,
            plans: plans.to_owned(),
            build_plans: false,
            keep_warm: false,
        }
    }

    /// Whether the board is asked for a GPU at all.
    pub(crate) fn may_use_gpu(&self) -> bool {
        match self.kind {
            EngineKind::Auto | EngineKind::TensorRt => true,
            EngineKind::Cpu | EngineKind::Tract => false,
        }
    }

    /// What judges should the CPU.
    pub(crate) fn cpu_choice(&self) -> CpuChoice {
        match (self.kind, self.fallback) {
            (EngineKind::Tract, _) => CpuChoice::Tract,
            (EngineKind::Cpu, _) => CpuChoice::Fastest,
            (_, Fallback::Tract) => CpuChoice::Tract,
            (_, Fallback::Cpu | Fallback::Stop) => CpuChoice::Fastest,
        }
    }
}

impl Checker {
    /// `path` is the configuration's file; relative folders start at its own.
    pub(super) fn engine(&mut self, typed: &EngineToml, path: &Path) -> EngineSpec {
        EngineSpec {
            kind: typed.kind,
            fallback: typed.fallback,
            precision: typed.precision,
            plans: own_path(&typed.plans, path, "plans"),
            build_plans: typed.build_plans,
            keep_warm: typed.keep_warm,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ConfigError, parse};
    use super::*;

    const LEAST: &str =
        "[bundle]\nfile = \"cap.twb\"\n[camera]\nkind = \"replay\"\nfolder = \"cap\"\n[engine]\n";

    fn engine(keys: &str) -> Result<EngineSpec, ConfigError> {
        let path = Path::new("/etc/twinspect/left.toml");
        Ok(parse(path, &format!("{LEAST}{keys}"))?.station.engine)
    }

    fn refused(keys: &str) -> String {
        let error = engine(keys).unwrap_err();
        let source = std::error::Error::source(&error).map(ToString::to_string);
        format!("{error} {}", source.unwrap_or_default())
    }

    #[test]
    fn without_a_wish_the_gpu_is_used_where_it_is() {
        let spec = engine("").unwrap();
        assert_eq!(spec.kind, EngineKind::Auto);
        assert_eq!(
            (spec.fallback, spec.cpu_choice()),
            (Fallback::Cpu, CpuChoice::Fastest)
        );
        assert_eq!(spec.plans, Path::new("/var/lib/twinspect/left/plans"));
        assert!(spec.keep_warm && spec.build_plans);
    }

    #[test]
    fn every_key_is_taken() {
        let keys = "kind = \"tensorrt\"\nfallback = \"stop\"\nprecision = \"fp32\"\nplans = \"plans\"\n\
                    build_plans = false\nkeep_warm = false\n";
        let plans = Path::new("/etc/twinspect/plans");
        let expected = EngineSpec::tensorrt(plans, PrecisionChoice::Fp32);
        assert_eq!(engine(keys).unwrap(), expected);
        for (keys, may_use_gpu, cpu) in [
            (
                "kind = \"cpu\"\nfallback = \"tract\"\n",
                false,
                CpuChoice::Fastest,
            ),
            (
                "kind = \"tract\"\nfallback = \"cpu\"\n",
                false,
                CpuChoice::Tract,
            ),
            (
                "kind = \"auto\"\nfallback = \"tract\"\n",
                true,
                CpuChoice::Tract,
            ),
            (
                "kind = \"tensorrt\"\nfallback = \"cpu\"\n",
                true,
                CpuChoice::Fastest,
            ),
            (
                "kind = \"tensorrt\"\nfallback = \"stop\"\n",
                true,
                CpuChoice::Fastest,
            ),
        ] {
            let spec = engine(keys).unwrap();
            assert_eq!(
                (spec.may_use_gpu(), spec.cpu_choice()),
                (may_use_gpu, cpu),
                "{keys}"
            );
        }
        for precision in [PrecisionChoice::Fp32, PrecisionChoice::Fp16] {
            let name = precision.name();
            let typed = engine(&format!("precision = \"{name}\"\n")).unwrap();
            assert_eq!(typed.precision, precision);
            assert_eq!(PrecisionChoice::from_str(name, false), Ok(precision));
        }
        let elsewhere = engine("plans = \"/srv/plans\"\n").unwrap();
        assert_eq!(elsewhere.plans, Path::new("/srv/plans"));
    }

    #[test]
    fn what_can_t_be_is_refused_with_the_reason() {
        for (keys, named) in [
            ("kind = \"cuda\"\n", "cuda"),
            ("kind = \"tensor_rt\"\n", "tensor_rt"),
            ("fallback = \"gpu\"\n", "gpu"),
            ("precision = \"int8\"\n", "int8"),
            ("workspace_mb = 4\n", "workspace_mb"),
        ] {
            let told = refused(keys);
            assert!(told.contains(named), "{told}");
        }
    }
}
