//! The GPU engine: TensorRT. It runs plans, which the board builds of a bundle's networks
//! beforehand; in the order of use: [`Board`], [`PlanStore::build`], [`TensorRtEngine::load`].
//!
//! `rgb` and `geometry` run on streams of their own, each a graph that one call launches. Numbers
//! go through pinned memory that the engine owns; after it is loaded nothing is allocated.
//!
//! Plans compute with 32 bits, without TF32, or their convolutions do with 16.

mod board;
mod entries;
mod error;
mod half;
mod plans;
mod sealed;
mod source;
#[cfg(test)]
mod tests;

pub use board::{Board, BoardFacts};
pub use entries::{PlanEntry, PlanUse};
pub use error::PlanError;
pub use half::{HEAD_PREFIX, HalfError};
pub use plans::{BuildScope, BuildStep, PlanStore};
pub use twinspect_tensorrt::{BuildLimits, Error as GpuError};

use twinspect_bundle::{Bundle, Manifest};
use twinspect_core::modality::{Modality, PerModality};
use twinspect_core::prepare::PreparedPart;
use twinspect_core::score::{FusionInputs, FusionMaps, MapStack, StageMaps};
use twinspect_tensorrt::{Direction, Engine as Network, Pending, Runtime, Session, Transfer};

use crate::engine::{Engine, EngineError, Precision, StageName, is_usable};
use crate::native::with_causes;
use crate::tract::ModelError;
use source::StageSource;

/// The stages of one product on a GPU.
pub struct TensorRtEngine {
    stages: PerModality<LoadedStage>,
    fusion: Option<LoadedFusion>,
    /// 16 bits if a stage has them.
    precision: Precision,
}

struct LoadedStage {
    session: Session,
    input: String,
    output: String,
    count: usize,
    side: usize,
}

struct LoadedFusion {
    session: Session,
    inputs: [&'static str; 3],
    outputs: [&'static str; 2],
}

impl TensorRtEngine {
    /// Loads the plans of a bundle's networks, and runs each once: the first run is slow.
    ///
    /// # Errors
    /// [`EngineError::Plan`] for a network whose plan the store does not have, or not for this
    /// board; [`EngineError::Gpu`] for a plan that TensorRT does not take;
    /// [`EngineError::Interface`] for one whose tensors are not those of the manifest.
    pub fn load(
        board: &Board,
        plans: &PlanStore,
        bundle: &Bundle,
        precision: Precision,
    ) -> Result<Self, EngineError> {
        let mut computed = Precision::F32;
        let mut load = |stage| -> Result<Session, EngineError> {
            let source = StageSource::of(bundle, stage, precision)
                .map_err(|source| EngineError::Plan { stage, source })?;
            if source.precision() == Precision::F16 {
                computed = Precision::F16;
            }
            load(board, plans, bundle.manifest(), &source)
        };
        let mut stages = PerModality::default();
        for (modality, stage) in bundle.manifest().stages.present() {
            let [_, count, side, _] = stage.output_shape;
            let loaded = LoadedStage {
                session: load(modality.into())?,
                input: stage.input.clone(),
                output: stage.output.clone(),
                count,
                side,
            };
            stages.set(modality, Some(loaded));
        }
        let fusion = bundle.manifest().stages.fusion.as_ref();
        let fusion = fusion.map(|stage| -> Result<_, EngineError> {
            Ok(LoadedFusion {
                session: load(StageName::Fusion)?,
                inputs: stage.inputs.named().map(|(name, _)| name),
                outputs: stage.outputs.named().map(|(name, _)| name),
            })
        });
        let fusion = fusion.transpose()?;
        Ok(Self {
            stages,
            fusion,
            precision: computed,
        })
    }

    fn check_buffers(&self, maps: &StageMaps) -> Result<(), EngineError> {
        for modality in Modality::ALL {
            let stage = self.stages.get(modality);
            let expected = stage.map(|stage| (stage.count, stage.side));
            let found = maps.get(modality).map(|maps| (maps.count, maps.side));
            if expected != found {
                let stage = modality.into();
                return Err(EngineError::Buffers { stage });
            }
        }
        Ok(())
    }
}

fn load(
    board: &Board,
    plans: &PlanStore,
    manifest: &Manifest,
    source: &StageSource<'_>,
) -> Result<Session, EngineError> {
    let stage = source.stage();
    let plan = plans.plan_of(board, source);
    let plan = plan.map_err(|source| EngineError::Plan { stage, source })?;
    let gpu = |source| EngineError::Gpu { stage, source };
    let runtime = Runtime::new(board.tensorrt()).map_err(gpu)?;
    let network = runtime.engine(&plan).map_err(gpu)?;
    check(manifest, stage, &network)?;
    let transfer = Transfer::of(board.device());
    let mut session = Session::new(network, board.device(), transfer).map_err(gpu)?;
    match session.record() {
        Err(error) if !error.is_sticky() => {
            // It costs time and nothing else: what can't be captured is queued anew for each part.
            let why = with_causes(&error);
            log::warn!("the {stage} network runs without a graph: {why}");
            session.launch().and_then(Pending::wait).map_err(gpu)?;
        }
        recorded => recorded.map_err(gpu)?,
    }
    Ok(session)
}

/// Holds a plan's tensors to those of the manifest.
fn check(manifest: &Manifest, stage: StageName, network: &Network) -> Result<(), EngineError> {
    let (inputs, outputs) = tensors(manifest, stage);
    for (what, direction, expected) in [
        ("inputs", Direction::Input, inputs),
        ("outputs", Direction::Output, outputs),
    ] {
        let found = network.tensors().iter();
        let found = found.filter(|tensor| tensor.direction == direction);
        let found: Vec<_> = found
            .map(|tensor| describe(&tensor.name, &tensor.shape))
            .collect();
        if found != expected {
            return Err(EngineError::Interface {
                stage,
                what,
                expected: expected.join(", "),
                found: found.join(", "),
            });
        }
    }
    Ok(())
}

/// Inputs and outputs of a stage, as the manifest says.
fn tensors(manifest: &Manifest, stage: StageName) -> (Vec<String>, Vec<String>) {
    let all = |tensors: &[(&str, [usize; 4])]| {
        let each = tensors.iter().map(|(name, shape)| describe(name, shape));
        each.collect()
    };
    match stage {
        StageName::Of(modality) => {
            manifest
                .stages
                .get(modality)
                .map_or_else(Default::default, |stage| {
                    let input = describe(&stage.input, &stage.input_shape);
                    let output = describe(&stage.output, &stage.output_shape);
                    (vec![input], vec![output])
                })
        }
        StageName::Fusion => manifest
            .stages
            .fusion
            .as_ref()
            .map_or_else(Default::default, |stage| {
                (all(&stage.inputs.named()), all(&stage.outputs.named()))
            }),
    }
}

fn describe(name: &str, shape: &[usize]) -> String {
    format!("{name} {shape:?}")
}

impl LoadedStage {
    /// Starts the stage if the part has what it runs on.
    fn launch(
        &mut self,
        part: &PreparedPart,
        modality: Modality,
    ) -> Result<Option<Pending<'_>>, EngineError> {
        if !is_usable(part, modality) {
            return Ok(None);
        }
        let input = match modality {
            Modality::Rgb => &part.rgb,
            Modality::Geometry => &part.geometry,
        };
        let stage = modality.into();
        fill(&mut self.session, &self.input, input, stage)?;
        let launched = self.session.launch();
        launched
            .map(Some)
            .map_err(|source| EngineError::Gpu { stage, source })
    }
}

/// Copies what a network is to be run on.
fn fill(
    session: &mut Session,
    name: &str,
    values: &[f32],
    stage: StageName,
) -> Result<(), EngineError> {
    let room = session
        .input(name)
        .map_err(|source| EngineError::Gpu { stage, source })?;
    if room.len() != values.len() {
        return Err(EngineError::Buffers { stage });
    }
    room.copy_from_slice(values);
    Ok(())
}

/// Copies what a network answered, if it is numbers.
fn take(
    session: &Session,
    name: &str,
    room: &mut [f32],
    stage: StageName,
) -> Result<(), EngineError> {
    let answer = session
        .output(name)
        .map_err(|source| EngineError::Gpu { stage, source })?;
    if room.len() != answer.len() {
        return Err(EngineError::Buffers { stage });
    }
    room.copy_from_slice(answer);
    match answer
        .iter()
        .enumerate()
        .find(|(_, value)| !value.is_finite())
    {
        None => Ok(()),
        Some((index, &value)) => {
            let tensor = name.to_owned();
            let source = ModelError::NotFinite {
                tensor,
                index,
                value,
            };
            Err(EngineError::Run { stage, source })
        }
    }
}

impl Engine for TensorRtEngine {
    fn name(&self) -> &str {
        "tensorrt"
    }

