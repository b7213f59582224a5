//! A device of the kernel, by the crate `v4l`.
//!
//! What that crate needs to be handled with, by its source (0.14.0) and by what was seen with the kernel's `vivid`:
//! - `next` gives the last buffer back before it waits. After a time-out or an error it gives the same one back again, and the
//!   driver refuses that for ever. So [`poll`](v4l::device::Handle::poll) waits here, and `next` is called only when it need not wait.
//! - Its first `next` gives all buffers and starts. Here the stream is started first, with every buffer but number 0,
//!   which is the one that the first `next` gives.
//! - After an error nobody can tell which buffer it would give, so the stream is made anew.
//! - What it does not know (a kind of setting, a colour space), and errors in `Drop`, are panics. Each call stands behind
//!   [`shielded`]; a stream that can't be stopped is never dropped.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use rustix::io::Errno;
use twinspect_core::frame::FrameSize;
use v4l::Device;
use v4l::buffer::{Flags, Type};
use v4l::control::{self, Control, Value};
use v4l::format::{FieldOrder, Format, FourCC};
use v4l::io::mmap::Stream;
use v4l::io::traits::{CaptureStream, Stream as _};
use v4l::parameters;
use v4l::video::Capture;
use v4l::video::capture::Parameters;

use super::device::{
    Buffer, ControlId, ControlRange, FindDevice, Granted, Identity, Offer, VideoDevice,
};
use super::error::V4l2Error;
use super::find::WhichDevice;
use super::meaning::{code, ends, frame_size, hz, rates_hz};
use super::nodes::{captures, is_planar, nodes, open_camera};

/// Buffers that are asked for. One of them is always here, and some drivers wait for three before they begin.
const BUFFERS: u32 = 6;
/// More than any driver gives.
const BUFFERS_MAX: usize = 64;
/// `next` is called when a picture waits, so it never waits for so long.
const NEXT_MAX: Duration = Duration::from_secs(1);

/// A call into the crate `v4l`, with its panics as errors.
pub(super) fn shielded<T>(call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|_| {
        Err(io::Error::other(
            "the driver says something that the crate v4l does not know",
        ))
    })
}

pub(super) fn is(error: &io::Error, number: Errno) -> bool {
    Errno::from_io_error(error) == Some(number)
}

/// Cameras of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KernelDevices {
    which: WhichDevice,
}

impl KernelDevices {
    /// The camera that is meant.
    pub fn new(which: WhichDevice) -> Self {
        Self { which }
    }
}

impl FindDevice for KernelDevices {
    fn describe(&self) -> String {
        self.which.to_string()
    }

    fn find(&mut self) -> Result<Box<dyn VideoDevice>, V4l2Error> {
        let nodes = nodes();
        let facts = self.which.choose(&nodes)?;
        let (device, identity, flags) = open_camera(&facts.node)?;
        if !captures(flags) {
            return Err(V4l2Error::NoCapture {
                node: identity.node,
                card: identity.card,
                is_planar: is_planar(flags),
            });
        }
        Ok(Box::new(KernelDevice {
            identity,
            device: Some(device),
            stream: None,
        }))
    }
}

/// A device that is open.
struct KernelDevice {
    identity: Identity,
    /// `None` only while it is dropped.
    device: Option<Device>,
    stream: Option<Stream<'static>>,
}

impl KernelDevice {
    fn ask<T>(&self, call: impl FnOnce(&Device) -> io::Result<T>) -> io::Result<T> {
        let device = self.device.as_ref().ok_or(Errno::NODEV)?;
        shielded(|| call(device))
    }
}

impl VideoDevice for KernelDevice {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn offers(&mut self) -> io::Result<Vec<Offer>> {
        self.ask(|device| {
            let mut offers = Vec::new();
            for format in device.enum_formats()? {
                // Some drivers list no sizes.
                for size in device.enum_framesizes(format.fourcc).unwrap_or_default() {
                    for (width, height) in ends(&size.size) {
                        let listed = device.enum_frameintervals(format.fourcc, width, height);
                        offers.push(Offer {
                            fourcc: format.fourcc.repr,
                            size: frame_size(width, height),
                            rates_hz: listed
                                .unwrap_or_default()
                                .iter()
                                .flat_map(|interval| rates_hz(&interval.interval))
                                .collect(),
                        });
                    }
                }
            }
            Ok(offers)
        })
    }

    fn set_format(&mut self, fourcc: [u8; 4], size: FrameSize) -> io::Result<Granted> {
        let side = |pixels: usize| u32::try_from(pixels).unwrap_or(u32::MAX);
        let wanted = Format::new(side(size.width), side(size.height), FourCC::new(&fourcc));
        self.ask(|device| {
            let format = device.set_format(&wanted)?;
            Ok(Granted {
                fourcc: format.fourcc.repr,
                size: frame_size(format.width, format.height),
                stride: format.stride as usize,
                bytes_max: format.size as usize,
                code: code(format.colorspace, format.quantization),
                is_whole: matches!(
                    format.field_order,
                    FieldOrder::Progressive | FieldOrder::Any
                ),
            })
        })
    }

