//! Faults in the real program: what `twinspect-chaos` has recorded, and what must be true of it.

mod laws;
mod record;

pub use laws::violations;
pub use record::{Event, LeftPart, Moment, Record, Recovery};