    fn precision(&self) -> Precision {
        self.precision
    }

    /// A GPU lowers its clock when it has nothing to do.
    fn cools_down(&self) -> bool {
        true
    }

    fn new_maps(&self) -> StageMaps {
        let mut maps = PerModality::default();
        for (modality, stage) in self.stages.present() {
            maps.set(modality, Some(MapStack::new(stage.count, stage.side)));
        }
        maps
    }

    fn infer(&mut self, part: &PreparedPart, maps: &mut StageMaps) -> Result<(), EngineError> {
        self.check_buffers(maps)?;
        let PerModality { rgb, geometry } = &mut self.stages;
        let rgb = rgb.as_mut().map(|stage| stage.launch(part, Modality::Rgb));
        let rgb = rgb.transpose()?.flatten();
        let geometry = geometry
            .as_mut()
            .map(|stage| stage.launch(part, Modality::Geometry));
        let geometry = geometry.transpose()?.flatten();
        for (modality, run) in [(Modality::Rgb, rgb), (Modality::Geometry, geometry)] {
            let stage = modality.into();
            let done = run.map_or(Ok(()), Pending::wait);
            done.map_err(|source| EngineError::Gpu { stage, source })?;
        }
        let mut all = Ok(());
        for modality in Modality::ALL {
            let (Some(stage), Some(room)) = (self.stages.get(modality), maps.get_mut(modality))
            else {
                continue;
            };
            if is_usable(part, modality) {
                let taken = take(
                    &stage.session,
                    &stage.output,
                    &mut room.data,
                    modality.into(),
                );
                all = all.and(taken);
            } else {
                room.data.fill(0.0);
            }
        }
        all
    }

    fn fuse(&mut self, inputs: &FusionInputs, maps: &mut FusionMaps) -> Result<(), EngineError> {
        let stage = StageName::Fusion;
        let fusion = self.fusion.as_mut().ok_or(EngineError::NoModel { stage })?;
        let values = [&inputs.rgb.data, &inputs.geometry.data, &inputs.valid];
        for (name, values) in fusion.inputs.into_iter().zip(values) {
            fill(&mut fusion.session, name, values, stage)?;
        }
        let run = fusion.session.launch().and_then(Pending::wait);
        run.map_err(|source| EngineError::Gpu { stage, source })?;
        let FusionMaps { fused, weight } = maps;
        for (name, room) in fusion.outputs.into_iter().zip([fused, weight]) {
            take(&fusion.session, name, room, stage)?;
        }
        Ok(())
    }
}
