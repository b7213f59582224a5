//! What a stain may look like: drawn patterns, patches of other good parts, a user's pictures.
//!
//! A texture answers for one pixel at a time, so that a small stain costs little.

use serde::Serialize;
use twinspect_core::prepare::Canvas;
use twinspect_nn::Rng;

use super::cells::Cells;
use super::foreground::Foreground;
use super::noise::{Noise, NoiseSpec};
use super::pictures::Picture;
use crate::pose::mirrored;

/// Share of textures that are the user's pictures, where there are any.
const PICTURES: f64 = 0.6;
/// Share of the others that are patches of good parts.
const PATCHES: f64 = 0.3;
/// How far the channels of a drawn pattern go their own ways.
const TINT: f32 = 0.5;
/// Levels, of 255, for one unit of a drawn pattern.
const LEVELS: f32 = 100.0;
/// Attempts to find a place of another part; belt is taken if none succeeds.
const ATTEMPTS: usize = 16;

/// Where textures come from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sources<'a> {
    /// Good parts, for patches.
    pub(crate) parts: &'a [Canvas],
    /// The user's pictures, each S x S.
    pub(crate) pictures: &'a [Picture],
}

/// A texture's kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Style {
    /// Gradient noise of many octaves.
    Clouds,
    /// Cells with dark borders, or round grains.
    Cells,
    /// Wavy stripes.
    Stripes,
    /// Fine lines in one direction.
    Brushed,
    /// A patch of a good part.
    Patch,
    /// A picture of the user.
    Picture,
}

impl Style {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Clouds => "clouds",
            Self::Cells => "cells",
            Self::Stripes => "stripes",
            Self::Brushed => "brushed lines",
            Self::Patch => "patch",
            Self::Picture => "picture",
        }
    }
}

/// What determines a texture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct TextureSpec {
    pub(super) style: Style,
    pub(super) seed: u64,
}

impl TextureSpec {
    pub(super) fn draw(sources: &Sources<'_>, rng: &mut Rng) -> Self {
        const DRAWN: [Style; 4] = [Style::Clouds, Style::Cells, Style::Stripes, Style::Brushed];
        let (of_pictures, of_patches) = (rng.uniform(), rng.uniform());
        let style = if !sources.pictures.is_empty() && of_pictures < PICTURES {
            Style::Picture
        } else if !sources.parts.is_empty() && of_patches < PATCHES {
            Style::Patch
        } else {
            DRAWN[rng.below(DRAWN.len())]
        };
        Self {
            style,
            seed: rng.next_u64(),
        }
    }
}

/// A texture over a picture of S x S, in levels of a camera; only differences mean something.
#[derive(Debug)]
pub(super) struct Texture<'a> {
    pattern: Pattern<'a>,
}

#[derive(Debug)]
enum Pattern<'a> {
    /// A pattern, a second noise, and how much of the second each channel has.
    Drawn(Drawn, Noise, [f32; 3]),
    /// A piece of something seen.
    Seen(Seen<'a>, Framing),
}

#[derive(Debug)]
enum Drawn {
    Noise(Noise),
    Cells(Cells),
    Stripes { waves: f32, turn: f32, warp: Noise },
}

