//! The buffers in which an engine leaves its answer.

/// Output of one stage: `count` maps of `side` x `side`, one after the other, rows from the top.
#[derive(Debug, Clone, PartialEq)]
pub struct MapStack {
    /// Number of maps: 3 scales of colour and, where it has one, its memory; 4 scales of the filter bank and the codebook.
    pub count: usize,
    /// Side of each map, S/4.
    pub side: usize,
    /// `count * side * side` values.
    pub data: Vec<f32>,
}

/// What the stages of a product answered for one part; a modality that the product lacks has none.
pub type StageMaps = crate::modality::PerModality<MapStack>;

impl MapStack {
    /// Allocates zeros.
    pub fn new(count: usize, side: usize) -> Self {
        Self {
            count,
            side,
            data: vec![0.0; count * side * side],
        }
    }

    /// One map after the other.
    pub fn maps(&self) -> impl Iterator<Item = &[f32]> {
        self.data.chunks_exact((self.side * self.side).max(1))
    }

    /// Whether every value is a number.
    pub fn is_finite(&self) -> bool {
        self.data.iter().all(|value| value.is_finite())
    }
}
