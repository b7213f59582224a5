use std::path::{Path, PathBuf};

use image::ImageReader;
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use tract_onnx::prelude::*;
use twinspect_onnx::{Graph, WeightFormat};

use super::TeacherSource;
use super::{Normalisation, Teacher, TeacherError, WeightFile, load};

/// Side of the test picture.
const SIZE: usize = 256;

fn teachers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/teachers")
}

fn lite0() -> Teacher {
    load(&TeacherSource::BuiltIn).unwrap()
}

/// The test picture as a teacher wants it, 3 x 256 x 256.
fn astronaut(normalisation: Normalisation) -> Vec<f32> {
    let path = teachers().join("astronaut256.png");
    let picture = ImageReader::open(path).unwrap().decode().unwrap();
    let picture = picture.into_rgb8().into_raw();
    assert_eq!(picture.len(), 3 * SIZE * SIZE);
    let sum: u64 = picture.iter().map(|&v| u64::from(v)).sum();
    assert_eq!(sum, 22_552_807);
    let channel = |c: usize| {
        let Normalisation { mean, deviation } = normalisation;
        picture
            .iter()
            .skip(c)
            .step_by(3)
            .map(move |&v| (f32::from(v) - mean[c]) / deviation[c])
    };
    (0..3).flat_map(channel).collect()
}

/// The taps of a picture, computed from the ONNX file.
fn taps(teacher: &Teacher, size: usize, picture: Vec<f32>) -> Vec<Tap> {
    let file = teacher.taps_onnx(size, WeightFormat::F32).unwrap();
    let model = tract_onnx::onnx()
        .model_for_read(&mut file.as_slice())
        .and_then(|model| model.into_optimized())
        .and_then(|model| model.into_runnable())
        .unwrap();
    let input = Tensor::from_shape(&[1, 3, size, size], &picture).unwrap();
    let outputs = model.run(tvec!(input.into())).unwrap();
    let outputs = outputs.iter().map(|tap| Tap {
        dims: tap.shape().to_vec(),
        values: tap
            .to_plain_array_view::<f32>()
            .unwrap()
            .iter()
            .copied()
            .collect(),
    });
    outputs.collect()
}

struct Tap {
    dims: Vec<usize>,
    values: Vec<f32>,
}

/// What is known of a tap: the mean, the population's standard deviation and the maximum of all
/// values, the first four values, and the first three channels at the centre.
struct Expected {
    dims: [usize; 4],
    mean: f64,
    deviation: f64,
    max: f32,
    first: [f32; 4],
    centre: [f32; 3],
}

/// Both engines compute in f32; this is their rounding, relative to the standard deviation.
const TOLERANCE: f64 = 1e-4;

fn check(teacher: &str, index: usize, tap: &Tap, expected: &Expected) {
    assert_eq!(tap.dims, expected.dims, "{teacher} tap {index}");
    let [_, _, rows, columns] = expected.dims;
    let count = tap.values.len() as f64;
    let mean = tap.values.iter().map(|&v| f64::from(v)).sum::<f64>() / count;
    let squares = tap.values.iter().map(|&v| (f64::from(v) - mean).powi(2));
    let deviation = (squares.sum::<f64>() / count).sqrt();
    let max = tap.values.iter().copied().fold(f32::MIN, f32::max);
    let centre = |c: usize| tap.values[(c * rows + rows / 2) * columns + columns / 2];
    let mut pairs = vec![
        ("mean", mean, expected.mean),
        ("deviation", deviation, expected.deviation),
        ("max", max.into(), expected.max.into()),
    ];
    for i in 0..4 {
        pairs.push(("first", tap.values[i].into(), expected.first[i].into()));
    }
    for c in 0..3 {
        pairs.push(("centre", centre(c).into(), expected.centre[c].into()));
    }
    for (what, found, expected_value) in pairs {
        let error = (found - expected_value).abs();
        assert!(
            error <= TOLERANCE * expected.deviation.max(expected_value.abs()),
            "{teacher} tap {index}: {what} is {found}, expected {expected_value}"
        );
    }
}

