//! The kernel's GPIO character devices, by `gpiocdev` (uAPI v2, Linux 5.10 and newer).

use std::io;
use std::path::Path;
use std::time::Duration;

use gpiocdev::line::{EdgeDetection, EdgeKind, EventClock, Value};
use gpiocdev::request::Request;
use gpiocdev::{Chip, chip};

use super::chips::Lines;
use super::{
    Chips, Found, GpioError, InputLines, InputWish, OutputLine, OutputWish, Place, RawEdge,
};

/// Edges that the kernel keeps for each request until they are read: the most that it takes
/// (GPIO_V2_LINES_MAX * 16). Beyond it the oldest are lost, and their numbers are missing.
const KERNEL_EVENTS: u32 = 1024;
/// Edges that are read at once.
const READ_EVENTS: usize = 64;

/// The chips of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct KernelChips;

impl Chips for KernelChips {
    fn lines(&self) -> Result<Lines, GpioError> {
        // No `/dev` at all is no chip either.
        let paths = chip::chips().unwrap_or_default();
        if paths.is_empty() {
            return Err(GpioError::NoChips);
        }
        let mut lines = Lines::default();
        for path in paths {
            if let Err(error) = look_at(&path, &mut lines.found) {
                lines.closed.push((path, os_error(error)));
            }
        }
        Ok(lines)
    }

    fn hold_output(&self, wish: OutputWish<'_>) -> io::Result<Box<dyn OutputLine>> {
        let mut builder = Request::builder();
        builder
            .on_chip(&wish.place.chip)
            .with_consumer(wish.consumer)
            .with_line(wish.place.offset);
        if wish.active_low {
            builder.as_active_low();
        }
        // Direction and level in one step: the pin never shows another one.
        builder.as_output(value(wish.level));
        let request = builder.request().map_err(os_error)?;
        Ok(Box::new(Output {
            request,
            offset: wish.place.offset,
        }))
    }

    fn hold_inputs(
        &self,
        chip: &Path,
        consumer: &str,
        wishes: &[InputWish],
    ) -> io::Result<Box<dyn InputLines>> {
        let mut builder = Request::builder();
        builder
            .on_chip(chip)
            .with_consumer(consumer)
            .with_kernel_event_buffer_size(KERNEL_EVENTS);
        for wish in wishes {
            builder
                .with_line(wish.offset)
                .as_input()
                .with_edge_detection(EdgeDetection::BothEdges)
                .with_event_clock(EventClock::Monotonic);
            if wish.active_low {
                builder.as_active_low();
            }
            if !wish.debounce.is_zero() {
                builder.with_debounce_period(wish.debounce);
            }
        }
        let request = builder.request().map_err(os_error)?;
        let event_words = request.edge_event_u64_size();
        Ok(Box::new(Inputs {
            request,
            event_words,
            words: vec![0; event_words * READ_EVENTS],
        }))
    }
}

struct Output {
    request: Request,
    offset: u32,
}

impl OutputLine for Output {
    fn set(&mut self, level: bool) -> io::Result<()> {
        self.request
            .set_value(self.offset, value(level))
            .map_err(os_error)
    }
}

struct Inputs {
    request: Request,
    event_words: usize,
    words: Vec<u64>,
}

impl InputLines for Inputs {
    fn level(&self, offset: u32) -> io::Result<bool> {
        let value = self.request.value(offset).map_err(os_error)?;
        Ok(value == Value::Active)
    }

    fn wait(&mut self, timeout: Duration, edges: &mut Vec<RawEdge>) -> io::Result<()> {
        match self.request.wait_edge_event(timeout).map_err(os_error) {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(error) => return unless_interrupted(error),
        }
        let read = self.request.read_edge_events_into_slice(&mut self.words);
        let words = match read.map_err(os_error) {
            Ok(words) => words,
            Err(error) => return unless_interrupted(error),
        };
        for event in self.words[..words].chunks_exact(self.event_words) {
            let event = self
                .request
                .edge_event_from_slice(event)
                .map_err(os_error)?;
            edges.push(RawEdge {
                offset: event.offset,
                level: event.kind == EdgeKind::Rising,
                at_ns: event.timestamp_ns,
                line_seqno: event.line_seqno,
            });
        }
        Ok(())
    }
}

/// A signal has ended a call: whoever waits looks up, and waits again.
fn unless_interrupted(error: io::Error) -> io::Result<()> {
    match error.kind() {
        io::ErrorKind::Interrupted => Ok(()),
        _ => Err(error),
    }
}

/// Lines of one chip.
fn look_at(path: &Path, found: &mut Vec<Found>) -> gpiocdev::Result<()> {
    let chip = Chip::from_path(path)?;
    let label = chip.info()?.label;
    for info in chip.line_info_iter()? {
        let info = info?;
        found.push(Found {
            place: Place {
                chip: path.to_owned(),
                label: label.clone(),
                offset: info.offset,
            },
            name: info.name,
            held_by: info.used.then_some(match info.consumer.as_str() {
                "" => "a kernel driver".to_owned(),
                _ => info.consumer,
            }),
        });
    }
    Ok(())
}

fn value(level: bool) -> Value {
    if level {
        Value::Active
    } else {
        Value::Inactive
    }
}

/// The kernel's number where there is one: remedies depend on it.
fn os_error(error: gpiocdev::Error) -> io::Error {
    use gpiocdev_uapi::Error as UapiError;
    match error {
        gpiocdev::Error::Os(errno) | gpiocdev::Error::Uapi(_, UapiError::Os(errno)) => {
            io::Error::from_raw_os_error(errno.0)
        }
        error => io::Error::other(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_s_number_survives_and_other_words_do_too() {
        let errno = gpiocdev_uapi::Errno(16);
        let busy = os_error(gpiocdev::Error::Os(errno));
        assert_eq!(busy.kind(), io::ErrorKind::ResourceBusy);
        let other = os_error(gpiocdev::Error::InvalidArgument("no chip".to_owned()));
        assert!(other.to_string().contains("no chip"));
    }

    #[test]
    fn only_a_signal_is_no_error() {
        let error = |code| unless_interrupted(io::Error::from_raw_os_error(code));
        assert!(error(4).is_ok());
        assert!(error(19).is_err());
    }
}
