//! The engines of the CPU: the stages of a product, whichever library runs their networks.
//!
//! Where there is a second core, the engine owns a pool of threads. The stages of a product that has both senses don't wait for each other there, and
//! threads that have nothing else to do help with the steps of a network that can be shared.

mod guarded;

use std::num::NonZero;

use rayon::{ThreadPool, ThreadPoolBuilder};
use twinspect_bundle::{Bundle, FusionStage, Stage};
use twinspect_core::modality::{Modality, PerModality};
use twinspect_core::prepare::PreparedPart;
use twinspect_core::score::{FusionInputs, FusionMaps, MapStack, StageMaps};

use self::guarded::Guarded;
use crate::engine::{Engine, EngineError, Precision, StageName, is_usable};
use crate::native::NativeNetwork;
use crate::tract::{Model, ModelError, TensorSpec};

/// Threads of the pool, at most: a step of half a millisecond is not worth cutting into more, and a board has cameras to listen to.
const THREADS: usize = 4;

/// tract runs every network: the reference, to which the others are held.
pub type TractEngine = CpuEngine<Model>;

/// Our own kernels run the networks that they know, tract the others: [`NativeEngine::by_tract`].
pub type NativeEngine = CpuEngine<NativeNetwork>;

/// A network of a stage, ready to run on the CPU.
pub trait Network: std::fmt::Debug + Send + Sized + 'static {
    /// The engine's name, [`Engine::name`].
    const ENGINE: &'static str;

    /// Whether several threads can share a network's work.
    const IS_SHARED: bool;

    /// Reads a network with inputs of these shapes, in the order of the file, to be run in a [`rayon::ThreadPool`] of `threads`; one thread runs
    /// it anywhere.
    ///
    /// # Errors
    /// [`ModelError`] for what can't be loaded.
    fn load(
        onnx: &[u8],
        input_shapes: &[&[usize]],
        threads: NonZero<usize>,
    ) -> Result<Self, ModelError>;

    /// The inputs, in the order of the file.
    fn inputs(&self) -> &[TensorSpec];

    /// The outputs, in the order of the file.
    fn outputs(&self) -> &[TensorSpec];

    /// Why tract runs it, though another library was to.
    fn by_tract(&self) -> Option<&str>;

    /// Takes values for each input to values for each output.
    ///
    /// # Errors
    /// [`ModelError`]; what the outputs hold then means nothing.
    fn run(&mut self, inputs: &[&[f32]], outputs: &mut [&mut [f32]]) -> Result<(), ModelError>;
}

/// The stages of one product on the CPU.
#[derive(Debug)]
pub struct CpuEngine<N> {
    stages: PerModality<LoadedStage<N>>,
    /// Runs on the thread that asks: it is small.
    fusion: Option<Guarded<N>>,
    /// Where the stages run; `None` if one thread is all that there is to have, the one that asks.
    pool: Option<ThreadPool>,
    /// Stages that tract runs, and why.
    by_tract: Vec<(StageName, String)>,
}

#[derive(Debug)]
struct LoadedStage<N> {
    network: Guarded<N>,
    count: usize,
    side: usize,
}

impl NativeEngine {
    /// Whether this machine has vectors for our kernels; tract is faster where it hasn't.
    pub fn suits_this_machine() -> bool {
        twinspect_native::Network::has_vectors()
    }
}

impl<N: Network> CpuEngine<N> {
    /// Reads, checks and optimises the networks of a bundle.
    ///
    /// # Errors
    /// [`EngineError::Load`] for what is no usable network, [`EngineError::Interface`] for one
    /// whose tensors are not those of the manifest.
    pub fn load(bundle: &Bundle) -> Result<Self, EngineError> {
        // What can't be known counts as one.
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self::load_for(bundle, cores)
    }

    /// [`CpuEngine::load`] for a machine with this number of cores.
    fn load_for(bundle: &Bundle, cores: usize) -> Result<Self, EngineError> {
        let present = &bundle.manifest().stages;
        let useful = match N::IS_SHARED {
            true => THREADS,
            false => present.present().count(),
        };
        let threads = NonZero::new(cores.min(useful)).unwrap_or(NonZero::<usize>::MIN);
        let mut stages = PerModality::default();
        let mut by_tract = Vec::new();
        for (modality, stage) in present.present() {
            let name = StageName::Of(modality);
            let onnx = bundle.stage_model(modality);
            let onnx = onnx.ok_or(EngineError::NoModel { stage: name })?;
            let load_error = |source| EngineError::Load {
                stage: name,
                source,
            };
            let network = N::load(onnx, &[&stage.input_shape], threads).map_err(load_error)?;
            check(modality, stage, &network)?;
            by_tract.extend(network.by_tract().map(|why| (name, why.to_owned())));
            let [_, count, side, _] = stage.output_shape;
            let stage = LoadedStage {
                network: Guarded::new(network),
                count,
                side,
            };
            stages.set(modality, Some(stage));
        }
        let fusion = present.fusion.as_ref();
        let fusion: Option<Guarded<N>> =
            fusion.map(|stage| load_fusion(bundle, stage)).transpose()?;
        let why = fusion.as_ref().and_then(Guarded::by_tract);
        by_tract.extend(why.map(|why| (StageName::Fusion, why.to_owned())));
        let pool = (threads.get() > 1).then(|| {
            let builder = ThreadPoolBuilder::new().num_threads(threads.get());
            builder.thread_name(|at| format!("network {at}")).build()
        });
        let pool = pool.transpose().map_err(EngineError::Pool)?;
        Ok(Self {
            stages,
            fusion,
            pool,
            by_tract,
        })
    }

