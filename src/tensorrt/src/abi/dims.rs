//! Shapes as TensorRT returns them: by value, 36 bytes up to 8.x and 72 from 10 on, so through a
//! hidden pointer.

/// `nvinfer1::Dims32`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Dims32 {
    count: i32,
    sizes: [i32; 8],
}

/// `nvinfer1::Dims64`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Dims64 {
    count: i32,
    sizes: [i64; 8],
}

/// The sizes, -1 being one that is not known before a run. `None` if there are fewer than none,
/// which is how TensorRT says that it does not know the tensor, or more than eight.
fn sizes<S: Into<i64>>(count: i32, sizes: [S; 8]) -> Option<Vec<i64>> {
    let count = usize::try_from(count)
        .ok()
        .filter(|&count| count <= sizes.len())?;
    Some(sizes.into_iter().take(count).map(Into::into).collect())
}

impl Dims32 {
    pub(crate) fn sizes(self) -> Option<Vec<i64>> {
        sizes(self.count, self.sizes)
    }
}

impl Dims64 {
    pub(crate) fn sizes(self) -> Option<Vec<i64>> {
        sizes(self.count, self.sizes)
    }
}

const _: () = assert!(size_of::<Dims32>() == 36 && size_of::<Dims64>() == 72);
