//! The engines of the CPU: tract, to which every other engine is held, and our own.

use twinspect_bundle::Bundle;
use twinspect_engine::{Comparison, Engine, NativeEngine, Proof, TractEngine, compare, prove};

use super::{Faster, Unusable};
use crate::error::EdgeError;

/// tract, which has reproduced the goldens.
pub(super) struct Reference {
    pub(super) engine: TractEngine,
    pub(super) proof: Proof,
}

/// An engine that tract vouches for.
pub(super) struct Trusted {
    pub(super) engine: Box<dyn Engine>,
    pub(super) proof: Proof,
    /// How far from tract it is, for people.
    pub(super) distance: String,
}

impl Reference {
    /// Loads tract and holds it to the goldens.
    ///
    /// # Errors
    /// [`EdgeError::Engine`] and [`EdgeError::Proof`], which are the bundle's fault.
    pub(super) fn of(bundle: &Bundle) -> Result<Self, EdgeError> {
        let mut engine = TractEngine::load(bundle)?;
        let proof = prove(&mut engine, bundle).map_err(|source| EdgeError::Proof {
            bundle: bundle.path().to_owned(),
            source: Box::new(source),
        })?;
        Ok(Self { engine, proof })
    }

    /// What another engine says of the goldens beside what tract says.
    ///
    /// # Errors
    /// [`Unusable::Proof`] where one of them does not answer.
    pub(super) fn compare(
        &mut self,
        name: Faster,
        engine: &mut dyn Engine,
        bundle: &Bundle,
    ) -> Result<Comparison, Unusable> {
        compare(engine, &mut self.engine, bundle).map_err(|source| Unusable::Proof {
            engine: name,
            source,
        })
    }

    /// Holds another engine to tract and to the goldens.
    ///
    /// # Errors
    /// [`Unusable::Proof`], [`Unusable::Mistrust`].
    pub(super) fn trust(
        &mut self,
        name: Faster,
        mut engine: Box<dyn Engine>,
        bundle: &Bundle,
    ) -> Result<Trusted, Unusable> {
        let comparison = self.compare(name, engine.as_mut(), bundle)?;
        let proof = held_to(&comparison, name, engine.as_mut(), bundle)?;
        let shares = comparison.stages.iter().map(|stage| stage.share);
        Ok(Trusted {
            distance: format!(
                "maps within {:.1e} of tract's range, {:.1e} allowed",
                shares.fold(0.0, f32::max),
                comparison.tolerance
            ),
            engine,
            proof,
        })
    }

    /// Our own engine, once it has said what tract says.
    ///
    /// # Errors
    /// [`Unusable`].
    pub(super) fn native(&mut self, bundle: &Bundle) -> Result<Trusted, Unusable> {
        let engine = load_native(bundle)?;
        let by_tract = engine.by_tract().to_vec();
        let mut trusted = self.trust(Faster::Native, Box::new(engine), bundle)?;
        // Names first: reasons may be long, and are cut.
        for (stage, _) in &by_tract {
            trusted.distance = format!("{stage} by tract, {}", trusted.distance);
        }
        for (stage, why) in by_tract {
            trusted.distance += &format!("; {stage}: {why}");
        }
        Ok(trusted)
    }
}

/// Our own engine, which has said nothing yet.
///
/// # Errors
/// [`Unusable::Load`].
pub(super) fn load_native(bundle: &Bundle) -> Result<NativeEngine, Unusable> {
    NativeEngine::load(bundle).map_err(|source| Unusable::Load {
        engine: Faster::Native,
        source,
    })
}

/// Whether what was compared will do, and the goldens are reproduced.
///
/// # Errors
/// [`Unusable::Mistrust`], [`Unusable::Proof`].
pub(super) fn held_to(
    comparison: &Comparison,
    name: Faster,
    engine: &mut dyn Engine,
    bundle: &Bundle,
) -> Result<Proof, Unusable> {
    let agreed = comparison.verdict();
    agreed.map_err(|source| Unusable::Mistrust {
        engine: name,
        source,
    })?;
    prove(engine, bundle).map_err(|source| Unusable::Proof {
        engine: name,
        source,
    })
}
