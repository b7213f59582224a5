//! How much a network may compute.

use tract_onnx::prelude::TypedModel;

use super::ModelError;

/// Most values of one tensor, 256 MB of them: far more than any of ours has.
const TENSOR_VALUES_MAX: usize = 1 << 26;
/// Most values of all tensors that a run computes, one after the other. It bounds the time for a part, not the memory: what nobody
/// needs any more is given back.
const VALUES_MAX: usize = 1 << 31;

/// Bounds what a run computes, before anything of it is asked for.
pub(super) fn check_size(model: &TypedModel) -> Result<(), ModelError> {
    let mut sum = 0_usize;
    for node in &model.nodes {
        for output in &node.outputs {
            let Some(shape) = output.fact.shape.as_concrete() else {
                continue;
            };
            let values = shape
                .iter()
                .fold(1, |all: usize, &dim| all.saturating_mul(dim));
            if values > TENSOR_VALUES_MAX {
                return Err(ModelError::TooLarge {
                    what: format!("the answer of node {:?}", node.name),
                    limit: TENSOR_VALUES_MAX,
                    found: values,
                });
            }
            sum = sum.saturating_add(values);
        }
    }
    if sum > VALUES_MAX {
        return Err(ModelError::TooLarge {
            what: "all tensors together".to_owned(),
            limit: VALUES_MAX,
            found: sum,
        });
    }
    Ok(())
}
