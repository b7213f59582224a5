//! Where the colour camera's lens shows a direction. A type for each kind, so that the loop over pixels is compiled for each
//! and does not ask.

use crate::frame::Intrinsics;

/// A lens as the loop over pixels needs it.
pub(super) trait Lens: Copy {
    /// Column and row at which a direction `(x / z, y / z)` is seen.
    fn place(self, x: f32, y: f32) -> [f32; 2];
}

/// Bends nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Straight {
    focal: [f32; 2],
    centre: [f32; 2],
}

/// Bends, which is computed in 64 bits as everywhere else.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bent(Intrinsics);

/// Which of them a camera has.
#[derive(Debug, Clone, Copy)]
pub(super) enum AnyLens {
    Straight(Straight),
    Bent(Bent),
}

impl AnyLens {
    pub(super) fn of(camera: &Intrinsics) -> Self {
        if camera.distortion == [0.0; 5] {
            Self::Straight(Straight {
                focal: [camera.fx as f32, camera.fy as f32],
                centre: [camera.cx as f32, camera.cy as f32],
            })
        } else {
            Self::Bent(Bent(*camera))
        }
    }
}

impl Lens for Straight {
    #[inline(always)]
    fn place(self, x: f32, y: f32) -> [f32; 2] {
        [
            x * self.focal[0] + self.centre[0],
            y * self.focal[1] + self.centre[1],
        ]
    }
}

impl Lens for Bent {
    #[inline(always)]
    fn place(self, x: f32, y: f32) -> [f32; 2] {
        let (column, row) = self.0.project(f64::from(x), f64::from(y));
        [column as f32, row as f32]
    }
}