#[derive(Debug)]
enum Seen<'a> {
    Part(&'a Canvas),
    Picture(&'a Picture),
}

/// From a pixel of the stain to a pixel of what was seen: quarter turns and a shift.
#[derive(Debug, Clone, Copy)]
struct Framing {
    turns: usize,
    shift: [isize; 2],
    size: usize,
}

impl<'a> Texture<'a> {
    /// `anchor` is a pixel of the stain; a patch shows another part there, not its belt.
    pub(super) fn new(
        spec: &TextureSpec,
        size: usize,
        anchor: usize,
        foreground: &Foreground,
        sources: &Sources<'a>,
    ) -> Self {
        let mut rng = Rng::new(spec.seed);
        let pattern = match spec.style {
            Style::Picture if !sources.pictures.is_empty() => {
                let picture = &sources.pictures[rng.below(sources.pictures.len())];
                let to = rng.below(size * size);
                let framing = Framing::onto(anchor, to, size, &mut rng);
                Pattern::Seen(Seen::Picture(picture), framing)
            }
            Style::Patch if !sources.parts.is_empty() => {
                let part = &sources.parts[rng.below(sources.parts.len())];
                let to = place_of(part, foreground, &mut rng);
                Pattern::Seen(Seen::Part(part), Framing::onto(anchor, to, size, &mut rng))
            }
            style => {
                let drawn = Drawn::new(style, size, &mut rng);
                let second = Noise::new(&NoiseSpec::of([6, 6], 2, &mut rng), size);
                let tint = [0; 3].map(|_| rng.uniform_in(-TINT, TINT));
                Pattern::Drawn(drawn, second, tint)
            }
        };
        Self { pattern }
    }

    /// Channels R, G, B at a pixel.
    pub(super) fn at(&self, index: usize, size: usize) -> [f32; 3] {
        match &self.pattern {
            Pattern::Drawn(drawn, second, tint) => {
                let (x, y) = ((index % size) as f32, (index / size) as f32);
                let (value, other) = (drawn.at(x, y, size), second.at(x, y));
                tint.map(|tint| LEVELS * (value + tint * other))
            }
            Pattern::Seen(seen, framing) => {
                let from = framing.source(index);
                match seen {
                    Seen::Picture(picture) => picture.at(from),
                    Seen::Part(part) => {
                        let pixels = part.height.len();
                        std::array::from_fn(|channel| part.rgb[channel * pixels + from])
                    }
                }
            }
        }
    }
}

impl Drawn {
    fn new(style: Style, size: usize, rng: &mut Rng) -> Self {
        match style {
            Style::Cells => Self::Cells(Cells::draw(rng)),
            Style::Stripes => Self::Stripes {
                waves: rng.uniform_in(6.0, 40.0),
                turn: rng.uniform_in(0.0, std::f32::consts::PI),
                warp: Noise::new(&NoiseSpec::of([3, 3], 2, rng), size),
            },
            Style::Brushed => Self::Noise(Noise::new(&NoiseSpec::of([3, 64], 2, rng), size)),
            _ => {
                let cells = 4 + rng.below(9);
                Self::Noise(Noise::new(&NoiseSpec::of([cells, cells], 4, rng), size))
            }
        }
    }

    fn at(&self, x: f32, y: f32, size: usize) -> f32 {
        match self {
            Self::Noise(noise) => noise.at(x, y),
            Self::Cells(cells) => cells.at(x / size as f32, y / size as f32),
            Self::Stripes { waves, turn, warp } => {
                let (sin, cos) = turn.sin_cos();
                let along = (cos * x + sin * y) / size as f32;
                let phase = waves * along + 0.8 * warp.at(x, y);
                0.5 * (std::f32::consts::TAU * phase).sin()
            }
        }
    }
}

impl Framing {
    /// Turns at random, and shows pixel `to` of what was seen at pixel `at` of the stain.
    fn onto(at: usize, to: usize, size: usize, rng: &mut Rng) -> Self {
        let turns = rng.below(4);
        let unshifted = Self {
            turns,
            shift: [0, 0],
            size,
        };
        let [x, y] = unshifted.turned(at);
        let shift = [(to % size) as isize - x, (to / size) as isize - y];
        Self { shift, ..unshifted }
    }

    fn turned(&self, index: usize) -> [isize; 2] {
        let (x, y) = ((index % self.size) as isize, (index / self.size) as isize);
        match self.turns {
            0 => [x, y],
            1 => [-y, x],
            2 => [-x, -y],
            _ => [y, -x],
        }
    }

    fn source(&self, index: usize) -> usize {
        let [x, y] = self.turned(index);
        let column = mirrored(x + self.shift[0], self.size);
        mirrored(y + self.shift[1], self.size) * self.size + column
    }
}

/// A pixel of a good part that is as high as at least half of the part at hand; any, without depth.
fn place_of(part: &Canvas, foreground: &Foreground, rng: &mut Rng) -> usize {
    let high = 0.5 * foreground.height_mm;
    let mut drawn = || rng.below(part.height.len());
    let first = drawn();
    (0..ATTEMPTS)
        .map(|_| drawn())
        .find(|&i| part.height[i] >= high)
        .unwrap_or(first)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{block, relief};
    use super::*;

    fn spread(style: Style, sources: &Sources<'_>) -> f32 {
        let canvas = block(64);
        let foreground = Foreground::of(&canvas, Some(&relief()), None);
        let spec = TextureSpec { style, seed: 11 };
        let texture = Texture::new(&spec, 64, 32 * 64 + 32, &foreground, sources);
        let values: Vec<f32> = (0..64 * 64).map(|i| texture.at(i, 64)[0]).collect();
        assert!(values.iter().all(|value| value.is_finite()));
        let again = Texture::new(&spec, 64, 32 * 64 + 32, &foreground, sources);
        assert_eq!(texture.at(77, 64), again.at(77, 64));
        let (low, high) = values.iter().fold((f32::MAX, f32::MIN), |(low, high), &v| {
            (low.min(v), high.max(v))
        });
        high - low
    }

    #[test]
    fn every_pattern_varies() {
        let nothing = Sources {
            parts: &[],
            pictures: &[],
        };
        for style in [Style::Clouds, Style::Cells, Style::Stripes, Style::Brushed] {
            assert!(spread(style, &nothing) > 0.3, "{style:?}");
        }
        let parts = [block(64)];
        let sources = Sources {
            parts: &parts,
            ..nothing
        };
        assert!(spread(Style::Patch, &sources) > 10.0);
    }

    #[test]
    fn a_patch_shows_the_wanted_pixel_at_the_anchor() {
        let mut rng = Rng::new(2);
        for (at, to) in [(0, 0), (70, 4000), (4095, 17)] {
            assert_eq!(Framing::onto(at, to, 64, &mut rng).source(at), to);
        }
    }

    #[test]
    fn pictures_are_drawn_only_where_there_are_any() {
        let nothing = Sources {
            parts: &[],
            pictures: &[],
        };
        let mut rng = Rng::new(4);
        for _ in 0..100 {
            let style = TextureSpec::draw(&nothing, &mut rng).style;
            assert!(![Style::Picture, Style::Patch].contains(&style));
        }
        let pictures = [Picture::of(&image::RgbImage::new(9, 5), 64)];
        let sources = Sources {
            parts: &[],
            pictures: &pictures,
        };
        let drawn =
            (0..400).filter(|_| TextureSpec::draw(&sources, &mut rng).style == Style::Picture);
        assert!((200..280).contains(&drawn.count()));
    }
}
