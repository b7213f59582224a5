//! Where the values of a feature map lie: rows of pixels, a pixel's channels side by side (NHWC), and a
//! border of zeros as wide as the widest window that reads the map. A map that depthwise convolutions read has
//! within each row one vector of channels after the other, so that they read what lies side by side.
//!
//! Nobody ever writes a border, so that every tap of a window lies at a fixed distance from its place and no kernel
//! asks whether it is outside.

/// Which rows of a map a buffer holds, where it does not hold all: row `first + border` of the map's whole buffer is its first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Shift(pub(crate) usize);

/// Extents of one feature map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct MapShape {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) channels: usize,
    /// Zero pixels at each of the four sides.
    pub(crate) border: usize,
    /// Channels of a pixel that lie side by side: all, or a vector's.
    pub(crate) block: usize,
}

impl MapShape {
    pub(crate) const fn pixels(self) -> usize {
        self.rows * self.columns
    }

    /// Values from one row to the next.
    pub(crate) const fn pitch(self) -> usize {
        (self.columns + 2 * self.border) * self.channels
    }

    /// Values from one block of channels to the next.
    pub(crate) const fn block_pitch(self) -> usize {
        match self.block == self.channels {
            true => self.channels,
            false => (self.columns + 2 * self.border) * self.block,
        }
    }

    /// Whether all channels of a pixel lie side by side.
    pub(crate) const fn is_plain(self) -> bool {
        self.block == self.channels
    }

    /// Values of the buffer, border included.
    pub(crate) const fn buffer_len(self) -> usize {
        (self.rows + 2 * self.border) * self.pitch()
    }

    /// Offset of a pixel's first channel.
    pub(crate) const fn offset(self, row: usize, column: usize) -> usize {
        (row + self.border) * self.pitch() + (column + self.border) * self.block
    }

    /// The values of a row, border excluded.
    pub(crate) fn row<'a>(&self, buffer: &'a [f32], row: usize) -> &'a [f32] {
        &buffer[self.offset(row, 0)..][..self.columns * self.channels]
    }

    /// [`MapShape::row`] for writing, in a buffer that need not hold the whole map.
    pub(crate) fn row_mut<'a>(
        &self,
        (first, buffer): (Shift, &'a mut [f32]),
        row: usize,
    ) -> &'a mut [f32] {
        let start = self.offset(row, 0) - first.0 * self.pitch();
        &mut buffer[start..][..self.columns * self.channels]
    }

    /// Whether rows, columns and channels are the same; borders may differ.
    pub(crate) const fn same_extents(self, other: Self) -> bool {
        self.rows == other.rows && self.columns == other.columns && self.channels == other.channels
    }
}
