//! A double of the CUDA driver library, `libcuda.so.1`, for tests without a GPU.
//!
//! It is stricter than a GPU, so that what would go wrong now and then on a board goes wrong always
//! here:
//!
//! - Addresses of the device are no memory for the host: touching them is a segmentation fault.
//! - Queued work is done when somebody waits for it and not before. Pinned memory that it uses
//!   can't be touched meanwhile.
//! - Calls that want a current context get one or fail, thread by thread.
//! - Handles are numbers that are looked up; one that is unknown or was destroyed ends the process.
//! - Work that uses an address it must not use is an illegal address, which is sticky.
//!
//! `TWINSPECT_DOUBLE_CUDA` changes what it does, in words with commas between:
//!
//! | word | what |
//! |---|---|
//! | `fail=N:CODE` | the N-th call, from 1, does nothing and gives CODE; if that is a sticky code, so do all later ones |
//! | `kernel=N:CODE` | the N-th kernel, from 1, and all later ones are not run, and who waits for them gets CODE |
//! | `capture=CODE` | what is queued in a capture gives CODE, and the capture ends without a graph |
//! | `devices=N` | so many devices; 1 otherwise |
//! | `discrete` | the device has memory of its own |
//! | `silent` | work is never done |
//! | `exit=CODE` | the first call ends the process, by this exit code |
//! | `crash` | the first call ends the process, by a signal |
//!
//! `double_cuda_calls` says how many calls there were, `double_cuda_alive` how many things were not
//! given back, `double_cuda_graphs` how many graphs were launched, and `double_cuda_beside` how many
//! kernels were queued while one waited on another stream.
#![expect(unsafe_code, reason = "a C library")]
#![expect(
    unreachable_pub,
    reason = "functions are exported under NVIDIA's names"
)]
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that asks for nonsense ends here"
)]

mod entry;
mod memory;
mod settings;
mod state;
mod work;
