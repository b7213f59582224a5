//! What holds for perturbed parts as a whole, in both families.

use proptest::prelude::*;
use rayon::prelude::*;
use twinspect_core::prepare::{Canvas, DepthState, RgbState};
use twinspect_nn::Rng;

use super::distractor::Distractors;
use super::foreground::Foreground;
use super::label::{COLOUR_STEP, HEIGHT_SIGMAS};
use super::noise::{Noise, NoiseSpec};
use super::shape::{Form, ShapeSpec};
use super::*;

const NOISE_MM: f32 = 0.1;

/// A block of 10 mm on the middle half of a belt, with the sensor's noise and a few dead pixels.
pub(super) fn block(size: usize) -> Canvas {
    let mut rng = Rng::new(size as u64);
    let mut canvas = Canvas::new(size);
    let pixels = size * size;
    let inside = |i: usize| {
        let middle = size / 4..3 * size / 4;
        middle.contains(&(i % size)) && middle.contains(&(i / size))
    };
    for i in 0..pixels {
        canvas.height[i] = NOISE_MM * rng.normal() as f32 + if inside(i) { 10.0 } else { 0.0 };
        for (channel, level) in [150.0, 130.0, 110.0].into_iter().enumerate() {
            let level = if inside(i) { level } else { 50.0 };
            canvas.rgb[channel * pixels + i] = level + 2.0 * rng.normal() as f32;
        }
        canvas.valid[i] = f32::from(u8::from(i % 97 != 5));
    }
    canvas.rgb_state = RgbState::Usable;
    canvas.depth_state = DepthState::Usable;
    canvas.pitch_mm = (0.5, 0.5);
    canvas.fill_holes();
    canvas
}

pub(super) fn relief() -> Relief {
    Relief {
        noise_mm: NOISE_MM,
        foreground_mm: 1.0,
        outline_px: 0.3,
        surface_px: 0.6,
    }
}

const NOTHING: Sources<'_> = Sources {
    parts: &[],
    pictures: &[],
};

fn generator(family: Family) -> Generator<'static> {
    Generator {
        family,
        relief: Some(relief()),
        ground: None,
        sources: NOTHING,
    }
}

/// Of a seed, with the kind given and without distractors.
fn plain(seed: u64, kind: Kind, family: Family) -> Perturbation {
    Perturbation {
        kind,
        distractors: Distractors::default(),
        ..Perturbation::draw(seed, &generator(family))
    }
}

fn family() -> impl Strategy<Value = Family> {
    prop_oneof![Just(Family::Perlin), Just(Family::HeldOut)]
}

