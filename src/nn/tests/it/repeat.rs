//! Equal bits from equal seeds, at any number of threads.

use std::collections::BTreeMap;

use crate::net::{Net, train};
use twinspect_nn::*;

type Outcome = (Vec<f32>, BTreeMap<String, Vec<f32>>);

/// Losses and final state of a short run, large enough for the sums over pixels to be split.
fn run(threads: usize, seed: u64) -> Result<Outcome, rayon::ThreadPoolBuildError> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()?;
    Ok(pool.install(|| {
        let mut net = Net::new(seed, 66);
        let losses = train(&mut net, &mut Adam::new(0.5, 0.999), 3);
        (losses, snapshot(&mut net))
    }))
}

#[test]
fn runs_are_equal_bit_for_bit_at_any_number_of_threads() {
    let first = run(1, 1).unwrap();
    assert!(first == run(1, 1).unwrap(), "again with one thread");
    assert!(first == run(2, 1).unwrap(), "two threads");
    assert!(first == run(5, 1).unwrap(), "five threads");
    assert!(first.0 != run(1, 2).unwrap().0, "another seed");
}

#[test]
fn training_lowers_the_loss() {
    let losses = train(&mut Net::new(3, 10), &mut Adam::default(), 60);
    assert!(losses[59] < losses[0] - 0.5, "{losses:?}");
}

#[test]
fn the_gradient_is_the_slope_of_the_loss() {
    // Along the gradient g, the loss changes by |g|^2 a unit: checks the order of a whole backward pass.
    let mut net = Net::new(5, 10);
    net.pass();
    let mut square = 0.0;
    net.visit("", &mut |_, entry| {
        if let Entry::Trained(param) = entry {
            square += param
                .grad()
                .iter()
                .map(|&g| f64::from(g).powi(2))
                .sum::<f64>();
        }
    });
    assert!((gradient_norm(&mut net).powi(2) / square - 1.0).abs() < 1e-5);
    let at = |step: f64| {
        let mut net = Net::new(5, 10);
        net.pass();
        net.visit("", &mut |_, entry| {
            if let Entry::Trained(param) = entry {
                let moved: Vec<f32> = param
                    .value()
                    .iter()
                    .zip(param.grad())
                    .map(|(v, g)| v + (step * f64::from(*g)) as f32)
                    .collect();
                param.value_mut().copy_from_slice(&moved);
            }
        });
        f64::from(net.pass())
    };
    let step = 2e-3 / square.sqrt();
    let slope = (at(step) - at(-step)) / (2.0 * step);
    assert!(
        (slope / square - 1.0).abs() < 0.02,
        "slope {slope}, squared gradient {square}"
    );
}
