//! A network on a thread of its own.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use crate::tract::{ModelError, panic_message};

/// Runs a network beside the thread that owns the worker: one part at a time, [`Worker::begin`] and
/// then [`Worker::finish`]. The same two buffers go there and back, so a part allocates nothing here.
/// Dropping it ends the thread and waits for it.
#[derive(Debug)]
pub(super) struct Worker {
    /// `None` once the thread has ended.
    jobs: Option<SyncSender<Buffers>>,
    answers: Receiver<Answer>,
    thread: Option<JoinHandle<()>>,
    /// `None` while the thread has them.
    buffers: Option<Buffers>,
    /// What the thread said when it broke off.
    last_words: String,
}

#[derive(Debug, Default)]
struct Buffers {
    input: Vec<f32>,
    output: Vec<f32>,
}

struct Answer {
    buffers: Buffers,
    result: Result<(), ModelError>,
}

impl Worker {
    /// Starts a thread of this name for a network that fills the second slice from the first.
    pub(super) fn start(
        name: &str,
        mut network: impl FnMut(&[f32], &mut [f32]) -> Result<(), ModelError> + Send + 'static,
    ) -> Result<Self, ModelError> {
        let (jobs, work) = sync_channel::<Buffers>(1);
        let (done, answers) = sync_channel(1);
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                for mut buffers in work {
                    let result = network(&buffers.input, &mut buffers.output);
                    if done.send(Answer { buffers, result }).is_err() {
                        return;
                    }
                }
            })
            .map_err(ModelError::Thread)?;
        Ok(Self {
            jobs: Some(jobs),
            answers,
            thread: Some(thread),
            buffers: Some(Buffers::default()),
            last_words: String::new(),
        })
    }

    /// Sets the network to work on an input, for an output of `room` values.
    ///
    /// # Errors
    /// [`ModelError::Ended`].
    pub(super) fn begin(&mut self, input: &[f32], room: usize) -> Result<(), ModelError> {
        let mut buffers = match self.buffers.take() {
            Some(buffers) => buffers,
            // Nobody asked for the last answer.
            None => self.receive()?.buffers,
        };
        buffers.input.clear();
        buffers.input.extend_from_slice(input);
        buffers.output.resize(room, 0.0);
        let sent = self.jobs.as_ref().map(|jobs| jobs.send(buffers));
        match sent {
            Some(Ok(())) => Ok(()),
            _ => Err(self.ended()),
        }
    }

    /// Waits for the answer to the input that was begun; `room` is as long as was said there.
    ///
    /// # Errors
    /// What the network said; [`ModelError::Ended`].
    pub(super) fn finish(&mut self, room: &mut [f32]) -> Result<(), ModelError> {
        let Answer { buffers, result } = self.receive()?;
        if result.is_ok() {
            room.copy_from_slice(&buffers.output);
        }
        self.buffers = Some(buffers);
        result
    }

    fn receive(&mut self) -> Result<Answer, ModelError> {
        // A panic drops the thread's end, which ends the wait.
        match self.answers.recv() {
            Ok(answer) => Ok(answer),
            Err(_) => Err(self.ended()),
        }
    }

    fn ended(&mut self) -> ModelError {
        if let Some(Err(panic)) = self.join() {
            self.last_words = panic_message(panic.as_ref());
        }
        ModelError::Ended {
            message: self.last_words.clone(),
        }
    }

    fn join(&mut self) -> Option<std::thread::Result<()>> {
        self.jobs = None;
        self.thread.take().map(JoinHandle::join)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Whether it panicked no longer matters to anybody.
        drop(self.join());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn doubling() -> Worker {
        Worker::start("doubling", |input, output| {
            if input.len() != output.len() {
                return Err(ModelError::InputLength {
                    tensor: "input".to_owned(),
                    expected: output.len(),
                    found: input.len(),
                });
            }
            assert!(input[0] >= 0.0, "it is below zero");
            for (output, input) in output.iter_mut().zip(input) {
                *output = 2.0 * input;
            }
            Ok(())
        })
        .unwrap()
    }

    fn run(worker: &mut Worker, input: &[f32], room: usize) -> Result<Vec<f32>, ModelError> {
        let mut output = vec![0.0; room];
        worker.begin(input, room)?;
        worker.finish(&mut output)?;
        Ok(output)
    }

    #[test]
    fn an_error_of_the_network_does_not_end_the_thread() {
        let mut worker = doubling();
        assert_eq!(run(&mut worker, &[1.0, 2.0], 2).unwrap(), [2.0, 4.0]);
        let error = run(&mut worker, &[1.0], 2).unwrap_err();
        assert!(
            matches!(error, ModelError::InputLength { found: 1, .. }),
            "{error:?}"
        );
        assert_eq!(run(&mut worker, &[3.0], 1).unwrap(), [6.0]);
    }

    #[test]
    fn an_answer_that_nobody_asked_for_is_not_the_next_part_s() {
        let mut worker = doubling();
        worker.begin(&[1.0], 1).unwrap();
        assert_eq!(run(&mut worker, &[5.0], 1).unwrap(), [10.0]);
    }

    #[test]
    fn a_panic_is_an_error_from_then_on() {
        let mut worker = doubling();
        for input in [-1.0, 1.0, 1.0] {
            let error = run(&mut worker, &[input], 1).unwrap_err();
            assert!(
                matches!(&error, ModelError::Ended { message } if message == "it is below zero"),
                "{error:?}"
            );
        }
    }

    #[test]
    fn dropping_waits_for_the_thread() {
        for busy in [false, true] {
            let held = Arc::new(());
            let inner = Arc::clone(&held);
            let mut worker = Worker::start("holding", move |_, output| {
                output.fill(Arc::strong_count(&inner) as f32);
                Ok(())
            })
            .unwrap();
            if busy {
                worker.begin(&[], 1 << 20).unwrap();
            }
            drop(worker);
            assert_eq!(Arc::strong_count(&held), 1, "busy: {busy}");
        }
    }
}
