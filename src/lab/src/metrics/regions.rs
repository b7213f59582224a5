//! Connected regions of a mask.

/// The 8-connected regions of one picture's mask.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Regions {
    /// One number a pixel, rows from the top: 0 is free of defects, `k` lies in region `k - 1`.
    pub(crate) labels: Vec<u32>,
    /// Pixels of each region.
    pub(crate) sizes: Vec<u32>,
}

impl Regions {
    /// Finds the regions of a mask of rows of `width` pixels.
    pub(crate) fn of(mask: &[bool], width: usize) -> Self {
        let mut regions = Self {
            labels: vec![0; mask.len()],
            sizes: Vec::new(),
        };
        let mut reached = Vec::new();
        for start in (0..mask.len()).filter(|&pixel| mask[pixel]) {
            if regions.labels[start] == 0 {
                let size = regions.flood(mask, width, start, &mut reached);
                regions.sizes.push(size);
            }
        }
        regions
    }

    /// A picture of `pixels` pixels without a defect.
    pub(super) fn none(pixels: usize) -> Self {
        Self {
            labels: vec![0; pixels],
            sizes: Vec::new(),
        }
    }

    /// Labels all that hangs together with `start`, and counts it.
    fn flood(
        &mut self,
        mask: &[bool],
        width: usize,
        start: usize,
        reached: &mut Vec<usize>,
    ) -> u32 {
        let label = self.sizes.len() as u32 + 1;
        let mut size = 0;
        self.labels[start] = label;
        reached.push(start);
        while let Some(pixel) = reached.pop() {
            size += 1;
            let (x, y) = (pixel % width, pixel / width);
            for row in y.saturating_sub(1)..=(y + 1).min(mask.len() / width - 1) {
                for column in x.saturating_sub(1)..=(x + 1).min(width - 1) {
                    let neighbour = row * width + column;
                    if mask[neighbour] && self.labels[neighbour] == 0 {
                        self.labels[neighbour] = label;
                        reached.push(neighbour);
                    }
                }
            }
        }
        size
    }
}
