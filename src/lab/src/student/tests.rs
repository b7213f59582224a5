use twinspect_core::prepare::BANK_CHANNELS;
use twinspect_engine::tract::Model;
use twinspect_nn::{Activation, Mode, Parameters, Rng, Shape, Tensor, resize, restore, snapshot};
use twinspect_onnx::{Graph, WeightFormat};

use super::supervision::Places;
use super::{GeometryStudent, RgbStudent, SCALES};

const SIDE: usize = 32;
const CHANNELS: [usize; SCALES] = [8, 12, 20];

fn random(shape: Shape, rng: &mut Rng) -> Tensor {
    let values: Vec<f32> = (0..shape.len()).map(|_| rng.normal() as f32).collect();
    Tensor::from_nchw(shape, &values)
}

fn scale(images: usize, k: usize) -> Shape {
    Shape::new(images, SIDE >> k, SIDE >> k, CHANNELS[k])
}

/// Gives random values to what starts at zero, such as the strength of attention.
fn shake(network: &mut dyn Parameters, rng: &mut Rng) {
    let mut state = snapshot(network);
    let moment = |name: &str| name.ends_with(".first") || name.ends_with(".second");
    for (_, values) in state.iter_mut().filter(|(name, _)| !moment(name)) {
        if values.iter().all(|&value| value == 0.0) {
            let random = values.iter_mut();
            random.for_each(|value| *value = 0.1 * rng.normal() as f32);
        }
    }
    restore(network, &state).unwrap();
}

fn assert_close(found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len());
    let largest = expected.iter().fold(0.0_f32, |max, v| max.max(v.abs()));
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        let error = (found - expected).abs() / largest;
        assert!(error < 1e-4, "[{i}]: {found} instead of {expected}");
    }
}

#[test]
fn a_refined_colour_student_is_the_network_that_it_writes() {
    let mut rng = Rng::new(1);
    let mut student = RgbStudent::new(CHANNELS, 48, true, &mut rng);
    shake(&mut student, &mut rng);
    for k in 0..SCALES {
        *student.inputs_mut()[k].value_mut() = random(scale(2, k), &mut rng);
    }
    // Running statistics that are not their first values.
    student.forward(Mode::Train);
    student.settle();
    let features: [Tensor; SCALES] = std::array::from_fn(|k| random(scale(1, k), &mut rng));
    for (input, features) in student.inputs_mut().iter_mut().zip(&features) {
        *input.value_mut() = features.clone();
    }
    student.forward(Mode::Evaluate);
    let mut expected = Vec::new();
    for map in student.maps() {
        let mut enlarged = Activation::new();
        resize(&Activation::constant(map), [SIDE, SIDE], &mut enlarged);
        expected.extend(enlarged.value().to_nchw());
    }
    let mut graph = Graph::new("student", WeightFormat::F16);
    let dims = |k: usize| [1, CHANNELS[k], SIDE >> k, SIDE >> k];
    let inputs = [0, 1, 2].map(|k| graph.input(&format!("t{k}"), &dims(k)).unwrap());
    let maps = student.emit(&mut graph, inputs, SIDE).unwrap();
    graph.output("maps", maps).unwrap();
    let shapes = [dims(0), dims(1), dims(2)];
    let shapes = shapes.each_ref().map(|shape| shape.as_slice());
    let mut model = Model::with_inputs(&graph.encode().unwrap(), &shapes).unwrap();
    let values = features.each_ref().map(Tensor::to_nchw);
    let mut found = vec![0.0; expected.len()];
    let values = values.each_ref().map(Vec::as_slice);
    model.run_all_into(&values, &mut [&mut found]).unwrap();
    assert_close(&found, &expected);
}

#[test]
fn a_refined_geometry_student_is_the_network_that_it_writes() {
    let mut rng = Rng::new(2);
    let mut student = GeometryStudent::new(32, true, &mut rng);
    let shape = Shape::new(2, SIDE, SIDE, BANK_CHANNELS);
    *student.input_mut().value_mut() = random(shape, &mut rng);
    student.forward(Mode::Train);
    student.settle();
    let bank = random(Shape { n: 1, ..shape }, &mut rng);
    *student.input_mut().value_mut() = bank.clone();
    student.forward(Mode::Evaluate);
    let mut graph = Graph::new("student", WeightFormat::F16);
    let dims = [1, BANK_CHANNELS, SIDE, SIDE];
    let input = graph.input("bank", &dims).unwrap();
    let maps = student.emit(&mut graph, input, SIDE).unwrap();
    graph.output("maps", maps).unwrap();
    let mut model = Model::from_bytes(&graph.encode().unwrap(), &dims).unwrap();
    let found = model.run(&bank.to_nchw()).unwrap().concat();
    assert_close(&found, &student.maps().to_nchw());
}

#[test]
fn places_say_what_counts_where() {
    let mut places = Places::default();
    let changed = [0.0, 0.25, 1.0, 0.0];
    let shape = Shape::new(2, 2, 2, 7);
    places.fill(shape, [None, Some(&changed[..])].into_iter());
    let (good, bad) = (places.good.to_nchw(), places.bad.to_nchw());
    assert_eq!(good, [1.0, 1.0, 1.0, 1.0, 1.0, 0.75, 0.0, 1.0]);
    assert_eq!(bad, [0.0, 0.0, 0.0, 0.0, 0.0, 0.25, 1.0, 0.0]);
    let counts = places.restoration.to_nchw();
    assert_eq!(counts, [1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 5.0, 1.0]);
    assert_eq!(places.bad_over_good, 1.25 / 6.75);
}
