//! Operators that are no products.

use proptest::prelude::*;
use twinspect_onnx::{Graph, GraphError, Pads, Tensor};

use crate::reference::{Map, check, noise, noise_map};

const SHARE: f64 = 1e-6;

#[track_caller]
fn check_values(
    name: &str,
    of: impl Fn(f64) -> f64,
    build: impl FnOnce(&mut Graph, Tensor) -> Result<Tensor, GraphError>,
) {
    let x = noise_map([3, 5, 7], 1).map(|value| 4.0 * value);
    check(&x, &x.map(of), SHARE, name, build);
}

#[test]
fn operators_of_one_operand() {
    check_values("relu", |x| x.max(0.0), |graph, x| graph.relu("y", x));
    check_values(
        "clip",
        |x| x.clamp(-1.0, 2.0),
        |graph, x| graph.clip("y", x, -1.0, 2.0),
    );
    check_values("neg", |x| -x, |graph, x| graph.neg("y", x));
    check_values("abs", f64::abs, |graph, x| graph.abs("y", x));
    check_values("exp", f64::exp, |graph, x| graph.exp("y", x));
    check_values(
        "sigmoid",
        |x| 1.0 / (1.0 + (-x).exp()),
        |graph, x| graph.sigmoid("y", x),
    );
    check_values("scale", |x| -2.5 * x, |graph, x| graph.scale("y", x, -2.5));
    check_values(
        "offset",
        |x| x + 0.75,
        |graph, x| graph.offset("y", x, 0.75),
    );
    check_values(
        "root",
        |x| x.abs().sqrt(),
        |graph, x| {
            let y = graph.abs("positive", x)?;
            graph.sqrt("y", y)
        },
    );
}