    fn rate_hz(&mut self) -> io::Result<Option<f64>> {
        self.ask(|device| match device.params() {
            Ok(params) => {
                let can = parameters::Capabilities::TIME_PER_FRAME;
                Ok(hz(params.interval).filter(|_| params.capabilities.contains(can)))
            }
            // Drivers without rates answer so.
            Err(error) if is(&error, Errno::NOTTY) || is(&error, Errno::INVAL) => Ok(None),
            Err(error) => Err(error),
        })
    }

    fn set_rate(&mut self, hz: u32) -> io::Result<()> {
        self.ask(|device| device.set_params(&Parameters::with_fps(hz)).map(|_| ()))
    }

    fn control(&mut self, id: ControlId) -> io::Result<Option<i64>> {
        self.ask(|device| match device.control(id.0) {
            Ok(Control { value, .. }) => Ok(match value {
                Value::Integer(value) => Some(value),
                Value::Boolean(is_on) => Some(i64::from(is_on)),
                _ => None,
            }),
            Err(error) if is(&error, Errno::NOTTY) || is(&error, Errno::INVAL) => Ok(None),
            Err(error) => Err(error),
        })
    }

    fn set_control(&mut self, id: ControlId, value: i64) -> io::Result<()> {
        self.ask(|device| {
            device.set_control(Control {
                id: id.0,
                value: Value::Integer(value),
            })
        })
    }

    /// Single numbers only: see `V4L2_CTRL_FLAG_NEXT_COMPOUND` in our `v4l2-sys`.
    fn ranges(&mut self) -> io::Result<Vec<ControlRange>> {
        let kinds = [
            control::Type::Integer,
            control::Type::Boolean,
            control::Type::Menu,
        ];
        let listed = self.ask(|device| device.query_controls())?;
        Ok(listed
            .into_iter()
            .filter(|control| {
                kinds.contains(&control.typ) && !control.flags.contains(control::Flags::DISABLED)
            })
            .map(|control| ControlRange {
                id: ControlId(control.id),
                name: control.name,
                min: control.minimum,
                max: control.maximum,
                step: control.step,
                default: control.default,
            })
            .collect())
    }

    fn start(&mut self) -> io::Result<()> {
        self.stop()?;
        let mut stream =
            self.ask(|device| Stream::with_buffers(device, Type::VideoCapture, BUFFERS))?;
        stream.set_timeout(NEXT_MAX);
        let begun = begin(&mut stream);
        self.stream = Some(stream);
        if begun.is_err()
            && let Err(error) = self.stop()
        {
            log::debug!("{}: stopping it: {error}", self.identity.node);
        }
        begun
    }

    fn next(&mut self, wait: Duration) -> io::Result<Option<Buffer<'_>>> {
        let milliseconds = i32::try_from(wait.as_millis()).unwrap_or(i32::MAX);
        match self.ask(|device| device.handle().poll(libc::POLLIN, milliseconds)) {
            Ok(0) => return Ok(None),
            // A signal: nothing has come yet.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(None),
            Err(error) => return Err(error),
            Ok(_) => {}
        }
        let stream = self.stream.as_mut().ok_or(Errno::INVAL)?;
        let (bytes, meta) = shielded(|| CaptureStream::next(stream))?;
        // `bytes` is the whole buffer.
        let used = usize::try_from(meta.bytesused).unwrap_or(0);
        let clock = meta.flags & Flags::TIMESTAMP_MASK;
        let seconds = u64::try_from(meta.timestamp.sec).unwrap_or(0);
        let micros = u64::try_from(meta.timestamp.usec).unwrap_or(0);
        Ok(Some(Buffer {
            bytes: bytes.get(..used).unwrap_or(bytes),
            sequence: meta.sequence,
            stamp_us: seconds.saturating_mul(1_000_000).saturating_add(micros),
            is_monotonic: clock == Flags::TIMESTAMP_MONOTONIC,
            is_damaged: meta.flags.contains(Flags::ERROR),
        }))
    }

    fn stop(&mut self) -> io::Result<()> {
        let Some(mut stream) = self.stream.take() else {
            return Ok(());
        };
        match shielded(|| stream.stop()) {
            Ok(()) => {}
            // Its own end minds this as little.
            Err(error) if is(&error, Errno::NODEV) => {}
            Err(error) => {
                // Dropping it would panic: buffers and descriptor stay as they are until the process ends.
                std::mem::forget(stream);
                return Err(error);
            }
        }
        shielded(|| {
            drop(stream);
            Ok(())
        })
    }
}

impl Drop for KernelDevice {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            log::warn!("{}: it can't be stopped: {error}", self.identity.node);
        }
        let device = self.device.take();
        let closed = shielded(|| {
            drop(device);
            Ok(())
        });
        if let Err(error) = closed {
            log::warn!("{}: it can't be closed: {error}", self.identity.node);
        }
    }
}

/// Gives the driver all buffers but the first, which `next` gives, and starts.
fn begin(stream: &mut Stream<'static>) -> io::Result<()> {
    shielded(|| {
        for index in 1..BUFFERS_MAX {
            match CaptureStream::queue(stream, index) {
                Ok(()) => {}
                // How many there are, a driver decides; there is none of this number.
                Err(error) if index > 1 && is(&error, Errno::INVAL) => break,
                Err(error) => return Err(error),
            }
        }
        stream.start()
    })
}
