//! The engine for a bundle on this board.
//!
//! Nothing of NVIDIA's is loaded where the station wants the CPU. tract is loaded everywhere: it is what the answers of every other
//! engine are held against, and what judges where no other one is trusted.

use serde::{Deserialize, Serialize};
use twinspect_bundle::Bundle;
use twinspect_engine::tensorrt::{Board, PlanStore, TensorRtEngine};
use twinspect_engine::{Engine, NativeEngine, Proof};

use super::cpu::{Reference, Trusted};
use super::{Faster, Unusable};
use crate::config::{CpuChoice, EngineKind, EngineSpec, Fallback, PrecisionChoice};
use crate::error::{EdgeError, WithCauses};

/// Longest explanation that is told to others.
const WHY_CHARS_MAX: usize = 600;

/// Whether a station's GPU may be used, by whoever has seen it fail.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Gpu {
    /// As the configuration says.
    #[default]
    Granted,
    /// It has failed too often.
    Withdrawn,
    /// A process that was to do the same has just died of it.
    Crashed,
}

/// What an engine is to the station.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// The one that it wants, or the only one that there is.
    Wanted,
    /// What the station takes where plans were built for one that is not there at all. Nothing is missing that it insists on,
    /// and somebody who has prepared for a GPU should hear of it.
    Without(Faster),
    /// In the place of one that can't be used.
    StandsInFor(Faster),
}

impl Role {
    /// In whose place.
    pub(crate) fn stands_in_for(self) -> Option<Faster> {
        match self {
            Self::Wanted | Self::Without(_) => None,
            Self::StandsInFor(missing) => Some(missing),
        }
    }
}

/// An engine that has proven itself.
pub(crate) struct Chosen {
    pub(crate) engine: Box<dyn Engine>,
    pub(crate) proof: Proof,
    pub(crate) role: Role,
    /// Why this one, for people.
    pub(crate) why: String,
    /// It stands in for a GPU that has everything but plans.
    pub(crate) lacks_plans: bool,
}

/// Chooses, proves, and says why.
///
/// # Errors
/// [`EdgeError::Engine`] and [`EdgeError::Proof`] where tract can't be used, which is the bundle's fault;
/// [`EdgeError::Unusable`] where the GPU can't and nothing may stand in.
pub(crate) fn choose(bundle: &Bundle, spec: &EngineSpec, gpu: Gpu) -> Result<Chosen, EdgeError> {
    let mut reference = Reference::of(bundle)?;
    if !spec.may_use_gpu() {
        let why = match spec.cpu_choice() {
            CpuChoice::Fastest => "the CPU was asked for",
            CpuChoice::Tract => "it was asked for",
        };
        return Ok(on_cpu(
            bundle,
            reference,
            spec,
            Role::Wanted,
            why.to_owned(),
        ));
    }
    let error = match gpu {
        Gpu::Granted => match trusted_tensorrt(bundle, spec, &mut reference) {
            Ok(chosen) => return Ok(chosen),
            Err(error) => error,
        },
        Gpu::Withdrawn => Unusable::Withdrawn,
        Gpu::Crashed => Unusable::Crashed,
    };
    let role = if spec.kind == EngineKind::Auto && error.is_absent() {
        match error {
            Unusable::NoPlans { .. } => Role::Wanted,
            _ => Role::Without(Faster::TensorRt),
        }
    } else if spec.fallback == Fallback::Stop {
        return Err(error.into());
    } else {
        Role::StandsInFor(Faster::TensorRt)
    };
    let why = match role {
        Role::Wanted => format!("no GPU is prepared: {}", reason(&error)),
        Role::Without(_) => format!(
            "plans were built, and their GPU is not there: {}",
            reason(&error)
        ),
        Role::StandsInFor(_) => reason(&error),
    };
    let lacks_plans = role != Role::Wanted && error.lacks_plan();
    Ok(Chosen {
        lacks_plans,
        ..on_cpu(bundle, reference, spec, role, why)
    })
}

/// Whether a model that is new here should get plans: the station insists on a GPU, or goes by one where it can and others have been built.
pub(crate) fn wants_plans(spec: &EngineSpec) -> bool {
    match spec.kind {
        EngineKind::TensorRt => true,
        // One that can't be read was prepared by somebody.
        EngineKind::Auto => !PlanStore::new(&spec.plans).is_empty().unwrap_or(false),
        EngineKind::Cpu | EngineKind::Tract => false,
    }
}

/// Whether a process that chooses by this loads NVIDIA's libraries, if the GPU is granted to it.
pub(crate) fn loads_gpu(spec: &EngineSpec) -> bool {
    spec.may_use_gpu()
        && PlanStore::new(&spec.plans)
            .is_empty()
            .is_ok_and(|empty| !empty)
}

