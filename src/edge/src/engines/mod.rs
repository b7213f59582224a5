//! Which engine judges, and why not another one.
//!
//! In the order of a start: [`choose()`] tries the one that the station wants, holds it to the goldens and to
//! tract ([`cpu`]), and says what it came to; [`speed`] asks whether it is fast enough for the belt; [`comparison`] shows
//! people the same, [`on_gpu`] for a GPU's plans; [`fault`] tells what a model can be guilty of.

mod choose;
mod comparison;
mod cpu;
mod fault;
mod on_gpu;
mod speed;
mod unusable;

pub(crate) use choose::{Chosen, Gpu, Role, choose, loads_gpu, wants_plans};
pub(crate) use comparison::{BoardReport, Compared};
pub(crate) use fault::Fault;
pub(crate) use on_gpu::OnGpu;
pub(crate) use speed::Speed;
pub(crate) use unusable::{Faster, GPU_LIBRARIES, Unusable};
