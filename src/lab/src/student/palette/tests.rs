use twinspect_engine::tract::Model;

use super::*;

const SIZE: usize = 64;
const SPEC: RgbSpec = RgbSpec {
    mean: [123.675, 116.28, 103.53],
    std: [58.395, 57.12, 57.375],
};

/// A picture of two colours with a texture, by `light`, with a soft tint in the middle of `tint`.
fn picture(seed: u64, light: [f32; 3], tint: f32) -> Vec<f32> {
    let mut rng = Rng::new(seed);
    let texture: Vec<f32> = (0..SIZE * SIZE)
        .map(|_| 0.02 * rng.normal() as f32)
        .collect();
    let value = |i: usize| {
        let (colour, x, y) = (i / (SIZE * SIZE), i % SIZE, i / SIZE % SIZE);
        let base = if x < SIZE / 2 {
            [0.5, 0.4, 0.3]
        } else {
            [0.3, 0.35, 0.4]
        };
        let far = (x as f32 - 32.0).hypot(y as f32 - 32.0) / 8.0;
        let spot = tint * (-0.5 * far * far).exp() * [0.0, 0.0, 1.0][colour];
        let seen = 255.0 * light[colour] * (base[colour] + texture[i % (SIZE * SIZE)] + spot);
        (seen - SPEC.mean[colour]) / SPEC.std[colour]
    };
    (0..3 * SIZE * SIZE).map(value).collect()
}

fn learnt(plain: &[ColourSample], lit: &[ColourSample]) -> Palette {
    Palette::learn(plain, lit, &mut Rng::new(1), &AtomicBool::new(false)).unwrap()
}

fn palette() -> Palette {
    let region = vec![1.0; SIZE * SIZE / 16];
    let parts: Vec<_> = (0..12)
        .map(|seed| ColourSample::new(&picture(seed, [1.0; 3], 0.0), &region, &SPEC))
        .collect();
    learnt(&parts, &[])
}

fn largest(map: &[f32]) -> f32 {
    map.iter().copied().fold(0.0, f32::max)
}

#[test]
fn a_tint_without_an_edge_stands_out_where_it_is() {
    let map = palette().map(&picture(77, [1.0; 3], 0.1), &SPEC);
    let side = SIZE / 4;
    let peak = (0..map.len())
        .max_by(|&a, &b| map[a].total_cmp(&map[b]))
        .unwrap();
    let (x, y) = (peak % side, peak / side);
    assert!(
        x.abs_diff(side / 2) <= 2 && y.abs_diff(side / 2) <= 2,
        "{x} {y}"
    );
    let quiet = palette().map(&picture(77, [1.0; 3], 0.0), &SPEC);
    assert!(
        largest(&map) > 2.0 * largest(&quiet),
        "{} {}",
        largest(&map),
        largest(&quiet)
    );
}

#[test]
fn neither_strength_nor_colour_of_the_light_counts() {
    let palette = palette();
    let usual = palette.map(&picture(5, [1.0; 3], 0.0), &SPEC);
    let other = palette.map(&picture(5, [1.2, 1.1, 0.8], 0.0), &SPEC);
    for (a, b) in usual.iter().zip(&other) {
        assert!((a - b).abs() < 0.05 * a.max(1.0), "{a} {b}");
    }
}

/// Levels of a grey part with a highlight that a camera under this light clips and rounds.
fn grey_with_highlight(seed: u64, light: [f32; 3]) -> Vec<f32> {
    let mut rng = Rng::new(seed);
    let [x0, y0] = [rng.uniform_in(16.0, 48.0), rng.uniform_in(16.0, 48.0)];
    let texture: Vec<f32> = (0..SIZE * SIZE)
        .map(|_| 2.0 * rng.normal() as f32)
        .collect();
    let value = |i: usize| {
        let (colour, place) = (i / (SIZE * SIZE), i % (SIZE * SIZE));
        let far = ((place % SIZE) as f32 - x0).hypot((place / SIZE) as f32 - y0) / 6.0;
        let level = 120.0 + texture[place] + 130.0 * (-0.5 * far * far).exp();
        let seen = (level * light[colour]).round().min(255.0);
        (seen - SPEC.mean[colour]) / SPEC.std[colour]
    };
    (0..3 * SIZE * SIZE).map(value).collect()
}

/// Of grey parts with highlights, as they were taken and, if it is wanted, under other lights.
fn palette_of_grey(lights: bool) -> Palette {
    let region = vec![1.0; SIZE * SIZE / 16];
    let sample = |seed, light| ColourSample::new(&grey_with_highlight(seed, light), &region, &SPEC);
    let plain: Vec<_> = (0..24).map(|seed| sample(seed, [1.0; 3])).collect();
    let mut rng = Rng::new(4);
    let mut light = || [(); 3].map(|()| rng.uniform_in(-0.15, 0.15).exp());
    let count = if lights { 96 } else { 0 };
    let lit: Vec<_> = (0..count).map(|i| sample(i % 24, light())).collect();
    learnt(&plain, &lit)
}

#[test]
fn clipped_highlights_and_rounding_under_another_light_are_learnt() {
    let warm = grey_with_highlight(77, [1.1, 1.0, 0.9]);
    let [learnt, unlearnt] =
        [true, false].map(|lights| largest(&palette_of_grey(lights).map(&warm, &SPEC)));
    assert!(5.0 * learnt < unlearnt, "{learnt} {unlearnt}");
}