/// The CPU judges: our own engine where the configuration leaves that open and tract vouches for it, else tract.
fn on_cpu(
    bundle: &Bundle,
    mut reference: Reference,
    spec: &EngineSpec,
    role: Role,
    why: String,
) -> Chosen {
    match spec.cpu_choice() {
        CpuChoice::Tract => Chosen::tract(reference, role, &why),
        CpuChoice::Fastest if !NativeEngine::suits_this_machine() => {
            let why = format!("{why}; this processor has no vectors for our own engine");
            Chosen::tract(reference, role, &why)
        }
        CpuChoice::Fastest => {
            let native = reference.native(bundle);
            native_or_tract(native, reference, role, &why)
        }
    }
}

fn native_or_tract(
    native: Result<Trusted, Unusable>,
    reference: Reference,
    role: Role,
    why: &str,
) -> Chosen {
    match native {
        Ok(native) => Chosen {
            engine: native.engine,
            proof: native.proof,
            role,
            why: shortened(format!("{why}; {}", native.distance)),
            lacks_plans: false,
        },
        Err(error) => {
            let role = match role {
                Role::Wanted | Role::Without(_) => Role::StandsInFor(Faster::Native),
                Role::StandsInFor(_) => role,
            };
            Chosen::tract(reference, role, &format!("{why}; {}", reason(&error)))
        }
    }
}

fn trusted_tensorrt(
    bundle: &Bundle,
    spec: &EngineSpec,
    reference: &mut Reference,
) -> Result<Chosen, Unusable> {
    let plans = PlanStore::new(&spec.plans);
    // Loading what NVIDIA ships costs memory and may crash: not where nobody has prepared for it, nor where no plan can
    // lie, or be read.
    match plans.is_empty() {
        Ok(true) => {
            let folder = spec.plans.clone();
            return Err(Unusable::NoPlans { folder });
        }
        Ok(false) => {}
        Err(error) => return Err(Unusable::Folder(error)),
    }
    let board = Board::open().map_err(Unusable::Board)?;
    let mut trusted_at = |precision| {
        let engine = load_tensorrt(&board, &plans, bundle, precision)?;
        reference.trust(Faster::TensorRt, Box::new(engine), bundle)
    };
    let (trusted, instead_of) = match (trusted_at(spec.precision), spec.precision) {
        (Ok(trusted), _) => (trusted, None),
        (Err(error), PrecisionChoice::Fp32) => return Err(error),
        (Err(error), PrecisionChoice::Fp16) => match trusted_at(PrecisionChoice::Fp32) {
            Ok(trusted) => (trusted, Some(error)),
            Err(_) => return Err(error),
        },
    };
    let bits = PrecisionChoice::from(trusted.engine.precision()).bits();
    let mut why = format!("{}, {bits} bits; {}", board.facts(), trusted.distance);
    if let Some(error) = instead_of {
        why += &format!("; not 16 bits: {}", reason(&error));
    }
    Ok(Chosen {
        engine: trusted.engine,
        proof: trusted.proof,
        role: Role::Wanted,
        why: shortened(why),
        lacks_plans: false,
    })
}

/// The plans of a bundle's networks, which have said nothing yet.
///
/// # Errors
/// [`Unusable::Load`].
pub(super) fn load_tensorrt(
    board: &Board,
    plans: &PlanStore,
    bundle: &Bundle,
    precision: PrecisionChoice,
) -> Result<TensorRtEngine, Unusable> {
    let loaded = TensorRtEngine::load(board, plans, bundle, precision.into());
    loaded.map_err(|source| Unusable::Load {
        engine: Faster::TensorRt,
        source,
    })
}

/// Why an engine is not used, and the remedy.
fn reason(error: &Unusable) -> String {
    let hint = error.hint().map(|hint| format!("; {hint}"));
    format!("{}{}", WithCauses(error), hint.unwrap_or_default())
}

/// One line that is not too long for a status.
fn shortened(text: String) -> String {
    let line = text.replace('\n', " ");
    match line.char_indices().nth(WHY_CHARS_MAX) {
        None => line,
        Some((end, _)) => format!("{}...", line.get(..end).unwrap_or(&line)),
    }
}

impl Chosen {
    fn tract(reference: Reference, role: Role, why: &str) -> Self {
        Self {
            engine: Box::new(reference.engine),
            proof: reference.proof,
            role,
            why: shortened(why.to_owned()),
            lacks_plans: false,
        }
    }

