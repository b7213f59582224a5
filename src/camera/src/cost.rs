//! What a picture costs on its way from the driver to whoever asked for it.

/// The way of one picture, or of a pair's later one, in microseconds of wall time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CaptureCost {
    /// From the moment at which the camera's thread had it from the driver, until whoever asks had it.
    pub handed_over_us: u64,
    /// Making colours of its bytes: decoding for V4L2, copying for RealSense.
    pub colour_us: u64,
    /// Copying depth and laying it onto colour; `None` for cameras that have none to lay.
    pub align_us: Option<u64>,
    /// All of it, from its arrival until the frame pair was there.
    pub whole_us: u64,
}
