//! Saving and restoring.

use crate::net::{Net, train};
use twinspect_nn::*;

#[test]
fn a_restored_run_goes_on_bit_for_bit() {
    let (mut net, mut adam) = (Net::new(1, 10), Adam::default());
    train(&mut net, &mut adam, 3);
    let (state, saved_adam) = (snapshot(&mut net), adam.clone());
    let losses = train(&mut net, &mut adam, 3);

    let (mut other, mut other_adam) = (Net::new(1, 10), saved_adam);
    train(&mut other, &mut Adam::default(), 1);
    restore(&mut other, &state).unwrap();
    assert!(snapshot(&mut other) == state);
    assert_eq!(train(&mut other, &mut other_adam, 3), losses);
    assert!(snapshot(&mut other) == snapshot(&mut net));
}

#[test]
fn names_tell_what_they_are() {
    let state = snapshot(&mut Net::new(1, 10));
    for (name, length) in [
        ("stem.conv.weight", 9 * 3 * 8),
        ("stem.conv.weight.second", 9 * 3 * 8),
        ("up.norm.running_var", 8),
        ("mean.bias.first", 3),
    ] {
        assert_eq!(state.get(name).map(Vec::len), Some(length), "{name}");
    }
    // Five blocks with three parameters and two statistics, two heads with two parameters.
    assert_eq!(state.len(), 5 * (3 * 3 + 2) + 2 * 2 * 3);
    let learned: usize = state
        .iter()
        .filter(|(name, _)| name.ends_with(".first"))
        .map(|(_, v)| v.len())
        .sum();
    assert_eq!(parameter_count(&mut Net::new(1, 10)), learned);
}

#[test]
fn a_state_that_does_not_fit_changes_nothing() {
    let mut net = Net::new(1, 10);
    let before = snapshot(&mut net);
    let other = snapshot(&mut Net::new(2, 10));

    let mut missing = other.clone();
    missing.remove("up.norm.bias");
    let name = "up.norm.bias".to_owned();
    assert_eq!(
        restore(&mut net, &missing),
        Err(RestoreError::Missing { name })
    );

    let mut short = other.clone();
    short.insert("mean.bias".to_owned(), vec![0.0; 2]);
    let error = restore(&mut net, &short).unwrap_err();
    assert_eq!(
        error.to_string(),
        "saved array \"mean.bias\" has 2 values where the network has 3"
    );

    let mut unknown = other;
    unknown.insert("tail.weight".to_owned(), vec![]);
    let name = "tail.weight".to_owned();
    assert_eq!(
        restore(&mut net, &unknown),
        Err(RestoreError::Unknown { name })
    );
    assert!(snapshot(&mut net) == before);
}

#[test]
fn gradients_can_be_forgotten() {
    let mut net = Net::new(1, 10);
    net.pass();
    assert!(gradient_norm(&mut net) > 0.0);
    clear_gradients(&mut net);
    assert_eq!(gradient_norm(&mut net), 0.0);
}
