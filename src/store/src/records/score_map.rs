//! The map of scores as a small picture of 16 bits.

use std::io::Cursor;

use image::{ExtendedColorType, ImageEncoder, codecs::png};

use super::error::RecordsError;
use super::name::SCORE_FILE;
use super::record::MapFacts;

/// Score at count 0. Good parts lie around 0 to 0.7, and seldom beneath -1.
const OFFSET: f32 = -8.0;
/// Scores reach up to 57.5 with it; what is beyond is drawn at the end of the scale.
const STEP: f32 = 0.001;

/// Scores of a square map, rows from the top; 1.0 is the line.
#[derive(Debug, Clone, Copy)]
pub struct ScoreMap<'a> {
    /// Pixels a side.
    pub side: usize,
    /// `side * side` scores.
    pub scores: &'a [f32],
}

impl ScoreMap<'_> {
    pub(super) fn encode(&self) -> Result<(MapFacts, Vec<u8>), RecordsError> {
        let counts: Vec<u8> = self
            .scores
            .iter()
            .flat_map(|score| {
                let count = ((score - OFFSET) / STEP).round();
                // Numbers that are none become 0, the end of the scale.
                (count.clamp(0.0, f32::from(u16::MAX)) as u16).to_ne_bytes()
            })
            .collect();
        let mut picture = Cursor::new(Vec::new());
        // The encoder refuses a length that does not fit.
        let side = u32::try_from(self.side).unwrap_or(0);
        let fits = self.side.checked_mul(self.side) == Some(self.scores.len());
        let encoded = if fits {
            png::PngEncoder::new(&mut picture)
                .write_image(&counts, side, side, ExtendedColorType::L16)
                .map_err(Into::into)
        } else {
            Err("a map that is no square".into())
        };
        encoded.map_err(|source| RecordsError::Encode {
            what: SCORE_FILE,
            source,
        })?;
        let facts = MapFacts {
            file: SCORE_FILE.to_owned(),
            side: self.side,
            offset: OFFSET,
            step: STEP,
        };
        Ok((facts, picture.into_inner()))
    }
}

/// Scores of counts, as [`MapFacts`] says.
pub fn decode_scores(facts: &MapFacts, counts: &[u16]) -> Vec<f32> {
    counts
        .iter()
        .map(|count| facts.offset + facts.step * f32::from(*count))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_come_back_within_half_a_step_and_ends_are_ends() {
        let scores = [-0.25, 0.0, 0.999_6, 1.0, 3.25, 57.0, -100.0, 1e9, f32::NAN];
        let map = ScoreMap {
            side: 3,
            scores: &scores,
        };
        let (facts, bytes) = map.encode().unwrap();
        let picture = image::load_from_memory(&bytes).unwrap();
        let image::DynamicImage::ImageLuma16(counts) = picture else {
            panic!("{:?}", picture.color());
        };
        let back = decode_scores(&facts, counts.as_raw());
        for (score, back) in scores.iter().zip(&back).take(6) {
            // A float of 57 has steps of 4e-6 itself.
            assert!((score - back).abs() <= 0.000_51, "{score} {back}");
        }
        assert_eq!(counts.as_raw()[6..], [0, u16::MAX, 0]);
    }

    #[test]
    fn a_map_that_is_no_square_is_refused() {
        let map = ScoreMap {
            side: 2,
            scores: &[0.0; 3],
        };
        map.encode().unwrap_err();
    }
}
