//! The driver's calls on a real GPU: kernels of our own stand for TensorRT's work.
//!
//! `TWINSPECT_GPU=1 cargo test -p twinspect-tensorrt --lib on_a_gpu -- --nocapture --test-threads=1` runs these; without
//! it they say that they are skipped. No TensorRT is needed. Doubles can show that the calls are made in
//! order; these show that the order is right.

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::process::Command;
use std::ptr;
use std::time::Instant;

use super::memory::{DeviceBuffer, PinnedBuffer};
use super::stream::Stream;
use super::{CudaError, Device};
use crate::library::SharedLibrary;

/// What a process is asked that breaks its context.
const BREAK: &str = "TWINSPECT_BREAK_CONTEXT";
const NUMBERS: usize = 1 << 18;

/// `scale`: `to[i] = 2 from[i] + 1` for `count` numbers. `stray`: writes where nothing is.
///
/// In the oldest language that all boards of JetPack 5 and later read: PTX ISA 7.4 is CUDA 11.4, `sm_72` Xavier.
const KERNELS: &CStr = c"
.version 7.4
.target sm_72
.address_size 64
.visible .entry scale(.param .u64 from, .param .u64 to, .param .u32 count)
{
    .reg .pred %p<2>; .reg .b32 %r<6>; .reg .f32 %f<3>; .reg .b64 %a<6>;
    ld.param.u64 %a0, [from];
    ld.param.u64 %a1, [to];
    ld.param.u32 %r0, [count];
    mov.u32 %r1, %ctaid.x;
    mov.u32 %r2, %ntid.x;
    mov.u32 %r3, %tid.x;
    mad.lo.s32 %r4, %r1, %r2, %r3;
    setp.ge.u32 %p0, %r4, %r0;
    @%p0 bra end;
    mul.wide.u32 %a2, %r4, 4;
    add.s64 %a3, %a0, %a2;
    add.s64 %a4, %a1, %a2;
    ld.global.f32 %f0, [%a3];
    fma.rn.f32 %f1, %f0, 0f40000000, 0f3F800000;
    st.global.f32 [%a4], %f1;
end:
    ret;
}
.visible .entry stray()
{
    .reg .b32 %r<1>; .reg .b64 %a<1>;
    mov.u64 %a0, 16;
    mov.u32 %r0, 1;
    st.global.u32 [%a0], %r0;
    ret;
}
";

/// A kernel of [`KERNELS`], and how it is queued. The product has no kernels, so these calls are here alone.
struct Kernel {
    function: *mut c_void,
    launch: LaunchKernel,
}

/// `cuLaunchKernel`: the function, blocks, threads of a block, shared memory, stream, arguments, none.
type LaunchKernel = unsafe extern "C" fn(
    *mut c_void,
    c_uint,
    c_uint,
    c_uint,
    c_uint,
    c_uint,
    c_uint,
    c_uint,
    *mut c_void,
    *mut *mut c_void,
    *mut *mut c_void,
) -> c_int;
type LoadModule = unsafe extern "C" fn(*mut *mut c_void, *const c_void) -> c_int;
type GetFunction = unsafe extern "C" fn(*mut *mut c_void, *mut c_void, *const c_char) -> c_int;

impl Kernel {
    /// The module stays loaded until the context ends.
    fn new(device: &Device, name: &CStr) -> Self {
        device.make_current().unwrap();
        let library = SharedLibrary::open("libcuda.so.1").unwrap();
        let (mut module, mut function) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: the types are those of the driver API reference; a context is current, the texts end with a zero.
        unsafe {
            let load: LoadModule = library.function(c"cuModuleLoadData").unwrap();
            let get: GetFunction = library.function(c"cuModuleGetFunction").unwrap();
            assert_eq!(load(&raw mut module, KERNELS.as_ptr().cast()), 0);
            assert_eq!(get(&raw mut function, module, name.as_ptr()), 0);
            let launch = library.function(c"cuLaunchKernel").unwrap();
            Self { function, launch }
        }
    }

    /// Queues it with `arguments`, one thread a number.
    fn queue(&self, stream: &Stream, arguments: &mut [*mut c_void]) -> c_int {
        let blocks = c_uint::try_from(NUMBERS / 256).unwrap();
        // SAFETY: the function takes these arguments, which are read before the call returns.
        unsafe {
            (self.launch)(
                self.function,
                blocks,
                1,
                1,
                256,
                1,
                1,
                0,
                stream.handle(),
                arguments.as_mut_ptr(),
                ptr::null_mut(),
            )
        }
    }

