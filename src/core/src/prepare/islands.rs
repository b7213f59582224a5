//! Pieces of the region that are no part: noise of the belt rises above a part's least height here and there, above
//! all in the picture's corners, where a Gaussian averages over fewest places.

/// A piece with a place of so much smoothed foreground has a core. A straight edge has one half, noise in a corner was seen
/// to reach it.
const CORE: f32 = 0.75;
/// A piece that has none is an island if it covers less than this share of the largest piece. Thin products may have
/// no core anywhere.
const SHARE: f32 = 0.1;

/// Finds 8-connected pieces; marks and stacks are allocated once.
#[derive(Debug, Clone)]
pub(super) struct Islands {
    side: usize,
    visited: Vec<bool>,
    /// Places of all pieces, one piece after the other.
    places: Vec<usize>,
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, Copy)]
struct Piece {
    /// Its own in the list of places: from the first one up to this.
    first: usize,
    end: usize,
    has_core: bool,
}

impl Piece {
    fn size(self) -> usize {
        self.end - self.first
    }
}

impl Islands {
    pub(super) fn new(side: usize) -> Self {
        Self {
            side,
            visited: vec![false; side * side],
            places: Vec::with_capacity(side * side),
            pieces: Vec::with_capacity(side * side),
        }
    }

    /// Sets all places of islands to zero. A piece is what has at least `least` of smoothed foreground.
    pub(super) fn drown(&mut self, smoothed: &mut [f32], least: f32) {
        self.visited.fill(false);
        self.places.clear();
        self.pieces.clear();
        for start in 0..smoothed.len() {
            if smoothed[start] >= least && !self.visited[start] {
                self.grow(smoothed, least, start);
            }
        }
        let largest = self.pieces.iter().map(|piece| piece.size()).max();
        let least_size = SHARE * largest.unwrap_or(0) as f32;
        for piece in &self.pieces {
            if !piece.has_core && (piece.size() as f32) < least_size {
                for &place in &self.places[piece.first..piece.end] {
                    smoothed[place] = 0.0;
                }
            }
        }
    }

    fn grow(&mut self, smoothed: &[f32], least: f32, start: usize) {
        let side = self.side;
        let first = self.places.len();
        let mut next = first;
        self.visited[start] = true;
        self.places.push(start);
        let mut has_core = false;
        while let Some(&at) = self.places.get(next) {
            next += 1;
            has_core |= smoothed[at] >= CORE;
            let (x, y) = (at % side, at / side);
            for near_y in y.saturating_sub(1)..=(y + 1).min(side - 1) {
                for near_x in x.saturating_sub(1)..=(x + 1).min(side - 1) {
                    let near = near_y * side + near_x;
                    if smoothed[near] >= least && !self.visited[near] {
                        self.visited[near] = true;
                        self.places.push(near);
                    }
                }
            }
        }
        self.pieces.push(Piece {
            first,
            end: self.places.len(),
            has_core,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: f32 = 0.1;

    fn drowned(side: usize, mut map: Vec<f32>) -> Vec<f32> {
        Islands::new(side).drown(&mut map, LEAST);
        map
    }

    #[test]
    fn noise_in_a_corner_is_drowned_and_the_part_is_not() {
        let mut map = vec![0.0; 256];
        for at in (4..10).flat_map(|y| (4..10).map(move |x| y * 16 + x)) {
            map[at] = 0.9;
        }
        map[3 * 16 + 3] = 0.2;
        let part = map.clone();
        map[15] = 0.4;
        map[14] = 0.05;
        let left = drowned(16, map);
        assert_eq!((left[15], left[14]), (0.0, 0.05));
        assert_eq!(left[..14], part[..14]);
        assert_eq!(left[16..], part[16..], "the margin, by a corner, too");
    }

    #[test]
    fn what_has_a_core_stays_however_small() {
        let mut map = vec![0.9; 256];
        map[16..48].fill(0.0);
        map[..16].fill(0.0);
        map[3] = 0.75;
        assert_eq!(drowned(16, map.clone()), map);
    }

    #[test]
    fn thin_products_have_no_core_and_stay() {
        let mut map = vec![0.0; 256];
        for y in 0..16 {
            map[y * 16 + 2] = 0.3;
            map[y * 16 + 12] = 0.3;
        }
        map[7] = 0.3;
        let left = drowned(16, map.clone());
        assert_eq!(left[7], 0.0);
        map[7] = 0.0;
        assert_eq!(left, map);
    }

    #[test]
    fn an_empty_belt_has_nothing_to_drown() {
        assert_eq!(drowned(4, vec![0.0; 16]), vec![0.0; 16]);
        // Noise alone is its own largest piece: that no part is there is told by its share of the picture.
        let mut map = vec![0.0; 16];
        map[5] = 0.3;
        assert_eq!(drowned(4, map.clone()), map);
    }
}
