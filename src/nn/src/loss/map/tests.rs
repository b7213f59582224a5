use super::*;
use crate::reference::{
    assert_close, assert_same_with_any_threads, finite_differences, gradient_of, random, wide,
};
use crate::rng::Rng;

const SHAPE: Shape = Shape::new(2, 5, 7, 1);
const TOLERANCE: f64 = 1e-5;

type Loss = fn(&mut Activation, &Tensor, Option<&Tensor>, f32) -> f32;

/// A map, labels of 0, 1 and something between, and weights with zeros.
fn case(shape: Shape, seed: u64) -> (Activation, Tensor, Tensor) {
    let mut rng = Rng::new(seed);
    let map = Activation::variable(random(shape, &mut rng));
    let mut tensor = |f: &dyn Fn(usize, f32) -> f32| {
        let values: Vec<f32> = (0..shape.len())
            .map(|i| f(i, rng.uniform() as f32))
            .collect();
        Tensor::from_nchw(shape, &values)
    };
    let label = tensor(&|i, u| [0.0, 1.0, 0.0, u][i % 4]);
    let weights = tensor(&|i, u| if i % 5 == 2 { 0.0 } else { u });
    (map, label, weights)
}

/// Value and gradient against an f64 reference of values, labels and weights, with and without weights.
fn check(what: &str, loss: Loss, reference: fn(&[f64], &[f64], &[f64]) -> f64) {
    let (mut map, label, weights) = case(SHAPE, 1);
    let (point, labels) = (wide(&map.value().to_nchw()), wide(&label.to_nchw()));
    for weights in [None, Some(&weights)] {
        let wide_weights = weights.map_or(vec![1.0; SHAPE.len()], |w| wide(&w.to_nchw()));
        let value_at = |x: &[f64]| 0.7 * reference(x, &labels, &wide_weights);
        let want = finite_differences(&point, value_at);
        map.value_mut();
        for times in [1.0, 2.0] {
            let value = loss(&mut map, &label, weights, 0.7);
            assert_close(
                &format!("{what}: value"),
                &[value],
                &[value_at(&point)],
                TOLERANCE,
            );
            let want: Vec<f64> = want.iter().map(|d| d * times).collect();
            assert_close(
                &format!("{what}: gradient"),
                &gradient_of(&map),
                &want,
                TOLERANCE,
            );
        }
        let gradient = gradient_of(&map);
        let ignored = (0..SHAPE.len()).filter(|&i| wide_weights[i] == 0.0);
        ignored.for_each(|i| assert_eq!(gradient[i], 0.0, "{what}: ignored pixel {i}"));
    }
    let nothing = Tensor::zeros(SHAPE);
    map.value_mut();
    loss(&mut map, &label, Some(&nothing), 1.0);
    assert!(
        gradient_of(&map).iter().all(|&d| d == 0.0),
        "{what}: no pixel counts"
    );
}

fn sum(count: usize, f: impl Fn(usize) -> f64) -> f64 {
    (0..count).map(f).sum()
}

#[test]
fn pixel_hinge_agrees_with_f64() {
    check("pixel hinge", pixel_hinge, |a, y, w| {
        let (good, bad) = (
            sum(a.len(), |i| w[i] * (1.0 - y[i])),
            sum(a.len(), |i| w[i] * y[i]),
        );
        sum(a.len(), |i| w[i] * (1.0 - y[i]) * a[i]) / good
            + sum(a.len(), |i| w[i] * y[i] * (0.5 - a[i]).max(0.0)) / bad
    });
}

#[test]
fn focal_agrees_with_f64() {
    check("focal", focal, |z, y, w| {
        let term = |i: usize| {
            let p = 1.0 / (1.0 + (-z[i]).exp());
            let bad = -0.75 * (1.0 - p).powi(2) * p.ln();
            let good = -0.25 * p.powi(2) * (1.0 - p).ln();
            w[i] * (y[i] * bad + (1.0 - y[i]) * good)
        };
        sum(z.len(), term) / w.iter().sum::<f64>()
    });
}

#[test]
fn dice_agrees_with_f64() {
    check("dice", dice, |z, y, w| {
        let p = |i: usize| 1.0 / (1.0 + (-z[i]).exp());
        let overlap = sum(z.len(), |i| w[i] * p(i) * y[i]);
        1.0 - (2.0 * overlap + 1.0) / (sum(z.len(), |i| w[i] * (p(i) + y[i])) + 1.0)
    });
}

#[test]
fn squared_error_agrees_with_f64() {
    check("squared error", squared_error, |a, t, w| {
        sum(a.len(), |i| w[i] * (a[i] - t[i]).powi(2)) / w.iter().sum::<f64>()
    });
}

fn single(values: [f32; 2], label: [f32; 2], loss: Loss) -> f32 {
    let shape = Shape::new(1, 1, 2, 1);
    let mut map = Activation::variable(Tensor::from_nchw(shape, &values));
    let value = loss(&mut map, &Tensor::from_nchw(shape, &label), None, 1.0);
    assert!(gradient_of(&map).iter().all(|d| d.is_finite()));
    value
}

#[test]
fn known_values() {
    let close = |got: f32, want: f32| {
        assert!(
            (got - want).abs() <= 1e-6 * want.abs().max(1.0),
            "{got} and {want}"
        )
    };
    // One good pixel at 0.25, one bad one at 0.1: 0.25 + 0.4. Two good ones: their mean. A bad one beyond the margin: 0.
    close(single([0.25, 0.1], [0.0, 1.0], pixel_hinge), 0.65);
    close(single([0.25, 0.1], [0.0, 0.0], pixel_hinge), 0.175);
    close(single([0.0, 0.9], [0.0, 1.0], pixel_hinge), 0.0);
    // At p = 1/2 both labels cost ln 2 / 4, times 3/4 and 1/4.
    close(single([0.0, 0.0], [1.0, 0.0], focal), 2f32.ln() / 8.0);
    // Certain and wrong: 0.75 * 200 for the first, nothing for the second, halved. Certain and right: nothing.
    close(single([-200.0, -200.0], [1.0, 0.0], focal), 75.0);
    close(single([200.0, -200.0], [1.0, 0.0], focal), 0.0);
    // Everything right: 0. Everything wrong: 1 - 1 / (1 + 1 + 1).
    close(single([200.0, -200.0], [1.0, 0.0], dice), 0.0);
    close(single([-200.0, 200.0], [1.0, 0.0], dice), 2.0 / 3.0);
    close(single([3.0, 1.0], [1.0, 0.0], squared_error), 2.5);
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    assert_same_with_any_threads("losses of maps", || {
        let (mut map, label, weights) = case(Shape::new(5, 61, 67, 1), 2);
        let losses: [Loss; 4] = [pixel_hinge, focal, dice, squared_error];
        let values = losses.map(|loss| loss(&mut map, &label, Some(&weights), 1.0));
        vec![values.to_vec(), gradient_of(&map)]
    });
}
