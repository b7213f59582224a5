//! The engine for a bundle on this board.
//!
//! Nothing of NVIDIA's is loaded where the station wants the CPU. Where it does not, tract is loaded all the
//! same: it is what the GPU's answers are held against, and what stands in.

use serde::{Deserialize, Serialize};
use twinspect_bundle::Bundle;
use twinspect_engine::tensorrt::{Board, PlanStore, TensorRtEngine};
use twinspect_engine::{Comparison, Engine, Proof, TractEngine, compare, prove};

use super::Unusable;
use crate::config::{EngineKind, EngineSpec, Fallback};
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
}

/// What an engine is to the station.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// The one that it wants, or the only one that there is.
    Wanted,
    /// In the place of a GPU that can't be used.
    StandsIn,
}

/// An engine that has proven itself.
pub(crate) struct Chosen {
    pub(crate) engine: Box<dyn Engine>,
    pub(crate) proof: Proof,
    pub(crate) role: Role,
    /// Why this one, for people.
    pub(crate) why: String,
}

/// Chooses, proves, and says why.
///
/// # Errors
/// [`EdgeError::Engine`] and [`EdgeError::Proof`] where tract can't be used, which is the bundle's fault;
/// [`EdgeError::Unusable`] where the GPU can't and nothing may stand in.
pub(crate) fn choose(bundle: &Bundle, spec: &EngineSpec, gpu: Gpu) -> Result<Chosen, EdgeError> {
    let (mut engine, proof) = tract(bundle)?;
    let on_cpu = |engine: TractEngine, role, why: String| Chosen {
        engine: Box::new(engine),
        proof: proof.clone(),
        role,
        why,
    };
    if spec.kind == EngineKind::Tract {
        let why = "the configuration wants it";
        return Ok(on_cpu(engine, Role::Wanted, why.to_owned()));
    }
    let error = match gpu {
        Gpu::Granted => match trusted_tensorrt(bundle, spec, &mut engine) {
            Ok(chosen) => return Ok(chosen),
            Err(error) => error,
        },
        Gpu::Withdrawn => Unusable::Withdrawn,
    };
    let role = if spec.kind == EngineKind::Auto && error.is_absent() {
        Role::Wanted
    } else if spec.fallback == Fallback::Stop {
        return Err(error.into());
    } else {
        Role::StandsIn
    };
    let hint = error
        .hint()
        .map_or(String::new(), |hint| format!("; {hint}"));
    let why = format!("{}{hint}", WithCauses(&error));
    Ok(on_cpu(engine, role, shortened(why)))
}

/// The CPU engine, held to the goldens.
pub(super) fn tract(bundle: &Bundle) -> Result<(TractEngine, Proof), EdgeError> {
    let mut engine = TractEngine::load(bundle)?;
    let proof = prove(&mut engine, bundle).map_err(|source| EdgeError::Proof {
        bundle: bundle.path().to_owned(),
        source: Box::new(source),
    })?;
    Ok((engine, proof))
}

fn trusted_tensorrt(
    bundle: &Bundle,
    spec: &EngineSpec,
    tract: &mut TractEngine,
) -> Result<Chosen, Unusable> {
    let plans = PlanStore::new(&spec.plans);
    // Loading what NVIDIA ships costs memory and may crash: not where nobody has prepared for it. A folder that
    // can't be read is told of below.
    if plans.is_empty().unwrap_or(false) {
        let folder = spec.plans.clone();
        return Err(Unusable::NoPlans { folder });
    }
    let board = Board::open().map_err(Unusable::Board)?;
    let mut engine = TensorRtEngine::load(&board, &plans, bundle).map_err(Unusable::Load)?;
    let comparison = compare(&mut engine, tract, bundle).map_err(Unusable::Proof)?;
    let proof = trust(&mut engine, &comparison, bundle)?;
    Ok(Chosen {
        engine: Box::new(engine),
        role: Role::Wanted,
        why: format!(
            "{}; maps within {:.1e} of tract's range, {:.1e} allowed",
            board.facts(),
            largest(&comparison),
            comparison.tolerance
        ),
        proof,
    })
}

/// Holds an engine to tract, which has answered before, and to the goldens.
pub(super) fn trust(
    engine: &mut TensorRtEngine,
    comparison: &Comparison,
    bundle: &Bundle,
) -> Result<Proof, Unusable> {
    comparison.verdict().map_err(Unusable::Mistrust)?;
    prove(engine, bundle).map_err(Unusable::Proof)
}

fn largest(comparison: &Comparison) -> f32 {
    let shares = comparison.stages.iter().map(|stage| stage.share);
    shares.fold(0.0, f32::max)
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
    /// An engine that has proven itself elsewhere.
    pub(crate) fn proven(engine: Box<dyn Engine>, proof: Proof) -> Self {
        Self {
            engine,
            proof,
            role: Role::Wanted,
            why: String::new(),
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
    use super::*;

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        assert_eq!(shortened("a\nb".to_owned()), "a b");
        let long = "ä".repeat(WHY_CHARS_MAX + 1);
        assert_eq!(shortened(long), format!("{}...", "ä".repeat(WHY_CHARS_MAX)));
    }
}