    fn scale(&self, stream: &Stream, mut from: u64, mut to: u64) {
        let mut count = c_uint::try_from(NUMBERS).unwrap();
        let mut arguments = [
            (&raw mut from).cast(),
            (&raw mut to).cast(),
            (&raw mut count).cast(),
        ];
        assert_eq!(self.queue(stream, &mut arguments), 0);
    }
}

/// A stream with its buffers, as a session has them.
struct Lane {
    stream: Stream,
    input: PinnedBuffer,
    before: DeviceBuffer,
    after: DeviceBuffer,
    output: PinnedBuffer,
}

impl Lane {
    fn new(device: &Device) -> Self {
        Self {
            stream: Stream::new(device).unwrap(),
            input: PinnedBuffer::new(device, NUMBERS).unwrap(),
            before: DeviceBuffer::new(device, NUMBERS).unwrap(),
            after: DeviceBuffer::new(device, NUMBERS).unwrap(),
            output: PinnedBuffer::new(device, NUMBERS).unwrap(),
        }
    }

    /// Copies, scales, copies back.
    fn queue(&self, scale: &Kernel) -> Result<(), CudaError> {
        // SAFETY: buffers of one size; every caller waits before it touches them.
        unsafe { self.stream.copy_to_device(&self.input, &self.before) }?;
        scale.scale(&self.stream, self.before.address(), self.after.address());
        // SAFETY: as above.
        unsafe { self.stream.copy_to_host(&self.after, &self.output) }
    }

    fn fill(&mut self, seed: usize) {
        // SAFETY: nothing is queued.
        let input = unsafe { self.input.as_mut_slice() };
        for (index, number) in input.iter_mut().enumerate() {
            *number = value(index, seed);
        }
    }

    fn check(&self, seed: usize) {
        // SAFETY: everything queued is done.
        let output = unsafe { self.output.as_slice() };
        let wrong = (0..NUMBERS).find(|&index| output[index] != 2.0 * value(index, seed) + 1.0);
        assert_eq!(wrong, None, "seed {seed}");
    }
}

/// Whole numbers, so that what is computed of them is exact.
fn value(index: usize, seed: usize) -> f32 {
    ((index * 31 + seed * 7919) % 65_536) as f32
}

fn gpu() -> Option<Device> {
    if std::env::var_os("TWINSPECT_GPU").is_none() {
        println!("skipped: TWINSPECT_GPU does not say that there is a GPU here");
        return None;
    }
    let device = Device::open(0).unwrap();
    println!("{:?}", device.facts());
    Some(device)
}

fn median(mut once: impl FnMut()) -> std::time::Duration {
    let mut times: Vec<_> = (0..200)
        .map(|_| {
            let start = Instant::now();
            once();
            start.elapsed()
        })
        .collect();
    times.sort();
    times[100]
}

#[test]
fn streams_work_beside_each_other_with_copies_in_order() {
    let Some(device) = gpu() else { return };
    let scale = Kernel::new(&device, c"scale");
    let mut lanes: Vec<Lane> = (0..3).map(|_| Lane::new(&device)).collect();
    for round in 0..50 {
        for (index, lane) in lanes.iter_mut().enumerate() {
            lane.fill(round * 3 + index);
        }
        for lane in &lanes {
            lane.queue(&scale).unwrap();
        }
        for (index, lane) in lanes.iter().enumerate() {
            lane.stream.wait().unwrap();
            lane.check(round * 3 + index);
        }
    }
}

#[test]
fn a_graph_replays_what_was_captured_with_the_input_of_the_day() {
    let Some(device) = gpu() else { return };
    let scale = Kernel::new(&device, c"scale");
    let mut lane = Lane::new(&device);
    let graph = lane.stream.capture(|| Ok(lane.queue(&scale)?)).unwrap();
    for seed in 0..200 {
        lane.fill(seed);
        // SAFETY: its buffers live.
        unsafe { lane.stream.launch(&graph) }.unwrap();
        lane.stream.wait().unwrap();
        lane.check(seed);
    }
    let queued = median(|| {
        lane.queue(&scale).unwrap();
        lane.stream.wait().unwrap();
    });
    let replayed = median(|| {
        // SAFETY: as above.
        unsafe { lane.stream.launch(&graph) }.unwrap();
        lane.stream.wait().unwrap();
    });
    println!("1 MiB there and back: queued {queued:?}, as a graph {replayed:?}");
}

