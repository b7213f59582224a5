//! Plain loops in f64 that the kernels are held against, and what all tests need.

use std::num::NonZero;

use twinspect_native::Network;
use twinspect_onnx::{Conv, Graph, GraphError, Kernel, Pads, Tensor, WeightFormat};

/// A feature map, channel after channel.
#[derive(Debug, Clone)]
pub(crate) struct Map {
    /// Channels, rows, columns.
    pub(crate) dims: [usize; 3],
    pub(crate) values: Vec<f32>,
}

impl Map {
    pub(crate) fn at(&self, channel: usize, row: isize, column: isize) -> f64 {
        let [_, rows, columns] = self.dims;
        let inside = |at: isize, end: usize| usize::try_from(at).ok().filter(|&at| at < end);
        match (inside(row, rows), inside(column, columns)) {
            (Some(row), Some(column)) => {
                f64::from(self.values[(channel * rows + row) * columns + column])
            }
            _ => 0.0,
        }
    }

    /// From a function of channel, row and column.
    pub(crate) fn of(dims: [usize; 3], f: impl Fn(usize, usize, usize) -> f64) -> Self {
        let [channels, rows, columns] = dims;
        let mut values = Vec::new();
        for channel in 0..channels {
            for row in 0..rows {
                values.extend((0..columns).map(|column| f(channel, row, column) as f32));
            }
        }
        Self { dims, values }
    }

    /// Another map, value by value.
    pub(crate) fn map(&self, f: impl Fn(f64) -> f64) -> Self {
        let values = self.values.iter().map(|&value| f(f64::from(value)) as f32);
        Self {
            dims: self.dims,
            values: values.collect(),
        }
    }
}

/// Numbers between -1 and 1 that look random.
pub(crate) fn noise(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..count)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1 << 23) as f32 - 1.0
        })
        .collect()
}

pub(crate) fn noise_map(dims: [usize; 3], seed: u64) -> Map {
    let values = noise(dims.iter().product(), seed);
    Map { dims, values }
}

/// A convolution with its numbers.
#[derive(Debug, Clone)]
pub(crate) struct Layer {
    /// Outputs, inputs of a group, rows, columns.
    pub(crate) dims: [usize; 4],
    pub(crate) weights: Vec<f32>,
    pub(crate) bias: Vec<f32>,
    pub(crate) stride: usize,
    pub(crate) dilation: usize,
    pub(crate) groups: usize,
    pub(crate) pads: Pads,
}

impl Layer {
    pub(crate) fn new(dims: [usize; 4], stride: usize, pads: Pads, seed: u64) -> Self {
        Self {
            dims,
            weights: noise(dims.iter().product(), seed),
            bias: noise(dims[0], seed + 1),
            stride,
            dilation: 1,
            groups: 1,
            pads,
        }
    }

    pub(crate) fn depthwise(
        channels: usize,
        size: usize,
        stride: usize,
        pads: Pads,
        seed: u64,
    ) -> Self {
        Self {
            groups: channels,
            ..Self::new([channels, 1, size, size], stride, pads, seed)
        }
    }

    pub(crate) fn emit(
        &self,
        graph: &mut Graph,
        name: &str,
        x: Tensor,
    ) -> Result<Tensor, GraphError> {
        let kernel = Kernel {
            dims: self.dims,
            values: &self.weights,
        };
        let conv = Conv::new(kernel, Some(&self.bias))
            .stride(self.stride)
            .dilation(self.dilation)
            .groups(self.groups)
            .pads(self.pads);
        graph.conv(name, x, &conv)
    }

    /// What it makes of a map, by the definition.
    pub(crate) fn apply(&self, x: &Map) -> Map {
        let [outputs, inputs, rows, columns] = self.dims;
        let places = |size: usize, taps: usize, pads: usize| {
            (size + pads - (taps - 1) * self.dilation - 1) / self.stride + 1
        };
        let dims = [
            outputs,
            places(x.dims[1], rows, self.pads.top + self.pads.bottom),
            places(x.dims[2], columns, self.pads.left + self.pads.right),
        ];
        let group = outputs / self.groups;
        Map::of(dims, |output, row, column| {
            let mut sum = f64::from(self.bias[output]);
            for input in 0..inputs {
                for ky in 0..rows {
                    for kx in 0..columns {
                        let at = ((output * inputs + input) * rows + ky) * columns + kx;
                        let y = (row * self.stride + ky * self.dilation) as isize;
                        let x_at = (column * self.stride + kx * self.dilation) as isize;
                        let value = x.at(
                            output / group * inputs + input,
                            y - self.pads.top as isize,
                            x_at - self.pads.left as isize,
                        );
                        sum += f64::from(self.weights[at]) * value;
                    }
                }
            }
            sum
        })
    }
}

/// A network of one input and one output.
pub(crate) fn network(
    dims: [usize; 3],
    build: impl FnOnce(&mut Graph, Tensor) -> Result<Tensor, GraphError>,
) -> Network {
    Network::from_onnx(&file(dims, build)).unwrap()
}

/// [`network`]'s ONNX file.
pub(crate) fn file(
    [channels, rows, columns]: [usize; 3],
    build: impl FnOnce(&mut Graph, Tensor) -> Result<Tensor, GraphError>,
) -> Vec<u8> {
    let mut graph = Graph::new("test", WeightFormat::F32);
    let x = graph.input("x", &[1, channels, rows, columns]).unwrap();
    let y = build(&mut graph, x).unwrap();
    graph.output("y", y).unwrap();
    graph.encode().unwrap()
}

/// What a network of one input and one output answers.
pub(crate) fn run(network: &mut Network, x: &Map) -> Vec<f32> {
    let mut y = vec![f32::NAN; network.outputs()[0].shape.iter().product()];
    network.run(&[&x.values], &mut [&mut y]).unwrap();
    y
}

/// Compares values: what they may differ by is a share of the largest expected one.
#[track_caller]
pub(crate) fn assert_near(found: &[f32], expected: &Map, share: f64, what: &str) {
    assert_eq!(
        found.len(),
        expected.values.len(),
        "{what}: number of values"
    );
    let largest = expected.values.iter().fold(1e-6_f32, |a, b| a.max(b.abs()));
    for (at, (&found, &expected)) in found.iter().zip(&expected.values).enumerate() {
        let difference = f64::from((found - expected).abs()) / f64::from(largest);
        assert!(
            difference <= share,
            "{what}: value {at} is {found}, expected {expected}; {difference:.1e} of the largest"
        );
    }
}

/// Builds, runs twice with something else between, and compares: what was there before must leave no trace. Three threads make the
/// same bits.
#[track_caller]
pub(crate) fn check(
    x: &Map,
    expected: &Map,
    share: f64,
    what: &str,
    build: impl FnOnce(&mut Graph, Tensor) -> Result<Tensor, GraphError>,
) {
    let onnx = file(x.dims, build);
    let mut network = Network::from_onnx(&onnx).unwrap();
    let [_, channels, rows, columns] = network.outputs()[0].shape[..] else {
        panic!("{what}: the output has not four axes");
    };
    assert_eq!([channels, rows, columns], expected.dims, "{what}: shape");
    let first = run(&mut network, x);
    assert_near(&first, expected, share, what);
    run(&mut network, &x.map(|value| 3.0 - 7.0 * value));
    assert_eq!(run(&mut network, x), first, "{what}: the second answer");
    let mut shared = Network::for_threads(&onnx, const { NonZero::new(3).unwrap() }).unwrap();
    run(&mut shared, &x.map(|value| 3.0 - 7.0 * value));
    assert_eq!(run(&mut shared, x), first, "{what}: by three threads");
}
