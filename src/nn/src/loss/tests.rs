use super::*;
use crate::activation::Activation;
use crate::reference::{
    assert_close, assert_same_with_any_threads, finite_differences, gradient_of, random,
    random_values, seed_gradient, wide,
};
use crate::rng::Rng;

const SHAPE: Shape = Shape::new(2, 3, 4, 19);
const SCALE: f32 = 0.7;
/// Losses divide by norms: a little more rounding than in a plain sum.
const LOSS_TOLERANCE: f64 = 1e-5;

/// NCHW index to the pixel it belongs to.
fn pixel_of(i: usize) -> usize {
    let area = SHAPE.h * SHAPE.w;
    i / (SHAPE.c * area) * area + i % area
}

/// The feature vectors of all pixels, from NCHW values.
fn vectors(values: &[f64]) -> Vec<Vec<f64>> {
    let mut vectors = vec![Vec::new(); SHAPE.pixels()];
    values
        .iter()
        .enumerate()
        .for_each(|(i, &v)| vectors[pixel_of(i)].push(v));
    vectors
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn cosine_distance(a: &[f64], b: &[f64]) -> f64 {
    1.0 - dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

fn weighted_mean(weights: &[f64], values: impl Fn(usize) -> f64) -> f64 {
    let total: f64 = weights.iter().sum();
    weights
        .iter()
        .enumerate()
        .map(|(p, w)| w / total * values(p))
        .sum()
}

/// No weights (all ones in f64), and random ones with a zero.
fn weight_maps(rng: &mut Rng) -> [(Option<Tensor>, Vec<f64>); 2] {
    let mut values: Vec<f32> = (0..SHAPE.pixels()).map(|_| rng.uniform() as f32).collect();
    values[5] = 0.0;
    let map = Tensor::from_nchw(SHAPE.with_channels(1), &values);
    [
        (None, vec![1.0; SHAPE.pixels()]),
        (Some(map), wide(&values)),
    ]
}

#[test]
fn flat_cosine_agrees_with_f64() {
    let mut rng = Rng::new(1);
    for (map, weights) in weight_maps(&mut rng) {
        let (mut student, target) = (
            Activation::variable(random(SHAPE, &mut rng)),
            random(SHAPE, &mut rng),
        );
        let (s, t) = (wide(&student.value().to_nchw()), wide(&target.to_nchw()));
        let reference = |s: &[f64]| {
            let area = SHAPE.h * SHAPE.w;
            let (s, t) = (vectors(s), vectors(&t));
            let sample = |n: usize, a: &[Vec<f64>], b: &[Vec<f64>]| {
                (n * area..(n + 1) * area)
                    .map(|p| weights[p] * dot(&a[p], &b[p]))
                    .sum::<f64>()
            };
            let distance =
                |n: usize| 1.0 - sample(n, &s, &t) / (sample(n, &s, &s) * sample(n, &t, &t)).sqrt();
            f64::from(SCALE) * (0..SHAPE.n).map(distance).sum::<f64>() / SHAPE.n as f64
        };
        let value = flat_cosine(&mut student, &target, map.as_ref(), SCALE);
        assert_close("value", &[value], &[reference(&s)], LOSS_TOLERANCE);
        assert_close(
            "gradient",
            &gradient_of(&student),
            &finite_differences(&s, reference),
            LOSS_TOLERANCE,
        );
    }
}

#[test]
fn pixel_distance_agrees_with_f64() {
    let mut rng = Rng::new(2);
    for (map, weights) in weight_maps(&mut rng) {
        let (mut student, target) = (
            Activation::variable(random(SHAPE, &mut rng)),
            random(SHAPE, &mut rng),
        );
        let (s, t) = (wide(&student.value().to_nchw()), wide(&target.to_nchw()));
        let reference = |s: &[f64]| {
            let (s, t) = (vectors(s), vectors(&t));
            f64::from(SCALE) * weighted_mean(&weights, |p| cosine_distance(&s[p], &t[p]))
        };
        let value = pixel_distance(&mut student, &target, map.as_ref(), SCALE);
        assert_close("value", &[value], &[reference(&s)], LOSS_TOLERANCE);
        assert_close(
            "gradient",
            &gradient_of(&student),
            &finite_differences(&s, reference),
            LOSS_TOLERANCE,
        );
        let mut distances = Tensor::default();
        distance_map(student.value(), &target, &mut distances);
        assert!(distances.padding_is_zero());
        let (s, t) = (vectors(&s), vectors(&t));
        let want: Vec<f64> = s
            .iter()
            .zip(&t)
            .map(|(s, t)| cosine_distance(s, t))
            .collect();
        assert_close("map", &distances.to_nchw(), &want, LOSS_TOLERANCE);
    }
}

#[test]
fn weighted_distance_agrees_with_f64() {
    let mut rng = Rng::new(8);
    let [_, (map, weights)] = weight_maps(&mut rng);
    let (mut student, target) = (
        Activation::variable(random(SHAPE, &mut rng)),
        random(SHAPE, &mut rng),
    );
    let (s, t) = (
        wide(&student.value().to_nchw()),
        vectors(&wide(&target.to_nchw())),
    );
    let reference = |s: &[f64]| {
        let term = |(p, s): (usize, &Vec<f64>)| weights[p] * cosine_distance(s, &t[p]);
        let terms = vectors(s);
        f64::from(SCALE) * terms.iter().enumerate().map(term).sum::<f64>() / SHAPE.pixels() as f64
    };
    let value = weighted_distance(&mut student, &target, &map.unwrap(), SCALE);
    assert_close(
        "weighted distance: value",
        &[value],
        &[reference(&s)],
        LOSS_TOLERANCE,
    );
    assert_close(
        "weighted distance: gradient",
        &gradient_of(&student),
        &finite_differences(&s, reference),
        LOSS_TOLERANCE,
    );
}

#[test]
fn a_map_of_distances_leads_gradients_back() {
    let mut rng = Rng::new(9);
    let (mut student, target) = (
        Activation::variable(random(SHAPE, &mut rng)),
        random(SHAPE, &mut rng),
    );
    let (mut map, mut want_map) = (Activation::new(), Tensor::default());
    feature_distance(&student, &target, &mut map);
    distance_map(student.value(), &target, &mut want_map);
    assert_eq!(map.value().to_nchw(), want_map.to_nchw());
    let by_map = random(map.shape(), &mut rng);
    let (s, t) = (
        wide(&student.value().to_nchw()),
        vectors(&wide(&target.to_nchw())),
    );
    let factors = wide(&by_map.to_nchw());
    let want = finite_differences(&s, |s| {
        let term = |(p, s): (usize, &Vec<f64>)| factors[p] * cosine_distance(s, &t[p]);
        vectors(s).iter().enumerate().map(term).sum()
    });
    for times in [1.0, 2.0] {
        seed_gradient(&mut map, &by_map);
        feature_distance_backward(&mut student, &target, &mut map);
        let want: Vec<f64> = want.iter().map(|d| d * times).collect();
        assert_close(
            "feature distance: gradient",
            &gradient_of(&student),
            &want,
            LOSS_TOLERANCE,
        );
    }
}

#[test]
fn distances_do_not_depend_on_the_number_of_threads() {
    assert_same_with_any_threads("distances", || {
        let (shape, mut rng) = (Shape::new(5, 31, 33, 16), Rng::new(10));
        let mut student = Activation::variable(random(shape, &mut rng));
        let target = random(shape, &mut rng);
        let weights = random(shape.with_channels(1), &mut rng);
        let mut map = Activation::new();
        feature_distance(&student, &target, &mut map);
        seed_gradient(&mut map, &weights);
        feature_distance_backward(&mut student, &target, &mut map);
        let value = weighted_distance(&mut student, &target, &weights, SCALE);
        vec![vec![value], gradient_of(&student)]
    });
}

#[test]
fn spread_distance_agrees_with_f64() {
    let mut rng = Rng::new(3);
    for (map, weights) in weight_maps(&mut rng) {
        let (mut student, target) = (
            Activation::variable(random(SHAPE, &mut rng)),
            random(SHAPE, &mut rng),
        );
        let mut spread_values = random_values(SHAPE.pixels(), &mut rng);
        (spread_values[2], spread_values[7]) = (8.5, -9.0);
        let spread_tensor = Tensor::from_nchw(SHAPE.with_channels(1), &spread_values);
        let mut spread = Activation::variable(spread_tensor);
        let (s, t, v) = (
            wide(&student.value().to_nchw()),
            wide(&target.to_nchw()),
            wide(&spread_values),
        );
        let reference = |s: &[f64], v: &[f64]| {
            let (s, t) = (vectors(s), vectors(&t));
            let term = |p: usize| {
                let v = v[p].clamp(-8.0, 8.0);
                cosine_distance(&s[p], &t[p]) * (-v).exp() + v
            };
            f64::from(SCALE) * weighted_mean(&weights, term)
        };
        let value = spread_distance(&mut student, &mut spread, &target, map.as_ref(), SCALE);
        assert_close("value", &[value], &[reference(&s, &v)], LOSS_TOLERANCE);
        let want = finite_differences(&s, |s| reference(s, &v));
        assert_close(
            "gradient of features",
            &gradient_of(&student),
            &want,
            LOSS_TOLERANCE,
        );
        let want = finite_differences(&v, |v| reference(&s, v));
        assert_close(
            "gradient of log-spread",
            &gradient_of(&spread),
            &want,
            LOSS_TOLERANCE,
        );
        assert_eq!([gradient_of(&spread)[2], gradient_of(&spread)[7]], [0.0; 2]);
    }
}

#[test]
fn laplace_agrees_with_f64() {
    let mut rng = Rng::new(4);
    for (map, weights) in weight_maps(&mut rng) {
        let (mut mean, observed) = (
            Activation::variable(random(SHAPE, &mut rng)),
            random(SHAPE, &mut rng),
        );
        let mut spread_values = random_values(SHAPE.len(), &mut rng);
        (spread_values[3], spread_values[8]) = (4.5, -5.0);
        let mut spread = Activation::variable(Tensor::from_nchw(SHAPE, &spread_values));
        let (m, x, v) = (
            wide(&mean.value().to_nchw()),
            wide(&observed.to_nchw()),
            wide(&spread_values),
        );
        let reference = |m: &[f64], v: &[f64]| {
            let mut sums = vec![0.0; SHAPE.pixels()];
            for i in 0..SHAPE.len() {
                let v = v[i].clamp(-4.0, 4.0);
                sums[pixel_of(i)] += ((x[i] - m[i]).abs() * (-v).exp() + v) / SHAPE.c as f64;
            }
            f64::from(SCALE) * weighted_mean(&weights, |p| sums[p])
        };
        let value = laplace(&mut mean, &mut spread, &observed, map.as_ref(), SCALE);
        assert_close("value", &[value], &[reference(&m, &v)], LOSS_TOLERANCE);
        let want = finite_differences(&m, |m| reference(m, &v));
        assert_close(
            "gradient of mean",
            &gradient_of(&mean),
            &want,
            LOSS_TOLERANCE,
        );
        let want = finite_differences(&v, |v| reference(&m, v));
        assert_close(
            "gradient of log-spread",
            &gradient_of(&spread),
            &want,
            LOSS_TOLERANCE,
        );
        assert_eq!([gradient_of(&spread)[3], gradient_of(&spread)[8]], [0.0; 2]);
    }
}

#[test]
fn small_distances_do_not_cancel() {
    let mut rng = Rng::new(5);
    let a = random(SHAPE, &mut rng);
    let near: Vec<f32> = a
        .to_nchw()
        .iter()
        .map(|v| v + 1e-4 * rng.normal() as f32)
        .collect();
    let b = Tensor::from_nchw(SHAPE, &near);
    let mut map = Tensor::default();
    distance_map(&a, &b, &mut map);
    let (a, b) = (vectors(&wide(&a.to_nchw())), vectors(&wide(&near)));
    let want: Vec<f64> = a
        .iter()
        .zip(&b)
        .map(|(a, b)| cosine_distance(a, b))
        .collect();
    assert!(
        want.iter().all(|&d| d < 1e-7),
        "smaller than 1 - cos could resolve in f32"
    );
    assert_close("map", &map.to_nchw(), &want, 1e-2);
}

#[test]
fn losses_add_to_gradients_and_survive_zeros() {
    let mut rng = Rng::new(6);
    let target = random(SHAPE, &mut rng);
    let no_weight = Tensor::zeros(SHAPE.with_channels(1));
    let mut student = Activation::variable(random(SHAPE, &mut rng));
    flat_cosine(&mut student, &target, None, 1.0);
    let once = gradient_of(&student);
    flat_cosine(&mut student, &target, None, 1.0);
    assert!(
        gradient_of(&student)
            .iter()
            .zip(&once)
            .all(|(twice, once)| (twice - 2.0 * once).abs() <= 1e-7)
    );
    let before = gradient_of(&student);
    assert_eq!(
        pixel_distance(&mut student, &target, Some(&no_weight), 1.0),
        0.0
    );
    assert_eq!(gradient_of(&student), before);

    let mut silent = Activation::variable(Tensor::zeros(SHAPE));
    assert_eq!(flat_cosine(&mut silent, &target, None, 1.0), 1.0);
    assert!(pixel_distance(&mut silent, &target, None, 1.0).is_finite());
    assert!(gradient_of(&silent).iter().all(|g| g.is_finite()));
}

#[test]
fn vectors_as_short_as_the_epsilon_get_the_gradient_of_their_value() {
    let mut rng = Rng::new(7);
    let short: Vec<f32> = random_values(SHAPE.len(), &mut rng)
        .iter()
        .map(|v| 2e-7 * v)
        .collect();
    let mut student = Activation::variable(Tensor::from_nchw(SHAPE, &short));
    let target = random(SHAPE, &mut rng);
    let t = vectors(&wide(&target.to_nchw()));
    let unit = |v: &[f64]| {
        let norm = (dot(v, v) + 1e-12).sqrt();
        v.iter().map(|v| v / norm).collect::<Vec<_>>()
    };
    // In units of 1e-6, so that finite differences have a step to take.
    let reference = |s: &[f64]| {
        let s: Vec<f64> = s.iter().map(|s| 1e-6 * s).collect();
        let distance = |(s, t): (&Vec<f64>, &Vec<f64>)| {
            0.5 * unit(s)
                .iter()
                .zip(unit(t))
                .map(|(s, t)| (s - t).powi(2))
                .sum::<f64>()
        };
        vectors(&s).iter().zip(&t).map(distance).sum::<f64>() / SHAPE.pixels() as f64
    };
    let point: Vec<f64> = wide(&short).iter().map(|s| 1e6 * s).collect();
    let value = pixel_distance(&mut student, &target, None, 1.0);
    assert_close("value", &[value], &[reference(&point)], LOSS_TOLERANCE);
    let got: Vec<f32> = gradient_of(&student).iter().map(|g| 1e-6 * g).collect();
    assert_close(
        "gradient",
        &got,
        &finite_differences(&point, reference),
        LOSS_TOLERANCE,
    );
}

#[test]
fn spread_distance_hinge_agrees_with_f64() {
    const MARGIN: f32 = 1.2;
    let mut rng = Rng::new(13);
    for (map, weights) in weight_maps(&mut rng) {
        let (mut student, observed) = (
            Activation::variable(random(SHAPE, &mut rng)),
            random(SHAPE, &mut rng),
        );
        let mut spread_values = random_values(SHAPE.pixels(), &mut rng);
        (spread_values[2], spread_values[7]) = (8.5, -9.0);
        let spread_tensor = Tensor::from_nchw(SHAPE.with_channels(1), &spread_values);
        let mut spread = Activation::variable(spread_tensor);
        let (s, t, v) = (
            wide(&student.value().to_nchw()),
            wide(&observed.to_nchw()),
            wide(&spread_values),
        );
        let evidence = |s: &[f64], v: &[f64], p: usize| {
            let (s, t) = (vectors(s), vectors(&t));
            cosine_distance(&s[p], &t[p]) * (-v[p].clamp(-8.0, 8.0)).exp()
        };
        let reference = |s: &[f64], v: &[f64]| {
            let term = |p: usize| (f64::from(MARGIN) - evidence(s, v, p)).max(0.0);
            f64::from(SCALE) * weighted_mean(&weights, term)
        };
        let beyond = (0..SHAPE.pixels()).filter(|&p| evidence(&s, &v, p) > f64::from(MARGIN));
        assert!(
            (1..SHAPE.pixels()).contains(&beyond.count()),
            "pixels on both sides"
        );
        let value = spread_distance_hinge(
            &mut student,
            &mut spread,
            &observed,
            map.as_ref(),
            MARGIN,
            SCALE,
        );
        assert_close("value", &[value], &[reference(&s, &v)], LOSS_TOLERANCE);
        let want = finite_differences(&s, |s| reference(s, &v));
        assert_close(
            "gradient of features",
            &gradient_of(&student),
            &want,
            LOSS_TOLERANCE,
        );
        let want = finite_differences(&v, |v| reference(&s, v));
        assert_close(
            "gradient of log-spread",
            &gradient_of(&spread),
            &want,
            LOSS_TOLERANCE,
        );
    }
}

#[test]
fn laplace_hinge_agrees_with_f64() {
    const MARGIN: f32 = 1.6;
    let mut rng = Rng::new(14);
    for (map, weights) in weight_maps(&mut rng) {
        let (mut mean, observed) = (
            Activation::variable(random(SHAPE, &mut rng)),
            random(SHAPE, &mut rng),
        );
        let mut spread_values: Vec<f32> = random_values(SHAPE.len(), &mut rng);
        spread_values.iter_mut().for_each(|v| *v *= 0.5);
        (spread_values[3], spread_values[8]) = (4.5, -5.0);
        let mut spread = Activation::variable(Tensor::from_nchw(SHAPE, &spread_values));
        let (m, x, v) = (
            wide(&mean.value().to_nchw()),
            wide(&observed.to_nchw()),
            wide(&spread_values),
        );
        let evidence = |m: &[f64], v: &[f64]| {
            let mut sums = vec![0.0; SHAPE.pixels()];
            for i in 0..SHAPE.len() {
                let gain = (-v[i].clamp(-4.0, 4.0)).exp();
                sums[pixel_of(i)] += (x[i] - m[i]).abs() * gain / SHAPE.c as f64;
            }
            sums
        };
        let reference = |m: &[f64], v: &[f64]| {
            let evidence = evidence(m, v);
            let term = |p: usize| (f64::from(MARGIN) - evidence[p]).max(0.0);
            f64::from(SCALE) * weighted_mean(&weights, term)
        };
        let beyond = evidence(&m, &v)
            .into_iter()
            .filter(|e| *e > f64::from(MARGIN));
        assert!(
            (1..SHAPE.pixels()).contains(&beyond.count()),
            "pixels on both sides"
        );
        let value = laplace_hinge(
            &mut mean,
            &mut spread,
            &observed,
            map.as_ref(),
            MARGIN,
            SCALE,
        );
        assert_close("value", &[value], &[reference(&m, &v)], LOSS_TOLERANCE);
        let want = finite_differences(&m, |m| reference(m, &v));
        assert_close(
            "gradient of mean",
            &gradient_of(&mean),
            &want,
            LOSS_TOLERANCE,
        );
        let want = finite_differences(&v, |v| reference(&m, v));
        assert_close(
            "gradient of log-spread",
            &gradient_of(&spread),
            &want,
            LOSS_TOLERANCE,
        );
    }
}