    /// The stages that tract runs, though the engine is another one, and why.
    pub fn by_tract(&self) -> &[(StageName, String)] {
        &self.by_tract
    }

    fn check_buffers(&self, maps: &StageMaps) -> Result<(), EngineError> {
        for modality in Modality::ALL {
            let fits = match (self.stages.get(modality), maps.get(modality)) {
                (None, None) => true,
                (Some(stage), Some(buffer)) => {
                    buffer.count == stage.count && buffer.side == stage.side
                }
                _ => false,
            };
            if !fits {
                let stage = modality.into();
                return Err(EngineError::Buffers { stage });
            }
        }
        Ok(())
    }
}

/// Has a stage answer, if the product has it and the part can be judged by it; else its map is zero.
fn answer<N: Network>(
    modality: Modality,
    stage: Option<&mut LoadedStage<N>>,
    part: &PreparedPart,
    maps: Option<&mut MapStack>,
) -> Result<(), EngineError> {
    let (Some(stage), Some(maps)) = (stage, maps) else {
        return Ok(());
    };
    if !is_usable(part, modality) {
        maps.data.fill(0.0);
        return Ok(());
    }
    let input = match modality {
        Modality::Rgb => &part.rgb,
        Modality::Geometry => &part.geometry,
    };
    let run = stage.network.run(&[input], &mut [&mut maps.data]);
    run.map_err(|source| EngineError::Run {
        stage: modality.into(),
        source,
    })
}

fn load_fusion<N: Network>(
    bundle: &Bundle,
    stage: &FusionStage,
) -> Result<Guarded<N>, EngineError> {
    let name = StageName::Fusion;
    let onnx = bundle.fusion_model();
    let onnx = onnx.ok_or(EngineError::NoModel { stage: name })?;
    let (inputs, outputs) = (stage.inputs.named(), stage.outputs.named());
    let shapes = inputs.each_ref().map(|(_, shape)| &shape[..]);
    let network = N::load(onnx, &shapes, NonZero::<usize>::MIN);
    let network = network.map_err(|source| EngineError::Load {
        stage: name,
        source,
    })?;
    for (what, expected, found) in [
        ("inputs", &inputs[..], network.inputs()),
        ("outputs", &outputs, network.outputs()),
    ] {
        let expected = expected.iter().map(|(name, shape)| (*name, &shape[..]));
        let found = found
            .iter()
            .map(|tensor| (tensor.name.as_str(), &tensor.shape[..]));
        agree(name, what, describe(expected), describe(found))?;
    }
    Ok(Guarded::new(network))
}

fn describe<'a>(tensors: impl Iterator<Item = (&'a str, &'a [usize])>) -> String {
    let each: Vec<String> = tensors
        .map(|(name, shape)| format!("{name} {shape:?}"))
        .collect();
    each.join(", ")
}

fn check(modality: Modality, stage: &Stage, network: &impl Network) -> Result<(), EngineError> {
    let name = modality.into();
    let names = |tensors: &[TensorSpec]| {
        let names: Vec<&str> = tensors.iter().map(|tensor| tensor.name.as_str()).collect();
        names.join(", ")
    };
    agree(name, "input", stage.input.clone(), names(network.inputs()))?;
    agree(
        name,
        "output",
        stage.output.clone(),
        names(network.outputs()),
    )?;
    for output in network.outputs() {
        agree(
            name,
            "output shape",
            format!("{:?}", stage.output_shape),
            format!("{:?}", output.shape),
        )?;
    }
    Ok(())
}

fn agree(
    stage: StageName,
    what: &'static str,
    expected: String,
    found: String,
) -> Result<(), EngineError> {
    match expected == found {
        true => Ok(()),
        false => Err(EngineError::Interface {
            stage,
            what,
            expected,
            found,
        }),
    }
}

impl<N: Network> Engine for CpuEngine<N> {
    fn name(&self) -> &str {
        N::ENGINE
    }

    fn precision(&self) -> Precision {
        Precision::F32
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
        let (rgb, geometry) = (rgb.as_mut(), geometry.as_mut());
        let rgb = || answer(Modality::Rgb, rgb, part, maps.rgb.as_mut());
        let geometry = || answer(Modality::Geometry, geometry, part, maps.geometry.as_mut());
        // An error of one stage doesn't keep the other from its answer.
        let (rgb, geometry) = match &self.pool {
            Some(pool) => pool.install(|| rayon::join(rgb, geometry)),
            None => (rgb(), geometry()),
        };
        rgb.and(geometry)
    }

    fn fuse(&mut self, inputs: &FusionInputs, maps: &mut FusionMaps) -> Result<(), EngineError> {
        let stage = StageName::Fusion;
        let network = self.fusion.as_mut();
        let network = network.ok_or(EngineError::NoModel { stage })?;
        let inputs = [&inputs.rgb.data, &inputs.geometry.data, &inputs.valid].map(Vec::as_slice);
        let FusionMaps { fused, weight } = maps;
        let run = network.run(&inputs, &mut [fused, weight]);
        run.map_err(|source| match source {
            ModelError::InputLength { .. } | ModelError::OutputRoom { .. } => {
                EngineError::Buffers { stage }
            }
            source => EngineError::Run { stage, source },
        })
    }
}

#[cfg(test)]
mod tests;
