//! A faster engine beside tract, for people and scripts.

use std::io::Write;
use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;
use twinspect_bundle::Bundle;
use twinspect_core::score::DegradedPolicy;
use twinspect_engine::tensorrt::{Board, BoardFacts, PlanStore};
use twinspect_engine::{Comparison, Engine, Proof};

use super::choose::{Chosen, load_tensorrt};
use super::cpu::{Reference, held_to, load_native};
use super::{Faster, Speed, Unusable};
use crate::config::PrecisionChoice;
use crate::error::{EdgeError, WithCauses};
use crate::pipeline::Pipeline;

/// The board, for scripts. Its keys stay.
#[derive(Debug, Serialize)]
pub(crate) struct BoardReport {
    tensorrt: String,
    gpu: String,
    compute_capability: String,
    multiprocessors: i32,
    memory_mb: usize,
    shares_memory: bool,
    cuda: String,
}

impl From<BoardFacts> for BoardReport {
    fn from(facts: BoardFacts) -> Self {
        let BoardFacts {
            tensorrt,
            gpu,
            compute_capability,
            multiprocessors,
            memory_mb,
            shares_memory,
            cuda,
        } = facts;
        Self {
            tensorrt,
            gpu,
            compute_capability,
            multiprocessors,
            memory_mb,
            shares_memory,
            cuda,
        }
    }
}

/// Everything that was compared. Its keys are for scripts and stay.
#[derive(Debug, Serialize)]
pub(crate) struct Compared {
    engine: Faster,
    precision: PrecisionChoice,
    goldens: usize,
    /// The largest difference of a map that the bundle allows, as a share of the range.
    tolerance: f32,
    stages: Vec<StageDifference>,
    scores: Vec<Scores>,
    speeds: Vec<EngineSpeed>,
    /// Stages that tract runs in this engine's place, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    by_tract: Vec<StageByTract>,
    trusted: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip)]
    refused: Option<Unusable>,
}

/// The largest difference of a stage's maps.
#[derive(Debug, Serialize)]
struct StageDifference {
    stage: String,
    share: f32,
    golden: String,
    map: usize,
    index: usize,
    tract: f32,
    found: f32,
}

/// A stage that an engine does not know.
#[derive(Debug, Serialize)]
struct StageByTract {
    stage: String,
    why: String,
}

/// What both say of a golden; 1.0 is the line.
#[derive(Debug, Serialize)]
struct Scores {
    golden: String,
    tract: f32,
    found: Option<f32>,
}

/// From capture done to verdict.
#[derive(Debug, Serialize)]
struct EngineSpeed {
    engine: String,
    p50_ms: f64,
    p99_ms: f64,
}

impl Compared {
    /// Has TensorRT judge the goldens beside tract.
    ///
    /// # Errors
    /// As [`Compared::native`]; also where there are no plans that fit.
    pub(crate) fn tensorrt(
        bundle: &Bundle,
        board: &Board,
        plans: &PlanStore,
        precision: PrecisionChoice,
    ) -> Result<Self, EdgeError> {
        let reference = Reference::of(bundle)?;
        let engine = load_tensorrt(board, plans, bundle, precision)?;
        Self::of(bundle, reference, Faster::TensorRt, Box::new(engine))
    }

    /// Has our own engine judge the goldens beside tract. An engine that is not trusted is told of, not an error.
    ///
    /// # Errors
    /// Those of the bundle, and [`EdgeError::Unusable`] where the engine can't be loaded or does not answer.
    pub(crate) fn native(bundle: &Bundle) -> Result<Self, EdgeError> {
        let reference = Reference::of(bundle)?;
        let engine = load_native(bundle)?;
        let by_tract = engine.by_tract().iter().map(|(stage, why)| StageByTract {
            stage: stage.to_string(),
            why: why.clone(),
        });
        let by_tract = by_tract.collect();
        let compared = Self::of(bundle, reference, Faster::Native, Box::new(engine))?;
        Ok(Self {
            by_tract,
            ..compared
        })
    }