/// As much red less as the highlight loses to clipping under that light, where nothing is clipped.
#[test]
fn lights_hide_no_tint() {
    let palette = palette_of_grey(true);
    let usual = grey_with_highlight(77, [1.0; 3]);
    let tinted: Vec<f32> = (0..usual.len())
        .map(|i| {
            let (x, y) = (i % SIZE, i / SIZE % SIZE);
            let far = (x as f32 - 8.0).hypot(y as f32 - 56.0) / 5.0;
            let red = if i < SIZE * SIZE { 0.1 } else { 0.0 };
            let level = usual[i] * SPEC.std[i / (SIZE * SIZE)] + SPEC.mean[i / (SIZE * SIZE)];
            let level = level * (1.0 - red * (-0.5 * far * far).exp());
            (level - SPEC.mean[i / (SIZE * SIZE)]) / SPEC.std[i / (SIZE * SIZE)]
        })
        .collect();
    let warm = grey_with_highlight(77, [1.1, 1.0, 0.9]);
    let [tinted, warm] = [&tinted, &warm].map(|seen| largest(&palette.map(seen, &SPEC)));
    assert!(tinted > 2.0 * warm, "{tinted} {warm}");
}

#[test]
fn a_slope_has_no_direction() {
    let side = 16;
    let ramp = |at: fn(usize, usize) -> usize| {
        let plane: Vec<f32> = (0..side * side)
            .map(|i| 0.1 * at(i % side, i / side) as f32)
            .collect();
        [plane.clone(), plane.clone(), plane].concat()
    };
    let middle = 8 * side + 8;
    let slopes = |planes: &[f32]| -> Vec<f32> {
        let bank = bank(planes, &vec![0.0; side * side]);
        bank[LEVELS * side * side..]
            .iter()
            .skip(middle)
            .step_by(side * side)
            .take(LEVELS)
            .copied()
            .collect()
    };
    let across = slopes(&ramp(|x, _| x));
    let down = slopes(&ramp(|_, y| y));
    for (a, b) in across.iter().zip(&down) {
        assert!((a - b).abs() < 1e-5, "{a} {b}");
    }
    // Lightness alone slopes, by 0.1 a place.
    assert!(
        (across[0] - 0.1).abs() < 1e-3 && across[1] < 1e-3,
        "{across:?}"
    );
}

#[test]
fn a_palette_is_the_same_again_and_survives_as_values() {
    let learnt = palette();
    assert_eq!(learnt, palette());
    assert_eq!(Palette::from_values(learnt.values()), Some(learnt.clone()));
    let [prototypes, radii, gains] = learnt.values();
    assert_eq!(Palette::from_values([prototypes, radii, &gains[1..]]), None);
    assert_eq!(Palette::from_values([prototypes, &radii[1..], gains]), None);
}

#[test]
fn parts_that_show_nothing_leave_a_palette_of_nothing() {
    let nothing = ColourSample::new(
        &picture(1, [1.0; 3], 0.0),
        &vec![0.0; SIZE * SIZE / 16],
        &SPEC,
    );
    let map = learnt(&[nothing], &[]).map(&picture(2, [1.0; 3], 0.0), &SPEC);
    assert!(map.iter().all(|value| value.is_finite()));
}

/// What the exported palette says of a picture has to be what the trainer says.
fn assert_exported(palette: &Palette, seen: &[f32]) {
    let mut graph = Graph::new("palette", onnx::WeightFormat::F16);
    let shape = [1, 3, SIZE, SIZE];
    let input = graph.input("rgb", &shape).unwrap();
    let map = palette.emit(&mut graph, input, &SPEC).unwrap();
    graph.output("map", map).unwrap();
    let encoded = graph.encode().unwrap();
    let mut network = Model::with_inputs(&encoded, &[&shape]).unwrap();
    let mut found = vec![0.0; SIZE * SIZE / 16];
    network.run_all_into(&[seen], &mut [&mut found]).unwrap();
    for (index, (a, b)) in palette.map(seen, &SPEC).iter().zip(&found).enumerate() {
        assert!((a - b).abs() < 1e-3 * a.max(1.0), "{index}: {a} {b}");
    }
}

#[test]
fn the_exported_map_is_the_same() {
    assert_exported(&palette(), &picture(9, [0.9, 1.0, 1.1], 0.1));
    assert_exported(
        &palette_of_grey(true),
        &grey_with_highlight(9, [1.1, 1.0, 0.9]),
    );
}

/// Rounding of opponents that are nothing would be magnified to a map of its own.
#[test]
fn of_grey_pictures_too() {
    let grey = |seed| {
        let picture = picture(seed, [1.0; 3], 0.0);
        let level = |i: usize| picture[i % (SIZE * SIZE)] * SPEC.std[0] + SPEC.mean[0];
        let value = |i: usize| {
            let colour = i / (SIZE * SIZE);
            (level(i) - SPEC.mean[colour]) / SPEC.std[colour]
        };
        (0..3 * SIZE * SIZE).map(value).collect::<Vec<f32>>()
    };
    let region = vec![1.0; SIZE * SIZE / 16];
    let parts: Vec<_> = (0..12)
        .map(|seed| ColourSample::new(&grey(seed), &region, &SPEC))
        .collect();
    assert_exported(&learnt(&parts, &[]), &grey(9));
}
