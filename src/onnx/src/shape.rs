//! Static shapes and the rules that join them.

use std::fmt;

/// The most axes a tensor may have.
pub const MAX_RANK: usize = 5;

/// The most elements a tensor may have: what a 2 GB protobuf could hold as f32.
pub const MAX_ELEMENTS: usize = 1 << 29;

/// A static shape: up to [`MAX_RANK`] axes, none of them empty, at most [`MAX_ELEMENTS`] elements.
///
/// Pictures and feature maps are NCHW: batch, channels, rows, columns.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    // Axes at and after `rank` hold 1, so that derived equality is right.
    dims: [usize; MAX_RANK],
    rank: usize,
}

impl Shape {
    /// The shape of these dimensions, or `None` when there are too many axes, an axis is empty or
    /// there are too many elements. No axes at all is the shape of a scalar.
    pub fn new(dims: &[usize]) -> Option<Self> {
        let elements = dims.iter().try_fold(1_usize, |n, &d| n.checked_mul(d))?;
        if dims.len() > MAX_RANK || elements == 0 || elements > MAX_ELEMENTS {
            return None;
        }
        let mut all = [1; MAX_RANK];
        all[..dims.len()].copy_from_slice(dims);
        Some(Self {
            dims: all,
            rank: dims.len(),
        })
    }

    /// The dimensions, outermost first.
    pub fn dims(&self) -> &[usize] {
        &self.dims[..self.rank]
    }

    /// Number of axes.
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// Number of elements.
    pub fn elements(&self) -> usize {
        self.dims.iter().product()
    }

    /// Batch, channels, rows and columns, when there are exactly four axes.
    pub fn nchw(&self) -> Option<[usize; 4]> {
        self.dims().try_into().ok()
    }

    /// The shape with one axis replaced.
    pub(crate) fn with_axis(&self, axis: usize, size: usize) -> Option<Self> {
        let mut dims = self.dims;
        *dims[..self.rank].get_mut(axis)? = size;
        Self::new(&dims[..self.rank])
    }

    /// What ONNX's multidirectional broadcasting makes of two shapes.
    pub(crate) fn broadcast(&self, other: &Self) -> Option<Self> {
        let rank = self.rank.max(other.rank);
        let axis = |shape: &Self, i: usize| match (i + shape.rank).checked_sub(rank) {
            Some(i) => shape.dims[i],
            None => 1,
        };
        let mut dims = [1; MAX_RANK];
        for (i, dim) in dims.iter_mut().enumerate().take(rank) {
            *dim = match (axis(self, i), axis(other, i)) {
                (a, b) if a == b => a,
                (1, b) => b,
                (a, 1) => a,
                _ => return None,
            };
        }
        Self::new(&dims[..rank])
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.rank == 0 {
            return f.write_str("scalar");
        }
        for (i, dim) in self.dims().iter().enumerate() {
            if i > 0 {
                f.write_str("x")?;
            }
            write!(f, "{dim}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(dims: &[usize]) -> Shape {
        Shape::new(dims).unwrap()
    }

    #[test]
    fn impossible_shapes_are_refused() {
        assert_eq!(Shape::new(&[1, 0]), None);
        assert_eq!(Shape::new(&[1; MAX_RANK + 1]), None);
        assert_eq!(Shape::new(&[MAX_ELEMENTS, 2]), None);
        assert_eq!(Shape::new(&[usize::MAX, usize::MAX]), None);
        assert_eq!(shape(&[]).elements(), 1);
    }

    #[test]
    fn broadcasting_follows_the_trailing_axes() {
        let check = |a: &[usize], b: &[usize], want: Option<&[usize]>| {
            let want = want.map(shape);
            assert_eq!(shape(a).broadcast(&shape(b)), want, "{a:?} with {b:?}");
            assert_eq!(shape(b).broadcast(&shape(a)), want, "{b:?} with {a:?}");
        };
        check(&[1, 3, 4, 5], &[3, 1, 1], Some(&[1, 3, 4, 5]));
        check(&[1, 3, 4, 5], &[], Some(&[1, 3, 4, 5]));
        check(&[2, 1], &[1, 3], Some(&[2, 3]));
        check(&[1, 3, 4, 5], &[2, 1, 1], None);
    }

    #[test]
    fn shapes_of_other_ranks_differ() {
        assert_ne!(shape(&[3]), shape(&[3, 1]));
        assert_eq!(shape(&[1, 3, 8, 8]).to_string(), "1x3x8x8");
    }
}
