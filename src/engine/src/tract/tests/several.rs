//! Networks of several inputs.

use super::*;

/// `first - 2 second`, for inputs of different widths.
fn weigher() -> Vec<u8> {
    let mut graph = Graph::new("weigher", WeightFormat::F32);
    let first = graph.input("first", &[1, 2, 2, 2]).unwrap();
    let second = graph.input("second", &[1, 1, 2, 2]).unwrap();
    let double = graph.scale("double", second, 2.0).unwrap();
    let difference = graph.sub("difference", first, double).unwrap();
    graph.output("difference_out", difference).unwrap();
    graph.encode().unwrap()
}

const SHAPES: [&[usize]; 2] = [&[1, 2, 2, 2], &[1, 1, 2, 2]];

#[test]
fn several_inputs_are_told_apart_by_their_order() {
    let mut model = Model::with_inputs(&weigher(), &SHAPES).unwrap();
    let names: Vec<&str> = model.inputs().iter().map(|i| i.name.as_str()).collect();
    assert_eq!(names, ["first", "second"]);
    for seed in 0..3 {
        let (first, second) = (noise(seed, 8), noise(seed + 10, 4));
        let mut found = [0.0; 8];
        let run = model.run_all_into(&[&first, &second], &mut [&mut found]);
        run.unwrap();
        for (index, found) in found.iter().enumerate() {
            assert_eq!(*found, first[index] - 2.0 * second[index % 4]);
        }
    }
}

#[test]
fn every_input_has_its_shape_and_its_values() {
    let refused = |shapes: &[&[usize]]| Model::with_inputs(&weigher(), shapes).unwrap_err();
    let error = refused(&SHAPES[..1]);
    assert!(
        matches!(&error, ModelError::Inputs { expected: 1, found } if found.len() == 2),
        "{error:?}"
    );
    let error = refused(&[SHAPES[1], SHAPES[0]]);
    assert!(
        matches!(&error, ModelError::InputShape { tensor, .. } if tensor == "first"),
        "{error:?}"
    );
    let mut model = Model::with_inputs(&weigher(), &SHAPES).unwrap();
    let mut room = [0.0; 8];
    for inputs in [&[&[0.0; 8][..], &[0.0; 8]][..], &[&[0.0; 8]]] {
        let error = model.run_all_into(inputs, &mut [&mut room]).unwrap_err();
        assert!(
            matches!(&error, ModelError::InputLength { tensor, expected: 4, .. } if tensor == "second"),
            "{error:?}"
        );
    }
    let error = model.run(&[0.0; 8]).unwrap_err();
    assert!(matches!(error, ModelError::InputLength { found: 0, .. }));
}
