//! What is told of pictures: a state for each figure, which does not change with each part.

use super::limits::{Figure, Level, Levels};

/// So many pictures in a row are worse before a state says so. One alone may be the part.
const WORSE: u8 = 3;
/// So many are better before it says that.
const BETTER: u8 = 10;

/// The states of all figures over the pictures of a camera.
#[derive(Debug, Clone, Copy, Default)]
pub struct PictureWatch([State; Figure::ALL.len()]);

#[derive(Debug, Clone, Copy, Default)]
struct State {
    level: Level,
    /// Worse pictures in a row, and the least bad of them.
    worse: u8,
    least: Level,
    /// Better pictures in a row, and the worst of them.
    better: u8,
    most: Level,
}

impl State {
    /// The new level, if it has changed.
    fn see(&mut self, level: Level) -> Option<Level> {
        if level > self.level {
            self.least = if self.worse == 0 {
                level
            } else {
                level.min(self.least)
            };
            self.worse += 1;
        } else {
            self.worse = 0;
        }
        if level < self.level {
            self.most = if self.better == 0 {
                level
            } else {
                level.max(self.most)
            };
            self.better += 1;
        } else {
            self.better = 0;
        }
        let next = if self.worse >= WORSE {
            self.least
        } else if self.better >= BETTER {
            self.most
        } else {
            return None;
        };
        (self.worse, self.better) = (0, 0);
        self.level = next;
        Some(next)
    }
}

impl PictureWatch {
    /// Takes the next picture, and calls for each figure whose state has changed.
    pub fn see(&mut self, levels: &Levels, mut changed: impl FnMut(Figure, Level)) {
        for (state, figure) in self.0.iter_mut().zip(Figure::ALL) {
            if let Some(level) = state.see(levels.of(figure)) {
                changed(figure, level);
            }
        }
    }

    /// All states.
    pub fn states(&self) -> Levels {
        let mut levels = Levels::default();
        for (state, figure) in self.0.iter().zip(Figure::ALL) {
            levels.raise(figure, state.level);
        }
        levels
    }
}
