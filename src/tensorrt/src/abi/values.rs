//! Enumerators, which move between generations as slots do.

use crate::Generation;

/// An enumerator's number in each generation, and its name in NVIDIA's headers.
pub(crate) struct Value {
    #[cfg_attr(not(test), expect(dead_code, reason = "tells the tests where to look"))]
    pub(super) family: &'static str,
    pub(crate) name: &'static str,
    pub(super) numbers: [Option<i32>; 3],
}

impl Value {
    const fn new(family: &'static str, name: &'static str, numbers: [Option<i32>; 3]) -> Self {
        Self {
            family,
            name,
            numbers,
        }
    }

    /// `None` where the generation does not have it.
    pub(crate) fn of(&self, generation: Generation) -> Option<i32> {
        let [v8, v10, v11] = self.numbers;
        match generation {
            Generation::V8 => v8,
            Generation::V10 => v10,
            Generation::V11 => v11,
        }
    }
}

/// A number that all generations share.
const fn same(number: i32) -> [Option<i32>; 3] {
    [Some(number), Some(number), Some(number)]
}

/// 32-bit floating point.
pub(crate) const FLOAT: Value = Value::new("DataType", "FLOAT", same(0));
/// Rows of numbers without gaps, in the order of the shape.
pub(crate) const LINEAR: Value = Value::new("TensorFormat", "LINEAR", same(0));
/// A tensor that the caller fills.
pub(crate) const INPUT: Value = Value::new("TensorIOMode", "INPUT", same(1));
/// A tensor that the engine fills.
pub(crate) const OUTPUT: Value = Value::new("TensorIOMode", "OUTPUT", same(2));
/// Memory that a build may use for trying.
pub(crate) const WORKSPACE: Value = Value::new("MemoryPoolType", "WORKSPACE", same(0));
/// Convolutions may use 16 bits.
pub(crate) const FP16: Value = Value::new("BuilderFlag", "FP16", [Some(0), Some(0), None]);
/// Convolutions at 32 bits may round their inputs to 11 bits; on unless cleared.
pub(crate) const TF32: Value = Value::new("BuilderFlag", "TF32", [Some(7), Some(6), Some(6)]);
/// What was said of a layer's types is an order and not a wish.
pub(crate) const OBEY: Value = Value::new(
    "BuilderFlag",
    "OBEY_PRECISION_CONSTRAINTS",
    [Some(10), Some(9), None],
);
/// The batch is a dimension like others; 8.x can't read ONNX otherwise.
pub(crate) const EXPLICIT_BATCH: Value = Value::new(
    "NetworkDefinitionCreationFlag",
    "EXPLICIT_BATCH",
    [Some(0), Some(0), None],
);
/// Numbers have the types that the network says.
pub(crate) const STRONGLY_TYPED: Value = Value::new(
    "NetworkDefinitionCreationFlag",
    "STRONGLY_TYPED",
    [None, Some(1), Some(0)],
);

#[cfg(test)]
pub(super) const ALL: [&Value; 10] = [
    &FLOAT,
    &LINEAR,
    &INPUT,
    &OUTPUT,
    &WORKSPACE,
    &FP16,
    &TF32,
    &OBEY,
    &EXPLICIT_BATCH,
    &STRONGLY_TYPED,
];
