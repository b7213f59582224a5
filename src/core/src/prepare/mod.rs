//! From frame to tensors: the only copy, called by trainer and device alike (METHODS 4.3, 4.5).

mod part;
mod spec;

pub use part::{Belt, DepthState, PreparedPart, RgbState};
pub use spec::{
    BANK_CHANNELS, BANK_SCALES, BankSpec, BeltBounds, GeometrySpec, MAP_STRIDE, PrepareSpec,
    RgbSpec, Roi,
};
