//! A network that may panic.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::Network;
use crate::tract::{ModelError, panic_message};

/// Keeps a panic of a network from whoever runs it: it is an error of this run and of all after it, since nobody knows what the
/// network's buffers hold then.
#[derive(Debug)]
pub(super) struct Guarded<N> {
    network: Box<N>,
    /// What it said when it panicked.
    last_words: Option<String>,
}

impl<N: Network> Guarded<N> {
    pub(super) fn new(network: N) -> Self {
        Self {
            network: Box::new(network),
            last_words: None,
        }
    }

    pub(super) fn by_tract(&self) -> Option<&str> {
        self.network.by_tract()
    }

    /// [`Network::run`].
    ///
    /// # Errors
    /// As there; [`ModelError::Ended`].
    pub(super) fn run(
        &mut self,
        inputs: &[&[f32]],
        outputs: &mut [&mut [f32]],
    ) -> Result<(), ModelError> {
        if let Some(message) = self.last_words.clone() {
            return Err(ModelError::Ended { message });
        }
        let network = &mut self.network;
        catch_unwind(AssertUnwindSafe(|| network.run(inputs, outputs))).unwrap_or_else(|panic| {
            let message = panic_message(panic.as_ref());
            self.last_words = Some(message.clone());
            Err(ModelError::Ended { message })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZero;

    use super::*;
    use crate::tract::TensorSpec;

    /// Doubles what is above zero.
    #[derive(Debug)]
    struct Doubling;

    impl Network for Doubling {
        const ENGINE: &'static str = "doubling";
        const IS_SHARED: bool = false;

        fn load(_: &[u8], _: &[&[usize]], _: NonZero<usize>) -> Result<Self, ModelError> {
            Ok(Self)
        }

        fn inputs(&self) -> &[TensorSpec] {
            &[]
        }

        fn outputs(&self) -> &[TensorSpec] {
            &[]
        }

        fn by_tract(&self) -> Option<&str> {
            None
        }

        fn run(&mut self, inputs: &[&[f32]], outputs: &mut [&mut [f32]]) -> Result<(), ModelError> {
            if inputs[0].len() != outputs[0].len() {
                return Err(ModelError::InputLength {
                    tensor: "input".to_owned(),
                    expected: outputs[0].len(),
                    found: inputs[0].len(),
                });
            }
            assert!(inputs[0][0] >= 0.0, "it is below zero");
            for (output, input) in outputs[0].iter_mut().zip(inputs[0]) {
                *output = 2.0 * input;
            }
            Ok(())
        }
    }

    fn run(
        network: &mut Guarded<Doubling>,
        input: &[f32],
        room: usize,
    ) -> Result<Vec<f32>, ModelError> {
        let mut output = vec![0.0; room];
        network.run(&[input], &mut [&mut output])?;
        Ok(output)
    }

    #[test]
    fn an_error_is_that_of_one_run() {
        let mut network = Guarded::new(Doubling);
        assert_eq!(run(&mut network, &[1.0, 2.0], 2).unwrap(), [2.0, 4.0]);
        let error = run(&mut network, &[1.0], 2).unwrap_err();
        assert!(
            matches!(error, ModelError::InputLength { found: 1, .. }),
            "{error:?}"
        );
        assert_eq!(run(&mut network, &[3.0], 1).unwrap(), [6.0]);
    }

    #[test]
    fn a_panic_is_an_error_from_then_on() {
        let mut network = Guarded::new(Doubling);
        for input in [-1.0, 1.0, 1.0] {
            let error = run(&mut network, &[input], 1).unwrap_err();
            assert!(
                matches!(&error, ModelError::Ended { message } if message == "it is below zero"),
                "{error:?}"
            );
        }
    }
}