#[test]
fn lite0_gives_its_reference_activations() {
    let teacher = lite0();
    assert_eq!(teacher.name, "efficientnet-lite0");
    assert_eq!(teacher.channels, [24, 40, 112]);
    let picture = astronaut(teacher.normalisation);
    // From the package's own network in torch 2.15.
    let expected = [
        Expected {
            dims: [1, 24, 64, 64],
            mean: 0.154481,
            deviation: 9.776818,
            max: 53.8794,
            first: [1.95045, 10.42732, 8.56253, 18.00278],
            centre: [1.52841, 4.21728, 2.62790],
        },
        Expected {
            dims: [1, 40, 32, 32],
            mean: 0.104925,
            deviation: 8.960046,
            max: 42.7404,
            first: [17.33421, 18.41811, 19.54773, -3.62406],
            centre: [-2.38383, -2.49304, -1.85856],
        },
        Expected {
            dims: [1, 112, 16, 16],
            mean: 0.375650,
            deviation: 7.612733,
            max: 36.4003,
            first: [1.29999, -0.08673, -2.66125, -5.48807],
            centre: [-21.69553, -10.34004, -3.96094],
        },
    ];
    for (index, tap) in taps(&teacher, SIZE, picture).iter().enumerate() {
        check(teacher.name, index, tap, &expected[index]);
    }
}

/// torchvision's ImageNet weights may not ship, so the file is named by the environment.
#[test]
fn resnet18_gives_its_reference_activations() {
    let Some(path) = std::env::var_os("TWINSPECT_RESNET18") else {
        println!("skipped: TWINSPECT_RESNET18 does not name torchvision's ResNet-18 weights");
        return;
    };
    let teacher = load(&TeacherSource::File(path.into())).unwrap();
    assert_eq!(teacher.name, "resnet18");
    assert_eq!(teacher.channels, [64, 128, 256]);
    let picture = astronaut(teacher.normalisation);
    let expected = [
        Expected {
            dims: [1, 64, 64, 64],
            mean: 0.529248,
            deviation: 0.578340,
            max: 6.4580,
            first: [0.75512, 1.03581, 1.63170, 1.71347],
            centre: [0.68970, 0.33923, 0.01790],
        },
        Expected {
            dims: [1, 128, 32, 32],
            mean: 0.209068,
            deviation: 0.354693,
            max: 5.1388,
            first: [0.31444, 0.10066, 0.34092, 0.17476],
            centre: [0.0; 3],
        },
        Expected {
            dims: [1, 256, 16, 16],
            mean: 0.139745,
            deviation: 0.255277,
            max: 4.1699,
            first: [0.0, 0.0, 0.63563, 0.63800],
            centre: [0.00665, 0.0, 0.0],
        },
    ];
    for (index, tap) in taps(&teacher, SIZE, picture).iter().enumerate() {
        check(teacher.name, index, tap, &expected[index]);
    }
}

/// What `tests/python/teachers.py` computed with torchvision.
#[derive(serde::Deserialize)]
struct Fixture {
    file: String,
    name: String,
    /// Side of the picture; its value at (c, y, x) is `sin(0.1 (c + 1) y) + cos(0.07 x)`.
    size: usize,
    taps: Vec<FixtureTap>,
}

#[derive(serde::Deserialize)]
struct FixtureTap {
    dims: [usize; 4],
    mean: f64,
    deviation: f64,
    max: f32,
    first: [f32; 4],
    centre: [f32; 3],
}

/// Random weights, for torchvision's own may not ship and are large.
#[test]
fn resnets_agree_with_torchvision() {
    let Some(folder) = std::env::var_os("TWINSPECT_TEACHER_FIXTURES") else {
        println!(
            "skipped: TWINSPECT_TEACHER_FIXTURES does not name a folder made by \
             tests/python/teachers.py"
        );
        return;
    };
    let folder = PathBuf::from(folder);
    let fixtures = fs_err::read(folder.join("teachers.json")).unwrap();
    let fixtures: Vec<Fixture> = serde_json::from_slice(&fixtures).unwrap();
    assert!(!fixtures.is_empty());
    for fixture in fixtures {
        let teacher = load(&TeacherSource::File(folder.join(&fixture.file))).unwrap();
        assert_eq!(teacher.name, fixture.name, "{}", fixture.file);
        let value = |index: usize| {
            let (c, y, x) = (
                index / fixture.size / fixture.size,
                index / fixture.size % fixture.size,
                index % fixture.size,
            );
            let value = (0.1 * (c + 1) as f64 * y as f64).sin() + (0.07 * x as f64).cos();
            value as f32
        };
        let picture = (0..3 * fixture.size * fixture.size).map(value).collect();
        let found = taps(&teacher, fixture.size, picture);
        assert_eq!(found.len(), fixture.taps.len());
        for (index, (tap, expected)) in found.iter().zip(&fixture.taps).enumerate() {
            assert_eq!(teacher.channels[index], expected.dims[1]);
            let expected = Expected {
                dims: expected.dims,
                mean: expected.mean,
                deviation: expected.deviation,
                max: expected.max,
                first: expected.first,
                centre: expected.centre,
            };
            check(&fixture.file, index, tap, &expected);
        }
    }
}