    /// An engine that is only to be timed; the proof is its own, or that of the engine it was held to.
    pub(super) fn to_be_timed(engine: Box<dyn Engine>, proof: Proof) -> Self {
        Self {
            engine,
            proof,
            role: Role::Wanted,
            why: String::new(),
            lacks_plans: false,
        }
    }
}

impl From<Unusable> for EdgeError {
    fn from(source: Unusable) -> Self {
        Self::Unusable(Box::new(source))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use twinspect_engine::Mistrust;

    use super::*;

    fn cap() -> Bundle {
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
        Bundle::open(models.join("cap.twb")).unwrap()
    }

    #[test]
    fn the_cpu_s_fastest_engine_is_our_own_once_tract_vouches_for_it() {
        let choose = |spec| choose(&cap(), &spec, Gpu::Granted).unwrap();
        let native = choose(EngineSpec::cpu());
        assert_eq!(
            (native.engine.name(), native.role),
            ("native", Role::Wanted)
        );
        assert!(native.why.contains("of tract's range"), "{}", native.why);
        let tract = choose(EngineSpec::tract());
        assert_eq!((tract.engine.name(), tract.role), ("tract", Role::Wanted));
    }

    #[test]
    fn where_our_own_engine_is_not_trusted_tract_stands_in_and_says_why() {
        for (role, expected) in [
            (Role::Wanted, Faster::Native),
            (Role::Without(Faster::TensorRt), Faster::Native),
            (Role::StandsInFor(Faster::TensorRt), Faster::TensorRt),
        ] {
            let refused = Unusable::Mistrust {
                engine: Faster::Native,
                source: Mistrust::Score {
                    engine: "native".to_owned(),
                    reference: "tract".to_owned(),
                    golden: "001".to_owned(),
                    expected: 0.5,
                    found: None,
                },
            };
            let reference = Reference::of(&cap()).unwrap();
            let chosen = native_or_tract(Err(refused), reference, role, "no GPU");
            assert_eq!(chosen.engine.name(), "tract");
            assert_eq!(chosen.role.stands_in_for(), Some(expected));
            for told in [
                "no GPU; the engine native is not trusted",
                "golden 001",
                "engine.kind",
            ] {
                assert!(chosen.why.contains(told), "{told}: {}", chosen.why);
            }
        }
    }

    /// No library of NVIDIA's is asked for, whatever this machine has.
    #[test]
    fn plans_that_can_t_be_told_are_none_that_were_built_and_are_stood_in_for() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("plans");
        std::fs::write(&file, "").unwrap();
        // Longer than any file system's names, so that root can't read it either.
        let unreadable = folder.path().join("p".repeat(300));
        for (plans, words) in [(&file, "which is a file"), (&unreadable, "can't be read")] {
            for kind in [EngineKind::Auto, EngineKind::TensorRt] {
                unread(kind, plans, words);
            }
        }
    }

    fn unread(kind: EngineKind, plans: &Path, words: &str) {
        let stop = EngineSpec {
            kind,
            ..EngineSpec::tensorrt(plans, PrecisionChoice::Fp32)
        };
        assert!(!loads_gpu(&stop));
        let Err(error) = choose(&cap(), &stop, Gpu::Granted) else {
            panic!("{kind:?}: nothing may stand in");
        };
        assert_eq!(error.code(), 8, "{error}");
        let spec = EngineSpec {
            fallback: Fallback::Cpu,
            ..stop
        };
        let chosen = choose(&cap(), &spec, Gpu::Granted).unwrap();
        assert_eq!(chosen.role, Role::StandsInFor(Faster::TensorRt));
        assert!(!chosen.lacks_plans, "building them would not help");
        assert!(chosen.why.contains(words), "{}", chosen.why);
        assert!(!chosen.why.contains("were built"), "{}", chosen.why);
    }

    #[test]
    fn where_a_process_has_died_of_the_gpu_the_next_one_does_without() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("rgb-0.plan"), "").unwrap();
        let spec = EngineSpec {
            kind: EngineKind::Auto,
            fallback: Fallback::Cpu,
            ..EngineSpec::tensorrt(folder.path(), PrecisionChoice::Fp32)
        };
        assert!(loads_gpu(&spec));
        let chosen = choose(&cap(), &spec, Gpu::Crashed).unwrap();
        assert_eq!(chosen.role, Role::StandsInFor(Faster::TensorRt));
        assert!(chosen.why.contains("libcuda.so.1"), "{}", chosen.why);
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        assert_eq!(shortened("a\nb".to_owned()), "a b");
        let long = "ä".repeat(WHY_CHARS_MAX + 1);
        assert_eq!(shortened(long), format!("{}...", "ä".repeat(WHY_CHARS_MAX)));
    }
}
