//! What a network learns and keeps: parameters with their gradients and moments, running statistics, and how all of it
//! is visited, saved and restored.

use std::collections::BTreeMap;
use std::fmt;

/// One learned array with its gradient and Adam's two moments, all of one length.
///
/// The gradient is the sum over all backward passes since the last optimiser step.
#[derive(Clone, Debug)]
pub struct Param {
    pub(crate) value: Vec<f32>,
    pub(crate) grad: Vec<f32>,
    pub(crate) first: Vec<f32>,
    pub(crate) second: Vec<f32>,
}

impl Param {
    /// A parameter with its starting values.
    pub fn new(value: Vec<f32>) -> Self {
        let zeros = vec![0.0; value.len()];
        Self {
            grad: zeros.clone(),
            first: zeros.clone(),
            second: zeros,
            value,
        }
    }

    /// The values, in the engine's own layout.
    pub fn value(&self) -> &[f32] {
        &self.value
    }

    /// The values for writing.
    pub fn value_mut(&mut self) -> &mut [f32] {
        &mut self.value
    }

    /// The gradient.
    pub fn grad(&self) -> &[f32] {
        &self.grad
    }
}

/// One named thing that a visitor sees.
#[derive(Debug)]
pub enum Entry<'a> {
    /// A parameter, which the optimiser changes.
    Trained(&'a mut Param),
    /// A running statistic, which forward passes change.
    Statistic(&'a mut [f32]),
}

/// Anything that owns parameters: a layer, or a network that passes the visitor on to its layers.
pub trait Parameters {
    /// Calls `visitor` with every entry and its full name, always in the same order. Names start with `prefix`.
    fn visit(&mut self, prefix: &str, visitor: &mut dyn FnMut(&str, Entry<'_>));
}

/// The name of a part inside `prefix`: `scoped("student", "stem")` is `student.stem`, and `scoped("", "stem")` is `stem`.
pub fn scoped(prefix: &str, name: &str) -> String {
    if prefix.is_empty() {
        name.to_owned()
    } else {
        format!("{prefix}.{name}")
    }
}

/// Number of learned values.
pub fn parameter_count(net: &mut dyn Parameters) -> usize {
    let mut count = 0;
    net.visit("", &mut |_, entry| {
        if let Entry::Trained(param) = entry {
            count += param.value.len();
        }
    });
    count
}

/// Forgets all gradients, as after a batch that is not to count.
pub fn clear_gradients(net: &mut dyn Parameters) {
    net.visit("", &mut |_, entry| {
        if let Entry::Trained(param) = entry {
            param.grad.fill(0.0);
        }
    });
}

/// Everything needed to go on training bit for bit, by name: `NAME`, and for parameters also Adam's moments as
/// `NAME.first` and `NAME.second`. The optimiser's step count and the random generator's state are the caller's to keep.
pub fn snapshot(net: &mut dyn Parameters) -> BTreeMap<String, Vec<f32>> {
    let mut state = BTreeMap::new();
    net.visit("", &mut |name, entry| match entry {
        Entry::Trained(param) => {
            state.insert(name.to_owned(), param.value.clone());
            state.insert(format!("{name}.first"), param.first.clone());
            state.insert(format!("{name}.second"), param.second.clone());
        }
        Entry::Statistic(values) => {
            state.insert(name.to_owned(), values.to_vec());
        }
    });
    state
}

/// Puts a [`snapshot`] back and forgets gradients. The network is unchanged on error.
///
/// # Errors
/// If an array is missing, has another length, or belongs to nothing in this network.
pub fn restore(
    net: &mut dyn Parameters,
    state: &BTreeMap<String, Vec<f32>>,
) -> Result<(), RestoreError> {
    let mut expected = BTreeMap::new();
    net.visit("", &mut |name, entry| match entry {
        Entry::Trained(param) => {
            for part in [
                name.to_owned(),
                format!("{name}.first"),
                format!("{name}.second"),
            ] {
                expected.insert(part, param.value.len());
            }
        }
        Entry::Statistic(values) => {
            expected.insert(name.to_owned(), values.len());
        }
    });
    for (name, &length) in &expected {
        match state.get(name) {
            None => return Err(RestoreError::Missing { name: name.clone() }),
            Some(values) if values.len() != length => {
                return Err(RestoreError::Length {
                    name: name.clone(),
                    expected: length,
                    found: values.len(),
                });
            }
            Some(_) => {}
        }
    }
    if let Some(name) = state.keys().find(|name| !expected.contains_key(*name)) {
        return Err(RestoreError::Unknown { name: name.clone() });
    }
    net.visit("", &mut |name, entry| match entry {
        Entry::Trained(param) => {
            param.value.copy_from_slice(&state[name]);
            param
                .first
                .copy_from_slice(&state[&format!("{name}.first")]);
            param
                .second
                .copy_from_slice(&state[&format!("{name}.second")]);
            param.grad.fill(0.0);
        }
        Entry::Statistic(values) => values.copy_from_slice(&state[name]),
    });
    Ok(())
}

/// Why a saved state does not fit a network.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RestoreError {
    /// The network has an array that the state lacks.
    Missing {
        /// The array's name.
        name: String,
    },
    /// An array has another length than the network's.
    Length {
        /// The array's name.
        name: String,
        /// Values in the network.
        expected: usize,
        /// Values in the state.
        found: usize,
    },
    /// The state has an array that the network lacks.
    Unknown {
        /// The array's name.
        name: String,
    },
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { name } => write!(f, "saved state has no array \"{name}\""),
            Self::Length {
                name,
                expected,
                found,
            } => {
                write!(
                    f,
                    "saved array \"{name}\" has {found} values where the network has {expected}"
                )
            }
            Self::Unknown { name } => write!(
                f,
                "saved state has an array \"{name}\" that the network lacks"
            ),
        }
    }
}

impl std::error::Error for RestoreError {}