#[test]
fn the_weight_file_is_hashed() {
    assert_eq!(
        lite0().sha256,
        "f653f7d18793899a4698f2d9c7f1fbef7fceb0c2d4ecf4df45a6e85fe84fb2a5"
    );
}

#[test]
fn nodes_are_named_under_the_teacher() {
    let teacher = lite0();
    let mut graph = Graph::new("test", WeightFormat::F16);
    let rgb = graph.input("rgb", &[1, 3, 63, 50]).unwrap();
    let taps = teacher.emit(&mut graph, rgb).unwrap();
    let dims = taps.map(|tap| tap.shape().nchw().unwrap());
    assert_eq!(dims, [[1, 24, 16, 13], [1, 40, 8, 7], [1, 112, 4, 4]]);
    assert!(graph.node_names().all(|name| name.starts_with("teacher.")));
    assert!(
        graph
            .node_names()
            .any(|name| name == "teacher.block3.project")
    );
    let depth = graph.input("depth", &[1, 1, 64, 64]).unwrap();
    let error = teacher.emit(&mut graph, depth).unwrap_err();
    assert!(matches!(error, TeacherError::Graph { .. }));
}

/// A file of zeros with these tensors.
fn zeros(tensors: &[(&str, &[usize])]) -> WeightFile {
    let bytes = vec![0; 1 << 18];
    let views = tensors.iter().map(|&(name, dims)| {
        let count: usize = dims.iter().product();
        let view = TensorView::new(Dtype::F32, dims.to_vec(), &bytes[..4 * count]).unwrap();
        (name, view)
    });
    WeightFile::parse(safetensors::serialize(views, None).unwrap()).unwrap()
}

#[test]
fn other_networks_are_refused() {
    let check = |tensors: &[(&str, &[usize])], expected: &str| {
        let Err(error) = Teacher::new(zeros(tensors)) else {
            panic!("{tensors:?} made a teacher");
        };
        assert_eq!(error.to_string(), expected);
    };
    check(
        &[("features.0.weight", &[1]), ("classifier.weight", &[1])],
        "the tensors are those of no known network: its first tensors are classifier.weight, \
         features.0.weight",
    );
    check(
        &[("layer1.0.conv1.weight", &[64, 64, 3, 3])],
        "the tensors are those of no known network: a ResNet of [1, 0, 0] basic blocks, 64 \
         channels wide",
    );
    check(
        &[("_conv_stem.weight", &[40, 3, 3, 3])],
        "tensor _conv_stem.weight has axes [40, 3, 3, 3], efficientnet-lite0 has [32, 3, 3, 3]",
    );
    check(
        &[("_conv_stem.weight", &[32, 3, 3, 3])],
        "reading the weights",
    );
    let norm: &[usize] = &[32];
    check(
        &[
            ("_conv_stem.weight", &[32, 3, 3, 3]),
            ("_bn0.weight", norm),
            ("_bn0.bias", norm),
            ("_bn0.running_mean", norm),
            ("_bn0.running_var", &[31]),
        ],
        "tensor _bn0.running_var has axes [31], efficientnet-lite0 has [32]",
    );
}

#[test]
fn errors_name_the_file() {
    let path = teachers().join("none.safetensors");
    let Err(error) = load(&TeacherSource::File(path)) else {
        panic!("a missing file made a teacher");
    };
    assert!(error.to_string().ends_with("none.safetensors"));
}
