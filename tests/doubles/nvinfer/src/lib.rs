//! A double of TensorRT, `libnvinfer.so.N`, and of its ONNX parser, `libnvonnxparser.so.N`, for
//! tests without a GPU.
//!
//! Its objects are laid out as C++ lays out those of one release, by the tables in
//! `src/tensorrt/slots`: what a program calls by a wrong slot is another method here, too, or a
//! trap that names the slot and ends the process. It is one library that is any release, as a test
//! wants; a test puts it into a folder under the names that a program opens.
//!
//! - Engines work on the double of libcuda: when the stream is waited for, on addresses that the
//!   host can't touch.
//! - What is deleted before what it made, twice, or not at all, is noticed.
//! - Methods that return nothing leave nonsense in the register of the result.
//! - Errors are told in the log and by null or false; a factory without a driver returns 0x228, as
//!   NVIDIA's does.
//!
//! Networks are texts of its own, or ONNX files where the double `onnx` is installed, too;
//! `network.rs` says more.
//!
//! `TWINSPECT_DOUBLE_NVINFER` changes what it is, in words with commas between:
//!
//! | word | what |
//! |---|---|
//! | `release=10.3.0` | the release; one without a file only says its version |
//! | `fail=N` | the N-th call, from 1, does nothing and gives what means failure |
//! | `stuck=N` | the N-th plan is built for ever |
//! | `swap=INTERFACE:METHOD:-1` | the method changes places with its neighbour, -1 or +1 |
//! | `deaf=WHAT` | `threads`, `workspace` or `address`: what is set is not kept |
//! | `gain=1.01` | networks are wrong: their outputs are multiplied by this |
//! | `half_gain=1.5` | the same for networks that have casts to 16 bits |
//! | `noisy` | the logger hears strange things, from several threads |
//!
//! `double_nvinfer_calls` says how many calls there were, `double_nvinfer_alive` how many objects
//! were not deleted.
#![expect(unsafe_code, reason = "a C++ library")]
#![expect(
    unreachable_pub,
    reason = "functions are exported under NVIDIA's names"
)]
#![expect(
    clippy::expect_used,
    reason = "a test that asks for nonsense ends here"
)]

mod building;
mod counter;
mod entry;
mod gpu;
mod install;
mod log;
mod method;
mod misuse;
mod network;
mod object;
mod onnx;
mod release;
mod running;
mod settings;
mod table;

pub use counter::Counter;
pub use install::{install, install_with_onnx, link};
pub use method::{PUBLIC, signatures};
pub use misuse::Misuse;
