//! The C functions of the libraries: what everything begins with. There are no others.

use std::path::PathBuf;

use super::interfaces::{IParser, VBuilder, VNetworkDefinition, VRuntime};
use super::logger::{Logger, logger};
use super::object::{Handle, Interface, Object, Owned};
use crate::library::SharedLibrary;
use crate::{Error, Version};

/// What `getInferLibVersion` says. It needs no logger, so it can be asked before anything else.
pub(crate) fn version_number(library: &SharedLibrary) -> Result<i32, Error> {
    // SAFETY: the function of this name has this type in every release.
    let version =
        unsafe { library.function::<unsafe extern "C" fn() -> i32>(c"getInferLibVersion")? };
    // SAFETY: it takes nothing and may be called at any time.
    Ok(unsafe { version() })
}

/// The file of the library, as the system has mapped it: where the function above is.
pub(crate) fn file_of(library: &SharedLibrary) -> Option<PathBuf> {
    // SAFETY: as above; it is not called.
    let version = unsafe {
        library
            .function::<unsafe extern "C" fn() -> i32>(c"getInferLibVersion")
            .ok()?
    };
    let address = (version as *const ()).addr();
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    maps.lines().find_map(|line| mapped_file(line, address))
}

/// The file of a line of `/proc/self/maps`, `7f00-7fff r-xp 00000000 08:01 1234   /usr/lib/x.so`, if
/// that has this address.
fn mapped_file(line: &str, address: usize) -> Option<PathBuf> {
    let (range, rest) = line.split_once(' ')?;
    let (start, end) = range.split_once('-')?;
    let number = |text| usize::from_str_radix(text, 16).ok();
    let file = rest.find('/').and_then(|at| rest.get(at..))?;
    (number(start)?..number(end)?)
        .contains(&address)
        .then(|| file.into())
}

pub(crate) fn new_runtime(
    library: &SharedLibrary,
    version: Version,
) -> Result<Option<Owned<VRuntime>>, Error> {
    create(library, c"createInferRuntime_INTERNAL", version)
}

pub(crate) fn new_builder(
    library: &SharedLibrary,
    version: Version,
) -> Result<Option<Owned<VBuilder>>, Error> {
    create(library, c"createInferBuilder_INTERNAL", version)
}

/// Calls a factory. It wants to hear a version, and would refuse another one than its own;
/// TensorRT-RTX accepts any. So it is told its own, and the guard is that `version` has known
/// tables.
fn create<I: Interface>(
    library: &SharedLibrary,
    factory: &'static std::ffi::CStr,
    version: Version,
) -> Result<Option<Owned<I>>, Error> {
    type Factory = unsafe extern "C" fn(*const Logger, i32) -> *mut Object;
    let generation = version.generation()?;
    // SAFETY: the functions of these names have this type in every release.
    let factory = unsafe { library.function::<Factory>(factory)? };
    // SAFETY: the logger is a static that is laid out as this generation wants it.
    let object = unsafe { factory(logger(generation), version.number) };
    // SAFETY: what a factory returns is new, or in the first page.
    Ok(unsafe { Owned::new(object, generation) })
}

/// A parser that reads into this network, which must outlive it.
pub(crate) fn new_parser(
    library: &SharedLibrary,
    network: &Handle<'_, VNetworkDefinition>,
) -> Result<Option<Owned<IParser>>, Error> {
    type Factory = unsafe extern "C" fn(*mut Object, *const Logger, i32) -> *mut Object;
    // SAFETY: the functions of these names have these types in every release.
    let (version, factory) = unsafe {
        (
            library.function::<unsafe extern "C" fn() -> i32>(c"getNvOnnxParserVersion")?,
            library.function::<Factory>(c"createNvOnnxParser_INTERNAL")?,
        )
    };
    // SAFETY: the network lives, and the logger is laid out as this generation wants it. The
    // parser, too, wants to hear its own version.
    let parser = unsafe {
        factory(
            network.as_argument(),
            logger(network.generation()),
            version(),
        )
    };
    // SAFETY: what this returns is new, or in the first page.
    Ok(unsafe { Owned::new(parser, network.generation()) })
}