#[test]
fn a_gpu_reads_and_writes_mapped_memory() {
    let Some(device) = gpu() else { return };
    let scale = Kernel::new(&device, c"scale");
    let mut lane = Lane::new(&device);
    let (from, to) = (
        lane.input.device_address().unwrap(),
        lane.output.device_address().unwrap(),
    );
    for seed in 0..50 {
        lane.fill(seed);
        scale.scale(&lane.stream, from, to);
        lane.stream.wait().unwrap();
        lane.check(seed);
    }
    let mapped = median(|| {
        scale.scale(&lane.stream, from, to);
        lane.stream.wait().unwrap();
    });
    println!("1 MiB there and back: mapped {mapped:?}");
}

#[test]
fn a_capture_that_is_broken_leaves_a_stream_that_works() {
    let Some(device) = gpu() else { return };
    let scale = Kernel::new(&device, c"scale");
    let mut lane = Lane::new(&device);
    let broken = lane.stream.capture(|| {
        lane.queue(&scale)?;
        // Nobody can wait for what is not done.
        Ok(lane.stream.wait()?)
    });
    println!("{:?}", broken.as_ref().err().map(ToString::to_string));
    assert!(broken.is_err());
    lane.fill(5);
    lane.queue(&scale).unwrap();
    lane.stream.wait().unwrap();
    lane.check(5);
}

#[test]
fn a_lack_of_memory_is_not_sticky() {
    let Some(device) = gpu() else { return };
    let numbers = device.facts().memory_bytes / size_of::<f32>() + 1;
    let Err(crate::Error::Cuda(error)) = DeviceBuffer::new(&device, numbers) else {
        panic!("more memory than there is");
    };
    assert_eq!((error.code, error.is_sticky()), (2, false), "{error}");
    let scale = Kernel::new(&device, c"scale");
    let mut lane = Lane::new(&device);
    lane.fill(9);
    lane.queue(&scale).unwrap();
    lane.stream.wait().unwrap();
    lane.check(9);
}

/// The context of a process of its own is broken for good; that of this one is not.
#[test]
fn a_stray_write_is_sticky_and_ends_with_its_process() {
    let Some(device) = gpu() else { return };
    let scale = Kernel::new(&device, c"scale");
    let mut lane = Lane::new(&device);
    let this = std::env::current_exe().unwrap();
    let mut child = Command::new(this);
    child.args([
        "--exact",
        "cuda::on_a_gpu::break_the_context",
        "--nocapture",
    ]);
    let output = child.env(BREAK, "1").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    println!("{text}");
    assert!(output.status.success(), "{output:?}");
    assert!(
        text.contains("the context is broken, as it should be"),
        "{text}"
    );
    lane.fill(3);
    lane.queue(&scale).unwrap();
    lane.stream.wait().unwrap();
    lane.check(3);
}

/// Does nothing in an ordinary run.
#[test]
fn break_the_context() {
    if std::env::var_os(BREAK).is_none() {
        return;
    }
    let device = Device::open(0).unwrap();
    let (scale, stray) = (
        Kernel::new(&device, c"scale"),
        Kernel::new(&device, c"stray"),
    );
    let lane = Lane::new(&device);
    assert_eq!(stray.queue(&lane.stream, &mut []), 0);
    let error = lane.stream.wait().unwrap_err();
    println!("{error}; {:?}", error.hint());
    assert!(error.is_sticky(), "{error}");
    // Whatever is asked next fails with an error that says so, too; buffers, streams and the context are given back in vain.
    // SAFETY: buffers of one size, which live.
    let next = [
        unsafe { lane.stream.copy_to_device(&lane.input, &lane.before) }.unwrap_err(),
        cuda_error(DeviceBuffer::new(&device, 4)),
        cuda_error(Stream::new(&device)),
        lane.stream.wait().unwrap_err(),
    ];
    for error in next {
        println!("{error}");
        assert!(error.is_sticky(), "{error}");
    }
    drop((scale, lane));
    let again = Device::open(0);
    println!(
        "opened again: {:?}",
        again.as_ref().err().map(ToString::to_string)
    );
    println!("the context is broken, as it should be");
}

fn cuda_error<T>(result: Result<T, crate::Error>) -> CudaError {
    match result {
        Err(crate::Error::Cuda(error)) => error,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("a broken context works"),
    }
}