proptest! {
    #[test]
    fn nothing_changes_off_the_part_and_no_measurement_appears(seed: u64, family in family()) {
        let part = block(96);
        let made = plain(seed, Kind::Both, family).apply(&part, &generator(family));
        let foreground = Foreground::of(&part, Some(&relief()), None);
        for i in (0..96 * 96).filter(|&i| foreground.part[i] == 0.0) {
            prop_assert_eq!(made.canvas.height[i], part.height[i]);
            for channel in 0..3 {
                let at = channel * 96 * 96 + i;
                prop_assert_eq!(made.canvas.rgb[at], part.rgb[at]);
            }
            prop_assert!(!made.labels.any[i]);
        }
        prop_assert_eq!(&made.canvas.valid, &part.valid);
        prop_assert_eq!(made.canvas.valid_share, part.valid_share);
        let fine = made.canvas.height.iter().chain(&made.canvas.rgb).all(|v| v.is_finite());
        prop_assert!(fine);
    }

    #[test]
    fn one_modality_alone_leaves_the_other_bit_for_bit(seed: u64, family in family()) {
        let part = block(64);
        let made = |kind| plain(seed, kind, family).apply(&part, &generator(family));
        prop_assert_eq!(&made(Kind::Rgb).canvas.height, &part.height);
        prop_assert_eq!(&made(Kind::Geometry).canvas.rgb, &part.rgb);
        prop_assert_eq!(&made(Kind::None).canvas, &part);
        let (both, rgb, geometry) = (made(Kind::Both), made(Kind::Rgb), made(Kind::Geometry));
        prop_assert_eq!(&both.canvas.rgb, &rgb.canvas.rgb, "one place for both");
        prop_assert_eq!(&both.canvas.height, &geometry.canvas.height);
    }

    /// Fresh noise, where material is missing, comes after the labels; so it is left out here.
    #[test]
    fn labels_follow_the_thresholds(seed: u64, family in family()) {
        let part = block(64);
        let made = plain(seed, Kind::Both, family).apply(&part, &generator(family));
        prop_assume!(made.labels.is_defective() && made.facts.shape != Some("missing material"));
        for i in 0..64 * 64 {
            let at = |c: usize| c * 64 * 64 + i;
            let step = |c: usize| (made.canvas.rgb[at(c)] - part.rgb[at(c)]).abs();
            let seen = step(0).max(step(1)).max(step(2)) > COLOUR_STEP;
            let moved = (made.canvas.height[i] - part.height[i]).abs();
            let felt = part.valid[i] > 0.0 && moved > HEIGHT_SIGMAS * NOISE_MM;
            prop_assert_eq!((made.labels.rgb[i], made.labels.geometry[i]), (seen, felt));
            prop_assert_eq!(made.labels.any[i], seen || felt);
        }
    }

    #[test]
    fn shapes_move_by_three_to_thirty_deviations_of_the_sensor(seed: u64, family in family()) {
        let part = block(96);
        let made = plain(seed, Kind::Geometry, family).apply(&part, &generator(family));
        let amplitude = made.facts.amplitude_mm / NOISE_MM;
        match made.facts.shape {
            None => prop_assert_eq!(amplitude, 0.0),
            Some(_) => prop_assert!((2.999..=30.001).contains(&amplitude), "{amplitude}"),
        }
    }

    #[test]
    fn a_surface_moves_by_the_amplitude_along_its_normal(seed: u64) {
        let part = block(96);
        let foreground = Foreground::of(&part, Some(&relief()), None);
        let mut rng = Rng::new(seed);
        let noise = Noise::new(&NoiseSpec::draw(&mut rng), 96).field();
        let mask = Mask::cut(&noise, 96, &foreground, 0.05, Some(1)).unwrap();
        for form in [Form::Bump, Form::Dent, Form::Rough] {
            let shape = ShapeSpec { form, ..ShapeSpec::draw(&mut rng) };
            let mut made = part.clone();
            let displaced = shape.apply(&mut made, &foreground, &mask, &relief()).unwrap();
            let along = |i: usize| (made.height[i] - part.height[i]) * foreground.lean[i];
            let furthest = (0..96 * 96).map(|i| along(i).abs()).fold(0.0, f32::max);
            prop_assert!((furthest - displaced.amplitude_mm).abs() < 1e-3, "{form:?} {furthest}");
            let outwards: f32 = (0..96 * 96).map(along).sum();
            match form {
                Form::Bump => prop_assert!(outwards > 0.0),
                Form::Dent => prop_assert!(outwards < 0.0),
                _ => {}
            }
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_bits(seed: u64, family in family()) {
        let (part, generator) = (block(64), generator(family));
        let made = || Perturbation::draw(seed, &generator).apply(&part, &generator);
        prop_assert_eq!(made(), made());
    }

    #[test]
    fn distractors_are_never_labelled_and_take_no_measurement_back(seed: u64) {
        let (part, generator) = (block(64), generator(Family::Perlin));
        let drawn = Perturbation { kind: Kind::None, ..Perturbation::draw(seed, &generator) };
        let made = drawn.apply(&part, &generator);
        prop_assert!(!made.labels.is_defective());
        for (had, has) in part.valid.iter().zip(&made.canvas.valid) {
            prop_assert!(has <= had);
        }
        let levels = made.canvas.rgb.iter().all(|level| (0.0..=255.0).contains(level));
        prop_assert!(levels);
        // A tenth and a twenty-fifth of brightness, a twentieth of shadow, half a degree, noise.
        let brighter: f32 = made.canvas.rgb.iter().sum::<f32>() / part.rgb.iter().sum::<f32>();
        prop_assert!((0.8..1.25).contains(&brighter), "{brighter}");
    }
}

#[test]
fn what_is_missing_is_flat_and_carries_the_sensors_noise() {
    let part = block(96);
    let generator = generator(Family::Perlin);
    let foreground = Foreground::of(&part, Some(&relief()), None);
    let (mut squares, mut count) = (0.0_f64, 0);
    for seed in 0..12 {
        let mut rng = Rng::new(seed);
        let noise = Noise::new(&NoiseSpec::of([2, 2], 1, &mut rng), 96).field();
        let mask = Mask::cut(&noise, 96, &foreground, 0.2, Some(1)).unwrap();
        let shape = ShapeSpec {
            form: Form::Missing,
            height_share: 0.1,
            ..ShapeSpec::draw(&mut rng)
        };
        let mut made = part.clone();
        let displaced = shape.apply(&mut made, &foreground, &mask, &relief());
        displaced.unwrap().renew_noise(&mut made, &mut rng);
        // Neighbours differ by the noise alone, wherever all is missing.
        let flat = |i: usize| mask.rise[i] > 0.5 && mask.rise[i + 1] > 0.5;
        for i in (0..96 * 96 - 1).filter(|&i| flat(i) && made.valid[i] * made.valid[i + 1] > 0.0) {
            squares += f64::from(made.height[i] - made.height[i + 1]).powi(2);
            count += 1;
        }
    }
    let deviation = (squares / f64::from(2 * count)).sqrt() as f32;
    let sensor = generator.relief.unwrap().noise_mm;
    assert!(
        (deviation / sensor - 1.0).abs() < 0.15,
        "{deviation} over {count} pairs"
    );
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let (part, generator) = (block(64), generator(Family::Perlin));
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        pool.build().unwrap().install(|| {
            let seeds = (0..24_u64).into_par_iter();
            let made =
                seeds.map(|seed| Perturbation::draw(seed, &generator).apply(&part, &generator));
            made.collect::<Vec<_>>()
        })
    };
    assert_eq!(on(1), on(4));
}

#[test]
fn the_families_differ() {
    let part = block(64);
    let names = |family| {
        (0..60)
            .map(|seed| plain(seed, Kind::Both, family).apply(&part, &generator(family)))
            .flat_map(|made| [made.facts.colour, made.facts.shape])
            .flatten()
            .collect::<std::collections::BTreeSet<_>>()
    };
    let (perlin, held_out) = (names(Family::Perlin), names(Family::HeldOut));
    assert!(
        perlin.len() >= 9 && held_out.len() == 6,
        "{perlin:?} {held_out:?}"
    );
    assert!(perlin.is_disjoint(&held_out));
}

#[test]
fn kinds_come_as_often_as_stated() {
    let generator = generator(Family::Perlin);
    let drawn: Vec<Kind> = (0..4000)
        .map(|seed| Perturbation::draw(seed, &generator).kind)
        .collect();
    for (kind, share) in KINDS.into_iter().chain([(Kind::None, 0.25)]) {
        let found = drawn.iter().filter(|&&drawn| drawn == kind).count() as f64 / 4000.0;
        assert!((found - share).abs() < 0.03, "{kind:?}: {found}");
    }
}

#[test]
fn a_missing_modality_leaves_defects_to_the_other() {
    let only = |change: fn(&mut Canvas), seed| {
        let mut part = block(64);
        change(&mut part);
        let drawn = plain(seed, Kind::Both, Family::Perlin);
        (drawn.apply(&part, &generator(Family::Perlin)), part)
    };
    let (made, part) = only(|part| part.depth_state = DepthState::Absent, 3);
    assert_eq!(
        (made.facts.kind, &made.canvas.height),
        (Kind::Rgb, &part.height)
    );
    assert!(made.labels.is_defective());
    let (made, part) = only(|part| part.rgb_state = RgbState::Absent, 3);
    assert_eq!(
        (made.facts.kind, &made.canvas.rgb),
        (Kind::Geometry, &part.rgb)
    );
    assert!(made.labels.is_defective());
    let (made, part) = only(|part| part.height.fill(0.0), 3);
    assert_eq!((made.canvas, made.facts.shape), (part, None));
}

#[test]
fn defects_grow_with_the_picture() {
    let covered = |size: usize| {
        let part = block(size);
        let seeds = 0..30;
        let areas = seeds.map(|seed| {
            let drawn = plain(seed, Kind::Rgb, Family::Perlin);
            drawn.apply(&part, &generator(Family::Perlin)).facts.share
        });
        areas.sum::<f32>()
    };
    let (small, large) = (covered(64), covered(160));
    assert!((small / large - 1.0).abs() < 0.05, "{small} {large}");
}
