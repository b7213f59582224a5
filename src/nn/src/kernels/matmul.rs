//! The matrix product, on views with free strides.

/// A read-only matrix view; rows may overlap in memory.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    data: &'a [f32],
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
}

impl<'a> Matrix<'a> {
    /// Row-major `[rows, cols]` at the start of `data`.
    pub(crate) fn dense(data: &'a [f32], rows: usize, cols: usize) -> Self {
        Self::strided(data, rows, cols, cols)
    }

    /// `[rows, cols]` with adjacent columns and `row_stride` values from row to row.
    pub(crate) fn strided(data: &'a [f32], rows: usize, cols: usize, row_stride: usize) -> Self {
        if rows > 0 && cols > 0 {
            assert!(
                (rows - 1) * row_stride + cols <= data.len(),
                "a {rows} x {cols} view leaves its slice"
            );
        }
        Self {
            data,
            rows,
            cols,
            row_stride,
            col_stride: 1,
        }
    }

    /// The same memory with rows and columns swapped.
    pub(crate) fn transposed(self) -> Self {
        Self {
            rows: self.cols,
            cols: self.rows,
            row_stride: self.col_stride,
            col_stride: self.row_stride,
            ..self
        }
    }
}

/// `out = a * b`, or `out += a * b` with `accumulate`; `out` is row-major `[a.rows, b.cols]`. Runs on the calling thread.
pub(crate) fn matmul(out: &mut [f32], a: Matrix<'_>, b: Matrix<'_>, accumulate: bool) {
    assert_eq!(a.cols, b.rows, "inner extents");
    assert_eq!(out.len(), a.rows * b.cols, "extents of the product");
    if out.is_empty() {
        return;
    }
    // SAFETY: `Matrix` guarantees that every (row, column) of `a` and `b` lies inside its slice (its constructors assert
    // it, transposing keeps the set of addresses); `out` is as long as asserted above and, being `&mut`, does not overlap
    // `a` or `b`. Strides fit `isize` because slices do.
    unsafe {
        gemm_f32::gemm::f32::get_gemm_fn()(
            a.rows,
            b.cols,
            a.cols,
            out.as_mut_ptr(),
            1,
            b.cols as isize,
            accumulate,
            a.data.as_ptr(),
            a.col_stride as isize,
            a.row_stride as isize,
            b.data.as_ptr(),
            b.col_stride as isize,
            b.row_stride as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            gemm_common::Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rows: usize, inner: usize, cols: usize, overlap: usize) {
        let a: Vec<f32> = (0..(rows - 1) * overlap + inner)
            .map(|i| (i * 7 % 11) as f32 - 5.0)
            .collect();
        let b: Vec<f32> = (0..inner * cols)
            .map(|i| (i * 5 % 13) as f32 - 6.0)
            .collect();
        let mut out = vec![1.0; rows * cols];
        matmul(
            &mut out,
            Matrix::strided(&a, rows, inner, overlap),
            Matrix::dense(&b, inner, cols),
            true,
        );
        for r in 0..rows {
            for c in 0..cols {
                let want: f32 = (0..inner)
                    .map(|k| a[r * overlap + k] * b[k * cols + c])
                    .sum();
                assert_eq!(
                    out[r * cols + c],
                    want + 1.0,
                    "{rows}x{inner}x{cols} at {r},{c}"
                );
            }
        }
    }

    #[test]
    fn overlapping_rows_and_thin_shapes() {
        check(5, 6, 7, 2);
        check(33, 9, 1, 3);
        check(1, 1, 1, 1);
        check(70, 64, 65, 64);
    }

    #[test]
    fn transposed_views_swap_extents() {
        let a = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let mut out = [0.0; 9];
        let view = Matrix::dense(&a, 2, 3);
        matmul(&mut out, view.transposed(), view, false);
        assert_eq!(out, [17.0, 22.0, 27.0, 22.0, 29.0, 36.0, 27.0, 36.0, 45.0]);
    }
}
