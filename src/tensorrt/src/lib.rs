//! TensorRT and the CUDA driver, loaded at run time, behind safe types.
//!
//! For the engine that runs a product's networks on a GPU. One program starts with and without
//! these libraries and serves TensorRT 8.5 and later, 10 and 11, which is JetPack 5.1, 6 and 7.
//! There is no C API to do that with: behind a factory, TensorRT is C++ objects. They are called
//! through their virtual tables, whose slots are data in `slots/`; [How a call
//! works](#how-a-call-works) says why that is sound.
//!
//! In the order of use, each type owning the one before it, so that nothing can be freed too early:
//!
//! 1. [`Device`]: a GPU, by its primary context.
//! 2. [`TensorRt`]: the library, opened; its [`Version`].
//! 3. [`Builder`], [`Network`], [`Plan`]: from an ONNX network to a plan, once per board and model.
//! 4. [`Runtime`], [`Engine`], [`Session`]: from a plan to results; a session owns its buffers and
//!    its stream.
//!
//! ```no_run
//! use twinspect_tensorrt::{BuildLimits, Builder, Device, Runtime, Session, TensorRt, Transfer, Types};
//!
//! let device = Device::open(0)?;
//! let tensorrt = TensorRt::open()?;
//! let network = Builder::new(&tensorrt)?.parse(&std::fs::read("rgb.onnx")?, Types::F32)?;
//! let built = network.build(&BuildLimits { workspace_bytes: 512 << 20 }, None)?;
//!
//! let engine = Runtime::new(&tensorrt)?.engine(&built.plan)?;
//! let mut session = Session::new(engine, &device, Transfer::of(&device))?;
//! session.record()?;
//! session.input("image")?.fill(0.5);
//! session.launch()?.wait()?;
//! println!("{:?}", session.output("map")?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # How a call works
//!
//! On Linux, x86-64 and aarch64 alike, C++ follows the Itanium ABI: the first word of an object
//! points to its table of functions, in the order of declaration, two entries for a virtual
//! destructor; a method is a C function whose first argument is the object; a reference is a
//! pointer. What differs between the two processors, the C ABI covers, and with it Rust's `extern
//! "C"`: a struct of more than 16 bytes is returned through a hidden pointer, which lies in front
//! of the object in `rdi` on x86-64 and in `x8` on aarch64. The upper bits of a returned `bool`
//! mean nothing on either.
//!
//! NVIDIA keeps the order of slots within a major version; tables only grow at their ends. So three
//! columns of numbers serve all releases, a new minor is taken, and an unknown major is refused.
//! That the numbers are right is shown three times: tests compare them with the tables of six
//! releases, read from the public headers (`slots/README.md`); at start, whatever is set is read
//! back ([`Error::Canary`]); and no network is used before it has reproduced a product's goldens,
//! which is the caller's part.
//!
//! # What is trusted
//!
//! The libraries, as any program trusts what it loads, once their files are found to be whole; and plans, which may hold code: build them
//! on the device, and keep them where nobody else may write. Everything else that a library says is
//! checked: pointers, counts, names, shapes, types of tensors.
//!
//! **What is absent**: the choice of an engine and of what to do when it fails, files, caches,
//! threads, dynamic shapes, batches, plugins, DLA, INT8.

#[cfg(not(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
)))]
compile_error!(
    "the ABI that this crate relies on was looked at for Linux on x86-64 and aarch64 only"
);

#[expect(unsafe_code, reason = "calls C++ objects through their virtual tables")]
mod abi;
mod builder;
#[expect(
    unsafe_code,
    reason = "calls the CUDA driver and owns what it hands out"
)]
mod cuda;
mod engine;
mod error;
#[expect(
    unsafe_code,
    reason = "opens shared libraries and takes functions from them"
)]
mod library;
mod network;
mod plan;
mod runtime;
#[expect(
    unsafe_code,
    reason = "lets a GPU read and write the buffers that it owns"
)]
mod session;
mod tensorrt;
mod version;

pub use twinspect_loader::Unloadable;

pub use abi::Said;
pub use builder::{Builder, Types};
pub use cuda::{CudaError, Device, DeviceFacts};
pub use engine::{Direction, Engine, Tensor};
pub use error::{Complaint, Error};
pub use network::{BuildLimits, Built, Network};
pub use plan::Plan;
pub use runtime::Runtime;
pub use session::{Pending, Session, Transfer};
pub use tensorrt::TensorRt;
pub use version::{Generation, Version};