    fn of(
        bundle: &Bundle,
        mut reference: Reference,
        name: Faster,
        mut engine: Box<dyn Engine>,
    ) -> Result<Self, EdgeError> {
        let precision = engine.precision().into();
        let comparison = reference.compare(name, engine.as_mut(), bundle)?;
        let trusted = held_to(&comparison, name, engine.as_mut(), bundle);
        let of_tract = speed(bundle, Box::new(reference.engine), reference.proof.clone())?;
        // One that answers wrongly is timed, too: people decide what mending it would be worth.
        let (own, refused) = match trusted {
            Ok(proof) => (speed(bundle, engine, proof)?, None),
            Err(error) => {
                let timed = speed(bundle, engine, reference.proof);
                let timed = timed.inspect_err(|why| log::debug!("timing {name}: {why}"));
                (timed.ok().flatten(), Some(error))
            }
        };
        let Comparison {
            goldens,
            tolerance,
            stages,
            scores,
            ..
        } = comparison;
        let stages = stages.into_iter().map(|worst| StageDifference {
            stage: worst.stage.to_string(),
            share: worst.share,
            golden: worst.golden,
            map: worst.map,
            index: worst.index,
            tract: worst.expected,
            found: worst.found,
        });
        let scores = scores.into_iter().map(|score| Scores {
            golden: score.golden,
            tract: score.expected,
            found: score.found,
        });
        Ok(Self {
            engine: name,
            precision,
            goldens,
            tolerance,
            stages: stages.collect(),
            scores: scores.collect(),
            speeds: [of_tract, own].into_iter().flatten().collect(),
            by_tract: Vec::new(),
            trusted: refused.is_none(),
            reason: refused.as_ref().map(|error| WithCauses(error).to_string()),
            refused,
        })
    }

    /// Why it is not trusted.
    pub(super) fn refused(&self) -> Option<&Unusable> {
        self.refused.as_ref()
    }

    /// The end of a command that has shown this.
    ///
    /// # Errors
    /// [`EdgeError::Unusable`] for an engine that is not trusted.
    pub(crate) fn into_verdict(self) -> Result<(), EdgeError> {
        self.refused.map_or(Ok(()), |error| Err(error.into()))
    }

    /// Three tables and a verdict.
    pub(crate) fn print(&self, out: &mut dyn Write) -> Result<(), EdgeError> {
        let name = self.engine.to_string();
        let bits = self.precision.bits();
        writeln!(out, "engine    {name}, {bits} bits, beside tract")?;
        writeln!(
            out,
            "goldens   {}; maps may differ by {:.1e} of their range, scores by 0.01 of the line",
            self.goldens, self.tolerance
        )?;
        let mut stages = table([
            "stage",
            "difference",
            "tract",
            &name,
            "golden",
            "map",
            "index",
        ]);
        for found in &self.stages {
            stages.add_row([
                found.stage.clone(),
                format!("{:.1e}", found.share),
                format!("{:.5}", found.tract),
                format!("{:.5}", found.found),
                found.golden.clone(),
                found.map.to_string(),
                found.index.to_string(),
            ]);
        }
        let mut scores = table(["golden", "score by tract", &format!("by {name}")]);
        for score in &self.scores {
            scores.add_row([
                score.golden.clone(),
                format!("{:.4}", score.tract),
                score
                    .found
                    .map_or("none".to_owned(), |score| format!("{score:.4}")),
            ]);
        }
        let mut speeds = table(["whole part", "p50 ms", "p99 ms"]);
        for speed in &self.speeds {
            speeds.add_row([
                speed.engine.clone(),
                format!("{:.2}", speed.p50_ms),
                format!("{:.2}", speed.p99_ms),
            ]);
        }
        for table in [stages, scores, speeds] {
            writeln!(out, "{table}")?;
        }
        for StageByTract { stage, why } in &self.by_tract {
            writeln!(out, "by tract  {stage}: {why}")?;
        }
        match &self.reason {
            None => writeln!(out, "trusted   {name} says what tract says")?,
            Some(reason) => writeln!(out, "\x1b[31mrefused\x1b[0m   {reason}")?,
        }
        Ok(())
    }
}

fn speed(
    bundle: &Bundle,
    engine: Box<dyn Engine>,
    proof: Proof,
) -> Result<Option<EngineSpeed>, EdgeError> {
    let name = engine.name().to_owned();
    let chosen = Chosen::to_be_timed(engine, proof);
    let mut pipeline = Pipeline::new(bundle, DegradedPolicy::default(), chosen)?;
    let found = pipeline.speed(bundle, Duration::MAX)?;
    Ok(found.map(|Speed { p50_ms, p99_ms }| EngineSpeed {
        engine: name,
        p50_ms,
        p99_ms,
    }))
}

fn table<const N: usize>(head: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    table.set_header(head);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
