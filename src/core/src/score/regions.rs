//! Connected places where a map crosses the line.

/// A connected place of the S x S map; bounds are inclusive.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Blob {
    pub(super) left: usize,
    pub(super) top: usize,
    pub(super) right: usize,
    pub(super) bottom: usize,
    pub(super) peak: f32,
    pub(super) peak_at: usize,
}

/// Finds 8-connected blobs; visited marks and stack are allocated once.
#[derive(Debug, Clone)]
pub(super) struct BlobFinder {
    side: usize,
    visited: Vec<bool>,
    stack: Vec<usize>,
}

impl BlobFinder {
    pub(super) fn new(side: usize) -> Self {
        Self {
            side,
            visited: vec![false; side * side],
            stack: Vec::with_capacity(side * side),
        }
    }

    /// Calls `found` for every blob of values above `level`, in reading order.
    pub(super) fn each(&mut self, map: &[f32], level: f32, mut found: impl FnMut(Blob)) {
        self.visited.fill(false);
        for start in 0..map.len() {
            if map[start] > level && !self.visited[start] {
                found(self.grow(map, level, start));
            }
        }
    }

    fn grow(&mut self, map: &[f32], level: f32, start: usize) -> Blob {
        let side = self.side;
        let (x, y) = (start % side, start / side);
        let mut blob = Blob {
            left: x,
            top: y,
            right: x,
            bottom: y,
            peak: map[start],
            peak_at: start,
        };
        self.visited[start] = true;
        self.stack.push(start);
        while let Some(at) = self.stack.pop() {
            let (x, y) = (at % side, at / side);
            blob.left = blob.left.min(x);
            blob.right = blob.right.max(x);
            blob.top = blob.top.min(y);
            blob.bottom = blob.bottom.max(y);
            if map[at] > blob.peak {
                (blob.peak, blob.peak_at) = (map[at], at);
            }
            for ny in y.saturating_sub(1)..=(y + 1).min(side - 1) {
                for nx in x.saturating_sub(1)..=(x + 1).min(side - 1) {
                    let next = ny * side + nx;
                    if map[next] > level && !self.visited[next] {
                        self.visited[next] = true;
                        self.stack.push(next);
                    }
                }
            }
        }
        blob
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn diagonal_neighbours_are_one_place() {
        let map = [
            9.0, 6.0, 1.0, 5.0, 1.0, 8.0, 1.0, 1.0, 1.0, 1.0, 7.0, 1.0, 2.0, 2.0, 2.0, 2.0,
        ];
        let mut blobs = Vec::new();
        BlobFinder::new(4).each(&map, 4.5, |blob| blobs.push(blob));
        assert_eq!(blobs.len(), 2);
        assert_eq!(
            (blobs[0].left, blobs[0].top, blobs[0].right, blobs[0].bottom),
            (0, 0, 2, 2)
        );
        assert_eq!((blobs[0].peak, blobs[0].peak_at), (9.0, 0));
        assert_eq!((blobs[1].left, blobs[1].peak), (3, 5.0));
    }

    #[test]
    fn a_map_full_of_evidence_is_one_place() {
        let mut blobs = Vec::new();
        BlobFinder::new(64).each(&vec![2.0; 64 * 64], 1.0, |blob| blobs.push(blob));
        assert_eq!(blobs.len(), 1);
        assert_eq!((blobs[0].right, blobs[0].bottom), (63, 63));
    }
}