/// Each with a number to the left and to the right.
#[test]
fn operators_with_a_number() {
    type Build = fn(&mut Graph, Tensor, Tensor) -> Result<Tensor, GraphError>;
    type Operator = (&'static str, Build, fn(f64, f64) -> f64);
    let operators: [Operator; 6] = [
        ("add", |g, a, b| g.add("y", a, b), |a, b| a + b),
        ("sub", |g, a, b| g.sub("y", a, b), |a, b| a - b),
        ("mul", |g, a, b| g.mul("y", a, b), |a, b| a * b),
        ("div", |g, a, b| g.div("y", a, b), |a, b| a / b),
        ("max", |g, a, b| g.max("y", a, b), f64::max),
        ("min", |g, a, b| g.min("y", a, b), f64::min),
    ];
    for (name, build, of) in operators {
        check_values(
            name,
            |x| of(x, 1.5),
            |graph, x| {
                let number = graph.constant("number", &[], &[1.5])?;
                build(graph, x, number)
            },
        );
        check_values(
            name,
            |x| of(1.5, x),
            |graph, x| {
                let number = graph.constant("number", &[], &[1.5])?;
                build(graph, number, x)
            },
        );
    }
}

/// Maps of the same extents, one value for each pixel, one for each channel, constants for each channel; both orders.
#[test]
fn operators_of_two_maps() {
    let x = noise_map([6, 4, 5], 2).map(|value| value + 3.0);
    let factors = noise(6, 3);
    let sum = |row: isize, column: isize| (0..6).map(|c| x.at(c, row, column)).sum::<f64>();
    let mean = |c: usize| {
        let all = (0..20).map(|i| x.at(c, i / 5, i % 5));
        all.sum::<f64>() / 20.0
    };
    let map = |f: &dyn Fn(usize, isize, isize) -> f64| {
        Map::of(x.dims, |c, row, column| f(c, row as isize, column as isize))
    };
    check(
        &x,
        &map(&|c, y, z| x.at(c, y, z) / sum(y, z)),
        SHARE,
        "pixel",
        |g, x| {
            let sum = g.reduce_sum("sum", x, &[1])?;
            g.div("y", x, sum)
        },
    );
    check(
        &x,
        &map(&|c, y, z| sum(y, z) - x.at(c, y, z)),
        SHARE,
        "pixel, left",
        |g, x| {
            let sum = g.reduce_sum("sum", x, &[1])?;
            g.sub("y", sum, x)
        },
    );
    check(
        &x,
        &map(&|c, y, z| x.at(c, y, z) * mean(c)),
        SHARE,
        "channel",
        |g, x| {
            let mean = g.global_average_pool("mean", x)?;
            g.mul("y", x, mean)
        },
    );
    check(
        &x,
        &map(&|c, y, z| mean(c) / x.at(c, y, z)),
        SHARE,
        "channel, left",
        |g, x| {
            let mean = g.global_average_pool("mean", x)?;
            g.div("y", mean, x)
        },
    );
    let constants = map(&|c, y, z| f64::from(factors[c]) - x.at(c, y, z));
    check(&x, &constants, SHARE, "constants", |g, x| {
        let factors = g.constant("factors", &[1, 6, 1, 1], &factors)?;
        g.sub("y", factors, x)
    });
    check(
        &x,
        &map(&|c, y, z| x.at(c, y, z).powi(2).exp().min(9.0)),
        SHARE,
        "same",
        |g, x| {
            let y = g.mul("square", x, x)?;
            let y = g.exp("power", y)?;
            g.clip("y", y, 0.0, 9.0)
        },
    );
}

#[test]
fn reductions() {
    let x = noise_map([12, 6, 5], 4);
    let over = |f: &dyn Fn(&mut dyn Iterator<Item = f64>) -> f64| {
        Map::of([1, 6, 5], |_, row, column| {
            f(&mut (0..12).map(|c| x.at(c, row as isize, column as isize)))
        })
    };
    let sums = over(&|all| all.sum());
    check(&x, &sums, SHARE, "sum", |g, x| g.reduce_sum("y", x, &[1]));
    let means = over(&|all| all.sum::<f64>() / 12.0);
    check(&x, &means, SHARE, "mean", |g, x| {
        g.reduce_mean("y", x, &[1])
    });
    let largest = over(&|all| all.fold(f64::NEG_INFINITY, f64::max));
    check(&x, &largest, SHARE, "largest", |g, x| {
        g.reduce_max("y", x, &[1])
    });
    let squares = over(&|all| all.map(|value| value * value).sum());
    check(&x, &squares, SHARE, "sum of squares", |g, x| {
        let square = g.mul("square", x, x)?;
        g.reduce_sum("y", square, &[1])
    });
    let largest = Map::of([12, 1, 1], |c, _, _| {
        (0..30)
            .map(|i| x.at(c, i / 5, i % 5))
            .fold(f64::NEG_INFINITY, f64::max)
    });
    check(&x, &largest, SHARE, "largest of a channel", |g, x| {
        g.reduce_max("y", x, &[2, 3])
    });
    let groups = Map::of([4, 6, 5], |group, row, column| {
        (0..3)
            .map(|c| x.at(3 * group + c, row as isize, column as isize))
            .sum::<f64>()
            / 3.0
    });
    check(&x, &groups, SHARE, "means of groups", |g, x| {
        let y = g.reshape("groups", x, &[1, 4, 3, 30])?;
        let y = g.reduce_mean("mean", y, &[2])?;
        g.reshape("y", y, &[1, 4, 6, 5])
    });
}

#[test]
fn maps_are_joined_and_pooled() {
    let x = noise_map([3, 8, 7], 5);
    let joined = Map::of([7, 8, 7], |c, row, column| {
        let at = |c: usize| x.at(c, row as isize, column as isize);
        match c {
            0..3 => at(c),
            3 => (0..3).map(at).sum(),
            _ => at(c - 4).abs(),
        }
    });
    check(&x, &joined, SHARE, "joined", |g, x| {
        let sum = g.reduce_sum("sum", x, &[1])?;
        let positive = g.abs("positive", x)?;
        g.concat("y", &[x, sum, positive], 1)
    });
    // Everything is negative, so that a zero outside would be seen.
    let below = x.map(|value| value - 5.0);
    let pooled = Map::of([3, 4, 4], |c, row, column| {
        let (row, column) = (2 * row as isize, 2 * column as isize);
        (-1..2)
            .flat_map(|y| (-1..2).map(move |x| (row + y, column + x)))
            .filter(|&(y, x)| (0..8).contains(&y) && (0..7).contains(&x))
            .map(|(y, x)| below.at(c, y, x))
            .fold(f64::NEG_INFINITY, f64::max)
    });
    check(&below, &pooled, SHARE, "pooled", |g, x| {
        g.max_pool("y", x, [3, 3], 2, Pads::symmetric(1))
    });
}

#[test]
fn maps_are_resized_between_pixel_centres() {
    for (from, to) in [
        ([5, 7], [20, 13]),
        ([16, 16], [64, 64]),
        ([64, 64], [24, 24]),
        ([3, 3], [3, 3]),
    ] {
        let x = noise_map([2, from[0], from[1]], 6);
        let place = |at: usize, from: usize, to: usize| {
            ((at as f64 + 0.5) * from as f64 / to as f64 - 0.5).clamp(0.0, (from - 1) as f64)
        };
        let expected = Map::of([2, to[0], to[1]], |c, row, column| {
            let (y, x_at) = (place(row, from[0], to[0]), place(column, from[1], to[1]));
            let at = |dy: f64, dx: f64| {
                let row = (y.floor() + dy).min((from[0] - 1) as f64);
                let column = (x_at.floor() + dx).min((from[1] - 1) as f64);
                x.at(c, row as isize, column as isize)
            };
            let (v, h) = (y.fract(), x_at.fract());
            (1.0 - v) * ((1.0 - h) * at(0.0, 0.0) + h * at(0.0, 1.0))
                + v * ((1.0 - h) * at(1.0, 0.0) + h * at(1.0, 1.0))
        });
        let what = format!("{from:?} to {to:?}");
        check(&x, &expected, SHARE, &what, |g, x| g.resize("y", x, to));
    }
}

proptest! {
    /// To a few units in the last place, over the whole range; beyond it, the range's end.
    #[test]
    fn powers_are_exact(values in prop::collection::vec(-86.0_f32..87.0, 40)) {
        let x = Map { dims: [1, 5, 8], values };
        let mut network = crate::reference::network(x.dims, |g, x| g.exp("y", x));
        for (found, x) in crate::reference::run(&mut network, &x).into_iter().zip(&x.values) {
            let expected = f64::from(*x).exp();
            let error = (f64::from(found) - expected).abs() / expected;
            prop_assert!(error < 3e-7, "exp({x}) is {found}, off by {error:.1e}");
        }
    }
}

#[test]
fn powers_beyond_the_range_stay_finite_and_positive() {
    let values = vec![
        -1e30,
        -200.0,
        -88.0,
        89.0,
        1e30,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::NAN,
    ];
    let x = Map {
        dims: [1, 1, 8],
        values,
    };
    let mut network = crate::reference::network(x.dims, |g, x| g.exp("y", x));
    let y = crate::reference::run(&mut network, &x);
    assert!(y[..7].iter().all(|y| y.is_finite() && *y > 0.0), "{y:?}");
    assert!(y[7].is_nan());
}
